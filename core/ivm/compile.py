"""Compile: a query's text to a template, the rule by which it is kept, and why.

    text --parse--> plan --classify--> Template(rule, reason, layout, statements) --params--> Program

| rule | when |
|---|---|
| delta | inner joins; with grouping, if every aggregate has an accumulator and every output follows from the groups |
| key | left joins; subqueries; window functions; other groupings over base tables |
| re-run | everything else; the tables it reads are asked of SQLite |

A template holds what all programs with the same text share; it is thrown away when the schema moves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, TypeGuard

from ..changes import TOUCH
from ..collate import COLLATIONS
from ..query.asked import Asked, shape_of
from ..query.diagnose import translate
from ..query.fit import check_fit
from ..query.nested import Level, LevelReader
from ..query.parse import parse
from ..query.plan import (
    Binary,
    Call,
    Cast,
    Collate,
    Column,
    Compound,
    Const,
    Expr,
    Over,
    Param,
    Select,
    Unary,
    Unplannable,
    children,
    columns_of,
    conjuncts,
    expressions,
    is_aggregate,
    rewrite_select,
    selects,
    walk,
    walk_deep,
)
from ..query.render import render_expr
from ..query.result_types import ResultType, result_types
from ..query.verdict import check, column_names, index_use, is_private, tables_read
from ..schema.catalog import Affinity, Catalog, TableInfo, TableName, affinity_of, collations
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlValue
from .aggregate import accumulator_for
from .compound import CompoundLayout, Part
from .group_plan import GroupPlan, identity_expr, sensitive
from .keyed import Touch
from .layout import Layout
from .nested import LevelPlan
from .partitions import partition_key, settled
from .routing import Route, route_of
from .subqueries import Reach, holds_select, lean, levels, reaches

__all__ = ["Planned", "Rule", "Shapes", "Template", "compile_template"]

Rule: TypeAlias = Literal["delta", "key", "re-run"]

_CLOCK_CALLS = frozenset({"date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"})
_DETERMINISTIC = 0x800


@dataclass(slots=True)
class Template:
    """One compiled text. `needs` says what must be captured for it; `plan` is None for a re-run text.

    `parts` are the templates of a compound's parts.
    `ddl` holds what made the tables that it reads, now: for advice on indexes; `indexed`: what misses was looked for,
    for programs that scroll (True), and that don't.
    `private`: only the writer's connection sees all that it reads. `types`: of the columns, where they were planned.
    """

    sql: str
    rule: Rule
    reason: str
    columns: tuple[str, ...]
    needs: Mapping[TableName, frozenset[str]]
    plan: Select | Compound | None = None
    layout: Layout | CompoundLayout | None = None
    groups: GroupPlan | None = None
    touch: Touch | None = None
    volatile: bool = False
    private: bool = False
    index_use: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    route: Route | None = None
    types: tuple[ResultType, ...] = ()
    parts: tuple[Template, ...] = ()
    ddl: Mapping[TableName, tuple[str, ...]] = field(default_factory=dict)
    indexed: set[bool] = field(default_factory=set)

    @property
    def tables(self) -> frozenset[TableName]:
        """The tables whose change may change the result."""
        return frozenset(self.needs)


@dataclass(frozen=True, slots=True)
class Planned:
    """A query's template, and what the query itself calls the template's parameters, in the order of `params`.

    `levels` are what its rows include. `asked` is the first that was asked so: what has its text may share it.
    """

    template: Template
    asked: Asked
    names: tuple[str, ...] = ()
    levels: tuple[LevelPlan, ...] = ()


Shapes: TypeAlias = dict[tuple[Select | Compound, tuple[str, ...]], Template]
"""The templates that are known, by shape and names of columns."""


def compile_template(conn: Connection, asked: Asked, catalog: Catalog, known: Shapes | None = None) -> Planned:
    """Return the template of the SELECT `asked`, a known one if it has the same shape.

    Raises `QueryError` if SQLite refuses it.
    """
    sql = asked.sql
    check(conn, sql)
    known = {} if known is None else known
    plan: Select | Compound | None = None
    try:
        plan = _plan(conn, asked, catalog)
        shape, names = shape_of(plan)
        at = (shape, column_names(conn, sql))
        template = known.get(at)
        if template is None:
            if isinstance(plan, Compound):
                template = known[at] = _compound(conn, sql, catalog, plan)
            else:
                template = known[at] = _Compiler(conn, sql, catalog, plan).template()
                assert isinstance(template.plan, Select), "the plan of one SELECT"
                template.route = route_of(template.plan, catalog)
            template.params = names
    except Unplannable as reason:
        template, names = _rerun(conn, sql, catalog, str(reason)), ()
    if not template.index_use:
        template.private = is_private(sql, catalog)
        template.index_use = index_use(conn, sql)
        template.types = () if plan is None else result_types(plan, catalog)
        if template.plan is not None:
            catalog.note_ddl(template.needs)
            template.ddl = catalog.ddl
    return Planned(template, asked, names, _levels(conn, asked.levels, catalog))


def _levels(conn: Connection, levels: Iterable[Level], catalog: Catalog) -> tuple[LevelPlan, ...]:
    """Return the plans of what rows include. Raises `QueryError` where SQLite refuses one."""
    for level in levels:
        check(conn, LevelReader(level).sql(1))
        _levels(conn, level.levels, catalog)
    return tuple(LevelPlan(level, catalog) for level in levels)


def _plan(conn: Connection, asked: Asked, catalog: Catalog) -> Select | Compound:
    if asked.no_plan:
        raise Unplannable(asked.no_plan)
    if asked.plan is None:
        return parse(asked.sql, catalog, conn)
    if asked.from_afar:
        check_fit(asked.plan, catalog)
    parts = asked.plan.parts if isinstance(asked.plan, Compound) else (asked.plan,)
    if any(catalog.kind(str(source.table)) == "view" for part in parts for source in part.sources):
        return parse(asked.sql, catalog, conn)  # which writes the view out
    return asked.plan


def _compound(conn: Connection, sql: str, catalog: Catalog, plan: Compound) -> Template:
    """Return the template of a compound out of those of its parts. Raises `Unplannable` where one has none."""
    compilers = [_Compiler(conn, sql, catalog, part) for part in plan.parts]
    names = _compound_collations(compilers, steady=not plan.order_by and set(plan.words) == {"UNION ALL"})
    if plan.words[-1] == "UNION ALL" and any(word != "UNION ALL" for word in plan.words):
        raise Unplannable("UNION ALL behind another word is re-run")
    calls = [call for part in plan.parts for call in (*part.aggregates, *(over.call for over in part.windows))]
    summed = (call.name for call in calls if call.name in ("sum", "total", "avg"))
    if any(word != "UNION ALL" for word in plan.words) and (name := next(summed, None)):
        raise Unplannable(f"{name} in a set: sums of REAL are equal but for rounding, and sets compare exactly")
    if any(place.collation and place.collation.upper() not in COLLATIONS for place in plan.order_by):
        raise Unplannable("a collation is the program's own")
    layouts, templates = [], []
    for compiler in compilers:
        identities = [identity_expr(o.expr, name) for o, name in zip(compiler.outputs, names, strict=True)]
        template = compiler.template(identities)
        layout = template.layout
        assert isinstance(layout, Layout), "a part is one SELECT"
        key = [layout.exprs[at] for at in layout.key_at]
        collations_of = compiler.order_collations(key)
        layouts.append(Part(layout, layout.key_at, tuple(map(layout.place, identities)), tuple(collations_of)))
        templates.append(template)
    needs: dict[TableName, frozenset[str]] = {}
    for part in templates:
        for table, used in part.needs.items():
            needs[table] = needs.get(table, frozenset()) | used
    columns = column_names(conn, sql)
    rule: Rule = "key" if any(part.rule == "key" for part in templates) else "delta"
    words = ", ".join(dict.fromkeys(plan.words))
    reason = f"{words} of {len(templates)} parts: {'; '.join(dict.fromkeys(part.reason for part in templates))}"
    return Template(
        sql, rule, reason, columns, needs, plan,
        CompoundLayout(plan, layouts, columns, names, catalog.encoding), parts=tuple(templates),
    )  # fmt: skip


def _compound_collations(compilers: Sequence[_Compiler], *, steady: bool) -> list[str]:
    """Return the collation of each column of a compound: that of the leftmost part whose column has one.

    Where the first two have none, SQLite itself takes now this, now that: `steady` where it doesn't matter.
    """
    found = []
    for exprs in zip(*(compiler.outputs for compiler in compilers), strict=True):
        names = [c.output_collation(output.expr) for c, output in zip(compilers, exprs, strict=True)]
        if (
            not steady
            and names[0] is None
            and len(compilers) > 2
            and any(name not in (None, "BINARY") for name in names)
        ):
            raise Unplannable("a compound under a collation that only a later part has is re-run")
        found.append(next((name for name in names if name is not None), "BINARY"))
    return found


def _rerun(conn: Connection, sql: str, catalog: Catalog, reason: str) -> Template:
    tables, functions = tables_read(conn, sql, catalog)
    clock = any(name in _CLOCK_CALLS for name in functions) or "current_" in sql.lower()
    return Template(
        sql=sql, rule="re-run", reason=reason, columns=(), needs=dict.fromkeys(sorted(tables), TOUCH),
        volatile=clock or not _deterministic(conn, functions),
    )  # fmt: skip


def _deterministic(conn: Connection, functions: Iterable[str]) -> bool:
    """Say whether SQLite counts each function as deterministic; its own aggregates are, without being marked so."""
    wanted = set(functions)
    if not wanted:
        return True
    return all(
        flags & _DETERMINISTIC or (builtin and kind != "s")
        for name, builtin, kind, _encoding, _narg, flags in conn.execute("PRAGMA function_list").fetchall()
        if name in wanted
    )


def _function_kinds(conn: Connection, wanted: set[str]) -> dict[str, str]:
    """Return name -> s (scalar), a (aggregate) or w (also a window function) of the functions in `wanted`."""
    return {row[0]: row[2] for row in conn.execute("PRAGMA function_list").fetchall() if row[0] in wanted}


class _Compiler:
    """Classifies one plan."""

    def __init__(self, conn: Connection, sql: str, catalog: Catalog, plan: Select) -> None:
        plan = _turned(plan)
        self.outputs = plan.outputs
        plan = _as_groups(lean(plan))
        self._conn, self._sql, self._catalog, self._plan = conn, sql, catalog, plan
        self._tables = [catalog.table(source.table) for source in plan.sources]
        self._aliases = [source.alias for source in plan.sources]
        self._from = ", ".join(f"{s.table.sql} AS {quote_name(s.alias)}" for s in plan.sources) or "(SELECT 1)"
        self._left = {at for at, source in enumerate(plan.sources) if source.join == "LEFT JOIN"}

    def template(self, extra: Sequence[Expr] = ()) -> Template:
        """Return the template by the cheapest rule that is exact; its entries hold the values of `extra`, too."""
        self._refuse_unstable()
        return self._grouped(extra) if self._plan.grouped else self._rows(extra)

    def output_collation(self, expr: Expr) -> str | None:
        """Return the collation that an output brings into a compound, None if it has none of its own."""
        inner = expr
        while isinstance(inner, Cast) or (isinstance(inner, Unary) and inner.op == "+"):
            inner = inner.arg
        if isinstance(inner, Column) and inner.name == self._tables[inner.source].rowid_alias:
            return None
        if isinstance(inner, Column) or _collates(inner):
            if _has_aggregate(expr):
                raise Unplannable("an aggregate under a collation in a compound is re-run")
            return self._collations((expr,))[0]
        return None

    def order_collations(self, exprs: Sequence[Expr]) -> list[str]:
        """Return the collation of each of `exprs`; an aggregate's value has none, so BINARY."""
        return ["BINARY" if _has_aggregate(expr) else self._collations((expr,))[0] for expr in exprs]

    # -- rules

    def _rows(self, extra: Sequence[Expr]) -> Template:
        key = [Column(at, name) for at, table in enumerate(self._tables) for name in table.key]
        plan = self._plan = settled(self._plan, key)
        layout = Layout(plan, key, self._columns())
        self._order(layout, extra)
        nested = reaches(plan, self)
        if plan.windows:
            return self._partitions(layout, nested)
        if not self._left and not nested:
            reason = "rows of base tables by inner joins" if self._tables else "a row that no table can change"
            return self._template("delta", reason, layout)
        anchor: tuple[Expr, ...] = tuple(Column(0, name) for name in self._tables[0].key) if self._tables else ()
        touch = Touch(plan, anchor, self._collations(anchor), nested)
        what = "a subquery" if nested else "a left join"
        how = "is kept by the key of the first table" if anchor else "beside no table: the row is read anew"
        template = self._template("key", f"{what} {how}", layout)
        template.touch = touch
        return template

    def _partitions(self, layout: Layout, nested: Sequence[Reach]) -> Template:
        """Return the template of a query with window functions."""
        key = partition_key(self._plan, first_only=bool(self._left))
        touch = Touch(self._plan, key, self._collations(key), nested)
        which = "touched partitions are" if key else "all rows are one partition,"
        template = self._template("key", f"window functions: {which} read anew", layout)
        template.touch = touch
        return template

    def _grouped(self, extra: Sequence[Expr]) -> Template:
        plan = self._plan
        if plan.windows:
            raise Unplannable("a window function over groups is re-run")
        names = self._collations(plan.group_by)
        if any(map(holds_select, plan.group_by)):
            raise Unplannable("GROUP BY a subquery is re-run")
        beside = [output.expr for output in plan.outputs] + [order.expr for order in plan.order_by]
        beside += [] if plan.having is None else [plan.having]
        nested = reaches(plan, self)
        layout = Layout(plan, plan.group_by, self._columns())
        self._order(layout, extra)
        reason = self._not_by_delta()
        if any(map(holds_select, beside)):
            reason = "a subquery beside the groups"
        always = frozenset() if plan.group_by else frozenset(_tables_in(beside))
        touch = Touch(plan, plan.group_by, names, nested, always) if nested or reason is not None else None
        if reason is None:
            how = "groups kept by accumulators"
            if nested:
                template = self._template("key", f"{how}, read anew where a table in a subquery touches them", layout)
            else:
                template = self._template("delta", how, layout)
            template.touch = touch
            template.groups = GroupPlan(
                plan, layout, group_collations=names, dependent=self._dependent(), affinities=self._affinity,
                collation_of=lambda expr: self._collations((expr,))[0], encoding=self._catalog.encoding,
                one_typed=all(map(self._one_typed, plan.group_by, names)),
            )  # fmt: skip
            return template
        if self._left and any(column.source for expr in plan.group_by for column in columns_of(expr)):
            raise Unplannable("a left join grouped by more than its first table's columns is re-run")
        which = "touched groups are" if plan.group_by else "the group of all rows is"
        template = self._template("key", f"{which} read anew: {reason}", layout)
        template.touch = touch
        return template

    def _not_by_delta(self) -> str | None:
        """Return why accumulators can't keep the groups, or None if they can."""
        plan = self._plan
        if self._left:
            return "a left join"
        for call in plan.aggregates:
            if accumulator_for(call, None, "BINARY", self._catalog.encoding, "x") is None:
                return f"{call.name} has no accumulator" if not call.distinct else f"{call.name}(DISTINCT)"
        known = [*plan.group_by, *self._dependent()]
        exprs = [output.expr for output in plan.outputs] + [order.expr for order in plan.order_by]
        if plan.having is not None:
            exprs.append(plan.having)
        for expr in exprs:
            if self._bare(expr, known):
                return "a column beside the aggregates that the groups don't determine"
            if expr not in known and sensitive(expr, known):
                return "a group's value is compared after grouping"
        return None

    def _bare(self, expr: Expr, known: list[Expr]) -> bool:
        """Say whether `expr` reads a column outside aggregates and group values."""
        if expr in known or (isinstance(expr, Call) and is_aggregate(expr)):
            return False
        return isinstance(expr, Column) or any(self._bare(child, known) for child in children(expr))

    def _dependent(self) -> list[Column]:
        """Return the columns outside aggregates that the groups determine: their table's key is grouped or joined by.

        With min or max SQLite takes such columns from the extremum's row; of one table row that is the same.
        """
        plan = self._plan
        grouped = set(plan.group_by)
        fixed = self._fixed_by(grouped)
        keyed = {at for at, table in enumerate(self._tables) if all(Column(at, name) in fixed for name in table.key)}
        exprs = [output.expr for output in plan.outputs] + [order.expr for order in plan.order_by]
        if plan.having is not None:
            exprs.append(plan.having)
        found = [c for expr in exprs for c in _outside_aggregates(expr) if c not in grouped and c.source in keyed]
        return list(dict.fromkeys(found))

    def _fixed_by(self, grouped: set[Expr]) -> set[Expr]:
        """Return what has one value in each group: the group's columns and those that a join sets equal to them.

        Only columns of one affinity under BINARY count, so that equal means the same.
        """
        equal: list[tuple[Expr, Expr]] = []
        conditions = [source.on for source in self._plan.sources if source.join != "LEFT JOIN"]
        for part in (part for condition in (self._plan.where, *conditions) for part in conjuncts(condition)):
            match part:
                case Binary("=", Column() as left, Column() as right):
                    if self._one_typed(left, self._collation(left)) and self._affinity(left) == self._affinity(right):
                        equal += [(left, right), (right, left)]
        fixed = set(grouped)
        while more := {right for left, right in equal if left in fixed} - fixed:
            fixed |= more
        return fixed

    def _collation(self, column: Column) -> str:
        return self._tables[column.source].key_column(column.name).collation

    # -- what SQLite says about expressions

    def _refuse_unstable(self) -> None:
        """Raise `Unplannable` where the same row may give another value tomorrow."""
        exprs = list(expressions(self._plan))
        nodes = [node for expr in exprs for node in walk_deep(expr)]
        calls = [node for node in nodes if isinstance(node, Call)]
        over = {node.call.name for node in nodes if isinstance(node, Over)}
        for call in calls:
            if call.name in _CLOCK_CALLS and (not call.args or any(_maybe_now(arg) for arg in call.args)):
                raise Unplannable(f"{call.name}() may read the clock")
        kinds = _function_kinds(self._conn, {call.name for call in calls})
        for call in calls:
            if kinds.get(call.name, "s") != "s" and call.name not in ("min", "max") and not is_aggregate(call):
                raise Unplannable(f"{call.name} is an aggregate of the program's own")
        if not _deterministic(self._conn, {call.name for call in calls} | over):
            raise Unplannable("a function isn't deterministic")
        for name in {node.name.upper() for node in nodes if isinstance(node, Collate)}:
            if name not in COLLATIONS:
                raise Unplannable(f"collation {name} is the program's own")

    def _collations(self, exprs: Iterable[Expr]) -> list[str]:
        names: list[str] = []
        for expr in exprs:
            term = f"+({render_expr(expr, self._aliases)})"
            try:
                names += collations(self._conn, self._from, [term], _Nulls())
            except sqlite3.Error as error:
                raise translate(error, self._sql, self._conn) from error
        for name in names:
            if name not in COLLATIONS:
                raise Unplannable(f"collation {name} is the program's own")
        return names

    def _order(self, layout: Layout, extra: Sequence[Expr] = ()) -> None:
        """Give the layout the collation of each order term; an aggregate's value has none, so BINARY.

        `extra` is what its entries hold beside.
        """
        for other in extra:
            layout.place(other)
        plain = [None if _has_aggregate(order.expr) else order.expr for order in layout.order]
        known = iter(self._collations([expr for expr in plain if expr is not None]))
        names = [
            next(known) if expr is not None else _said_collation(order.expr)
            for order, expr in zip(layout.order, plain, strict=True)
        ]
        layout.set_collations(names, self._catalog.encoding)

    def _affinity(self, expr: Expr) -> Affinity | None:
        match expr:
            case Column(source, name):
                return self._tables[source].key_column(name).affinity
            case Cast(_, kind):
                return affinity_of(kind)
            case Collate(arg, _):
                return self._affinity(arg)
        return None

    def _one_typed(self, expr: Expr, collation: str) -> bool:
        """Say whether equal values of `expr` are always the same: a column whose affinity leaves no choice."""
        return isinstance(expr, Column) and collation == "BINARY" and self._affinity(expr) != "BLOB"

    def _columns(self) -> tuple[str, ...]:
        """Return the names of the result's columns, as SQLite gives them."""
        return column_names(self._conn, self._sql)

    def _template(self, rule: Rule, reason: str, layout: Layout) -> Template:
        needs: dict[TableName, frozenset[str]] = {}
        for first, plan in levels(self._plan):
            exprs = layout.exprs if plan is self._plan else ()
            used = {column for expr in (*exprs, *expressions(plan)) for column in columns_of(expr)}
            for at, source in enumerate(plan.sources, first):
                own = frozenset(column.name for column in used if column.source == at)
                key = frozenset(self._catalog.table(source.table).key)
                needs[source.table] = needs.get(source.table, frozenset()) | own | key
        return Template(self._sql, rule, reason, layout.columns, needs, self._plan, layout)

    # -- facts about a query and its subqueries, for `reaches`

    def never_null(self, plan: Select, first: int, expr: Expr) -> bool:
        """Say whether `expr` is a column that can't be NULL."""
        if not isinstance(expr, Column) or not first <= expr.source < first + len(plan.sources):
            return False
        source = plan.sources[expr.source - first]
        table = self._catalog.table(source.table)
        return source.join != "LEFT JOIN" and (expr.name == table.rowid_alias or table.key_column(expr.name).not_null)

    def one_typed(self, plan: Select, first: int, expr: Expr) -> bool:
        """Say whether `expr` is a column of the query whose equal values are always the same."""
        if not isinstance(expr, Column) or not first <= expr.source < first + len(plan.sources):
            return False
        column = self._catalog.table(plan.sources[expr.source - first].table).key_column(expr.name)
        return column.collation == "BINARY" and column.affinity != "BLOB"

    def one_row(self, plan: Select, first: int) -> bool:
        """Say whether the query looks one row up by its rowid."""
        if plan.grouped or plan.limit is not None or len(plan.sources) != 1:
            return False
        table = self._catalog.table(plan.sources[0].table)
        fixed: set[str] = set()
        for part in conjuncts(plan.where):
            match part:
                case Binary("=", left, right):
                    for mine, other, first_named in ((left, right, True), (right, left, False)):
                        if (
                            isinstance(mine, Column)
                            and mine.source == first
                            and self._fixes(table, mine.name, other, first, mine_first=first_named)
                        ):
                            fixed.add(mine.name)
        return any(fixed.issuperset(names) for names in self._uniques(table))

    def _uniques(self, table: TableInfo) -> list[tuple[str, ...]]:
        """Return the column lists that tell rows of `table` apart where none is NULL."""
        rowid = [(table.rowid_alias,)] if table.rowid_alias else []
        lists = [names for names in self._catalog.unique(table.name) if all(table.column(name) for name in names)]
        return [*rowid, *([table.key] if table.key else []), *lists]

    def _fixes(self, table: TableInfo, name: str, other: Expr, first: int, *, mine_first: bool) -> bool:
        """Say whether column `name` = `other` lets one value of the column through, whatever the row around."""
        if any(column.source >= first for column in columns_of(other)) or holds_select(other):
            return False
        if name == table.rowid_alias:
            return True
        column = table.key_column(name)
        if column.collation != "BINARY" or any(isinstance(n, Collate | Cast) for n in walk(other)):
            return False
        if not isinstance(other, Column):
            return column.affinity != "BLOB" and (mine_first or isinstance(other, Param | Const))
        if other.source >= len(self._tables):
            return False
        its = self._tables[other.source].key_column(other.name)
        numeric = column.affinity in ("INTEGER", "REAL", "NUMERIC")
        texts = column.affinity == "TEXT" and its.affinity in ("TEXT", "BLOB")
        return (numeric or texts) and (mine_first or its.collation == "BINARY")

    def total_order(self, plan: Select, first: int) -> bool:
        """Say whether the query's ORDER BY tells any two of its rows apart."""
        if plan.grouped or plan.distinct:
            return False
        named = {order.expr for order in plan.order_by}
        for at, source in enumerate(plan.sources, first):
            table = self._catalog.table(source.table)
            columns = {name for name in self._names(table) if Column(at, name) in named}
            steady = (
                names
                for names in self._uniques(table)
                if all(name in table.key or table.key_column(name).not_null for name in names)
            )
            if not any(columns.issuperset(names) for names in steady):
                return False
        return True

    def _names(self, table: TableInfo) -> set[str]:
        return {column.name for column in table.columns} | set(table.key)


