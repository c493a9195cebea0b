"""Following one query from the shell: `eddyline live FILE "SELECT ..."`.

    Database, read-only  -->  view  --[FirstRows]-->  LiveTable in a terminal, JSON lines into a pipe or a file

The file is only read: no table, no lock between two looks, no journal mode. Commits of other programs are looked for 50
times a second. Writing blocks: while the reader of a pipe is slow nothing is read from the file either, and what was
committed meanwhile comes as one. A closed pipe ends it at once, also while nothing changes.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, TextIO

from eddyline import Database, MissingLibraryError, ParameterError, Patch, View, effect

from ..signals.json_lines import patch_lines, status_line
from .first_rows import FirstRows

__all__ = ["follow_json", "follow_table", "parameters", "print_table"]

POLL_S = 0.02

_NUMBER = re.compile(r"[+-]?\d+")
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NAME = re.compile(r"[:@$]?([A-Za-z_]\w*)")


def parameters(given: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of `NAME=VALUE` texts. Raises `ParameterError`.

    A value that reads as a number is one; NULL is NULL; x'00ff' a blob; in single quotes it is a text in any case.
    """
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        named = _NAME.fullmatch(name.strip())
        if not equals or named is None:
            raise ParameterError(f"--param takes NAME=VALUE, for a :NAME in the query, not {one!r}")
        if named[1] in found:
            raise ParameterError(f"--param {named[1]} is given twice")
        found[named[1]] = _value(value, named[1])
    return found


def _value(text: str, name: str) -> Any:
    if _NUMBER.fullmatch(text):
        return int(text) if -(2**63) <= int(text) < 2**63 else float(text)
    if _REAL.fullmatch(text):
        return float(text)
    if text.upper() == "NULL":
        return None
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 2 and text[:2].lower() == "x'" and text[-1] == "'":
        try:
            return bytes.fromhex(text[2:-1])
        except ValueError:
            raise ParameterError(f"--param {name} is {text!r:.60}, which is no blob: two hex digits a byte") from None
    return text


# --- lines of JSON


async def follow_json(
    file: Path, sql: str, named: Mapping[str, Any], *, once: bool, limit: int | None, out: BinaryIO
) -> None:
    """Write the rows, then a line for each patch until `out` is closed; with `once` the rows alone.

    Raises the errors of `Database.open` and `db.live`, with `once` why the query failed, and what `out` raises.
    """
    async with Database.open(file, readonly=True, poll_s=0 if once else POLL_S) as db:
        view = await db.live(sql, **named)
        if once:
            _raise_failed(view)
        lines = _Lines(view, out)
        with _interrupts_at_once():
            stop = (view if limit is None else FirstRows(view, limit)).subscribe(lines.tell)
            if not once:
                states = effect(lines.tell_status)
                with _hangup(out, lines):
                    await lines.ended
                states.close()
        stop()
        if lines.ended.done():
            lines.ended.result()


class _Lines:
    """What goes out: patches and changes of status. `ended` is done when nobody reads it any more."""

    def __init__(self, view: View[Any], out: BinaryIO) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._view, self._out = view, out
        self._status = "live"

    def tell(self, patches: list[Patch]) -> None:
        """Write the patches of one commit."""
        self._write(patch_lines(patches, self._view.columns, self._view.version))

    def tell_status(self) -> None:
        """Write the status where it is another than before; an effect."""
        status, error = self._view.status, self._view.error
        if status != self._status:
            self._status = status
            self._write(status_line(status, error, self._view.version))

    def end(self, error: OSError | None = None) -> None:
        """Nobody reads any more, or writing failed otherwise."""
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)

    def _write(self, text: str) -> None:
        if self.ended.done():
            return
        try:
            self._out.write(text.encode())
            self._out.flush()
        except BrokenPipeError:
            self.end()
        except OSError as error:
            self.end(error)


@contextmanager
def _interrupts_at_once() -> Iterator[None]:
    """Let Ctrl+C end a write that blocks: asyncio's own handler would wait for it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGINT, interrupt)
    except ValueError:  # not the main thread: nobody sends it here
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _hangup(out: BinaryIO, lines: _Lines) -> Iterator[None]:
    """Notice that the reader of a pipe has gone, also while there is nothing to write."""
    loop = asyncio.get_running_loop()
    try:
        number = out.fileno()
        mode = os.fstat(number).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            raise OSError
        loop.add_reader(number, lines.end)
    except (OSError, NotImplementedError):  # a file, a test's buffer, Windows: the next write notices
        yield
        return
    try:
        yield
    finally:
        loop.remove_reader(number)


def _raise_failed(view: View[Any]) -> None:
    if view.error is not None:
        raise view.error


# --- a terminal


async def print_table(file: Path, sql: str, named: Mapping[str, Any], *, limit: int | None, out: TextIO) -> None:
    """Write the rows as a table of text."""
    async with Database.open(file, readonly=True, poll_s=0) as db:
        view = await db.live(sql, **named)
        _raise_failed(view)
        rows = view.peek()[:limit]
        shown = [[_cell(value) for value in row] for row in rows]
        names = [_cell(name) for name in view.columns]
    widths = [max(map(len, column)) for column in zip(names, *shown, strict=True)]
    lines = [names, ["-" * width for width in widths], *shown]
    out.writelines(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"


def _cell(value: object) -> str:
    try:
        from .cell_text import cell_text
    except ImportError as error:
        raise _no_textual() from error
    return cell_text(value)[0]


async def follow_table(file: Path, sql: str, named: Mapping[str, Any], *, limit: int | None) -> int:
    """Show the rows in the terminal until a key ends it; return the exit code."""
    try:
        from .live_app import LiveApp
    except ImportError as error:
        raise _no_textual() from error
    async with Database.open(file, readonly=True, poll_s=POLL_S) as db:
        view = await db.live(sql, **named)
        app = LiveApp(view, title=file.name, sql=sql, limit=limit)
        await app.run_async()
        return app.return_code or 0


def _no_textual() -> MissingLibraryError:
    return MissingLibraryError(
        "a table in the terminal takes textual, which isn't installed here: pip install 'eddyline[tui]', or say --json",
        library="textual",
    )
