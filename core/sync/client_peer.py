"""The client's end of a connection: it says hello, brings what the hub lacks, takes what the hub sends.

    OpenLog -> Hello  --------------->                     one round trip and under 1 KB if nothing is new:
               Welcome  <-------------                     the heads are equal, nobody sends more
    commits, envelopes, presence, rows, digests          in both directions, whenever there are any

What it remembers of its hub is the `Standing`: backend, epoch, the last envelope it has heard, what is safe there. If
the hub's epoch is another one, the hub was restored: the tail that it lost goes there again, with what was said of it.
Only when all of that is stored there the new epoch is remembered, for a connection may end before.
Once both have the same, tables are compared by digest; one that differs is sent anew, once, and raises an `Alarm`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import FrameError
from ..log.commit import Commit
from ..log.envelopes import Envelope
from ..log.fates import Fate
from ..log.vector import EMPTY, CommitId
from . import asks as a
from . import frames as f
from .asks import Output
from .peer import Peer

__all__ = ["DIGEST_MS", "VECTOR_BYTES_MAX", "Calling", "ClientPeer"]

VECTOR_BYTES_MAX = 500
"""A vector that is longer isn't part of `Hello`: its head says whether it is needed at all."""

DIGEST_MS = 30_000
"""So long nothing has come or gone before digests are compared."""


@dataclass(frozen=True, slots=True)
class Calling:
    """Whom a client calls, with what in its hand."""

    workspace: str
    token: str = ""
    limits: f.Limits = f.LIMITS


@dataclass(slots=True)
class _Fetching:
    """A fetch whose rows are coming."""

    columns: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    size_bytes: int = 0


