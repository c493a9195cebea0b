"""Accumulators: aggregates that follow additions and removals of single values.

    Count   n
    Sum     n, exact integers, floats with a running error bound
    Extremum  the value; its removal says "read the group anew"

`add` returns False where the answer can't be known from here; the group is then read anew from SQL. That is: the
extremum left, a text or blob was summed (SQLite reads a number off its front), an infinity left, or rounding might
show. Floats don't drift: each addition adds its rounding error to a bound (Higham, Accuracy and Stability, section
3.3), and once the bound passes 1e-10 of the sum, SQL sums again. Integers are exact; a sum beyond 64 bits fails as
SQLite's does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..collate import OrderTerm, value_key
from ..query.plan import Call, Case, Const, Expr
from ..schema.catalog import Affinity
from ..values import SqlValue

__all__ = ["Accumulator", "Count", "Extremum", "Sum", "accumulator_for"]

_EPSILON = 2.0**-52
_ERROR_MAX = 1e-10
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


class Accumulator(Protocol):
    """One aggregate of one group."""

    def load(self, values: Sequence[SqlValue]) -> None:
        """Take what the fill columns of this aggregate read."""

    def add(self, value: SqlValue, weight: int) -> bool:
        """Follow `weight` more of `value`; False: read the group anew."""

    def result(self) -> SqlValue:
        """Return the aggregate's value."""

    def copy(self) -> Accumulator:
        """Return an independent copy."""


class Count:
    """count(x): how many values aren't NULL; count(*) sees a 1 for each row."""

    __slots__ = ("n",)

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def load(self, values: Sequence[SqlValue]) -> None:
        (self.n,) = values  # type: ignore[assignment]  # count() is an integer

    def add(self, value: SqlValue, weight: int) -> bool:
        if value is not None:
            self.n += weight
        return True

    def result(self) -> SqlValue:
        return self.n

    def copy(self) -> Count:
        return Count(self.n)


class Sum:
    """sum, total or avg. `floats_n` counts the REAL summands; at 0, texts among them are read anew."""

    __slots__ = ("_error", "_kind", "_real", "floats", "floats_n", "ints", "n")

    def __init__(self, kind: str, *, real: bool) -> None:
        self._kind, self._real = kind, real
        self.n = 0
        self.ints: int | None = 0
        self.floats, self.floats_n, self._error = 0.0, 0, 0.0

    def load(self, values: Sequence[SqlValue]) -> None:
        n, total, floats_n = values
        assert isinstance(n, int), "count() is an integer"
        self.n, self._error = n, 0.0
        if total is None or isinstance(total, int):
            self.ints, self.floats, self.floats_n = total or 0, 0.0, 0
            return
        assert isinstance(total, float), "sum() is a number"
        self.ints, self.floats = None, total
        self.floats_n = n if self._real else max(1, floats_n if isinstance(floats_n, int) else 1)
        self._error = (n + 1) * _EPSILON * abs(total)

    def add(self, value: SqlValue, weight: int) -> bool:
        if value is None:
            return True
        self.n += weight
        if isinstance(value, int):
            if self.ints is not None:
                self.ints += weight * value
                return True
            value = float(value)
        elif isinstance(value, float) and math.isfinite(value) and math.isfinite(self.floats):
            self.floats_n += weight
        else:
            return False
        self.floats += weight * value
        self._error += _EPSILON * max(abs(self.floats), abs(value))
        if self.floats_n <= 0 or self.n == 0:
            self.floats, self._error, self.floats_n = 0.0, 0.0, 0
            known, self.ints = self.ints is not None or self.n == 0, self.ints or 0
            return known
        return self._error <= _ERROR_MAX * abs(self.floats)

    def result(self) -> SqlValue:
        if self._kind == "sum" and self.floats_n == 0:
            if self.n == 0:
                return None
            ints = self.ints or 0
            if not _INT_MIN <= ints <= _INT_MAX:
                raise OverflowError("integer overflow")
            return ints
        total = float(self.ints or 0) + self.floats
        if self._kind == "total":
            return total
        if self.n == 0:
            return None
        return total / self.n if self._kind == "avg" else total

    def copy(self) -> Sum:
        other = Sum(self._kind, real=self._real)
        other.n, other.ints, other.floats = self.n, self.ints, self.floats
        other.floats_n, other._error = self.floats_n, self._error
        return other


class Extremum:
    """min or max under a collation; NULLs don't count."""

    __slots__ = ("_better", "_key", "value")

    def __init__(self, key: Callable[[SqlValue], Any], *, largest: bool, value: SqlValue = None) -> None:
        self._key, self._better, self.value = key, largest, value

    def load(self, values: Sequence[SqlValue]) -> None:
        (self.value,) = values

    def add(self, value: SqlValue, weight: int) -> bool:
        if value is None:
            return True
        key = self._key(value)
        held = None if self.value is None else self._key(self.value)
        if weight > 0:
            if held is None or (key > held if self._better else key < held):
                self.value = value
            return True
        return held is not None and bool(key < held if self._better else key > held)

    def result(self) -> SqlValue:
        return self.value

    def copy(self) -> Extremum:
        return Extremum(self._key, largest=self._better, value=self.value)


def summand(call: Call) -> Expr | None:
    """Return what `call` adds up: its argument, and NULL for the rows that a FILTER leaves out; None: each row."""
    value = call.args[0] if call.args else None
    if call.filter is None:
        return value
    return Case(None, ((call.filter, Const("1") if value is None else value),), None)


def accumulator_for(
    call: Call, affinity: Affinity | None, collation: str, encoding: str, arg: str
) -> tuple[Callable[[], Accumulator], list[str], Expr | None] | None:
    """Return how to make the accumulator of `call`, its fill columns over the SQL text `arg`, and what it adds up.

    None: no accumulator follows this aggregate; its groups are read anew.
    """
    if call.distinct or len(call.args) > 1:
        return None
    value = summand(call)
    if call.name == "count":
        return Count, [f"count({arg or '*'})"], value
    if value is None:
        return None
    if call.name in ("sum", "total", "avg"):
        mixed = f"sum(typeof({arg}) = 'real')" if affinity not in ("INTEGER", "REAL") else "NULL"
        summed = f"sum({arg})" if call.name == "sum" else f"CASE WHEN count({arg}) THEN total({arg}) END"
        kind, real = call.name, affinity == "REAL" or call.name != "sum"
        return (lambda: Sum(kind, real=real)), [f"count({arg})", summed, mixed], value
    if call.name in ("min", "max"):
        key, largest = value_key(OrderTerm(0, collation=collation), encoding), call.name == "max"
        return (lambda: Extremum(key, largest=largest)), [f"{call.name}({arg})"], value
    return None
