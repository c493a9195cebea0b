"""The hub's end of a connection: it lets a client in or not, admits its commits, and serves it.

    Hello -> Authorize -> OpenLog -> Welcome        or Refuse, by a code that a program can act on
    Commits -> Admit -> Have                        clamped or rejected before anybody else hears of them;
                                                    what was said of them comes back to the author, as envelopes
Other clients hear of it as this one does of theirs: `changed` is called on every session, each reads on from its own
cursor. Who is present is a `Room` that the sessions of a workspace share.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import EddylineError, FrameError
from ..log.commit import Commit
from ..log.vector import EMPTY, Vector
from . import asks as a
from . import frames as f
from .asks import Output
from .peer import Peer
from .presence import Room

__all__ = ["FATES_MAX", "PRESENCE_MS", "HubPeer"]

FATES_MAX = 1_000
PRESENCE_MS = 50
"""So far apart are two frames about who is present."""


class HubPeer(Peer):
    """A hub's session with one client. `session` is a name that no other session of the room has."""

    GIVES_SNAPSHOTS = True

    def __init__(self, session: str, room: Room, now_ms: int, limits: f.Limits = f.LIMITS) -> None:
        super().__init__(limits, now_ms)
        self.session, self.room = session, room
        self.principal = a.Principal("")
        self._hello: f.Hello | None = None
        self._is_waiting_for_vector = self._was_there_before = False
        self._seen = 0
        self._show_at: int | None = None
        self._fetches: set[int] = set()
        self._resync: tuple[str, ...] = ()

    # --- The handshake ----------------------------------------------------------------------------------------------

    def _greeted(self, message: f.Message) -> None:
        if not isinstance(message, f.Hello) or self._hello is not None:
            raise FrameError(f"a frame of type {message.type!r} where one hello is to come", code="garbage")
        self._hello = message
        if message.protocol != f.PROTOCOL:
            said = f"protocol {message.protocol} is asked for; this hub speaks {f.PROTOCOL}"
            self._refuse("protocol", f"{said}: update the {'client' if message.protocol < f.PROTOCOL else 'hub'}")
        else:
            self._ask(a.Authorize(message), self._authorized)

    def _authorized(self, found: a.Principal | a.Refused) -> None:
        if isinstance(found, a.Refused):
            self._refuse(found.code, found.message, found.retry_ms)
        else:
            self.principal = found
            self._ask(a.OpenLog(), self._open)

    def _open(self, opened: a.Opened) -> None:
        hello = self._hello
        assert hello is not None, "a log is opened for who has said hello"
        if hello.backend not in ("", opened.backend):
            self._refuse("backend", f"the client belongs to backend {hello.backend}; this is {opened.backend}")
            return
        if hello.schema != opened.schema:
            self._refuse("schema", f"the client's tables are {hello.schema}, the hub's {opened.schema}: update one")
            return
        self.state, self.their_limits, self.source = "open", hello.limits, hello.replica
        self.mine = self._told = opened.vector
        knows = (hello.backend, hello.epoch) == (opened.backend, opened.epoch)
        self._was_there_before = bool(hello.backend) and not knows
        self._handed = self._heard_there = hello.heard if knows else 0
        theirs = self._theirs_to_know(opened.vector, hello.vector or EMPTY)
        is_equal = hello.head == f.head_of(theirs)
        self._is_waiting_for_vector = not is_equal and hello.vector is None
        self.theirs = self._sent = theirs if is_equal else hello.vector or EMPTY
        self._send(
            f.Welcome(
                f.PROTOCOL, opened.backend, opened.epoch, self.session, self.principal.name, self._now,
                None if is_equal else theirs, self._is_waiting_for_vector, self.limits,
            )
        )  # fmt: skip
        self._is_dirty = True
        self._push()
        self._show()

    def _push(self) -> None:
        if self._is_waiting_for_vector:
            return
        if self._resync and self.state == "open" and not self._is_reading and self._outgoing is None:
            tables, self._resync = self._resync, ()
            self._is_reading = True
            self._ask(a.OpenSnapshot(tables), self._has_read)
        super()._push()

    # --- What a client says -----------------------------------------------------------------------------------------

    def _on(self, message: f.Message) -> None:
        match message:
            case f.Present():
                self._on_present(message)
            case f.Fetch():
                self._on_fetch(message)
            case f.Cancel():
                self._fetches.discard(message.id)
            case f.AskHave():
                self._ask(a.OpenLog(), lambda opened: self._told_of(opened.vector, message.id))
            case f.AskFates():
                if len(message.commits) > FATES_MAX:
                    raise FrameError(f"{len(message.commits)} fates; the limit is {FATES_MAX}", code="too-large")
                self._ask(a.ReadFates(message.commits), lambda fates: self._send(f.Fates(fates)))
            case f.Digest():
                self._ask(a.ReadDigests(), lambda digests: self._compare(message, digests))
            case f.Resync():
                self._resync = message.tables
                self._push()
            case f.Transfer(kind="snapshot"):
                raise FrameError("a hub takes no snapshots", code="forbidden")
            case _:
                super()._on(message)

    def _told_of(self, here: Vector, id: int) -> None:
        self._send(f.Have(self._theirs_to_know(here, self.theirs), self._serial, id))

    def _theirs_to_know(self, here: Vector, theirs: Vector) -> Vector:
        """Return how far the log here is for this client: who is no replica waits for nothing of others."""
        return here if self.principal.replicates else here & theirs

    def _storing(self, commits: tuple[Commit, ...], message: f.Commits) -> a.Ask:
        return a.Admit(
            self.principal.name, commits, message.envelopes, self._was_there_before, self.source, message.handed_on
        )

    def _installing(self, transfer: f.Transfer, name: str) -> a.Ask:
        return a.Install(self.source, name, transfer, self.principal.name, self._was_there_before)

    def _on_have(self, message: f.Have) -> None:
        self._is_waiting_for_vector = False
        super()._on_have(message)

    def _compare(self, message: f.Digest, mine: a.Digests) -> None:
        if f.head_of(mine.vector) != message.head or mine.serial != message.serial:
            return  # one of us has moved on: the client will ask again
        tables = tuple(
            sorted(name for name, digest in mine.tables.items() if message.tables.get(name, digest) != digest)
        )
        if tables:
            self._out.append(a.Alarm(tables, resync=False))
            self._send(f.Mismatch(tables))

    # --- Fetching ---------------------------------------------------------------------------------------------------

    def _on_fetch(self, message: f.Fetch) -> None:
        if message.id in self._fetches or len(self._fetches) >= self.limits.fetches:
            self._send(f.Failed(message.id, "busy", f"{len(self._fetches)} are running: wait for one to end"))
            return
        self._fetches.add(message.id)

        def fetched(found: a.Fetched) -> None:
            if message.id in self._fetches:
                self._fetches.discard(message.id)
                self._send_rows(message.id, found)

        self._ask(a.RunFetch(self.principal.name, message.id, message.query, self.limits.fetch_rows), fetched)

    def _send_rows(self, fetch: int, found: a.Fetched) -> None:
        size = sum(len(line) + 1 for line in found.lines)
        if size > min(self.limits.fetch_bytes, self.their_limits.fetch_bytes):
            self._send(f.Failed(fetch, "too-large", f"the rows are {size:,} bytes: ask for fewer rows or columns"))
            return
        parts = list(_parts(found.lines, self._body_bytes))
        for at, part in enumerate(parts):
            self._send(f.Rows(fetch, "\n".join(part), found.columns if at == 0 else (), last=at == len(parts) - 1))

    def _fail(self, ask: a.Ask, error: Exception) -> None:
        if not isinstance(ask, a.RunFetch):
            super()._fail(ask, error)
        elif ask.id in self._fetches:
            self._fetches.discard(ask.id)
            ours = isinstance(error, EddylineError)
            self._send(
                f.Failed(ask.id, type(error).__name__, str(error))
                if ours
                else f.Failed(ask.id, "failed", "the query has failed")
            )

    # --- Presence and time ------------------------------------------------------------------------------------------

    def _on_present(self, message: f.Present) -> None:
        if len(message.state) > self.limits.presence_bytes:
            raise FrameError(f"a state of more than {self.limits.presence_bytes:,} bytes", code="too-large")
        self._sit(message.state)

    def _sit(self, state: str) -> None:
        if self.room.put(f.Seat(self.session, self.principal.name, state)):
            self._out.append(a.Wake())

    def changed(self, now_ms: int) -> list[Output]:
        """Hear that the log here has grown, or that the room has changed."""
        if self.state == "open" and self._seen != self.room.version and self._show_at is None:
            self._show_at = max(now_ms, self._now) + PRESENCE_MS
        return super().changed(now_ms)

    def _show(self) -> None:
        seats, reset = self.room.since(self._seen, but_not=self.session)
        is_first, self._seen, self._show_at = self._seen == 0, self.room.version, None
        if seats or (reset and not is_first):
            self._send(f.Presence(seats, reset))

    def _deadlines(self) -> Iterable[int]:
        yield from super()._deadlines()
        if self._show_at is not None:
            yield self._show_at
        if self.principal.until_ms is not None:
            yield self.principal.until_ms

    def _tick(self) -> None:
        super()._tick()
        until_ms = self.principal.until_ms
        if until_ms is not None and self._now >= until_ms:
            self._refuse("token-expired", "the token has expired: come back with a new one")
        elif self.state == "open" and self._show_at is not None and self._now >= self._show_at:
            self._show()

    def _close(self, code: f.Code | str, message: str, retry_ms: int = 0) -> None:
        if self.state != "closed":
            self._sit("")
        super()._close(code, message, retry_ms)


def _parts(lines: Iterable[str], size_max: int) -> Iterable[list[str]]:
    """Yield lines in parts that fit into a frame, at least one part."""
    part: list[str] = []
    size = 0
    for line in lines:
        width = len(line.encode()) + 1
        if part and size + width > size_max:
            yield part
            part, size = [], 0
        part.append(line)
        size += width
    yield part
