"""The command line: `eddyline import DB FILE` and what follows it; `eddyline COMMAND --help` says it all.

result      stdout, one line or the text that was asked for
progress    stderr, and only where that is a terminal
an error    stderr, one paragraph, no traceback: exit code 1; wrong arguments: 2; Ctrl+C: 130
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from eddyline import Database, EddylineError, ImportFormat, ImportResult, ParameterError

from .follow import follow_json, follow_table, parameters, print_table

__all__ = ["main"]

T = TypeVar("T")

_STEPS = 1_000
_INTERRUPTED = 130


@click.group(
    name="eddyline",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`eddyline COMMAND --help` says more.",
)
@click.version_option(version("eddyline"), prog_name="eddyline")
def main() -> None:
    """Live SQL over SQLite files."""


@main.command("import", short_help="Put the rows of a CSV, JSON or SQLite file into tables.")
@click.argument("db", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--into", metavar="TABLE", help="The table that takes the rows; made if it is not there.")
@click.option("--format", type=click.Choice(get_args(ImportFormat)), help="What FILE is, if its name does not say it.")
@click.option("--table", metavar="TABLE", help="Of a SQLite file: this table alone.")
@click.option("--key", metavar="COLUMN", multiple=True, help="Update rows with the same key. May be repeated.")
@click.option("--alter", is_flag=True, help="Add columns that the table lacks.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of a text file: latin-1, utf-16 ...")
@click.option("--delimiter", metavar="CHARACTER", help="Of a CSV file; else the header decides.")
@click.option("--empty-is-null", is_flag=True, help="Read empty cells as NULL also where text is meant.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing unless it fails.")
def import_(db: Path, file: Path, key: tuple[str, ...], quiet: bool, **options: Any) -> None:  # Any: what click read
    """Import a CSV, TSV, JSON, NDJSON or SQLite FILE into DB, all of it or nothing.

    Without --into the table is called as the file is, and the tables of a SQLite file keep their names.
    FILE may be - for stdin; say --format and --into then.
    """
    with _file(file, options) as named:
        done = _run(_import(db, named, bar=not quiet and sys.stderr.isatty(), key=key or None, **options))
    if not quiet:
        with _output():
            click.echo(_told(done))


@main.command(short_help="Print models of the tables of a SQLite file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
def models(file: Path, tables: tuple[str, ...]) -> None:
    """Print models, as Python, of the tables of FILE, any SQLite database. It is only read."""
    source = _run(_models(file, tables))
    with _output():
        click.echo(source, nl=False)


@main.command(short_help="Show a query on any SQLite file, live.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("sql", metavar="SELECT")
@click.option("--param", "-p", "params", metavar="NAME=VALUE", multiple=True, help="For :NAME. May be repeated.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Lines of JSON, as where there is no terminal.",
)
@click.option("--once", is_flag=True, help="Print the rows as they are now, and end.")
@click.option("--limit", type=click.IntRange(min=1), metavar="ROWS", help="The first so many rows alone.")
def live(file: Path, sql: str, params: tuple[str, ...], as_json: bool, once: bool, limit: int | None) -> None:
    """Show what SELECT gives on FILE, any SQLite database, and follow it while other programs write.

    The file is only read. In a terminal: a table; q ends it. In a pipe, or with --json: lines of JSON until the pipe is
    closed or Ctrl+C. A VALUE that reads as a number is one, NULL is NULL; '042' in single quotes is a text.
    """
    named = _parameters(params)
    with _output():
        if as_json or not (sys.stdout.isatty() and (once or sys.stdin.isatty())):
            out = sys.stdout.buffer
            _run(follow_json(file, sql, named, once=once, limit=limit, out=out), told="")
        elif once:
            _run(print_table(file, sql, named, limit=limit, out=sys.stdout), told="")
        else:
            sys.exit(_run(follow_table(file, sql, named, limit=limit), told=""))


@main.command(short_help="Say whether rows and commit log agree.")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say whether the commit log of FILE and what was made of it are in step. It is only read. Exit code 1 if not."""
    _say_found(_run(_check(file)), "{} things are wrong; `eddyline repair` writes anew what the log knows")


@main.command(short_help="Make rows anew that do not agree with the log.")
@click.argument("file", type=click.Path(path_type=Path))
def repair(file: Path) -> None:
    """Write rows and stamps of FILE anew where they are not what its commit log says, and say what was wrong."""
    _say_found(_run(_repair(file)), "{} things were wrong")


