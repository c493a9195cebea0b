"""Plan to SQL: text laid out as a person would, so that `explain()` can be read.

    SELECT g.Name, count(*) AS n
    FROM Track AS t
    JOIN Genre AS g ON g.GenreId = t.GenreId
    GROUP BY g.Name

`tables` puts another table in an occurrence's place: its log, in a delta statement. Parentheses stand where SQLite's
precedence needs them and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..sqltext import quote_name
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
    InCompound,
    InEach,
    InList,
    InSelect,
    Open,
    Order,
    Over,
    Param,
    Place,
    RowValue,
    Scalar,
    Select,
    Unary,
    expressions,
    has_window,
    selects,
)

__all__ = ["render", "render_compound", "render_expr", "render_from", "render_order", "render_placed"]

# https://sqlite.org/lang_expr.html#operators_and_parse_affecting_attributes, loosest first
_LEVELS = (
    ("OR",),
    ("AND",),
    ("NOT",),
    ("=", "<>", "IS", "IS NOT", "BETWEEN", "IN", "LIKE", "GLOB", "MATCH", "REGEXP"),
    ("<", "<=", ">", ">="),
    ("&", "|", "<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
    ("||", "->", "->>"),
    ("COLLATE",),
    ("NEG", "~"),
)
_LEVEL = {op: level for level, ops in enumerate(_LEVELS) for op in ops}
_ATOM = len(_LEVELS)


def render(plan: Select | Compound, tables: Mapping[int, str] | None = None, extra: Sequence[str] = ()) -> str:
    """Return the whole SELECT; `extra` are further output columns as SQL text."""
    if isinstance(plan, Compound):
        return render_compound(plan)
    return "\n".join([*_with(plan), *_lines(plan, (), tables, extra)])


def render_placed(plan: Select, places: Sequence[int | None]) -> str:
    """Return the whole SELECT; a term of ORDER BY with a place is said by the position of that output."""

    def placed(expr: Expr, at: int) -> Expr:
        if isinstance(expr, Collate) and expr != plan.outputs[at].expr:
            return Collate(placed(expr.arg, at), expr.name)
        return Const(str(at + 1))

    terms = zip(plan.order_by, places, strict=True)
    return render(
        replace(
            plan,
            order_by=tuple(o if at is None else replace(o, expr=placed(o.expr, at)) for o, at in terms),
        )
    )


def render_compound(plan: Compound, *, total: bool = False) -> str:
    """Return the whole compound; `total`: all of its columns are appended to ORDER BY."""
    return "\n".join([*_with(plan), *_compound_lines(plan, (), total=total)])


def _with(plan: Select | Compound) -> list[str]:
    """Return the WITH of the CTEs that stay in FROM, those first that others read."""
    found: dict[str, str] = {}

    def look(part: Select | Compound) -> None:
        for select in part.parts if isinstance(part, Compound) else (part,):
            for source in select.sources:
                if source.select is not None and not source.table.schema:  # a view has its own text
                    look(source.select)
                    if source.cte and source.cte not in found:
                        found[source.cte] = f"{source.cte} AS{source.hint} ({_inline(source.select)})"
            for expr in expressions(select):
                for node in selects(expr):
                    look(node.select)

    look(plan)
    return [f"WITH {', '.join(found.values())}"] if found else []


def _inline(plan: Select | Compound) -> str:
    return " ".join(_compound_lines(plan, ()) if isinstance(plan, Compound) else _lines(plan, ()))


def _compound_lines(plan: Compound, outer: Sequence[str], *, total: bool = False) -> list[str]:
    lines = _lines(plan.parts[0], outer)
    for word, part in zip(plan.words, plan.parts[1:], strict=True):
        lines += [word, *_lines(part, outer)]
    order = [_place(place) for place in plan.order_by]
    if total:
        order += [str(at + 1) for at in range(len(plan.parts[0].outputs))]
    if order:
        lines.append("ORDER BY " + ", ".join(order))
    if plan.limit is not None:
        lines.append("LIMIT " + render_expr(plan.limit, ()))
        if plan.offset is not None:
            lines[-1] += " OFFSET " + render_expr(plan.offset, ())
    return lines


def _place(place: Place) -> str:
    text = str(place.at + 1) if place.collation is None else f"{place.at + 1} COLLATE {quote_name(place.collation)}"
    nulls = "" if place.nulls_first != place.desc else f" NULLS {'FIRST' if place.nulls_first else 'LAST'}"
    return f"{text}{' DESC' if place.desc else ''}{nulls}"


def _lines(
    plan: Select, outer: Sequence[str], tables: Mapping[int, str] | None = None, extra: Sequence[str] = ()
) -> list[str]:
    """Return the clauses of the SELECT; `outer` are the aliases of the queries around it."""
    aliases = [*outer, *(source.alias for source in plan.sources)]
    outputs = [
        render_expr(output.expr, aliases) + (f" AS {quote_name(output.alias)}" if output.alias is not None else "")
        for output in plan.outputs
    ]
    head = "SELECT DISTINCT " if plan.distinct else "SELECT "
    lines = [head + ", ".join([*outputs, *extra]), *_from(plan, aliases, tables)]
    if plan.group_by:
        lines.append("GROUP BY " + ", ".join(render_expr(expr, aliases) for expr in plan.group_by))
    if plan.having is not None:
        lines.append("HAVING " + render_expr(plan.having, aliases))
    if plan.order_by:
        lines.append("ORDER BY " + ", ".join(_placed(plan, order, aliases) for order in plan.order_by))
    if plan.limit is not None:
        lines.append("LIMIT " + render_expr(plan.limit, aliases))
        if plan.offset is not None:
            lines[-1] += " OFFSET " + render_expr(plan.offset, aliases)
    return lines


def _placed(plan: Select, order: Order, aliases: Sequence[str]) -> str:
    """Return a term of ORDER BY; a subquery or window that is an output by its position: else SQLite runs it twice."""
    if any(selects(order.expr)) or has_window(order.expr):
        at = next((n for n, output in enumerate(plan.outputs, 1) if output.expr == order.expr), None)
        order = order if at is None else replace(order, expr=Const(str(at)))
    return render_order(order, aliases)


def render_from(plan: Select, tables: Mapping[int, str] | None = None) -> list[str]:
    """Return the lines of FROM and WHERE."""
    return _from(plan, [source.alias for source in plan.sources], tables)


def _from(plan: Select, aliases: Sequence[str], tables: Mapping[int, str] | None) -> list[str]:
    lines: list[str] = []
    for at, source in enumerate(plan.sources):
        table = (tables or {}).get(at) or (
            source.cte or (source.table.sql if source.select is None else f"({_inline(source.select)})")
        )
        named = f"{table} AS {quote_name(source.alias)}"
        on = f" ON {render_expr(source.on, aliases)}" if source.on is not None else ""
        if source.using:
            on = f" USING ({', '.join(map(quote_name, source.using))})"
        if source.join in ("", ","):
            lines.append(f"FROM {named}" if not lines else f", {named}")
        else:
            lines.append(f"{source.join} {named}{on}")
    if plan.where is not None:
        lines.append("WHERE " + render_expr(plan.where, aliases))
    return lines


def render_order(order: Order, aliases: Sequence[str]) -> str:
    """Return one term of ORDER BY; NULLS is said only where it isn't SQLite's default."""
    text = render_expr(order.expr, aliases) + (" DESC" if order.desc else "")
    if order.nulls_first == order.desc:
        text += " NULLS FIRST" if order.nulls_first else " NULLS LAST"
    return text


def render_expr(expr: Expr, aliases: Sequence[str]) -> str:
    """Return `expr` as SQL; `aliases[n]` is the name of occurrence n."""
    return _render(expr, aliases, 0)


def _render(expr: Expr, aliases: Sequence[str], least: int) -> str:
    text, level = _parts(expr, aliases)
    return text if level >= least else f"({text})"


def _parts(expr: Expr, aliases: Sequence[str]) -> tuple[str, int]:
    """Return the text and how tightly it binds."""
    match expr:
        case Column(source, name):
            return (f"{quote_name(aliases[source])}.{quote_name(name)}" if aliases else quote_name(name)), _ATOM
        case Const(sql):
            return sql, (_ATOM if not sql.startswith("-") else _LEVEL["NEG"])
        case Param(name):
            return f":{name}", _ATOM
        case Unary(op, arg):
            level = _LEVEL["NOT" if op == "NOT" else "NEG"]
            return f"{op}{' ' if op == 'NOT' else ''}{_render(arg, aliases, _ATOM if op != 'NOT' else level)}", level
        case Binary(op, left, right, escape):
            level = _LEVEL[op]
            text = f"{_render(left, aliases, level)} {op} {_render(right, aliases, level + 1)}"
            return (text if escape is None else f"{text} ESCAPE {_render(escape, aliases, level + 1)}"), level
        case Between(arg, low, high):
            level = _LEVEL["BETWEEN"]
            ends = f"{_render(low, aliases, level + 1)} AND {_render(high, aliases, level + 1)}"
            return f"{_render(arg, aliases, level)} BETWEEN {ends}", level
        case InList(arg, items):
            inner = ", ".join(_render(item, aliases, 0) for item in items)
            return f"{_render(arg, aliases, _LEVEL['IN'])} IN ({inner})", _LEVEL["IN"]
        case InEach(arg, array):
            inner = f"SELECT value FROM json_each({_render(array, aliases, 0)})"
            return f"{_render(arg, aliases, _LEVEL['IN'])} IN ({inner})", _LEVEL["IN"]
        case RowValue(items):
            return f"({', '.join(_render(item, aliases, 0) for item in items)})", _ATOM
        case Case(base, whens, otherwise):
            words = ["CASE"] if base is None else ["CASE", _render(base, aliases, 0)]
            for when, then in whens:
                words += ["WHEN", _render(when, aliases, 0), "THEN", _render(then, aliases, 0)]
            if otherwise is not None:
                words += ["ELSE", _render(otherwise, aliases, 0)]
            return " ".join([*words, "END"]), _ATOM
        case Cast(arg, kind):
            return f"CAST({_render(arg, aliases, 0)} AS {kind})", _ATOM
        case Collate(arg, name):
            return f"{_render(arg, aliases, _LEVEL['COLLATE'])} COLLATE {quote_name(name)}", _LEVEL["COLLATE"]
        case Call(name, args, distinct, star, condition):
            inner = "*" if star else ", ".join(_render(arg, aliases, 0) for arg in args)
            text = f"{quote_name(name)}({'DISTINCT ' if distinct else ''}{inner})"
            if condition is not None:
                text += f" FILTER (WHERE {_render(condition, aliases, 0)})"
            return text, _ATOM
        case Over():
            return _over(expr, aliases), _ATOM
        case Exists(select):
            return f"EXISTS {_subquery(select, aliases)}", _ATOM
        case InSelect(arg, select):
            return f"{_render(arg, aliases, _LEVEL['IN'])} IN {_subquery(select, aliases)}", _LEVEL["IN"]
        case Scalar(select):
            return _subquery(select, aliases), _ATOM
        case InCompound(form, arg, compound):
            text = f"({' '.join(_compound_lines(compound, aliases))})"
            if arg is not None:
                return f"{_render(arg, aliases, _LEVEL['IN'])} IN {text}", _LEVEL["IN"]
            return f"EXISTS {text}" if form == "exists" else text, _ATOM
        case Open():
            raise AssertionError("a plan that is rendered is closed")


def _over(over: Over, aliases: Sequence[str]) -> str:
    """Return a window function with all that its window says, named ones written out."""
    parts = []
    if over.partition_by:
        parts.append("PARTITION BY " + ", ".join(render_expr(expr, aliases) for expr in over.partition_by))
    if over.order_by:
        parts.append("ORDER BY " + ", ".join(render_order(order, aliases) for order in over.order_by))
    if over.frame is not None:
        ends = f"BETWEEN {_bound(over.frame.start, aliases)} AND {_bound(over.frame.end, aliases)}"
        exclude = f" EXCLUDE {over.frame.exclude}" if over.frame.exclude else ""
        parts.append(f"{over.frame.unit} {ends}{exclude}")
    return f"{render_expr(over.call, aliases)} OVER ({' '.join(parts)})"


def _bound(bound: Bound, aliases: Sequence[str]) -> str:
    return bound.word if bound.by is None else f"{render_expr(bound.by, aliases)} {bound.word}"


def _subquery(plan: Select, outer: Sequence[str]) -> str:
    return f"({' '.join(_lines(plan, outer))})"
