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
from typing import Literal, TypeAlias

from ..changes import TOUCH
from ..collate import COLLATIONS
from ..functions import DETERMINISTIC, steady_aggregates
from ..query.asked import Asked, shape_of
from ..query.diagnose import translate
from ..query.fit import check_fit
from ..query.nested import Level, LevelReader
from ..query.outer_joins import without_outer_joins
from ..query.parse import parse
from ..query.plan import (
    Binary,
    Call,
    Case,
    Cast,
    Collate,
    Column,
    Compound,
    Const,
    Expr,
    Over,
    Param,
    Scalar,
    Select,
    Unary,
    Unplannable,
    children,
    columns_of,
    conjuncts,
    expressions,
    is_aggregate,
    selects,
    walk,
    walk_deep,
)
from ..query.render import render_expr
from ..query.result_types import ResultType, result_types
from ..query.stages import staged
from ..query.verdict import check, column_names, index_use, is_private, tables_read
from ..schema.catalog import Affinity, Catalog, TableInfo, TableName, affinity_of, collations
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlValue
from .aggregate import accumulator_for
from .compound import CompoundLayout, Part
from .derived import DerivedTables, Inner, Kind, NeedsTables, over_tables
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


@dataclass(slots=True)
class Template:
    """One compiled text. `needs` says what must be captured for it; `plan` is None for a re-run text.

    `parts` are the templates of a compound's parts, `inners` feed the derived tables that the plan reads.
    `ddl` holds what made the tables that it reads, now: for advice on indexes; `indexed`: what misses was looked for,
    for programs that scroll (True), and that don't.
    `private`: only the writer's connection sees all that it reads; `waits`: only it can plan the query.
    `types`: of the columns, where they were planned.
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
    waits: bool = False
    index_use: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    route: Route | None = None
    types: tuple[ResultType, ...] = ()
    parts: tuple[Template, ...] = ()
    inners: tuple[Inner, ...] = ()
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


def compile_template(
    conn: Connection,
    asked: Asked,
    catalog: Catalog,
    known: Shapes | None = None,
    derived: DerivedTables | None = None,
) -> Planned:
    """Return the template of the SELECT `asked`, a known one if it has the same shape.

    Without `derived` no tables can be made beside, so that a query which needs one is re-run.
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
            template = known[at] = _Makers(conn, sql, catalog, derived).template(plan)
            if isinstance(template.plan, Select) and not template.inners:
                template.route = route_of(template.plan, catalog)
            template.params = names
    except Unplannable as reason:
        template, names = _rerun(conn, sql, catalog, str(reason)), ()
        template.waits = isinstance(reason, NeedsTables)
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


