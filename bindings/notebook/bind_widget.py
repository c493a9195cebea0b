"""`bind`: a trait of an ipywidget and a signal hold the same value, whichever of them changes.

    bind(slider, "value", limit)                              both ways: `limit` is a signal
    bind(label, "value", lambda: f"{len(issues.rows())} open")     one way: a function, a computed, a view

The signal's value is the first to show. What a person does reaches the signal at once, what the signal says reaches the
widget within a frame, and doesn't come back as an echo: a slider that can't go as far as the signal stays at its end. A
value that the widget doesn't take leaves it as it is, and goes to the log. It ends with the Scope in which it was made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from traitlets import HasTraits, TraitError

from ...signals import Clock, Effect, Scope, current_scope, effect
from ...signals.closing import Closing
from ...signals.scope import root
from .frames import each_frame

__all__ = ["Bound", "bind"]

_log = logging.getLogger("eddyline")


class Bound(Closing):
    """A trait that follows. Close it, or let its Scope do so."""

    def __init__(self, widget: HasTraits, name: str, source: Callable[[], Any], clock: Clock | None) -> None:
        self._widget, self._name, self._source = widget, name, source
        self._set: Callable[[Any], None] | None = getattr(source, "set", None)
        self._showing = self._closed = False
        if self._set is not None:
            widget.observe(self._hear, names=name)
        scope = Scope("bind", parent=root)
        self._effect: Effect = scope.run(lambda: effect(self._show, name="bind", schedule=each_frame(clock)))
        owner = current_scope()
        if owner is not root:
            owner.add(self)

    def _show(self) -> None:
        value = self._source()
        self._showing = True
        try:
            setattr(self._widget, self._name, value)
        except TraitError as error:
            _log.warning("%s.%s can't show what it is bound to: %s", type(self._widget).__name__, self._name, error)
        finally:
            self._showing = False

    def _hear(self, change: Any) -> None:  # Any: a Bunch of traitlets
        if self._set is not None and not self._showing:
            self._set(change["new"])

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    def close(self) -> None:
        """Stop following. Twice is harmless."""
        if not self._closed:
            self._closed = True
            self._effect.close()
            if self._set is not None:
                self._widget.unobserve(self._hear, names=self._name)


def bind(widget: HasTraits, name: str, source: Callable[[], Any], *, clock: Clock | None = None) -> Bound:
    """Keep the trait `name` of `widget` at what `source` gives; both ways if that can be set, as a signal can.

    Raises `AttributeError` for a trait that the widget doesn't have.
    """
    if not widget.has_trait(name):
        raise AttributeError(f"{type(widget).__name__} has no trait {name!r} to bind; it has: {_traits(widget)}")
    return Bound(widget, name, source, clock)


def _traits(widget: HasTraits) -> str:
    return ", ".join(sorted(one for one in widget.trait_names() if not one.startswith("_")))