@main.command(short_help="Serve databases to replicas.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--models", required=True, metavar="MODULE[:NAME]", help="Which models: app:models is a list in app.py.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 is everywhere.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Of the websocket; without one and without --unix a free one."
)
@click.option("--unix", type=click.Path(path_type=Path), metavar="SOCKET", help="Listen at a Unix socket, too.")
@click.option(
    "--token-secret-file", "secret_file", type=click.Path(path_type=Path), help="What tokens are signed with."
)
@click.option("--open", "is_open", is_flag=True, help="Let everybody on this machine do everything, without tokens.")
@click.option("--tls-certificate", "certificate", type=click.Path(path_type=Path), help="Serve wss:// with this chain.")
@click.option("--tls-key", "key", type=click.Path(path_type=Path), help="Its key, if the chain does not hold it.")
def serve(folder: Path, models: str, **options: Any) -> None:  # Any: as above
    """Serve the databases in FOLDER to replicas, a workspace each, until Ctrl+C or SIGTERM.

    A workspace is made when somebody who may comes in. Clients connect to ws://HOST:PORT/WORKSPACE.
    """
    from .serve import serve as run

    _run(run(folder, models, **options), told="")


@main.command(short_help="Print a token that a server lets in.")
@click.argument("name")
@click.argument("rights", metavar="WORKSPACE=read|write[:TABLE,..]...", nargs=-1, required=True)
@click.option("--secret-file", required=True, type=click.Path(path_type=Path), help="The secret of the server.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True)
def token(name: str, rights: tuple[str, ...], secret_file: Path, days: float) -> None:
    """Print a token for NAME, for `eddyline serve --token-secret-file`: eddyline token ada tracker=write wiki=read."""
    from .serve import make_token

    with _told_errors(), _output():
        click.echo(make_token(secret_file, name, rights, days=days))


@main.command(short_help="Copy a database, log and all.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("to", type=click.Path(path_type=Path))
def backup(file: Path, to: Path) -> None:
    """Copy the database FILE to the new file TO as it is now, log and all; programs that write to it go on."""
    _run(_copy(file, lambda db: db.backup(to)))
    with _output():
        click.echo(f"copied {file} to {to}")


@main.command(short_help="Copy the tables alone: plain SQLite.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("to", type=click.Path(path_type=Path))
def export(file: Path, to: Path) -> None:
    """Write the tables of FILE to the new file TO: plain SQLite, without log; programs that write to it go on."""
    _run(_copy(file, lambda db: db.export(to)))
    with _output():
        click.echo(f"exported {file} to {to}")


@main.command(short_help="Write the folder of a web page, and serve it.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--pyodide", metavar="PLACE", help="npm's folder of Pyodide, or a URL; else node_modules is looked for.")
@click.option(
    "--wheel", "wheels", metavar="PLACE", multiple=True, help="Another pure wheel, or its URL. May be repeated."
)
@click.option("--port", type=click.IntRange(0, 65535), help="Serve the folder on this port of this machine then.")
def web(folder: Path, pyodide: str | None, wheels: tuple[str, ...], port: int | None) -> None:
    """Write to FOLDER what a web page with Eddyline in it needs: a start of your own, scripts, wheels, Pyodide.

    What is yours there, index.html and app.py, is never overwritten. Nothing is downloaded: npm install pyodide.
    """
    from .web.folder import find_pyodide, make_folder
    from .web.serve import serve

    place: str | Path | None = pyodide if pyodide and "://" in pyodide else pyodide and Path(pyodide)
    if not place:
        place = find_pyodide(folder.resolve()) or find_pyodide(Path.cwd())
    if place is None:
        raise click.UsageError("no node_modules/pyodide here: npm install pyodide, or say where it is with --pyodide")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        written = make_folder(folder, place, wheels)
    except OSError as error:
        raise click.ClickException(str(error)) from error
    with _output():
        click.echo(f"{folder}: {', '.join(written)}")
    if port is not None:
        with _told_errors(), serve(folder, port) as url, _output():
            click.echo(f"serving {url}, until Ctrl+C")
            with suppress(KeyboardInterrupt):
                threading.Event().wait()


async def _copy(file: Path, work: Callable[[Database], Coroutine[Any, Any, None]]) -> None:
    async with Database.open(file, readonly=True, poll_s=0) as db:
        await work(db)


async def _check(file: Path) -> list[str]:
    async with Database.open(file, readonly=True, poll_s=0) as db:
        await _refuse_unlogged(db)
        return await db.check()


async def _repair(file: Path) -> list[str]:
    """Repair; what is still wrong then can't be repaired, and is said as an error."""
    async with Database.open(file, create=False, poll_s=0) as db:
        await _refuse_unlogged(db)
        found = await db.repair()
        await db.write(lambda tx: None)  # what other programs wrote becomes a commit of theirs
        if left := await db.check():
            raise EddylineError("\n".join([*found, f"{len(left)} of these things can't be repaired:", *left]))
        return found


async def _refuse_unlogged(db: Database) -> None:
    if not await db.fetch("SELECT 1 FROM sqlite_schema WHERE name = 'eddy_commits'"):
        raise EddylineError(f"{db.path!r} has no commit log: nobody has opened it with models, or called enable_log")


def _say_found(found: Sequence[str], many: str) -> None:
    with _output():
        for said in found:
            click.echo(said)
        click.echo(many.format(len(found)) if found else "all is in step")
    if found and "repair" in many:
        sys.exit(1)


def _parameters(params: Sequence[str]) -> dict[str, Any]:  # Any: what SQLite takes
    try:
        return parameters(params)
    except ParameterError as error:
        raise click.UsageError(str(error)) from error


@contextmanager
def _output() -> Iterator[None]:
    """A reader of our output that has gone is no error: what it wanted it has. A full disk is one, told in a line."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        raise click.ClickException(f"the output can't be written: {error.strerror}") from error
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            _drop_output()  # it may be what was waited for
        raise


def _drop_output() -> None:
    """Let the end of the program find nothing to write and to complain about."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _models(file: Path, tables: tuple[str, ...]) -> str:
    async with Database.open(file, readonly=True, poll_s=0) as opened:
        return await opened.model_source(*tables)


@contextmanager
def _file(file: Path, options: dict[str, Any]) -> Iterator[Path]:  # Any: as above
    """Return the file; what comes from stdin is saved first, as an import reads twice, and goes by "standard input"."""
    if str(file) != "-":
        yield file
        return
    if options["into"] is None or options["format"] is None:
        raise click.UsageError("what comes from stdin has no name: say --format and --into")
    with tempfile.TemporaryDirectory(prefix="eddyline-") as folder:
        saved = Path(folder) / "stdin"
        with saved.open("wb") as out, _stoppable():
            shutil.copyfileobj(sys.stdin.buffer, out)
        try:
            yield saved
        except click.ClickException as error:
            raise click.ClickException(error.message.replace(repr(str(saved)), "standard input")) from error


async def _import(db: Path, file: Path, *, bar: bool, **options: Any) -> ImportResult:  # Any: as above
    async with Database.open(db) as opened:
        if not bar:
            return await opened.import_file(file, **options)
        with click.progressbar(length=_STEPS, label="reading", file=sys.stderr) as shown:

            def progress(rows: int, rows_total: int | None, bytes_: int, bytes_total: int) -> None:
                """Half of the way is the reading, half the writing."""
                read = bytes_ / max(bytes_total, 1)
                written = 0.0 if rows_total is None else rows / max(rows_total, 1)
                shown.label = "reading" if rows_total is None else f"{rows:,} of {rows_total:,} rows"
                shown.update(int(_STEPS * (read + written) / 2) - shown.pos)

            return await opened.import_file(file, progress=progress, **options)


def _told(done: ImportResult) -> str:
    rows = f"imported {done.rows:,} row{'' if done.rows == 1 else 's'}"
    if len(done.tables) != 1:
        return f"{rows} into {len(done.tables)} tables: {', '.join(table.table for table in done.tables)}"
    (one,) = done.tables
    made = ", made just now" if one.created else ""
    added = f"; columns added: {', '.join(one.columns_added)}" if one.columns_added else ""
    return f"{rows} into {one.table}{made}{added}"


def _run(work: Coroutine[Any, Any, T], told: str = "stopped; nothing was changed") -> T:
    """Run `work`; an error of ours is one paragraph. `told` is said after Ctrl+C."""
    with _told_errors(), _stoppable(told):
        return asyncio.run(work)


@contextmanager
def _told_errors() -> Iterator[None]:
    """Say an error of ours in one paragraph."""
    try:
        yield
    except EddylineError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _stoppable(told: str = "stopped; nothing was changed") -> Iterator[None]:
    """End the program after Ctrl+C; `told` is said then."""
    try:
        yield
    except KeyboardInterrupt:
        if told:
            click.echo(told, err=True)
        sys.exit(_INTERRUPTED)
