"""SQL text to plan, through sqlglot: the only file that imports it, and only when a text has to be read.

    text --sqlglot--> tree --resolve names--> Select --render--> text'     EXPLAIN text  ==  EXPLAIN text'

sqlglot reads many dialects and may take SQLite's text for something else (its precedence, its rewriting of functions).
So its verdict is never trusted: the plan is rendered and both texts are compiled by SQLite; only if the two programs
are the same, instruction by instruction, is the plan what the text means. Otherwise the query is re-run.
Cost: 0.3 s once for the import, then about 1 ms a text. Raises `Unplannable` with the reason, never a wrong plan: also
where sqlglot isn't installed, as in a small web page.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from ..schema.catalog import Catalog, ColumnInfo, TableInfo, TableName
from ..sqltext import quote_name
from ..store import Connection
from .diagnose import tokens
from .fit import check_table
from .flatten import flatten
from .in_compounds import without_in_compounds
from .plan import (
    Between,
    Binary,
    Bound,
    Call,
    Case,
    Cast,
    Collate,
    Column,
    Compound,
    Const,
    Exists,
    Expr,
    Frame,
    InCompound,
    InList,
    InSelect,
    JoinKind,
    Order,
    Output,
    Over,
    Param,
    Place,
    RowValue,
    Scalar,
    Select,
    SetWord,
    Source,
    Unary,
    Unplannable,
)
from .render import render, render_compound, render_placed
from .verdict import explain, same_program

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect

__all__ = ["parse"]

_TEXT_MAX = 100_000


def parse(sql: str, catalog: Catalog, conn: Connection) -> Select | Compound:
    """Return the plan of the SELECT `sql`, whose positional parameters become :p1, :p2, ..."""
    try:
        from sqlglot import exp, parse_one
        from sqlglot.errors import SqlglotError
    except ModuleNotFoundError as error:
        raise Unplannable("sqlglot, which reads texts, isn't installed; queries of models need no text") from error

    if len(sql) > _TEXT_MAX:
        raise Unplannable(f"the text is longer than {_TEXT_MAX} characters")
    try:
        tree = parse_one(_by_name(sql), dialect=_dialect())
    except (SqlglotError, RecursionError) as error:
        raise Unplannable("sqlglot can't read the text") from error
    plan: Select | Compound
    views: _Views = []
    try:
        if isinstance(tree, exp.SetOperation):
            plan = _compound(tree, lambda: _Reader(catalog, count(1), views=views))
            texts = [render_compound(plan)]
        elif isinstance(tree, exp.Select):
            reader = _Reader(catalog, count(1), views=views)
            plan = reader.select(tree)
            texts = [render(plan), render_placed(plan, reader.places)]
        else:
            raise Unplannable(f"{_described(tree)} is re-run")
        same = any(same_program(conn, sql, _by_number(sql, text)) for text in dict.fromkeys(texts))
        same = same and all(same_program(conn, text, render(view)) for text, view in views)
    except sqlite3.Error as error:  # a name that means another thing once it is qualified
        raise Unplannable(f"SQLite refuses the plan's text: {error}") from error
    if not same:
        raise Unplannable("SQLite compiles the plan to another program than the text")
    flat = flatten(without_in_compounds(plan))
    if flat != plan:
        try:
            explain(conn, render(flat))
        except sqlite3.Error as error:
            raise Unplannable(f"SQLite refuses the plan's text: {error}") from error
    return flat


def _compound(tree: exp.SetOperation, reader: Callable[[], _Reader]) -> Compound:
    """Return the plan of several SELECTs that are put together, from left to right, each read by a new `reader`."""
    from sqlglot import exp

    parts: list[exp.Select] = []
    words: list[SetWord] = []
    node: exp.Expression = tree
    while isinstance(node, exp.SetOperation):
        if not isinstance(node.expression, exp.Select):
            raise Unplannable(f"{_described(node.expression)} as a part of a compound is re-run")
        parts.append(node.expression)
        words.append(_set_word(node))
        node = node.this
        while isinstance(node, exp.Subquery) and not node.alias:
            node = node.this
        if node.args.get("order") or node.args.get("limit"):
            raise Unplannable("an ORDER BY or LIMIT in a part of a compound is re-run")
    if not isinstance(node, exp.Select):
        raise Unplannable(f"{_described(node)} as a part of a compound is re-run")
    readers, selects = [], []
    for part in (node, *reversed(parts)):
        own = reader()
        own.note_ctes(tree)
        selects.append(own.select(part))
        readers.append(own)
    if len({len(part.outputs) for part in selects}) != 1:
        raise Unplannable("parts of a compound with different numbers of columns")
    order = tree.args.get("order")
    return Compound(
        tuple(selects),
        tuple(reversed(words)),
        tuple(_place(e, readers, selects) for e in (order.expressions if order else ())),
        readers[0].count(tree.args.get("limit"), exp.Limit),
        readers[0].count(tree.args.get("offset"), exp.Offset),
    )


def _set_word(tree: exp.SetOperation) -> SetWord:
    from sqlglot import exp

    if isinstance(tree, exp.Intersect):
        return "INTERSECT"
    if isinstance(tree, exp.Except):
        return "EXCEPT"
    return "UNION" if tree.args.get("distinct") else "UNION ALL"


def _place(tree: exp.Expression, readers: list[_Reader], selects: list[Select]) -> Place:
    """Return a term of a compound's ORDER BY: a position, or the name or expression of a column of some part."""
    from sqlglot import exp

    term, collation = tree.this, None
    if isinstance(term, exp.Collate):
        term, collation = term.this, str(term.args["expression"].name)
    at: int | None = None
    if isinstance(term, exp.Literal) and not term.is_string and str(term.this).isdigit():
        at = int(term.this) - 1
    else:
        places = (reader.output(term, select) for reader, select in zip(readers, selects, strict=True))
        at = next((place for place in places if place is not None), None)
    if at is None or not 0 <= at < len(selects[0].outputs):
        raise Unplannable("ORDER BY of a compound by what isn't a column's name or place is re-run")
    return Place(at, bool(tree.args.get("desc")), bool(tree.args.get("nulls_first")), collation)


