"""Expressions as users write them: `(Issue.state == "open") & (Issue.priority > 2)`.

    Issue.priority > 2   ->   Binary(">", Open(Reached(issue, "priority")), Open(Given(2)))

An `Expr[T]` wraps a piece of plan whose leaves are still open: which occurrence in FROM a column belongs to, and what a
parameter is called, only the whole query knows (compiled.py closes them). `T` is the Python type of its value, so
`Issue.priority == "x"` inside `where()` is an error to a type checker. A value may be a signal: the query then follows
it. There is no truth value: `and`, `or`, `not` and `a < b < c` raise.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeAlias, TypeVar, overload

from ..errors import ParameterError, QueryError
from ..kinds import BOOL, Kind, kind_of
from ..schema.table import is_row
from ..values import SqlValue, has_lone_surrogate, shown, to_sql
from .plan import Between, Binary, Call, Case, Cast, Collate, Const, InEach, InList, Open, Param, Unary
from .plan import Expr as Node

if TYPE_CHECKING:
    from .builder import Query

__all__ = [
    "INT",
    "Expr",
    "Followed",
    "FollowedList",
    "Given",
    "OrderBy",
    "Origin",
    "Reached",
    "Readable",
    "SubQuery",
    "call",
    "count",
    "is_readable",
    "param",
    "read_once",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

INT = kind_of(int)
NUMBER = replace(kind_of(float), python="int or float", to_plain=None)
"""An int or a float, each as it is."""
FLOAT = kind_of(float)
STR = kind_of(str)


class Readable(Protocol[T_co]):
    """A signal, computed or anything else that is read by `get` (tracked) and `peek`."""

    def get(self) -> T_co: ...
    def peek(self) -> T_co: ...


def is_readable(value: object) -> bool:
    """Say whether `value` is a signal."""
    return hasattr(type(value), "peek") and hasattr(type(value), "get")


def read_once(value: Any) -> Any:  # Any: a parameter, or a signal of one
    """Return a signal's value, untracked; anything else as it is."""
    return value.peek() if is_readable(value) else value


# --- open leaves

KeyOf: TypeAlias = Callable[[Any], Any]
"""Returns the key of a row that stands for it. Raises `ParameterError` for a row that can't stand there."""


def _key_of(row: Any) -> Any:  # Any: a row of a model, and its key
    return row.__key__()


@dataclass(frozen=True, slots=True)
class Origin:
    """One occurrence of a model's table: by itself, under an alias, or reached from another one by a reference."""

    model: Any  # a model class: it has `__table__`, and is hashable by identity
    alias: str | None = None
    via: Reached | None = None

    @property
    def base(self) -> Origin:
        """The occurrence that the references start from."""
        return self if self.via is None else self.via.origin.base


@dataclass(frozen=True, slots=True)
class Reached:
    """A column by its attribute's name."""

    origin: Origin
    attribute: str


@dataclass(frozen=True, slots=True)
class Given:
    """A value as SQLite holds it; `type` tells 1 from 1.0."""

    value: SqlValue
    type: type


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """A signal whose value is encoded each time it is read; itself readable."""

    signal: Any  # Readable: of what the column holds
    kind: Kind | None
    name: str
    or_none: bool = True
    key_of: KeyOf = _key_of

    def get(self) -> SqlValue:
        """Return the value as SQLite holds it; tracked."""
        return _encoded(self.signal.get(), self.kind, self.name, self.key_of, or_none=self.or_none)

    def peek(self) -> SqlValue:
        """Return the value as SQLite holds it; untracked."""
        return _encoded(self.signal.peek(), self.kind, self.name, self.key_of, or_none=self.or_none)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Followed) and self.signal is other.signal and self.kind is other.kind

    def __hash__(self) -> int:
        return id(self.signal)


