"""A life of a row: what one incarnation of it has become, on its own a small convergent value.

    row issue/01K..   1 ---- ended           late edits still merge into a life that ended: none is revived by them,
                        3 ---- ended         none leaks into the next, and what was lost can be shown and restored
                          5 ---- lives       the highest life, if it hasn't ended, is the row that SQL sees

    Life(5)   cells   column -> value and the commit that won it               plain columns, a counter's base
              dots    (kind, column) -> values, each with its commit           counters, sets, joined values
              ends    the commits that ended it, none of which saw another

Lives are numbered 1, 3, 5, ...: the odd states of a row that is alive, as in cr-sqlite's causal length. Each kind of
dots has its rules in a file of its own: counters.py, sets.py, joins.py. A life never depends on another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..values import SqlValue
from . import counters, sets
from .commit import Key
from .dots import Dot
from .joins import MergeFunctions, StampOf, joined
from .vector import CommitId

__all__ = ["JOIN", "TEXT", "Cell", "Life", "RowId", "alive", "shown"]

JOIN = "join:"
"""Before the function's name, the kind of dots that a function joins."""

TEXT = "text"
"""The kind of dots that say who last updated a text, one a lane; the document itself is the text engine's."""


class RowId(NamedTuple):
    """Which row: its table and its key."""

    table: str
    key: Key


class Cell(NamedTuple):
    """A value and the commit that wrote it last."""

    value: SqlValue
    by: CommitId


@dataclass(slots=True)
class Life:
    """One incarnation of a row. Cells and dots are values: only the dicts change."""

    incarnation: int
    cells: dict[str, Cell] = field(default_factory=dict)
    dots: dict[tuple[str, str], tuple[Dot, ...]] = field(default_factory=dict)
    ends: tuple[CommitId, ...] = ()

    def copy(self) -> Life:
        """Return a life that may be changed without changing this one."""
        return Life(self.incarnation, dict(self.cells), dict(self.dots), self.ends)

    def written_by(self) -> Iterator[tuple[str, CommitId]]:
        """Yield each column with each commit that what it holds comes from."""
        for column, cell in self.cells.items():
            yield column, cell.by
        for (_, column), dots in self.dots.items():
            for dot in dots:
                yield column, dot.by


def alive(lives: Sequence[Life]) -> Life | None:
    """Return the life that SQL sees, of all lives of one row in their order: the highest, unless it has ended."""
    return lives[-1] if lives and not lives[-1].ends else None


def shown(life: Life, functions: MergeFunctions, stamp_of: StampOf) -> dict[str, SqlValue]:
    """Return the values that SQL sees of `life`, by column. A text engine's columns aren't among them."""
    values: dict[str, SqlValue] = {column: cell.value for column, cell in life.cells.items()}
    for (kind, column), dots in sorted(life.dots.items()):
        if kind == counters.KIND:
            values[column] = counters.total(values.get(column), dots)
        elif kind == sets.KIND:
            values[column] = sets.text(dots)
        elif kind.startswith(JOIN) and dots:
            values[column] = joined(dots, functions.get(kind.removeprefix(JOIN)), stamp_of)
    return values
