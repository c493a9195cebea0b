// Put compiled modules into a wheel, made by the very Python that will load them: node compile.mjs PYODIDE WHEEL
//
// A page would compile each module anew at each load. Sources stay beside, for tracebacks; a Python of another version
// takes no notice.

import {readFileSync, writeFileSync} from "node:fs"
import {resolve} from "node:path"
import {pathToFileURL} from "node:url"

const [pyodide, wheel] = process.argv.slice(2)
const {loadPyodide} = await import(pathToFileURL(resolve(pyodide, "pyodide.mjs")).href)
const py = await loadPyodide()
py.FS.writeFile("/tmp/in.whl", new Uint8Array(readFileSync(wheel)))
py.runPython(`
import compileall, sysconfig, zipfile
from pathlib import Path
from py_compile import PycInvalidationMode

home = Path(sysconfig.get_paths()["purelib"])  # where a page unpacks it: tracebacks name that place
with zipfile.ZipFile("/tmp/in.whl") as archive:
    archive.extractall(home)
    names = [name for name in archive.namelist() if name.endswith(".py")]
for name in names:
    compileall.compile_file(home / name, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
with zipfile.ZipFile("/tmp/in.whl", "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for name in names:
        source = home / name
        for made in sorted((source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")):
            info = zipfile.ZipInfo(made.relative_to(home).as_posix(), (1980, 1, 1, 0, 0, 0))
            archive.writestr(info, made.read_bytes(), zipfile.ZIP_DEFLATED)
`)
writeFileSync(wheel, py.FS.readFile("/tmp/in.whl"))
