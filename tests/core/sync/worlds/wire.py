"""A connection: the two peers, what is under way between them, and what their databases are asked.

    client peer --- up: frames ---> hub peer        these move one by one, in an order that the script gives: a frame
         |      <-- down: frames ---    |           arrives, an ask is done, an answer arrives
    asks, answers                  asks, answers

What was done and not yet answered when the connection breaks stays done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from eddyline.core.errors import EddylineError
from eddyline.core.sync import asks as a
from eddyline.core.sync import frames as f
from eddyline.core.sync.client_peer import ClientPeer
from eddyline.core.sync.peer import Peer

__all__ = ["End", "Wire"]


@dataclass
class End:
    """One end: its peer, what is on its way to it, what it has asked and what was answered."""

    peer: Peer
    do: Callable[[a.Ask], object]
    hear: Callable[[a.Output], None]
    now_ms: Callable[[], int]
    coming: list[f.Frame] = field(default_factory=list)
    asks: deque[a.Ask] = field(default_factory=deque)
    answers: deque[tuple[a.Ask, Any]] = field(default_factory=deque)  # Any: what the ask says


class Wire:
    """A connection of a client; `frames` and `bytes` count what was sent on it, either way."""

    def __init__(self, client: End, hub: End) -> None:
        self.client, self.hub = client, hub
        self.frames = self.size_bytes = 0
        self.is_open = True
        self.largest = 0
        assert isinstance(client.peer, ClientPeer)
        self._follow(client, client.peer.start())

    def other(self, end: End) -> End:
        """Return the other end."""
        return self.hub if end is self.client else self.client

    def events(self) -> list[tuple[Callable[[End], None], End]]:
        """Return what can happen next."""
        found: list[tuple[Callable[[End], None], End]] = []
        for end in (self.client, self.hub):
            if end.coming or self.other(end).peer.state == "closed":
                found.append((self._arrive, end))
            if end.asks:
                found.append((self._do, end))
            if end.answers:
                found.append((self._answer, end))
        return found if self.is_open else []

    def changed(self, end: End) -> None:
        """Say to one end that its log has grown."""
        self._follow(end, end.peer.changed(end.now_ms()))

    def tick(self) -> None:
        """Do what is due."""
        for end in (self.client, self.hub):
            deadline = end.peer.deadline_ms
            if deadline is not None and end.now_ms() >= deadline:
                self._follow(end, end.peer.tick(end.now_ms()))

    def cut(self, *, done: bool) -> None:
        """Break the connection; with `done` what was asked is done all the same."""
        for end in (self.client, self.hub) if self.is_open else ():
            while done and end.asks:
                self._do(end)
            self._follow(end, end.peer.close(end.now_ms()))
            end.asks.clear()
        self.is_open = False

    def say(self, end: End, out: list[a.Output]) -> None:
        """Let one end send what its application wants."""
        self._follow(end, out)

    def _arrive(self, end: End) -> None:
        if end.coming:
            self._follow(end, end.peer.receive(end.coming.pop(0), end.now_ms()))
        else:
            self.cut(done=False)

    def _do(self, end: End) -> None:
        ask = end.asks.popleft()
        try:
            result = end.do(ask)
        except EddylineError as error:
            result = error
        end.answers.append((ask, result))

    def _answer(self, end: End) -> None:
        ask, result = end.answers.popleft()
        self._follow(end, end.peer.answer(ask, result, end.now_ms()))

    def _follow(self, end: End, out: list[a.Output]) -> None:
        for one in out:
            if isinstance(one, a.Send):
                self.frames += 1
                self.size_bytes += len(one.frame)
                self.other(end).coming.append(one.frame)
            elif isinstance(one, a.Ask):
                end.asks.append(one)
            end.hear(one)
        self.largest = max(self.largest, end.peer.held_bytes, sum(map(len, self._commits_to(end))))

    def _commits_to(self, end: End) -> Iterator[f.Frame]:
        """Yield the frames of commits that are on their way to one end."""
        return (frame for frame in end.coming if isinstance(frame, bytes) or '"t":"commits"' in frame[:40])