class _Nulls(dict[str, SqlValue]):
    """Parameters for a text that is only prepared."""

    def __missing__(self, name: str) -> None:
        return None


def _tables_in(exprs: Iterable[Expr]) -> Iterator[TableName]:
    """Yield the tables in the subqueries of `exprs`, theirs too."""
    for expr in exprs:
        for node in selects(expr):
            for _, select in levels(node.select):
                yield from (source.table for source in select.sources)


def _turned(plan: Select) -> Select:
    """Return a RIGHT JOIN as the left join that it is with its sides swapped."""
    rights = [at for at, source in enumerate(plan.sources) if source.join == "RIGHT JOIN"]
    if not rights:
        return plan
    if rights != [1]:
        raise Unplannable("a RIGHT JOIN behind another join is re-run")
    swapped = rewrite_select(plan, lambda e: Column(1 - e.source, e.name) if _is_of(e, (0, 1)) else None)
    left, right = swapped.sources[:2]
    turned = (replace(right, join="", on=None), replace(left, join="LEFT JOIN", on=right.on))
    return replace(swapped, sources=(*turned, *swapped.sources[2:]))


def _is_of(expr: Expr, sources: tuple[int, ...]) -> TypeGuard[Column]:
    return isinstance(expr, Column) and expr.source in sources