def _by_name(sql: str) -> str:
    """Return `sql` with ?, ?1, @name and $name as :p1, :p1, :name: the names under which a plan takes parameters.

    What stands behind its last word, a semicolon and comments, is left out. A bare ? has the number after the largest
    one so far, as in SQLite.
    """
    found = tokens(sql)
    while found and found[-1][1] == ";":
        found.pop()
    sql = sql[: found[-1][0] + len(found[-1][1])] if found else ""
    made, done, largest, named = "", 0, 0, False
    for (at, token), (after, word) in pairwise([*found, (len(sql), "")]):
        joined = after == at + len(token)
        if token == "?":
            number = int(word) if joined and word.isdigit() else largest + 1
            made += f"{sql[done:at]}:p{number}"
            largest = max(largest, number)
            done = after + len(word) if joined and word.isdigit() else at + 1
        elif token in ("@", ":") and joined:
            made += f"{sql[done:at]}:{word}"
            done, named = after + len(word), True
        elif token[0] == "$" and len(token) > 1:
            made += f"{sql[done:at]}:{token[1:]}"
            done, named = at + len(token), True
    if named and largest:
        raise Unplannable("parameters by name and by place in one text")
    return made + sql[done:]


def _by_number(sql: str, text: str) -> str:
    """Return the plan's `text` with its parameters by number where those of `sql` are: :p2 is ?2."""
    if not any(token == "?" for _, token in tokens(sql)):
        return text
    made, done = "", 0
    found = tokens(text)
    for (at, token), (_, word) in pairwise([*found, (len(text), "")]):
        if token == ":" and word[1:].isdigit():
            made, done = f"{made}{text[done:at]}?{word[1:]}", at + 1 + len(word)
    return made + text[done:]