@dataclass(frozen=True, slots=True, eq=False)
class FollowedList:
    """A signal of a list, read as a JSON array of its values, each once and sorted: equal sets are one parameter."""

    signal: Any  # Readable: of a collection of what the column holds
    kind: Kind | None
    name: str
    key_of: KeyOf = _key_of

    def get(self) -> str:
        """Return the JSON array; tracked."""
        return self._array(self.signal.get())

    def peek(self) -> str:
        """Return the JSON array; untracked."""
        return self._array(self.signal.peek())

    def _array(self, values: Any) -> str:  # Any: users pass what they have
        if isinstance(values, str | bytes | Mapping) or not isinstance(values, Collection):
            raise ParameterError(f"{self.name}.in_(signal) takes a list in the signal, not {shown(values)}")
        return f"[{','.join(sorted({self._item(value) for value in values}))}]"

    def _item(self, value: Any) -> str:  # Any: as above
        held = _encoded(value, self.kind, self.name, self.key_of)
        if isinstance(held, bytes):
            if self.kind is None:
                raise ParameterError(f"{self.name} is {shown(held)}: a list in a signal is JSON, which has no bytes")
            held = held.hex().upper()  # as the other side has it: see `_in_followed`
        elif isinstance(held, str) and "\0" in held:
            raise ParameterError(f"{self.name} is {shown(held)}: SQLite's JSON cuts a text off at its NUL character")
        elif isinstance(held, float) and math.isinf(held):
            return "9e999" if held > 0 else "-9e999"  # JSON has no infinity; SQLite reads it from this
        return json.dumps(held, ensure_ascii=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FollowedList) and self.signal is other.signal and self.kind is other.kind

    def __hash__(self) -> int:
        return id(self.signal)


@dataclass(frozen=True, slots=True)
class SubQuery:
    """A query inside an expression: EXISTS (query), arg IN (query), or (query) as a value."""

    query: Query[Any]
    form: str
    arg: Node | None = None


def _encoded(
    value: Any, kind: Kind | None, name: str, key_of: KeyOf, *, or_none: bool = True
) -> SqlValue:  # Any: users pass what they have
    if is_row(value):
        value = key_of(value)
    if kind is None:
        return to_sql(value, name)
    return (kind.or_none() if value is None and or_none else kind).encode(value, name)


# --- expressions


