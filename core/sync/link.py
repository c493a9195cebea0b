"""Link: a database's connection to a server. It comes and goes; the database is only further along, or less.

    connecting --hello, welcome--> online --cut, closed--> offline --after a wait--> connecting
         |                                                   ^
         |-- the token isn't taken --> needs-auth -----------+  link.token = "..."
         '-- other tables, other protocol --> incompatible --+  link.retry()

What is written while there is no connection waits in the log itself: `pending` counts the commits that the server has
not stored yet, also after a restart or a crash. Waits grow and are spread by chance (`backoff.py`).
The state machine of the protocol is `client_peer.py`; this brings it to asyncio, and its news to signals.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, overload

from ...signals import Clock, MapSignal, Readable, Signal, computed, current_scope, effect, signal, until
from ...signals.closing import Closing
from ...signals.timing import sleep
from ..database import Database
from ..errors import ClosedError, DisconnectedError, EddylineError, EntryError, FetchError, SyncError
from ..log.encoding import read_value
from ..log.rejections import Rejection, open_rejections
from ..log.vector import EMPTY, CommitId, Vector
from ..model.ask import AnyQuery, ask
from ..model.base import ModelBase
from ..model.travel import dump_asked
from ..query.builder import Query
from ..query.shown import maker_for
from ..row import Row
from . import asks as a
from .answers import ClientAnswers
from .attendance import Attendance, Present
from .backoff import Backoff
from .client_peer import Calling, ClientPeer
from .frames import Fate
from .hub_peer import FATES_MAX
from .session import Session
from .transport import Dial

__all__ = ["Link", "LinkState", "Timing", "Token"]

LinkState: TypeAlias = Literal["connecting", "online", "offline", "needs-auth", "incompatible"]
Token: TypeAlias = str | Callable[[], str | Awaitable[str]]

R = TypeVar("R")
M = TypeVar("M", bound=ModelBase)

_NEEDS_AUTH = {"token-missing", "token-expired", "token-invalid", "forbidden", "workspace"}
_INCOMPATIBLE = {"protocol", "schema", "backend", "fork"}


@dataclass(frozen=True, slots=True)
class Timing:
    """What a link knows of time and chance: a clock, the wall clock's milliseconds, a number from 0 to 1."""

    clock: Clock
    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    random: Callable[[], float] = random.random


