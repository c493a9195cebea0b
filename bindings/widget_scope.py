"""`widget_scope`: what is bound to a widget lives in a Scope that closes when the widget is unmounted.

    widget_scope(label).add(view)    view.close() is called when label goes, alone, with its screen or the app

Textual dispatches `Unmount` to a widget once, whatever took it away, after the widgets inside it. `on_event` is the
public method that gets it. It is wrapped on the one object, so a foreign widget (Label, Input) needs no subclass and
gets no hidden child, which would change its size and its `children`. What is closed is closed after the widget's own
handlers of `Unmount`.
Costs: one Scope a widget, one call more an event.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.widget import Widget

from ..signals import Scope
from ..signals.scope import root

__all__ = ["is_gone", "widget_scope"]

Target = Widget | App[Any]  # Any: what the app returns does not matter here

_scopes: WeakKeyDictionary[DOMNode, Scope] = WeakKeyDictionary()


def widget_scope(widget: Target) -> Scope:
    """Return the scope of `widget`: the same one each time, closed once the widget is unmounted."""
    scope = _scopes.get(widget)
    if scope is None:
        scope = _scopes[widget] = Scope(f"{type(widget).__name__} {widget.id or ''}".rstrip(), parent=root)
        if is_gone(widget):
            scope.close()
        else:
            _close_at_unmount(widget, scope)
    return scope


def is_gone(widget: Target) -> bool:
    """Whether the widget was mounted once and no longer is."""
    return isinstance(widget, Widget) and widget.is_mounted and not widget.is_running


def _close_at_unmount(widget: Target, scope: Scope) -> None:
    """Have `scope` closed when `widget` gets its `Unmount`."""
    on_event = widget.on_event

    async def on_event_then_close(event: events.Event) -> None:
        try:
            await on_event(event)
        finally:
            if isinstance(event, events.Unmount):
                scope.close()

    widget.on_event = on_event_then_close  # type: ignore[method-assign]  # on this object only: see the head of the file
