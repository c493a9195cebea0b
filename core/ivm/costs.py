"""The cost rule: what following changes costs one program, beside reading its rows anew. All of it is measured.

    one change of many rows      rows * row_us > read_us        --->  read anew, in the commit
    change after change of few   each as dear as reading anew,
                                 and dearer than the budget     --->  deferred: run behind the commit, on a reader
    run after run                well below the budget          --->  kept in the commit again

The crossover of the first differs by a thousand times between queries: 10 rows for an indexed window, more than 20,000
for a grouping. What the second meets is a window function or an aggregate without accumulator over all rows of a large
table: one partition, one group, read anew whatever changes. Deferred, such a query is coalesced, and no writer waits.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FEW_ROWS", "CostRule"]

FEW_ROWS: Final = 64
DEAR_STEPS: Final = 4
CHEAP_RUNS: Final = 4
CHEAP_SHARE: Final = 1 / 4
LIKE_READING: Final = 1 / 4
_SMOOTHING = 0.3
_ROW_US = 30.0


class CostRule:
    """The part of a program that knows what it costs."""

    __slots__ = ("_deferred", "_in_turn", "_read_us", "_row_us")

    def __init__(self) -> None:
        self._read_us, self._row_us = 0.0, _ROW_US
        self._deferred = False
        self._in_turn = 0  # dear steps, one after the other; where it is deferred, cheap runs

    @property
    def deferred(self) -> bool:
        """Whether it is run behind the commit for what it costs."""
        return self._deferred

    def _defer(self, *, deferred: bool) -> None:
        self._deferred, self._in_turn = deferred, 0

    def _dearer_than_reading(self, rows: int) -> bool:
        """Say whether a change of so many rows costs more to follow than to read anew."""
        return rows > FEW_ROWS and rows * self._row_us > self._read_us

    def _note_step(self, rows: int, took_us: float, *, learn: bool, dear: bool) -> None:
        """Take what a commit of so many rows has cost; `learn` what a row does, where its rows were followed."""
        if learn and rows:
            self._row_us += _SMOOTHING * (took_us / rows - self._row_us)
        self._in_turn = self._in_turn + 1 if dear else 0

    def _is_like_reading(self, took_us: float) -> bool:
        """Say whether a step was about as dear as reading anew."""
        return took_us > LIKE_READING * self._read_us

    def _note_run(self, took_us: float, ms_max: float | None) -> None:
        """Take what a run behind the commit has cost."""
        if self._deferred:
            cheap = ms_max is None or took_us < CHEAP_SHARE * 1e3 * ms_max
            self._in_turn = self._in_turn + 1 if cheap else 0

    @property
    def too_dear(self) -> bool:
        """Whether it is to be deferred."""
        return not self._deferred and self._in_turn >= DEAR_STEPS

    @property
    def cheap_again(self) -> bool:
        """Whether it is deferred and needn't be any more."""
        return self._deferred and self._in_turn >= CHEAP_RUNS
