"""The tail of a log: its newest commits as lines, so that who is nearly up to date is served without reading the rest.

    base {A: 9000, B: 700}   lines  A:9001  B:701  A:9002 ...   top
    who has `base` and more   ->  the lines that they lack, from memory
    who has less              ->  nothing is known of them here: read the log

What is new is read once, by number, whoever asks and however long the log is: O(new commits), where a read beyond a
vector looks at every run of the log. Bounded: old lines go, and `base` moves on. A line whose commit is rejected later
is another one then: all are forgotten, and `base` begins at `top`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..log.envelopes import Envelope
from ..log.lanes import Runs
from ..log.outgoing import text_of
from ..log.vector import EMPTY, CommitId, Lane, Vector
from ..store import Connection
from .asks import Batch, ReadCommits
from .fitting import fitting

__all__ = ["BYTES_MAX", "Gained", "Tail"]

BYTES_MAX = 4 << 20

_THERE = "SELECT 1 FROM main.sqlite_schema WHERE name = '_eddy_envelopes'"
_ENVELOPES = "SELECT no, lane, seq, clamped, rejected FROM main._eddy_envelopes WHERE no > ? ORDER BY no"


@dataclass(frozen=True, slots=True)
class Gained:
    """What a log has gained since the last look: lines, and what hubs have said."""

    lines: tuple[tuple[CommitId, str], ...]
    envelopes: tuple[Envelope, ...]
    top: Vector | None = None  # of the first look


class Tail:
    """The newest commits of one log."""

    def __init__(self) -> None:
        self.base = self.top = EMPTY
        self._lines: deque[tuple[CommitId, str]] = deque()
        self._bytes = 0
        self._envelopes: dict[CommitId, Envelope] = {}
        self._serial = 0
        self._runs: Runs | None = None
        self._number = 0

    def look(self, conn: Connection) -> Gained:
        """Return what is new, on any thread, one look after the other. Raises `ForgottenError`."""
        said: tuple[Envelope, ...] = ()
        if conn.execute(_THERE).fetchone() is not None:
            said = tuple(
                Envelope(CommitId(Lane(lane), seq), clamped, rejected or "", no)
                for no, lane, seq, clamped, rejected in conn.execute(_ENVELOPES, (self._serial,)).fetchall()
            )
        if self._runs is None:
            self._runs = Runs(conn)
            self._number = self._runs.last_id
            return Gained((), said, self._runs.vector)
        rejected = {one.commit for one in said if one.rejected}
        self._runs.read_on(conn)
        lines = []
        for number in range(self._number + 1, self._runs.last_id + 1):
            at = self._runs.commit(number)
            lines.append((at, "" if at in rejected else text_of(conn, self._runs, number)))
        self._number = self._runs.last_id
        return Gained(tuple(lines), said)

    def add(self, gained: Gained) -> None:
        """Take in what a look has found."""
        if gained.top is not None:
            self.base = self.top = gained.top
        for at, line in gained.lines:
            self.top = self.top.plus(at)
            self._lines.append((at, line))
            self._bytes += len(line)
        for one in gained.envelopes:
            self._envelopes[one.commit] = one
            self._serial = max(self._serial, one.no)
        if any(one.rejected for one in gained.envelopes):
            self._lines.clear()
            self.base, self._bytes = self.top, 0
        while self._bytes > BYTES_MAX:
            at, line = self._lines.popleft()
            self.base = self.base.plus(at)
            self._bytes -= len(line)

    def batch(self, ask: ReadCommits) -> Batch | None:
        """Return what comes next for who asks; None where that isn't known here, or is too large."""
        if not ask.beyond >= self.base:
            return None
        lacking = self._lacking(ask.beyond)
        said = [one for one in self._envelopes.values() if one.no > (ask.heard or 0)]
        said.sort(key=lambda one: one.no)
        return fitting(ask, reversed(lacking), said, self._serial, len(lacking))

    def _lacking(self, beyond: Vector) -> list[tuple[CommitId, str]]:
        """Return the lines that aren't in `beyond`, the newest first: no more are looked at than have to be."""
        left = sum(last - first + 1 for _, first, last in self.top.beyond(beyond))
        found: list[tuple[CommitId, str]] = []
        for line in reversed(self._lines):
            if len(found) == left:
                break
            if line[0] not in beyond:
                found.append(line)
        return found

    def forget(self) -> None:
        """Begin anew at the next look."""
        self.base = self.top = EMPTY
        self._lines.clear()
        self._envelopes.clear()
        self._bytes = self._serial = self._number = 0
        self._runs = None
