// One SQLite file of Emscripten's memory, kept in IndexedDB page by page. The JavaScript half of `kept.py`.
//
//     MEMFS file --write hook--> dirty pages --flush: one transaction--> IndexedDB "eddyline:NAME"
//          ^                                                                 pages  {n, v, b}: number, version, bytes
//          +------------- pages newer than ours: follow, load ---------------head   {version, size, stamp}
//          ^
//          +-- redo -- bytes of changed pages <-- change -- unlogged pages    for the redo log of a worker
//
// Between two jobs the file is a state between two transactions, and a flush takes its bytes before it awaits anything:
// so what IndexedDB holds is always the state after some commit, whole, whenever the tab is killed.
// One Web Lock says who may write; who wants it says so on a BroadcastChannel, where saved versions are told, too.

(FS) => {
  const PAGE = 4096

  // A plain error: what Chromium rejects with when there is no room is none that Pyodide knows as one.
  const plain = (error) => Object.assign(new Error(error?.message ?? "given up"), {name: error?.name ?? "AbortError"})

  const done = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(plain(request.error))
    })

  const finished = (transaction) =>
    new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(plain(transaction.error))
    })

  class Pages {
    constructor(name, path, heard) {
      Object.assign(this, {name, path, heard, version: 0, size: 0, stamp: "", release: null, ended: new AbortController()})
      Object.assign(this, {dirty: new Set(), unlogged: new Set(), sizeLogged: 0}) // not in IndexedDB; not in the log either
    }

    async open() {
      const asked = indexedDB.open(`eddyline:${this.name}`, 1)
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("head")
        asked.result.createObjectStore("pages", {keyPath: "n"}).createIndex("v", "v")
      }
      this.idb = await done(asked)
      this.idb.onversionchange = () => this.idb.close() // another tab deletes it: what is written from now on fails
      this.channel = new BroadcastChannel(`eddyline:${this.name}`)
      this.channel.onmessage = ({data}) => this.heard(data)
      FS.writeFile(this.path, new Uint8Array(0))
      this.node = FS.lookupPath(this.path).node
      this.plain = this.node.stream_ops
      const {plain, dirty, unlogged} = this
      this.node.stream_ops = {
        ...plain,
        write(stream, buffer, offset, length, position, canOwn) {
          for (let n = Math.floor(position / PAGE); n * PAGE < position + length; n++) dirty.add(n), unlogged.add(n)
          return plain.write(stream, buffer, offset, length, position, canOwn)
        },
      }
      await this.follow()
    }

    // Take over what has been saved since; say whether there was anything. Not while this tab holds unsaved pages.
    async follow() {
      const transaction = this.idb.transaction(["head", "pages"])
      const newer = IDBKeyRange.lowerBound(this.version, true)
      const [head, pages] = await Promise.all([
        done(transaction.objectStore("head").get(0)),
        done(transaction.objectStore("pages").index("v").getAll(newer)),
      ])
      if (head === undefined || head.version <= this.version) return false
      this.load(pages, head.size)
      this.dirty.clear()
      this.logged()
      ;({version: this.version, size: this.size} = head)
      this.stamp = head.stamp ?? "" // none in what was saved before there were redo logs
      return true
    }

    load(pages, size) {
      const stream = FS.open(this.path, "r+")
      for (const {n, b} of pages) FS.write(stream, b, 0, b.length, n * PAGE)
      FS.close(stream)
      if (this.node.usedBytes !== size) FS.truncate(this.path, size)
    }

    // Whether IndexedDB lacks something.
    get unsaved() {
      return this.dirty.size > 0 || this.node.usedBytes !== this.size
    }

    // Whether the redo log lacks something that IndexedDB lacks.
    get unwritten() {
      return this.unlogged.size > 0 || this.node.usedBytes !== this.sizeLogged
    }

    // What the log lacks, as bytes: the file's size, how many pages, their numbers, the pages.
    change() {
      const {contents, usedBytes: size} = this.node
      const numbers = [...this.unlogged].filter((n) => n * PAGE < size)
      const head = new Uint8Array(Uint32Array.from([size, numbers.length, ...numbers]).buffer)
      const change = new Uint8Array(head.length + numbers.length * PAGE)
      change.set(head)
      numbers.forEach((n, i) => change.set(contents.subarray(n * PAGE, Math.min((n + 1) * PAGE, size)), head.length + i * PAGE))
      return change
    }

    logged() {
      this.unlogged.clear()
      this.sizeLogged = this.node.usedBytes
    }

    // Do again what `change` gave, now bytes of Python's.
    redo(change) {
      const shown = change.getBuffer("u8")
      const {buffer} = shown.data.slice()
      shown.release()
      const [size, count] = new Uint32Array(buffer, 0, 2)
      const at = 8 + 4 * count
      const numbers = [...new Uint32Array(buffer, 8, count)]
      const pages = numbers.map((n, i) => ({n, b: new Uint8Array(buffer, at + i * PAGE, Math.min(PAGE, size - n * PAGE))}))
      this.load(pages, size)
    }

    // Save what differs, as one transaction whose outcome is called `stamp`; return how many pages that were.
    async flush(durability, stamp) {
      const numbers = [...this.dirty]
      const {contents, usedBytes: size} = this.node
      const next = this.version + 1
      const taken = numbers
        .filter((n) => n * PAGE < size)
        .map((n) => ({n, v: next, b: contents.slice(n * PAGE, Math.min((n + 1) * PAGE, size))}))
      this.dirty.clear()
      this.logged()
      try {
        const transaction = this.idb.transaction(["head", "pages"], "readwrite", {durability})
        const [heads, pages] = [transaction.objectStore("head"), transaction.objectStore("pages")]
        const ended = finished(transaction)
        const asked = heads.get(0)
        asked.onsuccess = () => {
          if ((asked.result?.version ?? 0) !== this.version) return transaction.abort() // written past the lock
          for (const page of taken) pages.put(page)
          if (size < this.size) pages.delete(IDBKeyRange.lowerBound(Math.ceil(size / PAGE)))
          heads.put({version: next, size, stamp}, 0)
        }
        await ended
      } catch (error) {
        for (const n of numbers) this.dirty.add(n)
        throw error
      }
      Object.assign(this, {version: next, size, stamp})
      this.channel.postMessage("saved")
      return taken.length
    }

    // Become the tab that writes, when the one that is lets go or ends; with `now`, only if none is.
    hold(now) {
      return new Promise((resolve, reject) => {
        const given = (lock) => {
          if (lock === null || this.ended.signal.aborted) return resolve(false)
          return new Promise((release) => {
            this.release = release
            resolve(true)
          })
        }
        const how = now ? {ifAvailable: true} : {signal: this.ended.signal}
        navigator.locks.request(`eddyline:${this.name}`, how, given).catch(reject)
        if (!now) this.channel.postMessage("want")
      })
    }

    async wanted() {
      const {pending} = await navigator.locks.query()
      return pending.some((lock) => lock.name === `eddyline:${this.name}`)
    }

    letGo() {
      this.release?.()
      this.release = null
    }

    close() {
      this.ended.abort()
      this.letGo()
      this.channel?.close()
      this.idb?.close()
      if (this.node) this.node.stream_ops = this.plain
    }
  }

  // Ask that the browser doesn't clear this away when the disk is full. It may ask the user: nobody waits.
  async function persist() {
    const {storage} = navigator
    if (!(await storage?.persisted?.())) await storage?.persist?.() // a worker has no `persist`
  }

  return {
    make: (name, path, heard) => new Pages(name, path, heard),
    persist: () => void persist().catch(() => {}),
  }
}
