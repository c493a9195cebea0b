"""Changed rows as ops and stamps: one table's part of a commit.

    before and after, by key      op                                 the row's stamps
    -          (7, 'a', 'b')      Put(7, incarnation + 1, both)      stamp = this commit, no exceptions
    (7, 'a')   (7, 'c')           Put(7, incarnation, the changed)   that column is an exception
    (7, 'a')   -                  End(7, incarnation)                incarnation even: a tombstone

A key that is there before and after is an update, whatever happened between; only cells that differ are written.
Cost: one read of the TEMP log joined to the stamps, one write a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

from ..errors import ConstraintError
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow, same_typed, typed
from .drafts import TextId
from .encoding import quoted, row_text, value_text
from .tables import LoggedTable, cells_of
from .texts import Texts

__all__ = ["RowChange", "RowChanges", "Written", "checksum", "exceptions_text", "newest", "stamped"]

_NEW = (None,) * 6
_ONE_BY_ONE = 16  # keys whose stamps are looked up each by itself

Cell: TypeAlias = tuple[str, int, str]
"""A column: how its id stands in an op, its place among the cells, its id."""


class RowChange(NamedTuple):
    """One row before and after, None where it wasn't there, and its stamps: life, stamp, cells, last, sum, extra."""

    key: SqlRow
    stamps: tuple[Any, ...]  # Any: a row of `_eddy_rows_N`, NULLs where the key is new
    old: SqlRow | None
    new: SqlRow | None


class Written(NamedTuple):
    """An op as text, "" if there is none, and the commit that spoke of its row last: negative where a life begins."""

    text: str
    before: int


def checksum(table: LoggedTable, cells: SqlRow) -> int:
    """Return 32 bits that tell the cells of a row from others, the same on every platform; 1 and 1.0 are two.

    A guard against programs that write past us, one change in four billion unseen, not against forgers.

    A cell that holds what its column was added with doesn't count: adding one changes no row.
    """
    told: object = cells
    if table.grown:
        known = [value for column, value in zip(table.columns, cells, strict=True) if not column.added]
        more = [
            (column.id, value)
            for column, value in zip(table.columns, cells, strict=True)
            if column.added and not same_typed(value, column.absent)
        ]
        told = (*known, *more)
    return crc32(ascii(told).encode())


