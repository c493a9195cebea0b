"""A row as callers name it: one of a model, or (table, key) where there is none, or where the row is gone."""

from __future__ import annotations

from ..errors import ParameterError
from ..values import SqlRow, shown, to_sql
from .base import ModelBase

__all__ = ["named_row"]


def named_row(row: object) -> tuple[str, SqlRow]:
    """Return the table's name and the key, as SQLite has it. Raises `ParameterError` for anything else."""
    if isinstance(row, ModelBase):
        spec = type(row).__table__
        return spec.name, tuple(spec.encode(column, row[column.attribute]) for column in spec.key)
    if isinstance(row, tuple) and len(row) == 2:
        name, given = row
        return name, tuple(to_sql(part, "the key") for part in (given if isinstance(given, tuple) else (given,)))
    raise ParameterError(f"a row of a model, or (table, key), not {shown(row)}")
