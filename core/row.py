"""Rows: tuples whose values also go by name.

    row = Row(name='Core', count=3)
    row[1] == row["count"] == row.count == 3;  name, count = row

Each result has a `Row` subclass of its own, made once; a row costs what its tuple costs. A column wins over a method
of tuple with the same name (`count`, `index`). Where two columns share a name, the first has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, ClassVar

__all__ = ["Row", "row_type"]


class Row(tuple[Any, ...]):
    """One row of a result: a tuple with names."""

    __slots__ = ()
    _positions: ClassVar[Mapping[str, int]] = {}
    columns: ClassVar[tuple[str, ...]] = ()

    def __getitem__(self, item: Any) -> Any:  # Any: an index, a slice or a column's name
        if type(item) is str:
            try:
                item = self._positions[item]
            except KeyError:
                raise KeyError(f"no column {item!r}; the row has: {', '.join(self.columns)}") from None
        return tuple.__getitem__(self, item)

    def __getattr__(self, name: str) -> Any:  # Any: a column's value; only asked where the class has no such name
        raise AttributeError(f"no column {name!r}; the row has: {', '.join(self.columns)}")

    def as_dict(self) -> dict[str, Any]:
        """Return the row as a new dict in column order."""
        return {name: tuple.__getitem__(self, at) for name, at in self._positions.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self).columns, tuple(self))

    def __repr__(self) -> str:
        return f"Row({', '.join(f'{name}={value!r}' for name, value in zip(type(self).columns, self, strict=True))})"


@lru_cache(maxsize=1024)
def row_type(columns: tuple[str, ...]) -> type[Row]:
    """Return the `Row` class whose columns are `columns`, in order."""
    positions: dict[str, int] = {}
    for at, name in enumerate(columns):
        positions.setdefault(name, at)
    names: dict[str, Any] = {"__slots__": (), "_positions": positions, "columns": columns}
    for name, at in positions.items():
        if name.isidentifier() and not name.startswith("_") and name not in ("columns", "as_dict"):
            names[name] = property(itemgetter(at))
    return type("Row", (Row,), names)


def _again(columns: tuple[str, ...], values: tuple[Any, ...]) -> Row:
    """Return the row that was pickled or copied."""
    return row_type(columns)(values)
