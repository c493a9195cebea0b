"""How the pages that a commit has changed come onto the disk: by a redo log where there is one, and into IndexedDB.

    save          log       changed pages, one record, flushed      or, without a log: a checkpoint
    checkpoint    IndexedDB all that it lacks, one transaction      strict where there is a log: it is overwritten then
    replay        what a killed tab had in its log is done again    by whoever has the lock, before it writes

A log is there between `begin` and `end`, which are for who holds the lock; the rest of a tab's life it only follows.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..core.errors import NotSavedError
from .redo import RedoLog, draw_stamp, replay

__all__ = ["Saver"]


class Saver:
    """Saves one file of a tab. Calls of `save` come one after the other; checkpoints wait for each other."""

    def __init__(self, pages: Any, files: Any, *, strict: bool) -> None:
        self._pages, self._files = pages, files  # Any: proxies of what `pages.js` and `redo.js` make
        self._durability = "strict" if strict else "relaxed"
        self._log: RedoLog | None = None
        self._busy = asyncio.Lock()

    @property
    def logs(self) -> bool:
        """Whether what is saved next goes to a log."""
        return self._log is not None and self._log.follows

    @property
    def unsaved(self) -> bool:
        """Whether there is anything that a killed tab would lose."""
        if self.logs:
            return bool(self._pages.unwritten)
        return bool(self._pages.unsaved) or self._busy.locked()  # what is being saved isn't yet

    async def save(self) -> None:
        """Have what is committed on the disk. Raises `NotSavedError`."""
        if not self._logged():
            await self.checkpoint()

    async def checkpoint(self) -> None:
        """Have what is committed in IndexedDB. Raises `NotSavedError`."""
        async with self._busy:
            self._logged()  # where there is a log, the state that IndexedDB will have is one that its records name
            if not self._pages.unsaved:
                return
            log = self._log
            stamp = draw_stamp() if log is None else log.checkpoint()
            try:
                await self._pages.flush(self._durability if log is None else "strict", stamp.hex())
            except Exception as error:  # JsException: the browser's word
                raise _not_saved(error, self._pages.name) from error
            if log is not None:
                log.checkpointed(stamp)

    async def replay(self) -> bool:
        """Do again what a killed tab had in its log and IndexedDB lacks; say whether there was anything."""
        files = [file.to_bytes() for file in await self._files.read(self._pages.name)]
        changes = list(replay(bytes.fromhex(self._pages.stamp), files))
        for change in changes:
            self._pages.redo(change)
        return bool(changes)

    async def begin(self, *, behind: bool) -> None:
        """Have a log where the browser gives one; `behind`: IndexedDB lacks what it held."""
        if handles := tuple(await self._files.open(self._pages.name)):
            stamp = bytes.fromhex(self._pages.stamp)
            self._log = RedoLog(handles, None if behind or not stamp else stamp)

    def end(self) -> None:
        """Let another tab have the log."""
        if self._log is not None:
            self._log.close(empty=not self._pages.unsaved)
            self._log = None

    def _logged(self) -> bool:
        """Bring the log up to what is committed; say whether it is."""
        if self._log is None or not self._log.follows:
            return False
        if self._pages.unwritten:
            try:
                self._log.append(self._pages.change().to_bytes())
            except Exception:  # JsException: no room for the log; for the pages there may be
                return False
            self._pages.logged()
        return True


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