class _Makers:
    """Makes the templates of one text: its own, and those of the derived tables that it reads."""

    def __init__(self, conn: Connection, sql: str, catalog: Catalog, derived: DerivedTables | None) -> None:
        self._conn, self._sql, self._catalog, self._derived = conn, sql, catalog, derived
        self._made: list[Inner] = []

    def template(self, plan: Select | Compound) -> Template:
        """Return the template of `plan`. Raises `Unplannable`, with nothing left behind."""
        try:
            return self._whole(plan, column_names(self._conn, self._sql))[0]
        except BaseException:
            for inner in self._made:
                if self._derived is not None:
                    self._derived.drop(self._conn, self._catalog, inner)
            raise

    def _whole(self, plan: Select | Compound, columns: tuple[str, ...]) -> tuple[Template, list[_Compiler]]:
        """Return the template of `plan`, whose columns have these names, and what compiled each of its parts."""
        if isinstance(plan, Compound):
            return self._compound(plan, columns)
        compiler = self._compiler(plan, columns)
        return compiler.template(), [compiler]

    def _compiler(self, plan: Select, columns: tuple[str, ...]) -> _Compiler:
        over, inners = over_tables(staged(without_outer_joins(plan)), self._inner)
        return _Compiler(self._conn, self._sql, self._catalog, over, columns, inners)

    def _inner(self, plan: Select | Compound, compared: frozenset[str]) -> Inner:
        """Return the derived table of a subquery in FROM; the columns `compared` are compared with others."""
        if self._derived is None:
            raise NeedsTables("a table is made for a subquery in FROM as soon as the writer is free")
        if isinstance(plan, Select) and plan.limit is None:
            plan = replace(plan, order_by=())
        first = plan if isinstance(plan, Select) else plan.parts[0]
        names = [o.alias or (o.expr.name if isinstance(o.expr, Column) else "") for o in first.outputs]
        template, compilers = self._whole(plan, tuple(names))
        layout = template.layout
        assert layout is not None, "what is planned has a layout"
        if isinstance(layout, CompoundLayout):
            key_collations = layout.key_collations
        else:
            key_collations = tuple(compilers[0].order_collations([layout.exprs[at] for at in layout.key_at]))
        kinds = _kinds(compilers)
        lowered = tuple(name.lower() for name in names)
        sought = tuple(f"c{n}" for n, name in enumerate(lowered) if name in compared and kinds[n].affinity is not None)
        table = self._derived.make(self._conn, self._catalog, kinds, key_collations, sought)
        inner = Inner(template, table, lowered, tuple(kinds), tuple(layout.key_at), sought)
        self._made.append(inner)
        return inner

    def _compound(self, plan: Compound, columns: tuple[str, ...]) -> tuple[Template, list[_Compiler]]:
        """Return the template of a compound out of those of its parts. Raises `Unplannable` where one has none."""
        compilers = [self._compiler(part, columns) for part in plan.parts]
        if any(place.collation and place.collation.upper() not in COLLATIONS for place in plan.order_by):
            raise Unplannable("a collation is the program's own")
        return self._put_together(plan, columns, compilers), compilers

    def _put_together(self, plan: Compound, columns: tuple[str, ...], compilers: Sequence[_Compiler]) -> Template:
        """Return the template of `plan`; a set before its last UNION ALLs is kept as one part of it."""
        names = _compound_collations(compilers, steady=not plan.order_by and set(plan.words) == {"UNION ALL"})
        bag = plan.words[-1] == "UNION ALL"
        first = max((n for n, word in enumerate(plan.words, 1) if word != "UNION ALL"), default=-1) + 1 if bag else 0
        layouts: list[Part] = []
        templates: list[Template] = []
        if first:
            front = self._put_together(
                Compound(plan.parts[:first], plan.words[: first - 1]), columns, compilers[:first]
            )
            assert isinstance(front.layout, CompoundLayout), "a compound's layout is that of a compound"
            layouts.append(Part(front.layout.key_at, (), front.layout.key_collations))
            templates.append(front)
        for compiler in compilers[first:]:
            if not bag:
                compiler.refuse_rounding()
            identities = [identity_expr(o.expr, name) for o, name in zip(compiler.outputs, names, strict=True)]
            template = compiler.template(identities)
            layout = template.layout
            assert isinstance(layout, Layout), "a part is one SELECT"
            collations_of = compiler.order_collations([layout.exprs[at] for at in layout.key_at])
            layouts.append(Part(layout.key_at, tuple(map(layout.place, identities)), tuple(collations_of)))
            templates.append(template)
        rule: Rule = "key" if any(part.rule == "key" for part in templates) else "delta"
        words = ", ".join(dict.fromkeys(plan.words))
        reason = f"{words} of {len(templates)} parts: {'; '.join(dict.fromkeys(part.reason for part in templates))}"
        whole = CompoundLayout(plan, layouts, columns, names, self._catalog.encoding, bag=bag)
        needs = _joined_needs(part.needs for part in templates)
        inners = tuple(inner for part in templates for inner in part.inners)
        return Template(self._sql, rule, reason, columns, needs, plan, whole, parts=tuple(templates), inners=inners)


def _joined_needs(each: Iterable[Mapping[TableName, frozenset[str]]]) -> dict[TableName, frozenset[str]]:
    needs: dict[TableName, frozenset[str]] = {}
    for one in each:
        for table, used in one.items():
            needs[table] = needs.get(table, frozenset()) | used
    return needs


def _kinds(compilers: Sequence[_Compiler]) -> list[Kind]:
    """Return how the columns of a subquery compare. Raises `Unplannable` where the parts of a compound don't agree."""
    kinds = []
    for outputs in zip(*(compiler.outputs for compiler in compilers), strict=True):
        found = [
            compiler.kind(output.expr)
            for compiler, output in zip(compilers, outputs, strict=True)
            if not (isinstance(output.expr, Const) and output.expr.sql.upper() == "NULL")
        ]
        if len(set(found)) > 1:
            raise Unplannable("a compound in FROM whose parts compare in different ways is re-run")
        kinds.append(found[0] if found else Kind(None, "BINARY"))
    return kinds


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
    """Say whether SQLite counts each function as deterministic; its own aggregates are, without being marked so.

    Those of the program's are if they were registered so.
    """
    wanted = set(functions)
    if not wanted:
        return True
    steady = steady_aggregates(conn)
    return all(
        flags & DETERMINISTIC or (builtin and kind != "s")
        for name, builtin, kind, _encoding, _narg, flags in conn.execute("PRAGMA function_list").fetchall()
        if name in wanted - steady
    )


def _function_kinds(conn: Connection, wanted: set[str]) -> dict[str, str]:
    """Return name -> s (scalar), a (aggregate) or w (also a window function) of the functions in `wanted`."""
    return {row[0]: row[2] for row in conn.execute("PRAGMA function_list").fetchall() if row[0] in wanted}


