"""Routing: which programs a change can reach, told by the values that they ask for.

    10,000 views of   SELECT ... FROM issue AS i JOIN project AS p ON p.id = i.project WHERE i.assignee = :who

    issue changed      the assignees of its changed rows, old and new           {'ada'}   -->  the views of 'ada'
    project changed    SELECT DISTINCT i.assignee FROM <log of project> ...     {'bob'}   -->  the views of 'bob'

A row that a WHERE with `column = value` keeps holds that value. So a change of the column's table reaches only programs
that ask for a value in its log; a change of another table only those that ask for one found by joining that log to the
rest, which is as it was. A literal is as good as a parameter: it keeps templates apart that one table serves.
An update reaches only those that read a column in which it changed something, keys included.
What isn't sure is reached: a program whose value SQLite would convert before it compares, a table that occurs twice or
in a subquery, two changed tables beside the column's own, a log that can't be read as text.
Equal is as SQLite has it: 1 and 1.0 are, under NOCASE 'a' and 'A' are, NULL is not equal to anything.
Idea: the rule indexes of active databases; "guards" and "routing" in DESIGN.md section 8.
Cost per commit: a lookup for each value in its rows and each set of columns that is asked for; one small statement for
each template that is joined to a changed table, and where its rows are many. Nothing for each program.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Generic, TypeAlias, TypeVar

from ..changes import TOUCH, Changes, Needs
from ..collate import COLLATIONS, fold
from ..query.plan import (
    Binary,
    Column,
    Const,
    Exists,
    Expr,
    InEach,
    InList,
    InSelect,
    Output,
    Param,
    Scalar,
    Select,
    Source,
    columns_of,
    conjuncts,
    expressions,
    selects,
    walk,
    walk_deep,
)
from ..query.render import render
from ..schema.catalog import Catalog, ColumnInfo, TableName
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow, SqlValue
from .few import Few, each, joined, without
from .layout import getter

__all__ = ["Route", "Router", "route_of"]

Key: TypeAlias = tuple[object, ...]
Asker = TypeVar("Asker")

_KEYS_MAX = 64
ROWS_MAX = 64  # of more changed rows SQLite gives the values
FEW = 2  # so few programs are stepped outright: asking the log first would cost as much
_TEXT = re.compile(r"'(?:[^']|'')*'")
_INTEGER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Route:
    """By which columns of which table the programs of one template are told apart, and what each asks of them.

    `wanted` holds for each column the parameters and literals it may equal. `beside` maps each other table whose change
    can be routed to the SELECT of the columns, as (plan, occurrence whose log to read).
    """

    table: TableName
    columns: tuple[ColumnInfo, ...]
    wanted: tuple[tuple[Expr, ...], ...]
    beside: Mapping[TableName, tuple[Select, int]]

    def keys(self, params: Mapping[str, SqlValue]) -> list[Key] | None:
        """Return the values that a program asks for; None where SQLite's conversions leave that open."""
        choices: list[list[object]] = []
        for column, exprs in zip(self.columns, self.wanted, strict=True):
            found: list[object] = []
            for expr in exprs:
                for value in _values(expr, params):
                    if value is None:
                        continue
                    if _is_converted(column, value) or (isinstance(expr, InEach) and isinstance(value, float)):
                        return None  # what reads JSON may round otherwise than we do
                    found.append(_same(column, value))
            choices.append(found)
        keys = list(dict.fromkeys(product(*choices)))
        return keys if len(keys) <= _KEYS_MAX else None

    def key(self, row: Iterable[SqlValue]) -> Key:
        """Return what equals the key of a program that asks for the values in `row`."""
        return tuple(map(_same, self.columns, row))

    def log_sql(self, log: str) -> str:
        """Return the query of the values in a log of the table itself."""
        return f"SELECT DISTINCT {', '.join(quote_name(column.name) for column in self.columns)} FROM {log}"

    def joined_sql(self, table: TableName, log: str) -> str:
        """Return the query of the values that are joined to a log of `table`."""
        plan, at = self.beside[table]
        return render(plan, {at: log})


