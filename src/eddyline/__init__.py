"""Eddyline: live SQL queries that drive user interfaces.

async with Database.open("app.db") as db:
    open_issues = await db.live("SELECT title FROM issue WHERE state = 'open'")
    label = computed(lambda: f"{len(open_issues.rows())} open")
    effect(lambda: print(label()))
    await db.execute("UPDATE issue SET state = 'open' WHERE id = 7")        # prints the new count
"""

from eddyline.core.database import Database
from eddyline.core.errors import (
    ClosedError,
    CommitError,
    ConstraintError,
    EddylineError,
    LockedError,
    OpenError,
    ParameterError,
    QueryError,
    ReadOnlyError,
    RolledBackError,
    SqlSyntaxError,
    StateError,
    StatementError,
    TransactionControlError,
    TransactionError,
    UnknownColumnError,
    UnknownTableError,
    UseTransactionError,
)
from eddyline.core.ivm.view import View
from eddyline.core.row import Row
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
    "ClosedError",
    "Commit",
    "CommitError",
    "Computed",
    "ConstraintError",
    "Database",
    "EddylineError",
    "Effect",
    "Insert",
    "LockedError",
    "Move",
    "OpenError",
    "ParameterError",
    "Patch",
    "QueryError",
    "ReadOnlyError",
    "Remove",
    "Reset",
    "Result",
    "RolledBackError",
    "Row",
    "Scope",
    "Signal",
    "SqlSyntaxError",
    "StateError",
    "StatementError",
    "TransactionControlError",
    "TransactionError",
    "UnknownColumnError",
    "UnknownTableError",
    "Update",
    "UseTransactionError",
    "View",
    "batch",
    "computed",
    "effect",
    "on_cleanup",
    "signal",
    "untracked",
]
