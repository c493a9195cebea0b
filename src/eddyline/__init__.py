"""Eddyline: live SQL queries that drive user interfaces.

async with Database.open("app.db") as db:
    open_issues = await db.live("SELECT title FROM issue WHERE state = 'open'")
    label = computed(lambda: f"{len(open_issues.rows())} open")
    effect(lambda: print(label()))
    await db.execute("UPDATE issue SET state = 'open' WHERE id = 7")        # prints the new count
"""

from eddyline.bindings.notebook.display import load_ipython_extension, unload_ipython_extension
from eddyline.core.database import Database
from eddyline.core.errors import (
    BehindSealError,
    ClosedError,
    CommitError,
    CommitFormatError,
    ConflictError,
    ConstraintError,
    DisconnectedError,
    EddylineError,
    EntryError,
    FetchError,
    ForgottenError,
    ForkError,
    FrameError,
    ImportFileError,
    LaneError,
    LoadError,
    LockedError,
    LogError,
    MalformedUpdateError,
    MissingLibraryError,
    MissingParentsError,
    MissingRowError,
    ModelError,
    NotSavedError,
    OpenError,
    PageError,
    ParameterError,
    QueryError,
    ReadOnlyError,
    RefusedError,
    RejectedError,
    RolledBackError,
    SchemaMismatchError,
    SnapshotError,
    SqlSyntaxError,
    StateError,
    StatementError,
    SyncError,
    TransactionControlError,
    TransactionError,
    TriggerError,
    UnknownColumnError,
    UnknownTableError,
    UnreadableError,
    UseTransactionError,
    ValidationError,
    ViewTooLargeError,
)
from eddyline.core.ids import new_id
from eddyline.core.importing import ImportedTable, ImportFormat, ImportResult
from eddyline.core.ivm.budget import ViewSize
from eddyline.core.ivm.view import View
from eddyline.core.laws import check_merge_laws
from eddyline.core.log.entries import LogChange, LogEntry
from eddyline.core.log.undo import UndoResult
from eddyline.core.model.ask import dump
from eddyline.core.model.base import Existing, Model
from eddyline.core.model.column import Column, Text, column, generated
from eddyline.core.model.ref import Ref, alias, ref
from eddyline.core.model.relation import Many, many
from eddyline.core.model.soft import SoftDeleted
from eddyline.core.model.travel import LoadedQuery, load
from eddyline.core.model.watched import Cell, WatchedRow
from eddyline.core.order_keys import order_key_between, order_keys_between
from eddyline.core.origin import acting
from eddyline.core.query.builder import Query
from eddyline.core.query.expr import Expr, call, count, param
from eddyline.core.row import Row
from eddyline.core.semantic import Email, Money, Semantic, Url, money, semantic
from eddyline.core.shared_text import SharedText
from eddyline.core.stats import Profile, QueryStats, Stats
from eddyline.core.text.document import TextChange, map_index
from eddyline.core.write.command import Command, command
from eddyline.core.write.sync import SyncTransaction
from eddyline.core.write.trace import Span
from eddyline.core.write.transaction import Transaction
from eddyline.core.write.writer import Commit, Result
from eddyline.signals import (
    Computed,
    Effect,
    Insert,
    Move,
    Patch,
    Remove,
    Reset,
    Scope,
    Signal,
    Update,
    batch,
    computed,
    effect,
    on_cleanup,
    signal,
    untracked,
)

__all__ = [
    "BehindSealError",
    "Cell",
    "ClosedError",
    "Column",
    "Command",
    "Commit",
    "CommitError",
    "CommitFormatError",
    "Computed",
    "ConflictError",
    "ConstraintError",
    "Database",
    "DisconnectedError",
    "EddylineError",
    "Effect",
    "Email",
    "EntryError",
    "Existing",
    "Expr",
    "FetchError",
    "ForgottenError",
    "ForkError",
    "FrameError",
    "ImportFileError",
    "ImportFormat",
    "ImportResult",
    "ImportedTable",
    "Insert",
    "LaneError",
    "LoadError",
    "LoadedQuery",
    "LockedError",
    "LogChange",
    "LogEntry",
    "LogError",
    "MalformedUpdateError",
    "Many",
    "MissingLibraryError",
    "MissingParentsError",
    "MissingRowError",
    "Model",
    "ModelError",
    "Money",
    "Move",
    "NotSavedError",
    "OpenError",
    "PageError",
    "ParameterError",
    "Patch",
    "Profile",
    "Query",
    "QueryError",
    "QueryStats",
    "ReadOnlyError",
    "Ref",
    "RefusedError",
    "RejectedError",
    "Remove",
    "Reset",
    "Result",
    "RolledBackError",
    "Row",
    "SchemaMismatchError",
    "Scope",
    "Semantic",
    "SharedText",
    "Signal",
    "SnapshotError",
    "SoftDeleted",
    "Span",
    "SqlSyntaxError",
    "StateError",
    "StatementError",
    "Stats",
    "SyncError",
    "SyncTransaction",
    "Text",
    "TextChange",
    "Transaction",
    "TransactionControlError",
    "TransactionError",
    "TriggerError",
    "UndoResult",
    "UnknownColumnError",
    "UnknownTableError",
    "UnreadableError",
    "Update",
    "Url",
    "UseTransactionError",
    "ValidationError",
    "View",
    "ViewSize",
    "ViewTooLargeError",
    "WatchedRow",
    "acting",
    "alias",
    "batch",
    "call",
    "check_merge_laws",
    "column",
    "command",
    "computed",
    "count",
    "dump",
    "effect",
    "generated",
    "load",
    "load_ipython_extension",
    "many",
    "map_index",
    "money",
    "new_id",
    "on_cleanup",
    "order_key_between",
    "order_keys_between",
    "param",
    "ref",
    "semantic",
    "signal",
    "unload_ipython_extension",
    "untracked",
]
