"""Compaction: what old commits said is forgotten, who wrote a cell last is not.

    commits   1 ........ 9,000 | 9,001 ... 10,000       horizon: the vector at 9,000, noted in _eddy_meta
              header alone       header and ops

Merging needs stamps, not old ops: so what comes from here on still merges if its author had seen the horizon. Who
hasn't is told so (`BehindSealError`): his commits could revive what ended below. Headers stay, as stamps name them:
blame and `db.log` know every commit, `db.history` those above. Ops that a conflict speaks of stay until it is settled.
A replica that lacks commits below the horizon can't catch up from this file; a copy of the file can.
Pages that become free are used again; `VACUUM` gives them back.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from ..schema.meta import read_meta, write_meta
from ..store import Connection
from .bases import keep_bases_below, keep_bases_of_ended
from .encoding import dumps, read_key
from .fates import admitted_of
from .lanes import Runs
from .stored import Stored
from .tables import LoggedTable, cells_of
from .texts import Texts
from .vector import EMPTY, CommitId, Vector

__all__ = ["Bounds", "Compacted", "compact", "floor_of", "horizon_of", "kept_within"]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was forgotten: the ops of so many commits, so many bytes of them."""

    commits: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much the log may say: ops of so many commits, so many bytes of them; None is no bound."""

    commits: int | None = None
    size_bytes: int | None = None


def kept_within(conn: Connection, bounds: Bounds) -> int | None:
    """Return how many of the newest commits are to be kept where the log is beyond `bounds`, else None.

    A quarter less than there is room for, so that it is not asked for again at once. Reads every op.
    """
    sizes = [
        int(row[0])
        for row in conn.execute(
            "SELECT length(CAST(ops AS BLOB)) FROM main._eddy_commits WHERE id > ? ORDER BY id DESC", (floor_of(conn),)
        ).fetchall()
    ]
    most = len(sizes)
    if bounds.commits is not None and len(sizes) > bounds.commits:
        most = bounds.commits * 3 // 4
    if bounds.size_bytes is not None and sum(sizes) > bounds.size_bytes:
        most = min(most, bisect_right([*accumulate(sizes)], bounds.size_bytes * 3 // 4))
    return None if most == len(sizes) else max(most, 1)


def horizon_of(conn: Connection) -> Vector:
    """Return what every commit that comes has to have seen."""
    text = read_meta(conn, "horizon")
    return Vector.from_json(text) if isinstance(text, str) else EMPTY


def floor_of(conn: Connection) -> int:
    """Return the number up to which the log may not say any more what commits said."""
    floor = read_meta(conn, "floor")
    return floor if isinstance(floor, int) else 0


def compact(conn: Connection, keep: int, tables: Iterable[LoggedTable], texts: Texts, stored: Stored) -> Compacted:
    """Forget the ops of all commits but the newest `keep`; in an open transaction.

    Of `tables` with history="last" those, too, that no cell is left of, however new they are; but edits of texts.
    What is still to be handed on to a server stays.
    """
    runs = Runs(conn)
    unsent = _first_unsent(conn, runs)
    superseded = [_drop_superseded(conn, table, unsent) for table in tables if table.history != "full" and table.keeps]
    old = _drop_old(conn, runs, keep, texts, stored)
    done = Compacted(*(sum(part) for part in zip(*superseded, old, strict=True)))
    if done.commits and read_meta(conn, "horizon") is None:
        write_meta(conn, "horizon", EMPTY.to_json())
    return done


def _drop_old(conn: Connection, runs: Runs, keep: int, texts: Texts, stored: Stored) -> tuple[int, int]:
    unsent = _first_unsent(conn, runs)
    last = min(runs.last_id - keep, _first_in_conflict(conn, runs) - 1, unsent - 1)
    found = conn.execute(
        "SELECT count(*), coalesce(sum(length(CAST(ops AS BLOB))), 0) FROM main._eddy_commits "
        "WHERE id <= ? AND ops != '[]'",
        (last,),
    ).fetchone()
    if not found[0]:
        return 0, 0
    texts.keep_bases(last)
    keep_bases_below(conn, stored, last, unsent)
    is_client = _is_client(conn)
    if is_client:  # what its server takes comes here, however little its author had seen
        keep_bases_of_ended(conn, stored, last)
    conn.execute(
        "UPDATE main._eddy_commits SET left_out = coalesce(left_out, 0) + json_array_length(ops), ops = '[]', "
        "before = NULL WHERE id <= ? AND ops != '[]'",
        (last,),
    )
    if not is_client:
        write_meta(conn, "horizon", runs.vector_at(last).to_json())
    write_meta(conn, "floor", last)
    return int(found[0]), int(found[1])


def _drop_superseded(conn: Connection, table: LoggedTable, unsent: int) -> tuple[int, int]:
    """Forget the ops on rows of `table` that nothing of the rows comes from any more, below commit `unsent`."""
    commits = size_bytes = 0
    newest: dict[str, int] = {}  # commit that is kept, by row: what the next one of the row follows now
    found = conn.execute(
        "SELECT DISTINCT c.id, c.ops, c.before FROM main._eddy_commits AS c, json_each(c.ops) AS o "
        "WHERE o.value ->> '$[1]' = ? ORDER BY c.id",
        (table.id,),
    ).fetchall()
    for number, text, before_text in found:
        ops = json.loads(text)
        before = json.loads(before_text) if before_text else [0] * len(ops)
        kept = []
        for at, op in enumerate(ops):
            row = dumps(op[2])
            if op[1] != table.id or op[0] == "text" or number >= unsent or number in _spoken(conn, table, op[2]):
                kept.append(at)
            if op[1] == table.id and kept[-1:] == [at]:
                before[at] = -newest.get(row, 0) if before[at] < 0 else newest.get(row, 0)
                newest[row] = number
        if len(kept) < len(ops) or any(before):
            left = dumps([ops[at] for at in kept])
            commits, size_bytes = commits + (len(kept) < len(ops)), size_bytes + len(text.encode()) - len(left.encode())
            conn.execute(
                "UPDATE main._eddy_commits SET ops = ?, before = ?, left_out = nullif(coalesce(left_out, 0) + ?, 0) "
                "WHERE id = ?",
                (left, str([before[at] for at in kept]), len(ops) - len(kept), number),
            )
    return commits, size_bytes


def _spoken(conn: Connection, table: LoggedTable, key: object) -> set[int]:
    """Return the commits that a row comes from, and the last one that spoke of it."""
    same = " AND ".join(f"{name} = ?" for name in table.keys)
    sql = f"SELECT stamp, cells, last FROM {table.rows} WHERE {same}"
    found = conn.execute(sql, read_key(key)).fetchone()
    return set() if found is None else {found[0], found[2], *cells_of(found[1]).values()}


def _first_unsent(conn: Connection, runs: Runs) -> int:
    """Return the first commit that the server of this replica isn't known to have, or the one after the last.

    A server keeps nothing for others: who lacks what is forgotten gets a snapshot.
    """
    if not _is_client(conn):
        return runs.last_id + 1
    return next((numbers.start for numbers in runs.beyond(admitted_of(conn))), runs.last_id + 1)


def _is_client(conn: Connection) -> bool:
    """Say whether this replica has a server, and is none itself."""
    return read_meta(conn, "replica") is not None and read_meta(conn, "backend") is None


def _first_in_conflict(conn: Connection, runs: Runs) -> int:
    """Return the first commit that a conflict speaks of, or the one after the last."""
    named = conn.execute("SELECT edits, ends FROM main._eddy_conflicts").fetchall()
    numbers = [runs.number(CommitId.parse(text)) for row in named for part in row for text in json.loads(part)]
    return min(numbers, default=runs.last_id + 1)
