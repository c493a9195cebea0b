"""Opening a database: what `Database.open` returns, to be awaited or entered.

    await Database.open(...)            a database to be closed by hand
    async with Database.open(...)       closed at the end of the block

Another program's lock is waited for; what fails leaves nothing open.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .errors import LockedError, OpenError, is_busy
from .model.base import ModelBase
from .store import Store
from .write.writer import Busy

if TYPE_CHECKING:
    from .database import Database

__all__ = ["Opening"]

_OPEN_PAUSE_S = 0.05


class Opening:
    """What `Database.open` returns: `await` it for a database, or use it as `async with`."""

    def __init__(
        self,
        make: Callable[[Store], Database],
        path: str | Path,
        options: dict[str, Any],
        models: Sequence[type[ModelBase]],
        *,
        auto_index: bool,
        log: bool | None,
        busy_timeout_s: float,
    ) -> None:
        self._make, self._path, self._options = make, path, options
        self._models, self._auto_index, self._log = models, auto_index, log
        self._busy_timeout_s = busy_timeout_s
        self._db: Database | None = None

    def __await__(self) -> Generator[Any, None, Database]:
        return self._open().__await__()

    if not TYPE_CHECKING:  # a type checker knows what is missing

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(
                f"the database {str(self._path)!r} isn't open yet, so it has no {name!r}: "
                "`db = await Database.open(...)`, or `async with Database.open(...) as db:`"
            )

    async def __aenter__(self) -> Database:
        self._db = await self._open()
        return self._db

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._db is not None, "left what was entered"
        await self._db.close()

    async def _open(self) -> Database:
        started = time.monotonic()
        while True:
            try:
                return await self._try()
            except LockedError as error:
                waited_s = time.monotonic() - started
                if waited_s >= self._busy_timeout_s:
                    raise LockedError(f"{error} (waited {waited_s:.1f} s)", waited_s=waited_s) from error
            await asyncio.sleep(_OPEN_PAUSE_S)

    async def _try(self) -> Database:
        """Open, or leave nothing behind. Raises `LockedError` if another program is writing just now."""
        from ..stores import open_store

        store = await open_store(self._path, **self._options)
        db = self._make(store)
        try:
            await db._start(self._models, auto_index=self._auto_index, log=self._log)
        except BaseException as error:
            await db.close()
            if is_busy(error) or isinstance(error, Busy):
                raise LockedError(f"{db.path!r} is locked by another program; try again later", waited_s=0.0) from error
            if isinstance(error, sqlite3.Error):
                raise OpenError(f"{db.path!r} can't be read: {error}", path=db.path) from error
            raise
        return db
