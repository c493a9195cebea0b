"""Values as a person types and reads them: what a form needs of a column.

    Issue.priority   " 3 " <-> 3        Issue.due   "2026-01-02" <-> date(2026, 1, 2)        "" <-> None
    Order.total      "1,200.5" <-> Decimal("1200.50")                                        what Money says

Texts, Enums and Literals of texts go both ways as they are; a semantic type says by itself what it reads and shows.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final

from ..errors import ParameterError
from ..kinds import Kind
from ..schema.table import ColumnSpec, TableSpec

__all__ = ["as_text", "check_value", "from_text"]

_READ: Final[dict[str, Callable[[str], Any]]] = {
    "int": int,
    "float": float,
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "Decimal": Decimal,
    "dict": json.loads,
    "list": json.loads,
}


def from_text(spec: TableSpec, column: ColumnSpec, typed: Any) -> Any:  # Any: what a widget holds, what the column does
    """Return what `typed` means for `column`; what is no text stays as it is. Raises `ValueError` for nonsense."""
    kind, value = column.kind, typed
    if isinstance(typed, str):
        if kind.optional and not typed.strip():
            return None
        if kind.semantic is not None:
            value = kind.semantic.read_text(typed)
        elif kind.python in _READ:
            try:
                value = _READ[kind.python](typed.strip())
            except InvalidOperation as error:
                raise ValueError(f"{typed!r:.40} is no number") from error
        elif isinstance(kind.decode, type) and issubclass(kind.decode, Enum):
            value = kind.decode(typed)
    check_value(spec, column, value)
    return value


def check_value(spec: TableSpec, column: ColumnSpec, value: Any) -> None:  # Any: of the column's type, perhaps
    """Raise `ValueError` for what `column` doesn't take."""
    try:
        spec.encode(column, value)
        spec.validate(column, value)
    except ParameterError as error:
        raise ValueError(str(error)) from error


def as_text(kind: Kind, value: Any) -> str:  # Any: of that kind
    """Return `value` as a person reads it; "" for None."""
    if value is None:
        return ""
    if kind.semantic is not None:
        return kind.semantic.as_text(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
