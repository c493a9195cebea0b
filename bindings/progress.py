"""`progress`: a bar for what takes long: importing, adding many rows, catching up with a server.

    with progress("people.csv") as bar:
        await db.import_file("people.csv", progress=bar)   a bar is a function of (rows, total[, bytes, total])
    with progress("catching up") as bar:
        bar.follow(link.progress)                          or follows a signal of 0 to 1, None for nothing to do

In a notebook it is a widget, in a terminal a bar by rich (which Textual brings), elsewhere nothing is shown. It stays
as it was left: full after the end of the block, red where an error ended it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from ..signals import Effect, Scope, effect
from ..signals.scope import root
from .notebook.display import has_front_end

__all__ = ["Bar", "progress"]


class Shown(Protocol):
    """What draws a bar."""

    def draw(self, part: float | None, text: str) -> None:
        """Show how far it is, 0 to 1; None: nobody knows."""

    def end(self, *, failed: bool) -> None:
        """It is over."""


class Bar:
    """A function to hand on as `progress=`, and a context manager."""

    def __init__(self, shown: Shown | None) -> None:
        self.part: float | None = 0.0
        self._shown = shown
        self._effect: Effect | None = None

    def __call__(self, rows: int, rows_total: int | None = None, bytes: int = 0, bytes_total: int = 0) -> None:
        """Show that so many rows are done; the bytes tell how far it is where nobody knows how many there will be."""
        part = None
        if rows_total is not None:
            part = rows / rows_total if rows_total else 1.0
        elif bytes_total:
            part = bytes / bytes_total
        self._draw(part, f"{rows:,} rows" if rows_total is None else f"{rows:,} of {rows_total:,} rows")

    def follow(self, source: Callable[[], float | None]) -> None:
        """Show what `source` says, 0 to 1, until the end of the block; None means that there is nothing to do."""

        def draw() -> None:
            part = source()
            self._draw(1.0 if part is None else part, "" if part is None else f"{part:.0%}")

        self._stop()
        self._effect = Scope("progress", parent=root).run(lambda: effect(draw, name="progress"))

    def _draw(self, part: float | None, text: str) -> None:
        self.part = None if part is None else min(max(part, 0.0), 1.0)
        if self._shown is not None:
            self._shown.draw(self.part, text)

    def _stop(self) -> None:
        if self._effect is not None:
            self._effect.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if self._shown is not None:
            self._shown.end(failed=error is not None)


def progress(label: str, *, out: TextIO | None = None) -> Bar:
    """Return a bar with this label, shown where there is something to show it on. `out` is the standard error."""
    stream = out or sys.stderr
    if has_front_end():
        from .notebook.progress_widget import shown_progress

        return Bar(shown_progress(label))
    if stream.isatty() and find_spec("rich") is not None:
        return Bar(_RichBar(label, stream))
    return Bar(None)


class _RichBar:
    """A bar in a terminal."""

    def __init__(self, label: str, out: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns: tuple[Any, ...] = (  # Any: rich's columns
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=Console(file=out))
        self._task = self._progress.add_task(label, total=1.0, text="")
        self._progress.start()

    def draw(self, part: float | None, text: str) -> None:
        self._progress.update(self._task, completed=part or 0.0, total=None if part is None else 1.0, text=text)

    def end(self, *, failed: bool) -> None:
        if not failed:
            self._progress.update(self._task, completed=1.0, total=1.0)
        self._progress.stop()
