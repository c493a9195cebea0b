"""Rooms of the y-protocol: any Yjs client edits one text column, together with terminals and other replicas.

    new WebsocketProvider("wss://host/y/tracker/issue", KEY + "/body", doc, {params: {token}})     doc.getText("text")

    Yjs client --updates--> SharedText --a commit a window--> row, live views, replicas
               <--what it lacks---        <--edits of others--

Each client has a flag "there is something new" and no queue: what goes out is what it lacks by then, so who reads
slowly gets less often more, and holds nothing. That protocol has no acknowledgement, so the server says step 1 again
and again. Where the column gets another document (REPLICATION.md: a new epoch), its clients are sent away with 4409:
their copy is of a text that is no more, and merging the two would double it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from ...signals import Clock
from ..database import Database
from ..errors import DisconnectedError, EddylineError, MalformedUpdateError, ParameterError
from ..origin import acting
from ..shared_text import SharedText
from ..text.positions import read_state_vector
from .door import Principal
from .transport import Transport, size_of
from .y_protocol import EMPTY_UPDATE, Awareness, QueryAwareness, Seen, Step1, Update, decode_y, encode_y

__all__ = ["TextPlace", "YRooms", "text_place"]

STEP_1_EVERY_S = 15.0
REPLACED, REFUSED, MISSING, MALFORMED, FLOOD, CLOSING = 4409, 4403, 4404, 4400, 4429, 1001
_REPLACED = "this text is another document now: open it anew"


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Which text a client wants, and the token that it shows."""

    workspace: str
    table: str
    key: str
    column: str
    token: str = ""


def text_place(target: str) -> TextPlace | None:
    """Return the text that the target of a request names, "/y/WORKSPACE/TABLE/KEY/COLUMN?token=..."; None: none."""
    parts = urlsplit(target)
    names = [unquote(name) for name in parts.path.split("/")[-5:]]
    if len(names) < 5 or names[0] != "y" or not all(names):
        return None
    _, workspace, table, key, column = names
    return TextPlace(workspace, table, key, column, parse_qs(parts.query).get("token", [""])[0])


@dataclass(eq=False, slots=True)
class _Client:
    transport: Transport
    may_write: bool
    name: str
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    has: bytes | None = None  # the state vector that it is known to have; None: it has not said yet
    asked: bool = False  # it wants to be answered, even with nothing
    step_1: bool = True
    away: bool = False  # its copy is of a document that is no more
    heard: dict[int, int] = field(default_factory=dict)  # ranks of what it was told of others
    seats: set[int] = field(default_factory=set)  # the client ids that speak through it


