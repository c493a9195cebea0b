"""`LiveTable`: a table in a notebook that follows a view; one anywidget for Jupyter, VS Code, Colab and marimo.

    view --[patches]--> TableFeed --(at most 30 times a second)--> custom messages, numbered --> each page its window
                          ^                                        traitlets: the last snapshot, the latest number
    sort, selection <-----+------ custom messages <---------------- scroll, header, rows, edited cells

A page starts from the snapshot, asks for its window, and asks again when a number is missing. The latest number goes by
a traitlet once it is quiet, so a lost last message is found, too. What arrives on a thread of the kernel's own is
posted to the loop that owns the table.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import anywidget
import traitlets

from eddyline import Column, EddylineError, Existing, Model, ParameterError, Patch, View

from ...signals import Clock, Computed, Scope, Signal, computed, current_scope, effect, signal, untracked
from ...signals.pace import Pace
from ...signals.scope import root
from .assets import asset
from .frames import FRAME_S, clock_here, running_loop
from .plain_table import html_table, text_table
from .sorted_rows import SortedRows
from .table_feed import TableFeed, Window

__all__ = ["LiveTable"]

QUIET_S = 0.5
SHARE = 0.25  # of the time, at most, goes into telling pages
SNAPSHOT_ROWS = 60

_log = logging.getLogger("eddyline")


class LiveTable(anywidget.AnyWidget):
    """A table that follows `view`. `selected` are the chosen rows, `sort` the column and whether it is descending."""

    _esm = asset("feed_rows.js", "live_table.js")
    _css = asset("live_table.css")

    snapshot = traitlets.Dict().tag(sync=True)
    latest = traitlets.Int(0).tag(sync=True)
    selected_ids: Any = traitlets.List().tag(sync=True)  # Any: a list of numbers
    flash = traitlets.Bool(True).tag(sync=True)
    height = traitlets.Int(320).tag(sync=True)

    def __init__(
        self,
        view: View[Any],
        *,
        flash: bool = True,
        height: int = 320,
        clock: Clock | None = None,
    ) -> None:
        self.view = view
        self.selected_keys: Signal[tuple[Hashable, ...]] = signal((), name="selected keys")
        self.sort: Signal[tuple[str, bool] | None] = signal(None, name="sort")
        self._rows = SortedRows()
        self._feed = TableFeed(self._rows, self.send)
        self._feed.kept = self.selected_keys.peek
        self._changes: Signal[int] = signal(0, name="rows of the table")
        self.selected: Computed[tuple[Any, ...]] = computed(self._find_selected)
        self._clock = clock
        self._loop = running_loop()
        self._due = self._quiet = False
        self._pace = Pace(share=SHARE, ahead_s=FRAME_S)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._scope = Scope("LiveTable", parent=root)
        self._scope.add(view.subscribe(self._take))
        self._scope.run(self._follow)
        self._feed.flush()
        super().__init__(snapshot=self._feed.whole(Window(0, SNAPSHOT_ROWS)), flash=flash, height=height)
        self.on_msg(lambda _widget, content, _buffers: self._post(partial(self._hear, content)))
        owner = current_scope()
        if owner is not root:
            owner.add(self)

    def _follow(self) -> None:
        """Follow what isn't said by patches."""
        effect(self._note_facts, name="LiveTable status")
        effect(self._note_selected, name="LiveTable selection")
        effect(self._note_sort, name="LiveTable sort")

    # -- from the view

    def _take(self, patches: list[Patch]) -> None:
        self._place()
        self._feed.changed(patches)
        if any(not hasattr(patch, "columns") for patch in patches) or self.selected_keys.peek():
            self._changes.update(lambda n: n + 1)
        self._soon()

    def _place(self) -> None:
        """Note the columns, and which part of its list the view shows."""
        view, rows = self.view, self._rows
        self._feed.columns = untracked(lambda: tuple(view.columns))
        total = untracked(lambda: getattr(view, "total", None))
        first = untracked(lambda: getattr(view, "first", 0))
        part = total is not None and (first > 0 or total != len(view))
        rows.offset, rows.length = (first, total) if part else (0, None)

    def _note_facts(self) -> None:
        """Have pages told how the view is."""
        view = self.view
        _ = getattr(view, "total", None)
        error = view.error
        self._facts(status=view.status, error=None if error is None else str(error))

    def _facts(self, **facts: Any) -> None:  # Any: what JSON can say
        self._feed.facts = self._feed.facts | {"readonly": self._readonly()} | facts
        self._soon()

    # -- to the pages

    def _soon(self) -> None:
        """Have pages told, in the next frame; at once where no time passes (no loop runs)."""
        if self._due or self._stopped:
            return
        clock = clock_here(self._clock)
        if clock is None:
            self._tell(None)
            return
        self._due = True
        wait_s = max(FRAME_S, self._pace.wait_s(clock.time()))
        clock.call_later(wait_s, partial(self._tell, clock))

    def _tell(self, clock: Clock | None) -> None:
        self._due = False
        if self._stopped:
            return
        started = clock.time() if clock is not None else 0.0
        self._place()
        self._feed.flush()
        if clock is None:
            self._settle()
            return
        self._pace.spend(clock.time() - started, clock.time())
        if not self._quiet:
            self._quiet = True
            clock.call_later(QUIET_S, self._settle)

    def _settle(self) -> None:
        """Say which message was the latest: a page that lacks it asks."""
        self._quiet = False
        if not self._stopped and self.comm is not None and self.latest != self._feed.serial:
            self.latest = self._feed.serial

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:  # Any: as ipywidgets has it
        """Return the state; the snapshot in it is of now."""
        state = super().get_state(key, drop_defaults)
        if "snapshot" in state:
            state["snapshot"] = self._feed.whole(Window(0, SNAPSHOT_ROWS))
        return state

    # -- from the pages

    def _post(self, call: Callable[[], None]) -> None:
        """Do `call` on the loop of the table."""
        loop = self._loop
        if loop is None or not loop.is_running() or loop is running_loop():
            call()
        else:
            loop.call_soon_threadsafe(call)

    def _hear(self, message: Any) -> None:  # Any: whatever came in
        """Do what a page asks for. What makes no sense is logged, not raised: nobody is there to catch it."""
        try:
            match message:
                case {"op": "want", "id": str(id), "first": int(first), "size": int(size)}:
                    self._reach(first, size)
                    self._feed.want(id, first, size)
                case {"op": "gone", "id": str(id)}:
                    self._feed.drop(id)
                case {"op": "sort", "column": None}:
                    self.sort.set(None)
                case {"op": "sort", "column": int(at), "descending": bool(descending)}:
                    self.sort.set((self._feed.columns[at], descending))
                case {"op": "select", "ids": list(ids)}:
                    self.selected_keys.set(tuple(self._feed.key_of(number) for number in ids))
                case {"op": "range", "from": int(first), "to": int(last)}:
                    self.selected_keys.set(tuple(self._rows.window(first, last + 1 - first)[0]))
                case {"op": "edit", "id": int(id), "column": int(at), "text": str(text), "ask": ask, "page": page}:
                    self._spawn(self._edit(self._feed.key_of(id), at, text, {"ask": ask, "page": page}))
                case _:
                    raise ParameterError(f"a page of LiveTable asked for what it doesn't know: {message!r:.200}")
        except (ParameterError, LookupError) as error:
            _log.warning("a message of a page is left alone: %s", error)

    def _reach(self, first: int, size: int) -> None:
        """See that a view which shows a part of its list shows this part."""
        if self._rows.length is not None and not self._rows.has(first, size):
            self._spawn(self.view.window(max(first, 0), max(size, 1)))

    def _note_sort(self) -> None:
        """Show the rows in the order that `sort` says."""
        wanted = self.sort.get()
        at = None
        if wanted is not None:
            if wanted[0] not in self._feed.columns:
                raise ParameterError(f"no column {wanted[0]!r} to sort by; there are: {', '.join(self._feed.columns)}")
            at = self._feed.columns.index(wanted[0])
        self._rows.sort(at, descending=wanted is not None and wanted[1])
        self._facts(sort=None if wanted is None or self._rows.length is not None else [at, wanted[1]])

    def _note_selected(self) -> None:
        numbers = [self._feed.number_of(key) for key in self.selected_keys.get()]
        if self.selected_ids != numbers:
            self.selected_ids = numbers

    def _find_selected(self) -> tuple[Any, ...]:
        """Return the chosen rows that are there, in the order in which they were chosen."""
        self._changes.get()
        keys = self.selected_keys.get()
        if not keys:
            return ()
        wanted = set(keys)
        found = {key: row for key, row in zip(self._rows.keys, self._rows.rows, strict=True) if key in wanted}
        return tuple(found[key] for key in keys if key in found)

    # -- editing

    def _readonly(self) -> str | None:
        """Return why cells can't be edited; None if they can."""
        row = self._rows.rows[0] if self._rows.rows else None
        if row is None or isinstance(row, Model | Existing):
            return None
        return "only rows of a model can be edited: give db.live a model query, as Issue.where(...), not SQL text"

    async def _edit(self, key: Hashable, at: int, text: str, asked: dict[str, Any]) -> None:  # Any: as it came
        """Write one cell, and answer."""
        error: str | None = None
        try:
            await self._write(key, self._feed.columns[at], text)
        except (EddylineError, ValueError, LookupError) as refused:
            error = str(refused)
        self.send({"op": "edited", **asked, "error": error})

    async def _write(self, key: Hashable, name: str, text: str) -> None:
        if (why := self._readonly()) is not None:
            raise ParameterError(why)
        row = self._rows.rows[self._rows.keys.index(key)]
        column = getattr(type(row), name, None)
        if not isinstance(column, Column):
            raise ParameterError(f"{name} is no column of {type(row).__name__}: it can't be written")
        watched = root.run(row.watch)
        try:
            cell = watched.cell(column)
            cell.set(cell.from_text(text))
            await cell.written()
        finally:
            watched.close()

    def _spawn(self, work: Any) -> None:  # Any: a coroutine
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("a table could not do what its page asked for: %s", error)

    # -- life

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._stopped

    def close(self) -> None:
        """Stop following and take the table off every page. Twice is harmless."""
        if not self._stopped:
            self._stopped = True
            for task in list(self._tasks):
                task.cancel()
            self._scope.close()
            super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # Any: as ipywidgets has it
        """Return the widget, and the rows as they are for where it can't run."""
        plain = {"text/plain": text_table(self.view), "text/html": html_table(self.view)}
        bundle: Any = super()._repr_mimebundle_(**kwargs) if not self._stopped else None
        data = bundle[0] if isinstance(bundle, tuple) else bundle or {}
        return data | plain
