"""Rows of a query that no rule keeps: run as it stands, and compared with those on show.

    sql --fetch all--> rows, keys --diff with the old ones--> patches

A row's key is its content, typed, and which of its equals it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ...signals.patch import Patch, Reset
from ..query.nested import Level, diff_rows, nest
from ..query.shown import Maker, maker_for
from ..row import Row
from ..store import Connection
from ..values import SqlValue, typed

__all__ = ["Included", "read_rows"]

Included: TypeAlias = tuple[Sequence[Level], Mapping[str, SqlValue]]
"""The levels of what rows include, and their parameters."""


def read_rows(
    conn: Connection,
    sql: str,
    bound: Any,
    old: tuple[list[Row], list[Any]],
    columns: tuple[str, ...],
    make: Maker | None = None,
    included: Included | None = None,
) -> tuple[list[Patch], tuple[str, ...]]:
    """Run a re-run query; return how its rows differ from `old` (rows, keys), and its columns.

    `included` are the levels of what its rows include, and their parameters.
    """
    cursor = conn.execute(sql, bound)
    names = tuple(str(column[0]) for column in cursor.description)
    read = cursor.fetchall()
    rows = list(map(maker_for(make, names), read))
    seen: dict[Any, int] = {}
    keys: list[Any] = []
    for row in read:
        key = typed(row)
        seen[key] = seen.get(key, 0) + 1
        keys.append((*key, seen[key]))
    if included is not None:
        rows = nest(conn, included[0], rows, included[1])
    if names != columns:
        return [Reset(rows, keys)], names
    return diff_rows(old[1], keys, old[0], rows, names), names
