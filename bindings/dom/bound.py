"""`bind`, `show`, `when`: what of a page follows signals.

    bind("#count", lambda: f"{len(top.rows())} open")        the text of an element
    bind("#save", unchanged, prop="disabled")                a property; attr=, style= and cls= likewise
    show("#empty", lambda: not top.rows())                   there, but hidden or not
    when("#details", chosen, lambda: bind(...))              a <template>'s content comes and goes, and what it bound

Sources are signals, computeds, views, or functions that read some. They are read once a frame, however often what they
read has changed. All ends with the Scope that was current, or by `close()`; the page stays as it was last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...signals import Scope, effect, untracked
from ...signals.closing import Closing
from ...signals.scope import root
from .life import belong
from .page import Element, Page, Target, current_page
from .values import plain

__all__ = ["Bound", "bind", "show", "when"]


class Bound(Closing):
    """An element that follows. Close it, or let its Scope do so."""

    __slots__ = ("_effect", "_element")

    def __init__(self, element: Element, follow: Callable[[], object]) -> None:
        self._element: Element | None = element
        self._effect = root.run(lambda: effect(follow, schedule=element.page.each_frame))
        belong(self)

    def close(self) -> None:
        """Stop following."""
        element, self._element = self._element, None
        if element is not None:
            self._effect.close()
            element.drop()

    def __repr__(self) -> str:
        return f"<Bound {self._element or 'closed'}>"


def bind(
    target: Target,
    source: Callable[[], Any],  # Any: whatever a signal holds
    *,
    attr: str | None = None,
    prop: str | None = None,
    style: str | None = None,
    cls: str | None = None,
) -> Bound:
    """Keep the text of an element at what `source` gives, or an attribute, a property, a style, whether it has a class.

    None is no text, no attribute and no style; true is an attribute without a value. Text is never read as HTML.
    Raises `PageError` where nothing matches `target`.
    """
    kinds = {"attr": attr, "prop": prop, "style": style, "class": cls}
    aims = [(kind, name) for kind, name in kinds.items() if name is not None]
    if len(aims) > 1:
        raise TypeError(f"bind takes one of attr=, prop=, style= and cls=, not {len(aims)}")
    kind, name = aims[0] if aims else ("text", "")
    element = current_page().find(target)
    return Bound(element, lambda: element.set(kind, name, plain(source())))


def show(target: Target, source: Callable[[], Any]) -> Bound:  # Any: true or not
    """Show an element while `source` is true; else it is `hidden`."""
    element = current_page().find(target)
    return Bound(element, lambda: element.set("prop", "hidden", not source()))


def when(template: str, source: Callable[[], Any], build: Callable[[], object] | None = None) -> Block:  # Any: see show
    """Have the content of a `<template>` in the page, after it, while `source` is true.

    `build` is called each time it has come; what it binds ends when it goes.
    """
    return Block(current_page(), template, source, build)


class Block(Closing):
    """A part of a page that comes and goes."""

    __slots__ = ("_build", "_effect", "_number", "_page", "_scope", "_template")

    def __init__(
        self, page: Page, template: str, source: Callable[[], Any], build: Callable[[], object] | None
    ) -> None:  # Any: true or not
        self._page, self._template, self._build = page, template, build
        self._number = page.number()
        self._scope: Scope | None = None
        self._effect = root.run(lambda: effect(lambda: self._turn(there=bool(source())), schedule=page.each_frame))
        belong(self)

    def close(self) -> None:
        """Take it away for good."""
        self._effect.close()
        self._turn(there=False)

    def _turn(self, *, there: bool) -> None:
        if there and self._scope is None:
            self._page.op("open", self._number, self._template)
            scope, build = Scope(self._template, parent=root), self._build
            self._scope = scope
            if build is not None:
                untracked(lambda: scope.run(build))
        elif not there and self._scope is not None:
            scope, self._scope = self._scope, None
            scope.close()
            self._page.op("shut", self._number)
