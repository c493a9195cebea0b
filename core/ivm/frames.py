"""Frames: the rows of a view as typed columns, for pandas, polars and whatever reads Arrow.

    rows, columns, what they are declared for  --typed_columns-->  TypedColumn(name, kind, values)  -->  DataFrame

A column's type is what it is declared for, widened by the values that are there: SQLite lets any column hold anything.

| kind | Arrow, polars | pandas | holds |
|---|---|---|---|
| int | Int64 | int64, with NULLs Int64 | 64 bits |
| float | Float64 | float64, NULL is NaN | REAL, or INTEGER and REAL |
| str, bytes | String, Binary | str, object | TEXT, BLOB |
| bool | Boolean | bool, with NULLs boolean | a model's |
| date, time | Date, Time | object | a model's |
| datetime | Datetime(us, UTC) | datetime64[us, UTC] | a model's |
| datetime-naive | Datetime(us) | datetime64[us] | another library's |
| decimal | Decimal(38, scale) | object | a model's |
| json | String, as JSON | object | dicts and lists |
| mixed | String | object | values of several types, or of one that is none of these |
| null | Null | object | nothing is declared, and there is no value |

Two columns of one name are told apart as SQLite does it: `n` and `n:1`. The libraries are imported when asked for.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import repeat
from typing import Any, Final, Literal, TypeAlias

from ..errors import MissingLibraryError
from ..query.result_types import ResultType
from ..query.shown import Decoder, Maker

__all__ = ["ColumnKind", "TypedColumn", "to_arrow", "to_pandas", "to_polars", "typed_columns", "write_parquet"]

ColumnKind: TypeAlias = Literal[
    "int", "float", "str", "bytes", "bool", "date", "time", "datetime", "datetime-naive", "decimal", "json", "mixed",
    "null",
]  # fmt: skip

_OF_TYPE: Final[dict[type, ColumnKind]] = {
    int: "int", float: "float", str: "str", bytes: "bytes", bool: "bool", dt.date: "date", dt.time: "time",
    Decimal: "decimal", dict: "json", list: "json",
}  # fmt: skip
_OF_PYTHON: Final[dict[str, ColumnKind]] = {
    **{kind.__name__: name for kind, name in _OF_TYPE.items()},
    "datetime": "datetime",
    "datetime-naive": "datetime-naive",
}
_OF_SQL: Final[dict[str, ColumnKind]] = {"INTEGER": "int", "REAL": "float", "TEXT": "str", "BLOB": "bytes"}
_WIDER: Final[dict[frozenset[ColumnKind], ColumnKind]] = {
    frozenset[ColumnKind]({"int", "float"}): "float",
    frozenset[ColumnKind]({"bool", "int"}): "int",
    frozenset[ColumnKind]({"int", "decimal"}): "decimal",
}
_INT_MAX: Final = 0x7FFFFFFFFFFFFFFF
_DIGITS: Final = 38


@dataclass(slots=True)
class TypedColumn:
    """One column: None among its values is NULL."""

    name: str
    kind: ColumnKind
    values: list[Any]  # Any: what `kind` says, and None
    scale: int = 0


def typed_columns(
    names: Sequence[str], rows: Sequence[tuple[Any, ...]], hints: Sequence[ResultType], make: Maker | None
) -> list[TypedColumn]:
    """Return the columns of `rows`; `hints` and `make` say what they are declared for. O(rows)."""
    values = [list(map(tuple.__getitem__, rows, repeat(at))) for at in range(len(names))]
    declared = [*hints, *[None] * len(names)]
    kinds = _kinds(make)
    columns = []
    for at, (name, held) in enumerate(zip(_apart(names), values, strict=True)):
        kind: ColumnKind | None = declared[at]
        scale = None
        if at < len(kinds) and kinds[at] is not None:
            kind, scale = _declared(kinds[at])
        columns.append(_column(name, held, kind, scale))
    return columns


def _kinds(make: Maker | None) -> Sequence[Any]:  # Any: kinds, or what the types of another library do
    if isinstance(make, Decoder):
        return make.kinds
    table = getattr(getattr(make, "__self__", None), "__table__", None)  # of a model
    return () if table is None else [column.kind for column in table.columns]


def _declared(kind: Any) -> tuple[ColumnKind | None, int | None]:  # Any: a kind, or what another library's type does
    return _OF_PYTHON.get(kind.python) or _OF_SQL.get(getattr(kind, "sql", "")), kind.scale


def _column(name: str, values: list[Any], declared: ColumnKind | None, scale: int | None) -> TypedColumn:
    types = set(map(type, values)) - {type(None)}
    if any(issubclass(one, Enum) for one in types):
        values = [value.value if isinstance(value, Enum) else value for value in values]
        types = set(map(type, values)) - {type(None)}
    held: ColumnKind = "null"
    for one in sorted(types, key=lambda one: one.__name__):
        held = _join(held, _kind_of(one, values))
    if held == "int" and not _fits(values):
        held = "mixed"
    kind = held if declared is None else _join(declared, held)
    if kind == "mixed":
        kind = held
    if kind == "decimal":
        scale = max([scale or 0, *(_places(value) for value in values if value is not None)])
        if any(value is not None and _too_long(value, scale) for value in values):
            kind = "mixed"
    return TypedColumn(name, kind, values, scale or 0)


def _fits(values: list[Any]) -> bool:
    """Say whether every integer has 64 bits: all of SQLite's do."""
    whole = [value for value in values if value is not None]
    return bool(min(whole) >= -_INT_MAX - 1 and max(whole) <= _INT_MAX)


