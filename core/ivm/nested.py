"""Nested: what the rows of a program include, kept level by level, beside whatever rule keeps the rows themselves.

    changes --> root: patches of the rows ---------------------------------------+
       |                                                                         v
       +------> level: values that the rows hold  --touched or new: one read--> assembled  --> Update(inside=...)
                  `-> level: values that its rows hold                    ...

A level is kept by the value that its rows have in common with the row around: two issues of one project share what is
held. The change log says which values a commit touches: those of changed rows, and of changed rows of a table between.
Only these are read again, and values that no row held before. Where a level also asks other tables (a join, a
subquery), or where values that SQLite finds equal may differ in Python, any change of its tables touches all values.
Cost per step: one small statement for each changed table of a level, one read for each level touched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ...signals.patch import Insert, Patch, Reset, Update, apply_patches
from ..changes import Changes
from ..query.nested import Level, LevelReader, shown, with_included, with_inner
from ..query.plan import Column, Expr, Output, Select, columns_of, expressions
from ..query.render import render
from ..schema.catalog import Catalog, TableName
from ..store import Connection
from ..values import SqlValue
from .operator import Operator
from .subqueries import levels

__all__ = ["LevelPlan", "Nested"]


class LevelPlan:
    """What all programs share that include one level. Made for one schema."""

    def __init__(self, level: Level, catalog: Catalog) -> None:
        self.level = level
        self.reader = LevelReader(level)
        self.inner = tuple(LevelPlan(one, catalog) for one in level.levels)
        plan = level.plan
        parts = list(levels(plan))
        tables = Counter(source.table for _, part in parts for source in part.sources)
        self.needs = _needs(parts, level.far, catalog)
        whose = plan.sources[level.far.source].table
        far = catalog.table(whose).key_column(level.far.name)
        near = catalog.table(level.owner).key_column(level.near_column)
        exact = (
            far.collation == near.collation == "BINARY"
            and far.affinity == near.affinity != "BLOB"
            and level.kind.decode is None
        )
        own = {plan.sources[0].table, whose} if exact else set()
        self._narrow = {table for table in own if tables[table] == 1}
        self._texts: dict[tuple[TableName, str], str] = {}

    def touched(self, conn: Connection, changes: Changes) -> set[SqlValue] | None:
        """Return the values whose rows `changes` may touch; None for all."""
        found: set[SqlValue] = set()
        for table in self.needs:
            log = changes.logs.get(table)
            if log is None:
                continue
            if table not in self._narrow:
                return None
            found.update(row[0] for row in conn.execute(self.touched_sql(table, log)).fetchall())
        return found

    def touched_sql(self, table: TableName, log: str) -> str:
        """Return the statement that finds the values which changed rows of `table` have."""
        sql = self._texts.get((table, log))
        if sql is None:
            far, sources = self.level.far, self.level.plan.sources
            if table == sources[far.source].table:
                alone = Select((replace(sources[far.source], join="", on=None),), (Output(Column(0, far.name)),))
                sql = render(alone, {0: log})
            else:
                sql = render(Select(sources[: far.source + 1], (Output(far),)), {0: log})
            self._texts[table, log] = sql
        return sql

    def statements(self, changes: Changes) -> list[str]:
        """Return the statements that follow `changes`."""
        found = [self.touched_sql(table, changes.logs[table]) for table in self._narrow if table in changes.logs]
        if any(table in changes.logs for table in self.needs):
            found.append(self.reader.sql(1))
        return found + [sql for inner in self.inner for sql in inner.statements(changes)]

    def every(self) -> Iterator[LevelPlan]:
        """Yield this level and those inside it."""
        yield self
        for inner in self.inner:
            yield from inner.every()


def _needs(parts: Sequence[tuple[int, Select]], far: Column, catalog: Catalog) -> dict[TableName, frozenset[str]]:
    """Return the columns to capture of each table of a level."""
    exprs: list[Expr] = [far, *(expr for _, part in parts for expr in expressions(part))]
    used = {column for expr in exprs for column in columns_of(expr)}
    needs: dict[TableName, frozenset[str]] = {}
    for first, part in parts:
        for at, source in enumerate(part.sources, first):
            own = frozenset(column.name for column in used if column.source == at)
            needs[source.table] = needs.get(source.table, frozenset()) | own | {*catalog.table(source.table).key}
    return needs


class _Kept:
    """The rows of one level in one program."""

    __slots__ = ("_inner", "_params", "_undo", "_wanted", "held", "plan", "shown")

    def __init__(self, plan: LevelPlan, params: Mapping[str, SqlValue]) -> None:
        self.plan, self._params = plan, params
        self._inner = [_Kept(inner, params) for inner in plan.inner]
        self._wanted: list[SqlValue] = []
        self.held: dict[SqlValue, list[Any]] = {}
        self.shown: dict[SqlValue, tuple[Any, ...]] = {}
        self._undo: tuple[Any, ...] | None = None

    def every(self) -> Iterator[Any]:
        """Yield the rows that are held, those inside them too."""
        for children in list(self.held.values()):
            yield from children
        for inner in self._inner:
            yield from inner.every()

    def follow(self, conn: Connection, changes: Changes | None, rows: Iterable[Any] | None) -> set[SqlValue]:
        """Stage what belongs to `rows` now; return the values under which something differs.

        No `rows`: they are as before. No `changes`: all is read anew.
        """
        if self._undo is None:
            self._undo = self._wanted, self.held, self.shown
        level, held = self.plan.level, self.held
        wanted = self._wanted
        if rows is not None:
            wanted = [value for value in dict.fromkeys(map(level.value, rows)) if value is not None]
        touched = None if changes is None else self.plan.touched(conn, changes)
        stale = [value for value in wanted if value not in held or touched is None or value in touched]
        differ: set[SqlValue] = set()
        moved = wanted is not self._wanted and wanted != self._wanted
        if stale or moved:
            self.held = {value: held[value] for value in wanted if value in held}
            self._wanted = wanted
            for value, read in zip(stale, self.plan.reader.read(conn, stale, self._params), strict=True):
                if value not in held or not _same(held[value], read):
                    self.held[value] = read
                    differ.add(value)
        own = self._rows if differ or moved else None
        beneath = [(inner, inner.follow(conn, changes, None if own is None else own())) for inner in self._inner]
        if any(values for _, values in beneath):
            for value, children in self.held.items():
                if any(inner.plan.level.value(row) in values for inner, values in beneath for row in children):
                    differ.add(value)
        if differ or moved:
            self.shown = {
                value: self.shown[value] if value in self.shown and value not in differ else self._assembled(children)
                for value, children in self.held.items()
            }
        return differ

    def publish(self) -> None:
        """Keep what is staged."""
        self._undo = None
        for inner in self._inner:
            inner.publish()

    def discard(self) -> None:
        """Go back to before."""
        if self._undo is not None:
            self._wanted, self.held, self.shown = self._undo
            self._undo = None
        for inner in self._inner:
            inner.discard()

    def of(self, row: Any) -> Any:  # Any: rows of a model, one or None
        """Return what `row` includes under the level's name."""
        level = self.plan.level
        return shown(level, self.shown.get(level.value(row), ()))

    def _rows(self) -> Iterator[Any]:
        for children in self.held.values():
            yield from children

    def _assembled(self, rows: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(rows) if not self._inner else tuple(_assembled(row, self._inner) for row in rows)


def _assembled(row: Any, kept: Sequence[_Kept]) -> Any:  # Any: a row of a model
    return with_included(row, tuple(one.plan.level.name for one in kept), [one.of(row) for one in kept])


def _same(old: Sequence[Any], new: Sequence[Any]) -> bool:
    """Say whether both are the same rows, down to the types of their values."""
    if len(old) != len(new):
        return False
    return all(a == b and list(map(type, a)) == list(map(type, b)) for a, b in zip(old, new, strict=True))


class Root(Protocol):
    """What keeps the rows themselves."""

    operator: Operator

    @property
    def window(self) -> Any: ...  # Any: what has `entries`
    @property
    def place(self) -> tuple[int, int] | None: ...
    def fill(self, conn: Connection, *, diff: bool) -> list[Patch]: ...
    def step(self, conn: Connection, changes: Changes) -> list[Patch]: ...
    def publish(self) -> None: ...
    def discard(self) -> None: ...


class Nested:
    """The rows of `root`, each with what it includes."""

    __slots__ = ("_kept", "_keys", "_plain", "_rows", "_tables", "_undo", "root")

    def __init__(
        self,
        root: Root,
        tables: Iterable[TableName],
        plans: Sequence[LevelPlan],
        params: Mapping[str, SqlValue],
    ) -> None:
        self.root = root
        self._tables = frozenset(tables)
        self._kept = [_Kept(plan, params) for plan in plans]
        self._plain: list[Any] = []
        self._rows: list[Any] = []
        self._keys: list[Any] = []
        self._undo: tuple[list[Any], list[Any], list[Any]] | None = None

    @property
    def window(self) -> Any:  # Any: what has `entries`
        """What holds the root's entries."""
        return self.root.window

    @property
    def operator(self) -> Operator:
        """The root's operator."""
        return self.root.operator

    @property
    def place(self) -> tuple[int, int] | None:
        """The root's place in its list."""
        return self.root.place

    def held(self) -> list[Any]:
        """Return the rows that the levels hold."""
        return [row for kept in self._kept for row in kept.every()]

    def statements(self, changes: Changes) -> list[str]:
        """Return the levels' statements that follow `changes`."""
        return [sql for kept in self._kept for sql in kept.plan.statements(changes)]

    def fill(self, conn: Connection, *, diff: bool) -> list[Patch]:
        """Read everything anew; stage it and return how the rows change, as a Reset unless `diff`."""
        return self.follow(conn, None, self.root.fill(conn, diff=diff))

    def step(self, conn: Connection, changes: Changes) -> list[Patch]:
        """Stage `changes`; return the patches."""
        reached = any(table in changes.logs for table in self._tables)
        return self.follow(conn, changes, self.root.step(conn, changes) if reached else [])

    def follow(self, conn: Connection, changes: Changes | None, patches: list[Patch]) -> list[Patch]:
        """Stage what the rows include after `patches` of the rows; return the patches with it."""
        self._undo = self._undo or (self._plain, self._rows, self._keys)
        old_plain, old_rows, old_keys = self._plain, self._rows, self._keys
        if patches:
            self._plain, self._keys = list(old_plain), list(old_keys)
            apply_patches(patches, self._plain, self._keys)
        rows = self._plain if patches or changes is None else None
        differ = [(kept, kept.follow(conn, changes, rows)) for kept in self._kept]
        if not patches and not any(values for _, values in differ):
            return []
        known = {id(plain): row for plain, row in zip(old_plain, old_rows, strict=True)}
        for plain in self._plain:
            if any(kept.plan.level.value(plain) in values for kept, values in differ):
                known.pop(id(plain), None)
        self._rows = [known.get(id(plain)) or _assembled(plain, self._kept) for plain in self._plain]
        made = {id(plain): row for plain, row in zip(self._plain, self._rows, strict=True)}
        told = [self._told(patch, made) for patch in patches]
        return with_inner(told, old_keys, old_rows, self._keys, self._rows)

    def _told(self, patch: Patch, made: Mapping[int, Any]) -> Patch:
        """Return a patch of the root with rows that include what they should."""
        match patch:
            case Reset():
                return Reset(self._rows, self._keys)
            case Insert(index, row, key):
                return Insert(index, made.get(id(row)) or _assembled(row, self._kept), key)
            case Update(index, row, columns, key):
                return Update(index, made.get(id(row)) or _assembled(row, self._kept), columns, key)
        return patch

    def publish(self) -> None:
        """Keep what is staged."""
        self._undo = None
        self.root.publish()
        for kept in self._kept:
            kept.publish()

    def discard(self) -> None:
        """Go back to before the step."""
        if self._undo is not None:
            self._plain, self._rows, self._keys = self._undo
            self._undo = None
        self.root.discard()
        for kept in self._kept:
            kept.discard()
