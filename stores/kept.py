"""A database that the browser keeps: SQLite in memory, its pages in IndexedDB; tabs share it as programs share a file.

    write -> COMMIT in memory -> views follow, the call returns -> flush: changed pages, one transaction -> `saved()`

    tab A    holds the Web Lock: writes                  tab B    a guard holds SQLite's own lock
             flush  -------------- "saved" -------------------->  takes newer pages: another program wrote
             <---------------- "want" --------------------------  a write met the guard: busy, tried again
             guard, flush, let go ----------------------------->  newer pages, guard away: it goes through

Why pages: a commit of SQLite changes a few of them, whatever was said (DDL, tables without a log, VACUUM), so they are
an exact redo record of everything. `pages.js` sees each write to the file, nothing has to be compared, and IndexedDB
holds the database itself instead of a log that would have to be replayed and folded.
A tab that is killed loses what it has not saved, never half a transaction; the browser passes its lock on. Commits that
come while a flush is under way share the next one. Other tabs see what is saved, and so does a server.
Nothing here waits in SQLite: tabs wait on the loop, by the tries that the engine makes when another program has a lock.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..core.errors import EddylineError, NotSavedError, OpenError, is_busy
from . import Durability
from .opening import check_durability, open_error
from .pyodide import LoopStore, connect

__all__ = ["KeptStore", "is_kept"]

_HOLD_S = 0.15  # longer than the engine pauses between two tries: who was given the lock meets it once at least
_PAUSE_S = 0.01
_WAIT_S = 1.0  # as long as a tab that opens waits for the one that writes; then it follows
_LOOK_S = 1.0  # how often a tab looks for what it has not heard of
_FOLDER = "/eddyline"
_made: Any = None  # Any: a proxy of the object in `pages.js`
_opened = 0


def is_kept(name: str) -> bool:
    """Say whether a database of this name is the browser's to keep: a plain name, where there is IndexedDB."""
    try:
        import js
    except ModuleNotFoundError:
        return False
    return "/" not in name and name not in ("", ":memory:") and getattr(js, "indexedDB", None) is not None


