"""Showing: how a signal, a computed and a view show themselves where an object is the last expression of a cell.

    the notebook asks:  shown._repr_mimebundle_()  --->  the renderer that a binding brought  --->  {type: content}

Nothing is imported for it: as long as no binding has brought a renderer the answer is the text of `repr`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Renderer", "Shown", "show_by"]

Renderer: TypeAlias = Callable[[object], dict[str, Any]]  # Any: contents by media type


def _as_text(shown: object) -> dict[str, Any]:
    return {"text/plain": repr(shown)}


_renderer: Renderer = _as_text


def show_by(renderer: Renderer) -> None:
    """Have `renderer` say what objects are shown as."""
    global _renderer
    _renderer = renderer


class Shown:
    """The base of what shows itself in notebooks."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return what IPython and marimo show: contents by media type."""
        return _renderer(self)
