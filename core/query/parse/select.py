"""A SELECT's tree to its plan: FROM with its joins, CTEs and views, then the list and the clauses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...schema.catalog import ColumnInfo, TableInfo, TableName
from ...sqltext import quote_name
from ..fit import check_table
from ..plan import Call, Collate, Column, Compound, Expr, JoinKind, Order, Output, Select, Source, Unplannable
from .compound import read_compound
from .expressions import Expressions
from .names import Cte
from .text import as_tree, described, is_star, is_tree, unwrapped, view_text

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["Reader"]

_REFUSED = ("qualify", "laterals", "pivots", "connect", "match", "into")
_VIEWS_MAX = 20


class Reader(Expressions):
    """Reads one sqlglot SELECT; names are resolved as SQLite does: here, then in the query around it."""

    def select(self, tree: exp.Select) -> Select:
        """Return the plan of `tree`."""
        from sqlglot import exp

        self.note_ctes(tree)
        for part in _REFUSED:
            if tree.args.get(part):
                raise Unplannable(f"{part} is re-run")
        first = tree.args.get("from_") or tree.args.get("from")
        if first is not None:
            self._source(first.this, "", None)
        self._windows = {str(window.this.this).lower(): window for window in tree.args.get("windows") or ()}
        ons: list[tuple[int, Any]] = []
        sides = {str(join.args.get("side") or "").upper() for join in tree.args.get("joins") or ()}
        self._outer_joins = not sides.isdisjoint(("RIGHT", "FULL"))
        for join in tree.args.get("joins") or ():
            self._join(join, ons)
        # outputs come first in the text, so positional parameters are counted from here on
        outputs: tuple[Output, ...] = ()
        for item in tree.expressions:
            for out in self._output(item, hide_using=bool(self._using)):
                name = out.expr.name if is_star(item) and isinstance(out.expr, Column) else out.alias
                self.named.setdefault((name or "").lower(), len(outputs))
                outputs += (out,)
        self.named.pop("", None)
        self._aliases = {out.alias.lower(): out.expr for out in reversed(outputs) if out.alias is not None}
        for at, on in ons:
            source = self._sources[at]
            self._sources[at] = replace(source, on=on if not is_tree(on) else self._expr(on))
        where = tree.args.get("where")
        group = tree.args.get("group")
        having = tree.args.get("having")
        order = tree.args.get("order")
        if group is not None and any(v for k, v in group.args.items() if k != "expressions"):
            raise Unplannable("this form of GROUP BY is re-run")
        return Select(
            sources=tuple(self._sources),
            outputs=outputs,
            where=self._expr(where.this) if where is not None else None,
            group_by=tuple(self._term(e, outputs, alias_first=False) for e in (group.expressions if group else ())),
            having=self._expr(having.this) if having is not None else None,
            order_by=tuple(self._order(e, outputs) for e in (order.expressions if order else ())),
            limit=self.count(tree.args.get("limit"), exp.Limit),
            offset=self.count(tree.args.get("offset"), exp.Offset),
            distinct=bool(tree.args.get("distinct")),
        )

    # -- FROM

    def _source(self, tree: exp.Expression, join: JoinKind, on: Expr | None) -> None:
        from sqlglot import exp

        if isinstance(tree, exp.Subquery) and not tree.args.get("joins"):
            self._derived(tree.alias or f"subquery_{len(self._sources) + 1}", Cte(tree.this), join, on)
            return
        if not isinstance(tree, exp.Table) or not isinstance(tree.this, exp.Identifier):
            raise Unplannable(f"{described(tree)} in FROM is re-run")
        if any(
            tree.args.get(part) for part in ("joins", "pivots", "hints", "laterals", "sample", "version", "indexed")
        ):
            raise Unplannable("this form of FROM is re-run")
        schema = tree.args.get("db")
        name = str(tree.this.this)
        if schema is None and name.lower() in self._ctes:
            self._derived(tree.alias or name, self._ctes[name.lower()], join, on)
            return
        table = self._catalog.find(tree.this.this, schema.this if schema is not None else None)
        if table is not None and table.kind == "view":
            self._view(table, tree.alias or table.name.name, join, on)
            return
        table = check_table(table, tree.this.this)
        self._sources.append(Source(table.name, tree.alias or table.name.name, join, on))
        self._tables.append(table)

    def note_ctes(self, tree: exp.Expression) -> None:
        """Take the CTEs in front of `tree`; the text of each is read where it is used."""
        from sqlglot import exp

        found = tree.args.get("with_") or tree.args.get("with")
        if found is None:
            return
        if found.args.get("recursive"):
            raise Unplannable("a recursive CTE is re-run")
        for cte in found.expressions:
            name = cte.alias.lower()
            if any(str(t.this.this).lower() == name for t in cte.this.find_all(exp.Table)):
                raise Unplannable("a CTE that names itself is re-run")
            hint = {None: "", True: " MATERIALIZED", False: " NOT MATERIALIZED"}[cte.args.get("materialized")]
            named = quote_name(cte.alias) if self._outer is None else ""
            self._ctes[name] = Cte(cte.this, tuple(str(c.this) for c in cte.args["alias"].columns), named, hint)

    def _view(self, view: TableInfo, alias: str, join: JoinKind, on: Expr | None) -> None:
        """Take a view of the database as the subquery that it is."""
        if self._depth >= _VIEWS_MAX:
            raise Unplannable("views in views in views")
        text = view_text(self._catalog.sql_of(view.name))
        tree = as_tree(text, f"the view {view.name}")
        cte = Cte(tree, tuple(column.name for column in view.columns))
        inner = self._inner(tree, {}, self._depth + 1)
        self._reading.views.append((text, inner))
        self._take(alias, cte, inner, join, on, view)

    def _derived(self, alias: str, cte: Cte, join: JoinKind, on: Expr | None) -> None:
        self._take(alias, cte, self._inner(cte.tree, self._ctes, self._depth), join, on)

    def _inner(self, tree: exp.Expr, ctes: dict[str, Cte], depth: int) -> Select | Compound:
        """Return the plan of a subquery in FROM, which sees nothing of the query around but its CTEs."""
        from sqlglot import exp

        def reader() -> Reader:
            made = Reader(self._catalog, self._params, self._reading)
            made._ctes, made._depth = dict(ctes), depth
            return made

        tree = unwrapped(tree)
        if isinstance(tree, exp.SetOperation):
            return read_compound(tree, reader)
        if not isinstance(tree, exp.Select):
            raise Unplannable(f"{described(tree)} in FROM is re-run")
        return reader().select(tree)

    def _take(
        self,
        alias: str,
        cte: Cte,
        select: Select | Compound,
        join: JoinKind,
        on: Expr | None,
        view: TableInfo | None = None,
    ) -> None:
        """Add a subquery to FROM, its columns named as `cte` says or as it says itself."""
        first = select if isinstance(select, Select) else select.parts[0]
        outputs, names = first.outputs, cte.names
        if names and len(names) != len(outputs):
            raise Unplannable(f"{alias} has {len(outputs)} columns, not {len(names)}")
        own = [o.alias or (o.expr.name if isinstance(o.expr, Column) else "") for o in outputs]
        named = names or own
        if len({name.lower() for name in named}) != len(named):
            raise Unplannable(f"{alias} has two columns of one name, or one without")
        first = replace(
            first,
            outputs=tuple(o if o.alias == n else replace(o, alias=n) for o, n in zip(outputs, named, strict=True)),
        )
        whole = first if isinstance(select, Select) else replace(select, parts=(first, *select.parts[1:]))
        columns = tuple(ColumnInfo(name, "BLOB", "BINARY", 0, generated=False) for name in named)
        info = TableInfo(TableName("", alias), "view", columns, (), None)
        table, name = (info.name, cte.name) if view is None else (view.name, view.name.sql)
        self._sources.append(Source(table, alias, join, on, whole, name, cte.hint))
        self._tables.append(info)

    def _join(self, join: exp.Join, ons: list[tuple[int, Any]]) -> None:
        side, kind = (str(join.args.get(part) or "").upper() for part in ("side", "kind"))
        method = str(join.args.get("method") or "").upper()
        sides = ("", "LEFT", "RIGHT", "FULL")
        known = method in ("", "NATURAL") and side in sides and kind in ("", "INNER", "CROSS", "OUTER")
        if not known or (side in ("RIGHT", "FULL") and self._outer is not None):
            raise Unplannable(f"{' '.join(w for w in (method, side, kind) if w)} JOIN is re-run")
        if side:
            words: dict[str, JoinKind] = {"LEFT": "LEFT JOIN", "RIGHT": "RIGHT JOIN", "FULL": "FULL JOIN"}
            word = words[side]
        else:
            word = "," if join.meta.get("comma") else "CROSS JOIN" if kind == "CROSS" else "JOIN"
        at = len(self._sources)
        self._source(join.this, word, None)
        if join.args.get("on") is not None:
            ons.append((at, join.args["on"]))
        elif names := [str(name.this) for name in join.args.get("using") or ()] or (self._common(at) if method else []):
            condition = self._using_condition(at, names)
            self._reading.has_using = True
            if self._reading.keeps_using:
                self._sources[at] = replace(self._sources[at], using=tuple(names))
            else:
                ons.append((at, condition))

    # -- SELECT list and clauses

    def _output(self, tree: exp.Expression, *, hide_using: bool) -> list[Output]:
        from sqlglot import exp

        if isinstance(tree, exp.Alias):
            return [Output(self._expr(tree.this), str(tree.args["alias"].this))]
        if isinstance(tree, exp.Star):
            return self._stars(range(len(self._sources)), hide_using=hide_using)
        if isinstance(tree, exp.Column) and isinstance(tree.this, exp.Star):
            return self._stars([self._source_named(tree.table)], hide_using=False)
        expr = self._expr(tree)
        is_bare = isinstance(tree, exp.Column) and not tree.table and not tree.this.args.get("quoted")
        return [Output(expr, str(tree.this.this) if is_bare and isinstance(expr, Call) else None)]  # joined by USING

    def _term(self, tree: exp.Expression, outputs: tuple[Output, ...], *, alias_first: bool) -> Expr:
        """Return a term of GROUP BY or ORDER BY: a position, an alias or an expression."""
        from sqlglot import exp

        if isinstance(tree, exp.Paren):
            return self._term(tree.this, outputs, alias_first=alias_first)
        if isinstance(tree, exp.Collate):
            inner = self._term(tree.this, outputs, alias_first=alias_first)
            return Collate(inner, str(tree.args["expression"].name))
        place = self._place(tree, outputs, alias_first=alias_first)
        return self._expr(tree) if place is None else outputs[place].expr

    def _place(self, tree: exp.Expression, outputs: tuple[Output, ...], *, alias_first: bool) -> int | None:
        """Return which output a term names, by position or by name; None: it is an expression."""
        from sqlglot import exp

        while isinstance(tree, exp.Paren | exp.Collate):
            tree = tree.this
        if isinstance(tree, exp.Anonymous) and tree.this == "+" and isinstance(tree.expressions[0], exp.Literal):
            tree = tree.expressions[0]
        if isinstance(tree, exp.Literal) and not tree.is_string and str(tree.this).isdigit():
            if not 1 <= int(tree.this) <= len(outputs):
                raise Unplannable(f"position {tree.this} is out of range")
            return int(tree.this) - 1
        if alias_first and isinstance(tree, exp.Column) and not tree.table:
            return self.named.get(str(tree.this.this).lower())
        return None

    def _order(self, tree: exp.Expression, outputs: tuple[Output, ...]) -> Order:
        desc = bool(tree.args.get("desc"))
        self.places.append(self._place(tree.this, outputs, alias_first=True))
        return Order(self._term(tree.this, outputs, alias_first=True), desc, bool(tree.args.get("nulls_first")))
