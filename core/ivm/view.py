"""Views: live queries as signals, on the loop.

    Program (thread) --Outcome--> Shared (rows, once for all equal queries) --patches--> View, View, View (handles)

`view.window(first, size)` shows a part of the list. `View.rows()` and `.params` always belong together: while a changed
parameter is being filled the view is `stale` and shows the rows of the old one. Its rows are those of
`Shared`: a handle costs about 1 KB.
An error in a subscriber or effect goes to the error hook; it can't reach the writer, whose commit stands.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias

from ...signals import Source, apply_patches, batch, current_scope
from ...signals.closing import Closing
from ...signals.patch import Patch, Reset
from ...signals.scope import root
from ...signals.showing import Shown
from ..errors import ClosedError, ParameterError
from ..query.nested import diff_rows
from ..row import Row
from ..values import shown
from .budget import ViewSize
from .few import Few, each, joined, without
from .frames import TypedColumn, to_arrow, to_pandas, to_polars, typed_columns
from .part import Part
from .program import Outcome, Program, Status
from .recording import Recording

__all__ = ["Params", "Shared", "View"]

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    R = TypeVar("R", default=Any)  # `View` alone: of any rows
else:
    from typing import TypeVar

    R = TypeVar("R")

Params: TypeAlias = tuple[Any, ...] | Mapping[str, Any]

_BACKLOG_MAX = 1000


class Owner(Protocol):
    """What the wiring does for a view."""

    def let_go(self, shared: Shared) -> None:
        """End a program that nobody shows any more."""

    def forget(self, view: View[Any]) -> None:
        """A view is closed."""

    def explain(self, program: Program, cost_us: float | None) -> Any:
        """Return how a query is kept."""

    async def move(self, view: View[Any], first: int, size: int) -> None:
        """Show another part of the list in `view`."""


class Shared:
    """The rows of one program, and the views that show them."""

    __slots__ = (
        "__weakref__",
        "_on_error",
        "_views",
        "columns",
        "cost_us",
        "error",
        "key",
        "keys",
        "on_dirty",
        "place",
        "program",
        "rows",
        "status",
        "taken",
        "version",
    )

    def __init__(self, on_error: Callable[[BaseException], None], on_dirty: Callable[[Shared], None]) -> None:
        self.program: Program
        self.key: object = None
        self.rows: list[Row] = []
        self.keys: list[Any] = []
        self.columns: tuple[str, ...] = ()
        self.place: tuple[int, int] | None = None
        self.status: Status = "filling"
        self.error: Exception | None = None
        self.version = 0
        self.taken = 0
        self.cost_us: float | None = None
        self.on_dirty = on_dirty
        self._views: Few[View[Any]] = None
        self._on_error = on_error

    def take(self, number: int, outcome: Outcome) -> None:
        """Change the rows as the program says."""
        if outcome.cost_us is not None:
            self.cost_us = outcome.cost_us
        if outcome.dirty:
            return
        self.taken += 1
        self.version = max(self.version, number)
        self.status, self.error, self.place = outcome.status, outcome.error, outcome.place
        if outcome.columns is not None:
            self.columns = outcome.columns
        if outcome.patches:
            apply_patches(outcome.patches, self.rows, self.keys)
        for view in each(self._views):
            view._rows = None

    def tell(self, outcome: Outcome) -> None:
        """Let the views tell their readers; a re-run query asks for its run."""
        if outcome.dirty:
            self.on_dirty(self)
            return
        for view in list(each(self._views)):
            view._tell(outcome.patches)

    def join(self, view: View[Any]) -> None:
        """Show the rows in `view`."""
        self._views = joined(self._views, view)

    def leave(self, view: View[Any]) -> bool:
        """Stop; return whether nobody is left."""
        self._views = without(self._views, view)
        return self._views is None

    @property
    def watched(self) -> bool:
        """Whether any view shows these rows."""
        return self._views is not None

    def report(self, error: BaseException) -> None:
        """Hand an error of a reader's code to the error hook."""
        self._on_error(error)


