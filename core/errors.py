"""Every error that Eddyline raises on purpose.

    EddylineError
    |- OpenError                 the file is missing, no database, or made by something we can't use
    |  `- SchemaMismatchError    a table differs from its model; has `differences`, one sentence each
    |- ModelError                a model is declared in a way that makes no table
    |- MissingRowError           the row to update or delete isn't there any more; has `table` and `id`
    |- UnreadableError           a value in the database isn't of its column's type; has `column`
    |- ClosedError               used after `close()`
    |- ViewTooLargeError         a view would hold more than the database's limit; has `rows_max` and `bytes_max`
    |- NotSavedError             what is committed is in memory, and the browser can't keep it; has `reason`
    |- LockedError               another program held the lock longer than `busy_timeout_s`
    |- StateError                an invariant that guards data broke; a bug of ours
    |- MissingLibraryError       what was asked for takes a library that isn't installed; has `library`
    |- ImportFileError           a file can't be imported as it is; has `path` and `line`
    |- LoadError                 a text from outside is no query that `dump` wrote; has `path`, the place in it
    |- MalformedUpdateError      bytes from outside are no update of a text
    |- PageError                 the page in the browser has no such element, or refuses what was to be done with it
    |- ParameterError            a parameter is missing, left over, or of a type SQLite can't hold
    |  `- ValidationError        a value is of the right type and not what the model wants; has `column`, `reason`
    |- QueryError                SQLite refuses the SQL text; has `sql`, `line`, `col`
    |  |- SqlSyntaxError
    |  |- UnknownTableError      has `table` and `near`, the names that resemble it
    |  `- UnknownColumnError     has `column` and `near`
    |- StatementError            the text is valid, running it failed; the cause is SQLite's own error
    |  |- ConstraintError        a constraint said no; has `kind`, `constraint`, `table`, `columns`, `rows`
    |  `- ReadOnlyError          a write to a database opened read-only
    |- FrameError                what came over a connection is no frame of the protocol; has `code`
    |- LogError                  what the commit log was given can't be taken in
    |  |- CommitFormatError      what came in is no commit, or too large a one
    |  |- MissingParentsError    commits that it follows are missing here; has `missing`
    |  |- SnapshotError          a snapshot is torn, damaged, or of a database with other tables
    |  |- LaneError              a hub was brought a commit of somebody else's lane; has `lane` and `seq`
    |  |- ForkError              two different commits under one id; has `lane` and `seq`
    |  |- ForgottenError         the log no longer has what a commit said; has `lane` and `seq`
    |  `- BehindSealError        its author has not seen what was compacted here; has `lane` and `seq`
    |- TriggerError              rows came from elsewhere without what triggers of the user's do; has `triggers`, names
    |- SyncError                 replication can't go on as it was asked to
    |  |- DisconnectedError      nobody answers, or the connection has ended; has `code` and `reason`
    |  |- EntryError             a server won't let somebody in; has `code`: "token-expired", "forbidden", "schema" ...
    |  |- RejectedError          a server has rejected commits; has `commits` and `reason`
    |  `- FetchError             a query failed on the server; has `error`, the class there
    `- TransactionError          the unit of writing was used against its rules
       |- RefusedError           a guard of a command said no; has `command` and `reason`
       |- ConflictError          a row isn't as it was read (`expect`); has `row`, `found`, `columns`
       |- UseTransactionError    `db.live/fetch/execute` awaited inside one's own block
       |- TransactionControlError  BEGIN, COMMIT, ROLLBACK as text; statements that can't run in a block
       |- RolledBackError        a statement (OR ROLLBACK) ended the whole transaction
       `- CommitError            COMMIT itself failed; nothing was written

A class for each thing that a caller would do differently. Facts are attributes, so a message never has to be parsed.
"""

from __future__ import annotations

import sqlite3
from typing import Any

