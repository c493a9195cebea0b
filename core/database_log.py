"""What a database offers on its log: who changed what, taking it back, exchanging it, and looking after it.

    log, blame, history          who wrote what
    undo, redo                   what the actor wrote last
    restore, dismiss             what a join with others left open; the exchange itself is in database_exchange.py
    compact, check, repair       care
    enable_log, logged           which tables

Wiring, as `database.py` is, which it is a part of; the work is in `core/log/` and in the write queue.
"""

from __future__ import annotations

from asyncio import Task
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ..signals import Readable, Signal
from .database_exchange import ExchangingDatabase
from .errors import ClosedError, LockedError, ParameterError
from .log.compaction import Bounds, Compacted, kept_within
from .log.declared import functions_of
from .log.entries import LogChange, LogEntry, change_of, entry_of
from .log.history import blame, history
from .log.life import RowId
from .log.tables import LoggedTable, read_tables
from .log.undo import Direction, UndoResult
from .model.base import ModelBase
from .model.column import Column
from .model.named import named_row
from .origin import LOG_BEGINS, Origin
from .query.builder import Query
from .schema.catalog import Catalog
from .schema.merging import History
from .schema.table import TableSpec
from .store import Connection
from .undoing import undo
from .values import SqlRow, shown
from .write.queue import WriteQueue

__all__ = ["LoggedDatabase"]

T = TypeVar("T")

_COMMITS_A_LOOK = 256