class Expr(Generic[T]):
    """A value that SQLite computes for each row."""

    def __init__(self, node: Node, kind: Kind | None = None, name: str | None = None) -> None:
        self._node = node
        self._own_kind = kind
        self._alias = name

    @property
    def _kind(self) -> Kind | None:
        """What its values are, or None: as SQLite gives them."""
        return self._own_kind

    @property
    def _name(self) -> str:
        """What errors call it."""
        return self._alias or "the value"

    def _key_of(self, row: Any) -> Any:  # Any: as in KeyOf
        """Return the key that stands for `row` beside this expression."""
        return _key_of(row)

    # -- comparisons

    def __eq__(self, other: T | Expr[T] | Readable[T]) -> Expr[bool]:  # type: ignore[override]  # SQL's =, not Python's
        return self._compared("=", other)

    def __ne__(self, other: T | Expr[T] | Readable[T]) -> Expr[bool]:  # type: ignore[override]  # SQL's <>
        return self._compared("<>", other)

    def __lt__(self, other: T | Expr[T] | Readable[T]) -> Expr[bool]:
        return self._compared("<", other)

    def __le__(self, other: T | Expr[T] | Readable[T]) -> Expr[bool]:
        return self._compared("<=", other)

    def __gt__(self, other: T | Expr[T] | Readable[T]) -> Expr[bool]:
        return self._compared(">", other)

    def __ge__(self, other: T | Expr[T] | Readable[T]) -> Expr[bool]:
        return self._compared(">=", other)

    def between(self, low: T | Expr[T] | Readable[T], high: T | Expr[T] | Readable[T]) -> Expr[bool]:
        """`BETWEEN low AND high`, both ends included."""
        return _condition(Between(self._node, self._operand(low), self._operand(high)))

    def in_(self, values: Iterable[T | Readable[T]] | Readable[Collection[T]] | Query[Any]) -> Expr[bool]:
        """`IN (values)`, or `IN (SELECT ...)` for a query of one column. No value: never true.

        The list may be a signal of one, and its values may be signals.
        """
        from .builder import Query

        if isinstance(values, Query):
            return _condition(Open(SubQuery(values, "in", self._node)))
        if is_readable(values):
            return self._in_followed(values)
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise QueryError(f"in_ takes a list of values or a query, not {values!r:.40}; each may be a signal", sql="")
        return _condition(InList(self._node, tuple(self._operand(value) for value in values)))

    def not_in(self, values: Iterable[T | Readable[T]] | Readable[Collection[T]] | Query[Any]) -> Expr[bool]:
        """`NOT IN (...)`; as in SQL, a NULL among the values makes it true for none."""
        return ~self.in_(values)

    def is_null(self) -> Expr[bool]:
        """`IS NULL`."""
        return _condition(Binary("IS", self._node, Const("NULL")))

    def is_not_null(self) -> Expr[bool]:
        """`IS NOT NULL`."""
        return _condition(Binary("IS NOT", self._node, Const("NULL")))

    def like(self, pattern: str | Readable[str], *, escape: str | None = None) -> Expr[bool]:
        """`LIKE pattern`: % any text, _ one character, ASCII letters in either case."""
        end = None if escape is None else Expr._operand(_PLAIN, escape)
        return _condition(Binary("LIKE", self._node, Expr._operand(_PLAIN, pattern), end))

    def glob(self, pattern: str | Readable[str]) -> Expr[bool]:
        """`GLOB pattern`: * any text, ? one character, case counts."""
        return _condition(Binary("GLOB", self._node, Expr._operand(_PLAIN, pattern)))

    # -- logic

    def __and__(self, other: Expr[bool]) -> Expr[bool]:
        return _condition(Binary("AND", self._node, _node_of(other, "&")))

    def __or__(self, other: Expr[bool]) -> Expr[bool]:
        return _condition(Binary("OR", self._node, _node_of(other, "|")))

    if not TYPE_CHECKING:  # type checkers refuse these themselves

        def __rand__(self, other: object) -> NoReturn:
            _node_of(other, "&")

        def __ror__(self, other: object) -> NoReturn:
            _node_of(other, "|")

    def __invert__(self) -> Expr[bool]:
        return _condition(Unary("NOT", self._node))

    def __bool__(self) -> NoReturn:
        raise QueryError(
            "a condition has no truth value before its query runs: & | ~ are and, or, not; see also between()", sql=""
        )

    __hash__ = object.__hash__

    # -- arithmetic

    if TYPE_CHECKING:  # an int beside a float gives a float, anything beside what may be None may be None

        @overload
        def __mul__(self, other: T | Expr[T] | Readable[T]) -> Expr[T]: ...
        @overload
        def __mul__(self: Expr[int], other: float | Expr[float] | Readable[float]) -> Expr[float]: ...
        @overload
        def __mul__(self: Expr[float], other: Expr[int]) -> Expr[float]: ...
        @overload
        def __mul__(self: Expr[int] | Expr[int | None], other: OrNone[int]) -> Expr[int | None]: ...  # type: ignore[overload-overlap]  # an int is a float, too
        @overload
        def __mul__(self: Numeric, other: OrNone[float] | OrNone[int]) -> Expr[float | None]: ...
        def __mul__(self, other: Any) -> Any: ...

        @overload
        def __rmul__(self, other: T) -> Expr[T]: ...
        @overload
        def __rmul__(self: Expr[int], other: float) -> Expr[float]: ...
        @overload
        def __rmul__(self: Expr[int | None], other: float) -> Expr[float | None]: ...
        def __rmul__(self, other: Any) -> Any: ...

        __add__ = __sub__ = __truediv__ = __mod__ = __mul__
        __radd__ = __rsub__ = __rtruediv__ = __rmod__ = __rmul__
    else:

        def __add__(self, other):
            return self._computed("||" if _is_text(self._kind) else "+", other)

        def __radd__(self, other):
            return self._computed("||" if _is_text(self._kind) else "+", other, turned=True)

        def __sub__(self, other):
            return self._computed("-", other)

        def __rsub__(self, other):
            return self._computed("-", other, turned=True)

        def __mul__(self, other):
            return self._computed("*", other)

        def __rmul__(self, other):
            return self._computed("*", other, turned=True)

        def __truediv__(self, other):
            """SQL's `/`: two integers give an integer."""
            return self._computed("/", other)

        def __rtruediv__(self, other):
            return self._computed("/", other, turned=True)

        def __mod__(self, other):
            return self._computed("%", other)

        def __rmod__(self, other):
            return self._computed("%", other, turned=True)

    def __neg__(self) -> Expr[T]:
        self._check_number("-")
        return Expr(Unary("-", self._node), self._kind)

    # -- order and names

    def asc(self) -> OrderBy:
        """Upwards: NULLs first, unless said otherwise."""
        return OrderBy(self, desc=False)

    def desc(self) -> OrderBy:
        """Downwards: NULLs last, unless said otherwise."""
        return OrderBy(self, desc=True)

    def collate(self, name: str) -> Expr[T]:
        """Compare and sort as the collation says: BINARY, NOCASE or RTRIM."""
        return Expr(Collate(self._node, _checked_name(name, "collate")), self._kind)

    def as_(self, name: str) -> Expr[T]:
        """Call the column of the result `name`."""
        return Expr(self._node, self._kind, _checked_name(name, "as_"))

    def cast(self, kind: str) -> Expr[Any]:
        """`CAST(... AS kind)`: INTEGER, REAL, TEXT, BLOB or NUMERIC."""
        if str(kind).upper() not in ("INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC"):
            raise QueryError(f"cast takes INTEGER, REAL, TEXT, BLOB or NUMERIC, not {kind!r}", sql="")
        return Expr(Cast(self._node, kind.upper()))

    # -- aggregates

    def count(self, *, distinct: bool = False) -> Expr[int]:
        """How many values of the group aren't NULL."""
        return Expr(Call("count", (self._node,), distinct), INT)

    def sum(self) -> Expr[T | None]:
        """The sum of the group's values; None if there are none."""
        self._check_total("sum")
        meaning = None if self._kind is None else self._kind.semantic
        kind = self._kind.or_none() if self._kind is not None and meaning is not None and meaning.adds_up else None
        return Expr(Call("sum", (self._node,)), kind)

    def avg(self) -> Expr[float | None]:
        """The mean of the group's values; None if there are none."""
        self._check_total("avg")
        if self._kind is not None and self._kind.semantic is not None and self._kind.decode is not None:
            raise self._no_number("avg", self._kind)
        return Expr(Call("avg", (self._node,)), FLOAT.or_none())

    def min(self) -> Expr[T | None]:
        """The least of the group's values."""
        return Expr(Call("min", (self._node,)), self._kind)

    def max(self) -> Expr[T | None]:
        """The greatest of the group's values."""
        return Expr(Call("max", (self._node,)), self._kind)

    def __repr__(self) -> str:
        return f"<Expr {self._node}>"

    # -- inside

    def _compared(self, op: str, other: Any) -> Expr[bool]:  # Any: T | Expr[T] | Readable[T] of each caller
        if op in ("=", "<>") and (other is None or self._may_be_none(other)):
            op = "IS" if op == "=" else "IS NOT"
        return _condition(Binary(op, self._node, self._operand(other)))

    def _in_followed(self, values: Any) -> Expr[bool]:  # Any: a Readable of a collection
        kind, arg = self._kind, self._node
        if kind is not None and kind.sql == "BLOB":  # JSON has no bytes; hex(NULL) is ''
            arg = Case(None, ((Binary("IS NOT", arg, Const("NULL")), Call("hex", (arg,))),), None)
        return _condition(InEach(arg, Open(FollowedList(values, kind, self._name, self._key_of))))

    def _may_be_none(self, other: Any) -> bool:  # Any: as in _compared
        """Say whether `other` is a signal that may hold None, which `=` would never find."""
        return not isinstance(other, Expr) and is_readable(other) and self._kind is not None and self._kind.optional

    def _computed(self, op: str, other: Any, *, turned: bool = False) -> Expr[T]:  # Any: as in _compared
        for one in (self, other):
            if isinstance(one, Expr) and not (op == "||" and _is_text(one._kind)):
                one._check_number("+" if op == "||" else op)
        kind = self._kind
        side: Expr[Any] = self  # Any: encodes what is beside it
        if kind is not None and op != "||":
            kind, its = _computed_kinds(kind, other)
            side = Expr(self._node, its, self._name)
        left, right = self._node, side._operand(other)
        return Expr(Binary(op, right, left) if turned else Binary(op, left, right), kind)

    def _check_number(self, op: str) -> None:
        """Raise unless SQLite computes with the values as Python does."""
        kind = self._kind
        if kind is not None and (kind.decode is not None or kind.sql not in ("INTEGER", "REAL")):
            raise self._no_number(op, kind)

    def _check_total(self, what: str) -> None:
        """Raise unless the values are numbers to SQLite; those of bool and of an Enum may be."""
        kind = self._kind
        if kind is not None and kind.sql not in ("INTEGER", "REAL"):
            raise self._no_number(what, kind)

    def _no_number(self, what: str, kind: Kind) -> QueryError:
        if kind.semantic is not None and kind.semantic.adds_up:
            hint = ".sum() is exact; compute the rest in Python"
        elif kind.python == "Decimal":
            hint = "SQLite has no decimals: compute in Python, or keep a whole number of the smallest unit, as int"
        else:
            hint = '.cast("INTEGER") or .cast("REAL") makes a number of it'
        return QueryError(f"{what} computes with numbers, and {self._name} is {kind.python}; {hint}", sql="")

    def _operand(self, value: Any) -> Node:  # Any: as in _compared
        """Return `value` as a part of a plan, encoded as this expression's values are."""
        if isinstance(value, Expr):
            return value._node
        if value is None:
            return Const("NULL")
        if is_readable(value):
            return Open(Followed(value, self._kind, self._name, key_of=self._key_of))
        encoded = _encoded(value, self._kind, self._name, self._key_of)
        return Open(Given(encoded, type(encoded)))


