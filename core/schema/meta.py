"""What the file says of itself: `_eddy_meta`, with the version of our tables from the first day.

    _eddy_meta   name -> value: version 1, lane, nonce, ...

An older version is upgraded where a table of ours is made, a newer one refused: nothing of it is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..errors import OpenError
from ..store import Connection
from .catalog import Catalog

__all__ = ["VERSION", "Execute", "check_version", "make_meta", "read_meta", "write_meta"]

VERSION = 1

Execute: TypeAlias = Callable[[str], object]


def check_version(conn: Connection, catalog: Catalog) -> None:
    """Raise `OpenError` if a newer Eddyline has made our tables."""
    if catalog.find("_eddy_meta", "main") is None:
        return
    version = read_meta(conn, "version")
    if isinstance(version, int) and version > VERSION:
        raise OpenError(
            f"the tables _eddy_* of this database are of version {version}, made by a newer Eddyline; this one knows "
            f"version {VERSION}: upgrade it",
            path="",
        )


def make_meta(execute: Execute) -> None:
    """Make the table where it is missing, in the open transaction."""
    execute("CREATE TABLE IF NOT EXISTS main._eddy_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
    execute(f"INSERT OR IGNORE INTO main._eddy_meta VALUES ('version', {VERSION})")


def read_meta(conn: Connection, name: str) -> int | str | None:
    """Return the value called `name`, or None."""
    row = conn.execute("SELECT value FROM main._eddy_meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def write_meta(conn: Connection, name: str, value: int | str) -> None:
    """Keep `value` as `name`."""
    conn.execute("INSERT OR REPLACE INTO main._eddy_meta VALUES (?, ?)", (name, value))
