"""The laws of merge functions: one that breaks them is told, with values that show it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eddyline import ParameterError, check_merge_laws

VALUES = [1, 2, 3, 5, -4]
Function = Callable[[int, int], int]


def fails(left: int, right: int) -> int:
    raise ZeroDivisionError(left, right)


@pytest.mark.parametrize("function", [max, min, lambda a, b: a | b, lambda a, b: a & b])
def test_functions_that_keep_the_laws_pass(function: Function) -> None:
    check_merge_laws(function, VALUES)


def test_values_may_be_of_any_type() -> None:
    check_merge_laws(frozenset[str].union, [frozenset(), frozenset("a"), frozenset("ab"), frozenset("c")])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a, b: a + b, r"isn't idempotent: sum\(1, 1\) is 2"),
        (lambda a, b: a, r"isn't commutative: of 1, 2 it makes 1, the other way round 2"),
        (lambda a, b: (a + b) // 2, r"isn't associative: of 1, 1, 3 it makes 2 from the left, 1 from the right"),
        (lambda a, b: float(max(a, b)), r"isn't idempotent: sum\(1, 1\) is 1.0"),
        (fails, r"sum\(1, 1\) fails: ZeroDivisionError\(1, 1\)"),
    ],
)
def test_a_function_that_breaks_a_law_is_told_by_which_values(function: Function, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        check_merge_laws(function, VALUES, "sum")