class LoggedDatabase(ExchangingDatabase):
    """The log's part of `Database`."""

    _queue: WriteQueue
    _specs: list[TableSpec]
    _bounds: Bounds
    _until_look: int
    _forgotten: Signal[Compacted]

    def _check_open(self) -> None:
        raise NotImplementedError

    async def _read(self, job: Callable[[Connection], T]) -> T:
        raise NotImplementedError

    def _origin(self, message: str = "", command: str = "", args: str = "") -> Origin:
        raise NotImplementedError

    def _spawn(self, work: Coroutine[Any, Any, T]) -> Task[T]:
        raise NotImplementedError

    def log(self, *, limit: int | None = None) -> Query[LogEntry]:
        """Return the query of the commits, newest first, at most `limit`: for `db.fetch` or `db.live`, as any other."""
        newest = LogEntry.order_by(LogEntry.id.desc())
        return newest if limit is None else newest.limit(limit)

    async def blame(self, row: ModelBase | tuple[str, Any], column: Column[Any] | str) -> LogEntry | None:
        """Return the commit that wrote the cell of `row` as it is now: a row of a model, or (table, key).

        Also of a row that is gone: then who ended it; None for one that never was.
        """
        table, key = self._logged_row(row)
        name = column if isinstance(column, str) else column._owner.__table__.by_attribute[column._attribute].name

        def job(conn: Connection) -> LogEntry | None:
            commit = blame(conn, table, key, name)
            return None if commit is None else entry_of(conn, commit)

        return await self._read(job)

    async def history(self, row: ModelBase | tuple[str, Any]) -> list[LogChange]:
        """Return every change of `row` that the log still holds, newest first: a row of a model, or (table, key)."""
        table, key = self._logged_row(row)
        return await self._read(lambda conn: [change_of(conn, spoken) for spoken in history(conn, table, key)])

    async def undo(self) -> UndoResult | None:
        """Take back what the actor wrote last in this file and has not taken back, as a commit; None if there is none.

        What others have changed since stays and is told in `kept`. Changes of the same cells of one row that follow
        within a second each are one step. Reads the log.
        """
        return await self._take_back("undo")

    async def redo(self) -> UndoResult | None:
        """Make again what `undo` took back last; None if there is none, or if the actor has written since."""
        return await self._take_back("redo")

    async def _take_back(self, direction: Direction) -> UndoResult | None:
        self._check_open()
        self._queue.refuse_inside(direction)
        return await undo(self._queue, direction, lambda command, args: self._origin("", command, args))

    def _logged_row(self, row: ModelBase | tuple[str, Any]) -> tuple[LoggedTable, SqlRow]:
        self._check_open()
        self._queue.refuse_inside("history")
        name, key = named_row(row)
        return self._queue.writer.logged_table(name), key

    async def restore(self, table: str, key: Any, incarnation: int = 1) -> None:
        """Bring back what a conflict (`eddy_conflicts`) says was lost when the row was ended, as a commit of ours."""
        await self._settle(table, key, incarnation, bring_back=True)

    async def dismiss(self, table: str, key: Any, incarnation: int = 1) -> None:
        """Settle a conflict and leave the row as it is, as a commit of ours."""
        await self._settle(table, key, incarnation, bring_back=False)

    async def _settle(self, table: str, key: Any, incarnation: int, *, bring_back: bool) -> None:
        self._queue.refuse_inside("restore" if bring_back else "dismiss")
        logged, key = self._logged_row((table, key))
        await self._queue.settle(RowId(logged.id, key), incarnation, self._origin(), bring_back=bring_back)

    async def compact(self, *, keep: int = 10_000) -> Compacted:
        """Forget what all commits but the newest `keep` said; say how much that was.

        Who wrote a cell last stays known. Commits whose author had not seen what was forgotten are refused from then on
        (`BehindSealError`), and a database that lacks it can't catch up from this one.
        """
        self._check_open()
        self._queue.refuse_inside("compact")
        if keep < 1:
            raise ParameterError(f"keep is a number of commits, 1 or more, not {shown(keep)}")
        writer = self._queue.writer
        journal = writer.logging()
        return await self._queue.run(self._origin(), lambda tx: journal.compact(writer.conn, keep))

    @property
    def compacted(self) -> Readable[Compacted]:
        """What the bounds of `Database.open` have made the log forget since it was opened: a signal."""
        return self._forgotten

    def _look_at_log(self) -> None:
        """After each commit: every so often see whether the log is beyond its bounds."""
        self._until_look -= 1
        if self._until_look <= 0 and self._bounds != Bounds() and self.logged:
            self._until_look = _COMMITS_A_LOOK
            self._spawn(self._keep_within_bounds())

    async def _keep_within_bounds(self) -> None:
        with suppress(ClosedError, LockedError):  # the next look does it then
            keep = await self._read(lambda conn: kept_within(conn, self._bounds))
            if keep is None:
                return
            done, before = await self.compact(keep=keep), self._forgotten.peek()
            if done.commits:
                sums = Compacted(before.commits + done.commits, before.size_bytes + done.size_bytes)
                self._forgotten.set(sums)

    async def check(self) -> list[str]:
        """Return what is wrong with the log, or with rows and stamps that it made, a sentence each; [] if nothing is.

        The log is merged again from its first commit; see `repair`.
        """
        from .log.checking import check

        self._check_open()
        self._queue.refuse_inside("check")
        specs = self._specs

        def job(conn: Connection) -> list[str]:
            tables = read_tables(conn, Catalog(conn)).values()
            return [finding.said for finding in check(conn, tables, functions_of(specs, tables))] if tables else []

        return await self._read(job)

    async def repair(self) -> list[str]:
        """Write rows and stamps anew where they aren't what the log says; return what was found, a sentence each.

        What another program wrote is kept, and becomes a commit of theirs. What is wrong in the log itself stays.
        """
        self._check_open()
        self._queue.refuse_inside("repair")
        return [finding.said for finding in await self._queue.repair()]

    async def enable_log(self, *tables: str, history: History = "full") -> None:
        """Log what happens to `tables` from now on, by anyone; their rows as they are now are its first commit.

        Raises `ParameterError` for a table that can't be logged.
        """
        self._check_open()
        self._queue.refuse_inside("enable_log")
        if not tables:
            raise ParameterError("name the tables to log: db.enable_log('issue', 'comment')")
        writer = self._queue.writer
        await self._queue.run(LOG_BEGINS, lambda tx: writer.enable_log(tables, history))

    @property
    def logged(self) -> list[str]:
        """The tables whose changes are logged."""
        journal = self._queue.writer.journal
        return [] if journal is None else sorted(table.name for table in journal.tables)
