"""marimo: signals as its state, and elements that set them. Views show themselves there as they do in Jupyter.

    get_limit, set_limit = state(limit)                  `limit` is a signal, a computed or a view
    mo.ui.slider(0, 10, value=get_limit(), on_change=set_limit)
    get_limit()      in any other cell: it runs again when the signal changes, whoever changed it

The state follows until marimo lets go of it, when the cell that made it runs again or is deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import finalize, ref

from ..signals import Readable, Scope, effect
from ..signals.scope import root
from .notebook.frames import each_frame

__all__ = ["state"]

T = TypeVar("T")


def state(source: Readable[T]) -> tuple[Callable[[], T], Callable[[T], None]]:
    """Return marimo's getter of the value of `source`, and what sets it, as `mo.state` does.

    Setting raises `AttributeError` where `source` can't be set: a computed, a view.
    """
    import marimo

    get, show = marimo.state(source.peek())
    get.eddyline_show = show  # it lives as long as the getter does, and no longer
    showing = ref(show)
    begun: list[bool] = []

    def follow() -> None:
        value = source.get()
        if begun and (known := showing()) is not None:
            known(lambda _: value)
        begun.append(True)

    scope = Scope("marimo state", parent=root)
    scope.run(lambda: effect(follow, name="marimo state", schedule=each_frame()))
    finalize(get, scope.close)

    def set_source(value: T) -> None:
        settable: Any = source  # Any: a signal, said to be one by having `set`
        settable.set(value)

    return get, set_source
