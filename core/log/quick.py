"""The quick way: a commit of another replica whose author had seen all that its rows hold.

    each row once, Put or End           -> not so: merge.py, as always
    new, or alive with winners that     -> INSERT, UPDATE or DELETE and stamps as if we had written it
    the author had seen

Nothing was written at the same time, so nothing has to be weighed, and what comes out is what the merge would say:
nearly every commit of a database that catches up is one. It is found out before anything is written, by one read a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..store import Connection
from ..values import SqlRow, SqlValue
from .applying import delete_row, insert_rows, update_row
from .commit import Commit, CommitId, End, Op, Put
from .life import RowId
from .row_changes import checksum, newest, stamped
from .rows import Change, Outcome
from .stored import Stored
from .tables import LoggedTable, cells_of
from .vector import Vector

__all__ = ["Quick"]


@dataclass(slots=True)
class _Row:
    """One row of the commit: what it was and what it becomes, and its stamps as they were."""

    table: LoggedTable
    row: RowId
    op: Op
    stamps: tuple[Any, ...] | None
    old: SqlRow | None
    new: SqlRow | None


@dataclass(slots=True)
class Quick:
    """A commit that needs no merge, looked through and ready to be written."""

    rows: list[_Row] = field(default_factory=list)
    before: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, stored: Stored, commit: Commit) -> Quick | None:
        """Return what is to be written, or None where something has to be merged."""
        made, seen, covered = cls(), set[RowId](), _Covered(stored, commit.parents)
        for op in commit.ops:
            table = stored.tables.get(op.table)
            row = RowId(op.table, op.key)
            if table is None or row in seen or not isinstance(op, Put | End) or not table.keeps:
                return None
            seen.add(row)
            found = _look(table, row, op, stored.stamps_and_row(row), covered)
            if found is None or _is_about_text(found, stored.texts.columns(table)):
                return None
            made.rows.append(found)
            made.before.append(0 if found.stamps is None else found.stamps[3] or newest(*found.stamps[1:3]))
        return made

    def write(self, conn: Connection, number: int) -> None:
        """Write rows and stamps by commit `number`."""
        for one in self.rows:
            if one.new is None:
                delete_row(conn, one.table, one.row.key)
        for one in self.rows:
            if one.old is not None and one.new is not None:
                update_row(conn, one.table, one.row.key, one.old, one.new)
        for table, rows in self._by_table():
            come = [(*one.row.key, *one.new) for one in rows if one.old is None and one.new is not None]
            insert_rows(conn, table, come)
            marks = ", ".join("?" * (len(table.key) + 6))
            stamps = [_stamps(one, number) for one in rows]
            conn.executemany(f"INSERT OR REPLACE INTO {table.rows} VALUES ({marks})", stamps)

    def outcome(self) -> Outcome:
        """Return the rows before and after, for the constraints."""
        return Outcome({one.row: Change(_named(one, one.old), _named(one, one.new), ()) for one in self.rows}, {})

    def _by_table(self) -> Iterator[tuple[LoggedTable, Sequence[_Row]]]:
        by_table: dict[str, list[_Row]] = {}
        for one in self.rows:
            by_table.setdefault(one.table.id, []).append(one)
        for rows in by_table.values():
            yield rows[0].table, rows


class _Covered:
    """Whether the author of a commit had seen another, by its number here."""

    def __init__(self, stored: Stored, parents: Vector) -> None:
        self._stored, self._parents = stored, parents
        self._known: dict[int, bool] = {}

    def __call__(self, number: int) -> bool:
        known = self._known.get(number)
        if known is None:
            commit: CommitId = self._stored.runs.commit(number)
            known = self._known[number] = commit in self._parents
        return known


def _look(
    table: LoggedTable, row: RowId, op: Put | End, found: tuple[Any, ...] | None, covered: _Covered
) -> _Row | None:
    if found is None:
        if not isinstance(op, Put) or op.incarnation != 1 or op.cells.keys() != set(table.ids):
            return None
        return _Row(table, row, op, None, None, tuple([op.cells[column] for column in table.ids]))
    life, stamp, cells, _, extra = found[:5]
    if life != op.incarnation or extra is not None:
        return None
    old, written = found[5:], cells_of(cells)
    if isinstance(op, End):
        seen = all(covered(number) for number in (stamp, *written.values()))
        return _Row(table, row, op, found, old, None) if seen else None
    new: list[SqlValue] = list(old)
    for column, value in op.cells.items():
        at = table.places.get(column)
        if at is None or not covered(written.get(column, stamp)):
            return None
        new[at] = value
    return _Row(table, row, op, found, old, tuple(new))


def _is_about_text(one: _Row, texts: frozenset[str]) -> bool:
    """Say whether a text that was there is written, or ends: who edited it besides isn't in the stamps."""
    return bool(texts) and one.stamps is not None and (isinstance(one.op, End) or bool(texts & one.op.cells.keys()))  # type: ignore[union-attr]  # else a Put


def _stamps(one: _Row, number: int) -> tuple[Any, ...]:
    key, op = one.row.key, one.op
    if one.new is None:
        return (*key, op.incarnation + 1, number, None, None, None, None)
    if one.stamps is None:
        return (*key, 1, number, None, None, checksum(one.table, one.new), None)
    assert isinstance(op, Put), "an End leaves no row"
    if len(op.cells) == len(one.table.ids):
        default, exceptions = number, None
    else:
        default, exceptions = stamped(one.stamps[1], one.stamps[2], op.cells, number, len(one.table.ids))
    return (*key, op.incarnation, default, exceptions, None, checksum(one.table, one.new), None)


def _named(one: _Row, values: SqlRow | None) -> dict[str, SqlValue] | None:
    return None if values is None else dict(zip(one.table.ids, values, strict=True))
