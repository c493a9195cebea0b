"""What an import gives back, and what it is told with. No more than this is loaded before the first import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["ImportFormat", "ImportResult", "ImportedTable", "Progress"]

ImportFormat: TypeAlias = Literal["csv", "tsv", "json", "ndjson", "sqlite"]

Progress: TypeAlias = Callable[[int, int | None, int, int], object]
"""Rows written, rows in all (None until the file is read), bytes read, bytes in all."""


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """What an import did to one table. `columns_added` are those that it gained: not those of a table just made."""

    table: str
    rows: int
    created: bool
    columns_added: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, table by table: one, or each of a SQLite file."""

    tables: tuple[ImportedTable, ...]

    @property
    def rows(self) -> int:
        """How many rows were written in all."""
        return sum(table.rows for table in self.tables)
