"""The history of one row: who wrote which cell last, and every change that the log still holds.

    _eddy_rows_N    stamp 40, cells {"state": 57}             blame("state") is commit 57, of any other cell 40
    _eddy_commits   57: ops [...], before [40]                history: 57, 40, 12, each names the one before it
                    40: ops [...], before [12]

Nothing is searched: a row's stamps name its newest commit, and each commit names, for each of its ops, the one that
spoke of that row before. Cost: blame two lookups; history one a change, and a look through the ops of its commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..errors import ParameterError, UnknownColumnError
from ..store import Connection
from ..values import SqlRow, shown
from .encoding import key_text
from .row_changes import newest
from .tables import LoggedTable, cells_of

__all__ = ["Spoken", "blame", "forgotten", "history"]

_OPS = (
    "SELECT o.key, coalesce(abs(json_extract(c.before, '$[' || o.key || ']')), 0) "
    "FROM main._eddy_commits AS c, json_each(c.ops) AS o WHERE c.id = ? AND o.value ->> '$[1]' = ? "
    "AND o.value -> '$[2]' = ?"
)


class Spoken(NamedTuple):
    """One op on a row: the number of its commit, and its place among the ops of that."""

    commit: int
    n: int


def blame(conn: Connection, table: LoggedTable, key: SqlRow, column: str) -> int | None:
    """Return the number of the commit that wrote the cell as it is; None for a row that never was."""
    ids = {one.name.lower(): one.id for one in table.columns}
    found = _stamps(conn, table, key)
    if column.lower() in (name.lower() for name in table.key):
        return None if found is None else found[0]
    if column.lower() not in ids:
        raise UnknownColumnError(
            f"the log has no column {column!r} of {table.name}; it has: {', '.join(table.names)}",
            sql="", column=column, near=(),
        )  # fmt: skip
    if found is None:
        return None
    stamp, cells, _ = found
    return cells_of(cells).get(ids[column.lower()], stamp)


def history(conn: Connection, table: LoggedTable, key: SqlRow) -> Iterator[Spoken]:
    """Yield every op on the row that the log still holds, newest first."""
    found = _stamps(conn, table, key)
    if found is None:
        return
    stamp, cells, last = found
    commit = last or newest(stamp, cells)
    while commit:
        before = 0
        for n, earlier in conn.execute(_OPS, (commit, table.id, key_text(key))).fetchall():
            yield Spoken(commit, n)
            before = earlier
        assert before < commit, f"commit {commit} names {before} as the one before it"
        commit = before


def forgotten(conn: Connection, table: LoggedTable, key: SqlRow) -> int:
    """Return the newest commit that spoke of the row and of which the log doesn't say what; 0 if it says all."""
    found = _stamps(conn, table, key)
    commit = 0 if found is None else found[2] or newest(*found[:2])
    while commit:
        said = conn.execute(_OPS, (commit, table.id, key_text(key))).fetchall()
        if not said:
            return commit
        commit = said[-1][1]
    return 0


def _stamps(conn: Connection, table: LoggedTable, key: SqlRow) -> tuple[int, str | None, int | None] | None:
    if len(key) != len(table.key):
        raise ParameterError(f"the key of {table.name} is {', '.join(table.key)}; {shown(key)} isn't one")
    same = " AND ".join(f"{name} = ?" for name in table.keys)
    found: tuple[int, str | None, int | None] | None = conn.execute(
        f"SELECT stamp, cells, last FROM {table.rows} WHERE {same}", key
    ).fetchone()
    return found
