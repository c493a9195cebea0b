"""`mount`: the rows of a view as elements of a list, made by a `<template>`, kept by patches.

    <ul id="issues"><template>
      <li data-class-done="done"><b data-text="title"></b> <input type="checkbox" data-checked="done"></li>
    </template></ul>

    mount(view, "#issues", fields={"done": lambda issue: issue.state == "done"})

    view --patches--> Mount --(once a frame)--> [["i", 0, 7, ["Crash", false]], ["u", 3, [[0, "Typo"]]], ...] --> DOM

Elements stay with their rows, so focus, selection and scroll do. Rows go by numbers of this list's own. While frames
don't come (a hidden tab) patches wait; when they are more than the list is long, one whole list takes their place.
Costs: what a patch touches; a row of the template's size once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import count
from typing import Any, Protocol

from ...signals import Insert, Move, Patch, Remove, Reset, Update
from ...signals.closing import Closing
from ...signals.scope import current_owner, root
from .page import Json, Page, Target, current_page
from .values import plain

__all__ = ["Listed", "Mount", "mount"]

WAITING_MIN = 1000  # so many patches may wait, however short the list


class Listed(Protocol):
    """What can be mounted: a view, or a list signal whose rows are read by `fields` alone."""

    def subscribe(self, fn: Callable[[Any], object], /) -> Callable[[], None]: ...  # Any: a sequence of patches


class Mount(Closing):
    """A list of a page that follows a view. Close it, or let its Scope do so: its rows go."""

    def __init__(
        self,
        page: Page,
        source: Listed,
        target: Target,
        template: str | None,
        fields: Mapping[str, Callable[[Any], object]],  # Any: a row of the source
    ) -> None:
        self._page, self._source, self._template = page, source, template
        self._fields = dict(fields)
        self._element = page.find(target)
        self._number = 0
        self._columns: tuple[str, ...] = ()
        self._own: list[int] = []  # the places of a row's values that are shown as they are
        self._computed: list[tuple[int, Callable[[Any], object]]] = []
        self._numbers = count(1)
        self._rows: list[Any] = []  # Any: rows of the source
        self._keys: list[Hashable] = []
        self._ids: list[int] = []
        self._known: dict[int, tuple[Hashable, int]] = {}
        self._waiting: list[Json] = []
        self._whole = self._asked = False
        owner = current_owner()
        if owner is not root:
            owner.add(self)
        self._stop: Callable[[], None] | None = source.subscribe(self._take)

    def close(self) -> None:
        """Follow no more, and take the rows out of the page."""
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()
            self._end_list()
            self._element.drop()

    def _take(self, patches: Sequence[Patch]) -> None:
        """Note what the next frame is to do."""
        for patch in patches:
            match patch:
                case Update(index, row, columns):
                    self._rows[index] = row
                    if not self._whole:
                        self._waiting.append(("u", index, self._changed(row, columns)))
                case Insert(index, row, key):
                    self._rows.insert(index, row)
                    self._keys.insert(index, key)
                    number = next(self._numbers)
                    self._ids.insert(index, number)
                    if not self._whole:
                        self._waiting.append(("i", index, number, self._cells(row)))
                case Remove(index):
                    del self._rows[index], self._keys[index], self._ids[index]
                    self._waiting.append(("d", index))
                case Move(index, to):
                    self._rows.insert(to, self._rows.pop(index))
                    self._keys.insert(to, self._keys.pop(index))
                    self._ids.insert(to, self._ids.pop(index))
                    self._waiting.append(("m", index, to))
                case Reset(rows, keys):
                    self._reset(rows, keys)
        if len(self._waiting) > max(WAITING_MIN, len(self._rows)):
            self._whole = True
        if self._whole:
            self._waiting.clear()
        if not self._asked:
            self._asked = True
            self._page.each_frame(self._send)

    def _reset(self, rows: Sequence[Any], keys: Sequence[Hashable]) -> None:  # Any: see above
        known = dict(zip(self._keys, self._ids, strict=True))
        self._rows[:], self._keys[:] = rows, keys
        self._ids[:] = [known.get(key) or next(self._numbers) for key in keys]
        columns = tuple(getattr(self._source, "columns", ()))
        if not self._number or columns != self._columns:
            self._begin_list(columns)
        self._whole = True

    def _begin_list(self, columns: tuple[str, ...]) -> None:
        """Say what a row's values are called; anew where the query's columns have changed."""
        self._end_list()
        self._columns = columns
        self._own = [at for at, name in enumerate(columns) if name not in self._fields]
        self._computed = list(enumerate(self._fields.values(), len(self._own)))
        names = [columns[at] for at in self._own] + list(self._fields)
        self._number = self._page.number()
        self._page.lists[self._number] = self._find
        self._page.op("list", self._number, self._element.number, self._template, names)

    def _end_list(self) -> None:
        if self._number:
            self._page.lists.pop(self._number, None)
            self._page.op("unlist", self._number)
            self._number = 0

    def _cells(self, row: Any) -> list[Json]:  # Any: see above
        return [plain(row[at]) for at in self._own] + [plain(fn(row)) for _, fn in self._computed]

    def _changed(self, row: Any, columns: Sequence[str]) -> list[Json]:  # Any: see above
        own = [(at, plain(row[place])) for at, place in enumerate(self._own) if self._columns[place] in columns]
        return own + [(at, plain(fn(row))) for at, fn in self._computed]

    def _send(self) -> None:
        """Have the page do what has come: in a frame."""
        self._asked = False
        if self._stop is None:
            return
        waiting, self._waiting = self._waiting, []
        if self._whole:
            self._whole = False
            waiting = [("r", list(self._ids), [self._cells(row) for row in self._rows])]
        if waiting:
            self._page.op("rows", self._number, waiting)

    def _find(self, number: int) -> tuple[Hashable, Any] | None:  # Any: see above
        """Return key and row by the number that the page knows the row by."""
        try:
            at = self._ids.index(number)
        except ValueError:
            return None
        return self._keys[at], self._rows[at]

    def __repr__(self) -> str:
        return f"<Mount {self._element!r}: {len(self._rows)} rows>"


def mount(
    source: Listed,
    target: Target,
    *,
    row: str | None = None,
    fields: Mapping[str, Callable[[Any], object]] | None = None,  # Any: a row of the source
) -> Mount:
    """Show the rows of a view inside `target`, each as the one element of a `<template>`.

    `row` is the selector of the template; without it, it is the first child of `target` that is one. In the template
    `data-text="title"` is the text of a column, `data-value`, `data-checked`, `data-attr-NAME`, `data-class-NAME`,
    `data-style-NAME` and `data-prop-NAME` are what they say. `fields` adds columns, each made of a row.
    Raises `PageError`: nothing matches `target`. What a template asks for and no row has is reported.
    """
    return Mount(current_page(), source, target, row, fields or {})
