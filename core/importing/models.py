"""Values of a file as a model holds them: checked and written by the model's own kinds.

    "2024-05-01T12:00+02:00"  datetime  ->  2024-05-01T10:00:00.000000Z        "yes"   bool     ->  1
    "12.5"                    Decimal   ->  p000000000000000012.50             ""      int      ->  the default, or NULL

A value that already has the form in which the model writes it stays as it is, so tables of ours go round through files.
What a kind doesn't take is an error that names the column: no row comes in that the model couldn't read.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any

from ..errors import ParameterError, UnreadableError
from ..kinds import Kind
from ..schema.table import MISSING, ColumnSpec, TableSpec
from ..values import SqlValue
from .types import number

__all__ = ["default_of", "encoder"]

_WORDS = {"true": True, "t": True, "yes": True, "y": True, "false": False, "f": False, "no": False, "n": False}


def encoder(spec: TableSpec, column: ColumnSpec, *, empty_is_null: bool) -> Callable[[Any], SqlValue]:
    """Return what makes a value of `column` out of one of a file. It raises `ParameterError`."""
    kind = column.kind
    name = f"{spec.name}.{column.name}"
    is_text = kind.python == "str" and column.reference is None and not column.primary_key

    def encode(value: Any) -> SqlValue:
        if value is None or (value == "" and (empty_is_null or not is_text)):
            return default_of(spec, column) if column.has_default and not kind.optional else kind.encode(None, name)
        held = value if _is_written_so(kind, value, name) else kind.encode(_parsed(kind, value, name), name)
        if column.checks:
            spec.validate(column, kind.read(held, name))
        return held

    return encode


def default_of(spec: TableSpec, column: ColumnSpec) -> SqlValue:
    """Return what the model puts where nothing is said."""
    if column.default is not MISSING:
        return spec.encode(column, column.default)
    assert column.default_factory is not None, "asked of a column that has a default"
    return spec.encode(column, column.default_factory())


def _is_written_so(kind: Kind, value: Any, name: str) -> bool:
    """Say whether `value` is what the model itself would have written."""
    if isinstance(value, bool | dict | list):
        return False
    if kind.decode is None and kind.semantic is not None and kind.semantic.parse is not None:
        return False  # any text would be: it is read as a person would have written it
    try:
        return bool(kind.encode(kind.read(value, name), name) == value)
    except (ParameterError, UnreadableError):
        return False


def _parsed(kind: Kind, value: Any, name: str) -> Any:
    """Return `value`, of JSON or a cell, as Python has it for `kind`; what makes no sense is left to the kind."""
    if not isinstance(value, str | int | float):
        return value
    try:
        if kind.semantic is not None and kind.semantic.parse is not None and isinstance(value, str):
            return kind.semantic.parse(value)
        match kind.python:
            case "bool" if str(value).strip().lower() in _WORDS:
                return _WORDS[str(value).strip().lower()]
            case "bool" if value in (0, 1, "0", "1"):
                return bool(int(value))
            case "datetime" if isinstance(value, str):
                return dt.datetime.fromisoformat(value.strip())
            case "date" if isinstance(value, str):
                return dt.date.fromisoformat(value.strip())
            case "time" if isinstance(value, str):
                return dt.time.fromisoformat(value.strip())
            case "Decimal":
                return Decimal(str(value).strip())
            case "dict" | "list" if isinstance(value, str):
                return json.loads(value)
    except (ValueError, ArithmeticError) as error:
        raise ParameterError(f"{name} takes {kind.python}, not {value!r:.60}: {error}") from error
    found = number(value) if isinstance(value, str) and kind.sql in ("INTEGER", "REAL") else value
    return _member(kind, found, name)


def _member(kind: Kind, value: Any, name: str) -> Any:
    """Return the member of an Enum that `value` stands for; anything else as it is."""
    if isinstance(kind.decode, type) and issubclass(kind.decode, Enum):
        try:
            return kind.decode(value)
        except ValueError:
            return value
    return value
