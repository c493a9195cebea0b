"""Kinds: how the values of one Python type lie in SQLite, both ways.

| Python | SQLite | form |
|---|---|---|
| bool | INTEGER | 0, 1 |
| int, float, str, bytes | INTEGER (64 bit), REAL, TEXT, BLOB | as they are; NaN is refused |
| datetime | TEXT | UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`; without a zone it is refused |
| date, time | TEXT | ISO 8601; a time with a zone is refused |
| Decimal, of a declared scale | TEXT | `p` and zero-padded digits; negative: `n` and their nines' complement |
| Enum, Literal | that of its values | the value |
| dict, list | TEXT | canonical JSON |
| frozenset of str, int, float or bool | TEXT | a JSON array, each element once, sorted by its JSON text |
| X or None | that of X | NULL for None |
| Annotated[X, semantic(...)] | that of X, or of the plain type it is held as | see semantic.py |

Each form sorts as its values do (but dict, list and frozenset, which have no order). A Decimal's text is no number on
purpose: an SQL `sum` over it gives 0, which one sees, and never a wrong amount. A query of models refuses to compute
with it.
A kind checks what goes in: a value of another type raises `ParameterError` and names the column.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import types
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from .errors import ModelError, ParameterError, UnreadableError
from .semantic import Semantic
from .values import SqlValue, shown, to_sql

__all__ = ["BOOL", "Kind", "SqlType", "kind_called", "kind_of", "name_of_kind"]

SqlType: TypeAlias = Literal["INTEGER", "REAL", "TEXT", "BLOB"]

DECIMAL_DIGITS: Final = 18
"""Digits before the point of a Decimal, at most."""

_SCALE_MAX = 30
_NINES = str.maketrans("0123456789", "9876543210")


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of value. `decode` is None where values come out as they lie there; neither it nor `check` sees None.

    `scale` is that of a Decimal; `semantic` what the values mean beyond their type.
    """

    python: str
    sql: SqlType
    check: Callable[[Any], bool]  # Any: users pass what they have
    decode: Callable[[Any], Any] | None = None
    to_plain: Callable[[Any, str], Any] | None = None
    optional: bool = False
    scale: int | None = None
    semantic: Semantic | None = None

    def encode(self, value: Any, name: str) -> SqlValue:
        """Return `value` as SQLite holds it. Raises `ParameterError` about `name`."""
        if value is None:
            if self.optional:
                return None
            raise ParameterError(f"{name} is None; declare it `{self.python} | None` if it may be missing")
        if not self.check(value):
            raise ParameterError(f"{name} takes {self.python}, not {shown(value)} ({type(value).__name__})")
        return to_sql(value if self.to_plain is None else self.to_plain(value, name), name)

    def read(self, value: SqlValue, name: str) -> Any:  # Any: the Python type of this kind
        """Return what SQLite holds as Python has it. Raises `UnreadableError` about `name`."""
        if value is None or self.decode is None:
            return value
        try:
            return self.decode(value)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise UnreadableError(f"{name} holds {value!r}, which is no {self.python}: {error}", column=name) from error

    def or_none(self) -> Kind:
        """Return the kind that takes None as well."""
        return replace(self, optional=True)


def _is(*types_: type, but: tuple[type, ...] = ()) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types_) and not isinstance(value, but)


def _is_plain_time(value: Any) -> bool:
    return isinstance(value, dt.time) and value.tzinfo is None