__all__ = [
    "BehindSealError",
    "ClosedError",
    "CommitError",
    "CommitFormatError",
    "ConflictError",
    "ConstraintError",
    "DisconnectedError",
    "EddylineError",
    "EntryError",
    "FetchError",
    "ForgottenError",
    "ForkError",
    "FrameError",
    "ImportFileError",
    "LaneError",
    "LoadError",
    "LockedError",
    "LogError",
    "MalformedUpdateError",
    "MissingLibraryError",
    "MissingParentsError",
    "MissingRowError",
    "ModelError",
    "NotSavedError",
    "OpenError",
    "PageError",
    "ParameterError",
    "QueryError",
    "ReadOnlyError",
    "RefusedError",
    "RejectedError",
    "RolledBackError",
    "SchemaMismatchError",
    "SnapshotError",
    "SqlSyntaxError",
    "StateError",
    "StatementError",
    "SyncError",
    "TransactionControlError",
    "TransactionError",
    "TriggerError",
    "UnknownColumnError",
    "UnknownTableError",
    "UnreadableError",
    "UseTransactionError",
    "ValidationError",
    "ViewTooLargeError",
    "is_busy",
    "is_readonly",
]


class EddylineError(Exception):
    """Base of all errors of ours. Keyword arguments become attributes."""

    def __init__(self, message: str, **facts: Any) -> None:  # Any: each class documents its facts
        super().__init__(message)
        for name, value in facts.items():
            setattr(self, name, value)


class OpenError(EddylineError):
    """The database can't be opened; `path` says which."""

    path: str


class SchemaMismatchError(OpenError):
    """A table in the file isn't what its model says; `differences` holds a sentence for each."""

    differences: tuple[str, ...]


class ModelError(EddylineError):
    """A model is declared in a way that makes no table."""


class MissingRowError(EddylineError):
    """No row of `table` has the key `id` any more; nothing was written."""

    table: str
    id: object


class UnreadableError(EddylineError):
    """A value in `column` isn't of the type that the model declares."""

    column: str


class ClosedError(EddylineError):
    """The database, view or block was used after its end."""


class ViewTooLargeError(EddylineError):
    """A view would hold more than `db.view_rows_max` rows or `db.view_bytes_max` bytes; None is no limit."""

    rows_max: int | None
    bytes_max: int | None


class NotSavedError(EddylineError):
    """What is committed can't be kept; it is tried again with the next commit, and by the next `db.saved()`.

    `reason` is "full" where the browser gives no more room, "gone" where it has deleted what was kept, else "failed".
    """

    reason: str


class LockedError(EddylineError):
    """Another program holds the lock; `waited_s` says how long we tried. Nothing was written."""

    waited_s: float


class StateError(EddylineError):
    """An invariant broke: we stop instead of guessing."""


class MalformedUpdateError(EddylineError):
    """Bytes from outside are no update, state vector or position of a collaborative text; nothing was changed."""


class MissingLibraryError(EddylineError):
    """What was asked for takes `library`, which isn't installed here."""

    library: str


class ImportFileError(EddylineError):
    """The file `path` can't be imported as it is; `line` is None where no line is to blame. Nothing was written."""

    path: str
    line: int | None


class LoadError(EddylineError):
    """A text from outside is no query that `dump` wrote; `path` is the place in it, empty for the whole."""

    path: str


class PageError(EddylineError):
    """The page in the browser has no such element, or refuses what was to be done with it."""


class ParameterError(EddylineError):
    """The parameters don't fit the query."""


class ValidationError(ParameterError):
    """A validator said no to `value` of `column`, "Person.mail", or of a whole row: then `column` is the model."""

    column: str
    value: object
    reason: str


class QueryError(EddylineError):
    """SQLite refuses the text `sql`; `line` and `col` count from 1 and are None where SQLite names no place."""

    sql: str
    line: int | None = None
    col: int | None = None


class SqlSyntaxError(QueryError):
    """The text isn't SQL as SQLite reads it."""


class UnknownTableError(QueryError):
    """No such table; `near` lists names that resemble it."""

    table: str
    near: tuple[str, ...]


class UnknownColumnError(QueryError):
    """No such column; `near` lists names that resemble it."""

    column: str
    near: tuple[str, ...]


