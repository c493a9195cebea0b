"""The writer: everything that happens on the one connection that writes, in the order in which it must happen.

    begin      capture fits the needs -> BEGIN IMMEDIATE -> schema moved? -> data moved? step the foreign change first
    execute    each statement in a savepoint: what fails undoes itself and nothing else
    commit     before_commit hooks until stable -> stage every view -> COMMIT -> publish; on failure discard

Synchronous code for one thread; `queue.py` brings it to asyncio. A foreign commit that lands just before ours
must be stepped before our first statement, on the state that BEGIN IMMEDIATE pinned: otherwise it is counted twice.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from ..changes import Changes, Needs, Participant
from ..clock import Clock
from ..errors import (
    ClosedError,
    CommitError,
    LogError,
    ParameterError,
    RolledBackError,
    StateError,
    TransactionControlError,
    TransactionError,
    TriggerError,
    is_busy,
    is_readonly,
)
from ..log.declared import is_logged_as_declared, merge_word
from ..log.journal import Journal
from ..log.tables import LoggedTable, can_be_logged, declare_merging, has_log, make_tables
from ..log.vector import CommitId
from ..model.base import ModelBase
from ..origin import LOG_BEGINS, NOTHING_SAID, Origin
from ..query.diagnose import translate
from ..row import Row, row_type
from ..schema.catalog import Catalog, TableName
from ..schema.merging import History
from ..schema.table import TableSpec
from ..sqltext import Statement, first_word, look, quote_name
from ..store import Connection, Cursor
from ..values import bind, parameter_sets
from .capture import Capture, LogTable
from .hooks import BeforeCommit, Hooks, TableChanges, net_changes
from .own_tables import refuse_own
from .persistent import PersistentCapture
from .sync import SyncTransaction
from .trace import Trace
from .triggers import UserTrigger, resting

__all__ = ["Busy", "Commit", "Result", "Writer", "foreign_moved"]

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=ModelBase)

_GUARD = "_eddy_guard"
_DEAF_PRAGMA = re.compile(r"\b(?:foreign_keys|recursive_triggers)\b\s*[=(]", re.IGNORECASE)  # unheard inside, or ours
_SCHEMA_PRAGMA = re.compile(r"\b(?:recursive_triggers|schema_version|writable_schema)\b", re.IGNORECASE)
_HOOK_ROUNDS_MAX = 100
_NO_LOG = "tables of models are logged unless it is opened with log=False, others by db.enable_log"


class Busy(Exception):
    """Another connection holds the lock; `committing` says that our transaction is open and complete."""

    def __init__(self, *, committing: bool) -> None:
        super().__init__()
        self.committing = committing


@dataclass(frozen=True, slots=True)
class Result:
    """What one statement did. `rows` holds what SELECT or RETURNING gave."""

    rowcount: int
    rows: list[Row]
    lastrowid: int | None


class Commit(NamedTuple):
    """One committed transaction of this process; `tables` are the captured tables that it changed, by name.

    Of a command there are its name and its arguments, a JSON object; `logged` is its id in the log, where it has one.
    """

    number: int
    message: str
    tables: tuple[TableName, ...]
    actor: str = ""
    command: str = ""
    args: str = ""
    logged: CommitId | None = None


class Writer:
    """The writer connection with its catalog, capture and participant."""

    def __init__(
        self, conn: Connection, participant: Participant, hooks: Hooks, journal: Journal | None = None
    ) -> None:
        self.conn = conn
        self.participant = participant
        self.hooks = hooks
        self.journal = journal
        self.on_foreign: Callable[[], None] = lambda: None  # another connection has committed
        self.on_trigger: Callable[[TriggerError], None] = lambda error: None  # rows came without what it does
        self.number = 0
        self.capture = Capture()
        self.persistent = PersistentCapture()
        conn.execute("BEGIN")  # so that the catalog and the numbers are of one moment
        self.catalog = Catalog(conn)
        self.persistent.look(conn, self.catalog)
        if journal is not None:
            journal.look(conn, self.catalog)
        self._schema = self._schema_versions()
        self._data = self._data_versions()
        conn.execute("COMMIT")
        self._needs_version: int | None = None
        self._log_read = self._lenient = self._foreign_keys = False
        self._log_behind = journal is not None and has_log(self.catalog) and not journal.untouched
        self._capture_moved = False
        self._known_triggers: tuple[object, object, list[UserTrigger], list[UserTrigger]] | None = None
        self._fired: list[UserTrigger] = []  # those that may have a part in it if rows can't be taken in
        self._staged: Commit | None = None
        self._noted: dict[str, int] | None = None
        self._written_before = 0
        self.changes = Changes()
        self._reached: list[LogTable] | None = None  # the only logs that what ran can have written
        self.open = False
        self.ended = ""
        self.serial = 0
        self.trace: Trace | None = None

    # -- the life of one transaction

    def begin(self, *, immediate: bool = True, trace: Trace | None = None) -> None:
        """Begin, and bring every view to the state we begin on. Raises `Busy` with nothing begun."""
        if self.open:
            raise StateError("a transaction is already open on this connection")
        try:
            self._fit_capture()
            self.conn.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")
            self.open, self.ended, self.changes, self._reached = True, "", Changes(), None
            self.serial += 1
            self._follow_others(writing=immediate)
            if immediate and self._log_behind:
                self._log_others()
            self._written_before = self.conn.total_changes
            self.trace = trace
            if trace is not None:
                trace.note("wait")
        except BaseException as error:
            self.rollback()
            if is_busy(error):
                raise Busy(committing=False) from error
            if isinstance(error, sqlite3.Error):
                raise translate(error, "BEGIN", self.conn) from error
            raise

    def commit(self, origin: Origin = NOTHING_SAID) -> Commit | None:
        """Stage, commit, publish; return the commit, or None if nothing was written.

        Raises `Busy(committing=True)` where only COMMIT itself is missing: call `finish` then. Otherwise a failure
        leaves nothing of the transaction.
        """
        try:
            self._refuse_ended()
            if self.hooks.armed and not self._lenient:
                self._run_hooks()
                self._refuse_ended()
                self._reached = None
            changes = self.capture.changes(self.conn, self.changes, self._reached)
            journal = None if self._lenient else self.journal
            logged = journal.last_own if journal is not None and journal.append(self.conn, changes, origin) else None
            if logged is not None and self._log_read:
                changes = self.capture.changes(self.conn, self.changes)
            touched = {*changes.logs, *changes.touched, *changes.unknown}
            written = bool(changes) or self.conn.total_changes != self._written_before  # a step writes TEMP tables, too
            if self.trace is not None:
                self.trace.note("write")
            self.participant.step(self.conn, changes)
            if touched:
                self.capture.clear(self.conn)
            if self.trace is not None:
                self.trace.staged(sum(changes.counts.values()))
        except BaseException as error:
            self.rollback()
            if isinstance(error, sqlite3.Error):
                raise translate(error, "COMMIT", self.conn) from error
            raise
        self._staged = self._commit_of(origin, touched, logged) if written else None
        self._noted = self.persistent.last(self.conn) if written and self.persistent else None
        return self.finish()

    def finish(self) -> Commit | None:
        """Issue COMMIT for what is staged, then publish it."""
        try:
            schema = self._schema_versions() if self.changes.everything or self._lenient else self._schema
            self.conn.execute("COMMIT")
        except sqlite3.Error as error:
            if is_busy(error):
                raise Busy(committing=True) from error
            self.rollback()
            raise CommitError(f"COMMIT failed: {error}; nothing of the transaction was kept") from error
        self._schema = schema
        self.open = self._capture_moved = False
        if self.journal is not None:
            self.journal.keep()
            self._log_behind = False
        self._be_strict()
        if self.changes.everything:
            self.persistent.look(self.conn, self.catalog)
        elif self._noted is not None:
            self.persistent.keep(self._noted)
        commit, self._staged = self._staged, None
        if commit is not None:
            self.number = commit.number
            if self.trace is not None:
                self.trace.committed(commit.number)
            self.participant.publish(commit.number)
        return commit

    def rollback(self) -> None:
        """Undo everything since `begin`. May be called when nothing is open."""
        if not self.open:
            return
        self.open = False
        self._staged = None
        self.participant.discard()
        if self.journal is not None:
            self.journal.discard()
        if self.conn.in_transaction:
            self.conn.execute("ROLLBACK")
        self._be_strict()
        if self._capture_moved:
            self._forget_schema()

    def quiet(self, job: Callable[[Connection], T]) -> T:
        """Run `job` on one read snapshot on which every view is up to date; with no job's writes to publish.

        This is how views are filled and how the writes of others are noticed.
        """
        self.begin(immediate=False)
        try:
            result = job(self.conn)
        except BaseException:
            self.rollback()
            raise
        self.conn.execute("COMMIT")
        self.open = self._capture_moved = False
        return result

    def aside(self, job: Callable[[Connection], T]) -> T:
        """Run `job`, which writes rows of tables of ours that nobody follows, as a transaction."""
        try:
            self.conn.execute("BEGIN IMMEDIATE")
            result = job(self.conn)
            self.conn.execute("COMMIT")
        except BaseException as error:
            if self.conn.in_transaction:
                self.conn.execute("ROLLBACK")
            if is_busy(error):
                raise Busy(committing=False) from error
            raise
        return result

    def foreign_pending(self) -> bool:
        """Say whether another connection has changed the file since we last looked."""
        return not self._schema or self._data_versions() != self._data

    # -- statements

    def execute(self, sql: str, args: Sequence[Any], named: Mapping[str, Any], *, alone: bool = False) -> Result:
        """Run one statement; a failing one undoes itself.

        `alone`: nothing else will be in the transaction, and if it fails the caller rolls back. So it needs no
        savepoint, whatever it may leave behind (OR FAIL, RAISE(FAIL) in a trigger).
        """
        parameters = bind(args, named)
        statement = look(sql)
        if statement.names_own:
            refuse_own(self.conn, sql)
        if not alone or statement.kind != "write":
            return self._guarded(statement, sql, self.conn.execute, parameters)
        self._refuse_ended()
        result = self._run(sql, self.conn.execute, parameters)
        self.capture.note_statement(self.conn, statement.may_replace, self.changes)
        self._reached = self.capture.reached(self.conn, sql, parameters)
        return result

    def execute_own(self, sql: str) -> Result:
        """Run one statement of ours, which may be about tables of ours."""
        return self._guarded(look(sql), sql, self.conn.execute, ())

    def executemany(self, sql: str, many: Iterable[Any]) -> Result:
        """Run one statement for each of `many` parameter sets; if one fails, none counts."""
        bound = [bind((), one) if isinstance(one, Mapping) else bind(one, {}) for one in parameter_sets(many)]
        statement = look(sql)
        if statement.names_own and bound:
            refuse_own(self.conn, sql)
        return self._guarded(statement, sql, self.conn.executemany, bound)

    def outside(self, sql: str, args: Sequence[Any], named: Mapping[str, Any]) -> Result:
        """Run a statement that can't stand in a transaction (VACUUM, ATTACH, DETACH, PRAGMA); `quiet` has to follow.

        Raises `Busy` with nothing done.
        """
        parameters = bind(args, named)
        harmless = first_word(sql) == "PRAGMA" and not _SCHEMA_PRAGMA.search(sql)
        try:
            if not harmless:
                self.capture.remove(self.conn)
            return self._result(self.conn.execute(sql, parameters))
        except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as error:
            if is_busy(error):
                raise Busy(committing=False) from error
            raise translate(error, sql, self.conn) from error
        finally:
            if not harmless:
                self._forget_schema()

    def make_index(self, table: TableName, sql: str) -> bool:
        """Make an index that changes no answer, so no view, hook or number moves; False where it can't be made now."""
        if self.open:
            return False
        try:
            self.conn.execute("BEGIN IMMEDIATE")
            known = self._schema_versions() == self._schema
            self.conn.execute(sql)
            schema = self._schema_versions()
            self.conn.execute("COMMIT")
        except sqlite3.Error:
            if self.conn.in_transaction:
                self.conn.execute("ROLLBACK")
            return False
        if known:  # else the next transaction plans anew: another program has changed the schema, too
            self._schema = schema
            self.catalog.note_index(table, sql)
        return True

    def end(self, reason: str) -> None:
        """Refuse every further statement and the commit: what is written can't be what was meant."""
        self.ended = self.ended or reason

    def savepoint(self, name: str) -> None:
        """Open a savepoint."""
        self._refuse_ended()
        self.conn.execute(f"SAVEPOINT {quote_name(name)}")

    def release(self, name: str) -> None:
        """Keep what was done since the savepoint."""
        self._refuse_ended()
        try:
            self.conn.execute(f"RELEASE {quote_name(name)}")
        except sqlite3.OperationalError as error:
            raise TransactionError("this savepoint is gone: a ROLLBACK TO or RELEASE inside it has ended it") from error

    def rollback_to(self, name: str) -> None:
        """Undo what was done since the savepoint, and end it."""
        if not self.conn.in_transaction:
            return
        try:
            self.conn.execute(f"ROLLBACK TO {quote_name(name)}")
            self.conn.execute(f"RELEASE {quote_name(name)}")
        except sqlite3.OperationalError:
            self.end("a part of it could not be undone: a ROLLBACK TO or RELEASE inside that part had ended it")
        self._after_rollback_to()

    # -- the log

    def enable_log(self, tables: Iterable[str], history: History, local: Iterable[str] = ()) -> None:
        """Log `tables` from this transaction on; what they hold becomes its commit."""
        if self.journal is None:
            self.journal = Journal(Clock())
        new = make_tables(self.conn, self.catalog, tables, history, local)
        if new:
            self.schema_changed()

    def logged_table(self, name: str) -> LoggedTable:
        """Return what the log knows of the table `name`. Raises `ParameterError` if it isn't logged."""
        tables = (
            {} if self.journal is None else {table.name.name.lower(): table for table in self.journal.tables.values()}
        )
        table = tables.get(name.lower())
        if table is None:
            there = ", ".join(sorted(tables)) or _NO_LOG
            raise ParameterError(f"{name!r} isn't logged; what is: {there}")
        return table

    def logging(self) -> Journal:
        """Return the journal. Raises `LogError` where there is none."""
        if self.journal is None:
            raise LogError(f"this database has no log; {_NO_LOG}")
        return self.journal

    def take(self, work: Callable[[Journal], bool], origin: Origin) -> Commit | None:
        """Have `work` write rows and log as a merge has it, in a transaction without constraints and hooks.

        Of the user's triggers those run that write outside of the log (`triggers.py`). Where one fails, `work` is
        called again with all of them at rest, and `on_trigger` is told. Returns None if `work` says that there was
        nothing to do.
        """
        try:
            return self._take(work, origin)
        except sqlite3.Error as error:
            failed = self._fired
            if not failed or is_busy(error):
                raise
            commit = self._take(work, origin, at_rest=True)  # what isn't a trigger's fault fails again
            self.on_trigger(_failed_trigger(failed, error))
            return commit

    def _take(self, work: Callable[[Journal], bool], origin: Origin, *, at_rest: bool = False) -> Commit | None:
        journal = self.logging()
        self._foreign_keys = bool(self.conn.execute("PRAGMA foreign_keys").fetchone()[0])
        self.conn.execute("PRAGMA foreign_keys = 0")  # inside a transaction it would not be heard
        self.conn.execute("PRAGMA ignore_check_constraints = 1")
        self._lenient = True
        self._fired = []
        try:
            self.begin()
            with self._resting(journal, at_rest=at_rest):
                done = work(journal)
            if done:
                return self.commit(origin)
            self.rollback()
        except Busy:
            raise
        except BaseException:
            self.rollback()
            self._be_strict()
            raise
        return None

    @contextmanager
    def _resting(self, journal: Journal, *, at_rest: bool) -> Iterator[None]:
        """Take triggers of the user's off and put them back: what they did to logged tables is in the author's ops."""
        known = self._known_triggers
        if known is None or known[0] is not self.catalog or known[1] is not journal.tables:
            rest, on = resting(self.conn, self.catalog, journal.tables)
            known = self._known_triggers = (self.catalog, journal.tables, rest, on)
        _, _, rest, on = known
        off, self._fired = ([*rest, *on], []) if at_rest else (rest, on)
        for trigger in off:
            trigger.drop(self.conn)
        yield
        for trigger in off:
            trigger.make(self.conn)

    def _be_strict(self) -> None:
        """Hold what is written to constraints again, once the transaction has ended."""
        if self._lenient and not self.conn.in_transaction:
            self.conn.execute("PRAGMA ignore_check_constraints = 0")
            self.conn.execute(f"PRAGMA foreign_keys = {int(self._foreign_keys)}")
            self._lenient = False

    def log_models(self, specs: Sequence[TableSpec], *, strict: bool) -> None:
        """Log the tables of models that aren't yet, not `local` ones, nor somebody else's: a transaction of its own.

        `strict`: those that can't be are an error, else they are left out.
        """
        journal = self.journal
        assert journal is not None, "made for it"
        journal.specs = specs
        wanted = [spec for spec in specs if not (spec.local or spec.existing)]
        if not strict:
            wanted = [spec for spec in wanted if can_be_logged(self.catalog, spec.name)]
        fits = is_logged_as_declared(self.conn, self.catalog, wanted)
        if fits:
            journal.look(self.conn, self.catalog)
            if not (strict or has_log(self.catalog)):
                self.journal = None
        if fits and not self._log_behind:
            return
        try:
            self.begin()
        except Busy:
            if fits:
                return  # what others wrote is logged before the next write
            raise
        try:
            for spec in wanted:
                local = [f"{spec.name}.{column.name}" for column in spec.columns if column.local]
                self.enable_log([spec.name], spec.history, local)
                for column in spec.columns:
                    declare_merging(self.conn, spec.name, column.name, merge_word(column), column.group)
            journal.look(self.conn, self.catalog)
        except BaseException as error:
            self.rollback()
            if not strict and is_readonly(error):
                self.journal = None
                return
            raise
        self.commit(LOG_BEGINS)

    # -- inside

    def _commit_of(self, origin: Origin, tables: set[TableName], logged: CommitId | None) -> Commit:
        return Commit(
            self.number + 1, origin.message, tuple(sorted(tables)), origin.actor, origin.command, origin.args, logged
        )

    def _guarded(self, statement: Statement, sql: str, call: Callable[..., Cursor], parameters: Any) -> Result:
        self._refuse_ended()
        kind = statement.kind
        if kind == "control":
            raise TransactionControlError(
                f"{_short(sql)!r}: the block begins and commits by itself; use tx.rollback() or tx.savepoint()"
            )
        if kind == "session" and (first_word(sql) != "PRAGMA" or _DEAF_PRAGMA.search(sql)):
            raise TransactionControlError(f"{_short(sql)!r} can't run in a transaction; use db.execute")
        if kind in ("read", "session"):
            return self._run(sql, call, parameters)
        if kind == "savepoint":
            result = self._run(sql, call, parameters)
            self._after_rollback_to()
            return result
        if kind == "ddl":
            self._run_hooks()
        self.conn.execute(f"SAVEPOINT {_GUARD}")
        if kind == "ddl":
            self.capture.remove(self.conn)
            self.changes.everything = self._capture_moved = True
        try:
            result = self._run(sql, call, parameters)
            self.conn.execute(f"RELEASE {_GUARD}")
        except BaseException:
            if self.conn.in_transaction:
                self.rollback_to(_GUARD)
            raise
        if kind == "ddl":
            self.schema_changed()
        else:
            self.capture.note_statement(self.conn, statement.may_replace, self.changes)
        return result

    def _run(self, sql: str, call: Callable[..., Cursor], parameters: Any) -> Result:
        try:
            return self._result(call(sql, parameters))
        except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as error:
            if not self.conn.in_transaction:
                self.end(f"SQLite rolled the whole transaction back: {error}")
                raise RolledBackError(self.ended) from error
            raise translate(error, sql, self.conn) from error

    def _refuse_ended(self) -> None:
        if self.ended:
            raise RolledBackError(f"{self.ended}; nothing of it is kept, nothing more can be written in it")
        if not self.open:
            raise ClosedError("this transaction has ended; nothing more can be done in it")

    def _result(self, cursor: Cursor) -> Result:
        if cursor.description is None:
            return Result(cursor.rowcount, [], cursor.lastrowid)
        make = row_type(tuple(column[0] for column in cursor.description))
        rows = [make(row) for row in cursor.fetchall()]
        return Result(cursor.rowcount, rows, cursor.lastrowid)

    def _after_rollback_to(self) -> None:
        if self._capture_moved:
            self.schema_changed()

    def schema_changed(self, *, writing: bool = True) -> None:
        """Read the catalog anew, plan anew, capture anew: all inside the open transaction."""
        self.catalog = Catalog(self.conn)
        self.participant.schema_moved(self.conn, self.catalog)
        if self.journal is not None:
            if writing:
                self.journal.fit(self.conn, self.catalog)
            else:
                self.journal.look(self.conn, self.catalog)
        self.capture.forget()
        self._install()
        self.changes.everything = self._capture_moved = True

    def _follow_others(self, *, writing: bool) -> None:
        """Bring every view to the state we began on, if another connection has moved it; show that at once."""
        data, known = self._data_versions(), bool(self._schema)
        if known and not foreign_moved(self._data, data):
            return  # nor has the schema moved: DDL of others is a commit of theirs, and our own we know of
        if not known:
            self.catalog = Catalog(self.conn)
            data = self._data_versions()
        schema = self._schema_versions()
        changes = Changes(everything=True)
        self._log_behind = self.journal is not None and has_log(self.catalog)
        if schema != self._schema:
            self.schema_changed(writing=writing)
            self.persistent.look(self.conn, self.catalog)
        elif self.persistent:
            changes = self.capture.changes(self.conn, self.persistent.changes(self.conn, self.capture.logs))
        self.participant.step(self.conn, changes)
        if not changes.everything:
            self.capture.clear(self.conn)
        self._schema, self._data, self.changes = schema, data, Changes()
        self.number += 1
        self.participant.publish(self.number)
        if known:
            self.on_foreign()

    def _log_others(self) -> None:
        """Bring the log to the state we began on: what other programs did to logged tables is a commit of theirs."""
        assert self.journal is not None, "only a log can be behind"
        self.journal.moved()
        self.journal.fit(self.conn, self.catalog)
        self._capture_moved = self._install() or self._capture_moved
        self.journal.append(self.conn, Changes(everything=True), NOTHING_SAID, "external")

    def _forget_schema(self) -> None:
        """Plan anew on what is there now, capture anew and fill anew when the next transaction begins."""
        self._capture_moved, self._needs_version = False, None
        self._schema = self._data = ()
        self.capture.forget()
        with suppress(sqlite3.Error):  # another program's lock may be in the way: the next transaction does it then
            self.catalog = Catalog(self.conn)
            self.participant.schema_moved(self.conn, self.catalog)

    def _fit_capture(self) -> None:
        """Capture what is needed now. Where another program's DDL is in the way, `_follow_others` does it anew."""
        if not self._schema or (self._needs_version == self.participant.needs_version and not self.hooks.moved):
            return
        try:
            self._install()
        except sqlite3.OperationalError as error:
            if is_busy(error):
                raise
            self.capture.remove(self.conn)
            self._schema = ()

    def _install(self) -> bool:
        """Capture what is needed now; say whether that is another set than before."""
        version = self.participant.needs_version
        needs = dict(self.participant.needs(self.catalog))
        self._log_read = any(name.name.startswith("_eddy_") for name in needs)
        _widen(needs, self.hooks.arm(self.catalog))
        if self.journal is not None:
            _widen(needs, self.journal.needs(self.catalog))
        moved = not self.capture.covers(needs)
        if moved:
            self.capture.install(self.conn, self.catalog, needs)
        self._needs_version = version
        return moved

    def _run_hooks(self) -> None:
        """Call each hook with the changes of its tables, again while those have moved since it saw them."""
        armed, self.hooks.armed = self.hooks.armed, {}
        try:
            self._run_until_stable(armed)
        finally:
            self.hooks.armed = armed

    def _run_until_stable(self, armed: Mapping[BeforeCommit, set[TableName]]) -> None:
        seen: dict[object, Mapping[str, TableChanges]] = {}
        changed: dict[TableName, TableChanges] = {}
        at = -1
        for _ in range(_HOOK_ROUNDS_MAX if armed else 0):
            moved = False
            for hook, tables in armed.items():
                if self.conn.total_changes != at:
                    changed = net_changes(self.conn, self.capture)
                    at = self.conn.total_changes
                own = {str(name): changed[name] for name in sorted(tables & changed.keys())}
                if own and own != seen.get(hook) and hook in self.hooks.before:
                    seen[hook], moved = own, True
                    hook(SyncTransaction(self), own)
            if not moved:
                return
        if armed:
            raise StateError(
                f"before_commit hooks wrote to tables that they watch for {_HOOK_ROUNDS_MAX} rounds; name the tables "
                "that a hook is for: db.before_commit(hook, 'table')"
            )

    def _schema_versions(self) -> tuple[int, ...]:
        return self.catalog.versions(self.conn)

    def _data_versions(self) -> tuple[int, ...]:
        """Return SQLite's number for what others have committed, of each file that others may write."""
        shared = self.catalog.shared
        if not shared:
            return ()
        if shared == ("main",):
            return self.conn.execute("PRAGMA main.data_version").fetchone()  # type: ignore[no-any-return]  # one integer
        return tuple(self.conn.execute(f"PRAGMA {quote_name(s)}.data_version").fetchone()[0] for s in shared)


def _widen(needs: dict[TableName, frozenset[str]], more: Needs) -> None:
    """Add the columns of `more` to `needs`."""
    for name, columns in more.items():
        needs[name] = needs.get(name, frozenset()) | columns


def _failed_trigger(triggers: Sequence[UserTrigger], error: sqlite3.Error) -> TriggerError:
    names = tuple(trigger.name for trigger in triggers)
    said = TriggerError(
        f"rows that came from elsewhere are here without what triggers make of them, for one failed: {error}; these "
        f"were left out: {', '.join(names)}; make anew what they keep (an FTS5 index: INSERT INTO name(name) VALUES "
        "('rebuild'))",
        triggers=names,
    )
    said.__cause__ = error
    return said


def _short(sql: str) -> str:
    flat = " ".join(sql.split())
    return flat if len(flat) <= 60 else flat[:57] + "..."


def foreign_moved(seen: tuple[int, ...], now: tuple[int, ...]) -> bool:
    """Say whether another connection has written: `data_version` ignores our own commits."""
    return seen != now
