"""Classify: the rule by which one SELECT is kept, and why.

    plan  --what it reads, what SQLite says of its expressions-->  delta | key | Unplannable(reason): re-run

Collations, affinities and functions are asked of SQLite; what of a row is unique or NOT NULL, of the catalog.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from ..collate import COLLATIONS
from ..functions import DETERMINISTIC, steady_aggregates
from ..query.diagnose import translate
from ..query.plan import (
    Binary,
    Call,
    Case,
    Cast,
    Collate,
    Column,
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
from ..schema.catalog import Affinity, Catalog, TableInfo, TableName, affinity_of, collations
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlValue
from .aggregate import accumulator_for
from .derived import Inner, Kind
from .group_plan import GroupPlan, sensitive
from .keyed import Touch
from .layout import Layout
from .partitions import partition_key, settled
from .subqueries import Reach, holds_select, lean, levels, reaches
from .template import Rule, Template, joined_needs

__all__ = ["CLOCK_CALLS", "Compiler", "deterministic"]

CLOCK_CALLS = frozenset({"date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"})


class Compiler:
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
            if call.name in CLOCK_CALLS and (not call.args or any(_maybe_now(arg) for arg in call.args)):
                raise Unplannable(f"{call.name}() may read the clock")
        kinds = _function_kinds(self._conn, {call.name for call in calls})
        for call in calls:
            if kinds.get(call.name, "s") != "s" and call.name not in ("min", "max") and not is_aggregate(call):
                raise Unplannable(f"{call.name} is an aggregate of the program's own")
        if not deterministic(self._conn, {call.name for call in (*calls, *overs)}):
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
            needs = joined_needs([needs, *(inner.template.needs for inner in self._inners)])
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


def deterministic(conn: Connection, functions: Iterable[str]) -> bool:
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