_PLAIN: Expr[Any] = Expr(Const("NULL"), STR, "the pattern")


if TYPE_CHECKING:
    OrNone: TypeAlias = T | Expr[T] | Expr[T | None] | Readable[T | None] | None
    Numeric: TypeAlias = Expr[int] | Expr[float] | Expr[int | None] | Expr[float | None]


class OrderBy:
    """One term of ORDER BY."""

    def __init__(self, expr: Expr[Any], *, desc: bool, nulls_first: bool | None = None) -> None:
        self.expr, self.desc = expr, desc
        self.nulls_at_start = not desc if nulls_first is None else nulls_first

    def nulls_first(self) -> OrderBy:
        """Put NULLs before everything else."""
        return OrderBy(self.expr, desc=self.desc, nulls_first=True)

    def nulls_last(self) -> OrderBy:
        """Put NULLs behind everything else."""
        return OrderBy(self.expr, desc=self.desc, nulls_first=False)


def _computed_kinds(mine: Kind, other: Any) -> tuple[Kind, Kind]:  # Any: as in `Expr._compared`
    """Return what comes of a number of the kind `mine` and `other`, and of which kind `other` is."""
    if isinstance(other, Expr):
        its = other._kind or NUMBER.or_none()
    elif is_readable(other):
        its = (FLOAT if mine.python == "float" else NUMBER).or_none()
    else:
        its = FLOAT if mine.python == "float" or isinstance(other, float) else INT
    pythons = {mine.python, its.python}
    made = FLOAT if "float" in pythons else NUMBER if NUMBER.python in pythons else INT
    return replace(made, optional=mine.optional or its.optional or other is None), its


