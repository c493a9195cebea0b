"""`bind`: one property of a widget follows a signal, a computed, a view or a function of them.

    bind(label, "update", lambda: f"{count()} open")        a method that takes the value
    bind(bar, "progress", done)                              an attribute
    bind(app, "title", title)                                the app itself
    bind(plot, lambda points: plot.draw(points), series)     anything that takes the value

It begins when the widget is mounted (so `compose` may bind), is read and applied once a frame, however often what it
reads has changed, and ends with the widget. An error of the source or the target ends the app, as one of its handlers
does. A `str` for what Textual reads as markup (`Label.update`, `border_title`, ...) is shown as it is:
data must not be able to colour, link or crash the screen. `markup=True` lets it through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.content import Content

from ..signals import Effect, effect
from .frame import Frame
from .widget_scope import Target, is_gone, widget_scope

__all__ = ["Binding", "bind"]

MARKUP_NAMES = frozenset({"border_subtitle", "border_title", "content", "label", "tooltip", "update"})


class Binding:
    """A property that follows. Close it, or let the widget's end do so."""

    __slots__ = ("_apply_value", "_closed", "_effect", "_frame", "_fresh", "_read", "_run", "_value", "_widget")

    def __init__(self, widget: Target, apply_value: Callable[[Any], object], read: Callable[[], Any]) -> None:
        # Any: whatever the signal holds
        self._widget = widget
        self._apply_value = apply_value
        self._read = read
        self._frame = Frame(widget, self._follow)
        self._run: Callable[[], None] | None = None  # the effect, which waits for the frame
        self._fresh = False
        self._effect: Effect | None = None
        self._value: Any = None
        self._closed = is_gone(widget)
        if widget.is_running:
            self._start()
        elif not self._closed:
            widget.call_next(self._start)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    def close(self) -> None:
        """Stop following."""
        if not self._closed:
            self._closed = True
            if self._effect is not None:
                self._effect.close()
                widget_scope(self._widget).forget(self)

    def _start(self) -> None:
        """Follow from now on; the first value is applied at once."""
        if self._closed:
            return
        scope = widget_scope(self._widget)
        if scope.closed:
            self._closed = True
            return
        scope.add(self)
        self._effect = scope.run(lambda: effect(self._note, name="bind", schedule=self._wait))
        self._follow()

    def _note(self) -> None:
        """Note the newest value."""
        self._value = self._read()
        self._fresh = True

    def _wait(self, run: Callable[[], None]) -> None:
        """Have the source read again in the next frame."""
        self._run = run
        self._frame.request()

    def _follow(self) -> None:
        """Read the source if it may have changed; hand a newer value to the widget, outside of the effect."""
        run, self._run = self._run, None
        if run is not None:
            run()
        if self._fresh and not self._closed and self._widget.is_running:
            self._fresh = False
            self._apply_value(self._value)

    def __repr__(self) -> str:
        return f"<Binding {type(self._widget).__name__}: {'closed' if self._closed else repr(self._value)}>"


def bind(
    widget: Target, target: str | Callable[[Any], object], source: Callable[[], Any], *, markup: bool = False
) -> Binding:
    """Keep `target` of `widget` at what `source` (anything readable, or a function that reads) gives.

    `target` is the name of an attribute or of a method with one argument, or a function.
    Raises `AttributeError` for a name the widget doesn't have, `TypeError` for a source that can't be read.
    """
    if not callable(source):
        raise TypeError(f"bind takes a signal, or a function that reads some, not {source!r:.60}")
    return Binding(widget, _applier(widget, target, markup=markup), source)


def _applier(widget: Target, target: str | Callable[[Any], object], *, markup: bool) -> Callable[[Any], object]:
    """Return the function that hands over a value."""
    if callable(target):
        ours = getattr(target, "__self__", None) is widget and not markup and target.__name__ in MARKUP_NAMES
        return (lambda value: target(_plain(value))) if ours else target
    name = "content" if target == "renderable" and not hasattr(widget, target) else target
    if not hasattr(widget, name):
        raise AttributeError(f"{type(widget).__name__} has no attribute or method {target!r} to bind to")
    convert = _plain if name in MARKUP_NAMES and not markup else _same
    method = getattr(widget, name) if callable(getattr(type(widget), name, None)) else None
    if method is not None:
        return lambda value: method(convert(value))
    return lambda value: setattr(widget, name, convert(value))


def _plain(value: Any) -> Any:  # Any: only text is changed
    """Return text that isn't read as markup."""
    return Content(value) if isinstance(value, str) else value


def _same(value: Any) -> Any:  # Any: handed through
    return value
