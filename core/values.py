"""Values: what goes into SQLite, and when two values that came out are the same.

| Python | SQLite |
|---|---|
| None, int (64 bit), float (no NaN), str, bytes | NULL, INTEGER, REAL, TEXT, BLOB |
| bool | INTEGER 0 / 1 |
| datetime (aware) | TEXT, UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ` |
| date, time | TEXT, ISO 8601 |
| Enum | its value |
| dict, list | TEXT, canonical JSON |

Checked once, at the door. Two values that came out are the same only if type and value are: 1, 1.0 and '1' differ.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

from .errors import ParameterError

__all__ = [
    "SqlRow",
    "SqlValue",
    "bind",
    "has_lone_surrogate",
    "parameter_sets",
    "same_typed",
    "shown",
    "to_sql",
    "typed",
]

SqlValue: TypeAlias = int | float | str | bytes | None
SqlRow: TypeAlias = tuple[SqlValue, ...]

_PLAIN = frozenset({type(None), bytes})
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def to_sql(value: Any, name: str | int = "parameter") -> SqlValue:  # Any: users pass what they have
    """Return `value` as SQLite holds it; errors call it `name`, or by its place among the `?`.

    Raises `ParameterError` for what SQLite can't hold.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value  # type: ignore[no-any-return]  # one of the plain types, by the line above
    if kind is str:
        if not value.isascii() and has_lone_surrogate(value):
            raise ParameterError(
                f"{_called(name)} is {value!a:.60}: half a surrogate pair is no text that UTF-8 can hold"
            )
        return value  # type: ignore[no-any-return]  # a str, by the line above
    if kind is int:
        if -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
            return value  # type: ignore[no-any-return]  # an int, by the line above
        raise ParameterError(
            f"{_called(name)} is {shown(value)}: SQLite's integers have 64 bits; pass it as text or float"
        )
    if kind is float:
        if math.isnan(value):
            raise ParameterError(f"{_called(name)} is NaN, which SQLite would turn into NULL; pass None or a number")
        return value  # type: ignore[no-any-return]  # a float, by the line above
    return _convert(value, _called(name))


def _called(name: str | int) -> str:
    return name if isinstance(name, str) else f"parameter {name}"


def has_lone_surrogate(text: str) -> bool:
    """Say whether `text` holds half a surrogate pair, which UTF-8 can't hold."""
    return not text.isascii() and _LONE_SURROGATE.search(text) is not None


def _convert(value: Any, name: str) -> SqlValue:
    match value:
        case bool():
            return int(value)
        case Enum():
            return to_sql(value.value, name)
        case int() | float() | str():
            base = next(base for base in (int, float, str) if isinstance(value, base))
            return to_sql(base(value), name)
        case bytes() | bytearray() | memoryview():
            return bytes(value)
        case dt.datetime():
            if value.tzinfo is None:
                raise ParameterError(f"{name} is a datetime without a time zone; add one: value.astimezone()")
            return _utc(value, name)
        case dt.date() | dt.time():
            return value.isoformat()
        case dict() | list():
            return _json(value, name)
    raise ParameterError(
        f"{name} is a {type(value).__name__}; SQLite takes None, bool, int, float, str, bytes, datetime, date, time, "
        "Enum, dict and list"
    )


def _utc(value: dt.datetime, name: str) -> str:
    try:
        return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    except OverflowError:
        raise ParameterError(f"{name} is {value.isoformat()}, which is outside the years 1 to 9999 in UTC") from None


def _json(value: Any, name: str) -> str:  # Any: a dict or list of what users have
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(f"{name} can't be written as JSON: {error}") from error
    if has_lone_surrogate(text):
        raise ParameterError(f"{name} holds half a surrogate pair, which is no text that UTF-8 can hold")
    return text


def shown(value: object) -> str:
    """Return `value` as an error shows it: in 40 characters, whatever its `repr` does."""
    try:
        text = repr(value)
    except Exception:  # an integer of 5,000 digits has none
        text = object.__repr__(value)
    return text if len(text) <= 40 else text[:37] + "..."


def bind(args: Sequence[Any], named: Mapping[str, Any]) -> Sequence[SqlValue] | dict[str, SqlValue]:
    """Return parameters for one statement: positional or named, never both."""
    if named:
        if args:
            raise ParameterError("give parameters by position or by name, not both")
        return {name: to_sql(value, f"parameter :{name}") for name, value in named.items()}
    return [to_sql(value, at) for at, value in enumerate(args, 1)]


def parameter_sets(many: Iterable[Any]) -> list[Any]:  # Any: users pass what they have
    """Return the parameter sets of `many` as a list: each a sequence for `?` or a mapping for `:name`."""
    try:
        return [one if isinstance(one, Mapping) else _positional(one) for one in many]
    except TypeError as error:
        raise ParameterError(f"executemany takes one tuple, list or dict for each run: {error}") from None


def _positional(one: Iterable[Any]) -> tuple[Any, ...]:
    if isinstance(one, str | bytes):
        raise ParameterError("executemany takes one tuple, list or dict for each run, not a text; write (text,)")
    return tuple(one)


def typed(row: Iterable[Any]) -> tuple[Any, ...]:
    """Return a hashable form of `row` in which 1, 1.0 and True are different."""
    row = tuple(row)
    return row, tuple(map(type, row))


def same_typed(left: SqlValue, right: SqlValue) -> bool:
    """Say whether both are one value to a reader: equal and of one type."""
    return left is right or (left == right and type(left) is type(right))
