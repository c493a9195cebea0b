"""Display: what a view or a signal is as the last expression of a cell.

    a kernel with a front end, anywidget there     the live widget; HTML and text beside it, for what can't run it
    a notebook of another kind, nbconvert, mail    a table of HTML
    a terminal                                     a table of text

Imported with Eddyline itself, so light: widgets are imported when the first one is shown.
`%load_ext eddyline` begins here, too.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any
from weakref import WeakKeyDictionary

from ...signals.showing import show_by
from .plain_table import html_table, html_value, text_table

__all__ = ["load_ipython_extension", "mimebundle", "unload_ipython_extension"]

_widgets: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # Any: a view or a signal -> its widget


def mimebundle(shown: Any) -> dict[str, Any]:  # Any: a view, or anything with a value; contents by media type
    """Return what a notebook shows for `shown`: one widget for one object, however often it is shown."""
    is_view = hasattr(shown, "subscribe") and hasattr(shown, "columns")
    if is_view:
        plain = {"text/plain": text_table(shown), "text/html": html_table(shown)}
    else:
        plain = {"text/plain": repr(shown), "text/html": html_value(shown)}
    if not has_front_end():
        return plain
    widget = _widgets.get(shown)
    if widget is None or widget.closed:
        widget = _widgets[shown] = _widget(shown, is_view=is_view)
    live: dict[str, Any] = widget._repr_mimebundle_()
    return live


def _widget(shown: Any, *, is_view: bool) -> Any:  # Any: as above; a widget
    if is_view:
        from .table import LiveTable

        return LiveTable(shown)
    from .value import LiveValue

    return LiveValue(shown)


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


show_by(mimebundle)