def _to_float(value: float, name: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ParameterError(f"{name} is {shown(value)}, which is too large for a float") from None


def _to_elements(value: Collection[Any], name: str) -> list[Any]:
    for one in value:
        if type(one) not in (str, int, float, bool):
            raise ParameterError(f"{name} holds {shown(one)}: the elements of a set are str, int, float or bool")
    return sorted(value, key=lambda one: json.dumps(one, ensure_ascii=False))


def _to_set(text: str) -> frozenset[Any]:
    elements = json.loads(text)
    if not isinstance(elements, list):
        raise ValueError("it is no JSON array")
    return frozenset(elements)


_SIMPLE: dict[Any, Kind] = {
    bool: Kind("bool", "INTEGER", _is(bool), bool),
    int: Kind("int", "INTEGER", _is(int)),
    float: Kind("float", "REAL", _is(float, int), None, _to_float),
    str: Kind("str", "TEXT", _is(str, but=(Enum,))),
    bytes: Kind("bytes", "BLOB", _is(bytes, bytearray, memoryview)),
    dt.datetime: Kind("datetime", "TEXT", _is(dt.datetime), dt.datetime.fromisoformat),
    dt.date: Kind("date", "TEXT", _is(dt.date, but=(dt.datetime,)), dt.date.fromisoformat),
    dt.time: Kind("time", "TEXT", _is_plain_time, dt.time.fromisoformat),
    dict: Kind("dict", "TEXT", _is(dict), json.loads),
    list: Kind("list", "TEXT", _is(list), json.loads),
    frozenset: Kind("frozenset", "TEXT", _is(frozenset, set), _to_set, _to_elements),
}

BOOL = _SIMPLE[bool]

_DECODED = {kind.decode: kind for kind in _SIMPLE.values() if kind.decode is not None}
_CALLED = {kind.python: kind for kind in _DECODED.values()}
_DECIMAL = re.compile(r"Decimal\((\d{1,2})\)")


def name_of_kind(kind: Kind) -> str | None:
    """Return the name by which `kind_called` gives a kind that reads as `kind` does; None where it reads nothing.

    An Enum has none: its class is at home in one program.
    """
    if kind.scale is not None:
        return f"Decimal({kind.scale})"
    return _DECODED[kind.decode].python if kind.decode in _DECODED else None


def kind_called(name: str) -> Kind | None:
    """Return the kind that `name_of_kind` has named, or None."""
    decimal = _DECIMAL.fullmatch(name)
    if decimal is not None:
        return _decimal(int(decimal[1])) if int(decimal[1]) <= _SCALE_MAX else None
    return _CALLED.get(name)


def kind_of(hint: Any, *, scale: int | None = None) -> Kind:  # Any: a type as one writes it in an annotation
    """Return the kind of the annotation `hint`. Raises `ModelError` for what has no form in SQLite."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        parts = [part for part in get_args(hint) if part is not type(None)]
        if len(parts) != 1:
            raise ModelError(f"{hint} is several types; a column holds one, or one and None")
        return kind_of(parts[0], scale=scale).or_none()
    if origin is Annotated:
        return _meant(hint, scale)
    if hint is Decimal:
        return _decimal(scale)
    if scale is not None:
        raise ModelError(f"scale= is for Decimal, not for {hint}")
    if origin is Literal:
        return _closed(f"one of {', '.join(map(repr, get_args(hint)))}", list(get_args(hint)), lambda value: value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _closed(hint.__name__, list(hint), hint)
    kind = _SIMPLE.get(origin if origin in (dict, list, frozenset) else hint)
    if kind is None:
        raise ModelError(
            f"{getattr(hint, '__name__', hint)} has no form in SQLite; a column holds bool, int, float, str, bytes, "
            "datetime, date, time, Decimal, an Enum, a Literal, dict, list or frozenset, or one of these and None"
        )
    return kind


def _meant(hint: Any, scale: int | None) -> Kind:
    """Return the kind of `Annotated[X, semantic(...)]`; what else is annotated is other libraries' business."""
    base, *said = get_args(hint)
    meaning = next((one for one in said if isinstance(one, Semantic)), None)
    if meaning is None or meaning.of is None:
        kind = kind_of(base, scale=scale)
        return kind if meaning is None else replace(kind, semantic=meaning)
    return _held_as(base, meaning, scale)


@cache  # equal columns have equal kinds, so equal queries share their rows
def _held_as(base: Any, meaning: Semantic, scale: int | None) -> Kind:
    """Return the kind of a class that is held as a plain type."""
    plain, store, load = kind_of(meaning.of, scale=scale), meaning.store, meaning.load
    assert store is not None, "semantic() has seen to that"
    assert load is not None, "as above"
    if plain.optional or not isinstance(base, type):
        raise ModelError(f"{meaning.name} is a class held as a plain type, not {base} held as {meaning.of}")

    def to_plain(value: Any, name: str) -> Any:
        try:
            return plain.encode(store(value), name)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise ParameterError(f"{name} takes {meaning.name}, not {shown(value)}: {error}") from error

    def decode(held: Any) -> Any:
        return load(held if plain.decode is None else plain.decode(held))

    return Kind(meaning.name, plain.sql, _is(base), decode, to_plain, semantic=meaning)


def _closed(name: str, members: list[Any], decode: Callable[[Any], Any]) -> Kind:
    """Return the kind of an Enum or Literal."""
    plain = {type(member.value if isinstance(member, Enum) else member) for member in members}
    if len(plain) != 1 or not (base := _SIMPLE.get(plain.pop())):
        raise ModelError(f"{name}: its values must be of one type that SQLite holds")
    known = {(type(member), member) for member in members}
    is_enum = isinstance(members[0], Enum)

    def check(value: Any) -> bool:
        try:
            return (type(value), value) in known
        except TypeError:  # a list has no hash, and is no member
            return False

    return Kind(name, base.sql, check, decode if is_enum else base.decode)


@cache
def _decimal(scale: int | None) -> Kind:
    if scale is None or not 0 <= scale <= _SCALE_MAX:
        raise ModelError(
            f"a Decimal column declares its digits behind the point: column(scale=2), from 0 to {_SCALE_MAX}"
        )

    def encode(value: Decimal, name: str) -> str:
        if not value.is_finite():
            raise ParameterError(f"{name} is {value}, which has no digits")
        sign, digits, exponent = value.as_tuple()
        assert isinstance(exponent, int), "a finite Decimal has a number for exponent"
        whole, places = int("".join(map(str, digits))), exponent + scale
        if whole and len(digits) + exponent > DECIMAL_DIGITS:
            raise ParameterError(f"{name} is {value}; a column holds {DECIMAL_DIGITS} digits before the point")
        if places < 0:
            whole, rest = divmod(whole, 10**-places)
            if rest:
                raise ParameterError(f"{name} is {value}; the column has scale {scale}: round it first")
        elif whole:
            whole *= 10**places
        text = str(whole).zfill(DECIMAL_DIGITS + scale)
        text = f"{text[:DECIMAL_DIGITS]}.{text[DECIMAL_DIGITS:]}" if scale else text
        return f"n{text.translate(_NINES)}" if sign and whole else f"p{text}"

    return Kind("Decimal", "TEXT", _is(Decimal), _decode_decimal, encode, scale=scale)


def _decode_decimal(text: str) -> Decimal:
    match text[:1]:
        case "p":
            return Decimal(text[1:])
        case "n":
            return Decimal("-" + text[1:].translate(_NINES))
    raise ValueError(f"{text!r} is no Decimal as we write it")
