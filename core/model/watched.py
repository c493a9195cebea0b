"""Watched rows: a row as a signal, each of its cells as one, and a cell that writes what it is set to.

    watched = issue.watch()              watched()          the row as it is now; None once it is gone
    title = watched.cell(Issue.title)    title()            its value; title.set("...") writes it to the database

    row known --> shown at once           live query of one row (thousands share one program) --> each commit after
    cell.set(a), set(b), set(c)  -->  shown at once  -->  one write at a time, the latest value  -->  the row says it

A cell that was set shows that until the row has it, so what is typed never jumps back. What the database refuses stays
in the cell, as `cell.error` says, until it is set again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from ...signals import Computed, Signal, batch, computed, current_scope, signal
from ...signals.scope import root
from ..errors import EddylineError, ParameterError
from ..schema.table import ColumnSpec, TableSpec
from .base import ModelBase
from .column import Column
from .texts import as_text, check_value, from_text

__all__ = ["Cell", "WatchedRow"]

M = TypeVar("M", bound=ModelBase)
M_co = TypeVar("M_co", bound=ModelBase, covariant=True)
T = TypeVar("T")

_NOTHING: Final = object()


class Rows(Protocol[M_co]):
    """A live query of one row."""

    def rows(self) -> Sequence[M_co]: ...
    def close(self) -> None: ...


class WatchedRow(Generic[M]):
    """A row as a signal: the row as it is now, None once it is gone. Closed by the Scope that is current here.

    `await` it to be sure that it shows what is committed; until then it shows the row as it was known.
    """

    def __init__(
        self,
        row: M,
        open_view: Callable[[], Awaitable[Rows[M]]],
        write: Callable[[M, str, object], Awaitable[object]],
        spawn: Callable[[Any], asyncio.Task[Any]],  # Any: a coroutine
    ) -> None:
        self._write, self._spawn = write, spawn
        self._view: Signal[Rows[M] | None] = signal(None)
        self._row: Computed[M | None] = computed(lambda: self._read(row))
        self._spec: TableSpec = type(row).__table__
        self._model = type(row)
        self._cells: dict[str, Cell[Any]] = {}
        self._closed = False
        scope = current_scope()
        if scope is not root:
            scope.add(self)
        self._filling = root.run(lambda: spawn(self._fill(open_view)))

    def _read(self, row: M) -> M | None:
        view = self._view.get()
        if view is None:
            return row
        rows = view.rows()
        return rows[0] if rows else None

    async def _fill(self, open_view: Callable[[], Awaitable[Rows[M]]]) -> None:
        view = await open_view()
        if self._closed:
            view.close()
        else:
            self._view.set(view)

    def get(self) -> M | None:
        """Return the row as it is now; tracked."""
        return self._row.get()

    __call__ = get

    @property
    def value(self) -> M | None:
        """The row as it is now; tracked."""
        return self._row.get()

    def peek(self) -> M | None:
        """Return the row as it is now; untracked."""
        return self._row.peek()

    def cell(self, column: Column[T]) -> Cell[T]:
        """Return one cell of the row as a signal, the same one each time: it moves only when that value does."""
        given: object = column
        if not isinstance(given, Column) or given._owner is not self._model:
            raise ParameterError(f"cell takes a column of {self._model.__name__}, not {given!r:.60}")
        name = column._attribute
        if name not in self._cells:
            self._cells[name] = Cell(self, self._spec, self._spec.by_attribute[name])
        return self._cells[name]

    async def followed(self) -> None:
        """Wait until the row is followed, or never will be."""
        await asyncio.wait([self._filling])

    def __await__(self) -> Generator[Any, None, Self]:
        yield from asyncio.shield(self._filling).__await__()
        return self

    def close(self) -> None:
        """Stop following; what was shown stays readable. Twice is harmless."""
        if self._closed:
            return
        self._closed = True
        view = self._view.peek()
        if view is not None:
            view.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def __repr__(self) -> str:
        row = self.peek()
        return f"<WatchedRow {self._model.__name__}: {'gone' if row is None else repr(row.__key__())}>"


class Cell(Generic[T]):
    """One cell of a watched row: a signal that also writes. None once the row is gone."""

    def __init__(self, row: WatchedRow[Any], spec: TableSpec, column: ColumnSpec) -> None:
        self._row, self._spec, self._column = row, spec, column
        self._wanted: Signal[Any] = signal(_NOTHING)
        self._error: Signal[EddylineError | None] = signal(None)
        self._stored: Computed[Any] = computed(self._read)
        self._shown: Computed[Any] = computed(self._show)
        self._writing: asyncio.Task[None] | None = None

    def _read(self) -> Any:  # Any: a T, or None
        row = self._row.get()
        return None if row is None else row[self._column.attribute]

    def _show(self) -> Any:  # Any: as above
        wanted = self._wanted.get()
        return self._stored.get() if wanted is _NOTHING else wanted

    def get(self) -> T | None:
        """Return the value, set or stored; tracked."""
        shown: T | None = self._shown.get()
        return shown

    __call__ = get

    @property
    def value(self) -> T | None:
        """The value, set or stored; tracked."""
        return self.get()

    def peek(self) -> T | None:
        """Return the value, set or stored; untracked."""
        shown: T | None = self._shown.peek()
        return shown

    @property
    def error(self) -> EddylineError | None:
        """Why the database refused what the cell was set to last; tracked."""
        return self._error.get()

    def set(self, value: T) -> None:
        """Show `value` now and write it to the row. Raises `ParameterError` for what the column doesn't take."""
        self._spec.encode(self._column, value)
        self._spec.validate(self._column, value)
        self._wanted.set(value)
        if self._writing is None:
            self._writing = root.run(lambda: self._row._spawn(self._write()))

    async def written(self) -> None:
        """Wait until the database has answered to what the cell was set to. Raises what it refused it with."""
        while self._writing is not None:
            await asyncio.shield(self._writing)
        if (error := self._error.peek()) is not None:
            raise error

    def from_text(self, typed: Any) -> Any:  # Any: what a widget holds, what the column does
        """Return what a person means by `typed`. Raises `ValueError` for what the column doesn't take."""
        return from_text(self._spec, self._column, typed)

    def as_text(self, value: T | None) -> str:
        """Return `value` as a person reads it."""
        return as_text(self._column.kind, value)

    def check(self, value: Any) -> Any:  # Any: as above
        """Return `value`. Raises `ValueError` for what the column doesn't take."""
        check_value(self._spec, self._column, value)
        return value

    def __repr__(self) -> str:
        return f"<Cell {self._spec.model}.{self._column.attribute}: {self.peek()!r:.40}>"

    async def _write(self) -> None:
        """Write what is wanted, until nothing newer is."""
        try:
            await self._row.followed()  # else, once this is written, the row would say its old value for a moment
            while (wanted := self._wanted.peek()) is not _NOTHING:
                row = self._row.peek()
                try:
                    if row is None:
                        raise ParameterError(f"this row of {self._spec.model} is gone: nothing can be written to it")
                    await self._row._write(row, self._column.attribute, wanted)
                except EddylineError as error:
                    if self._wanted.peek() is wanted:
                        self._error.set(error)
                        return
                else:
                    with batch():
                        self._error.set(None)
                        if self._wanted.peek() is wanted:
                            self._wanted.set(_NOTHING)
        finally:
            self._writing = None
