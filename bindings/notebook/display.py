"""Display: what a view or a signal is as the last expression of a cell.

    a kernel with a front end, anywidget there     the live widget; HTML and text beside it, for what can't run it
    a notebook of another kind, nbconvert, mail    a table of HTML
    a terminal                                     a table of text

Imported with Eddyline itself, so light: what shows is imported when the first one is shown.
`%load_ext eddyline` begins here, too.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any
from weakref import WeakKeyDictionary

from ...signals.showing import show_by

__all__ = ["Display", "load_ipython_extension", "unload_ipython_extension"]


class Display:
    """One widget for one object, however often it is shown."""

    def __init__(self) -> None:
        self._widgets: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # Any: a view or a signal -> its widget

    def mimebundle(self, shown: Any) -> dict[str, Any]:  # Any: a view, or anything with a value; contents
        """Return what IPython shows for `shown`."""
        if has_front_end():
            live: dict[str, Any] = self.widget(shown)._repr_mimebundle_()
            return live
        from .plain_table import html_table, html_value, text_table

        if is_view(shown):
            return {"text/plain": text_table(shown), "text/html": html_table(shown)}
        return {"text/plain": repr(shown), "text/html": html_value(shown)}

    def displayed(self, shown: Any) -> object:  # Any: as above
        """Return what marimo shows for `shown`."""
        return Html(shown) if find_spec("anywidget") is None else self.widget(shown)

    def widget(self, shown: Any) -> Any:  # Any: as above; a widget
        """Return the live widget of `shown`."""
        widget = self._widgets.get(shown)
        if widget is None or widget.closed:
            from .table import LiveTable
            from .value import LiveValue

            widget = self._widgets[shown] = LiveTable(shown) if is_view(shown) else LiveValue(shown)
        return widget


class Html:
    """A view or a signal as it is now, for marimo without anywidget."""

    def __init__(self, shown: Any) -> None:  # Any: as above
        self._shown = shown

    def _mime_(self) -> tuple[str, str]:
        from .plain_table import html_table, html_value

        return "text/html", html_table(self._shown) if is_view(self._shown) else html_value(self._shown)


def is_view(shown: object) -> bool:
    """Whether it has rows and columns."""
    return hasattr(shown, "subscribe") and hasattr(shown, "columns")


def has_front_end() -> bool:
    """Whether this is a kernel that can speak to a page (terminals' shells have none), with anywidget there."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None and find_spec("anywidget") is not None


def load_ipython_extension(shell: Any) -> None:  # Any: an InteractiveShell
    """`%load_ext eddyline`: `%eddy` and `%%live`, and what a cell makes ends when the cell is run again."""
    from .cells import CellScopes

    unload_ipython_extension(shell)
    shell.eddyline = scopes = CellScopes(shell)
    scopes.open()


def unload_ipython_extension(shell: Any) -> None:  # Any: an InteractiveShell
    """`%unload_ext eddyline`: close what cells have made."""
    before = getattr(shell, "eddyline", None)
    if before is not None:
        shell.eddyline = None
        before.close()


show_by(Display())