def _kind_of(one: type, values: list[Any]) -> ColumnKind:
    if one is dt.datetime:
        zones = {value.tzinfo is None for value in values if type(value) is one}
        return "mixed" if len(zones) == 2 else "datetime-naive" if zones == {True} else "datetime"
    if one is dt.time:
        return "mixed" if any(type(value) is one and value.tzinfo is not None for value in values) else "time"
    if one is Decimal:
        return "decimal" if all(value.is_finite() for value in values if type(value) is one) else "mixed"
    found = _OF_TYPE.get(one)
    if found is not None:
        return found
    return next(
        (kind for base, kind in _OF_TYPE.items() if base in (int, float, str) and issubclass(one, base)), "mixed"
    )


def _join(left: ColumnKind, right: ColumnKind) -> ColumnKind:
    if left == right or right == "null":
        return left
    return right if left == "null" else _WIDER.get(frozenset((left, right)), "mixed")


def _places(value: Decimal | int) -> int:
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _too_long(value: Decimal | int, scale: int) -> bool:
    return Decimal(value).adjusted() + 1 + scale > _DIGITS or scale > _DIGITS


def _apart(names: Iterable[str]) -> list[str]:
    """Return `names`, each once."""
    found: dict[str, None] = {}
    for name in names:
        one, count = name, 0
        while one in found:
            count += 1
            one = f"{name}:{count}"
        found[one] = None
    return list(found)


# --- the libraries


def to_pandas(columns: list[TypedColumn]) -> Any:
    """Return a pandas DataFrame. Raises `MissingLibraryError`."""
    try:
        import pandas as pd
    except ImportError as error:
        raise _missing("view.df()", "pandas") from error
    index = pd.RangeIndex(len(columns[0].values) if columns else 0)
    made = {
        column.name: pd.Series(
            _in_utc(column) if column.kind == "datetime" else column.values, dtype=_pandas_type(column), index=index
        )
        for column in columns
    }
    return pd.DataFrame(made, index=index, columns=[column.name for column in columns])


def _pandas_type(column: TypedColumn) -> str:
    nulls = None in column.values
    match column.kind:
        case "int":
            return "Int64" if nulls else "int64"
        case "bool":
            return "boolean" if nulls else "bool"
        case "float":
            return "float64"
        case "str":
            return "str"
        case "datetime":
            return "datetime64[us, UTC]"
        case "datetime-naive":
            return "datetime64[us]"
    return "object"