class ClientPeer(Peer):
    """A client; `start` begins."""

    ACK_MS = 200

    def __init__(self, calling: Calling, now_ms: int) -> None:
        super().__init__(calling.limits, now_ms)
        self.calling = calling
        self.standing = a.Standing()
        self.session = ""
        self._opened: a.Opened | None = None
        self._seats: dict[str, f.Seat] = {}
        self._fetches: dict[int, _Fetching] = {}
        self._fetched = self._asked_have = 0
        self._come = 0
        self._hub = EMPTY
        self._digest_at: int | None = None
        self._new_epoch: int | None = None  # of a hub that was restored, until it has again what it lost
        self._compared: tuple[str, int] | None = None
        self._is_doubtful = False
        self._resynced: set[str] = set()

    # --- What an application wants ----------------------------------------------------------------------------------

    def start(self) -> list[Output]:
        """Begin."""
        self._ask(a.OpenLog(), self._open)
        return self._take()

    def present(self, state: str, now_ms: int) -> list[Output]:
        """Say of oneself: JSON text, "" to leave. What isn't online has to be said again once it is."""
        self._now = max(now_ms, self._now)
        if self.state == "open":
            self._send(f.Present(state))
        return self._take()

    def fetch(self, query: str, now_ms: int) -> tuple[int, list[Output]]:
        """Fetch a query, as `dump` writes it, from the hub; the answer is news with the number that is returned."""
        self._now = max(now_ms, self._now)
        self._fetched += 1
        if self.state == "open":
            self._fetches[self._fetched] = _Fetching()
            self._send(f.Fetch(self._fetched, query))
        else:
            self._out.append(a.FetchNews(self._fetched, error="closed", message="the hub can't be reached"))
        return self._fetched, self._take()

    def cancel(self, fetch: int, now_ms: int) -> list[Output]:
        """Give up a fetch."""
        self._now = max(now_ms, self._now)
        if self.state == "open" and self._fetches.pop(fetch, None) is not None:
            self._send(f.Cancel(fetch))
        return self._take()

    def ask_have(self, now_ms: int) -> tuple[int, list[Output]]:
        """Ask how far the hub is: news with the number that is returned follow, if there is a connection to ask it."""
        self._now = max(now_ms, self._now)
        self._asked_have += 1
        if self.state == "open":
            self._send(f.AskHave(self._asked_have))
        return self._asked_have, self._take()

    def ask_fates(self, commits: tuple[CommitId, ...], now_ms: int) -> list[Output]:
        """Ask what has become of commits: news will tell."""
        self._now = max(now_ms, self._now)
        if self.state == "open":
            self._send(f.AskFates(commits))
        return self._take()

    # --- The handshake ----------------------------------------------------------------------------------------------

    def _open(self, opened: a.Opened) -> None:
        self._opened, self.standing, self.mine = opened, opened.standing, opened.vector
        known, calling = opened.standing, self.calling
        fits = len(opened.vector.to_json()) <= VECTOR_BYTES_MAX
        self._send(
            f.Hello(
                f.PROTOCOL, calling.workspace, opened.replica, opened.schema, f.head_of(opened.vector),
                opened.vector if fits else None, calling.token, known.backend, known.epoch, known.heard, calling.limits,
            )
        )  # fmt: skip

    def _greeted(self, message: f.Message) -> None:
        if not isinstance(message, f.Welcome) or self._opened is None:
            raise FrameError(f"a frame of type {message.type!r} before the welcome", code="garbage")
        known = self.standing
        self.state, self.their_limits = "open", message.limits
        self.source, self.session = message.backend, message.session
        self.theirs = self._sent = self.mine if message.vector is None else message.vector
        self._told = self.mine
        if message.asks:
            self._send(f.Have(self.mine))
        self._out.append(a.Online(message.session, message.principal, message.now_ms - self._now))
        is_other = (message.backend, message.epoch) != (known.backend, known.epoch)
        was_restored = is_other and bool(known.backend)
        if was_restored:
            self._new_epoch = message.epoch
            self._out.append(a.Restored(message.epoch))
        self._handed = 0 if was_restored else None  # a restored hub lacks what it had said, too
        self._serial = self._serial_told = 0 if is_other else known.heard
        epoch = known.epoch if was_restored else message.epoch
        self._remember(a.Standing(message.backend, epoch, self._serial, self.theirs & self.mine))
        self._hub_is()
        self._digest_at = self._now + DIGEST_MS
        self._is_dirty = True
        self._push()

    def _refused(self, message: f.Refuse) -> None:
        self._out.append(a.Refused(message.code, message.message, message.retry_ms))
        super()._refused(message)

    def _remember(self, standing: a.Standing) -> None:
        if standing != self.standing:
            if standing.saved != self.standing.saved:
                self._out.append(a.Saved(standing.saved))
            self.standing = standing
            self._ask(a.Remember(standing), lambda _: None)

    # --- Commits ----------------------------------------------------------------------------------------------------

    def _storing(self, commits: tuple[Commit, ...], message: f.Commits) -> a.Ask:
        return a.Apply(commits, message.envelopes)

    def _coming(self, commits: int, left: int) -> None:
        self._come += commits
        if left or self._come > commits:
            self._out.append(a.Progress(self._come, self._come + left, "commits"))
        if not left:
            self._come = 0
        self._hub_is()

    def _transferred(self, transfer: f.Transfer, size_bytes: int) -> None:
        self._out.append(a.Progress(size_bytes, max(size_bytes, transfer.size_bytes), "bytes"))

    def _stored(self, taken: a.Taken, envelopes: tuple[Envelope, ...]) -> None:
        super()._stored(taken, envelopes)
        rejected = tuple(Fate(one.commit, "rejected", one.rejected) for one in envelopes if one.rejected)
        if rejected:
            self._out.append(a.FateNews(rejected))
        if taken.unmade:
            self._is_doubtful, self._resynced = True, set()
        self._digest_soon()

    def _digest_soon(self) -> None:
        """Compare digests once it is quiet, or at once where it is known that something will differ."""
        self._digest_at = self._now + (0 if self._is_doubtful else DIGEST_MS)

    def _acknowledge(self) -> None:
        super()._acknowledge()
        self._safe()

    def _on_have(self, message: f.Have) -> None:
        super()._on_have(message)
        self._safe()
        self._know_epoch()
        if message.id:
            self._out.append(a.HaveNews(message.id))

    def _has_read(self, found: a.Batch | f.Transfer) -> None:
        super()._has_read(found)
        self._know_epoch()

    def _know_epoch(self) -> None:
        """Remember the epoch of a restored hub once it has all that was here, and said so."""
        is_under_way = self._in_flight or self._is_reading or self._is_dirty or self._outgoing is not None
        if self._new_epoch is not None and not is_under_way:
            self._remember(replace(self.standing, epoch=self._new_epoch))
            self._new_epoch = None

    def _safe(self) -> None:
        """Keep what is known to be in both logs: with each word that goes or comes of it, not with each commit."""
        self._digest_soon()
        self._remember(replace(self.standing, heard=self._serial, saved=self.standing.saved | self.theirs))
        self._hub_is()

    def _hub_is(self) -> None:
        if self._hub != self.theirs:
            self._hub = self.theirs
            self._out.append(a.HubIs(self.theirs))

    # --- The rest ---------------------------------------------------------------------------------------------------

    def _on(self, message: f.Message) -> None:
        match message:
            case f.Fates():
                self._out.append(a.FateNews(message.fates))
            case f.Presence():
                self._seated(message)
            case f.Rows():
                self._on_rows(message)
            case f.Failed():
                if self._fetches.pop(message.id, None) is not None:
                    self._out.append(a.FetchNews(message.id, error=message.error, message=message.message))
            case f.Mismatch():
                self._differs(message.tables)
            case _:
                super()._on(message)

    def _seated(self, message: f.Presence) -> None:
        if message.reset:
            self._seats = {}
        for seat in message.seats:
            if seat.state:
                self._seats[seat.session] = seat
            else:
                self._seats.pop(seat.session, None)
        self._out.append(a.PresenceNews(tuple(self._seats.values())))

    def _on_rows(self, message: f.Rows) -> None:
        fetching = self._fetches.get(message.id)
        if fetching is None:  # given up meanwhile
            return
        fetching.size_bytes += len(message.body)
        if fetching.size_bytes > self.limits.fetch_bytes:
            raise FrameError(f"more than {self.limits.fetch_bytes:,} bytes of rows came", code="too-large")
        fetching.columns = message.columns or fetching.columns
        fetching.lines += tuple(message.body.split("\n")) if message.body else ()
        if message.last:
            del self._fetches[message.id]
            self._out.append(a.FetchNews(message.id, fetching.columns, fetching.lines))

    # --- Digests and pings ------------------------------------------------------------------------------------------

    def _deadlines(self) -> Iterable[int]:
        yield from super()._deadlines()
        if self.state == "open":
            yield max(self._heard, self._pinged) + self.limits.ping_ms
            if self._digest_at is not None:
                yield self._digest_at

    def _tick(self) -> None:
        super()._tick()
        if self.state != "open":
            return
        if self._now >= max(self._heard, self._pinged) + self.limits.ping_ms:
            self._pinged = self._now
            self._send(f.Ping(self._now))
        if self._digest_at is not None and self._now >= self._digest_at:
            self._digest_at = None
            self._ask(a.ReadDigests(), self._compare)

    def _compare(self, digests: a.Digests) -> None:
        head = f.head_of(digests.vector)
        if (
            digests.vector == self.theirs
            and (head, self._serial) != self._compared
            and self._outgoing is None
            and self._incoming is None
        ):
            self._compared, self._is_doubtful = (head, self._serial), False
            self._send(f.Digest(head, self._serial, digests.tables))

    def _differs(self, tables: tuple[str, ...]) -> None:
        fresh = tuple(table for table in tables if table not in self._resynced)
        self._resynced.update(fresh)
        self._out.append(a.Alarm(tables, resync=bool(fresh)))
        if fresh:
            self._compared = None
            self._send(f.Resync(fresh))
