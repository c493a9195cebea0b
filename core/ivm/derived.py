"""Derived tables: what stands in FROM and can't be written out as its tables is kept as a TEMP table of its own.

    SELECT p.name, d.n FROM project p JOIN (SELECT project, count(*) AS n FROM issue GROUP BY project) d ON ...

    issue changed --> [ the inner query, by its own rule ] --pairs--> temp._eddy_derived_1, and its log
                                                                             |
                      [ the outer query over project and that table ] <------+    --pairs--> view

So each of the two has the cheapest rule that is exact, and all of them compose: groups over groups, joins with groups,
windows over groups, the first rows of an order, compounds, full joins.

    _eddy_derived_1 ( _eddy_program | k0, k1, .. the row's key | c0, c1, .. its columns )

One table serves all programs of a template, each with its own number. A column has affinity and collation of what it
holds; what has no affinity in SQL is read as `+c0`, which has none either.
A TEMP table rolls back with the transaction, also where what was staged has been shown (a commit of another program,
found as ours began). So each step leaves a number behind, and one that doesn't find the last number reads all anew.
Cost per step: that of both queries, and two small statements for each row that changes between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from ..changes import WEIGHT
from ..query.plan import (
    Binary,
    Column,
    Compound,
    Exists,
    Expr,
    InSelect,
    Order,
    Output,
    Param,
    Scalar,
    Select,
    Source,
    Unary,
    Unplannable,
    conjuncts,
    rewrite,
    rewrite_select,
)
from ..schema.catalog import Affinity, Catalog, ColumnInfo, TableInfo, TableName
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow
from .operator import Entry

if TYPE_CHECKING:
    from .template import Template

__all__ = ["PROGRAM", "VERSIONS", "DerivedTables", "Inner", "Kind", "NeedsTables", "ensure", "over_tables"]

PROGRAM = "_eddy_program"
_PREFIX = "_eddy_derived"
VERSIONS = f"temp.{_PREFIX}"


class NeedsTables(Unplannable):
    """The query is kept over derived tables, and this connection can't make any."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a column of a subquery compares: without affinity it is read so that it has none."""

    affinity: Affinity | None
    collation: str


@dataclass(frozen=True, slots=True)
class Inner:
    """One derived table: the template that feeds it, and where its rows' key and columns stand in entries.

    `sought` are the columns by which rows are looked up, beside the key.
    """

    template: Template
    table: TableInfo
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    key_at: tuple[int, ...]
    sought: tuple[str, ...]

    @property
    def log(self) -> str:
        """The name of its log."""
        return f"{self.table.name.sql}_log"

    def column(self, source: int, name: str) -> Expr:
        """Return what reads its column `name` as occurrence `source`."""
        at = self.names.index(name.lower())
        column = Column(source, f"c{at}")
        return column if self.kinds[at].affinity is not None else Unary("+", column)

    def row(self, entry: Entry) -> SqlRow:
        """Return the values of `entry` as they stand in the table."""
        return (*([entry[at] for at in self.key_at] or [0]), *entry[: len(self.names)])


class DerivedTables:
    """The derived tables of one connection."""

    def __init__(self) -> None:
        self._serial = count(1)

    def make(
        self,
        conn: Connection,
        catalog: Catalog,
        kinds: Sequence[Kind],
        key_collations: Sequence[str],
        sought: Sequence[str],
    ) -> TableInfo:
        """Make a table for rows of these columns and keys."""
        number = next(self._serial)
        name = TableName("temp", f"{_PREFIX}_{number}")
        keys = [_info(f"k{n}", None, collation) for n, collation in enumerate(key_collations or ["BINARY"])]
        columns = [_info(f"c{n}", kind.affinity, kind.collation) for n, kind in enumerate(kinds)]
        info = TableInfo(name, "table", (_info(PROGRAM, "INTEGER", "BINARY"), *keys, *columns), _names(keys), None)
        ensure(conn, info, sought)
        catalog.adopt(info)
        return info

    def drop(self, conn: Connection, catalog: Catalog, inner: Inner) -> None:
        """Take a table off, and those that feed it."""
        for below in inner.template.inners:
            self.drop(conn, catalog, below)
        conn.execute(f"DROP TABLE IF EXISTS {inner.table.name.sql}")
        conn.execute(f"DROP TABLE IF EXISTS {inner.log}")
        catalog.abandon(inner.table.name)


