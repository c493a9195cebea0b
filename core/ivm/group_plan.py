"""The statements of one GROUP BY, and where each value stands in their rows.

    fill row   ( entry ........ | HAVING? | identity | values | count(*) | fill columns of each aggregate )
    delta row  ( identity | values | summands | weight )

*Identity* is how SQLite tells groups apart, computed in SQL: text under NOCASE is folded, under RTRIM trimmed; then
Python's equality of numbers, text and blobs is SQLite's own. *Values* are the group expressions, then columns that
depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..query.plan import (
    Between,
    Binary,
    Call,
    Case,
    Cast,
    Collate,
    Column,
    Const,
    Expr,
    InEach,
    InList,
    Output,
    Param,
    Select,
    Unary,
    children,
    is_aggregate,
    rewrite,
)
from ..query.render import render, render_expr
from ..schema.catalog import Affinity
from ..store import Connection
from ..values import SqlRow, SqlValue
from .aggregate import Accumulator, accumulator_for, summand
from .delta import Delta
from .layout import Layout
from .operator import Entry

__all__ = ["GroupPlan", "identity_expr", "sensitive", "sought"]

_COMPARING = frozenset({"=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT"})
_COMPARING_CALLS = frozenset({"min", "max", "nullif"})


def identity_expr(expr: Expr, collation: str) -> Expr:
    """Return the expression whose value is equal in Python where `expr` is equal under `collation`."""
    if collation == "BINARY":
        return expr
    folded = _nocase(expr) if collation == "NOCASE" else Call("rtrim", (expr, Const("' '")))
    return Case(Call("typeof", (expr,)), ((Const("'text'"), folded),), expr)


def sought(expr: Expr, collation: str) -> Expr:
    """Return what is compared with a key's value to find its rows.

    Under RTRIM not by an index of SQLite's own making: the Bloom filter before it loses texts with other blanks.
    """
    return Unary("+", expr) if collation == "RTRIM" else expr


def _nocase(text: Expr) -> Expr:
    """NOCASE compares up to the first NUL, then by length in bytes."""
    nul = Call("instr", (text, Call("char", (Const("0"),))))
    head = Call("lower", (Call("substr", (text, Const("1"), nul)),))
    cut = Binary("||", head, Call("length", (Cast(text, "BLOB"),)))
    return Case(nul, ((Const("0"), Call("lower", (text,))),), cut)


def sensitive(expr: Expr, values: Sequence[Expr]) -> bool:
    """Say whether one of `values` stands in `expr` where its column's affinity or collation could matter.

    Computed from a bound parameter, which has neither, such an expression could come out different.
    """
    wanted = set(values)

    def inside(part: Expr, *, compared: bool) -> bool:
        if part in wanted:
            return compared
        match part:
            case Call() if is_aggregate(part):
                return False
            case Between() | InList() | InEach() | Case():
                compared = True
            case Call(name):
                compared = compared or name in _COMPARING_CALLS
            case Binary(op):
                compared = compared or op in _COMPARING
        return any(inside(child, compared=compared) for child in children(part))

    return inside(expr, compared=False)


class GroupPlan:
    """What `GroupsOperator` runs. Made once a template."""

    def __init__(
        self,
        select: Select,
        layout: Layout,
        *,
        group_collations: Sequence[str],
        dependent: Sequence[Column],
        affinities: Callable[[Expr], Affinity | None],
        collation_of: Callable[[Expr], str],
        one_typed: bool,
        encoding: str,
    ) -> None:
        self.select = select
        self.may_differ = not one_typed
        self.entry_n = len(layout.exprs)
        self.identity_n = len(select.group_by)
        aliases = [source.alias for source in select.sources]
        identities = [identity_expr(e, c) for e, c in zip(select.group_by, group_collations, strict=True)]
        values: list[Expr] = [*select.group_by, *dependent]
        self.values_at = slice(self.identity_n, self.identity_n + len(values))

        self.accumulators: list[Callable[[], Accumulator]] = []
        self.summand_at: list[int | None] = []
        self.delta_exprs: list[Expr] = [*identities, *values]
        fill_columns: list[list[str]] = []
        for call in select.aggregates:
            arg = call.args[0] if call.args else None
            added = summand(call)
            text = render_expr(added, aliases) if added is not None else ""
            found = accumulator_for(
                call, affinities(arg) if arg is not None else None,
                collation_of(arg) if arg is not None and call.name in ("min", "max") else "BINARY", encoding, text,
            )  # fmt: skip
            assert found is not None, "the compiler asks for the key rule where there is no accumulator"
            make, columns, added = found
            self.accumulators.append(make)
            fill_columns.append(columns)
            if added is None:
                self.summand_at.append(None)
            else:
                self.summand_at.append(len(self.delta_exprs))
                self.delta_exprs.append(added)

        self.delta = Delta(select, self.delta_exprs)
        at = self.entry_n
        extra: list[str] = []
        self.fill_having_at: int | None = None
        if select.having is not None:
            self.fill_having_at = at
            extra.append(f"({render_expr(select.having, aliases)}) IS TRUE")
            at += 1
        self.fill_identity_at = slice(at, at + self.identity_n)
        self.fill_values_at = slice(at + self.identity_n, at + self.identity_n + len(values))
        self.fill_n_at = self.fill_values_at.stop
        at = self.fill_n_at + 1
        self.fill_accumulator_at: list[slice] = []
        for columns in fill_columns:
            self.fill_accumulator_at.append(slice(at, at + len(columns)))
            at += len(columns)
        extra += [render_expr(e, aliases) for e in (*identities, *values)]
        extra += ["count(*)", *(column for columns in fill_columns for column in columns)]

        filled = layout.plan(None, having=None)
        self.fill_sql = render(filled, extra=extra)
        one = replace(filled, order_by=())
        for n, (expr, collation) in enumerate(zip(select.group_by, group_collations, strict=True)):
            one = one.with_where(Binary("IS", sought(expr, collation), Param(f"_eddy_g{n}")))
        self.one_sql = render(one, extra=extra)
        self.opaque_sql = "" if one_typed else self._opaque(select, identities, aliases)
        self._finish(select, layout, dependent, aliases)

    def _opaque(self, select: Select, identities: Sequence[Expr], aliases: Sequence[str]) -> str:
        """Return the query for the identities under which more than one typed value stands."""
        typed = [t for e in select.group_by for t in (Collate(e, "BINARY"), Call("typeof", (e,)))]
        inner = replace(
            select,
            outputs=tuple(Output(expr, f"i{n}") for n, expr in enumerate(identities)),
            group_by=(*identities, *typed), having=None, order_by=(), limit=None, offset=None,
        )  # fmt: skip
        names = ", ".join(f"i{n}" for n in range(len(identities)))
        return f"SELECT {names} FROM (\n{render(inner)}\n) GROUP BY {names} HAVING count(*) > 1"

    def _finish(self, select: Select, layout: Layout, dependent: Sequence[Column], aliases: Sequence[str]) -> None:
        """Prepare how an entry is made out of values and aggregates."""
        values: list[Expr] = [*select.group_by, *dependent]
        places: dict[Expr, tuple[str, int]] = {expr: ("v", n) for n, expr in reversed(list(enumerate(values)))}
        places.update((call, ("a", n)) for n, call in enumerate(select.aggregates))

        def as_param(part: Expr) -> Expr | None:
            found = places.get(part)
            return Param(f"_eddy_{found[0]}{found[1]}") if found else None

        computed: list[str] = []
        self._sources: list[tuple[str, int]] = []
        for expr in layout.exprs:
            found = places.get(expr)
            if found is None:
                found = ("c", len(computed))
                computed.append(render_expr(rewrite(expr, as_param), aliases))
            self._sources.append(found)
        self._having_at: int | None = None
        if select.having is not None:
            self._having_at = len(computed)
            computed.append(f"({render_expr(rewrite(select.having, as_param), aliases)}) IS TRUE")
        self.finish_sql = "SELECT " + ", ".join(computed) if computed else ""

    def entry(
        self, conn: Connection, values: SqlRow, accumulators: Sequence[Accumulator], params: Mapping[str, SqlValue]
    ) -> Entry | None:
        """Return the entry of a group, or None if HAVING says no."""
        results = tuple(accumulator.result() for accumulator in accumulators)
        computed: SqlRow = ()
        if self.finish_sql:
            bound = {**params, **{f"_eddy_v{n}": value for n, value in enumerate(values)}}
            bound.update((f"_eddy_a{n}", value) for n, value in enumerate(results))
            computed = conn.execute(self.finish_sql, bound).fetchone()
            if self._having_at is not None and not computed[self._having_at]:
                return None
        from_kind = {"v": values, "a": results, "c": computed}
        return tuple(from_kind[kind][at] for kind, at in self._sources)
