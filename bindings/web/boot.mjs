// Start Python and an app of yours in this page, or in a worker beside it:
//
//     import {start} from "./eddyline/boot.mjs"
//     await start("app.py")                          // on the main thread: the simplest, for small apps
//     await start("app.py", {worker: true})          // Python and SQLite in a worker: the page never waits for them
//
// `eddyline.json` beside the page says where Pyodide and the wheels are (`eddyline web DIR` writes it):
//
//     {"pyodide": "./pyodide/", "wheels": ["./wheels/eddyline-0.1.0-py3-none-any.whl"]}
//
// and, for collaborative text, "yjs": "./yjs.mjs", a bundle of npm's yjs in one file. Wheels are unpacked in their order, while the next ones are on their way. What took how long is `app.timings`, in ms.

import {attach} from "./applier.mjs"

const inWorker = typeof document === "undefined"

export async function start(app = null, {worker = false, config = "eddyline.json", options = {}} = {}) {
  const at = new URL(config, document.baseURI)
  const answer = await fetch(at)
  if (!answer.ok) throw new Error(`no ${at}: ${answer.status}; 'eddyline web DIR' writes it`)
  const found = await answer.json()
  const places = {
    pyodide: new URL(found.pyodide, at).href,
    wheels: found.wheels.map((wheel) => new URL(wheel, at).href),
    yjs: found.yjs === undefined ? null : new URL(found.yjs, at).href,
    app: app === null ? null : new URL(app, document.baseURI).href,
    options,
  }
  return worker ? await startWorker(places) : await startHere(places)
}

async function startHere({pyodide, wheels, yjs, app, options}) {
  const timings = {}
  const began = performance.now()
  const took = (what, since) => (timings[what] = performance.now() - since)
  const coming = wheels.map(bytesOf)
  const code = app === null ? null : textOf(app)
  const text = yjs === null ? null : import(yjs) // the engine of collaborative text
  coming.concat(code, text).forEach((one) => one?.catch(() => {})) // awaited below, in order: none goes unhandled before
  const {loadPyodide} = await import(`${pyodide}pyodide.mjs`)
  const py = await loadPyodide({indexURL: pyodide, ...options})
  took("pyodide", began)
  const unpacking = performance.now()
  const extractDir = py.runPython("import sysconfig; sysconfig.get_paths()['purelib']")
  for (const wheel of coming) py.unpackArchive(await wheel, "wheel", {extractDir})
  if (text !== null) globalThis.eddylineYjs = await text
  took("wheels", unpacking)
  const run = async (source) => toPlain(await py.runPythonAsync(source))
  if (code !== null) {
    const running = performance.now()
    await py.runPythonAsync(await code, {filename: app})
    took("app", running)
  }
  took("all", began)
  return {py, run, timings}
}

// A worker runs this same file: it starts when it is told where everything is, and runs what it is sent.
function startWorker(places) {
  const worker = new Worker(import.meta.url, {type: "module"})
  attach(worker) // what is bound there acts on this document
  const waiting = new Map()
  let number = 0
  const ask = (message) =>
    new Promise((resolve, reject) => {
      waiting.set(++number, {resolve, reject})
      worker.postMessage({...message, number})
    })
  worker.addEventListener("message", ({data}) => {
    const asked = waiting.get(data?.eddyline)
    if (asked === undefined) return // not ours: of the app, or of a binding
    waiting.delete(data.eddyline)
    if ("error" in data) asked.reject(new Error(data.error))
    else asked.resolve(data.value)
  })
  worker.addEventListener("error", (event) => {
    for (const {reject} of waiting.values()) reject(new Error(event.message ?? "the worker could not be started"))
    waiting.clear()
  })
  return ask({places}).then((timings) => ({worker, timings, run: (source) => ask({source})}))
}

function serveWorker() {
  let here = null
  self.addEventListener("message", async ({data}) => {
    if (data?.number === undefined) return
    try {
      let value
      if (data.places !== undefined) {
        here = await startHere(data.places)
        value = here.timings
      } else value = await here.run(data.source)
      self.postMessage({eddyline: data.number, value})
    } catch (error) {
      self.postMessage({eddyline: data.number, error: String(error.message ?? error)})
    }
  })
}

function toPlain(value) {
  if (value?.toJs === undefined) return value
  const plain = value.toJs({dict_converter: Object.fromEntries, create_pyproxies: false})
  value.destroy?.()
  return plain
}

async function bytesOf(url) {
  return await (await found(url)).arrayBuffer()
}

async function textOf(url) {
  return await (await found(url)).text()
}

async function found(url) {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`no ${url}: ${answer.status}`)
  return answer
}

if (inWorker) serveWorker()