class View(Closing, Shown, Generic[R]):
    """A live query: a signal whose value is the tuple of its rows (`R`), and a source of patches.

    `rows()`, `get()`, `value`, `status`, `error`, `params` and `version` are tracked by computeds and effects; `peek()`
    and `keys()` are not. Close it, or let the Scope do it that was current at `db.live`.
    """

    __slots__ = (
        "__weakref__",
        "_closed",
        "_closers",
        "_own_error",
        "_owner",
        "_params",
        "_part",
        "_retry",
        "_rows",
        "_serial",
        "_shared",
        "_source",
        "_stale",
        "_subscribers",
    )

    def __init__(
        self,
        shared: Shared,
        params: Params,
        owner: Owner,
        part: Part | None = None,
    ) -> None:
        self._shared = shared
        self._params = params
        self._owner, self._part = owner, part
        self._source = Source()
        self._rows: tuple[R, ...] | None = None
        self._stale = False
        self._own_error: Exception | None = None
        self._retry: Callable[[], None] | None = None
        self._subscribers: dict[int, Callable[[list[Patch]], object]] | None = None
        self._serial = 0
        self._closers: list[Callable[[], object]] | None = None
        self._closed = False
        shared.join(self)
        if part is not None:
            part.show(shared)

    # -- reading

    def rows(self) -> tuple[R, ...]:
        """Return the rows in order; tracked."""
        self._source.track()
        return self.peek()

    get = rows
    __call__ = rows

    @property
    def value(self) -> tuple[R, ...]:
        """The rows in order; tracked."""
        return self.rows()

    def peek(self) -> tuple[R, ...]:
        """Return the rows in order, untracked. O(rows) once after each change, then O(1)."""
        if self._rows is None:
            shared = self._shared
            rows: Any = shared.rows if self._part is None else self._part.rows(shared)  # Any: of R, as the query's
            self._rows = tuple(rows)
        return self._rows

    def keys(self) -> list[Hashable]:
        """Return the key of each row, in row order; untracked."""
        return list(self._shared.keys) if self._part is None else self._part.keys(self._shared)

    @property
    def first(self) -> int:
        """The place in the list of the first row that is shown; tracked. 0 without a window."""
        self._source.track()
        return 0 if self._part is None else self._part.place(self._shared)[0]

    @property
    def total(self) -> int:
        """How many rows the list has, shown or not; tracked."""
        self._source.track()
        return len(self._shared.rows) if self._part is None else self._part.place(self._shared)[1]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the result's columns; tracked."""
        self._source.track()
        return self._shared.columns

    @property
    def status(self) -> Status:
        """`filling`, `live`, `stale` (a changed parameter is being filled) or `failed`; tracked."""
        self._source.track()
        if self._own_error is not None:
            return "failed"
        return "stale" if self._stale else self._shared.status

    @property
    def error(self) -> Exception | None:
        """Why the view is `failed`; tracked."""
        self._source.track()
        return self._own_error or self._shared.error

    @property
    def params(self) -> Params:
        """The parameter values that the rows belong to; tracked."""
        self._source.track()
        return self._params

    @property
    def version(self) -> int:
        """The number of the commit that last changed what is shown; tracked."""
        self._source.track()
        return self._shared.version

    @property
    def last_cost_us(self) -> float | None:
        """What the last commit that concerned this query cost it, in microseconds; untracked."""
        return self._shared.cost_us

    @property
    def size(self) -> ViewSize:
        """What it holds in memory, shared by equal queries: rows, and bytes, about; untracked."""
        return self._shared.program.size(self._shared.rows, self._shared.keys)

    def explain(self) -> Any:
        """Return how the query is kept and why: `str()` of it is text, `.data` plain data."""
        return self._owner.explain(self._shared.program, self._shared.cost_us)

    def df(self) -> Any:
        """Return the rows as a pandas DataFrame of their own; tracked. Raises `MissingLibraryError`."""
        return to_pandas(self._typed())

    def pl(self) -> Any:
        """Return the rows as a polars DataFrame; tracked. Raises `MissingLibraryError`."""
        return to_polars(self._typed())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        """Return the rows as an Arrow stream, for whatever reads one: `pl.DataFrame(view)`, `pa.table(view)`.

        Raises `MissingLibraryError` where neither pyarrow nor polars is installed.
        """
        return to_arrow(self._typed(), requested_schema)

    def _typed(self) -> list[TypedColumn]:
        program = self._shared.program
        hints = program.template.types if program.template is not None else ()
        rows: Any = self.rows()  # Any: of R, which are tuples
        return typed_columns(self._shared.columns, rows, hints, program.asked.make)

    def record(self, path: str | Path, *, now: Callable[[], float] = time.time) -> Recording:
        """Write the rows as they are, and every patch from now on, to a file: lines of JSON, or Parquet.

        `path` ends in `.jsonl` (written at once) or `.parquet` (when the recording is closed; takes pyarrow or polars).
        It ends with the view, with the Scope that is current here, or by `close()`. `now` tells the time, as seconds.
        Raises `ParameterError` for another ending, `OSError` where the file can't be written.
        """
        self._check_open()
        recording = Recording(self, path, now)
        self._at_close(recording.close)
        scope = current_scope()
        if scope is not root:
            scope.add(recording)
        return recording

    # -- a part of a long list

    async def window(self, first: int, size: int) -> None:
        """Show `size` rows of the list from the place `first` on, and keep no others where the rule allows it.

        Subscribers get patches from the rows shown before to those now; of several calls the last one counts. What is
        shown stays at its place: a row that comes in before it moves every row by one. `total` is the list's length.
        Raises `ParameterError`.
        """
        for name, value, least in (("first", first, 0), ("size", size, 1)):
            if type(value) is not int or value < least:
                raise ParameterError(f"view.window: {name} is a whole number, {least} or more, not {shown(value)}")
        self._check_open()
        await self._owner.move(self, first, size)

    # -- following

    def subscribe(self, fn: Callable[[list[Patch]], object]) -> Callable[[], None]:
        """Call `fn` with a Reset now and with the patches of each commit from then on; return what ends that."""
        self._check_open()
        if not callable(fn):
            raise ParameterError(f"view.subscribe takes a function fn(patches), not {shown(fn)}")
        self._serial += 1
        serial = self._serial
        subscribers = self._subscribers = {} if self._subscribers is None else self._subscribers
        subscribers[serial] = fn
        self._call(fn, [Reset(list(self.peek()), self.keys())])
        return lambda: subscribers.pop(serial, None) and None

    async def changes(self) -> AsyncIterator[list[Patch]]:
        """Yield a Reset, then the patches of each commit.

        A reader that falls behind by more patches than the view has rows (and a thousand) gets a Reset instead.
        """
        waiting: deque[list[Patch]] = deque()
        count, behind, woken = 0, False, asyncio.Event()

        def put(patches: list[Patch]) -> None:
            nonlocal count, behind
            count += len(patches)
            if count > max(_BACKLOG_MAX, len(self._shared.rows)):
                waiting.clear()
                behind = True
            if not behind:
                waiting.append(patches)
            woken.set()

        stop = self.subscribe(put)
        end = woken.set
        self._at_close(end)
        try:
            while True:
                await woken.wait()
                woken.clear()
                while waiting or behind:
                    if behind:
                        count, behind = 0, False
                        yield [Reset(list(self.peek()), self.keys())]
                        continue
                    patches = waiting.popleft()
                    count -= len(patches)
                    yield patches
                if self._closed:
                    return
        finally:
            stop()
            if self._closers is not None and end in self._closers:
                self._closers.remove(end)

    # -- life

    def close(self) -> None:
        """Stop following; the rows stay readable. Twice is harmless."""
        if self._closed:
            return
        self._closed = True
        closers, self._closers = self._closers, None
        for close in reversed(closers or ()):
            close()
        self._owner.forget(self)
        if self._subscribers is not None:
            self._subscribers.clear()
        self.peek()
        self._leave_shared()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def __len__(self) -> int:
        return len(self._shared.rows) if self._part is None else len(self.peek())

    def __repr__(self) -> str:
        text = " ".join(self._shared.program.sql.split())
        short = text if len(text) <= 40 else text[:37] + "..."
        return f"<View {short!r}: {len(self)} rows, {self._shared.program.rule}, {self._shared.status}>"

    # -- called by Shared and by the wiring

    def _at_close(self, fn: Callable[[], object]) -> None:
        """Call `fn` when the view is closed, the last one first."""
        if self._closers is None:
            self._closers = []
        self._closers.append(fn)

    @property
    def _waits(self) -> bool:
        """Whether the rows on show aren't those of the wanted parameters."""
        return self._stale or self._own_error is not None

    def _tell(self, patches: list[Patch]) -> None:
        if self._own_error is not None and self._retry is not None:
            self._retry()  # what refused the new parameters may be gone: a table is back
        if self._part is not None:
            patches = self._part.follow(self._shared, patches)
        self._call_all(patches)
        self._source.changed()

    def _call_all(self, patches: list[Patch]) -> None:
        if patches:
            for fn in list((self._subscribers or {}).values()):
                self._call(fn, patches)

    def _await_params(self) -> None:
        """A parameter changed: the rows on show are those of the old value."""
        self._stale = True
        self._source.changed()

    def _switch(self, shared: Shared, params: Params) -> None:
        """Show another program's rows: those of the new parameter values."""
        old = self._shared
        rows, keys = list(self.peek()), self.keys()
        if shared is not old:
            shared.join(self)
            self._leave_shared()
        self._shared, self._params = shared, params
        self._stale, self._own_error = False, None
        self._show_instead(rows, keys, alike=old.columns == shared.columns)

    def _cut(self, part: Part, first: int, size: int) -> None:
        """Show another part of rows that are all there."""
        rows, keys = list(self.peek()), self.keys()
        self._part, part.first, part.size = part, first, size
        self._show_instead(rows, keys)

    def _show_instead(self, old_rows: Sequence[Any], old_keys: Sequence[Any], *, alike: bool = True) -> None:
        """Tell of what is shown now, where that was shown before."""
        self._rows = None
        rows, keys = list(self.peek()), self.keys()
        patches: list[Patch] = [Reset(rows, keys)]
        if alike:
            patches = diff_rows(old_keys, keys, old_rows, rows, self._shared.columns)
        if self._part is not None:
            self._part.show(self._shared)
        with batch(on_error=self._shared.report):
            self._call_all(patches)
            self._source.changed()

    def _refuse_params(self, error: Exception) -> None:
        """The new parameter values can't be filled: say so, keep the last rows."""
        self._own_error, self._stale = error, False
        with batch(on_error=self._shared.report):
            self._source.changed()

    def _leave_shared(self) -> None:
        if self._shared.leave(self):
            self._owner.let_go(self._shared)

    def _call(self, fn: Callable[[list[Patch]], object], patches: Sequence[Patch]) -> None:
        try:
            fn(list(patches))
        except Exception as error:  # a reader's own code: the commit stands, the others go on
            self._shared.report(error)

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this view is closed; ask for a new one: db.live(...)")