def _is_text(kind: Kind | None) -> bool:
    """Say whether the values are plain text, which + joins."""
    return kind is not None and kind.sql == "TEXT" and kind.decode is None


def _checked_name(name: object, verb: str) -> str:
    if not isinstance(name, str) or not name or "\0" in name or has_lone_surrogate(name):
        raise QueryError(f"{verb} takes a name, not {name!a:.40}", sql="")
    return name


def _condition(node: Node) -> Expr[bool]:
    return Expr(node, BOOL)


def _node_of(value: object, op: str) -> Node:
    if isinstance(value, Expr):
        return value._node
    raise QueryError(
        f"{op} joins conditions, not {type(value).__name__}; put each comparison in parentheses: "
        f"(a == 1) {op} (b == 2)",
        sql="",
    )


def count(expr: Expr[Any] | None = None, *, distinct: bool = False) -> Expr[int]:
    """How many rows the group has; with `expr`, how many of its values aren't NULL."""
    if expr is not None:
        return expr.count(distinct=distinct)
    if distinct:
        raise QueryError("count(distinct=True) says of what: count(Issue.state, distinct=True)", sql="")
    return Expr(Call("count", star=True), INT)


def call(
    name: str, *args: Any, distinct: bool = False, aggregate: bool = False
) -> Expr[Any]:  # Any: expressions, signals, values
    """Call the SQL function `name`: `call("lower", Issue.title)`. Values come out as SQLite gives them.

    `aggregate` says that it is one of your own which gathers rows: `db.register_aggregate`.
    """
    if not name.isidentifier():
        raise QueryError(f"{name!r} is no name of a function", sql=name)
    plain: Expr[Any] = Expr(Const("NULL"), None, f"an argument of {name}")
    return Expr(Call(name.lower(), tuple(map(plain._operand, args)), distinct, own=aggregate))


def param(name: str) -> Expr[Any]:
    """A parameter by name, given with the query: `db.live(query, state="open")`."""
    if not name.isidentifier() or (name[0] == "p" and name[1:].isdigit()):
        raise QueryError(f"a parameter has a name like `state`, not {name!r}", sql=name)
    return Expr(Param(name))


def column_of(origin: Origin, attribute: str) -> Node:
    """Return the open leaf of one column."""
    return Open(Reached(origin, attribute))
