"""What every store does at its door: what may be opened, how a connection is set, what a failure says."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

from ..core.errors import EddylineError, LockedError, OpenError, is_busy
from ..core.store import Connection
from . import Durability

__all__ = ["STATEMENTS_CACHED", "check_durability", "check_opening", "fail", "open_error", "pragmas", "settle", "uri"]

STATEMENTS_CACHED = 4096
_SQLITE_MIN = (3, 39, 0)


def check_opening(path: str | Path, durability: object, *, must_exist: bool) -> bool:
    """Return whether `path` means a memory database. Raises `OpenError` where nothing can be opened."""
    if sqlite3.sqlite_version_info < _SQLITE_MIN:
        raise OpenError(f"SQLite {sqlite3.sqlite_version} is too old: Eddyline needs 3.39 or newer", path=str(path))
    memory = str(path) == ":memory:"
    if not memory:
        _check_path(path, must_exist=must_exist)
    check_durability(durability, path)
    return memory


def check_durability(durability: object, path: str | Path) -> None:
    """Raise `OpenError` for what SQLite would ignore."""
    known = get_args(Durability)
    if durability is not None and durability not in known:
        raise OpenError(f"durability is one of {', '.join(known)}, not {durability!r}", path=str(path))


def pragmas(*, foreign_keys: bool) -> tuple[str, ...]:
    """Return what every connection begins with."""
    return (f"PRAGMA foreign_keys = {int(bool(foreign_keys))}", "PRAGMA temp_store = MEMORY")


def fail(future: asyncio.Future[Any], error: BaseException) -> None:
    """Settle `future` with `error`, whatever it is."""
    if not future.done():
        if isinstance(error, StopIteration):  # which no future takes, as it would end the coroutine that awaits it
            wrapped = RuntimeError("the function raised StopIteration")
            wrapped.__cause__ = error
            error = wrapped
        future.set_exception(error)


def settle(conn: Connection, *, readonly: bool) -> bool:
    """Read the file, so that a wrong one fails here; give WAL to one without tables. Return whether it is WAL."""
    tables = conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    ours = not readonly and not tables
    return bool(conn.execute(f"PRAGMA journal_mode{' = WAL' if ours else ''}").fetchone()[0] == "wal")


def uri(path: Path, mode: str) -> str:
    """Return the name by which SQLite opens `path` in `mode`."""
    return f"file:{quote(str(path.resolve()))}?mode={mode}"


def _check_path(named: str | Path, *, must_exist: bool) -> None:
    """Raise `OpenError` where no database can be."""
    if not named or not isinstance(named, str | Path):
        raise OpenError(f'{named!r} is no path of a file; give a text or a Path, or ":memory:"', path=str(named))
    if "://" in str(named) or str(named).startswith("file:"):
        raise OpenError(f"{str(named)!r} is a URL; give the path of the file alone", path=str(named))
    try:
        path = Path(named)
        folder, exists, parent = path.is_dir(), path.exists(), path.parent.exists()
        str(path.resolve()).encode()
    except (OSError, ValueError) as error:
        raise OpenError(f"{named!r} is no path of a file: {error}", path=str(named)) from error
    if folder:
        raise OpenError(f"{str(named)!r} is a folder; name a database file in it", path=str(named))
    if must_exist and not exists:
        raise OpenError(f"no file {str(path)!r}; check the path", path=str(path))
    if not parent:
        raise OpenError(f"no folder {str(path.parent)!r} to make {path.name!r} in", path=str(path))


def open_error(error: sqlite3.Error, path: str | Path) -> EddylineError:
    """Return ours for what SQLite said when it opened `path`."""
    message = str(error)
    if "not a database" in message:
        return OpenError(f"{str(path)!r} is not a SQLite database ({message}); nothing was changed", path=str(path))
    if "malformed" in message:
        return OpenError(
            f"{str(path)!r} is a damaged SQLite database ({message}); nothing was changed: put a backup in its "
            "place, or let `sqlite3 FILE .recover` save what can be read",
            path=str(path),
        )
    if is_busy(error):
        return LockedError(f"{str(path)!r} is locked by another program; try again when it is done", waited_s=0.0)
    return OpenError(f"{str(path)!r} can't be opened: {message}", path=str(path))
