"""The open transaction as synchronous code sees it: `db.write` blocks and before_commit hooks, on the thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ..errors import ClosedError
from ..model.ask import AnyQuery, ask
from ..model.base import ModelBase
from ..model.column import Assignment, Column
from ..model.relation import Many
from ..query.builder import Query
from ..query.expr import read_once
from ..query.nested import nest
from ..query.shown import maker_for
from ..row import Row
from ..values import bind
from . import amounts as amounts_of
from . import links, rows

if TYPE_CHECKING:
    from .writer import Result, Writer

__all__ = ["SyncSavepoint", "SyncTransaction"]

R = TypeVar("R")
M = TypeVar("M", bound=ModelBase)


class SyncTransaction:
    """The open transaction as synchronous code sees it: `db.write` blocks and before_commit hooks."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self._serial = writer, writer.serial
        self._depth = 0

    def execute(self, sql: str, /, *args: Any, **named: Any) -> Result:
        """Run one statement."""
        return self._open().execute(sql, args, named)

    def executemany(self, sql: str, many: Iterable[Any], /) -> Result:
        """Run one statement for each parameter set."""
        return self._open().executemany(sql, many)

    @overload
    def fetch(self, query: str, /, *args: Any, **named: Any) -> list[Row]: ...
    @overload
    def fetch(self, query: Query[R], /, **named: Any) -> list[R]: ...
    @overload
    def fetch(self, query: type[M], /, **named: Any) -> list[M]: ...
    def fetch(self, query: AnyQuery, /, *args: Any, **named: Any) -> list[Any]:
        """Return the rows of a query, own writes included."""
        asked, args, named = ask(query, args, named)
        read = {name: read_once(value) for name, value in named.items()}
        writer = self._open()
        found = writer.execute(asked.sql, args, read).rows
        made = list(map(maker_for(asked.make, found[0].columns), found)) if asked.make and found else found
        bound = bind((), read)
        return nest(writer.conn, asked.levels, made, bound if isinstance(bound, dict) else {}) if asked.levels else made

    # -- rows of models

    def add(self, row: M) -> M:
        """Insert a row of a model; return it, with the key that SQLite has given where it was left out."""
        return rows.add(self, row)

    def _gives(self, table: str, column: str) -> bool:
        """Say whether SQLite gives `column` a number where it is left out; unknown tables are left to SQLite."""
        info = self._open().catalog.find(table, "main")
        return info is None or (info.rowid_alias or "").lower() == column.lower()

    def add_all(self, many: Iterable[M]) -> list[M]:
        """Insert rows of models, in their order."""
        return rows.add_all(self, list(many))

    def update(self, row: M, /, *changes: Assignment, **values: Any) -> M:
        """Change columns of `row`; return it as it is now. `Issue.state.set("closed")` is checked by type checkers.

        Raises `MissingRowError` if the row is gone.
        """
        return rows.update(self, row, changes, values)

    def add_to(self, row: M, column: Column[Any], *amounts: Any) -> M:
        """Add to a counter, or to a set, of `row`: what replicas add at once adds up. Return the row as it is now."""
        return amounts_of.change(self, row, column, amounts, take=False)

    def take_from(self, row: M, column: Column[Any], *amounts: Any) -> M:
        """Take from a counter, or from a set, of `row`; return the row as it is now."""
        return amounts_of.change(self, row, column, amounts, take=True)

    def delete(self, row: ModelBase) -> None:
        """Delete `row`; one of a `SoftDeleted` model by a mark. Raises `MissingRowError` if it is gone."""
        rows.delete(self, row)

    def restore(self, row: M) -> M:
        """Take back that `row` of a `SoftDeleted` model was deleted, and what went with it; return it."""
        return rows.restore(self, row)

    def erase(self, row: ModelBase) -> None:
        """Delete `row` for good. Raises `MissingRowError` if it is gone."""
        rows.erase(self, row)

    def upsert(self, row: M, *, by: rows.By) -> M:
        """Update the row that agrees with `row` in the columns `by`, or insert `row`; return what is there now.

        An update sets the columns that were spelled out when `row` was made, not those that took their default.
        """
        return rows.upsert(self, row, by)

    def get(self, model: type[M], key: Any) -> M | None:
        """Return the row of `model` with the key `key`, or None."""
        return rows.get(self, model, key)

    def expect(self, row: ModelBase, /, *columns: Column[Any]) -> None:
        """Raise `ConflictError` unless `row` is still as it was read, in `columns` or in all of them."""
        rows.expect(self, row, columns)

    def seed(self, model: type[M], n: int = 100, *, seed: int = 0, **values: Any) -> list[M]:
        """Write `n` example rows of `model`, and of those they lead to where none are there; return them.

        `values` says those of a column: one for all, or a function of a `random.Random` and the number of the row.
        """
        from ..seeding.seed import seed_rows

        return seed_rows(self, model, n, seed, values)

    def link(self, row: ModelBase, relation: Many[M], *others: M | str | int) -> int:
        """Let `others` belong to `row`: `tx.link(issue, Issue.labels, bug)`; return how many didn't yet."""
        return links.link(self, row, relation, others)

    def unlink(self, row: ModelBase, relation: Many[M], *others: M | str | int) -> int:
        """Let `others` belong to `row` no more; return how many did."""
        return links.unlink(self, row, relation, others)

    def savepoint(self) -> SyncSavepoint:
        """Open a part that an exception undoes by itself; the exception goes on."""
        self._depth += 1
        return SyncSavepoint(self._open(), f"_eddy_part_{self._depth}")

    def _open(self) -> Writer:
        """Return the writer, whose transaction is still this one."""
        if self._serial != self._writer.serial:
            raise ClosedError("this transaction has ended; nothing more can be done in it")
        return self._writer


class SyncSavepoint:
    """A part of a synchronous transaction."""

    def __init__(self, writer: Writer, name: str) -> None:
        self._writer, self._name = writer, name

    def __enter__(self) -> None:
        """Begin the part."""
        self._writer.savepoint(self._name)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self._writer.release(self._name)
        else:
            self._writer.rollback_to(self._name)