class _Room:
    """One text, while somebody edits it."""

    def __init__(self, text: SharedText, clock: Clock) -> None:
        self.text = text
        self.clients: set[_Client] = set()
        self.former: set[int] = set()  # who wrote the documents that were here before
        self._clock = clock
        self._seen: dict[int, Seen] = {}
        self._document = text.document
        self._stop = text.subscribe(lambda changes: self._moved())
        self._timer = clock.call_later(STEP_1_EVERY_S, self._step_1)

    def close(self) -> None:
        """Let the text go; what was typed is written."""
        self._timer.cancel()
        self._stop()
        self.text.close()

    async def serve(self, client: _Client, guard: Callable[[int], str | None]) -> None:
        """Serve one client to its end."""
        self.clients.add(client)
        client.woken.set()
        sending = asyncio.ensure_future(self._send_all(client))
        try:
            while True:
                frame = await client.transport.recv()
                said = guard(size_of(frame))
                if said is not None:
                    await client.transport.close(FLOOD, said)
                    return
                if not isinstance(frame, bytes):
                    raise MalformedUpdateError("the y-protocol is bytes, and this frame is text")
                await self._take(client, frame)
        except MalformedUpdateError as error:
            await client.transport.close(MALFORMED, str(error))
        except _Ends as end:
            await client.transport.close(end.code, end.reason)
        finally:
            self.clients.discard(client)
            sending.cancel()
            self._gone(client)

    async def _take(self, client: _Client, frame: bytes) -> None:
        match decode_y(frame):
            case Step1(vector):
                if not self.former.isdisjoint(read_state_vector(vector)):
                    raise _Ends(REPLACED, _REPLACED)
                client.has, client.asked = vector, True
                client.woken.set()
            case Update(update) if update != EMPTY_UPDATE:
                if not client.may_write:
                    raise _Ends(REFUSED, f"{client.name} may not write here")
                self._edit(client, update)
            case Awareness(seats):
                self._note(client, seats)
            case QueryAwareness():
                client.heard.clear()
                client.woken.set()

    def _edit(self, client: _Client, update: bytes) -> None:
        was_whole = client.has == self.text.state_vector()
        with acting(client.name):
            self.text.take(update, source=client)
        if was_whole:
            client.has = self.text.state_vector()
        for other in self.clients - {client}:
            other.woken.set()

    def _moved(self) -> None:
        """The text has changed: by a client, here, or by whoever writes to the row."""
        if self.text.document != self._document:  # another one: nobody's copy goes on
            self._document = self.text.document
            for client in self.clients:
                if client.has is not None:
                    self.former |= read_state_vector(client.has).keys()
                client.away = True
            self.former -= read_state_vector(self.text.state_vector()).keys()
        for client in self.clients:
            client.woken.set()

    # -- who is here

    def _note(self, client: _Client, seats: tuple[Seen, ...]) -> None:
        for seat in seats:
            known = self._seen.get(seat.client)
            if known is not None and _rank(seat) <= _rank(known):
                continue
            if not _is_json(seat.state):
                raise MalformedUpdateError("what a client says of itself is JSON")
            self._seen[seat.client] = seat
            client.heard[seat.client] = _rank(seat)
            (client.seats.discard if seat.state == "null" else client.seats.add)(seat.client)
        for other in self.clients - {client}:
            other.woken.set()

    def _gone(self, client: _Client) -> None:
        """Say of those who spoke through `client` that they are gone."""
        for number in client.seats:
            seat = self._seen[number]
            self._seen[number] = Seen(number, seat.clock, "null")  # its own next word is newer than that
        for other in self.clients:
            other.woken.set()
        if len(self._seen) > 1000:  # those who are gone are told of for a while
            self._seen = {number: seat for number, seat in self._seen.items() if seat.state != "null"}

    # -- what goes out

    def _step_1(self) -> None:
        self._timer = self._clock.call_later(STEP_1_EVERY_S, self._step_1)
        for client in self.clients:
            client.step_1 = True
            client.woken.set()

    async def _send_all(self, client: _Client) -> None:
        """Send what `client` lacks, whenever it may lack something. A client that has gone ends this, and no other."""
        with suppress(DisconnectedError):
            while True:
                await client.woken.wait()
                client.woken.clear()
                if client.away:
                    await client.transport.close(REPLACED, _REPLACED)
                    return
                for frame in self._frames(client):
                    await client.transport.send(frame)

    def _frames(self, client: _Client) -> list[bytes]:
        frames = []
        if client.step_1:
            client.step_1 = False
            frames.append(encode_y(Step1(self.text.state_vector())))
        if client.has is not None:
            update = self.text.update_since(client.has)
            if client.asked or update != EMPTY_UPDATE:
                frames.append(encode_y(Update(update, answers=client.asked)))
            client.asked, client.has = False, self.text.state_vector()
        news = tuple(seat for seat in self._seen.values() if client.heard.get(seat.client, -1) < _rank(seat))
        if news:
            client.heard.update((seat.client, _rank(seat)) for seat in news)
            frames.append(encode_y(Awareness(news)))
        return frames


class YRooms:
    """The rooms of one server, by text: opened by the first client, closed after the last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rooms: dict[tuple[Database, str, str, str], _Room] = {}
        self._opening = asyncio.Lock()

    async def serve(
        self,
        db: Database,
        place: TextPlace,
        transport: Transport,
        principal: Principal,
        guard: Callable[[int], str | None],
    ) -> None:
        """Serve one Yjs client to its end."""
        at = db, place.table, place.key, place.column
        if not principal.may_read(place.table):
            await transport.close(REFUSED, f"{principal.name} may not read {place.table}")
            return
        client = _Client(transport, principal.may_write(place.table), principal.name)
        try:
            async with self._opening:
                room = self._rooms.get(at)
                if room is None:
                    _check_is_text(db, place)
                    text = await db.text((place.table, place.key), place.column, clock=self._clock)
                    room = self._rooms[at] = _Room(text, self._clock)
                room.clients.add(client)
        except EddylineError as error:
            await transport.close(MISSING, str(error))
            return
        try:
            await room.serve(client, guard)
        finally:
            if not room.clients and self._rooms.get(at) is room:
                del self._rooms[at]
                with suppress(EddylineError):
                    await room.text.flush()
                room.close()

    async def close(self) -> None:
        """Send every client away: the server stops. What was typed is written."""
        for room in list(self._rooms.values()):
            for client in list(room.clients):
                with suppress(DisconnectedError):
                    await client.transport.close(CLOSING, "the server stops")
            with suppress(EddylineError):
                await room.text.flush()


class _Ends(Exception):
    """A client is sent away."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def _check_is_text(db: Database, place: TextPlace) -> None:
    columns = db._queue.writer.logged_table(place.table).columns
    if not any(column.name == place.column and column.merge == "text" for column in columns):
        raise ParameterError(f"{place.table}.{place.column} is no text that several may type into")


def _rank(seat: Seen) -> int:
    """Return what decides between two words of one client: the clock, and gone is later than here."""
    return seat.clock * 2 + (seat.state == "null")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
