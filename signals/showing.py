"""Showing: how a signal, a computed and a view show themselves where an object is the last expression of a cell.

    IPython asks:  shown._repr_mimebundle_()  --->  the renderer that a binding brought  --->  {media type: content}
    marimo asks:   shown._display_()          --->  the same one                         --->  an object to show instead

Nothing is imported for it: as long as no binding has brought a renderer the answer is the text of `repr`.
"""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Renderer", "Shown", "show_by"]


class Renderer(Protocol):
    """What knows how objects look."""

    def mimebundle(self, shown: object) -> dict[str, Any]:  # Any: contents by media type
        """Return the contents that IPython chooses from."""

    def displayed(self, shown: object) -> object:
        """Return what marimo shows for it."""


class _Text:
    def mimebundle(self, shown: object) -> dict[str, Any]:  # Any: as above
        return {"text/plain": repr(shown)}

    def displayed(self, shown: object) -> object:
        return repr(shown)


_renderer: Renderer = _Text()


def show_by(renderer: Renderer) -> None:
    """Have `renderer` say what objects are shown as."""
    global _renderer
    _renderer = renderer


class Shown:
    """The base of what shows itself in notebooks."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return what IPython shows: contents by media type."""
        return _renderer.mimebundle(self)

    def _display_(self) -> object:
        """Return what marimo shows."""
        return _renderer.displayed(self)
