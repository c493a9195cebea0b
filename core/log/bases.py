"""Bases: what a row was by commits whose ops the log has no more, kept while a commit above it may yet be rejected.

    forgotten  1 ... 9,000 | 9,001 ...      own commit 9,050 writes row 7, last written by 40: were it rejected, row 7
                                            would have to be what 40 made of it; so that is kept: [[1, {cells}, ..]]

Kept as lives (`life.py`), commits by their numbers in this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ..store import Connection
from .commit import CommitId
from .dots import Dot
from .encoding import decode_ops, key_text, plain_value, read_value
from .lanes import Runs
from .life import Cell, Life, RowId
from .tables import LoggedTable

__all__ = [
    "drop_bases", "has_base", "keep_base", "keep_bases_below", "keep_bases_of_ended", "keep_for_good", "lives_text",
    "read_base", "read_eff", "read_lives",
]  # fmt: skip


class Reads(Protocol):
    """What is asked of `stored.Stored`."""

    runs: Runs
    tables: dict[str, LoggedTable]

    def lives_below(self, row: RowId, last: int) -> list[Life]: ...


def has_base(conn: Connection, row: RowId) -> bool:
    """Say whether something is kept of `row`."""
    sql = "SELECT 1 FROM main._eddy_bases WHERE (table_id, row_key) = (?, ?)"
    return conn.execute(sql, (row.table, key_text(row.key))).fetchone() is not None


def keep_base(
    conn: Connection, row: RowId, lives: Iterable[Life], numbers: Callable[[CommitId], int], upto: int
) -> None:
    """Keep `lives` as what the commits up to number `upto` made of `row`, until no commit is pending any more."""
    conn.execute(
        "INSERT INTO main._eddy_bases VALUES (?, ?, ?, ?, 1)",
        (row.table, key_text(row.key), lives_text(lives, numbers), upto),
    )


def keep_bases_below(conn: Connection, stored: Reads, last: int, unsent: int) -> None:
    """Keep what commits up to number `last`, which are being forgotten, made of rows that others change after them.

    Those from `unsent` on may yet be rejected.
    """
    texts = conn.execute("SELECT ops FROM main._eddy_commits WHERE id >= ? ORDER BY id", (unsent,)).fetchall()
    rows = dict.fromkeys(RowId(op.table, op.key) for (text,) in texts for op in decode_ops(text))
    for row in rows:
        if not has_base(conn, row):
            lives = stored.lives_below(row, last)
            if lives:
                keep_base(conn, row, lives, stored.runs.number, last)


def keep_bases_of_ended(conn: Connection, stored: Reads, last: int) -> None:
    """Keep what commits up to number `last`, which are being forgotten, made of rows that have ended once."""
    for table in stored.tables.values():
        keys = ", ".join(table.keys)
        for key in conn.execute(f"SELECT {keys} FROM {table.rows} WHERE life > 1").fetchall():
            row = RowId(table.id, tuple(key))
            if not has_base(conn, row):
                lives = stored.lives_below(row, last)
                if lives:
                    keep_base(conn, row, lives, stored.runs.number, last)
            keep_for_good(conn, row)


def keep_for_good(conn: Connection, row: RowId) -> None:
    """Keep what is kept of `row` also when no commit is pending: it ends, and may be edited by who hasn't seen that."""
    conn.execute(
        "UPDATE main._eddy_bases SET pending = 0 WHERE (table_id, row_key) = (?, ?)", (row.table, key_text(row.key))
    )


def drop_bases(conn: Connection) -> None:
    """Forget what was kept for commits that were pending: none is."""
    conn.execute("DELETE FROM main._eddy_bases WHERE pending")


def read_base(conn: Connection, row: RowId, runs: Runs) -> tuple[list[Life], int]:
    """Return the lives that are kept of `row`, and up to which commit they are what was said of it."""
    found = conn.execute(
        "SELECT lives, upto FROM main._eddy_bases WHERE (table_id, row_key) = (?, ?)", (row.table, key_text(row.key))
    ).fetchone()
    return ([], 0) if found is None else (read_lives(json.loads(found[0]), runs.commit), found[1])


def read_eff(conn: Connection, runs: Runs, commit: CommitId) -> int:
    """Return the effective stamp of a commit that a snapshot only told the place of."""
    first, text = conn.execute(
        "SELECT first, effs FROM main._eddy_effs WHERE lane = "
        "(SELECT no FROM main._eddy_lanes WHERE lane = ?) AND first <= ? ORDER BY first DESC LIMIT 1",
        commit,
    ).fetchone()
    steps: list[int] = json.loads(text)
    return sum(steps[: commit.seq - first + 1])


def lives_text(lives: Iterable[Life], numbers: Callable[[CommitId], int]) -> str:
    """Return lives as JSON, their commits by numbers."""
    plain = [
        [
            life.incarnation,
            {column: [plain_value(cell.value), numbers(cell.by)] for column, cell in sorted(life.cells.items())},
            [
                [kind, column, [[numbers(dot.by), plain_value(dot.value)] for dot in dots]]
                for (kind, column), dots in sorted(life.dots.items())
            ],
            [numbers(end) for end in life.ends],
        ]
        for life in lives
    ]
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False)


def read_lives(data: Any, commit: Callable[[int], CommitId]) -> list[Life]:  # Any: what `lives_text` wrote
    """Return the lives that `lives_text` wrote."""
    return [
        Life(
            incarnation,
            {column: Cell(read_value(value), commit(by)) for column, (value, by) in cells.items()},
            {
                (kind, column): tuple(Dot(commit(by), read_value(value)) for by, value in listed)
                for kind, column, listed in dots
            },
            tuple(map(commit, ends)),
        )
        for incarnation, cells, dots, ends in data
    ]
