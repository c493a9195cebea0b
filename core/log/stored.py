"""What a merge reads, out of the tables of a database: lives of rows, the order of commits, what the log says of a row.

    issue            id 7, title 'a', votes 12        the row as SQL sees it
    _eddy_rows_1     life 1, stamp 40, {"votes": 57}  ->  Life(1, {title: ('a', A:40), votes: (12, B:3)})
                     life 3                           ->  the lives before it: the ops of the row, merged again

A life that goes on stands in the row and its stamps; `extra` holds what neither can: a counter's base and sums, the
elements of sets, values that are joined, cells of columns that aren't here. Lives that ended are not stored: they are
asked for only where a row came back or is edited after its end, and then the log has all that made them.
`Stored` is of one transaction: what it has read it keeps.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow, SqlValue
from . import trees
from .bases import read_base, read_eff
from .commit import Commit, CommitId, End, Key, Move, Op, Put
from .dots import Dot, ordered
from .drafts import TextId
from .encoding import decode_ops, read_value
from .envelopes import Speaker
from .fates import Fates
from .history import forgotten, history
from .joins import MergeFunctions
from .lanes import Runs
from .life import TEXT, Cell, Life, RowId
from .merge import merge
from .stamps import Stamp
from .tables import LoggedTable, cells_of
from .texts import Texts
from .tree import Moved, Placement
from .vector import Vector
from .violations import Claim, Foreign, Unique

__all__ = ["Stored"]


class Stored:
    """A `Reader` for merges and a `Looker` for constraints. `old`: rows as they were before statements of ours."""

    def __init__(
        self,
        conn: Connection,
        tables: Iterable[LoggedTable],
        runs: Runs,
        functions: MergeFunctions,
        old: Mapping[RowId, SqlRow | None] | None = None,
        fates: Fates | None = None,
        *,
        texts: Texts,
    ) -> None:
        self._conn, self.runs, self._functions, self.texts = conn, runs, functions, texts
        self.fates = Fates() if fates is None else fates
        self.tables = {table.id: table for table in tables}
        self._old = old or {}
        self._read: dict[str, str] = {}
        self._there: dict[tuple[str, Key], bool] = {}
        self._stamps: dict[CommitId, Stamp] = {}
        self.last: dict[RowId, int] = {}
        self.life: dict[RowId, int] = {}

    # -- a merge asks

    def lives(self, rows: Collection[RowId]) -> Mapping[RowId, Sequence[Life]]:
        """See `Reader`."""
        found: dict[RowId, Sequence[Life]] = {}
        for row in rows:
            lives = self._lives(row)
            if lives:
                found[row] = lives
        return found

    def stamp(self, commit: CommitId) -> Stamp:
        """See `Reader`."""
        stamp = self._stamps.get(commit)
        if stamp is None:
            stamp = self._stamps[commit] = (self.eff(commit), commit.lane)
        return stamp

    def know(self, commit: CommitId, stamp: Stamp) -> None:
        """Know of the stamp of a commit that is being written."""
        self._stamps[commit] = stamp

    def eff(self, commit: CommitId) -> int:
        """Return the effective stamp of a commit that is here."""
        number = self.runs.number(commit)
        found = self._conn.execute(
            "SELECT coalesce(eff, hlc) FROM main._eddy_commits WHERE id = ?", (number,)
        ).fetchone()
        return read_eff(self._conn, self.runs, commit) if found is None else int(found[0])

    def parents(self, commit: CommitId) -> Vector:
        """See `Reader`."""
        return self.runs.parents(self.runs.number(commit))

    def ops(self, commit: CommitId) -> Sequence[Op]:
        """See `Reader`."""
        return self._ops(self.runs.number(commit))

    def history(self, row: RowId) -> Iterator[tuple[CommitId, Op]]:
        """See `Reader`."""
        table = self.tables[row.table]
        said = dict.fromkeys(spoken.commit for spoken in history(self._conn, table, row.key))
        upto = self._base(row)[1]
        for number in reversed(said):
            commit = self.runs.commit(number)
            if number <= upto or self.fates.is_rejected(commit):
                continue
            for op in self._ops(number):
                if (op.table, op.key) == row:
                    yield commit, op

    def trees(self, table: str) -> Collection[str]:
        """See `Reader`."""
        logged = self.tables.get(table)
        return () if logged is None else logged.trees

    def base(self, row: RowId) -> list[Life]:
        """See `Reader`."""
        lives, _ = self._base(row)
        for life in lives:  # where it is in a tree is kept in _eddy_places
            life.cells = {column: cell for column, cell in life.cells.items() if column not in self.trees(row.table)}
        return lives

    def _base(self, row: RowId) -> tuple[list[Life], int]:
        """Return the lives that are kept of `row`, and up to which commit they are what was said of it."""
        return read_base(self._conn, row, self.runs) if self.fates.bases else ([], 0)

    def lives_below(self, row: RowId, last: int) -> list[Life]:
        """Return what the commits up to number `last` made of `row`, where it was in trees left out."""
        again = _Again(self)
        again.lives_now = self.base(row)
        for commit, op in self.history(row):
            if self.runs.number(commit) <= last and not isinstance(op, Move):
                alone = Commit(commit.lane, commit.seq, self.parents(commit), 0, (op,))
                again.lives_now = list(merge(again, alone, self.stamp(commit), self._functions).changes[row].lives)
        return again.lives_now

    def commit(self, commit: CommitId) -> Commit:
        """Return id, parents and ops of a commit that is here."""
        return Commit(*commit, self.parents(commit), 0, tuple(self.ops(commit)))

    def forgotten(self, row: RowId) -> list[Speaker]:
        """Return what the log has forgotten of `row`, as far as it is known: that its lives began, and which ended."""
        table = self.tables.get(row.table)
        based, _ = self._base(row)
        if based:
            life = based[-1].incarnation + bool(based[-1].ends)
        elif table is not None and forgotten(self._conn, table, row.key):
            found = self.stamps_and_row(row)
            life = 0 if found is None else int(found[0])
        else:
            return []
        began = [Speaker(None, Put(*row, incarnation, {})) for incarnation in range(1, life + 1, 2)]
        return [*began, *(Speaker(None, End(*row, incarnation)) for incarnation in range(1, life, 2))]

    def is_whole(self, row: RowId) -> bool:
        """Say whether it is known all that was said of `row`, or what forgotten commits had made of it."""
        table = self.tables.get(row.table)
        return table is None or bool(self._base(row)[0]) or not forgotten(self._conn, table, row.key)

    def placement(self, table: str, column: str, key: Key) -> Placement | None:
        """See `TreeReader`."""
        return trees.placement(self._conn, table, column, key)

    def moves(self, table: str, column: str, after: Stamp | None) -> Sequence[Moved]:
        """See `TreeReader`."""
        return trees.moves(self._conn, table, column, after)

    # -- constraints ask

    def claims(self, unique: Unique, values: tuple[SqlValue, ...]) -> Sequence[Claim]:
        """See `Looker`."""
        table = self.tables[unique.table]
        names = [column.name for wanted in unique.columns for column in table.columns if column.id == wanted]
        same = " AND ".join(f"d.{quote_name(name)} = ?" for name in names)
        keys = ", ".join(f"d.{quote_name(name)}" for name in table.key)
        rows = self._conn.execute(
            f"SELECT s.stamp, s.cells, {keys} FROM {table.name.sql} AS d JOIN {table.rows} AS s "
            f"ON {table.on('s', 'd')} WHERE {same}",
            values,
        ).fetchall()
        found = []
        for stamp, cells, *key in rows:
            written = cells_of(cells)
            by = [self.runs.commit(written.get(column, stamp)) for column in unique.columns]
            found.append(Claim(tuple(key), max(map(self.stamp, by))))
        return found

    def is_there(self, table: str, key: Key) -> bool:
        """See `Looker`."""
        logged = self.tables.get(table)
        if logged is None:
            return True
        known = self._there.get((table, key))
        if known is None:
            same = " AND ".join(f"{quote_name(name)} = ?" for name in logged.key)
            found = self._conn.execute(f"SELECT 1 FROM {logged.name.sql} WHERE {same}", key).fetchone()
            known = self._there[table, key] = found is not None
        return known

    def children(self, foreign: Foreign, key: Key) -> Sequence[Key]:
        """See `Looker`."""
        table = self.tables[foreign.table]
        name = next(column.name for column in table.columns if column.id == foreign.column)
        keys = ", ".join(map(quote_name, table.key))
        sql = f"SELECT {keys} FROM {table.name.sql} WHERE {quote_name(name)} = ?"
        return [tuple(row) for row in self._conn.execute(sql, key).fetchall()]

    # -- inside

    def stamps_and_row(self, row: RowId) -> tuple[Any, ...] | None:
        """Return life, stamp, exceptions, last, extra and the cells of a row; None for one that never was."""
        sql = self._read.get(row.table)
        if sql is None:
            table = self.tables[row.table]
            columns = "".join(f", d.{quote_name(name)}" for name in table.names)
            same = " AND ".join(f"s.{key} = ?" for key in table.keys)
            sql = self._read[row.table] = (
                f"SELECT s.life, s.stamp, s.cells, s.last, s.extra{columns} FROM {table.rows} AS s "
                f"LEFT JOIN {table.name.sql} AS d ON {table.on('s', 'd')} WHERE {same}"
            )
        found: tuple[Any, ...] | None = self._conn.execute(sql, row.key).fetchone()
        return found

    def _lives(self, row: RowId) -> list[Life]:
        table = self.tables.get(row.table)
        found = None if table is None else self.stamps_and_row(row)
        if table is None or found is None:
            return []
        life, stamp, cells, last, extra, *values = found
        written = cells_of(cells)
        self.last[row] = last or (max(stamp, *written.values()) if written else stamp)
        self.life[row] = life
        lives = [] if life == 1 else self._ended(row, life, stamp)
        if life % 2:
            lives.append(self._living(table, life, stamp, written, self._old.get(row) or values, extra))
            self._add_texts(table, row, lives[-1])
        return lives

    def _add_texts(self, table: LoggedTable, row: RowId, life: Life) -> None:
        """Know of the documents of a life that goes on: what their cells hold by themselves, and who updated them."""
        if self.texts.columns(table):
            for column, head in self.texts.heads(*row, life.incarnation).items():
                value = life.cells[column].value if column in life.cells else None
                life.cells.pop(column, None)
                if head.put:
                    life.cells[column] = Cell(value, self.runs.commit(head.put))
                life.dots[TEXT, column] = ordered(Dot(self.runs.commit(by), None) for by in head.seen)

    def _living(
        self, table: LoggedTable, life: int, stamp: int, written: dict[str, int], values: Sequence[SqlValue], extra: str
    ) -> Life:
        commit = self.runs.commit
        default = commit(stamp)
        if written:
            cells = {
                column: Cell(value, commit(written[column]) if column in written else default)
                for column, value in zip(table.ids, values, strict=True)
            }
        else:
            cells = {column: Cell(value, default) for column, value in zip(table.ids, values, strict=True)}
        made = Life(life, cells)
        if extra is not None:
            self._add_extra(made, json.loads(extra))
        return made

    def _add_extra(self, life: Life, extra: dict[str, Any]) -> None:  # Any: what `applying.py` wrote
        for column, (value, number) in extra.get("cells", {}).items():
            life.cells[column] = Cell(read_value(value), self.runs.commit(number))
        for column in extra.get("none", ()):
            life.cells.pop(column, None)
        for kind, column, dots in extra.get("dots", ()):
            life.dots[kind, column] = tuple(Dot(self.runs.commit(by), read_value(value)) for by, value in dots)

    def _ended(self, row: RowId, life: int, stamp: int) -> list[Life]:
        """Return the lives of `row` that ended, by merging its ops again."""
        again = _Again(self)
        again.lives_now = self.base(row)
        for commit, op in self.history(row):
            if (op.incarnation < life or not life % 2) and not isinstance(op, Move):
                alone = Commit(commit.lane, commit.seq, self.parents(commit), 0, (op,))
                again.lives_now = list(merge(again, alone, self.stamp(commit), self._functions).changes[row].lives)
        ended = [one for one in again.lives_now if one.incarnation < life and one.ends]
        for column in self.tables[row.table].trees:
            placed = self.placement(row.table, column, row.key)
            for one in ended:
                if placed is not None and placed.incarnation == one.incarnation:
                    one.cells[column] = Cell(placed.parent, placed.by)
        last = life - 1 if life % 2 == 0 else life - 2
        for one in ended:
            self._show_texts(row, one)
        if not ended or ended[-1].incarnation != last:  # the log has forgotten what it held, not that it ended
            ended.append(Life(last, ends=(self.runs.commit(stamp),)))
        return ended

    def _show_texts(self, row: RowId, life: Life) -> None:
        """Let the cells of an ended life hold what its documents said."""
        for kind, column in life.dots:
            text = self.texts.find(TextId(*row, life.incarnation, column)) if kind == TEXT else None
            if text is not None:
                put = life.cells.get(column)
                by = max((dot.by for dot in life.dots[TEXT, column]), key=self.stamp) if put is None else put.by
                life.cells[column] = Cell(str(text), by)

    def _ops(self, number: int) -> tuple[Op, ...]:
        text = self._conn.execute("SELECT ops FROM main._eddy_commits WHERE id = ?", (number,)).fetchone()[0]
        return decode_ops(text)


class _Again:
    """A `Reader` of the lives of one row, while its ops are merged again."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self.lives_now: list[Life] = []

    def __getattr__(self, name: str) -> Any:  # Any: all else is as stored
        return getattr(self._stored, name)

    def lives(self, rows: Collection[RowId]) -> Mapping[RowId, Sequence[Life]]:
        """See `Reader`."""
        return {row: [life.copy() for life in self.lives_now] for row in rows if self.lives_now}
