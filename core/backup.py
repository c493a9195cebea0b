"""Copies of a database while it is written: a backup is the file as it was at one moment, an export the user's part.

    backup    SQLite's own, on one read snapshot: log and all; put back, it is a replica with a lane of its own
    export    the same without `_eddy_*`: a plain SQLite file that nobody needs Eddyline for

Written beside the target and renamed at the end, so that a target is whole or not there. Writers go on meanwhile.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import OpenError
from .sqltext import quote_name
from .store import Connection

__all__ = ["backup", "export"]


def backup(conn: Connection, target: Path) -> None:
    """Write what `conn` sees to the new file `target`. Raises `OpenError` where there is one, or none can be."""
    _refuse_taken(target)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        copy = sqlite3.connect(part, isolation_level=None)
        try:
            raw: Any = conn  # Any: what a connection of sqlite3 has beyond the engine's protocol
            raw.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, none beside it
        finally:
            copy.close()
        os.replace(part, target)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise OpenError(f"no copy could be written to {str(target)!r}: {error}", path=str(target)) from error


def export(conn: Connection, target: Path) -> None:
    """Write the user's tables, views, indexes and triggers to the new file `target`. Raises `OpenError`."""
    _refuse_taken(target)
    whole = target.with_name(target.name + ".whole")
    whole.unlink(missing_ok=True)
    backup(conn, whole)
    try:
        plain = sqlite3.connect(whole, isolation_level=None)
        try:
            found = plain.execute(
                "SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL AND (name GLOB '_eddy_*' "
                "OR tbl_name GLOB '_eddy_*' OR (type = 'view' AND name GLOB 'eddy_*')) ORDER BY type = 'table'"
            ).fetchall()
            for kind, name in found:
                plain.execute(f"DROP {kind} IF EXISTS {quote_name(name)}")
            plain.execute("VACUUM")
        finally:
            plain.close()
        os.replace(whole, target)
    finally:
        with suppress(OSError):
            whole.unlink(missing_ok=True)


def _refuse_taken(target: Path) -> None:
    if target.exists():
        raise OpenError(f"{str(target)!r} is there already; nothing was overwritten", path=str(target))