class KeptStore(LoopStore):
    """A database that outlasts its tab."""

    goes_on = True  # what is in IndexedDB stays there, and nothing is sent that isn't saved

    def __init__(self, conn: sqlite3.Connection, pages: Any, heard: _Heard, *, readonly: bool, strict: bool) -> None:
        super().__init__(conn, shared=True, readonly=readonly)
        self._pages, self._heard = pages, heard
        self._guard = connect(pages.path, foreign_keys=False)
        self._durability = "strict" if strict else "relaxed"
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._moved = asyncio.Event()
        self._holds = False
        self._held_since = 0.0
        self._guard.execute("BEGIN IMMEDIATE")
        heard.tell = self._hear

    @classmethod
    async def open(
        cls,
        path: str | Path,
        *,
        readonly: bool = False,
        durability: Durability | None = None,
        foreign_keys: bool = True,
        create: bool = True,
    ) -> KeptStore:
        """Open the database called `path` of this page's origin; `durability` full or extra: the disk's word, too.

        Raises `OpenError` where there is none (`create=False`, `readonly`), or where the browser keeps nothing.
        """
        global _opened
        name = str(path)
        check_durability(durability, name)
        _opened += 1
        heard = _Heard()
        pages = _javascript().make(name, f"{_FOLDER}/{_opened}-{name}", heard.proxy)
        conn: sqlite3.Connection | None = None
        try:
            await pages.open()
            if pages.version == 0 and (readonly or not create):
                raise OpenError(f"the browser keeps no database {name!r}; check the name, or let it be made", path=name)
            conn = connect(pages.path, foreign_keys=foreign_keys)
            for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "cache_spill = OFF"):
                conn.execute(f"PRAGMA {pragma}")
            conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if readonly:
                conn.execute("PRAGMA query_only = 1")
        except BaseException as error:
            if conn is not None:
                conn.close()
            pages.close()
            heard.proxy.destroy()
            if isinstance(error, sqlite3.Error):
                raise open_error(error, name) from error
            if isinstance(error, EddylineError) or not isinstance(error, Exception):
                raise
            raise _refused(error, name) from error
        _javascript().persist()
        store = cls(conn, pages, heard, readonly=readonly, strict=durability in ("full", "extra"))
        if not readonly:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(store._begin("take")), _WAIT_S)
        return store

    async def pause(self, seconds: float) -> None:
        """Wait until another tab has saved something; now and then look all the same."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), max(seconds, _LOOK_S))
        self._moved.clear()

    async def saved(self) -> None:
        """Wait until IndexedDB has every commit that was made here before this call. Raises `NotSavedError`."""
        if "save" in self._tasks:  # it has taken its pages: what came later is not among them
            with suppress(NotSavedError):
                await asyncio.shield(self._tasks["save"])
        if "save" in self._tasks or (self._holds and self._pages.unsaved):  # this one began after the call
            await asyncio.shield(self._begin("save"))

    async def close(self) -> None:
        """Do what is queued, save it, let another tab write. Raises `NotSavedError`, closed all the same."""
        if self._closed:
            return
        self._drain()
        try:
            await self.saved()
        finally:
            for task in list(self._tasks.values()):
                task.cancel()
            self._conn.close()
            self._guard.close()
            self._pages.close()
            self._heard.proxy.destroy()

    # -- what jobs tell

    def _failed(self, error: BaseException) -> None:
        if not self._holds and not self.readonly and (is_busy(error) or is_busy(error.__cause__ or error)):
            self._begin("take")

    def _turned(self) -> None:
        if self._holds and self._pages.unsaved:
            self._begin("save")

    # -- what other tabs tell

    def _hear(self, word: str) -> None:
        if word == "want" and self._holds:
            self._begin("give")
        elif word == "saved" and not self._holds:
            self._begin("follow")

    # -- what is done beside the jobs, one of a kind at a time

    def _begin(self, what: str) -> asyncio.Task[None]:
        """Return the task that does `what`, begun unless it is under way."""
        task = self._tasks.get(what)
        if task is None:
            work: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
                "take": self._take, "give": self._give, "save": self._save, "follow": self._follow,
            }  # fmt: skip
            task = self._tasks[what] = self._loop.create_task(work[what]())
            task.add_done_callback(lambda task: self._ended(what, task))
        return task

    def _ended(self, what: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(what, None)
        if task.cancelled() or self._closed:
            return
        if (error := task.exception()) is not None:
            self._loop.call_exception_handler({"message": f"{self._pages.name!r}: {error}", "exception": error})
        elif what == "save":
            self._turned()  # commits that came meanwhile share the next one

    async def _take(self) -> None:
        """Become the tab that writes."""
        if "give" in self._tasks:
            await asyncio.wait([self._tasks["give"]])
        if self._holds:
            return
        await self._pages.hold(False)
        await self._follow()
        self._guard.execute("ROLLBACK")
        self._holds, self._held_since = True, self._loop.time()
        if await self._pages.wanted():
            self._begin("give")

    async def _give(self) -> None:
        """Save, and let another tab write."""
        await asyncio.sleep(max(0.0, self._held_since + _HOLD_S - self._loop.time()))
        while True:
            try:
                self._guard.execute("BEGIN IMMEDIATE")  # from here on nothing is written in this tab
                break
            except sqlite3.OperationalError:  # a block is open
                await asyncio.sleep(_PAUSE_S)
        try:
            await self.saved()
        except BaseException:
            self._guard.execute("ROLLBACK")
            raise
        self._holds = False
        self._pages.letGo()

    async def _save(self) -> None:
        try:
            await self._pages.flush(self._durability)
        except Exception as error:  # JsException: the browser's word
            raise _not_saved(error, self._pages.name) from error

    async def _follow(self) -> None:
        """Take over what another tab has saved."""
        if await self._pages.follow():
            self._moved.set()


class _Heard:
    """What JavaScript calls when another tab speaks, before and after there is a store to hear it."""

    def __init__(self) -> None:
        from pyodide.ffi import create_proxy

        self.tell: Callable[[str], None] = lambda word: None
        self.proxy = create_proxy(lambda word: self.tell(word))


def _javascript() -> Any:  # Any: a proxy of the object in `pages.js`
    """Return the JavaScript half, made on first use."""
    global _made
    if _made is None:
        from pyodide.code import run_js
        from pyodide_js import FS  # type: ignore[import-not-found]  # there inside Pyodide alone

        FS.mkdirTree(_FOLDER)
        _made = run_js(files("eddyline.stores").joinpath("pages.js").read_text(encoding="utf-8"))(FS)
    return _made


def _refused(error: Exception, name: str) -> OpenError:
    return OpenError(
        f"the browser doesn't keep the database {name!r} ({error}): in a private window, or where site data is "
        'blocked, nothing is kept. Allow site data for this page, or open ":memory:"',
        path=name,
    )


def _not_saved(error: Exception, name: str) -> NotSavedError:
    """Return ours for what IndexedDB said when it was to save."""
    match getattr(error, "name", ""):
        case "QuotaExceededError":
            reason, what = "full", "the browser gives this page no more room: delete what isn't needed"
        case "InvalidStateError":
            reason, what = "gone", "the browser has deleted what this page had kept"
        case _:
            reason, what = "failed", "the browser could not save"
    return NotSavedError(f"{name!r} is committed in memory only; {what} ({error})", reason=reason)
