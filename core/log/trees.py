"""Trees as tables: every move that was taken, and where each row is now.

    _eddy_moves    under which stamp, which row, below which, and where it was before    what a late move undoes
    _eddy_places   row -> incarnation, parent, commit                                    also of rows that ended

`tree.py` decides what becomes of a move; here it is read and written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ..store import Connection
from .commit import Key
from .encoding import key_text, plain_value, read_key, read_value
from .rows import Outcome
from .stamps import Stamp
from .tables import LoggedTable
from .tree import Moved, Placement
from .vector import CommitId, Lane

__all__ = ["forget_moves", "moves", "note_moves", "placement"]


def placement(conn: Connection, table: str, column: str, key: Key) -> Placement | None:
    """Return where the row `key` is now, or was when its last life ended."""
    found = conn.execute(
        "SELECT incarnation, parent, lane, seq FROM main._eddy_places WHERE (table_id, column_id, row_key) = (?, ?, ?)",
        (table, column, key_text(key)),
    ).fetchone()
    return None if found is None else Placement(found[0], found[1], CommitId(Lane(found[2]), found[3]))


def moves(conn: Connection, table: str, column: str, after: Stamp | None) -> Sequence[Moved]:
    """Return the moves taken under stamps above `after`, in that order."""
    found = conn.execute(
        "SELECT eff, lane, seq, row_key, incarnation, parent, before FROM main._eddy_moves "
        "WHERE table_id = ? AND column_id = ? AND (eff, lane) > (?, ?) ORDER BY eff, lane, n",
        (table, column, *(after or (-1, ""))),
    ).fetchall()
    return [
        Moved(
            (eff, Lane(lane)),
            CommitId(Lane(lane), seq),
            read_key(json.loads(key)),
            incarnation,
            parent,
            _before(before),
        )
        for eff, lane, seq, key, incarnation, parent, before in found
    ]


def note_moves(conn: Connection, tables: dict[str, LoggedTable], outcome: Outcome) -> None:
    """Write the moves of a merge, and where rows are after it."""
    for (table, column), moved in outcome.moved.items():
        for n, one in enumerate(moved):
            at = (table, column, *one.stamp, key_text(one.key))
            known = conn.execute(
                "UPDATE main._eddy_moves SET before = ? "
                "WHERE (table_id, column_id, eff, lane, row_key) = (?, ?, ?, ?, ?)",
                (_text(one.before), *at),
            )
            if not known.rowcount:
                conn.execute(
                    "INSERT INTO main._eddy_moves VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (table, column, *one.stamp, one.by.seq, n, at[-1], one.incarnation, one.parent, _text(one.before)),
                )
    for row, change in outcome.changes.items():
        logged = tables.get(row.table)
        for column in logged.trees if logged else ():
            life = next((life for life in reversed(change.lives) if column in life.cells), None)
            if life is not None:
                cell = life.cells[column]
                conn.execute(
                    "INSERT OR REPLACE INTO main._eddy_places VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (row.table, column, key_text(row.key), life.incarnation, cell.value, *cell.by),
                )


def forget_moves(conn: Connection, outcome: Outcome, stamps: Iterable[Stamp]) -> None:
    """Take out the moves under `stamps`, in the trees that `outcome` is about: they stand under others, or nowhere."""
    for eff, lane in list(stamps) if outcome.ignored or outcome.moved else ():
        for table, column in {*outcome.ignored, *outcome.moved}:
            conn.execute(
                "DELETE FROM main._eddy_moves WHERE (table_id, column_id, eff, lane) = (?, ?, ?, ?)",
                (table, column, eff, lane),
            )


def _text(before: Placement | None) -> str | None:
    return None if before is None else json.dumps([before.incarnation, plain_value(before.parent), *before.by])


def _before(text: str | None) -> Placement | None:
    if text is None:
        return None
    incarnation, parent, lane, seq = json.loads(text)
    return Placement(incarnation, read_value(parent), CommitId(Lane(lane), seq))
