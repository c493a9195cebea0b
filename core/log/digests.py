"""Digests: one number a table, by which two replicas at equal vectors and envelopes see that they hold the same.

    row 7   life 1  checksum 81..  -> 64 bits of hash --.
    row 9   life 3  checksum 3f..  -> 64 bits of hash --+-- XOR ->  "issue": "5be1c2..:9c04.."

Nothing is kept for it: the stamps have a checksum of each row, so a look costs about a microsecond a row and a write
costs nothing. That checksum counts columns in the order and state in which a file came by them. So a digest names that
layout, and digests of two layouts say nothing of each other (`differing`); `exact_digest` reads the rows themselves and
says it always, at ten times the cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow
from .encoding import dumps, key_text
from .life import RowId
from .seal import row_digest, table_digest
from .tables import LoggedTable

__all__ = ["differing", "digests", "exact_digest", "living_digest"]


def digests(conn: Connection, tables: Iterable[LoggedTable]) -> dict[str, str]:
    """Return the digest of each table, by its stable id."""
    found = {}
    for table in tables:
        keys, width = ", ".join(table.keys), len(table.key)
        rows = conn.execute(f"SELECT {keys}, life, sum FROM {table.rows} WHERE life % 2").fetchall()
        total = table_digest([_hash(key_text(row[:width]), *row[width:]) for row in rows])
        found[table.id] = f"{_layout(table)}:{total:016x}"
    return found


def differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Return the tables that are shown to differ: those in both, with digests of one layout that are two."""
    return [
        table
        for table, digest in sorted(ours.items())
        if table in theirs and theirs[table] != digest and _layout_of(theirs[table]) == _layout_of(digest)
    ]


def exact_digest(conn: Connection, table: LoggedTable) -> int:
    """Return a digest of what the rows of `table` hold: the same wherever they hold it."""
    names, width = ", ".join(map(quote_name, (*table.key, *table.names))), len(table.key)
    rows = conn.execute(f"SELECT {names} FROM {table.name.sql}").fetchall()
    return table_digest([living_digest(table, row[:width], row[width:]) for row in rows])


def living_digest(table: LoggedTable, key: SqlRow, cells: SqlRow) -> int:
    """Return what one row adds to the exact digest of its table."""
    return row_digest(RowId(table.id, key), dict(zip(table.ids, cells, strict=True)))


def _hash(key: str, life: int, total: int) -> int:
    text = f"{key} {life} {total}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _layout(table: LoggedTable) -> str:
    listed = [[column.id, column.added] for column in table.columns]
    return hashlib.blake2b(dumps(listed).encode(), digest_size=4).hexdigest()


def _layout_of(digest: str) -> str:
    return digest.partition(":")[0]