class RowChanges:
    """The statements of one logged table."""

    def __init__(self, table: LoggedTable, texts: Texts) -> None:
        self.table, self._texts = table, texts
        ids = sorted(zip(table.ids, range(len(table.ids)), strict=True))
        self._sorted = [(quoted(column), at, column) for column, at in ids]
        self._columns: Sequence[str] = ()
        self._key = self._cells = _picker([])
        names = (*table.key, *table.names)
        stamps = "s.life, s.stamp, s.cells, s.last, s.sum, s.extra"
        columns = ", ".join(f"d.{quote_name(name)}" for name in names)
        same = " AND ".join(f"{key} = ?" for key in table.keys)
        self._stamps = f"SELECT life, stamp, cells, last, sum, extra FROM {table.rows} WHERE {same}"
        keys = ", ".join(f"s.{key}" for key in table.keys)
        self._logged = f"SELECT {stamps}, {keys} FROM "
        self._by_log = f" AS d JOIN {table.rows} AS s ON {table.on('s', 'd')}"
        self._all = (
            f"SELECT {stamps}, {columns} FROM {table.name.sql} AS d LEFT JOIN {table.rows} AS s ON {table.on('s', 'd')}"
        )
        self._gone = (
            f"SELECT {stamps}, {keys} FROM {table.rows} AS s WHERE s.life % 2 AND NOT EXISTS "
            f"(SELECT 1 FROM {table.name.sql} AS d WHERE {table.on('s', 'd')})"
        )
        marks = ", ".join("?" * (len(table.key) + 6))
        self._write = f"INSERT OR REPLACE INTO {table.rows} VALUES ({marks})"

    def changed(
        self, conn: Connection, rows: Sequence[tuple[Any, ...]], columns: Sequence[str], log: str
    ) -> list[RowChange]:
        """Return the rows that `log` says changed; its `rows` are (number, weight, *columns), in whatever order."""
        if columns is not self._columns:
            self._fit(columns)
        by_key: dict[SqlRow, list[tuple[Any, ...]]] = {}
        for row in rows:
            by_key.setdefault(self._key(row), []).append(row)
        stamps = self._stamps_by_key(conn, by_key, log)
        found = []
        for key, spoken in by_key.items():
            old, new = self._net(spoken)
            if old is not None or new is not None:  # else it came and went
                found.append(RowChange(key, stamps.get(key, _NEW), old, new))
        return found

    def _stamps_by_key(self, conn: Connection, keys: Collection[SqlRow], log: str) -> dict[SqlRow, tuple[Any, ...]]:
        """Return the stamps of the rows `keys`, all that stand in `log`, of those that have any."""
        for key in keys:
            if None in key:
                raise ConstraintError(
                    f"a row of {self.table.name} has NULL in its key, so the log can't tell it from others; give it "
                    "one, or declare the key NOT NULL",
                    sql="",
                )
        if len(keys) <= _ONE_BY_ONE:
            looked = [(key, conn.execute(self._stamps, key).fetchone()) for key in keys]
            return {key: stamps for key, stamps in looked if stamps is not None}
        return {row[6:]: row[:6] for row in conn.execute(self._logged + log + self._by_log).fetchall()}

    def _net(self, rows: Sequence[tuple[Any, ...]]) -> tuple[SqlRow | None, SqlRow | None]:
        """Return what the log rows of one key say it was before and is after all of them."""
        if len(rows) > 2:  # several statements, or a trigger within one, which is logged first
            weights: Counter[Any] = Counter()
            for row in rows:
                weights[typed(row[2:])] += row[1]
            last = {typed(row[2:]): row for row in rows}
            rows = [(0, weight, *last[values][2:]) for values, weight in weights.items() if weight]
        old = new = None
        for row in rows:
            if row[1] > 0:
                new = self._cells(row)
            else:
                old = self._cells(row)
        return old, new

    def write_one(
        self, conn: Connection, log: Sequence[tuple[Any, ...]], columns: Sequence[str], number: int
    ) -> Written | None:
        """Do what `changed` and `write` do where the rows of `log` are about one row, in the plainest of cases.

        None: it is no such case, and nothing is done. Nearly every transaction of a person is one.
        """
        if columns is not self._columns:
            self._fit(columns)
        row = log[0]
        key, last = self._key(row), log[-1]
        if len(log) > 2 or None in key or (last is not row and (row[1] > 0 or last[1] < 0 or self._key(last) != key)):
            return None
        stamps = conn.execute(self._stamps, key).fetchone()
        life, stamp, cells, spoken = (0, 0, None, None) if stamps is None else stamps[:4]
        begins = last is row and row[1] > 0
        if begins == life % 2 or (stamps is not None and stamps[5] is not None):
            return None  # how it was isn't known, or it merges in a way of its own
        table = self.table
        before = spoken or newest(stamp, cells)
        if last is row:
            self._texts.touch([(table.id, key)])
        if last is row and not begins:
            conn.execute(self._write, (*key, life + 1, number, None, None, None, None))
            return Written(f"{row_text('end', table.id, key, life)}]", before)
        new = self._cells(last)
        if begins:
            life += 1
            put = ",".join([f"{text}:{value_text(new[at])}" for text, at, _ in self._sorted])
            before, stamp, cells = -before, number, None
        else:
            old = self._cells(row)
            changed = [
                one
                for one in self._sorted
                if (is_ := new[one[1]]) is not (was := old[one[1]]) and (is_ != was or type(is_) is not type(was))
            ]
            if not changed:
                return Written("", 0)
            texts = self._texts.columns(table)
            if texts and any(one[2] in texts for one in changed):
                return None  # an edit
            put = ",".join([f"{text}:{value_text(new[at])}" for text, at, _ in changed])
            stamp, cells = stamped(stamp, cells, [one[2] for one in changed], number, len(new))
        conn.execute(self._write, (*key, life, stamp, cells, None, checksum(table, new), None))
        return Written(f"{row_text('put', table.id, key, life)},{{{put}}}]", before)

    def _fit(self, columns: Sequence[str]) -> None:
        """Know at which places of a log's rows key and cells stand."""
        places = {name: at + 2 for at, name in enumerate(columns)}
        self._key = _picker([places[name] for name in self.table.key])
        self._cells = _picker([places[name] for name in self.table.names])
        self._columns = columns

    def compared(self, conn: Connection) -> list[RowChange]:
        """Return the rows that aren't what their checksum says; how they were isn't known: all their cells changed."""
        start = 6 + len(self.table.key)
        found = []
        for row in conn.execute(self._all).fetchall():
            alive, cells = (row[0] or 0) % 2, row[start:]
            if not alive or row[4] != checksum(self.table, cells):
                found.append(RowChange(row[6:start], row[:6], None, cells))
        found += [RowChange(row[6:], row[:6], (), None) for row in conn.execute(self._gone).fetchall()]
        return found

    def out_of_step(self, changes: Iterable[RowChange]) -> list[RowChange]:
        """Return those of `changes` that aren't in the log yet: another Eddyline writes its own commits."""
        return [
            change
            for change in changes
            if (change.new is not None) != bool((change.stamps[0] or 0) % 2)
            or (change.new is not None and change.stamps[4] != checksum(self.table, change.new))
        ]

    def sum_anew(self, conn: Connection) -> None:
        """Write the checksums of all rows: their columns aren't what they were."""
        start = 6 + len(self.table.key)
        same = " AND ".join(f"{key} = ?" for key in self.table.keys)
        sums = [
            (checksum(self.table, row[start:]), *row[6:start]) for row in conn.execute(self._all).fetchall() if row[0]
        ]
        conn.executemany(f"UPDATE {self.table.rows} SET sum = ? WHERE {same}", sums)

    def write(
        self, conn: Connection, changes: Sequence[RowChange], number: int, ops: list[str], before: list[int]
    ) -> None:
        """Write the stamps of `changes` by commit `number`; note each op and which commit spoke of its row last."""
        table, columns, texts = self.table, self._sorted, self._texts.columns(self.table)
        rows: list[tuple[Any, ...]] = []
        self._texts.touch((table.id, change[0]) for change in changes)
        for key, (life, stamp, cells, last, _, _), old, new in changes:
            life = life or 0
            begins = not life % 2
            said = 0 if stamp is None else last or newest(stamp, cells)
            if new is None:
                ops.append(f"{row_text('end', table.id, key, life)}]")
                before.append(-said if begins else said)
                rows.append((*key, life + 1, number, None, None, None, None))
            else:
                if old is None:
                    changed = columns
                    life += 1 - life % 2
                else:
                    changed = [
                        column
                        for column in columns
                        if (is_ := new[column[1]]) is not (was := old[column[1]])
                        and (is_ != was or type(is_) is not type(was))
                    ]
                    if not changed:
                        continue
                plain = changed
                if texts and not begins:
                    changed, edits = self._edited(key, life, cells_of(cells), stamp, old, new, changed)
                    if not changed:
                        continue
                    plain = [column for column in changed if column[2] not in edits]
                    for column, update in edits.items():
                        ops.append(self._texts.keep_edit(TextId(table.id, key, life, column), len(ops), update))
                        before.append(said)
                if plain or begins:
                    put = ",".join([f"{text}:{value_text(new[at])}" for text, at, _ in plain])
                    ops.append(f"{row_text('put', table.id, key, life)},{{{put}}}]")
                    before.append(-said if begins else said)
                if len(changed) == len(columns):
                    default, exceptions = number, None
                else:
                    default, exceptions = stamped(
                        stamp, cells, [column for _, _, column in changed], number, len(columns)
                    )
                rows.append((*key, life, default, exceptions, None, checksum(table, new), None))
        if len(rows) == 1:
            conn.execute(self._write, rows[0])
        else:
            conn.executemany(self._write, rows)

    def _edited(
        self,
        key: SqlRow,
        life: int,
        written: dict[str, int],
        stamp: int,
        old: SqlRow | None,
        new: SqlRow,
        changed: Sequence[Cell],
    ) -> tuple[list[Cell], dict[str, bytes]]:
        """Return the columns that were written, and of texts among them the updates that say how.

        A text that its document says already wasn't written. How a row was isn't known where another program wrote it.
        """
        texts, edits = self._texts.columns(self.table), dict[str, bytes]()
        kept = []
        for column in changed:
            _, at, name = column
            update = None
            if name in texts:
                was = None if old is None else old[at]
                where = TextId(self.table.id, key, life, name)
                update = self._texts.edit(where, was, new[at], written.get(name, stamp), strict=old is not None)
            if update:
                edits[name] = update
            if update != b"":
                kept.append(column)
        return kept, edits


def _picker(places: list[int]) -> Callable[[tuple[Any, ...]], SqlRow]:
    """Return what takes the values at `places` out of a row, as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda row: ()
    (place,) = places
    return lambda row: (row[place],)


def stamped(stamp: int, cells: str | None, changed: Collection[str], number: int, width: int) -> tuple[int, str | None]:
    """Return the default stamp and the exceptions of a row after commit `number` has written the columns `changed`."""
    if cells is None and len(changed) < width:
        return stamp, f"{{{','.join([f'{quoted(column)}:{number}' for column in changed])}}}"
    written = cells_of(cells)
    written.update(dict.fromkeys(changed, number))
    if len(written) == width and len(set(written.values())) == 1:
        return number, None
    return stamp, exceptions_text(written)


def exceptions_text(written: dict[str, int]) -> str:
    """Return exceptions as they stand in `cells`."""
    return f"{{{','.join([f'{quoted(column)}:{commit}' for column, commit in written.items()])}}}"


def newest(stamp: int, cells: str | None) -> int:
    """Return the newest commit among the winners of a row."""
    return stamp if cells is None else max(stamp, *cells_of(cells).values())
