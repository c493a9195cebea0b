"""`FeedWidget`: what a table and a chart have in common: a widget that follows a view through a feed.

    view --[patches]--> TableFeed --(at most 30 times a second)--> custom messages, numbered --> each page its window
                          ^                                        traitlets: the last snapshot, the latest number
                          +------ custom messages: want, gone, ... <---------- what the page needs

A page starts from the snapshot, asks for its window, and asks again when a number is missing. The latest number goes by
a traitlet once it is quiet, so a lost last message is found, too. What arrives on a thread of the kernel's own is
posted to the loop that owns the widget.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import anywidget
import traitlets

from eddyline import ParameterError, Patch, View

from ...signals import Clock, Scope, current_scope, effect, untracked
from ...signals.pace import Pace
from ...signals.scope import root
from .frames import FRAME_S, clock_here, running_loop
from .plain_table import html_table, text_table, with_plain
from .sorted_rows import SortedRows
from .table_feed import TableFeed, Window

__all__ = ["FeedWidget", "check_view"]

QUIET_S = 0.5
SHARE = 0.25  # of the time, at most, goes into telling pages

_log = logging.getLogger("eddyline")


class FeedWidget(anywidget.AnyWidget):
    """A widget whose pages show windows of `view`. Closed by the Scope that is current where it is made."""

    snapshot = traitlets.Dict().tag(sync=True)
    latest = traitlets.Int(0).tag(sync=True)
    height = traitlets.Int(320).tag(sync=True)

    SNAPSHOT_ROWS = 60
    ROWS_MAX = 2000  # of one window
    _stopped = True  # until it is made

    def __init__(self, view: View[Any], *, clock: Clock | None, **traits: Any) -> None:  # Any: what the traits hold
        check_view(view, type(self).__name__)
        self.view = view
        self._rows = SortedRows()
        self._feed = TableFeed(self._rows, self.send, size_max=self.ROWS_MAX)
        self._clock = clock
        self._loop = running_loop()
        self._due = self._quiet = self._stopped = False
        self._pace = Pace(share=SHARE, ahead_s=FRAME_S)
        self._tasks: set[asyncio.Task[None]] = set()
        self._scope = Scope(type(self).__name__, parent=root)
        self._scope.add(view.subscribe(self._take))
        self._scope.run(self._follow)
        self._feed.flush()
        super().__init__(snapshot=self._now(), **traits)
        self.on_msg(lambda _widget, content, _buffers: self._post(partial(self._hear, content)))
        owner = current_scope()
        if owner is not root:
            owner.add(self)

    def _follow(self) -> None:
        """Follow what isn't said by patches."""
        effect(self._note_status, name=f"{type(self).__name__} status")

    def _now(self) -> dict[str, Any]:  # Any: JSON
        return self._feed.whole(Window(0, self.SNAPSHOT_ROWS))

    # -- from the view

    def _take(self, patches: list[Patch]) -> None:
        self._place()
        self._feed.changed(patches)
        self._soon()

    def _place(self) -> None:
        """Note the columns, and which part of its list the view shows."""
        view, rows = self.view, self._rows
        self._feed.columns = untracked(lambda: tuple(view.columns))
        total = untracked(lambda: getattr(view, "total", None))
        first = untracked(lambda: getattr(view, "first", 0))
        part = total is not None and (first > 0 or total != len(view))
        rows.offset, rows.length = (first, total) if part else (0, None)

    def _note_status(self) -> None:
        """Have pages told how the view is."""
        view = self.view
        _ = getattr(view, "total", None)
        error = view.error
        self._facts(status=view.status, error=None if error is None else str(error))

    def _facts(self, **facts: Any) -> None:  # Any: what JSON can say
        self._feed.facts = self._feed.facts | facts
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
        clock.call_later(max(FRAME_S, self._pace.wait_s(clock.time())), partial(self._tell, clock))

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
            state["snapshot"] = self._now()
        return state

    # -- from the pages

    def _post(self, call: Callable[[], None]) -> None:
        """Do `call` on the loop of the widget."""
        loop = self._loop
        if loop is None or not loop.is_running() or loop is running_loop():
            call()
        else:
            loop.call_soon_threadsafe(call)

    def _hear(self, message: Any) -> None:  # Any: whatever came in
        """Do what a page asks for. What makes no sense is logged, not raised: nobody is there to catch it."""
        try:
            match message:
                case {"op": "want", "id": str(page), "first": int(first), "size": int(size)}:
                    self._reach(first, size)
                    self._feed.want(page, first, size)
                case {"op": "gone", "id": str(page)}:
                    self._feed.drop(page)
                case _:
                    self._do(message)
        except (ParameterError, LookupError) as error:
            _log.warning("a message of a page is left alone: %s", error)

    def _do(self, message: Any) -> None:  # Any: as above
        """Do what only this kind of widget knows. Raises `ParameterError` or `LookupError`."""
        raise ParameterError(f"a page of {type(self).__name__} asked for what it doesn't know: {message!r:.200}")

    def _reach(self, first: int, size: int) -> None:
        """See that a view which shows a part of its list shows this part."""
        if self._rows.length is not None and not self._rows.has(first, size):
            self._spawn(self.view.window(max(first, 0), max(size, 1)))

    def _spawn(self, work: Any) -> None:  # Any: a coroutine
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("a widget could not do what its page asked for: %s", error)

    # -- life

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._stopped

    def close(self) -> None:
        """Stop following and take it off every page. Twice is harmless."""
        if not self._stopped:
            self._stopped = True
            for task in list(self._tasks):
                task.cancel()
            self._scope.close()
            super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # Any: as ipywidgets has it
        """Return the widget, and the rows as they are for where it can't run."""
        bundle = super()._repr_mimebundle_(**kwargs) if not self._stopped else None
        return with_plain(bundle, text_table(self.view), html_table(self.view))


def check_view(view: object, who: str) -> None:
    """Raise `TypeError` for what isn't a view."""
    if not callable(getattr(view, "subscribe", None)) or not hasattr(view, "columns"):
        raise TypeError(f"{who} shows a view, as `await db.live(...)` gives it, not {view!r:.60}")
