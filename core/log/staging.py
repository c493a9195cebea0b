"""Staging: what comes in segments and is taken in as a whole, kept in the file until then.

    source "hub", name "9c04.."   segment 0, 1, 2, ..      a cut connection or a crash loses none of them

Of one source only one thing is under way: with the next one its segments go.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import LogError
from ..store import Connection
from .fates import make_fates

__all__ = ["drop_staged", "stage", "staged", "staged_parts"]


def stage(conn: Connection, source: str, name: str, number: int, data: bytes) -> bool:
    """Keep segment `number`; the ones before it have to be there. Raises `LogError`."""
    there = staged(conn, source, name)
    if number > there:
        raise LogError(f"segment {number} of {name} came, and of those before it there are {there}: send {there} first")
    conn.execute("INSERT OR REPLACE INTO main._eddy_staged VALUES (?, ?, ?, ?)", (source, name, number, data))
    return True


def staged(conn: Connection, source: str, name: str) -> int:
    """Return how many segments are kept: 0 to so many less one."""
    make_fates(conn)
    found = conn.execute(
        "SELECT count(*) FROM main._eddy_staged WHERE (source, name) = (?, ?)", (source, name)
    ).fetchone()
    return int(found[0])


def staged_parts(conn: Connection, source: str, name: str) -> Iterator[bytes]:
    """Yield the segments in their order."""
    for number in range(staged(conn, source, name)):
        yield conn.execute(
            "SELECT data FROM main._eddy_staged WHERE (source, name, number) = (?, ?, ?)", (source, name, number)
        ).fetchone()[0]


def drop_staged(conn: Connection, source: str, but: str = "") -> bool:
    """Forget the segments from `source`, but those of `but`; False if there were none."""
    return conn.execute("DELETE FROM main._eddy_staged WHERE source = ? AND name != ?", (source, but)).rowcount > 0