class Link(Closing):
    """A database's connection to one workspace of a server."""

    def __init__(self, db: Database, dial: Dial, workspace: str, token: Token, timing: Timing, where: str) -> None:
        self.workspace, self.where = workspace, where
        self._db, self._dial, self._token, self._timing = db, dial, token, timing
        self._base_ms = timing.wall_ms() - int(timing.clock.time() * 1000)
        self._answers = ClientAnswers(db, workspace)
        self._state: Signal[LinkState] = signal("connecting", name="link.state")
        self._progress: Signal[float | None] = signal(None, name="link.progress")
        self._last_error: Signal[EddylineError | None] = signal(None, name="link.last_error")
        self._saved = signal(EMPTY, name="link.saved")
        self._hub: Signal[Vector | None] = signal(None, name="link.hub")
        self._rejections: Signal[tuple[Rejection, ...]] = signal((), name="link.rejections")
        self._here = signal(EMPTY, name="link.here")
        self._pending = computed(self._count_pending, name="link.pending")
        self._session: Session | None = None
        self._peer: ClientPeer
        self._fetches: dict[int, asyncio.Future[a.FetchNews]] = {}
        self._hears: dict[int, asyncio.Future[None]] = {}
        self._asked: deque[tuple[tuple[CommitId, ...], asyncio.Future[tuple[Fate, ...]]]] = deque()
        self._attendance = Attendance(timing.clock, self._send_presence)
        self._backoff = Backoff(timing.random)
        self._again = asyncio.Event()
        self._is_offline = False
        self._closed = signal(False)
        self._counting: asyncio.Task[None] | None = None
        self._count_again = False
        self._owner = current_scope()
        self._owner.add(self)
        self._unhook = db.after_commit(lambda commit: self._changed())
        self._foreign = effect(self._follow_others)
        self._running = db._spawn(self._run())

    # -- what it is like

    @property
    def state(self) -> Readable[LinkState]:
        """How it stands with the connection: a signal."""
        return self._state

    @property
    def pending(self) -> Readable[int]:
        """How many commits of this database the server has not stored yet: a signal."""
        return self._pending

    @property
    def progress(self) -> Readable[float | None]:
        """How much of what is coming is here, from 0 to 1; None while nothing is: a signal."""
        return self._progress

    @property
    def last_error(self) -> Readable[EddylineError | None]:
        """Why the last connection ended or could not be made; None once there is one: a signal."""
        return self._last_error

    @property
    def rejections(self) -> Readable[tuple[Rejection, ...]]:
        """What servers have rejected of this database's commits, until it is retried or discarded: a signal."""
        return self._rejections

    def look_at_rejections(self) -> None:
        """Read what is rejected, soon."""
        if not self._closed.peek():
            self._db._spawn(self._read_rejections())

    async def _read_rejections(self) -> None:
        self._rejections.set(tuple(await self._db._read(open_rejections)))

    @property
    def stored(self) -> Vector:
        """What the server is known to have stored."""
        return self._saved.peek()

    @property
    def presence(self) -> MapSignal[str, Present]:
        """Who else is present, by session: a signal map, empty while there is no connection."""
        return self._attendance.others

    # -- what one does with it

    @property
    def offline(self) -> bool:
        """Whether it is switched off: set it to True for what a tunnel does, to False to come back at once."""
        return self._is_offline

    @offline.setter
    def offline(self, is_offline: bool) -> None:
        self._is_offline = bool(is_offline)
        if self._is_offline:
            self._cut()
            self._state.set("offline")
        else:
            self.retry()

    @property
    def token(self) -> Token:
        """What is shown at the door; set it to come back with another one."""
        return self._token

    @token.setter
    def token(self, token: Token) -> None:
        self._token = token
        self.retry()

    def retry(self) -> None:
        """Connect now, instead of waiting; harmless while online."""
        self._backoff.reset()
        self._again.set()
        if self._state.peek() in ("needs-auth", "incompatible"):
            self._state.set("connecting")  # who waits from now on waits for the outcome of this try

    def present(self, **state: Any) -> None:  # Any: what JSON can hold
        """Say of oneself to all others who are connected: `link.present(where="issue/7")`; nothing is leaving.

        Said again after each reconnect, and coalesced: the newest counts, 20 a second at most.
        """
        self._attendance.say(state)

    @overload
    async def fetch(self, query: str, /, *args: Any, **named: Any) -> list[Row]: ...
    @overload
    async def fetch(self, query: Query[R], /, **named: Any) -> list[R]: ...
    @overload
    async def fetch(self, query: type[M], /, **named: Any) -> list[M]: ...
    async def fetch(self, query: AnyQuery, /, *args: Any, **named: Any) -> list[Any]:
        """Return the rows of a query as the server has them now, of which it need not be that they are here.

        Raises `DisconnectedError` while there is no connection, `FetchError` where the query fails there.
        """
        asked, args, named = ask(query, args, named)
        text = dump_asked(asked, args, named)
        session = self._session
        if session is None or self._state.peek() != "online":
            raise DisconnectedError(f"there is no connection to {self.where} now", code=1006, reason="")
        number, outputs = self._peer.fetch(text, session.now_ms)
        news: asyncio.Future[a.FetchNews] = asyncio.get_running_loop().create_future()
        self._fetches[number] = news
        session.carry(outputs)
        try:
            found = await news
        except asyncio.CancelledError:
            session.carry(self._peer.cancel(number, session.now_ms))
            raise
        finally:
            self._fetches.pop(number, None)
        if found.error:
            raise FetchError(found.message, error=found.error)
        rows = [tuple(map(read_value, json.loads(line))) for line in found.lines]
        return list(map(maker_for(asked.make, found.columns), rows))

    async def online(self) -> None:
        """Wait until it is online. Raises `EntryError` where the server won't have us, and the wait would not end."""
        await until(lambda: self._state() in ("online", "needs-auth", "incompatible") or self._closed())
        if self._state.peek() != "online":
            raise self._last_error.peek() or self._ended()

    async def settled(self) -> None:
        """Wait until what the server has now is here, and what is here now is there: a round trip at least.

        While there is no connection it waits for one. Raises `EntryError` where the server won't have us.
        """
        await self._hear_hub()
        head = await self._db.head()
        await until(lambda: self._is_settled(head) or self._closed())
        if self._closed.peek():
            raise self._ended()

    async def _hear_hub(self) -> None:
        """Wait until the server has said how far it is now."""
        while True:
            await self.online()
            if self._session is None:
                raise self._ended()
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            number, outputs = self._peer.ask_have(self._session.now_ms)
            self._hears[number] = answer
            self._session.carry(outputs)
            try:
                return await answer
            except DisconnectedError:  # then it is asked again
                pass
            finally:
                self._hears.pop(number, None)

    async def saved(self, vector: Vector) -> None:
        """Wait until the server has stored all of `vector`."""
        await until(lambda: self._saved() >= vector or self._closed())
        if not self._saved.peek() >= vector:
            raise self._ended()

    async def fates(self, commits: Sequence[CommitId]) -> list[Fate]:
        """Return what the server says of each of `commits`, when there is a connection to ask it."""
        found: list[Fate] = []
        while len(found) < len(commits):
            await until(lambda: self._state() == "online" or self._closed())
            if self._session is None or self._closed.peek():
                raise self._ended()
            part = tuple(commits[len(found) : len(found) + FATES_MAX])
            answer: asyncio.Future[tuple[Fate, ...]] = asyncio.get_running_loop().create_future()
            self._asked.append((part, answer))
            self._session.carry(self._peer.ask_fates(part, self._session.now_ms))
            with suppress(DisconnectedError):  # then it is asked again
                found += await answer
        return found

    def close(self) -> None:
        """End the connection; what is pending stays pending. Twice is harmless."""
        if self._closed.peek():
            return
        self._closed.set(True)
        self._unhook()
        self._foreign.close()
        self._owner.forget(self)
        self._running.cancel()
        self._attendance.alone()
        self._attendance.close()
        self._fail_waiting(self._ended())
        self._state.set("offline")
        if self in self._db._links:
            self._db._links.remove(self)

    def __repr__(self) -> str:
        state = "closed" if self._closed.peek() else self._state.peek()
        return f"<Link {self.where}: {state}, {self._pending.peek()} pending>"

    # -- the connection's life

    async def _run(self) -> None:
        while not await self._began():
            await self._wait(self._backoff.next_s())
        self._backoff.reset()
        while True:
            await self._switched_on()
            self._again.clear()
            end = await self._connect()
            self._session = None
            self._progress.set(None)
            self._attendance.alone()
            self._fail_waiting(DisconnectedError(f"{self.where}: {end.message}", code=1006, reason=end.message))
            self._hub.set(None)
            code, least_s = end.code, end.retry_ms / 1000
            if code in _NEEDS_AUTH and not callable(self._token):
                self._state.set("needs-auth")
                await self._again.wait()
            elif code in _INCOMPATIBLE:
                self._state.set("incompatible")
                await self._again.wait()
            else:
                self._state.set("offline")
                await self._wait(self._backoff.next_s(least_s))

    async def _began(self) -> bool:
        """Read how it stands with the server; False if the database can't be read now: another program holds it."""
        try:
            self._saved.set((await self._answers.prepare()).saved)
            await self._read_rejections()
        except ClosedError:
            raise
        except EddylineError as error:
            self._state.set("offline")
            self._last_error.set(error)
            return False
        self._count()
        return True

    async def _switched_on(self) -> None:
        while self._is_offline:
            self._state.set("offline")
            self._again.clear()
            await self._again.wait()

    async def _wait(self, seconds: float) -> None:
        """Wait, but not on when it is asked to come back."""
        waits = {asyncio.ensure_future(self._again.wait()), asyncio.ensure_future(sleep(seconds, self._timing.clock))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _connect(self) -> a.Close:
        """Connect and serve the connection to its end; return how it ended."""
        self._state.set("connecting")
        try:
            token = await self._shown()
            transport = await self._dial()
        except EddylineError as error:
            self._last_error.set(error)
            return a.Close(message=str(error))
        except Exception as error:  # of a transport, which has to be tried again all the same
            self._last_error.set(DisconnectedError(f"{self.where}: {error}", code=1006, reason=str(error)))
            return a.Close(message=str(error))
        clock = self._timing.clock
        self._peer = peer = ClientPeer(Calling(self.workspace, token), self._base_ms + int(clock.time() * 1000))
        self._session = Session(peer, transport, self._answers, self._tell, clock, self._base_ms)
        if self._is_offline:
            self._cut()
        try:
            end = await self._session.run(peer.start())
        except Exception as error:  # a bug of ours or of a transport's: told, and tried again
            self._db._report(error)
            end = a.Close(message=str(error))
        if end.code:
            self._last_error.set(EntryError(f"{self.where}: {end.message}", code=end.code))
        else:
            self._last_error.set(DisconnectedError(f"{self.where}: {end.message}", code=1006, reason=end.message))
        return end

    async def _shown(self) -> str:
        """Return the token of now. Raises `EntryError` where none can be had."""
        if not callable(self._token):
            return self._token
        try:
            given = self._token()
            return await given if inspect.isawaitable(given) else given
        except Exception as error:  # of the application's own function
            raise EntryError(f"no token could be had: {error}", code="token-missing") from error

    def _cut(self) -> None:
        if self._session is not None:
            session = self._session
            session.carry(session.peer.close(session.now_ms))

    # -- news

    def _tell(self, news: a.News) -> None:
        match news:
            case a.Online():
                self._backoff.reset()
                self._last_error.set(None)
                self._state.set("online")
                soon = asyncio.get_running_loop().call_soon  # after the news that come with this one
                soon(self._know_hub)
                soon(self._attendance.greet)
            case a.Saved(vector):
                self._saved.set(self._saved.peek() | vector)
            case a.HubIs(vector):
                self._hub.set(vector)
            case a.Progress(done, total):
                self._progress.set(None if done >= total else done / total)
            case a.FateNews(fates):
                self._hear_fates(tuple(fates))
                if any(fate.state == "rejected" for fate in fates):
                    self.look_at_rejections()
            case a.PresenceNews(seats):
                self._attendance.seated(seats)
            case a.HaveNews(number):
                _answer(self._hears.get(number), None)
            case a.FetchNews(id=number):
                _answer(self._fetches.get(number), news)
            case _:
                pass

    def _hear_fates(self, fates: tuple[Fate, ...]) -> None:
        """Answer who has asked for these; answers may come in another order than they were asked for."""
        commits = tuple(fate.commit for fate in fates)
        for waiting in self._asked:
            if waiting[0] == commits:
                self._asked.remove(waiting)
                _answer(waiting[1], fates)
                return

    def _fail_waiting(self, error: SyncError) -> None:
        """Tell those who wait for an answer that none will come."""
        asked = (answer for _, answer in self._asked)
        waiting: list[asyncio.Future[Any]] = [*self._fetches.values(), *self._hears.values(), *asked]
        self._asked.clear()
        for answer in waiting:  # Any: each of its own
            if not answer.done():
                answer.set_exception(error)

    def _send_presence(self, state: str) -> None:
        if self._session is not None:
            self._session.carry(self._peer.present(state, self._session.now_ms))

    def _know_hub(self) -> None:
        if self._hub.peek() is None and self._state.peek() == "online":
            self._hub.set(EMPTY)

    # -- what is pending

    def _changed(self) -> None:
        """The log here has grown."""
        self._answers.grown()
        if self._session is not None:
            self._session.changed()
        self._count()

    def _follow_others(self) -> None:
        if self._db.foreign_commits():
            self._db._spawn(self._take_others())

    async def _take_others(self) -> None:
        """Have what other programs wrote become commits, and hear of those that they made themselves."""
        await self._db.write(lambda tx: None)
        self._changed()

    def _is_settled(self, head: Vector) -> bool:
        hub, here = self._hub(), self._here()
        return hub is not None and here >= hub and here >= head and self._saved() >= here

    def _count(self) -> None:
        """Look how far the log here goes, soon and once for all that happens until then."""
        self._count_again = True
        if not self._closed.peek() and (self._counting is None or self._counting.done()):
            self._counting = self._db._spawn(self._counted())

    async def _counted(self) -> None:
        while self._count_again:
            self._count_again = False
            self._here.set(await self._answers.look())

    def _count_pending(self) -> int:
        there = self._saved() | (self._hub() or EMPTY)
        return sum(last - first + 1 for _, first, last in self._here().beyond(there))

    def _ended(self) -> SyncError:
        return SyncError(f"the link to {self.where} is closed")


def _answer(waiting: asyncio.Future[R] | None, found: R) -> None:
    """Answer who waits, if anybody still does."""
    if waiting is not None and not waiting.done():
        waiting.set_result(found)