@cache
def _dialect() -> type[Dialect]:
    """SQLite's dialect, but functions stay what they were called."""
    from sqlglot import TokenType, exp
    from sqlglot.dialects.sqlite import SQLite

    class Verbatim(SQLite):
        class Parser(SQLite.Parser):  # type: ignore[misc, valid-type]  # sqlglot binds its parsers at run time
            FUNCTIONS: dict[str, Any] = {}  # noqa: RUF012  # sqlglot's own way
            NO_PAREN_FUNCTIONS: dict[Any, Any] = {}  # noqa: RUF012
            FUNCTION_PARSERS = {"CAST": lambda self: self._cast()}  # noqa: RUF012
            NO_PAREN_FUNCTION_PARSERS = {"CASE": SQLite.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]}  # noqa: RUF012
            UNARY_PARSERS = {  # noqa: RUF012  # a unary + takes a column's affinity and index away
                **SQLite.Parser.UNARY_PARSERS,
                TokenType.PLUS: lambda self: exp.Anonymous(this="+", expressions=[self._parse_unary()]),
            }
            COLUMN_OPERATORS = {  # noqa: RUF012
                **SQLite.Parser.COLUMN_OPERATORS,
                TokenType.ARROW: lambda self, this, path: exp.Anonymous(this="->", expressions=[this, path]),
                TokenType.DARROW: lambda self, this, path: exp.Anonymous(this="->>", expressions=[this, path]),
            }

            def _cast(self) -> exp.Expr:
                """Read `x AS type)` with the type as it stands: its affinity is SQLite's affair."""
                this = self._parse_assignment()
                self._match(TokenType.ALIAS)
                start, depth = self._index, 0
                while self._curr and (depth or self._curr.token_type != TokenType.R_PAREN):
                    depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(self._curr.token_type, 0)
                    self._advance()
                words = [token.text for token in self._tokens[start : self._index]]
                return exp.Cast(this=this, to=exp.Var(this=" ".join(words)))

            def _parse_join(self, *args: Any, **named: Any) -> Any:  # Any: sqlglot's own
                comma = bool(self._curr) and self._curr.token_type == TokenType.COMMA
                join = super()._parse_join(*args, **named)
                if join is not None and comma:
                    join.meta["comma"] = True
                return join

    return Verbatim


_OPERATORS = {
    "And": "AND", "Or": "OR", "EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "Is": "IS",
    "NullSafeEQ": "IS", "NullSafeNEQ": "IS NOT", "Like": "LIKE", "Glob": "GLOB", "RegexpLike": "REGEXP", "Add": "+",
    "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%", "DPipe": "||", "BitwiseAnd": "&", "BitwiseOr": "|",
    "BitwiseLeftShift": "<<", "BitwiseRightShift": ">>",
}  # fmt: skip
_REFUSED = ("qualify", "laterals", "pivots", "connect", "match", "into")
_VIEWS_MAX = 20


def _described(tree: exp.Expr) -> str:
    return {"Union": "UNION", "Intersect": "INTERSECT", "Except": "EXCEPT"}.get(
        type(tree).__name__, type(tree).__name__
    )


_Views: TypeAlias = list[tuple[str, Select | Compound]]
"""The views that a text reads: what each one says, and how that was read."""


@dataclass(frozen=True, slots=True)
class _Cte:
    """A subquery in FROM, or a CTE; outside of subqueries `name` is then its name as SQL. `hint` stands behind AS."""

    tree: exp.Expr
    names: tuple[str, ...] = ()
    name: str = ""
    hint: str = ""


