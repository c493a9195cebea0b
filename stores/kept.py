"""A database that the browser keeps: SQLite in memory, its pages in IndexedDB; tabs share it as programs share a file.

    page     write -> COMMIT in memory -> views follow, the call returns -> changed pages, one transaction -> `saved()`
    worker   write -> COMMIT in memory -> views follow, the call returns -> changed pages, redo log -> `saved()`
                                                               a moment later: checkpoint, the same transaction

    tab A    holds the Web Lock: writes                  tab B    a guard holds SQLite's own lock
             flush  -------------- "saved" -------------------->  takes newer pages: another program wrote
             <---------------- "want" --------------------------  a write met the guard: busy, tried again
             guard, flush, let go ----------------------------->  newer pages, guard away: it goes through

Why pages: a commit of SQLite changes a few of them, whatever was said (DDL, tables without a log, VACUUM), so they are
an exact redo record of everything. `pages.js` sees each write to the file, nothing has to be compared, and IndexedDB
holds the database itself instead of a log that would have to be replayed and folded.
In a worker a commit is saved as soon as the redo log has it (`redo.py`: two files, each with a sync access handle), and
IndexedDB is brought up to it behind, many commits at once. So there is one database, wherever it is opened: who gets
the lock first does again what the log has and IndexedDB lacks, on the main thread, too, and who lets it go leaves
nothing in the log. Where a browser gives no such handles, or no room for the log, a worker saves as a page does.
A tab that is killed loses what it has not saved, never half a transaction; the browser passes its lock on. Commits that
come while a flush is under way share the next one. Other tabs see what is in IndexedDB; what a killed worker had in its
log comes there when a tab writes, or looks and finds the lock free.
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
from .opening import check_durability, open_error, uri
from .pyodide import LoopStore, connect
from .saving import Saver

__all__ = ["KeptStore", "is_kept"]

_HOLD_S = 0.15  # longer than the engine pauses between two tries: who was given the lock meets it once at least
_PAUSE_S = 0.01
_WAIT_S = 1.0  # as long as a tab that opens waits for the one that writes; then it follows
_LOOK_S = 1.0  # how often a tab looks for what it has not heard of
_CHECKPOINT_S = 0.05  # how long commits of a worker gather in its log before IndexedDB has them, and other tabs
_FOLDER = "/eddyline"
_made: dict[str, Any] = {}  # Any: proxies of the objects in `pages.js` and `redo.js`
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

    def __init__(self, conn: sqlite3.Connection, pages: Any, saver: Saver, heard: _Heard, *, readonly: bool) -> None:
        super().__init__(conn, shared=True, readonly=readonly)
        self._pages, self._saver, self._heard = pages, saver, heard  # Any: a proxy of an object in `pages.js`
        self._guard = connect(pages.path, foreign_keys=False)
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._moved = asyncio.Event()
        self._holds = False
        self._held_since = 0.0
        self._taking_over = asyncio.Lock()
        self._later: asyncio.TimerHandle | None = None
        if not readonly:  # where SQLite itself refuses to write
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
        pages = _pages().make(name, f"{_FOLDER}/{_opened}-{name}", heard.proxy)
        conn: sqlite3.Connection | None = None
        try:
            await pages.open()
            if pages.version == 0 and (readonly or not create):
                raise OpenError(f"the browser keeps no database {name!r}; check the name, or let it be made", path=name)
            conn = connect(uri(Path(pages.path), "ro" if readonly else "rw"), foreign_keys=foreign_keys)
            for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "cache_spill = OFF"):
                conn.execute(f"PRAGMA {pragma}")
            conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()
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
        _pages().persist()
        saver = Saver(pages, _redo_files(), strict=durability in ("full", "extra"))
        store = cls(conn, pages, saver, heard, readonly=readonly)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(store._begin("look" if readonly else "take")), _WAIT_S)
        except BaseException as error:
            await store.close()
            if isinstance(error, EddylineError) or not isinstance(error, Exception):
                raise
            raise _refused(error, name) from error
        return store

    async def pause(self, seconds: float) -> None:
        """Wait until another tab has saved something; now and then look all the same."""
        try:
            await asyncio.wait_for(self._moved.wait(), max(seconds, _LOOK_S))
        except TimeoutError:
            if not self._holds:
                self._begin("look")
        self._moved.clear()

    async def saved(self) -> None:
        """Wait until the disk has every commit that was made here before this call. Raises `NotSavedError`."""
        if self._under_way("save"):  # it has taken its pages: what came later is not among them
            with suppress(NotSavedError):
                await asyncio.shield(self._tasks["save"])
        if self._under_way("save") or (self._holds and self._saver.unsaved):  # this one began after the call
            await asyncio.shield(self._begin("save"))

    async def close(self) -> None:
        """Do what is queued, save it, let another tab write. Raises `NotSavedError`, closed all the same."""
        if self._closed:
            return
        self._drain()
        async with self._taking_over:  # it ends, and leaves no handle open
            pass
        try:
            await self.saved()
            if self._holds:
                await self._saver.checkpoint()
        finally:
            self._holds = False
            for task in list(self._tasks.values()):
                task.cancel()
            self._conn.close()
            self._guard.close()
            self._saver.end()
            self._pages.close()
            self._heard.proxy.destroy()

    # -- what jobs tell

    def _failed(self, error: BaseException) -> None:
        if not self._holds and not self.readonly and (is_busy(error) or is_busy(error.__cause__ or error)):
            self._begin("take")

    def _turned(self) -> None:
        if self._holds and self._saver.unsaved:
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
        if not self._under_way(what):
            work: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
                "take": self._take, "look": self._look, "give": self._give, "follow": self._follow,
                "save": self._save, "checkpoint": self._saver.checkpoint,
            }  # fmt: skip
            task = self._tasks[what] = self._loop.create_task(work[what]())
            task.add_done_callback(lambda task: self._ended(what, task))
        return self._tasks[what]

    def _under_way(self, what: str) -> bool:
        return what in self._tasks and not self._tasks[what].done()

    def _ended(self, what: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(what) is task:
            del self._tasks[what]
        if task.cancelled() or self._closed:
            return
        if (error := task.exception()) is not None:
            self._loop.call_exception_handler({"message": f"{self._pages.name!r}: {error}", "exception": error})
            if what == "give":
                self._loop.call_later(_LOOK_S, self._hear, "want")  # who asked is waiting
        elif what == "save":
            self._turned()  # commits that came meanwhile share the next one

    async def _take(self) -> None:
        """Become the tab that writes."""
        await self._after("give", "look")
        if not self._holds:
            await self._pages.hold(False)
            await self._take_over()

    async def _look(self) -> None:
        """Where nobody writes, see to it that nothing is left in a log that a killed tab had."""
        if self._holds or self._under_way("take") or self._under_way("give"):
            return
        if await self._pages.hold(True):
            await self._take_over()

    async def _take_over(self) -> None:
        """Bring this tab up to what is saved, then let it write, now that the lock is its own."""
        async with self._taking_over:
            try:
                await self._follow()
                if behind := await self._saver.replay():
                    self._moved.set()
                if self.readonly:
                    with suppress(NotSavedError):  # it can be read all the same
                        await self._saver.checkpoint()
                else:
                    await self._saver.begin(behind=behind)
                    self._guard.execute("ROLLBACK")
                    self._holds, self._held_since = True, self._loop.time()
            finally:
                if not self._holds:
                    self._pages.letGo()
            if behind and self._holds:
                self._begin("save")
            if self._holds and await self._pages.wanted():
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
            if self._holds:
                await self._saver.checkpoint()
        except BaseException:
            self._guard.execute("ROLLBACK")
            raise
        self._holds = False
        self._saver.end()
        self._pages.letGo()

    async def _follow(self) -> None:
        """Take over what another tab has saved."""
        if await self._pages.follow():
            self._moved.set()

    async def _after(self, *others: str) -> None:
        """Wait until these are done."""
        if waiting := [self._tasks[other] for other in others if other in self._tasks]:
            await asyncio.wait(waiting)

    async def _save(self) -> None:
        await self._saver.save()
        if self._saver.logs and self._later is None:
            self._later = self._loop.call_later(_CHECKPOINT_S, self._checkpoint)

    def _checkpoint(self) -> None:
        self._later = None
        if self._holds and not self._closed:
            self._begin("checkpoint")


class _Heard:
    """What JavaScript calls when another tab speaks, before and after there is a store to hear it."""

    def __init__(self) -> None:
        from pyodide.ffi import create_proxy

        self.tell: Callable[[str], None] = lambda word: None
        self.proxy = create_proxy(lambda word: self.tell(word))


def _pages() -> Any:  # Any: a proxy of the object in `pages.js`
    if "pages" not in _made:
        from pyodide_js import FS  # type: ignore[import-not-found]  # there inside Pyodide alone

        FS.mkdirTree(_FOLDER)
        _made["pages"] = _javascript("pages.js")(FS)
    return _made["pages"]


def _redo_files() -> Any:  # Any: a proxy of the object in `redo.js`
    if "redo" not in _made:
        _made["redo"] = _javascript("redo.js")()
    return _made["redo"]


def _javascript(name: str) -> Any:  # Any: a proxy of the function in that file
    from pyodide.code import run_js

    return run_js(files("eddyline.stores").joinpath(name).read_text(encoding="utf-8"))


def _refused(error: Exception, name: str) -> OpenError:
    return OpenError(
        f"the browser doesn't keep the database {name!r} ({error}): in a private window, or where site data is "
        'blocked, nothing is kept. Allow site data for this page, or open ":memory:"',
        path=name,
    )
