"""Plans as JSON values: what a query looks like on its way from one process to another.

    Select((Source(main.issue "issue"),), (Output(Column(0, "id")),), where=Binary(">", Column(0, "n"), Param("p1")))
        <->
    {"sources": [{"table": ["main", "issue"], "alias": "issue"}], "outputs": [{"expr": ["column", 0, "id"]}],
     "where": ["binary", ">", ["column", 0, "n"], ["param", "p1"], null]}

An expression is a list that begins with its kind; what has names is an object, without the fields that are as usual.
What is read comes from outside. Each word that stands in SQL unquoted must be one of those that a plan of ours holds, a
column's number must be that of an occurrence it can see, and what a plan's text wouldn't say is refused: so the text of
a plan that was read means what the plan means. Whether its tables and columns are there is asked later, in fit.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, NoReturn, TypeAlias, get_args

from ..errors import LoadError
from ..schema.catalog import TableName
from ..values import has_lone_surrogate, shown
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
    InEach,
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
)

__all__ = ["DEPTH_MAX", "NODES_MAX", "read_plan", "write_plan"]

Json: TypeAlias = Any  # Any: what json.loads gives

DEPTH_MAX = 100
NODES_MAX = 20_000
_SOURCES_MAX = 64  # that many tables SQLite joins at most

_EXPRESSIONS: dict[str, tuple[type, tuple[str, ...]]] = {
    "column": (Column, ("number", "name")),
    "const": (Const, ("literal",)),
    "param": (Param, ("word",)),
    "unary": (Unary, ("unary", "expr")),
    "binary": (Binary, ("binary", "expr", "expr", "expr or null")),
    "between": (Between, ("expr", "expr", "expr")),
    "in": (InList, ("expr", "exprs")),
    "in each": (InEach, ("expr", "expr")),
    "row": (RowValue, ("exprs",)),
    "case": (Case, ("expr or null", "whens", "expr or null")),
    "cast": (Cast, ("expr", "type")),
    "collate": (Collate, ("expr", "name")),
    "call": (Call, ("function", "exprs", "flag", "flag", "expr or null", "flag")),
    "over": (Over, ("call", "exprs", "orders", "frame or null")),
    "exists": (Exists, ("select",)),
    "in select": (InSelect, ("expr", "select")),
    "scalar": (Scalar, ("select",)),
}
_KINDS = {made: kind for kind, (made, _) in _EXPRESSIONS.items()}
_OBJECTS: dict[type, dict[str, str]] = {
    Source: {"table": "table", "alias": "name", "join": "join", "on": "expr or null"},
    Output: {"expr": "expr", "alias": "name or null"},
    Order: {"expr": "expr", "desc": "flag", "nulls_first": "flag"},
    Frame: {"unit": "unit", "start": "bound", "end": "bound", "exclude": "exclude"},
    Bound: {"word": "bound's word", "by": "expr or null"},
    Place: {"at": "number", "desc": "flag", "nulls_first": "flag", "collation": "name or null"},
    Select: {
        "sources": "sources", "outputs": "outputs", "where": "expr or null", "group_by": "exprs",
        "having": "expr or null", "order_by": "orders", "limit": "expr or null", "offset": "expr or null",
        "distinct": "flag",
    },
    Compound: {
        "parts": "parts", "words": "words", "order_by": "places", "limit": "expr or null", "offset": "expr or null",
    },
}  # fmt: skip
_LISTS = {"sources": Source, "outputs": Output, "orders": Order, "parts": Select, "places": Place}
_CLOSED: dict[str, frozenset[str]] = {
    "unary": frozenset({"-", "+", "~", "NOT"}),
    "binary": frozenset({
        "AND", "OR", "=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT", "LIKE", "GLOB", "REGEXP", "+", "-", "*", "/", "%",
        "||", "&", "|", "<<", ">>", "->", "->>",
    }),
    "join": frozenset(get_args(JoinKind)),
    "unit": frozenset({"ROWS", "RANGE", "GROUPS"}),
    "bound's word": frozenset({
        "UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING", "CURRENT ROW", "PRECEDING", "FOLLOWING",
    }),
    "exclude": frozenset({"", "NO OTHERS", "CURRENT ROW", "GROUP", "TIES"}),
    "set word": frozenset(get_args(SetWord)),
}  # fmt: skip
_LITERAL = re.compile(
    r"NULL|TRUE|FALSE|'(?:[^']|'')*'|[xX]'(?:[0-9a-fA-F]{2})*'|0[xX][0-9a-fA-F]{1,16}|-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
)
_TYPE = re.compile(r"[A-Za-z_][A-Za-z_0-9 ]*(?:\([+-]?\d+(?:,[+-]?\d+)?\))?")
_WORD = re.compile(r"[A-Za-z_0-9]+")
_INTEGER = re.compile(r"-?(?:\d+|0[xX][0-9a-fA-F]+)")


# --- out


def write_plan(plan: Select | Compound) -> Json | None:
    """Return `plan` as a value for JSON; None where it holds what has no form here: its query travels as text."""
    try:
        return _object(plan)
    except _Formless:
        return None


class _Formless(Exception):
    """A part of a plan has no form."""


def _object(made: Any) -> Json:  # Any: of a class in _OBJECTS
    if isinstance(made, Source) and made.select is not None:
        raise _Formless
    if isinstance(made, Select) and _check_select(made):  # grouped by a column that is a number
        raise _Formless
    usual = {field.name: field.default for field in fields(made)}
    names = _OBJECTS[type(made)]
    return {name: _written(getattr(made, name)) for name in names if getattr(made, name) != usual[name]}


def _written(value: Any) -> Json:  # Any: what a field of a plan holds
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple):
        return [*map(_written, value)]
    if type(value) in _OBJECTS:
        return _object(value)
    kind = _KINDS.get(type(value))
    if kind is None:
        raise _Formless
    return [kind, *(_written(getattr(value, field.name)) for field in fields(value))]


# --- in


def read_plan(value: Json, path: str = "plan") -> Select | Compound:
    """Return the plan that `write_plan` wrote. Raises `LoadError` for anything else; nothing is looked up."""
    reader = _Reader(path)
    kind = Compound if isinstance(value, dict) and "parts" in value else Select
    plan: Select | Compound = reader.object(kind, value)
    return plan


class _Reader:
    """Reads one plan. `path` says where we are, `visible` holds the alias of each occurrence that can be spoken of."""

    def __init__(self, path: str) -> None:
        self._path: list[str] = [path]
        self._visible: list[str] = []
        self._nodes = self._depth = 0
        self._codecs: dict[str, Callable[[Json], Any]] = {
            "expr": self._expr,
            "exprs": lambda value: self._each(value, self._expr),
            "whens": lambda value: self._each(value, self._when),
            "call": self._call,
            "frame": lambda value: self.object(Frame, value),
            "bound": lambda value: self.object(Bound, value),
            "select": lambda value: self.object(Select, value),
            "table": self._table,
            "words": lambda value: self._each(value, lambda word: self._one_of("set word", word)),
            "number": self._number,
            "flag": self._flag,
            "name": self._name,
            "function": self._function,
            "word": lambda value: self._matching(_WORD, value, "a parameter's name"),
            "type": lambda value: self._matching(_TYPE, value, "a type"),
            "literal": lambda value: self._matching(_LITERAL, value, "a literal"),
            **{name: self._list_of(made) for name, made in _LISTS.items()},
            **{name: self._choice(name) for name in ("unary", "binary", "join", "unit", "bound's word", "exclude")},
        }

    def object(self, made: type, value: Json) -> Any:  # Any: a `made`
        """Return the `made` that `value` is, its fields read."""
        self._enter()
        codecs = _OBJECTS[made]
        if not isinstance(value, dict) or not value.keys() <= codecs.keys():
            self._refuse(f"has to be an object with {', '.join(codecs)}", value)
        outside = len(self._visible)
        if made is Select and "sources" in value:
            self._visible += self._each(value["sources"], self._alias)
        usual = {field.name: field.default for field in fields(made)}
        read: dict[str, Any] = {}
        for name, codec in codecs.items():
            if name in value:
                read[name] = self._at(name, codec, value[name])
            elif usual[name] is MISSING:
                self._refuse(f"lacks {name!r}", value)
        del self._visible[outside:]
        return self._checked(made(**read), value)

    def _expr(self, value: Json) -> Any:  # Any: an Expr
        self._enter()
        if not isinstance(value, list) or not value or not isinstance(value[0], str) or value[0] not in _EXPRESSIONS:
            self._refuse("has to be a list that begins with the kind of an expression", value)
        made, codecs = _EXPRESSIONS[value[0]]
        if len(value) != len(codecs) + 1:
            self._refuse(f"has to be {value[0]!r} with {len(codecs)} parts", value)
        parts = [self._at(str(at), codec, value[at]) for at, codec in enumerate(codecs, 1)]
        if made is Column and parts[0] not in self._meant():
            self._refuse("speaks of no table that can be named here", value)
        return self._checked(made(*parts), value)

    def _checked(self, made: Any, value: Json) -> Any:  # Any: what was read
        check = _CHECKS.get(type(made))
        if check is not None and (trouble := check(made)):
            self._refuse(trouble, value)
        self._depth -= 1
        return made

    def _meant(self) -> set[int]:
        """Return the occurrences whose alias means them here: no inner one has the same."""
        return {*{alias: at for at, alias in enumerate(self._visible)}.values()}

    # -- parts

    def _call(self, value: Json) -> Call:
        call = self._expr(value)
        if not isinstance(call, Call):
            self._refuse("has to be a call", value)
        return call

    def _at(self, place: str, codec: str, value: Json) -> Any:
        name = codec.removesuffix(" or null")
        if value is None and name != codec:
            return None
        self._path.append(place)
        read = self._codecs[name](value)
        self._path.pop()
        return read

    def _each(self, value: Json, read: Callable[[Json], Any]) -> tuple[Any, ...]:
        if not isinstance(value, list):
            self._refuse("has to be a list", value)
        made = []
        for at, item in enumerate(value):
            self._path.append(str(at))
            made.append(read(item))
            self._path.pop()
        return tuple(made)

    def _list_of(self, made: type) -> Callable[[Json], tuple[Any, ...]]:
        return lambda value: self._each(value, lambda item: self.object(made, item))

    def _choice(self, name: str) -> Callable[[Json], str]:
        return lambda value: self._one_of(name, value)

    def _when(self, value: Json) -> tuple[Expr, Expr]:
        if not isinstance(value, list) or len(value) != 2:
            self._refuse("has to be a condition and a value", value)
        return self._expr(value[0]), self._expr(value[1])

    def _table(self, value: Json) -> TableName:
        if not isinstance(value, list) or len(value) != 2:
            self._refuse("has to be a schema and a table", value)
        return TableName(self._name(value[0]), self._name(value[1]))

    def _number(self, value: Json) -> int:
        if type(value) is not int or value < 0:
            self._refuse("has to be a whole number from 0 on", value)
        return int(value)

    def _flag(self, value: Json) -> bool:
        if type(value) is not bool:
            self._refuse("has to be true or false", value)
        return bool(value)

    def _name(self, value: Json) -> str:
        if not isinstance(value, str) or not value or "\0" in value or has_lone_surrogate(value):
            self._refuse("has to be a name", value)
        return str(value)

    def _function(self, value: Json) -> str:
        name = self._name(value)
        if name != name.lower():
            self._refuse("has to be a function's name in lower case", value)
        return name

    def _one_of(self, what: str, value: Json) -> str:
        if not isinstance(value, str) or value not in _CLOSED[what]:
            self._refuse(f"has to be one of {', '.join(sorted(_CLOSED[what]))}", value)
        return str(value)

    def _matching(self, form: re.Pattern[str], value: Json, what: str) -> str:
        if not isinstance(value, str) or not form.fullmatch(value) or "\0" in value or has_lone_surrogate(value):
            self._refuse(f"has to be {what}", value)
        return str(value)

    def _alias(self, value: Json) -> str:
        return str(value.get("alias")).lower() if isinstance(value, dict) else ""

    # -- limits and errors

    def _enter(self) -> None:
        self._nodes += 1
        self._depth += 1
        if self._nodes > NODES_MAX or self._depth > DEPTH_MAX:
            self._refuse(f"goes beyond the limits: {NODES_MAX} parts, {DEPTH_MAX} deep", None)

    def _refuse(self, trouble: str, value: Json) -> NoReturn:
        path = ".".join(self._path)
        path = path if len(path) <= 80 else f"{path[:40]}...{path[-37:]}"
        raise LoadError(f"{path} {trouble}{'' if value is None else f'; it is {shown(value)}'}", path=path)


# --- what a plan of ours keeps to, each as the sentence that refuses it


def _check_binary(made: Binary) -> str:
    return "has an ESCAPE without LIKE" if made.escape is not None and made.op != "LIKE" else ""


def _check_call(made: Call) -> str:
    return "has arguments beside *" if made.star and (made.args or made.distinct) else ""


def _check_bound(made: Bound) -> str:
    return "" if (made.by is None) == (" " in made.word) else "has a number of rows where it takes none, or none"


def _check_source(made: Source) -> str:
    return "has a condition that its join doesn't take" if made.on is not None and made.join in ("", ",") else ""


def _check_select(made: Select) -> str:
    joins = [source.join for source in made.sources]
    if not made.outputs:
        return "has no columns"
    if len(joins) > _SOURCES_MAX:
        return f"joins more than {_SOURCES_MAX} tables"
    if joins and (joins[0] or not all(joins[1:])):
        return "has a first table that is joined, or another that isn't"
    if len({source.alias.lower() for source in made.sources}) != len(joins):
        return "has two tables under one alias"
    if any(map(_is_position, [*made.group_by, *(order.expr for order in made.order_by)])):
        return "is ordered or grouped by a number, which SQLite takes for a position"
    return _check_counts(made)


def _is_position(expr: Expr) -> bool:
    while isinstance(expr, Collate) or (isinstance(expr, Unary) and expr.op in ("+", "-")):
        expr = expr.arg
    return isinstance(expr, Const) and _INTEGER.fullmatch(expr.sql) is not None


def _check_compound(made: Compound) -> str:
    if len(made.parts) < 2 or len(made.words) != len(made.parts) - 1:
        return "has to have a word between each part and the next"
    if len({len(part.outputs) for part in made.parts}) != 1:
        return "has parts with different numbers of columns"
    if any(part.order_by or part.limit is not None for part in made.parts):
        return "has a part with an order or limit of its own"
    if any(place.at >= len(made.parts[0].outputs) for place in made.order_by):
        return "is ordered by a column that isn't there"
    return _check_counts(made)


def _check_counts(made: Select | Compound) -> str:
    return "has an offset without a limit" if made.offset is not None and made.limit is None else ""


_CHECKS: dict[type, Callable[[Any], str]] = {  # Any: of the class that is the key
    Binary: _check_binary,
    Bound: _check_bound,
    Call: _check_call,
    Case: lambda made: "" if made.whens else "has no WHEN",
    RowValue: lambda made: "" if len(made.items) > 1 else "is a row of fewer than two values",
    Source: _check_source,
    Select: _check_select,
    Compound: _check_compound,
}
