"""Expressions, with the windows and subqueries in them: a tree of sqlglot's to a plan's.

`_read_literal` reads a `Literal`, and so on; what has no such method makes the query be re-run.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..plan import (
    Between,
    Binary,
    Bound,
    Call,
    Case,
    Cast,
    Collate,
    Column,
    Const,
    Exists,
    Expr,
    Frame,
    InCompound,
    InList,
    InSelect,
    Order,
    Over,
    Param,
    RowValue,
    Scalar,
    Select,
    Unary,
    Unplannable,
)
from .compound import read_compound
from .names import Names
from .text import described, is_tree, unwrapped

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["Expressions"]

_OPERATORS = {
    "And": "AND", "Or": "OR", "EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "Is": "IS",
    "NullSafeEQ": "IS", "NullSafeNEQ": "IS NOT", "Like": "LIKE", "Glob": "GLOB", "RegexpLike": "REGEXP", "Add": "+",
    "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%", "DPipe": "||", "BitwiseAnd": "&", "BitwiseOr": "|",
    "BitwiseLeftShift": "<<", "BitwiseRightShift": ">>",
}  # fmt: skip
_REASONS = {
    "Match": "MATCH",
    "Star": "* in an expression",
}


class Expressions(Names):
    """The part of a SELECT's reader that reads expressions; the whole is `Reader` in select.py."""

    def select(self, tree: exp.Select) -> Select:
        """Return the plan of `tree`."""
        raise NotImplementedError

    def note_ctes(self, tree: exp.Expression) -> None:
        """Take the CTEs in front of `tree`; the text of each is read where it is used."""
        raise NotImplementedError

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

    def count(self, tree: Any, kind: type[exp.Expression]) -> Expr | None:
        """Return the number in a LIMIT or OFFSET."""
        if tree is None:
            return None
        if not isinstance(tree, kind):
            raise Unplannable("this form of LIMIT is re-run")
        return self._expr(tree.args["expression"])

    def _inside(self) -> Expressions:
        """Return a reader of a subquery, whose names are looked up here where it has none."""
        return type(self)(self._catalog, self._params, self._reading, self)

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
        if not tree.table:
            return self._named(name)
        reader = self._naming(tree.table)
        at = reader._source_named(tree.table)
        if tree.db and tree.db.lower() != reader._sources[at].table.schema.lower():
            raise Unplannable(f"{tree.db}.{tree.table} is not in FROM")
        return reader._real(at, name)

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
            arg, query = self._expr(tree.this), unwrapped(tree.args["query"])
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

        query = unwrapped(tree.this)
        return self._in_compound(None, query) if isinstance(query, exp.SetOperation) else Exists(self._select(query))

    def _read_subquery(self, tree: exp.Subquery) -> Expr:
        return Scalar(self._select(tree))

    def _in_compound(self, arg: Expr | None, tree: exp.SetOperation) -> Expr:
        """Return EXISTS or IN of a union; it is kept as what is in one of its parts, who all compare in one way."""
        readers: list[Expressions] = []

        def reader() -> Expressions:
            readers.append(self._inside())
            return readers[-1]

        compound = read_compound(tree, reader)
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

        tree = unwrapped(tree)
        if not isinstance(tree, exp.Select):
            raise Unplannable(f"{described(tree)} in a subquery is re-run")
        return self._inside().select(tree)

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
        if is_tree(at):
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


def _type(text: str) -> str:
    """Return the type of a CAST, which may be several words and numbers in parentheses."""
    if not re.fullmatch(r"[A-Za-z_][\w ]*(\( ?[+-]? ?\d+( ?, ?[+-]? ?\d+)? ?\))?", text):
        raise Unplannable("this form of CAST is re-run")
    return re.sub(r" ?([(),]) ?", r"\1", text)
