// The two files of a redo log, in the origin private file system of the browser. The JavaScript half of `redo.py`.
//
//     read   the bytes of both, by whoever holds the Web Lock: in a page, too
//     open   a handle on each, exclusive, in a worker: the only place that has handles which write and flush at once
//
// A context that has just ended may hold its handles for a moment longer than its lock: opening is tried again for a
// while, then there is no log, which costs time and no data.

() => {
  const WAIT_MS = 400
  const PAUSE_MS = 20

  const folder = async (options) => (await navigator.storage.getDirectory()).getDirectoryHandle("eddyline", options)
  const names = (name) => [0, 1].map((n) => `${encodeURIComponent(name)}.${n}.redo`)

  const bytesOf = async (home, name) => {
    try {
      const file = await (await home.getFileHandle(name)).getFile()
      return new Uint8Array(await file.arrayBuffer())
    } catch (error) {
      if (["NotFoundError", "TypeMismatchError", "TypeError"].includes(error.name)) return new Uint8Array(0) // none, ever
      throw error
    }
  }

  const handleOf = async (home, name) => {
    const file = await home.getFileHandle(name, {create: true})
    for (const until = performance.now() + WAIT_MS; ; ) {
      try {
        return await file.createSyncAccessHandle()
      } catch (error) {
        if (error.name !== "NoModificationAllowedError" || performance.now() > until) throw error
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      }
    }
  }

  // Bytes of Python's come as a proxy: what it shows is written as it lies there, nothing is copied.
  const forPython = (handle) => ({
    write(bytes, at) {
      const shown = bytes.getBuffer("u8")
      try {
        return handle.write(shown.data, {at})
      } finally {
        shown.release()
      }
    },
    flush: () => handle.flush(),
    truncate: (size) => handle.truncate(size),
    close: () => handle.close(),
  })

  return {
    // What the files hold; nothing where there is no such file system, and so never was a log.
    async read(name) {
      let home
      try {
        home = await folder({})
      } catch {
        return []
      }
      return await Promise.all(names(name).map((one) => bytesOf(home, one)))
    },

    // A handle on each file; none where this context can't have them: on the main thread, in some private windows.
    async open(name) {
      if (typeof FileSystemFileHandle === "undefined" || !FileSystemFileHandle.prototype.createSyncAccessHandle) return []
      const opened = []
      try {
        const home = await folder({create: true})
        for (const one of names(name)) opened.push(await handleOf(home, one))
        return opened.map(forPython)
      } catch {
        for (const handle of opened) handle.close()
        return []
      }
    },
  }
}