def route_of(plan: Select, catalog: Catalog) -> Route | None:
    """Return the route of the programs of one plan; None where nothing in its WHERE tells them apart."""
    occurs = Counter(source.table for source in _sources(plan))
    inner = all(source.join != "LEFT JOIN" for source in plan.sources)
    parts = conjuncts(plan.where)
    if inner:
        parts += [part for source in plan.sources for part in conjuncts(source.on)]
    asked: dict[int, dict[str, tuple[Expr, ...]]] = {}
    for part in parts:
        column, values = _equality(part)
        if column is None or column.source >= len(plan.sources):
            continue
        table = plan.sources[column.source].table
        if occurs[table] == 1 and catalog.table(table).key_column(column.name).collation in COLLATIONS:
            asked.setdefault(column.source, {}).setdefault(column.name, values)
    if not asked:
        return None
    at = max(asked, key=lambda source: (_has_param(asked[source].values()), len(asked[source]), -source))
    info = catalog.table(plan.sources[at].table)
    names = sorted(asked[at])
    beside = {
        source.table: (found, n)
        for n, source in enumerate(plan.sources)
        if n != at and occurs[source.table] == 1 and (found := _joined(plan, at, n, names, parts, inner=inner))
    }
    return Route(info.name, tuple(map(info.key_column, names)), tuple(asked[at][name] for name in names), beside)


