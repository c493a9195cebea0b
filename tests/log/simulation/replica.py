"""A replica: a disk, a lane of its own, a clock that may be wrong; what else it knows is gone after a crash.

write(edits) -> Commit -> disk -> acknowledged
receive(message): clamps, then each commit that is next; others wait in the inbox until their parents are there
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from eddyline.core.clock import Clock
from eddyline.core.errors import MissingParentsError
from eddyline.core.log.commit import Commit, CommitId, Put
from eddyline.core.log.encoding import commit_hash, decode, encode
from eddyline.core.log.envelopes import withheld
from eddyline.core.log.life import RowId
from eddyline.core.log.merge import check_next
from eddyline.core.log.stamps import clamp
from eddyline.core.log.vector import EMPTY, Lane, Vector
from tests.shrinking import Mismatch

from .author import Edit, ops_of
from .store import Disk

__all__ = ["Message", "Replica", "is_refused"]


def is_refused(hub: int, commit: Commit) -> bool:
    """Say whether a hub rejects a commit: the same each time it sees it, also after it was restored."""
    return int(commit_hash(commit)[:4], 16) % 10 == hub


@dataclass(frozen=True, slots=True)
class Message:
    """What one replica tells another: commits as text, how far it is, and what hubs said."""

    src: int
    dst: int
    commits: tuple[str, ...]
    vector: Vector
    clamps: Mapping[CommitId, int]
    rejected: Mapping[CommitId, str]
    admitted: Mapping[int, Vector]


@dataclass
class Replica:
    """One copy of the database that writes."""

    number: int
    lane: Lane
    now_ms: Callable[[], int]
    is_hub: bool = False
    disk: Disk = field(default_factory=Disk)
    skew_ms: int = 0

    def __post_init__(self) -> None:
        self.lanes = set[Lane]()
        self.start()

    def start(self) -> None:
        """Begin with what is on disk."""
        self.clock = Clock(lambda: self.now_ms() + self.skew_ms)
        self.inbox: dict[CommitId, Commit] = {}
        self.known: dict[int, Vector] = {}

    def write(self, edits: Sequence[Edit]) -> Commit | None:
        """Commit a transaction; None if it has nothing to do here."""
        ops = ops_of(self.disk, edits)
        if not ops:
            return None
        disk, lane = self.disk, self.lane
        self.lanes.add(lane)
        last = disk.last(lane)
        commit = Commit(
            lane,
            disk.vector[lane] + 1,
            disk.vector,
            self.clock.tick(after=last.hlc if last else 0),
            ops,
            previous=disk.last_hash(lane),
        )
        self._merge(commit)
        for op in ops:
            row = disk.row(RowId(op.table, op.key)) or {}
            if isinstance(op, Put) and any(row.get(column, ...) != value for column, value in op.cells.items()):
                raise Mismatch("own write", f"replica {self.number} put {op} and sees {row}")
        return commit

    def message_to(self, other: int, most: int) -> Message:
        """Return the next message for another replica."""
        disk, known = self.disk, self.known.get(other, EMPTY)
        lacking = [commit for at, commit in disk.log.items() if at not in known][:most]
        texts = tuple(encode(self._told(commit)) for commit in lacking)
        return Message(
            self.number, other, texts, disk.vector, dict(disk.clamps), dict(disk.rejected), dict(disk.admitted)
        )

    def _told(self, commit: Commit) -> Commit:
        reason = self.disk.rejected.get(commit.id)
        return commit if reason is None else withheld(commit, reason)

    def receive(self, message: Message) -> None:
        """Take a message in: all of its commits that are next now, and of the inbox."""
        self.known[message.src] = message.vector
        self.disk.clamp(message.clamps, message.admitted)
        self.disk.reject(message.rejected)
        for text in message.commits:
            commit = decode(text)
            self.inbox[commit.id] = commit
        moved = True
        while moved:
            moved = False
            for commit in list(self.inbox.values()):
                try:
                    if check_next(commit, self.disk.vector, self.disk.horizon):
                        self._merge(commit)
                except MissingParentsError:
                    continue
                del self.inbox[commit.id]
                moved = True

    def _merge(self, commit: Commit) -> None:
        clamped = clamp(commit.hlc, self.now_ms()) if self.is_hub else None
        if clamped is not None:
            self.disk.clamp({commit.id: clamped}, {})
        if self.is_hub and commit.lane not in self.lanes and is_refused(self.number, commit):
            self.disk.reject({commit.id: f"hub {self.number} says no"})
        self.disk.add(commit)
        if self.is_hub:
            self.disk.clamp({}, {self.number: self.disk.vector})