class StatementError(EddylineError):
    """A statement failed while it ran; it undid itself and nothing else."""

    sql: str


class ConstraintError(StatementError):
    """UNIQUE, CHECK, NOT NULL or a foreign key said no, or a trigger.

    `kind` is one of these words in lower case, `constraint` says which: the columns, or the name of a CHECK. What isn't
    known is "" or (). For writes of models `rows` holds (table, key) of the rows that are in the way: who has the value
    already, which fails the condition, who still refers to the one to be deleted.
    """

    kind: str = ""
    constraint: str = ""
    table: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, object], ...] = ()


class ReadOnlyError(StatementError):
    """A write to a database that was opened read-only, or to a table that is Eddyline's own."""


class FrameError(EddylineError):
    """What came over a connection is no frame of the protocol; `code` is what the other side is told."""

    code: str


class LogError(EddylineError):
    """The commit log can't take in what it was given; nothing of it was applied."""


class CommitFormatError(LogError):
    """What came in is no commit."""


class MissingParentsError(LogError):
    """Commits that this one follows are missing here; `missing` lists their ids as text."""

    missing: tuple[str, ...]


class SnapshotError(LogError):
    """A snapshot is torn, damaged, or of a database with other tables; nothing of it was taken."""


class LaneError(LogError):
    """A commit was brought to a hub by somebody who doesn't write its lane; nothing of it was stored."""

    lane: str
    seq: int


class ForkError(LogError):
    """Under the id `lane`, `seq` there are two different commits: a lane was written twice."""

    lane: str
    seq: int


class ForgottenError(LogError):
    """The log no longer has what commit `lane`, `seq` said, so it can't be handed on; a snapshot can."""

    lane: str
    seq: int


class BehindSealError(LogError):
    """The author of commit `lane`, `seq` has not seen what was compacted here: it comes as a branch, for review."""

    lane: str
    seq: int


class TriggerError(EddylineError):
    """Rows of others were taken in without what `triggers` of the user's make of them, as one of these failed."""

    triggers: tuple[str, ...]


class SyncError(EddylineError):
    """Replication can't go on as it was asked to."""


class DisconnectedError(SyncError):
    """Nobody answers at an address, or a connection has ended: `code` and `reason` are those of websockets."""

    code: int
    reason: str


class EntryError(SyncError):
    """A server won't let somebody in, by `code`: an `authorize` hook raises it, and a link's `last_error` is one."""

    code: str


class RejectedError(SyncError):
    """A server has rejected `commits`, their ids as text, for `reason`: what they said counts nowhere."""

    commits: tuple[str, ...]
    reason: str


class FetchError(SyncError):
    """A query failed on the server; `error` names the class of the error there."""

    error: str


class TransactionError(EddylineError):
    """The unit of writing was used against its rules."""


class RefusedError(TransactionError):
    """A guard of a command said no: `command` is its name, `reason` what the guard said. Nothing was written."""

    command: str
    reason: str


class ConflictError(TransactionError):
    """A row isn't as it was read: `found` is what it is now, None if it is gone, `columns` where they differ."""

    row: Any  # a row of a model: errors stand below models
    found: Any
    columns: tuple[str, ...]


class UseTransactionError(TransactionError):
    """`db.{call}` inside one's own block would wait for that block to end: use `tx.{call}`."""


class TransactionControlError(TransactionError):
    """The block itself begins and ends the transaction."""


class RolledBackError(TransactionError):
    """SQLite ended the whole transaction; nothing of the block is kept."""


class CommitError(TransactionError):
    """COMMIT failed (a deferred foreign key, a full disk); nothing of the block is kept."""


_BUSY_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def is_readonly(error: BaseException) -> bool:
    """Say whether `error` is SQLite's word that the file can't be written."""
    return (
        isinstance(error, sqlite3.OperationalError)
        and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
    )


def is_busy(error: BaseException) -> bool:
    """Say whether `error` is SQLite's word that another connection holds a lock."""
    return isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY_CODES
