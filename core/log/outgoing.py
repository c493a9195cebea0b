"""What another replica lacks: commits read back out of the log, in an order in which each follows its parents.

    vector of theirs  {A: 3}      runs here  1..5 A, 6..7 B, 8.. A       ->  A:4, A:5, B:1, B:2, A:6, ...

The order of arrival is causal, so nothing is sorted; runs that the other has are skipped without a look at them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..clock import stamp_ms
from ..errors import LogError
from ..store import Connection
from .commit import Commit, CommitId
from .encoding import decode_ops
from .lanes import Runs
from .vector import Vector

__all__ = ["commits_beyond"]

_COMMIT = (
    "SELECT hlc, ops, left_out, coalesce(actor, ''), coalesce(command, ''), coalesce(args, ''), coalesce(message, ''), "
    "sent_ms FROM main._eddy_commits WHERE id = ?"
)


def commits_beyond(conn: Connection, vector: Vector) -> Iterator[Commit]:
    """Yield the commits that are here and not in `vector`, each after its parents.

    Raises `LogError` where the log no longer has what a commit said.
    """
    runs = Runs(conn)
    for numbers in runs.beyond(vector):
        for number in numbers:
            commit = _read(conn, runs, number)
            yield commit


def _read(conn: Connection, runs: Runs, number: int) -> Commit:
    at = runs.commit(number)
    found = conn.execute(_COMMIT, (number,)).fetchone()
    if found is None or found[2]:
        raise LogError(
            f"the log no longer has all that commit {at} said: it was compacted, or is of a table with history='none'"
        )
    hlc, ops, _, actor, command, args, message, sent_ms = found
    return Commit(
        at.lane, at.seq, runs.parents(number), hlc, decode_ops(ops), actor, command, args, message,
        stamp_ms(hlc) if sent_ms is None else sent_ms, runs.schema(number), _previous(conn, runs, at),
    )  # fmt: skip


def _previous(conn: Connection, runs: Runs, at: CommitId) -> str:
    if at.seq == 1:
        return ""
    number = runs.number(CommitId(at.lane, at.seq - 1))
    return str(conn.execute("SELECT hash FROM main._eddy_commits WHERE id = ?", (number,)).fetchone()[0].hex())
