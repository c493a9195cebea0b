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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..changes import TOUCH
from ..collate import COLLATIONS
from ..query.asked import Asked, shape_of
from ..query.fit import check_fit
from ..query.nested import Level, LevelReader
from ..query.outer_joins import without_outer_joins
from ..query.parse import parse
from ..query.plan import (
    Column,
    Compound,
    Const,
    Select,
    Unplannable,
)
from ..query.result_types import result_types
from ..query.stages import staged
from ..query.verdict import check, column_names, index_use, is_private, tables_read
from ..schema.catalog import Catalog
from ..store import Connection
from .classify import CLOCK_CALLS, Compiler, deterministic
from .compound import CompoundLayout, Part
from .derived import DerivedTables, Inner, Kind, NeedsTables, over_tables
from .group_plan import identity_expr
from .layout import Layout
from .nested import LevelPlan
from .routing import route_of
from .template import Rule, Template, joined_needs

__all__ = ["Planned", "Shapes", "compile_template"]


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

    def _whole(self, plan: Select | Compound, columns: tuple[str, ...]) -> tuple[Template, list[Compiler]]:
        """Return the template of `plan`, whose columns have these names, and what compiled each of its parts."""
        if isinstance(plan, Compound):
            return self._compound(plan, columns)
        compiler = self._compiler(plan, columns)
        return compiler.template(), [compiler]

    def _compiler(self, plan: Select, columns: tuple[str, ...]) -> Compiler:
        over, inners = over_tables(staged(without_outer_joins(plan)), self._inner)
        return Compiler(self._conn, self._sql, self._catalog, over, columns, inners)

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

    def _compound(self, plan: Compound, columns: tuple[str, ...]) -> tuple[Template, list[Compiler]]:
        """Return the template of a compound out of those of its parts. Raises `Unplannable` where one has none."""
        compilers = [self._compiler(part, columns) for part in plan.parts]
        if any(place.collation and place.collation.upper() not in COLLATIONS for place in plan.order_by):
            raise Unplannable("a collation is the program's own")
        return self._put_together(plan, columns, compilers), compilers

    def _put_together(self, plan: Compound, columns: tuple[str, ...], compilers: Sequence[Compiler]) -> Template:
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
        needs = joined_needs(part.needs for part in templates)
        inners = tuple(inner for part in templates for inner in part.inners)
        return Template(self._sql, rule, reason, columns, needs, plan, whole, parts=tuple(templates), inners=inners)


def _kinds(compilers: Sequence[Compiler]) -> list[Kind]:
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


def _compound_collations(compilers: Sequence[Compiler], *, steady: bool) -> list[str]:
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
    clock = any(name in CLOCK_CALLS for name in functions) or "current_" in sql.lower()
    return Template(
        sql=sql, rule="re-run", reason=reason, columns=(), needs=dict.fromkeys(sorted(tables), TOUCH),
        volatile=clock or not deterministic(conn, functions),
    )  # fmt: skip