class _Reader:
    """Reads one sqlglot SELECT; names are resolved as SQLite does: here, then in the query around it."""

    def __init__(
        self, catalog: Catalog, params: Iterator[int], outer: _Reader | None = None, views: _Views | None = None
    ) -> None:
        self._catalog, self._params, self._outer = catalog, params, outer
        self._views: _Views = [] if views is None else views
        self._first: int = 0 if outer is None else outer._first + len(outer._sources)
        self._sources: list[Source] = []
        self._tables: list[TableInfo] = []
        self._using: dict[int, frozenset[str]] = {}  # of each source the names that USING or NATURAL joins it by
        self._outer_joins = False
        self._aliases: dict[str, Expr] = {}
        self.named: dict[str, int] = {}
        self.places: list[int | None] = []
        self._ctes: dict[str, _Cte] = {} if outer is None else dict(outer._ctes)
        self._depth: int = 0 if outer is None else outer._depth
        self._windows: dict[str, exp.Window] = {}

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
                name = out.expr.name if _is_star(item) and isinstance(out.expr, Column) else out.alias
                self.named.setdefault((name or "").lower(), len(outputs))
                outputs += (out,)
        self.named.pop("", None)
        self._aliases = {out.alias.lower(): out.expr for out in reversed(outputs) if out.alias is not None}
        for at, on in ons:
            source = self._sources[at]
            self._sources[at] = replace(source, on=on if not _is_tree(on) else self._expr(on))
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

    def output(self, tree: exp.Expression, select: Select) -> int | None:
        """Return which output of `select`, which was read here, a term names or repeats."""
        from sqlglot import exp

        if isinstance(tree, exp.Column) and not tree.table and str(tree.this.this).lower() in self.named:
            return self.named[str(tree.this.this).lower()]
        try:
            expr = self._expr(tree)
        except Unplannable:
            return None
        return next((at for at, output in enumerate(select.outputs) if output.expr == expr), None)

    # -- FROM

    def _source(self, tree: exp.Expression, join: JoinKind, on: Expr | None) -> None:
        from sqlglot import exp

        if isinstance(tree, exp.Subquery) and not tree.args.get("joins"):
            self._derived(tree.alias or f"subquery_{len(self._sources) + 1}", _Cte(tree.this), join, on)
            return
        if not isinstance(tree, exp.Table) or not isinstance(tree.this, exp.Identifier):
            raise Unplannable(f"{_described(tree)} in FROM is re-run")
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
            self._ctes[name] = _Cte(cte.this, tuple(str(c.this) for c in cte.args["alias"].columns), named, hint)

    def _view(self, view: TableInfo, alias: str, join: JoinKind, on: Expr | None) -> None:
        """Take a view of the database as the subquery that it is."""
        from sqlglot import parse_one
        from sqlglot.errors import SqlglotError

        if self._depth >= _VIEWS_MAX:
            raise Unplannable("views in views in views")
        text = _view_text(self._catalog.sql_of(view.name))
        try:
            tree = parse_one(text, dialect=_dialect())
        except (SqlglotError, RecursionError) as error:
            raise Unplannable(f"sqlglot can't read the view {view.name}") from error
        cte = _Cte(tree, tuple(column.name for column in view.columns))
        inner = self._inner(tree, {}, self._depth + 1)
        self._views.append((text, inner))
        self._take(alias, cte, inner, join, on, view)

    def _derived(self, alias: str, cte: _Cte, join: JoinKind, on: Expr | None) -> None:
        self._take(alias, cte, self._inner(cte.tree, self._ctes, self._depth), join, on)

    def _inner(self, tree: exp.Expr, ctes: dict[str, _Cte], depth: int) -> Select | Compound:
        """Return the plan of a subquery in FROM, which sees nothing of the query around but its CTEs."""
        from sqlglot import exp

        def reader() -> _Reader:
            made = _Reader(self._catalog, self._params, views=self._views)
            made._ctes, made._depth = dict(ctes), depth
            return made

        while isinstance(tree, exp.Subquery) and not tree.alias:
            tree = tree.this
        if isinstance(tree, exp.SetOperation):
            return _compound(tree, reader)
        if not isinstance(tree, exp.Select):
            raise Unplannable(f"{_described(tree)} in FROM is re-run")
        return reader().select(tree)

    def _take(
        self,
        alias: str,
        cte: _Cte,
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
        elif join.args.get("using"):
            ons.append((at, self._using_condition(at, [str(name.this) for name in join.args["using"]])))
        elif method and (common := self._common(at)):
            ons.append((at, self._using_condition(at, common)))

    def _common(self, at: int) -> list[str]:
        """Return the columns of source `at` that a source before it has, too: what NATURAL joins by."""
        names = [column.name for column in self._tables[at].columns]
        return [name for name in names if any(table.column(name) for table in self._tables[:at])]

    def _using_condition(self, at: int, names: list[str]) -> Expr:
        condition: Expr | None = None
        for name in names:
            lefts = [s for s in range(at) if self._tables[s].column(name)]
            if not lefts or self._tables[at].column(name) is None:
                raise Unplannable(f"USING ({name}) names no column of both sides")
            left = self._first_of(lefts if self._outer_joins else lefts[:1], name)
            equal = Binary("=", left, self._real(at, name))
            condition = equal if condition is None else Binary("AND", condition, equal)
        assert condition is not None, "USING has at least one name"
        self._using[at] = frozenset(map(str.lower, names))
        return condition

    def _joined_by(self, name: str) -> Expr | None:
        """Return what a name without a table means where USING has joined its columns; None: it has not.

        That is the left side's; behind a RIGHT JOIN the right side's, behind a FULL JOIN the first that isn't NULL.
        """
        found: list[int] = []
        for at, table in enumerate(self._tables):
            if not table.column(name):
                continue
            if found and name.lower() not in self._using.get(at, ()):
                return None
            join = self._sources[at].join if found else ""
            if found and join not in ("RIGHT JOIN", "FULL JOIN"):
                continue
            found = [at] if join == "RIGHT JOIN" else [*found, at]
        return self._first_of(found, name) if found else None

    def _first_of(self, sources: list[int], name: str) -> Expr:
        """Return the column `name` of the first of `sources` in which it isn't NULL."""
        columns = tuple(self._real(at, name) for at in sources)
        return columns[0] if len(columns) == 1 else Call("coalesce", columns)

    def _real(self, source: int, name: str) -> Column:
        real = self._tables[source].resolve(name)
        if real is None:
            raise Unplannable(f"no column {name} in {self._sources[source].alias}")
        return Column(self._first + source, real)

    # -- SELECT list and clauses

    def _output(self, tree: exp.Expression, *, hide_using: bool) -> list[Output]:
        from sqlglot import exp

        if isinstance(tree, exp.Alias):
            return [Output(self._expr(tree.this), str(tree.args["alias"].this))]
        if isinstance(tree, exp.Star):
            return self._stars(range(len(self._sources)), hide_using=hide_using)
        if isinstance(tree, exp.Column) and isinstance(tree.this, exp.Star):
            return self._stars([self._source_named(tree.table)], hide_using=False)
        return [Output(self._expr(tree))]

    def _stars(self, sources: Any, *, hide_using: bool) -> list[Output]:
        outputs: list[Output] = []

        def behind(source: int) -> range:
            return range(source + 1, len(self._tables))

        for source in sources:
            for column in self._tables[source].columns:
                name = column.name.lower()
                if hide_using and name in self._using.get(source, ()):
                    continue
                shown: Expr | None = Column(self._first + source, column.name)
                if hide_using and self._outer_joins and any(name in self._using.get(at, ()) for at in behind(source)):
                    shown = self._joined_by(column.name)
                if shown is None:
                    raise Unplannable(f"{column.name} is joined by USING and stands in another table, too")
                outputs.append(Output(shown, None if isinstance(shown, Column) else column.name))
        return outputs

    def _source_named(self, alias: str) -> int:
        found = [at for at, source in enumerate(self._sources) if source.alias.lower() == alias.lower()]
        if len(found) != 1:
            raise Unplannable(f"{alias} names {len(found)} tables of FROM")
        return found[0]

    def _naming(self, alias: str) -> _Reader:
        """Return the reader of the query nearest by that has a table called `alias`."""
        reader = self
        while reader._outer is not None and not any(s.alias.lower() == alias.lower() for s in reader._sources):
            reader = reader._outer
        return reader

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

    def count(self, tree: Any, kind: type[exp.Expression]) -> Expr | None:
        """Return the number in a LIMIT or OFFSET."""
        if tree is None:
            return None
        if not isinstance(tree, kind):
            raise Unplannable("this form of LIMIT is re-run")
        return self._expr(tree.args["expression"])

    # -- expressions

    def _expr(self, tree: exp.Expression) -> Expr:
        name = type(tree).__name__
        if name in _OPERATORS:
            found = Binary(_OPERATORS[name], self._expr(tree.this), self._expr(tree.args["expression"]))
            return _negated(found) if tree.args.get("negate") else found
        reader = getattr(self, f"_read_{name.lower()}", None)
        if reader is None:
            raise Unplannable(f"{_REASONS.get(name, name)} is re-run")
        read: Expr = reader(tree)
        return read

    def _read_paren(self, tree: exp.Paren) -> Expr:
        return self._expr(tree.this)

    def _read_column(self, tree: exp.Column) -> Expr:
        name = str(tree.this.this)
        if tree.table:
            reader = self._naming(tree.table)
            at = reader._source_named(tree.table)
            if tree.db and tree.db.lower() != reader._sources[at].table.schema.lower():
                raise Unplannable(f"{tree.db}.{tree.table} is not in FROM")
            return reader._real(at, name)
        if self._using and (joined := self._joined_by(name)) is not None:
            return joined
        found = [at for at, table in enumerate(self._tables) if table.column(name)]
        if not found and name.lower() in self._aliases:
            return self._aliases[name.lower()]
        if not found:
            found = [at for at, table in enumerate(self._tables) if table.resolve(name)]
        if not found and self._outer is not None:
            return self._outer._read_column(tree)
        if not found and name.lower() in ("current_date", "current_time", "current_timestamp"):
            raise Unplannable(f"{name} reads the clock")
        if len(found) != 1:
            raise Unplannable(f"{name} is no column of one table in FROM")
        return self._real(found[0], name)

    def _read_literal(self, tree: exp.Literal) -> Expr:
        text = str(tree.this)
        return Const("'" + text.replace("'", "''") + "'" if tree.is_string else text)

    def _read_hexstring(self, tree: exp.HexString) -> Expr:
        return Const(f"x'{tree.this}'")

    def _read_null(self, tree: exp.Null) -> Expr:
        return Const("NULL")

    def _read_boolean(self, tree: exp.Boolean) -> Expr:
        return Const("TRUE" if tree.this else "FALSE")

    def _read_placeholder(self, tree: exp.Placeholder) -> Expr:
        if tree.this:
            return Param(str(tree.this))
        return Param(f"p{next(self._params)}")

    def _read_neg(self, tree: exp.Neg) -> Expr:
        return Unary("-", self._expr(tree.this))

    def _read_bitwisenot(self, tree: exp.BitwiseNot) -> Expr:
        return Unary("~", self._expr(tree.this))

    def _read_not(self, tree: exp.Not) -> Expr:
        return _negated(self._expr(tree.this))

    def _read_escape(self, tree: exp.Escape) -> Expr:
        like = self._expr(tree.this)
        plain = like.arg if isinstance(like, Unary) and like.op == "NOT" else like
        if not isinstance(plain, Binary):
            raise Unplannable("this form of ESCAPE is re-run")
        found = Binary(plain.op, plain.left, plain.right, self._expr(tree.args["expression"]))
        return found if like is plain else Unary("NOT", found)

    def _read_between(self, tree: exp.Between) -> Expr:
        return Between(self._expr(tree.this), self._expr(tree.args["low"]), self._expr(tree.args["high"]))

    def _read_in(self, tree: exp.In) -> Expr:
        from sqlglot import exp

        if tree.args.get("query"):
            arg, query = self._expr(tree.this), self._unwrapped(tree.args["query"])
            if isinstance(query, exp.SetOperation):
                return self._in_compound(arg, query)
            return InSelect(arg, self._select(query))
        if tree.args.get("field") or tree.args.get("unnest"):
            raise Unplannable("IN with a table is re-run")
        return InList(self._expr(tree.this), tuple(map(self._expr, tree.expressions)))

    def _read_tuple(self, tree: exp.Tuple) -> Expr:
        return RowValue(tuple(map(self._expr, tree.expressions)))

    def _read_exists(self, tree: exp.Exists) -> Expr:
        from sqlglot import exp

        query = self._unwrapped(tree.this)
        return self._in_compound(None, query) if isinstance(query, exp.SetOperation) else Exists(self._select(query))

    def _read_subquery(self, tree: exp.Subquery) -> Expr:
        return Scalar(self._select(tree))

    def _unwrapped(self, tree: exp.Expression) -> exp.Expression:
        """Return what stands in the parentheses."""
        from sqlglot import exp

        while isinstance(tree, exp.Subquery) and not tree.args.get("alias"):
            tree = tree.this
        return tree

    def _in_compound(self, arg: Expr | None, tree: exp.SetOperation) -> Expr:
        """Return EXISTS or IN of a union; it is kept as what is in one of its parts, who all compare in one way."""
        readers: list[_Reader] = []

        def reader() -> _Reader:
            readers.append(_Reader(self._catalog, self._params, self, self._views))
            return readers[-1]

        compound = _compound(tree, reader)
        if not {"UNION", "UNION ALL"}.issuperset(compound.words) or compound.limit is not None:
            raise Unplannable(f"{' and '.join(dict.fromkeys(compound.words))} in a subquery is re-run")
        kinds = {
            tuple(own._compared(output.expr) for output in part.outputs)
            for own, part in zip(readers, compound.parts, strict=True)
        }
        if arg is not None and len(kinds) > 1:
            raise Unplannable("IN a UNION whose parts compare in different ways is re-run")
        return InCompound("exists" if arg is None else "in", arg, compound)

    def _compared(self, expr: Expr) -> str:
        """Return how an output compares: by the affinity of a table's column; "" for a plain computed value."""
        if not isinstance(expr, Column):
            return "?" if isinstance(expr, Cast | Collate | Scalar | Unary) else ""
        at = expr.source - self._first
        if not 0 <= at < len(self._sources) or self._sources[at].select is not None:
            return "?"
        return self._tables[at].key_column(expr.name).affinity

    def _select(self, tree: exp.Expression) -> Select:
        """Return the plan of a subquery; its names are looked up here where it has none."""
        from sqlglot import exp

        tree = self._unwrapped(tree)
        if not isinstance(tree, exp.Select):
            raise Unplannable(f"{_described(tree)} in a subquery is re-run")
        return _Reader(self._catalog, self._params, self, self._views).select(tree)

    def _read_case(self, tree: exp.Case) -> Expr:
        base, otherwise = tree.args.get("this"), tree.args.get("default")
        return Case(
            self._expr(base) if base is not None else None,
            tuple((self._expr(when.this), self._expr(when.args["true"])) for when in tree.args["ifs"]),
            self._expr(otherwise) if otherwise is not None else None,
        )

    def _read_cast(self, tree: exp.Cast) -> Expr:
        return Cast(self._expr(tree.this), _type(str(tree.args["to"].this)))

    def _read_collate(self, tree: exp.Collate) -> Expr:
        return Collate(self._expr(tree.this), str(tree.args["expression"].name))

    def _read_filter(self, tree: exp.Filter) -> Expr:
        call = self._expr(tree.this)
        if not isinstance(call, Call):
            raise Unplannable("this form of FILTER is re-run")
        return replace(call, filter=self._expr(tree.args["expression"].this))

    def _read_window(self, tree: exp.Window) -> Expr:
        call = self._expr(tree.this)
        if not isinstance(call, Call):
            raise Unplannable("this form of OVER is re-run")
        return self._window(tree, call)

    def _window(self, tree: exp.Window, call: Call) -> Over:
        """Return `call` over what a window says, and what the named one says that it is based on."""
        base = Over(call)
        if tree.args.get("alias") is not None:
            named = self._windows.get(str(tree.args["alias"].this).lower())
            if named is None:
                raise Unplannable("this form of OVER is re-run")
            base = self._window(named, call)
        order, spec = tree.args.get("order"), tree.args.get("spec")
        return Over(
            call,
            tuple(map(self._expr, tree.args.get("partition_by") or ())) or base.partition_by,
            tuple(self._window_order(term) for term in (order.expressions if order else ())) or base.order_by,
            base.frame if spec is None else self._frame(spec),
        )

    def _window_order(self, tree: exp.Expression) -> Order:
        return Order(self._expr(tree.this), bool(tree.args.get("desc")), bool(tree.args.get("nulls_first")))

    def _frame(self, spec: exp.WindowSpec) -> Frame:
        unit, exclude = str(spec.args["kind"]).upper(), spec.args.get("exclude")
        excluded = "" if exclude is None else str(exclude.this).upper()
        if unit not in ("ROWS", "RANGE", "GROUPS"):
            raise Unplannable("this form of a frame is re-run")
        end = Bound("CURRENT ROW") if spec.args.get("end") is None else self._bound(spec, "end")
        return Frame(unit, self._bound(spec, "start"), end, excluded)

    def _bound(self, spec: exp.WindowSpec, which: str) -> Bound:
        """Return one end of a frame: a word alone, or an expression and a side."""
        at, side = spec.args[which], str(spec.args.get(f"{which}_side") or "").upper()
        if _is_tree(at):
            return Bound(side, self._expr(at))
        return Bound(f"{at} {side}".strip().upper())

    def _read_anonymous(self, tree: exp.Anonymous) -> Expr:
        from sqlglot import exp

        name, args = str(tree.name).lower(), tree.expressions  # which may stand in quotes
        if name == "+":
            return Unary("+", self._expr(args[0]))
        if name in ("->", "->>"):
            return Binary(name, self._expr(args[0]), self._expr(args[1]))
        own = self._catalog.gathers(name)
        if len(args) == 1 and isinstance(args[0], exp.Star):
            return Call(name, star=True, own=own)
        if len(args) == 1 and isinstance(args[0], exp.Distinct):
            return Call(name, tuple(map(self._expr, args[0].expressions)), distinct=True, own=own)
        return Call(name, tuple(map(self._expr, args)), own=own)


def _negated(expr: Expr) -> Expr:
    """Return NOT `expr`; IS has a NOT of its own."""
    if isinstance(expr, Binary) and expr.op == "IS":
        return Binary("IS NOT", expr.left, expr.right)
    return Unary("NOT", expr)


def _view_text(sql: str) -> str:
    """Return the SELECT in the text of a CREATE VIEW."""
    depth = 0
    for at, token in tokens(sql):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if not depth and token.upper() == "AS":
            return _by_name(sql[at + 2 :])
    raise Unplannable("a view whose text isn't known")


def _type(text: str) -> str:
    """Return the type of a CAST, which may be several words and numbers in parentheses."""
    if not re.fullmatch(r"[A-Za-z_][\w ]*(\( ?[+-]? ?\d+( ?, ?[+-]? ?\d+)? ?\))?", text):
        raise Unplannable("this form of CAST is re-run")
    return re.sub(r" ?([(),]) ?", r"\1", text)


_REASONS = {
    "Match": "MATCH",
    "Star": "* in an expression",
}


def _is_star(tree: exp.Expression) -> bool:
    from sqlglot import exp

    return isinstance(tree, exp.Star) or (isinstance(tree, exp.Column) and isinstance(tree.this, exp.Star))


def _is_tree(on: Any) -> bool:
    from sqlglot import exp

    return isinstance(on, exp.Expression)
