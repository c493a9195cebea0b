"""Owners: which replica writes a lane and who has come with it, as a hub remembers it. What can be bound without
signatures is: nobody writes on in a lane of another's, nor under another's name.

    _eddy_owners     lane  replica  epoch             the replica that brought the lane first, as one of its own
    _eddy_bearers    replica  principal               who has come with it: a device may have several users

    a commit that is new     its lane's owner, or one who has come with that   -> taken
                             nobody's yet: the bringer's, if they wrote it     -> taken, and bound from now on
                             handed on, of a lane that nobody has brought      -> taken, and not bound
                             of somebody else's lane                           -> not taken: `LaneError`
                             taken, but under a name that isn't the bringer's  -> rejected

It isn't stored where it isn't taken, so the place stays free for whoever writes the lane. The name of a replica is
known to its own hub alone, which makes it the proof. After a hub was restored its clients bring what it lost, whoever
wrote it: a lane is open to all who were there before until its owner has written again. `relays` is the right to bring
anything.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..errors import LaneError
from ..store import Connection
from .commit import Commit
from .vector import Vector

__all__ = ["SECRET_TABLES", "Bringer"]

SECRET_TABLES = frozenset({"_eddy_owners", "_eddy_bearers", "_eddy_meta", "_eddy_staged"})
"""The tables that hold names of replicas: nobody but the hub reads them."""

_SCHEMA = """
CREATE TABLE main._eddy_owners (
    lane TEXT NOT NULL PRIMARY KEY, replica TEXT NOT NULL, epoch INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE main._eddy_bearers (
    replica TEXT NOT NULL, principal TEXT NOT NULL, PRIMARY KEY (replica, principal)
) WITHOUT ROWID
"""
_OWNER = "SELECT replica, epoch FROM main._eddy_owners WHERE lane = ?"
_BEARS = "SELECT 1 FROM main._eddy_bearers WHERE (replica, principal) = (?, ?)"


@dataclass(frozen=True, slots=True)
class Bringer:
    """Who brings commits to a hub: a principal, by which replica, under which `names` besides their own (True: any).

    `handed_on` are the lanes that others write, as they say. `lost_beyond` is what this hub had when it was restored,
    if they were there before; `epoch` counts how often that was.
    """

    principal: str
    replica: str
    names: bool | Collection[str] = ()
    relays: bool = False
    handed_on: Collection[str] = ()
    epoch: int = 0
    lost_beyond: Vector | None = None

    def begin(self, conn: Connection) -> None:
        """Begin to bring commits, in an open transaction."""
        if conn.execute("SELECT 1 FROM main.sqlite_schema WHERE name = '_eddy_owners'").fetchone() is None:
            for statement in _SCHEMA.split(";\n"):
                conn.execute(statement)
        conn.execute("INSERT OR IGNORE INTO main._eddy_bearers VALUES (?, ?)", (self.replica, self.principal))

    def check(self, conn: Connection, commit: Commit) -> str:
        """Return why a commit that is new is rejected, "" if it isn't. Raises `LaneError` if it isn't to be taken."""
        owner = conn.execute(_OWNER, (commit.lane,)).fetchone()
        is_back = owner is not None and owner[1] >= self.epoch
        was_lost = self.lost_beyond is not None and commit.id not in self.lost_beyond and not is_back
        named = self.relays or commit.actor in ("", self.principal) or self._may_say(conn, commit.actor)
        if owner is None and commit.lane in self.handed_on:
            if was_lost or named:
                return ""
            raise _not_theirs(commit, f"written by {commit.actor!r}")
        if owner is None or owner[0] == self.replica:
            epoch = 0 if self.lost_beyond is not None else self.epoch  # 0: others may have more of what was lost
            if owner is None or owner[1] < epoch:
                conn.execute(
                    "INSERT OR REPLACE INTO main._eddy_owners VALUES (?, ?, ?)", (commit.lane, self.replica, epoch)
                )
        elif not (was_lost or self.relays) and conn.execute(_BEARS, (owner[0], self.principal)).fetchone() is None:
            raise _not_theirs(commit, "of a lane that another replica writes")
        return "" if was_lost or named else f"{self.principal} may not write under the name {commit.actor!r}"

    def _may_say(self, conn: Connection, name: str) -> bool:
        """Say whether `name` is one that they were given, or has come with their replica."""
        given = self.names if isinstance(self.names, bool) else name in self.names
        return given or conn.execute(_BEARS, (self.replica, name)).fetchone() is not None


def _not_theirs(commit: Commit, why: str) -> LaneError:
    return LaneError(
        f"commit {commit.id} is {why}: its author brings it, or a principal that may relay",
        lane=commit.lane,
        seq=commit.seq,
    )
