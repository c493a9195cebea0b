"""A client and a hub with a wire between them, as examples want them: everything happens at once, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from eddyline.core.clock import stamp_at
from eddyline.core.log.commit import Commit, Put
from eddyline.core.log.encoding import commit_hash
from eddyline.core.log.life import Cell, Life
from eddyline.core.log.vector import Lane
from eddyline.core.sync import asks as a
from eddyline.core.sync import frames as f
from eddyline.core.sync.client_peer import Calling, ClientPeer
from eddyline.core.sync.hub_peer import HubPeer
from eddyline.core.sync.presence import Room
from eddyline.core.values import SqlValue
from tests.log.simulation.store import Disk

from .worlds.store import Store
from .worlds.wire import End, Wire

__all__ = ["NOW", "Line", "commit_to", "damage", "hub_store", "lane", "store"]

NOW = 1_700_000_000_000
T = TypeVar("T")


def lane(number: int) -> Lane:
    """Return a lane."""
    return Lane(f"{number:026d}")


def store(name: str = "ada") -> Store:
    """Return an empty file of a client."""
    return Store(name, Disk())


def hub_store() -> Store:
    """Return an empty file of a hub."""
    return Store("hub", Disk(), backend="b1")


def commit_to(target: Store, by: Lane, title: str = "x", *, ahead_ms: int = 0, key: str = "k1") -> Commit:
    """Write an item, as one transaction."""
    disk = target.disk
    cells: dict[str, SqlValue] = {"title": title, "start": 0, "end": 0, "code": None, "owner": None, "votes": 0}
    seq = disk.vector[by] + 1
    hlc = stamp_at(NOW + ahead_ms) + seq
    ops = (Put("item", (key,), 1, cells),)
    commit = Commit(by, seq, disk.vector, hlc, ops, previous=disk.last_hash(by))
    assert commit_hash(commit)
    disk.add(commit)
    return commit


def damage(kept: Store) -> None:
    """Let a row be another one than what was written, as a broken disk would."""
    disk = kept.disk = kept.disk.copy()
    disk._now.rows = {
        row: tuple(
            Life(life.incarnation, {at: Cell("broken", cell.by) for at, cell in life.cells.items()}) for life in lives
        )
        for row, lives in disk._now.rows.items()
    }


@dataclass
class Line:
    """A connection; `said` is what was sent, in order, `news` what a client heard, `ended` how each end ended."""

    client: Store = field(default_factory=store)
    hub: Store = field(default_factory=hub_store)
    limits: f.Limits = f.LIMITS
    room: Room = field(default_factory=Room)
    now: int = NOW
    calling: Calling | None = None
    session: str = "s1"
    said: list[tuple[str, f.Message]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    news: list[a.Output] = field(default_factory=list)
    ended: dict[str, a.Close] = field(default_factory=dict)
    asked: list[a.Ask] = field(default_factory=list)
    answers: dict[type, Any] = field(default_factory=dict)  # what is answered instead: Any, as the ask says

    def __post_init__(self) -> None:
        self.here = ClientPeer(self.calling or Calling("w", "t", self.limits), self.now)
        self.there = HubPeer(self.session, self.room, self.now, self.limits)
        self.wire = Wire(self._end(self.here, self.client, "client"), self._end(self.there, self.hub, "hub"))

    def _end(self, peer: ClientPeer | HubPeer, kept: Store, name: str) -> End:
        def do(ask: a.Ask) -> object:
            self.asked.append(ask)
            if type(ask) in self.answers:
                answer = self.answers[type(ask)]
                if isinstance(answer, Exception):
                    return answer
                return answer() if callable(answer) else answer
            before = kept.disk.vector, kept.serial
            result = kept.answer(ask, self.now)
            if (kept.disk.vector, kept.serial) != before:
                self.wire.changed(self.wire.client if name == "client" else self.wire.hub)
            return result

        def hear(out: a.Output) -> None:
            if isinstance(out, a.Send):
                self.said.append((name, f.decode(out.frame)[1]))
                self.sizes.append(len(out.frame))
            elif isinstance(out, a.Close):
                self.ended[name] = out
            elif name == "client":
                self.news.append(out)

        return End(peer, do, hear, lambda: self.now)

    def run(self, events: int = 10_000) -> Line:
        """Let so much happen."""
        for _ in range(events):
            found = self.wire.events()
            if not found:
                break
            event, end = found[0]
            event(end)
        return self

    def wait(self, ms: int) -> Line:
        """Let time pass, and then everything happen."""
        self.now += ms
        self.wire.tick()
        return self.run()

    def changed(self) -> Line:
        """Say to both that their logs have grown, and let everything happen."""
        self.wire.changed(self.wire.client)
        self.wire.changed(self.wire.hub)
        return self.run()

    def types(self, of: str) -> list[str]:
        """Return the types of what one end has sent."""
        return [message.type for name, message in self.said if name == of]

    def of(self, kind: type[T]) -> list[T]:
        """Return the news, or the messages, of one kind."""
        return [one for one in (*self.news, *(message for _, message in self.said)) if isinstance(one, kind)]
