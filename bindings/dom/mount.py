"""`mount`: the rows of a view as elements of a list, made by a `<template>`, kept by patches.

    <ul id="issues"><template>
      <li data-class-done="done"><b data-text="title"></b> <input type="checkbox" data-checked="done"></li>
    </template></ul>

    mount(view, "#issues", fields={"done": lambda issue: issue.state == "done"})

    view --patches--> Mount --(once a frame)--> [["i", 0, 7, ["Crash", false]], ["u", 3, [[0, "Typo"]]], ...] --> DOM

Elements stay with their rows, so focus, selection and scroll do. Fields may read signals: then each row follows them.
Rows go by numbers of this list's own. While frames don't come (a hidden tab) patches wait; when they are more than the
list is long, one whole list takes their place.
Costs: what a patch touches. With `fields` a row has an effect of its own, some 800 bytes and 10 us once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Protocol

from ...signals import Effect, Insert, Move, Patch, Remove, Reset, Signal, Update, effect, signal
from ...signals.closing import Closing
from ...signals.scope import root
from .life import belong
from .page import Json, Page, Target, current_page
from .values import plain

__all__ = ["Listed", "Mount", "mount"]

WAITING_MIN = 1000  # so many patches may wait, however short the list


class Listed(Protocol):
    """What can be mounted: a view, or a list signal whose rows are read by `fields` alone."""

    def subscribe(self, fn: Callable[[Any], object], /) -> Callable[[], None]: ...  # Any: a sequence of patches


class _Line:
    """One row on the page, and what `fields` make of it."""

    __slots__ = ("effect", "key", "made", "number", "row", "seen")

    def __init__(self, number: int, key: Hashable, row: Any) -> None:  # Any: rows of the source
        self.number, self.key, self.row = number, key, row
        self.made: list[Json] = []
        self.seen: Signal[Any] | None = None  # the row, as `fields` see it
        self.effect: Effect | None = None


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
        self._numbers = count(1)
        self._lines: list[_Line] = []
        self._waiting: list[Json] = []
        self._remade: dict[int, dict[int, Json]] = {}  # by a line's number: what `fields` make now, by place
        self._whole = self._asked = False
        self._stop: Callable[[], None] | None = root.run(lambda: source.subscribe(self._take))
        belong(self)

    def close(self) -> None:
        """Follow no more, and take the rows out of the page."""
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()
            self._let_go(self._lines)
            self._end_list()
            self._element.drop()

    # -- what the source tells

    def _take(self, patches: Sequence[Patch]) -> None:
        """Note what the next frame is to do."""
        for patch in patches:
            match patch:
                case Update(index, row, columns):
                    self._update(index, row, columns)
                case Insert(index, row, key):
                    line = self._line(key, row)
                    self._lines.insert(index, line)
                    self._waiting.append(("i", index, line.number, self._cells(line)))
                case Remove(index):
                    self._let_go([self._lines.pop(index)])
                    self._waiting.append(("d", index))
                case Move(index, to):
                    self._lines.insert(to, self._lines.pop(index))
                    self._waiting.append(("m", index, to))
                case Reset(rows, keys):
                    self._reset(rows, keys)
        if len(self._waiting) > max(WAITING_MIN, len(self._lines)):
            self._whole = True
        self._ask()

    def _update(self, index: int, row: Any, columns: Sequence[str]) -> None:  # Any: see above
        line = self._lines[index]
        line.row = row
        changed = [(at, plain(row[place])) for at, place in enumerate(self._own) if self._columns[place] in columns]
        if changed:
            self._waiting.append(("u", index, changed))
        if line.seen is not None:
            line.seen.set(row)  # its effect has its turn in the frame

    def _reset(self, rows: Sequence[Any], keys: Sequence[Hashable]) -> None:  # Any: see above
        columns = tuple(getattr(self._source, "columns", ()))
        if not self._number or columns != self._columns:
            self._begin_list(columns)
        known = {line.key: line for line in self._lines}
        lines = []
        for key, row in zip(keys, rows, strict=True):
            line = known.pop(key, None)
            if line is None:
                line = self._line(key, row)
            else:
                line.row = row
                if line.seen is not None:
                    line.seen.set(row)
            lines.append(line)
        self._let_go(known.values())
        self._lines = lines
        self._whole = True

    # -- what a row is on the page

    def _line(self, key: Hashable, row: Any) -> _Line:  # Any: see above
        line = _Line(next(self._numbers), key, row)
        if self._fields:
            line.made = [None] * len(self._fields)
            seen = line.seen = signal(row)
            line.effect = root.run(lambda: effect(lambda: self._make(line, seen()), schedule=self._page.each_frame))
        return line

    def _make(self, line: _Line, row: Any) -> None:  # Any: see above
        """Have `fields` make their values of a row: an effect, so what they read is followed."""
        for place, field in enumerate(self._fields.values()):
            try:
                made = plain(field(row))
            except Exception as error:  # one value of one row: the rest is shown
                self._page.report(error)
                made = None
            if made != line.made[place]:
                line.made[place] = made
                if line.effect is not None:
                    self._remade.setdefault(line.number, {})[len(self._own) + place] = made
                    self._ask()

    def _cells(self, line: _Line) -> list[Json]:
        row = line.row
        return [plain(row[place]) for place in self._own] + line.made

    def _let_go(self, lines: Iterable[_Line]) -> None:
        for line in lines:
            self._remade.pop(line.number, None)
            if line.effect is not None:
                line.effect.close()

    # -- what the page is told

    def _begin_list(self, columns: tuple[str, ...]) -> None:
        """Say what a row's values are called; anew where the query's columns have changed."""
        self._end_list()
        self._columns = columns
        self._own = [at for at, name in enumerate(columns) if name not in self._fields]
        self._number = self._page.number()
        self._page.lists[self._number] = self._find
        names = [*(columns[place] for place in self._own), *self._fields]
        self._page.op("list", self._number, self._element.number, self._template, names)

    def _end_list(self) -> None:
        if self._number:
            self._page.lists.pop(self._number, None)
            self._page.op("unlist", self._number)
            self._number = 0

    def _ask(self) -> None:
        """Have what waits sent at the end of a frame."""
        if self._whole:
            self._waiting.clear()
        if not self._asked:
            self._asked = True
            self._page.end_of_frame(self._send)

    def _send(self) -> None:
        """Have the page do what has come: at the end of a frame."""
        self._asked = False
        if self._stop is None:
            return
        waiting, self._waiting = self._waiting, []
        remade, self._remade = self._remade, {}
        if self._whole:
            self._whole = False
            waiting = [("r", [line.number for line in self._lines], list(map(self._cells, self._lines)))]
        elif remade:
            waiting += [
                ("u", at, list(remade[line.number].items()))
                for at, line in enumerate(self._lines)
                if line.number in remade
            ]
        if waiting:
            self._page.op("rows", self._number, waiting)

    def _find(self, number: int) -> tuple[Hashable, Any] | None:  # Any: see above
        """Return key and row by the number that the page knows the row by."""
        return next(((line.key, line.row) for line in self._lines if line.number == number), None)

    def __repr__(self) -> str:
        return f"<Mount {self._element!r}: {len(self._lines)} rows>"


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
    `data-style-NAME` and `data-prop-NAME` are what they say. `fields` adds columns, each made of a row and
    of the signals that it reads.
    Raises `PageError`: nothing matches `target`. What a template asks for and no row has is reported.
    """
    return Mount(current_page(), source, target, row, fields or {})