def ensure(conn: Connection, info: TableInfo, sought: Sequence[str]) -> None:
    """Make table, indexes and log where they are not: a rollback takes them away.

    The planner is told that the log is short.
    """
    name = info.name
    declared = ", ".join(f"{quote_name(column.name)}{column.declared}" for column in info.columns)
    found = conn.execute("SELECT 1 FROM temp.sqlite_schema WHERE name = ?", (name.name,)).fetchone()
    if found is not None:
        return
    conn.execute(f"CREATE TABLE {name.sql} ({declared})")
    for at, columns in enumerate([info.key, *((column,) for column in sought)]):
        conn.execute(f"CREATE INDEX temp.{name.name}_{at} ON {name.name} ({', '.join((PROGRAM, *columns))})")
    conn.execute(f"CREATE TABLE {name.sql}_log ({WEIGHT} INTEGER, {declared})")
    conn.execute(f"CREATE TABLE IF NOT EXISTS {VERSIONS} (operator INTEGER PRIMARY KEY, version INTEGER)")
    conn.execute(f"ANALYZE {name.sql}_log")
    conn.execute("INSERT INTO temp.sqlite_stat1 VALUES (?, NULL, '1')", (f"{name.name}_log",))
    conn.execute("ANALYZE temp.sqlite_schema")


def _info(name: str, affinity: Affinity | None, collation: str) -> ColumnInfo:
    return ColumnInfo(name, affinity or "BLOB", collation, 0, generated=False)


def _names(columns: Sequence[ColumnInfo]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


# -- the plan


Make: TypeAlias = Callable[[Select | Compound, frozenset[str]], Inner]


def over_tables(plan: Select, make: Make) -> tuple[Select, tuple[Inner, ...]]:
    """Return `plan` with a table in the place of each subquery in FROM, and these tables. Equal ones share one.

    `make` is told which of its columns the plan compares with others.
    """
    made: dict[Select | Compound, Inner] = {}

    def take(select: Select | Compound, sought: frozenset[str]) -> Inner:
        if select not in made:
            made[select] = make(select, sought)
        return made[select]

    found = _over_tables(_ordered(plan), 0, take)
    return found, tuple(made.values())


def _over_tables(plan: Select, first: int, take: Make) -> Select:
    behind = first + len(plan.sources)

    def inside(expr: Expr) -> Expr | None:
        match expr:
            case Exists(select):
                return Exists(_over_tables(select, behind, take))
            case InSelect(arg, select):
                return InSelect(rewrite(arg, inside), _over_tables(select, behind, take))
            case Scalar(select):
                return Scalar(_over_tables(select, behind, take))
        return None

    plan = rewrite_select(plan, inside)
    sought = [*_sought(plan)]
    inners = {
        at: take(s.select, frozenset(column.name.lower() for column in sought if column.source == at))
        for at, s in enumerate(plan.sources, first)
        if s.select is not None
    }
    if not inners:
        return plan

    def change(expr: Expr) -> Expr | None:
        found = inners.get(expr.source) if isinstance(expr, Column) else None
        return found.column(expr.source, expr.name) if found is not None and isinstance(expr, Column) else None

    plan = rewrite_select(plan, change)
    sources: list[Source] = []
    for at, source in enumerate(plan.sources, first):
        inner = inners.get(at)
        if inner is None:
            sources.append(source)
            continue
        mine: Expr = Binary("=", Column(at, PROGRAM), Param(PROGRAM))
        left = source.join == "LEFT JOIN"
        on = source.on
        if left:
            on = mine if on is None else Binary("AND", on, mine)
        sources.append(Source(inner.table.name, source.alias, source.join, on))
        plan = plan if left else plan.with_where(mine)
    return replace(plan, sources=tuple(sources))


def _sought(plan: Select) -> Iterator[Column]:
    """Yield the columns that are compared with another table's."""
    for condition in (plan.where, *(source.on for source in plan.sources)):
        for part in conjuncts(condition):
            if isinstance(part, Binary) and part.op == "=":
                yield from (side for side in (part.left, part.right) if isinstance(side, Column))


def _ordered(plan: Select) -> Select:
    """Return `plan` in the order of the one subquery that it reads as it is, as SQLite keeps it, too."""
    select = plan.sources[0].select if len(plan.sources) == 1 else None
    if select is None or plan.order_by or plan.grouped or plan.distinct or plan.windows:
        return plan
    first = select if isinstance(select, Select) else select.parts[0]
    names = [o.alias or (o.expr.name if isinstance(o.expr, Column) else "") for o in first.outputs]
    if isinstance(select, Compound):
        if any(place.collation for place in select.order_by):
            return plan
        terms = [Order(Column(0, names[p.at]), p.desc, p.nulls_first) for p in select.order_by]
        return replace(plan, order_by=tuple(terms))
    outputs, terms = list(select.outputs), []
    exprs = [output.expr for output in outputs]
    for order in select.order_by:
        if order.expr not in exprs:
            if select.distinct:
                return plan
            exprs.append(order.expr)
            names.append(f"_order_{len(names)}")
            outputs.append(Output(order.expr, names[-1]))
        terms.append(replace(order, expr=Column(0, names[exprs.index(order.expr)])))
    source = replace(plan.sources[0], select=replace(select, outputs=tuple(outputs)))
    return replace(plan, sources=(source,), order_by=tuple(terms))
