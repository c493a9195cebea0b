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
from dataclasses import dataclass

from ..schema.meta import read_meta, write_meta
from ..store import Connection
from .lanes import Runs
from .vector import EMPTY, CommitId, Vector

__all__ = ["Compacted", "compact", "horizon_of"]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was forgotten: the ops of so many commits, so many bytes of them."""

    commits: int
    size_bytes: int


def horizon_of(conn: Connection) -> Vector:
    """Return what every commit that comes has to have seen."""
    text = read_meta(conn, "horizon")
    return Vector.from_json(text) if isinstance(text, str) else EMPTY


def compact(conn: Connection, keep: int) -> Compacted:
    """Forget the ops of all commits but the newest `keep`; in an open transaction."""
    runs = Runs(conn)
    last = min(runs.last_id - keep, _first_in_conflict(conn, runs) - 1)
    found = conn.execute(
        "SELECT count(*), coalesce(sum(length(CAST(ops AS BLOB))), 0) FROM main._eddy_commits "
        "WHERE id <= ? AND ops != '[]'",
        (last,),
    ).fetchone()
    if not found[0]:
        return Compacted(0, 0)
    conn.execute(
        "UPDATE main._eddy_commits SET left_out = coalesce(left_out, 0) + json_array_length(ops), ops = '[]', "
        "before = NULL WHERE id <= ? AND ops != '[]'",
        (last,),
    )
    write_meta(conn, "horizon", runs.vector_at(last).to_json())
    return Compacted(int(found[0]), int(found[1]))


def _first_in_conflict(conn: Connection, runs: Runs) -> int:
    """Return the first commit that a conflict speaks of, or the one after the last."""
    named = conn.execute("SELECT edits, ends FROM main._eddy_conflicts").fetchall()
    numbers = [runs.number(CommitId.parse(text)) for row in named for part in row for text in json.loads(part)]
    return min(numbers, default=runs.last_id + 1)
