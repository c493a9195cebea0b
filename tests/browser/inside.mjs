// Run pytest inside Pyodide under node: node inside.mjs JOB.json
//
// The job says where Pyodide is, which wheels to unpack, the checkout, a folder for compiled files, and pytest's arguments.

import {readFileSync} from "node:fs"
import {pathToFileURL} from "node:url"

const job = JSON.parse(readFileSync(process.argv[2], "utf8"))
const {loadPyodide} = await import(pathToFileURL(`${job.pyodide}/pyodide.mjs`).href)
const py = await loadPyodide({env: {HOME: "/home/pyodide", ...job.env}})
for (const [root, at] of [[job.checkout, "/checkout"], [job.compiled, "/compiled"]]) {
  py.FS.mkdirTree(at)
  py.FS.mount(py.FS.filesystems.NODEFS, {root}, at)
}
const extractDir = py.runPython("import sysconfig; sysconfig.get_paths()['purelib']")
for (const wheel of job.wheels) py.unpackArchive(new Uint8Array(readFileSync(wheel)), "wheel", {extractDir})
py.globals.set("arguments", py.toPy(job.arguments))
process.exitCode = py.runPython(`
import importlib, os, sys
sys.pycache_prefix, sys.dont_write_bytecode = "/compiled", False
sys.path.insert(0, "/checkout/tests/browser")
os.chdir("/checkout")
importlib.invalidate_caches()
import plain_loop
plain_loop.use()
import pytest
int(pytest.main(["-p", "inside", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=0", *arguments]))
`)