def _as_groups(plan: Select) -> Select:
    """Return SELECT DISTINCT as the GROUP BY of its outputs, which it is: equal under affinity and collation."""
    if not plan.distinct:
        return plan
    outputs = list(dict.fromkeys(output.expr for output in plan.outputs))
    groups = tuple(expr for expr in outputs if any(True for _ in columns_of(expr)))
    if plan.grouped or plan.windows or not groups:
        raise Unplannable("DISTINCT of groups, windows or constants is re-run")
    if not {order.expr for order in plan.order_by} <= set(outputs):
        raise Unplannable("DISTINCT in the order of what isn't selected is re-run")
    return replace(plan, distinct=False, group_by=groups)


def _outside_aggregates(expr: Expr) -> list[Column]:
    if isinstance(expr, Column):
        return [expr]
    if isinstance(expr, Call) and is_aggregate(expr):
        return []
    return [column for child in children(expr) for column in _outside_aggregates(child)]


def _has_aggregate(expr: Expr) -> bool:
    """Say whether `expr` is computed from many rows."""
    return any(isinstance(node, Over) or (isinstance(node, Call) and is_aggregate(node)) for node in walk(expr))


def _collates(expr: Expr) -> bool:
    """Say whether a collation stands in `expr` where it may pass on to the order; in FILTER or OVER it can't."""
    if isinstance(expr, Over):
        return _collates(expr.call)
    if isinstance(expr, Call):
        return any(map(_collates, expr.args))
    return isinstance(expr, Collate) or any(map(_collates, children(expr)))


def _said_collation(expr: Expr) -> str:
    """Return the collation of what is computed from many rows: none of its own, so that which the text says."""
    while isinstance(expr, Unary) and expr.op == "+":
        expr = expr.arg
    name = expr.name.upper() if isinstance(expr, Collate) else "BINARY"
    if _collates(expr.arg if isinstance(expr, Collate) else expr):
        raise Unplannable("ORDER BY an aggregate or window over a collation is re-run")
    return name


def _maybe_now(arg: Expr) -> bool:
    """Say whether a time argument may be 'now', or depend on the local time zone."""
    if isinstance(arg, Const):
        return arg.sql.lower() in ("'now'", "'localtime'", "'utc'")
    return not any(True for _ in columns_of(arg))