class _Compiler:
    """Classifies one plan."""

    def __init__(
        self,
        conn: Connection,
        sql: str,
        catalog: Catalog,
        plan: Select,
        columns: tuple[str, ...],
        inners: tuple[Inner, ...] = (),
    ) -> None:
        self.outputs, self._columns, self._inners = plan.outputs, columns, inners
        plan = lean(plan)
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

    def refuse_rounding(self) -> None:
        """Raise `Unplannable` where a sum may be equal to another but for rounding: sets compare exactly."""
        for call in (*self._plan.aggregates, *(over.call for over in self._plan.windows)):
            exact = call.name == "sum" and len(call.args) == 1 and self._whole(call.args[0])
            if call.name in ("sum", "total", "avg") and not exact:
                raise Unplannable(
                    f"{call.name} in a set: sums of REAL are equal but for rounding, and sets compare exactly"
                )

    def _whole(self, expr: Expr) -> bool:
        """Say whether `expr` is an integer, or NULL, whatever is in the tables."""
        match expr:
            case Column(source, name):
                table = self._tables[source]
                return name == table.rowid_alias or (table.strict and self._affinity(expr) == "INTEGER")
            case Const(sql):
                return sql.isdigit() or sql.upper() in ("NULL", "TRUE", "FALSE")
            case Call(name, _):
                return name in ("length", "instr", "unicode")
            case Case(_, whens, otherwise):
                return all(map(self._whole, [then for _, then in whens])) and (
                    otherwise is None or self._whole(otherwise)
                )
            case Cast(_, kind):
                return affinity_of(kind) == "INTEGER"
        return False

    def kind(self, expr: Expr) -> Kind:
        """Return how the column of a subquery compares whose value is `expr`."""
        bare = expr
        while isinstance(bare, Collate):
            bare = bare.arg
        if isinstance(bare, Scalar):
            raise Unplannable("a subquery as a column of a subquery in FROM is re-run")
        collation = _said_collation(expr) if _has_aggregate(expr) else self._collations((expr,))[0]
        return Kind(self._affinity(expr), collation)

    # -- rules

    def _rows(self, extra: Sequence[Expr]) -> Template:
        key = [Column(at, name) for at, table in enumerate(self._tables) for name in table.key]
        plan = self._plan = settled(self._plan, key)
        layout = Layout(plan, key, self._columns)
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
        layout = Layout(plan, plan.group_by, self._columns)
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
        """Return the columns outside aggregates that the groups determine: by a key of their table, grouped or joined.

        With min or max SQLite takes such columns from the extremum's row; of one table row that is the same.
        """
        plan = self._plan
        grouped = set(plan.group_by)
        fixed = self._fixed_by(grouped)
        keyed = {at for at, table in enumerate(self._tables) if self._one_row_each(at, table, fixed)}
        exprs = [output.expr for output in plan.outputs] + [order.expr for order in plan.order_by]
        if plan.having is not None:
            exprs.append(plan.having)
        found = [c for expr in exprs for c in _outside_aggregates(expr) if c not in grouped and c.source in keyed]
        return list(dict.fromkeys(found))

    def _one_row_each(self, at: int, table: TableInfo, fixed: set[Expr]) -> bool:
        """Say whether rows of `table` that are alike in `fixed` are one row."""
        return any(
            all(Column(at, name) in fixed and self._tells_apart(table, name) for name in names)
            for names in self._uniques(table)
        )

    def _tells_apart(self, table: TableInfo, name: str) -> bool:
        """Say whether two values that the column's UNIQUE lets stand side by side are two for GROUP BY, too."""
        column = table.key_column(name)
        return name in table.key or (column.not_null and column.collation == "BINARY")

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
        overs = [node.call for node in nodes if isinstance(node, Over)]
        for call in (*calls, *overs):
            if call.own and not self._catalog.gathers(call.name):
                raise Unplannable(f"{call.name} is no aggregate of the program's own")
        for call in calls:
            if call.name in _CLOCK_CALLS and (not call.args or any(_maybe_now(arg) for arg in call.args)):
                raise Unplannable(f"{call.name}() may read the clock")
        kinds = _function_kinds(self._conn, {call.name for call in calls})
        for call in calls:
            if kinds.get(call.name, "s") != "s" and call.name not in ("min", "max") and not is_aggregate(call):
                raise Unplannable(f"{call.name} is an aggregate of the program's own")
        if not _deterministic(self._conn, {call.name for call in (*calls, *overs)}):
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

    def _template(self, rule: Rule, reason: str, layout: Layout) -> Template:
        needs: dict[TableName, frozenset[str]] = {}
        for first, plan in levels(self._plan):
            exprs = layout.exprs if plan is self._plan else ()
            used = {column for expr in (*exprs, *expressions(plan)) for column in columns_of(expr)}
            for at, source in enumerate(plan.sources, first):
                own = frozenset(column.name for column in used if column.source == at)
                key = frozenset(self._catalog.table(source.table).key)
                needs[source.table] = needs.get(source.table, frozenset()) | own | key
        if self._inners:
            for inner in self._inners:
                needs.pop(inner.table.name, None)
            needs = _joined_needs([needs, *(inner.template.needs for inner in self._inners)])
            inside = "; ".join(dict.fromkeys(inner.template.reason for inner in self._inners))
            reason = f"{reason}, over a subquery kept as a table ({inside})"
            rule = "key" if any(inner.template.rule == "key" for inner in self._inners) else rule
        return Template(self._sql, rule, reason, layout.columns, needs, self._plan, layout, inners=self._inners)

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
