"""Rejections: what a hub said no to, as its author sees it: to be tried again as a new commit, or to be let go.

    rejected A:7 "may not write"      retry    -> the same ops once more, as A:12; settled "retried A:12"
                                      discard  -> settled "discarded": it stands in the list no more

Only its author has the ops of a rejected commit; at everybody else's it is withheld, and can't be tried again there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import LogError
from ..origin import Origin
from ..store import Connection
from .commit import Add, CommitId, Withheld
from .encoding import decode_ops
from .fates import retried_as, settle
from .journal import Journal
from .vector import Lane

__all__ = ["Rejection", "discard", "open_rejections", "retry"]

_OPEN = (
    "SELECT lane, seq, reason, at, actor, command, args, message, commit_id FROM main.eddy_rejections "
    "WHERE settled = '' AND commit_id IS NOT NULL ORDER BY no"
)
_THERE = "SELECT 1 FROM main.sqlite_schema WHERE name = 'eddy_rejections'"
_OPS = "SELECT ops FROM main._eddy_commits WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A commit of this database that a hub rejected, and why; `id` is its name, `at` when it was made (UTC, ISO)."""

    id: str
    reason: str
    at: str
    actor: str = ""
    command: str = ""
    args: str = ""
    message: str = ""


def open_rejections(conn: Connection) -> list[Rejection]:
    """Return what was rejected of this database's own commits and is neither retried nor discarded, oldest first."""
    if conn.execute(_THERE).fetchone() is None:
        return []
    found = []
    for lane, seq, reason, at, actor, command, args, message, number in conn.execute(_OPEN).fetchall():
        (ops,) = conn.execute(_OPS, (number,)).fetchone()
        if not any(isinstance(op, Withheld) for op in decode_ops(ops)):
            found.append(Rejection(f"{lane}:{seq}", reason, at, actor, command, args, message))
    return found


def retry(journal: Journal, conn: Connection, id: str) -> CommitId | None:
    """Write what a rejected commit said as a new one. Raises `LogError` where it isn't one to try again."""
    commit, number = _open(conn, id)
    (text,) = conn.execute(_OPS, (number,)).fetchone()
    ops = decode_ops(text)
    if any(isinstance(op, Withheld) for op in ops):
        raise LogError(f"commit {id} was made elsewhere: only its author has what it said, and can try it again")
    actor, command, args, message = conn.execute(
        "SELECT coalesce(actor, ''), coalesce(command, ''), coalesce(args, ''), coalesce(message, '') "
        "FROM main._eddy_commits WHERE id = ?",
        (number,),
    ).fetchone()
    again = retried_as(conn)
    ops = tuple(replace(op, epoch=again.get(op.epoch, op.epoch)) if isinstance(op, Add) else op for op in ops)
    journal.author(conn, ops, Origin(message, actor, command, args))
    made = journal.last_own
    settle(conn, commit, f"retried {made}")
    return made


def discard(conn: Connection, id: str) -> None:
    """Let a rejected commit go. Raises `LogError` where there is none to."""
    commit, _ = _open(conn, id)
    settle(conn, commit, "discarded")


def _open(conn: Connection, id: str) -> tuple[CommitId, int]:
    """Return a rejected commit that isn't settled, and its number."""
    commit = CommitId.parse(id)
    found = None
    if conn.execute(_THERE).fetchone() is not None:
        found = conn.execute(
            "SELECT commit_id FROM main.eddy_rejections WHERE (lane, seq) = (?, ?) AND settled = ''", commit
        ).fetchone()
    if found is None or found[0] is None:
        raise LogError(f"commit {id} isn't rejected here, or is settled; eddy_rejections lists what was")
    return CommitId(Lane(commit.lane), commit.seq), int(found[0])
