"""Makers: what a row of SQLite's values is shown as.

    (values of SQLite)  --Maker-->  Row, or an instance of a model, or a Row with Python's types

A maker is called with the plain tuple and gives a tuple of the same length. It is equal to another that makes the same
rows, so equal queries share their rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ..errors import UnreadableError
from ..row import Row, row_type
from ..values import SqlRow, SqlValue

__all__ = ["Decoder", "Maker", "Reads", "maker_for"]

Maker: TypeAlias = Callable[[SqlRow], Any]  # Any: a Row, or an instance of a model


class Reads(Protocol):
    """What makes the values of one column: a kind, or a type of another library. Equal ones make equal values."""

    def read(self, value: SqlValue, name: str) -> Any:  # Any: the type that it makes
        """Return what SQLite holds as Python has it. Raises `UnreadableError` about `name`."""


@dataclass(frozen=True)
class Decoder:
    """Rows of selected columns, with Python's types. Bound to the columns' names by `maker_for`."""

    kinds: tuple[Reads | None, ...]
    columns: tuple[str, ...] = ()

    def __call__(self, values: SqlRow) -> Row:
        """Return the row. Raises `UnreadableError`."""
        if len(self.kinds) != len(values):  # of a query that was loaded: said by somebody else
            raise UnreadableError(f"{len(values)} columns are read as {len(self.kinds)}", column="")
        named = zip(self.kinds, self.columns, values, strict=True)
        return row_type(self.columns)(value if kind is None else kind.read(value, name) for kind, name, value in named)


def maker_for(make: Maker | None, columns: tuple[str, ...]) -> Maker:
    """Return what makes rows whose columns are `columns`."""
    if make is None:
        return row_type(columns)
    return Decoder(make.kinds, columns) if isinstance(make, Decoder) else make