def to_polars(columns: list[TypedColumn]) -> Any:
    """Return a polars DataFrame. Raises `MissingLibraryError`."""
    try:
        import polars as pl
    except ImportError as error:
        raise _missing("view.pl()", "polars") from error
    types: dict[ColumnKind, Any] = {
        "int": pl.Int64, "float": pl.Float64, "bytes": pl.Binary, "bool": pl.Boolean,
        "date": pl.Date, "time": pl.Time, "datetime": pl.Datetime("us", "UTC"),
        "datetime-naive": pl.Datetime("us"), "null": pl.Null,
    }  # fmt: skip
    return pl.DataFrame(
        [
            pl.Series(
                column.name,
                _plain(column),
                dtype=(
                    pl.Decimal(_DIGITS, column.scale) if column.kind == "decimal" else types.get(column.kind, pl.String)
                ),
            )
            for column in columns
        ]
    )


def to_arrow(columns: list[TypedColumn], requested_schema: object | None) -> Any:
    """Return an Arrow stream, by pyarrow where it is installed, else by polars. Raises `MissingLibraryError`."""
    try:
        import pyarrow as pa
    except ImportError as error:
        try:
            return to_polars(columns).__arrow_c_stream__(requested_schema)
        except MissingLibraryError:
            raise _missing("an Arrow stream of a view", "arrow", "pyarrow") from error
    types: dict[ColumnKind, Any] = {
        "int": pa.int64(), "float": pa.float64(), "bytes": pa.binary(), "bool": pa.bool_(),
        "date": pa.date32(), "time": pa.time64("us"), "datetime": pa.timestamp("us", "UTC"),
        "datetime-naive": pa.timestamp("us"), "null": pa.null(),
    }  # fmt: skip
    fields, arrays = [], []
    for column in columns:
        kind = pa.decimal128(_DIGITS, column.scale) if column.kind == "decimal" else types.get(column.kind, pa.string())
        fields.append(pa.field(column.name, kind))
        arrays.append(pa.array(_plain(column), kind))
    return pa.table(arrays, schema=pa.schema(fields)).__arrow_c_stream__(requested_schema)


def write_parquet(columns: list[TypedColumn], path: str) -> None:
    """Write the columns to a Parquet file, by pyarrow where it is installed, else by polars.

    Raises `MissingLibraryError`.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        to_polars(columns).write_parquet(path)
    else:
        pq.write_table(pa.table(Streamed(columns)), path)


class Streamed:
    """Columns as whatever reads Arrow takes them."""

    def __init__(self, columns: list[TypedColumn]) -> None:
        self._columns = columns

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return to_arrow(self._columns, requested_schema)


def _missing(what: str, extra: str, library: str = "") -> MissingLibraryError:
    library = library or extra
    return MissingLibraryError(
        f"{what} takes {library}, which isn't installed here: pip install 'eddyline[{extra}]', or {library} itself",
        library=library,
    )


def _plain(column: TypedColumn) -> list[Any]:
    """Return the values as Arrow has them: text where Arrow has no type for what they are."""
    change: Callable[[Any], Any]
    match column.kind:
        case "float":
            change = float
        case "int":
            change = int
        case "decimal":
            change = Decimal
        case "json":
            change = _json
        case "mixed":
            change = _text
        case "datetime":
            return _in_utc(column)
        case _:
            return column.values
    return [None if value is None else change(value) for value in column.values]


def _in_utc(column: TypedColumn) -> list[Any]:
    return [None if value is None else value.astimezone(dt.UTC) for value in column.values]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def _text(value: Any) -> str:
    match value:
        case str():
            return str(value)
        case bytes():
            return f"x'{value.hex()}'"
        case dict() | list():
            return _json(value)
    return str(value)