class _Index(Generic[Asker]):
    """Programs by what they ask for."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.members: dict[Asker, tuple[Key, ...]] = {}
        self._by_key: dict[Key, Few[Asker]] = {}
        self._folds = any(column.collation != "BINARY" for column in route.columns)
        self._names: Sequence[str] = ()
        self._values: Callable[[SqlRow], SqlRow] = tuple

    def add(self, asker: Asker, keys: list[Key]) -> None:
        self.members[asker] = tuple(keys)
        for key in keys:
            self._by_key[key] = joined(self._by_key.get(key), asker)

    def discard(self, asker: Asker) -> None:
        for key in self.members.pop(asker, ()):
            left = self._by_key[key] = without(self._by_key[key], asker)
            if left is None:
                del self._by_key[key]

    def reached(self, conn: Connection, sql: Callable[[], str]) -> Iterable[Asker]:
        """Return the programs that ask for a value that `sql` finds; all of them where they are few."""
        if len(self.members) <= FEW:
            return self.members
        try:
            rows = conn.execute(sql()).fetchall()
        except sqlite3.Error:  # text that isn't UTF-8, a function that fails on a row: let the programs see
            return self.members
        return self._at(self.route.key(row) for row in rows)

    def asking(self, rows: Sequence[SqlRow], names: Sequence[str]) -> Iterable[Asker] | None:
        """Return the programs that ask for a value in `rows` of a log whose columns are `names`, after two of its own.

        None where the log has to be asked: a text that isn't UTF-8 is read as its bytes, and a program that has just
        come may ask for a column that isn't logged yet.
        """
        if names != self._names:
            wanted = [column.name for column in self.route.columns]
            if not set(wanted).issubset(names):
                return None
            self._names, self._values = names, getter([names.index(name) + 2 for name in wanted])
        found: dict[Asker, None] = {}
        for row in rows:
            values = self._values(row)
            if bytes in map(type, values):
                return None
            askers = self._by_key.get(self.route.key(values) if self._folds else values)
            if askers is not None:
                found.update(dict.fromkeys(each(askers)))
        return found

    def _at(self, keys: Iterable[Key]) -> Iterator[Asker]:
        for key in keys:
            yield from each(self._by_key.get(key))


@dataclass(slots=True)
class _Readers(Generic[Asker]):
    """Who reads one table, by the columns they read: those that a change of them always reaches, and those by value."""

    always: dict[frozenset[str], dict[Asker, None]] = field(default_factory=dict)
    direct: dict[tuple[frozenset[str], object], _Index[Asker]] = field(default_factory=dict)
    joined: dict[tuple[frozenset[str], object], _Index[Asker]] = field(default_factory=dict)

    def index_of(
        self, table: TableName, columns: frozenset[str], route: Route | None
    ) -> tuple[dict[tuple[frozenset[str], object], _Index[Asker]], tuple[frozenset[str], object]] | None:
        """Return where programs of `route` are found by value, and under which name; None: each change reaches them."""
        if route is None or (table != route.table and table not in route.beside):
            return None
        direct = table == route.table
        name = (columns, route.columns if direct else id(route))  # of one template; its index holds it
        return (self.direct if direct else self.joined), name

    def everyone(self) -> Iterator[Asker]:
        for askers in self.always.values():
            yield from askers
        for index in (*self.direct.values(), *self.joined.values()):
            yield from index.members


@dataclass(slots=True)
class _Home:
    """Where the programs of one template are found: by the columns that they read, and by values where they ask so.

    It holds what `name` has the ids of, so that they stay theirs.
    """

    name: tuple[int, int, bool]
    needs: Needs
    route: Route | None
    members: int = 0


class Router(Generic[Asker]):
    """Finds the programs that a commit can reach."""

    def __init__(self) -> None:
        self._tables: dict[TableName, _Readers[Asker]] = {}
        self._homes: dict[Asker, _Home] = {}
        self._known: dict[tuple[int, int, bool], _Home] = {}

    def add(self, asker: Asker, needs: Needs, route: Route | None, keys: list[Key] | None) -> None:
        """Take a program that reads `needs`. Without `keys` each change of them reaches it."""
        name = (id(needs), id(route), keys is None)
        home = self._known.get(name)
        if home is None:
            home = self._known[name] = _Home(name, needs, None if keys is None else route)
        home.members += 1
        self._homes[asker] = home
        for table, columns in needs.items():
            readers = self._tables.setdefault(table, _Readers())
            found = readers.index_of(table, columns, home.route)
            if found is None or route is None or keys is None:
                readers.always.setdefault(columns, {})[asker] = None
                continue
            indexes, place = found
            indexes.setdefault(place, _Index(route)).add(asker, keys)

    def discard(self, asker: Asker) -> None:
        """Forget a program."""
        home = self._homes.pop(asker, None)
        if home is None:
            return
        home.members -= 1
        if not home.members:
            del self._known[home.name]
        for table, columns in home.needs.items():
            readers = self._tables[table]
            found = readers.index_of(table, columns, home.route)
            if found is None:
                askers = readers.always[columns]
                del askers[asker]
                if not askers:
                    del readers.always[columns]
                continue
            indexes, place = found
            indexes[place].discard(asker)
            if not indexes[place].members:
                del indexes[place]

    def clear(self) -> None:
        """Forget every program."""
        self._tables.clear()
        self._homes.clear()
        self._known.clear()

    def readers(self, table: TableName) -> Iterator[Asker]:
        """Yield all that read `table`."""
        found = self._tables.get(table)
        return iter(()) if found is None else found.everyone()

    def reached(self, conn: Connection, changes: Changes) -> dict[Asker, None]:
        """Return the programs that what is in the logs can reach."""
        found: dict[Asker, None] = {}
        for table, log in changes.logs.items():
            readers = self._tables.get(table)
            if readers is None:
                continue
            few = changes.counts[table] <= ROWS_MAX
            rows, names = changes.rows[table](conn) if few else ((), ())
            for columns, askers in readers.always.items():
                if _concerns(changes, table, names, columns):
                    found.update(askers)
            for (columns, _), index in readers.direct.items():
                asking = index.asking(rows, names) if few else None
                if asking is None:
                    asking = index.reached(conn, partial(index.route.log_sql, log))
                reached = dict.fromkeys(asking)
                if reached and _concerns(changes, table, names, columns):
                    found.update(reached)
            for (columns, _), index in readers.joined.items():
                if not _concerns(changes, table, names, columns):
                    continue
                if any(other in changes.logs for other in index.route.beside if other != table):
                    found.update(dict.fromkeys(index.members))
                else:
                    found.update(dict.fromkeys(index.reached(conn, partial(index.route.joined_sql, table, log))))
        return found


def _concerns(changes: Changes, table: TableName, logged: Sequence[str], columns: frozenset[str]) -> bool:
    """Say whether who reads `columns` of `table` may see a difference; who reads all that is logged does."""
    if len(columns) == len(logged) or columns == TOUCH:
        return True
    moved = changes.moved_columns(table)
    return moved is None or not columns.isdisjoint(moved)


# -- what a plan asks for


def _sources(plan: Select) -> Iterator[Source]:
    """Yield every occurrence of a table, those in subqueries too."""
    yield from plan.sources
    for expr in expressions(plan):
        for node in walk_deep(expr):
            if isinstance(node, Exists | InSelect | Scalar):
                yield from node.select.sources


def _equality(part: Expr) -> tuple[Column | None, tuple[Expr, ...]]:
    """Return the column of `column = value` or `column IN (values)`, and the values."""
    match part:
        case Binary("=", Column() as column, Param() | Const() as value) if _is_value(value):
            return column, (value,)
        case Binary("=", Param() | Const() as value, Column() as column) if _is_value(value):
            return column, (value,)
        case InList(Column() as column, items) if all(map(_is_value, items)):
            return column, items
        case InEach(Column() as column, Param()):
            return column, (part,)
    return None, ()


def _values(expr: Expr, params: Mapping[str, SqlValue]) -> Iterable[SqlValue]:
    """Return the values that a column may equal by one of `Route.wanted`."""
    match expr:
        case Param(name):
            return (params[name],)
        case InEach(_, Param(name)):
            listed: list[SqlValue] = json.loads(str(params[name]))
            return listed
    return (_literal(expr),)


def _is_value(expr: Expr) -> bool:
    return isinstance(expr, Param) or (isinstance(expr, Const) and _literal(expr) is not None)


def _literal(expr: Expr) -> SqlValue:
    """Return the value of a text or integer literal; None for others."""
    assert isinstance(expr, Const), "only parameters and literals are asked for"
    if _TEXT.fullmatch(expr.sql):
        return expr.sql[1:-1].replace("''", "'")
    return int(expr.sql) if _INTEGER.fullmatch(expr.sql) else None


def _has_param(values: Iterable[tuple[Expr, ...]]) -> bool:
    return any(isinstance(expr, Param | InEach) for exprs in values for expr in exprs)


def _joined(
    plan: Select, at: int, changed: int, names: Iterable[str], parts: Iterable[Expr], *, inner: bool
) -> Select | None:
    """Return the SELECT of the columns `names` of occurrence `at`, joined to a log in the place of `changed`.

    Only conditions that are the same for all programs narrow it. None where a row of the log isn't tied to the column.
    """
    outputs = tuple(Output(Column(at, name)) for name in names)
    if inner:
        sources = tuple(replace(source, on=None, join="," if n else "") for n, source in enumerate(plan.sources))
        kept = [part for part in parts if _is_shared(part)]
    else:  # the rows before a changed one are as they were; those behind it may be missing
        if changed < at:
            return None
        last = plan.sources[changed]
        sources = (*plan.sources[:changed], replace(last, join="JOIN" if last.join == "LEFT JOIN" else last.join))
        left = {n for n, source in enumerate(plan.sources) if source.join == "LEFT JOIN"}
        kept = [
            p
            for p in parts
            if _is_shared(p) and all(c.source < changed and c.source not in left for c in columns_of(p))
        ]
        if not all(_is_shared(part) for source in sources for part in conjuncts(source.on)):
            return None
    ties = [{c.source for c in columns_of(p)} for p in kept]
    ties += [{c.source for c in columns_of(p)} for s in sources for p in conjuncts(s.on)]
    if not _tied(at, len(sources), ties):
        return None
    where: Expr | None = None
    for part in kept:
        where = part if where is None else Binary("AND", where, part)
    return Select(sources, outputs, where, distinct=True)


def _is_shared(part: Expr) -> bool:
    """Say whether a condition is the same for every program and at every time."""
    return not any(True for _ in selects(part)) and not any(isinstance(node, Param) for node in walk(part))


def _tied(start: int, size: int, ties: Iterable[set[int]]) -> bool:
    """Say whether conditions tie all occurrences together."""
    reached, ties = {start}, list(ties)
    while more := {n for tie in ties if tie & reached for n in tie} - reached:
        reached |= more
    return len(reached & set(range(size))) == size


# -- equality as SQLite has it


def _is_converted(column: ColumnInfo, value: SqlValue) -> bool:
    """Say whether SQLite converts `value` before it compares it with the column."""
    if column.affinity == "TEXT":
        return isinstance(value, int | float)
    return column.affinity != "BLOB" and isinstance(value, str)


def _same(column: ColumnInfo, value: SqlValue) -> object:
    """Return what is equal for equal values: numbers by value, text under the column's collation, bytes as they are."""
    return fold(value, column.collation) if isinstance(value, str) else value
