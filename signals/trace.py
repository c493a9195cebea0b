"""`trace`: what is written, what runs, and why.

    with trace():                       prints; trace(fn) hands each event to fn
        count.set(2)

    count = 2
    double ran because count changed: 4
    log ran because double changed

A run is told at its end, so what it needed stands above it. `because` holds the dependencies that have a newer value
than the last run saw, as far as is known when the run begins: those behind the first one were not asked.
A trace lasts until it is closed. What its function reads is not tracked; what it sets off is not traced; what it raises
goes to `sys.excepthook`, since a trace must not change what it looks at.
Costs: nothing while there is none (watching.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from .closing import Closing
from .functions import check_function
from .naming import label_of, short
from .nodes import Consumer, Node, path
from .watching import look_away, look_on

__all__ = ["Event", "Ran", "Trace", "Wrote", "trace"]


class Wrote(NamedTuple):
    """A signal or other source has changed. `by` is the computed or effect that was running, if any."""

    node: Node
    value: object  # None for a source without a value of its own
    by: Consumer | None

    def __str__(self) -> str:
        shown = f" = {short(self.value)}" if hasattr(self.node, "_value") else " changed"
        return f"{label_of(self.node)}{shown}{'' if self.by is None else f', written by {label_of(self.by)}'}"


class Ran(NamedTuple):
    """A computed or effect has run. `because` is empty for a run that an error had cut short and that came again."""

    node: Consumer
    because: tuple[Node, ...]
    first: bool
    value: object  # what a computed has made; None for an effect and beside an error
    error: BaseException | None

    def __str__(self) -> str:
        names = ", ".join(dict.fromkeys(label_of(dep) for dep in self.because))
        why = "for the first time" if self.first else f"because {names} changed" if names else "again"
        if self.error is not None:
            return f"{label_of(self.node)} ran {why}: {short(self.error)}"
        return f"{label_of(self.node)} ran {why}{f': {short(self.value)}' if isinstance(self.node, Node) else ''}"


Event: TypeAlias = Wrote | Ran


class Trace(Closing):
    """What `trace()` returns: tells until it is closed."""

    __slots__ = ("_callback", "_telling")

    def __init__(self, callback: Callable[[Event], object]) -> None:
        check_function(callback, "trace()")
        self._callback = callback
        self._telling = False
        look_on(self)

    def close(self) -> None:
        """Tell no more."""
        look_away(self)

    def wrote(self, source: Node) -> None:
        """Tell of a write."""
        self._tell(Wrote(source, getattr(source, "_value", None), path[-1] if path else None))

    def ran(self, node: Consumer, because: tuple[Node, ...] | None, value: object, error: BaseException | None) -> None:
        """Tell of a run."""
        value = value if isinstance(node, Node) else None
        self._tell(Ran(node, because or (), because is None, value, error))

    def _tell(self, event: Event) -> None:
        if self._telling:
            return
        self._telling = True
        try:
            self._callback(event)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            self._telling = False


def trace(callback: Callable[[Event], object] = print) -> Trace:
    """Call `callback` with each write and each run until the result is closed; `str(event)` is a line to read."""
    return Trace(callback)
