"""The database: what users open. Wiring only; the work is in files that don't know it.

    async with Database.open("app.db") as db:
        view = await db.live("SELECT name FROM person WHERE team = ?", team_signal)
        await db.execute("INSERT INTO person (name, team) VALUES (?, ?)", "Ada", 1)

Opening, writing, hooks and the end are here; reading, the log, replication, texts and costs in `database_*.py`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, overload

from ..signals import Readable, Signal, batch, signal
from .clock import Clock
from .database_costs import MeasuredDatabase, check_bound, check_callable
from .database_log import LoggedDatabase
from .database_reading import ReadingDatabase
from .database_sync import SyncedDatabase
from .database_text import TextDatabase
from .errors import (
    ClosedError,
    LockedError,
    OpenError,
    ParameterError,
    QueryError,
)
from .functions import aggregate_definition, definition
from .importing import ImportFormat, ImportResult, Progress
from .live import LiveQueries
from .log.compaction import Bounds, Compacted
from .log.journal import Journal
from .model.ask import ask, tables_of
from .model.base import ModelBase
from .model.watched import WatchedRow
from .opening import Opening
from .origin import Origin, check_words, origin_here
from .schema.fit import compare
from .schema.fit import make as make_tables
from .schema.table import TableSpec
from .shared_text import SharedText
from .sqltext import check_text, first_word, look
from .store import Connection, Store
from .values import bind, parameter_sets, shown
from .write.command import Command
from .write.hooks import BeforeCommit, Hooks
from .write.persistent import ROWS_MAX, disable, enable
from .write.queue import WriteQueue
from .write.sync import SyncTransaction
from .write.trace import Traces
from .write.transaction import AddProgress, Savepoint, Transaction, block
from .write.writer import Commit, Result, Writer

if TYPE_CHECKING:
    from ..stores import Durability
    from .sync.link import Link

__all__ = ["Database"]

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=ModelBase)


class Database(ReadingDatabase, LoggedDatabase, MeasuredDatabase, SyncedDatabase, TextDatabase):
    """One SQLite database: writes queue one after the other, reads run beside them, live queries follow both."""

    def __init__(self, path: str | Path, store: Store, *, busy_timeout_s: float, poll_s: float) -> None:
        self.path = str(path)
        self.actor = ""
        self.on_error: Callable[[BaseException], None] = self._to_loop
        self._loop = asyncio.get_running_loop()
        self._store = store
        self._specs: list[TableSpec] = []
        self._models: tuple[type[ModelBase], ...] = ()
        self._hooks = Hooks()
        self._foreign: Signal[int] = signal(0, name="foreign commits")
        self._bounds, self._until_look = Bounds(), 0
        self._forgotten: Signal[Compacted] = signal(Compacted(0, 0), name="compacted")
        self._traces = Traces(time.time_ns, self._report)
        self._queue = WriteQueue(
            store,
            busy_timeout_s=busy_timeout_s,
            sleep=asyncio.sleep,
            now=time.monotonic,
            committed=self._committed,
            traces=self._traces,
        )
        self._live = LiveQueries(store, self._queue, store.post, self._report, time.perf_counter)
        self._poll_s = poll_s
        self._poller: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[Any]] = set()
        self._links: list[Link] = []
        self._queue.saved_on_server = self._saved_on_server
        self._open_texts: dict[Any, SharedText | None] = {}
        self._closed = False

    @staticmethod
    def open(
        path: str | Path,
        *,
        readonly: bool = False,
        create: bool = True,
        durability: Durability | None = None,
        foreign_keys: bool = True,
        busy_timeout_s: float = 5.0,
        poll_s: float = 0.1,
        models: Sequence[type[ModelBase]] = (),
        auto_index: bool = True,
        actor: str = "",
        log: bool | None = None,
        log_commits_max: int | None = None,
        log_bytes_max: int | None = None,
    ) -> Opening:
        """Open a SQLite file, or ":memory:"; use the result with `await` or `async with`.

        A file that holds tables keeps its journal mode and without `models` gets nothing of ours; a new one has WAL.
        `durability` is SQLite's `synchronous` (off, normal, full, extra); None means normal under WAL, else SQLite's
        own. `busy_timeout_s` bounds the wait for another program's lock; `poll_s` is how often the file is looked at
        for commits of other programs, 0 never. Raises `OpenError`, or `LockedError`.

        The tables of `models` are made where they are missing, and get columns that their model has gained. Where a
        table differs in anything else, `SchemaMismatchError` lists it and nothing is changed. Indexes that live queries
        miss on these tables, not on `Existing` ones, are made before the first fill, unless `auto_index` is False.

        A lasting record is kept of each commit to the tables of `models`: who changed which row when (`db.log`). A file
        that has none yet gets one now, whose first commit is the rows that are there. False leaves it: what is written
        then is noticed as another program's once the file is opened with its log again. Read-only files, `Existing`
        models and tables whose rows the log can't tell apart have none; True says that this is an error. Without models
        a log that is there goes on, and none begins. `log_commits_max` and `log_bytes_max` bound what it holds: what is
        beyond is compacted now and then, and told by `db.compacted`.
        `actor` is who writes, on every commit that isn't made in an `acting(...)` block; it can be set later, too.
        """
        options = {
            "readonly": readonly, "create": create, "durability": durability, "foreign_keys": foreign_keys,
        }  # fmt: skip
        for seconds in (busy_timeout_s, poll_s):
            _check_seconds(seconds, path)
        check_words(actor, "the actor")
        bounds = Bounds(check_bound("log_commits_max", log_commits_max), check_bound("log_bytes_max", log_bytes_max))

        def make(store: Store) -> Database:
            db = Database(path, store, busy_timeout_s=busy_timeout_s, poll_s=poll_s)
            db.actor = actor
            db._bounds = bounds
            return db

        return Opening(make, path, options, models, auto_index=auto_index, log=log, busy_timeout_s=busy_timeout_s)

    # -- rows as signals

    def watch(self, row: M) -> WatchedRow[M]:
        """Return `row` as a signal that follows it, and its cells as signals that may be set: `row.watch()`."""
        self._check_open()
        given: object = row
        if not isinstance(given, ModelBase):
            raise ParameterError(f"watch takes a row of a model, not {shown(given)}")
        model = type(row)
        one = model.where(*(getattr(model, key.attribute) == row[key.attribute] for key in model.__table__.key))

        async def write(now: M, name: str, value: object) -> M:
            return await self.write(lambda tx: tx.update(now, **{name: value}))

        return WatchedRow(row, lambda: self._live.open(*ask(one, (), {})), write, self._spawn)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` beside; what it raises goes to the error hook, and closing ends it."""
        task = self._loop.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._beside.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._closed:
            self._report(error)

    # -- writing

    def transaction(
        self, message: str = "", *, expect: ModelBase | Iterable[ModelBase] = ()
    ) -> Transaction | Savepoint:
        """Return a block: one commit at its end, nothing of it after an exception. In one's own block: a savepoint.

        It begins only if each row of `expect` is still as it was read, else with `ConflictError`.
        """
        self._check_open()
        return block(self._queue, self._origin(message), (expect,) if isinstance(expect, ModelBase) else tuple(expect))

    async def execute(self, sql: str, /, *args: Any, **named: Any) -> Result:
        """Run one statement as a transaction of its own, in one job."""
        self._check_open()
        self._queue.refuse_inside("execute")
        if look(sql).kind == "session":
            return await self._session(sql, args, named)
        return await self._queue.run_one(self._origin(), sql, args, named)

    async def executemany(self, sql: str, many: Iterable[Any], /) -> Result:
        """Run one statement for each parameter set, as one transaction in one job."""
        self._check_open()
        self._queue.refuse_inside("executemany")
        check_text(sql)
        listed = parameter_sets(many)
        return await self._queue.run(self._origin(), lambda tx: tx.executemany(sql, listed))

    async def write(self, job: Callable[[SyncTransaction], T], message: str = "") -> T:
        """Run the synchronous function `job` on the writer's thread as one transaction; return what it returns."""
        self._check_open()
        self._queue.refuse_inside("write")
        check_callable(job, "db.write", "job(tx)")
        return await self._queue.run(self._origin(message), job)

    @overload
    async def run(
        self, command: Command[Transaction, P, Coroutine[Any, Any, R]], /, *args: P.args, **named: P.kwargs
    ) -> R: ...
    @overload
    async def run(self, command: Command[SyncTransaction, P, R], /, *args: P.args, **named: P.kwargs) -> R: ...
    async def run(self, command: Command[Any, Any, Any], /, *args: Any, **named: Any) -> Any:
        """Run a command as one transaction, whose commit carries its name and arguments; return what it returns.

        Raises `RefusedError` if a guard of the command says no.
        """
        self._check_open()
        self._queue.refuse_inside("run")
        if not isinstance(command, Command):
            raise ParameterError(f"db.run takes a command, made with @command, not {shown(command)}")
        origin = self._origin("", command.name, command.arguments(args, named))
        if not command.asynchronous:
            return await self._queue.run(origin, lambda tx: command(tx, *args, **named))
        async with block(self._queue, origin) as tx:
            return await command(tx, *args, **named)

    async def import_file(
        self,
        file: str | Path,
        into: str | type[ModelBase] | None = None,
        *,
        format: ImportFormat | None = None,
        table: str | None = None,
        key: str | Iterable[str] | None = None,
        alter: bool = False,
        encoding: str = "utf-8",
        delimiter: str | None = None,
        empty_is_null: bool = False,
        progress: Progress | None = None,
    ) -> ImportResult:
        """Write the rows of a CSV, TSV, JSON, NDJSON or SQLite file to a table, as one transaction.

        `into` is the table, made if it isn't there, or a model: by default the file's name; of a SQLite file every
        table under its own, or `table` alone. Columns are matched by name; `alter` adds those that the table lacks.
        `key` names columns by which rows that are there are updated. What goes into the table of a model is checked by
        it. `empty_is_null` reads an empty cell as NULL also where text is meant. `progress(rows, rows_total, bytes,
        bytes_total)` is called on the loop. Raises `ImportFileError` with nothing written.
        """
        self._check_open()
        self._queue.refuse_inside("import_file")
        if progress is not None:
            check_callable(progress, "progress", "(rows, rows_total, bytes, bytes_total)")
        from .importing.run import import_file

        options = {
            "format": format, "table": table, "key": key, "alter": alter, "encoding": encoding, "delimiter": delimiter,
            "empty_is_null": empty_is_null,
        }  # fmt: skip
        return await import_file(
            file,
            into,
            options,
            models=self._specs,
            write=lambda job, message: self._queue.run(self._origin(message), job),
            catalog=lambda: self._queue.writer.catalog,
            progress=progress,
            now=time.monotonic,
            database=self.path,
        )

    async def register(self, name: str, function: Callable[..., Any], *, deterministic: bool = False) -> None:
        """Let SQL of this database call `function` by `name`: `call("slug", Issue.title)`, `SELECT slug(title) ...`.

        `deterministic` says that equal arguments give equal results: live queries that call it are kept incrementally,
        others are run again. It runs on the threads of the connections. Raises `ParameterError`.
        """
        self._check_open()
        self._queue.refuse_inside("register")
        define = definition(name, function, deterministic=deterministic)
        await self._queue.quiet(define)
        if self._store.readers:
            self._store.on_readers(define)

    async def register_aggregate(self, name: str, aggregate: Callable[[], Any], *, deterministic: bool = False) -> None:
        """Let SQL of this database gather rows by `aggregate`: `SELECT state, median(hours) FROM issue GROUP BY state`.

        It is a class: of one for each group `step(*args)` is called with each row, then `finalize()` for the result.
        With `value()` and `inverse(*args)` it is a window function, too. Else as `register`; in queries of models
        `call("median", Issue.hours, aggregate=True)`. Raises `ParameterError`.
        """
        self._check_open()
        self._queue.refuse_inside("register_aggregate")
        define = aggregate_definition(name, aggregate, deterministic=deterministic)
        await self._queue.quiet(define)
        if self._store.readers:
            self._store.on_readers(define)

    async def add_all(self, many: Iterable[M], *, progress: AddProgress | None = None) -> list[M]:
        """Insert rows of models, in their order, as one transaction; the loop goes on meanwhile.

        `progress(rows, rows_total)` is called on the loop after each part; the total is None where `many` has no
        length.
        """
        self._check_open()
        async with self.transaction("add rows") as tx:
            return await tx.add_all(many, progress=progress)

    async def seed(self, model: type[M], n: int = 100, *, seed: int = 0, **values: Any) -> list[M]:
        """Write `n` example rows of `model` as one transaction, and of those they lead to where none are there.

        The same call on the same database gives the same rows, on every platform. They fit types, references,
        uniqueness, checks, validators and semantic types. `values` says those of a column: one for all, or a function
        of a `random.Random` and the number of the row. Raises `ParameterError` where no row can be made that fits.
        """
        self._check_open()
        self._queue.refuse_inside("seed")
        return await self._queue.run(self._origin("example rows"), lambda tx: tx.seed(model, n, seed=seed, **values))

    def before_commit(self, hook: BeforeCommit, *tables: str) -> Callable[[], None]:
        """Call `hook(tx, changes)` inside each transaction that changes `tables` (none: any); return what ends that.

        It may write, or raise to veto. It runs on the writer's thread and sees the net changes of its tables in the
        transaction. A table may come into being later.
        """
        self._check_open()
        check_callable(hook, "db.before_commit", "hook(tx, changes)")
        for table in tables:
            kind = self._queue.writer.catalog.kind(table)
            if kind not in ("table", None):
                raise QueryError(
                    f"{table!r} is no ordinary table but {kind}: a before_commit hook can't watch it", sql=table
                )
        self._hooks.before[hook] = tables
        self._hooks.moved = True

        def end() -> None:
            self._hooks.before.pop(hook, None)
            self._hooks.moved = True

        return end

    def after_commit(self, hook: Callable[[Commit], object]) -> Callable[[], None]:
        """Call `hook(commit)` on the loop after each commit of ours; return what ends that."""
        self._check_open()
        check_callable(hook, "db.after_commit", "hook(commit)")
        self._hooks.after[hook] = None
        return lambda: self._hooks.after.pop(hook, None) and None

    @property
    def foreign_commits(self) -> Readable[int]:
        """How often commits of other programs were noticed since this was opened: a signal.

        The file is looked at every `poll_s`, while somebody follows this or a view, and before each write; what others
        committed between two looks counts as one.
        """
        return self._foreign

    # -- life

    async def enable_capture(self, *tables: str, rows_max: int = ROWS_MAX) -> None:
        """Follow what other programs write to `tables` row by row, instead of reading their views anew.

        Puts triggers and a log of the last `rows_max` changed rows of each table into the file, for good: any program
        that writes with SQL feeds them. While they are there, SQLite refuses to drop a column of the table.
        """
        self._check_open()
        self._queue.refuse_inside("enable_capture")
        if not tables:
            raise ParameterError("name the tables to capture: db.enable_capture('issue', 'comment')")
        writer = self._queue.writer
        await self._queue.run(
            self._origin(), lambda tx: enable(writer.execute_own, writer.conn, writer.catalog, tables, rows_max)
        )

    async def disable_capture(self, *tables: str) -> None:
        """Take the triggers and logs of `enable_capture` out of the file again; of every table if none is named."""
        self._check_open()
        self._queue.refuse_inside("disable_capture")
        writer = self._queue.writer
        await self._queue.run(
            self._origin(), lambda tx: disable(writer.execute_own, writer.conn, writer.catalog, tables)
        )

    @property
    def captured(self) -> list[str]:
        """The tables that `enable_capture` is in force for."""
        return self._queue.writer.persistent.tables

    async def settled(self) -> None:
        """Wait until every view shows what is committed now, by anyone."""
        self._check_open()
        self._queue.refuse_inside("settled")
        await self._queue.quiet(lambda conn: None)
        await asyncio.sleep(0)
        await self._live.refreshed()

    async def close(self) -> None:
        """Close every view, finish queued writes, close the file. May be called twice."""
        if self._closed:
            return
        for link in self.links:
            link.close()
        self._close_texts()
        beside = [task for task in self._beside if task is not asyncio.current_task()]
        if beside:  # what a cell was set to is a write that is queued
            await asyncio.wait(beside, timeout=self._queue.busy_timeout_s)
        if self._closed:
            return  # by somebody else meanwhile
        self._closed = True
        for model in self._models:
            model._homes.discard(self)
        for task in self._beside:
            task.cancel()
        self._live.close()
        if self._poller is not None:
            self._poller.cancel()
        ended = await self._end_log()
        await self._store.close()
        ended()

    async def _end_log(self) -> Callable[[], None]:
        """Have the log end with this session; return what is to be called when the file is closed."""
        writer = getattr(self._queue, "writer", None)  # there is none where opening failed
        if writer is None or writer.journal is None:
            return lambda: None
        journal: Journal = writer.journal
        try:
            return await self._store.write(journal.close)
        except (sqlite3.Error, ClosedError) as error:
            self._report(error)
            return lambda: None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Database {self.path!r}: {'closed' if self._closed else f'{len(self._live)} views'}>"

    # -- inside

    def _origin(self, message: str = "", command: str = "", args: str = "") -> Origin:
        """Return where what is written by the running code comes from."""
        return origin_here(message, self.actor, command, args)

    async def _start(self, models: Sequence[type[ModelBase]], *, auto_index: bool, log: bool | None) -> None:
        self._specs, self._models = tables_of(models), tuple(models)
        if auto_index and not self._store.readonly:
            self._live.indexed = frozenset(spec.name.lower() for spec in self._specs if not spec.existing)

        def make(conn: Connection) -> None:
            self._fit(conn)
            without = log is False or self._store.readonly
            journal = None if without else Journal(Clock(), goes_on=self._store.goes_on)
            self._queue.writer = Writer(conn, self._live.registry, self._hooks, journal)
            self._queue.writer.on_foreign = lambda: self._store.post(self._count_foreign)
            self._queue.writer.on_trigger = lambda error: self._store.post(lambda: self._report(error))
            if journal is not None:
                self._queue.writer.log_models(self._specs, strict=bool(log))

        await self._store.write(make)
        for model in self._models:
            model._homes.add(self)
        if self._store.shared and self._poll_s > 0:
            self._poller = asyncio.ensure_future(self._poll())

    def _fit(self, conn: Connection) -> None:
        """Make what the file lacks of its models' tables. Raises `SchemaMismatchError`."""
        specs = self._specs
        if not compare(conn, specs, self.path):
            return
        if self._store.readonly:
            raise OpenError(
                f"{self.path!r} lacks tables or columns of its models and was opened read-only", path=self.path
            )
        conn.execute("BEGIN IMMEDIATE")
        try:
            make_tables(conn, compare(conn, specs, self.path))  # another program may have made them meanwhile
            conn.execute("COMMIT")
        except BaseException:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            raise

    async def _poll(self) -> None:
        """Look for commits of other programs while nothing else does."""
        while True:
            await self._store.pause(self._poll_s)
            if self._queue.busy or not (len(self._live) or self._open_texts or self._foreign.watched):
                continue
            try:
                if await self._store.write(lambda conn: self._queue.writer.foreign_pending()):
                    await self._queue.quiet(lambda conn: None)
            except (LockedError, sqlite3.Error):
                continue  # another program is writing: the next look sees what it did
            except ClosedError:
                return
            except Exception as error:  # the poller must outlive what it meets
                self._report(error)

    async def _session(self, sql: str, args: tuple[Any, ...], named: dict[str, Any]) -> Result:
        result = await self._queue.outside(sql, args, named)
        if first_word(sql) in ("ATTACH", "DETACH") and self._store.readers:
            bound = bind(args, named)
            self._store.on_readers(lambda conn: conn.execute(sql, bound))
        return result

    def _count_foreign(self) -> None:
        with batch(on_error=self._report):
            self._foreign.set(self._foreign.peek() + 1)
        self._look_at_texts()

    def _committed(self, commit: Commit) -> None:
        self._look_at_log()
        for hook in list(self._hooks.after):
            try:
                hook(commit)
            except Exception as error:  # a hook's own code: the commit stands
                self._report(error)

    def _report(self, error: BaseException) -> None:
        try:
            self.on_error(error)
        except Exception as failure:  # the hook's own code: what it was called for goes on
            self._to_loop(error)
            self._to_loop(failure)

    def _to_loop(self, error: BaseException) -> None:
        self._loop.call_exception_handler(
            {"message": "a subscriber, effect or after_commit hook failed; the commit stands", "exception": error}
        )

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"the database {self.path!r} is closed; open it again: Database.open(...)")


def _check_seconds(seconds: object, path: object) -> None:
    if not isinstance(seconds, int | float) or not seconds >= 0:
        raise OpenError(f"busy_timeout_s and poll_s are seconds, 0 or more, not {seconds!r}", path=str(path))
