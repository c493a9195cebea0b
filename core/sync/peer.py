"""Peer: the half of a connection that both sides share. Frames and time come in; frames, asks and news go out.

    log here                                                         log there
      |  changed()                                                       ^
      v                                                                  |  stored, then acknowledged
    ReadCommits(beyond what they have) -> Commits ----------> Apply / Admit -> Have
      ^        at most window_bytes on the way                           |
      '------------------------- `theirs` grows <-----------------------'

No queue of commits is kept for anybody: a peer has a cursor into its log (a vector, and a serial of envelopes), and
sends on while no more than the other side's window is not acknowledged. A slow one lags, and costs nothing.
What is too large for a frame goes as a transfer: offered, resumed where it was, segment by segment, then installed.
Frames are numbered on each connection. One that comes twice is ignored; a gap ends the connection, and the next one
goes on from what was stored: so loss, doubling and disorder are the same as a cut, and redelivery is harmless.
A peer lives as long as its connection; what outlives it is in the log. Cost: O(lanes) a batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from ..errors import BehindSealError, CommitFormatError, EddylineError, ForkError, FrameError, LaneError
from ..log.commit import Commit
from ..log.encoding import decode as decode_commit
from ..log.envelopes import Envelope
from ..log.vector import EMPTY, Lane, Vector
from . import asks as a
from . import frames as f
from .asks import Output

__all__ = ["HANDSHAKE_MS", "Peer", "State"]

State: TypeAlias = Literal["greeting", "open", "closed"]
HANDSHAKE_MS = 10_000
SILENT = 3
"""After so many times `ping_ms` without a frame the other side counts as gone."""


@dataclass(slots=True)
class _Outgoing:
    """A transfer to the other side: `next` is the segment to read, None until they have said what they have."""

    transfer: f.Transfer
    next: int | None = None
    read_all: bool = False
    sizes: deque[int] | None = None


@dataclass(slots=True)
class _Incoming:
    """A transfer from the other side: under which name it is staged, which segment comes next, how much has come."""

    transfer: f.Transfer
    name: str
    next: int | None = None
    size_bytes: int = 0


class Peer:
    """One end of a connection; `ClientPeer` and `HubPeer` say who begins and who decides."""

    ACK_MS = 0
    """How long an acknowledgement may wait for others to join it."""

    GIVES_SNAPSHOTS = False

    def __init__(self, limits: f.Limits, now_ms: int) -> None:
        self.state: State = "greeting"
        self.limits = limits
        self.their_limits = f.LIMITS
        self.mine = EMPTY
        self.theirs = EMPTY
        self.source = ""
        self._now = self._heard = self._pinged = now_ms
        self._out: list[Output] = []
        self._waiting: dict[int, tuple[a.Ask, Callable[[Any], object]]] = {}  # Any: what the ask says
        self._frames_out = self._frames_in = 0
        # What goes out: how far it has gone, what of it isn't acknowledged yet.
        self._sent = EMPTY
        self._handed: int | None = 0
        self._heard_there = 0
        self._in_flight: deque[tuple[Vector, int, int]] = deque()
        self._in_flight_bytes = 0
        self._is_dirty = self._is_reading = False
        self._outgoing: _Outgoing | None = None
        # What comes in: what waits to be written, and what was written and isn't acknowledged yet.
        self._writes: deque[tuple[a.Ask, int, Callable[[Any], object]]] = deque()  # Any: what the ask says
        self._write_bytes = 0
        self._is_writing = False
        self._told = EMPTY
        self._serial = self._serial_told = 0
        self._unacked_bytes = 0
        self._ack_at: int | None = None
        self._incoming: _Incoming | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.state}: {self.held_bytes} bytes held, {self._in_flight_bytes} under way>"

    # --- What a driver calls ----------------------------------------------------------------------------------------

    def receive(self, frame: f.Frame, now_ms: int) -> list[Output]:
        """Take in a frame."""
        self._now = self._heard = max(now_ms, self._now)
        if self.state != "closed":
            try:
                self._receive(frame)
            except (FrameError, CommitFormatError) as error:
                self._refuse(getattr(error, "code", "garbage"), str(error))
        return self._take()

    def answer(self, ask: a.Ask, result: Any, now_ms: int) -> list[Output]:  # Any: what the ask says
        """Take in the answer to `ask`, the very one that was handed out: what it says, or the error."""
        self._now = max(now_ms, self._now)
        found = self._waiting.pop(id(ask), None)
        if found is not None and self.state != "closed":
            if isinstance(result, Exception):
                self._fail(ask, result)
            else:
                found[1](result)
        return self._take()

    def changed(self, now_ms: int) -> list[Output]:
        """Hear that the log here has grown."""
        self._now = max(now_ms, self._now)
        self._is_dirty = True
        self._push()
        return self._take()

    def tick(self, now_ms: int) -> list[Output]:
        """Do what is due; to be called at `deadline_ms`, or any other time."""
        self._now = max(now_ms, self._now)
        if self.state != "closed":
            self._tick()
        return self._take()

    def close(self, now_ms: int) -> list[Output]:
        """End the connection, or hear that it has ended."""
        self._now = max(now_ms, self._now)
        self._close("", "closed")
        return self._take()

    def refuse(self, code: f.Code, message: str, now_ms: int, retry_ms: int = 0) -> list[Output]:
        """End the connection with a reason that the other side is told."""
        self._now = max(now_ms, self._now)
        self._refuse(code, message, retry_ms)
        return self._take()

    @property
    def deadline_ms(self) -> int | None:
        """When to call `tick`; None: never."""
        return None if self.state == "closed" else min(self._deadlines())

    @property
    def sending(self) -> str:
        """The name of the transfer that is under way to the other side, "" for none."""
        return "" if self._outgoing is None else self._outgoing.transfer.name

    @property
    def held_bytes(self) -> int:
        """How much of what came in waits to be stored: never more than our window and a frame."""
        return self._write_bytes

    # --- Out --------------------------------------------------------------------------------------------------------

    def _take(self) -> list[Output]:
        out, self._out = self._out, []
        return out

    def _send(self, message: f.Message) -> int:
        """Send a message; return how large its frame is."""
        self._frames_out += 1
        frame = f.encode(message, self._frames_out)
        self._out.append(a.Send(frame))
        return len(frame)

    def _ask(self, ask: a.Ask, then: Callable[[Any], object]) -> None:  # Any: what the ask says
        self._waiting[id(ask)] = ask, then
        self._out.append(ask)

    def _write(self, ask: a.Ask, size: int, then: Callable[[Any], object]) -> None:  # Any: what the ask says
        """Ask for a write once those before it are done. Refuses what is more than the window that we announced."""
        self._write_bytes += size
        if self._write_bytes > self.limits.window_bytes + self.limits.frame_bytes:
            self._refuse("flood", f"more than the window of {self.limits.window_bytes:,} bytes was sent")
            return
        self._writes.append((ask, size, then))
        self._write_next()

    def _write_next(self) -> None:
        if self._is_writing or not self._writes:
            return
        ask, size, then = self._writes.popleft()
        self._is_writing = True

        def written(result: Any) -> None:  # Any: what the ask says
            self._is_writing = False
            self._write_bytes -= size
            then(result)
            if self.state != "closed":
                self._write_next()

        self._ask(ask, written)

    def _refuse(self, code: f.Code, message: str, retry_ms: int = 0) -> None:
        if self.state != "closed":
            self._send(f.Refuse(code, message, retry_ms))
            self._close(code, message, retry_ms)

    def _close(self, code: f.Code | str, message: str, retry_ms: int = 0) -> None:
        if self.state != "closed":
            self.state = "closed"
            self._writes.clear()
            self._write_bytes = 0
            self._waiting.clear()
            self._out.append(a.Close(code, message, retry_ms))

    def _fail(self, ask: a.Ask, error: Exception) -> None:
        if isinstance(error, ForkError):
            self._refuse("fork", str(error))
        elif isinstance(error, BehindSealError):
            self._refuse("behind", str(error))
        elif isinstance(error, LaneError):
            self._refuse("forbidden", str(error))
        elif isinstance(error, EddylineError):
            self._refuse("failed", str(error), retry_ms=1_000)
        else:  # what it says may be nobody else's business
            self._refuse("failed", f"{type(ask).__name__} has failed", retry_ms=1_000)

    # --- Time -------------------------------------------------------------------------------------------------------

    def _deadlines(self) -> Iterable[int]:
        yield self._heard + (HANDSHAKE_MS if self.state == "greeting" else SILENT * self.limits.ping_ms)
        if self._ack_at is not None:
            yield self._ack_at

    def _tick(self) -> None:
        silent_ms = HANDSHAKE_MS if self.state == "greeting" else SILENT * self.limits.ping_ms
        if self._now >= self._heard + silent_ms:
            self._close("", f"nothing was heard for {silent_ms:,} ms")
        elif self._ack_at is not None and self._now >= self._ack_at:
            self._acknowledge()

    # --- In ---------------------------------------------------------------------------------------------------------

    def _receive(self, frame: f.Frame) -> None:
        number, message = f.decode(frame, self.limits)
        if number <= self._frames_in:
            return
        if number > self._frames_in + 1:
            self._close("", f"frame {self._frames_in + 1} was lost: frame {number} came")
            return
        self._frames_in = number
        if isinstance(message, f.Refuse):
            self._refused(message)
        elif self.state == "greeting":
            self._greeted(message)
        else:
            self._on(message)

    def _refused(self, message: f.Refuse) -> None:
        self._close(message.code, message.message, message.retry_ms)

    def _greeted(self, message: f.Message) -> None:
        """Take in what may come before the handshake is done."""
        raise NotImplementedError

    def _on(self, message: f.Message) -> None:
        """Take in what may come once it is done."""
        match message:
            case f.Commits():
                self._on_commits(message)
            case f.Have():
                self._on_have(message)
            case f.Transfer():
                self._on_transfer(message)
            case f.Staged():
                self._on_staged(message)
            case f.Segment():
                self._on_segment(message)
            case f.Ping():
                self._send(f.Pong(message.at))
            case f.Pong():
                pass
            case _:
                raise FrameError(f"a frame of type {message.type!r} has no place here", code="garbage")

    # --- Commits go out ---------------------------------------------------------------------------------------------

    @property
    def _body_bytes(self) -> int:
        """How much fits into one frame to the other side."""
        theirs = self.their_limits
        return max(f.HEADER_BYTES_MAX, min(self.limits.body_bytes, theirs.body_bytes, theirs.window_bytes))

    def _push(self) -> None:
        """Read on in the log, if there is more and the window has room for it."""
        has_room = self._in_flight_bytes + self._body_bytes <= max(self.their_limits.window_bytes, self._body_bytes)
        if self.state == "open" and self._is_dirty and not self._is_reading and self._outgoing is None and has_room:
            self._is_reading, self._is_dirty = True, False
            ask = a.ReadCommits(self._sent, self._handed, self._body_bytes, self.GIVES_SNAPSHOTS)
            self._ask(ask, self._has_read)

    def _has_read(self, found: a.Batch | f.Transfer) -> None:
        self._is_reading = False
        if isinstance(found, f.Transfer):
            self._offer(found)
            return
        self._sent |= found.vector
        self._is_dirty |= found.left > 0 or found.more
        serial = 0
        if self._handed is not None:
            serial = self._handed = max(self._handed, found.serial)
        if found.body or found.envelopes:
            size = self._send(f.Commits(found.body, found.envelopes, serial, found.left, found.handed_on))
            self._in_flight.append((found.vector, serial, size))
            self._in_flight_bytes += size
        self._push()

    def _on_have(self, message: f.Have) -> None:
        self.theirs |= message.vector
        self._sent |= message.vector
        self._heard_there = max(self._heard_there, message.serial)
        while self._in_flight:
            vector, serial, size = self._in_flight[0]
            if not (self.theirs >= vector and self._heard_there >= serial):
                break
            self._in_flight.popleft()
            self._in_flight_bytes -= size
        self._push()

    # --- Commits come in --------------------------------------------------------------------------------------------

    def _on_commits(self, message: f.Commits) -> None:
        commits = tuple(map(decode_commit, message.body.split("\n"))) if message.body else ()
        ends: dict[Lane, int] = {}
        for commit in commits:
            ends[commit.lane] = max(commit.seq, ends.get(commit.lane, 0))
        size = len(message.body)

        def stored(taken: a.Taken) -> None:
            self._unacked_bytes += size
            self._serial = max(self._serial, message.serial)
            self._stored(taken, message.envelopes)

        self.theirs |= Vector(ends)
        self._sent |= Vector(ends)
        self._coming(len(commits), message.left)
        self._write(self._storing(commits, message), size, stored)

    def _storing(self, commits: tuple[Commit, ...], message: f.Commits) -> a.Ask:
        """Return how commits of the other side, and what came with them, are stored."""
        raise NotImplementedError

    def _coming(self, commits: int, left: int) -> None:
        """Hear that so many commits came, and how many are still to come."""

    def _stored(self, taken: a.Taken, envelopes: tuple[Envelope, ...]) -> None:
        """Acknowledge what was stored, now or soon."""
        self.mine |= taken.vector
        if self._ack_at is None:
            self._ack_at = self._now + self.ACK_MS
        if not self.ACK_MS or 4 * self._unacked_bytes >= self.limits.window_bytes:
            self._acknowledge()

    def _acknowledge(self) -> None:
        self._ack_at, self._unacked_bytes = None, 0
        news = Vector({lane: last for lane, _, last in self.mine.beyond(self._told)})
        if news or self._serial > self._serial_told:
            self._send(f.Have(news, self._serial))
            self._told |= news
            self._serial_told = self._serial

    # --- A transfer goes out ----------------------------------------------------------------------------------------

    def _offer(self, transfer: f.Transfer) -> None:
        if transfer.kind == "commit":
            brought = Vector({lane: last for lane, _, last in transfer.vector.beyond(self._sent)})
            transfer = replace(transfer, vector=brought, serial=0)
        self._outgoing = _Outgoing(transfer, sizes=deque())
        self._send(replace(transfer, segment_bytes=self._body_bytes))

    def _on_staged(self, message: f.Staged) -> None:
        out = self._outgoing
        if out is None or message.name != out.transfer.name:
            return
        assert out.sizes is not None
        if message.installed:
            self._outgoing = None
            self._in_flight_bytes -= sum(out.sizes)
            self._sent |= out.transfer.vector
            if self._handed is not None:
                self._handed = max(self._handed, out.transfer.serial)
            self._is_dirty = True
            self._push()
        elif out.next is None:
            out.next = message.count
            self._read_segment(out)
        elif out.sizes:
            self._in_flight_bytes -= out.sizes.popleft()
            self._read_segment(out)

    def _read_segment(self, out: _Outgoing) -> None:
        has_room = self._in_flight_bytes + self._body_bytes <= max(self.their_limits.window_bytes, self._body_bytes)
        if out.next is not None and not out.read_all and not self._is_reading and has_room:
            number = out.next
            self._is_reading = True

            def found(piece: a.Piece) -> None:
                self._is_reading = False
                assert out.sizes is not None
                out.next, out.read_all = number + 1, piece.last
                size = self._send(f.Segment(out.transfer.name, number, piece.last, piece.data))
                out.sizes.append(size)
                self._in_flight_bytes += size
                self._read_segment(out)

            self._ask(a.ReadSegment(out.transfer.name, number, self._body_bytes), found)

    # --- A transfer comes in ----------------------------------------------------------------------------------------

    def _on_transfer(self, message: f.Transfer) -> None:
        if message.kind == "commit" and message.size_bytes > self.limits.commit_bytes:
            limit = self.limits.commit_bytes
            raise FrameError(f"a commit of {message.size_bytes:,} bytes; the limit is {limit:,}", code="too-large")
        self.theirs |= message.vector
        self._sent |= message.vector
        coming = self._incoming = _Incoming(message, f"{message.name}@{message.segment_bytes}")

        def counted(count: int) -> None:
            coming.next, coming.size_bytes = count, count * message.segment_bytes
            if self._incoming is coming:
                self._send(f.Staged(message.name, count))

        self._ask(a.StagedCount(self.source, coming.name), counted)

    def _on_segment(self, message: f.Segment) -> None:
        coming = self._incoming
        if coming is None or message.name != coming.transfer.name or message.number != coming.next:
            raise FrameError(f"segment {message.number} of {message.name!r} wasn't to come", code="garbage")
        coming.next += 1
        coming.size_bytes += len(message.data)
        if coming.transfer.kind == "commit" and coming.size_bytes > self.limits.commit_bytes + len(message.data):
            raise FrameError(f"more than {self.limits.commit_bytes:,} bytes of a commit came", code="too-large")

        def staged(_: object) -> None:
            self._transferred(coming.transfer, coming.size_bytes)
            if not message.last:
                self._send(f.Staged(message.name, message.number + 1))

        def installed(taken: a.Taken) -> None:
            self._incoming = None
            self._serial = max(self._serial, coming.transfer.serial)
            self._stored(taken, coming.transfer.envelopes)
            self._acknowledge()
            self._send(f.Staged(message.name, message.number + 1, installed=True))

        self._write(a.Stage(self.source, coming.name, message.number, message.data), len(message.data), staged)
        if message.last and self.state != "closed":
            self._write(self._installing(coming.transfer, coming.name), 0, installed)

    def _installing(self, transfer: f.Transfer, name: str) -> a.Ask:
        """Return how a transfer that is staged is taken in."""
        return a.Install(self.source, name, transfer)

    def _transferred(self, transfer: f.Transfer, size_bytes: int) -> None:
        """Hear that so much of a transfer is staged."""
