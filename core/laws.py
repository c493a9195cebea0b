"""The laws of merge functions: what a function of two values must keep so that all replicas come to one value.

    idempotent    f(a, a) is a                        what comes twice counts once
    commutative   f(a, b) is f(b, a)                  whoever wrote first
    associative   f(f(a, b), c) is f(a, f(b, c))      whoever met first

`max`, `min`, union and intersection keep them. Sums don't (that is a counter), nor does "the longer text" where two
texts of one length differ: then it takes the one that was here. A guard, not a proof: give values that are unlike each
other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TypeVar

from .errors import ParameterError
from .values import shown

__all__ = ["check_merge_laws"]

T = TypeVar("T")


def check_merge_laws(function: Callable[[T, T], T], values: Iterable[T], name: str = "") -> None:
    """Raise `ParameterError` with the values that show that `function` can't merge. Cost: O(n^3) calls."""
    values = list(values)
    name = name or getattr(function, "__name__", "the function")

    def call(left: T, right: T) -> T:
        try:
            return function(left, right)
        except Exception as error:
            raise ParameterError(f"{name}({_show(left, right)}) fails: {error!r}; it has to join any two") from error

    for a in values:
        if not _same(call(a, a), a):
            raise ParameterError(f"{name} isn't idempotent: {name}({_show(a, a)}) is {shown(call(a, a))}")
    for a, b in itertools.combinations(values, 2):
        if not _same(call(a, b), call(b, a)):
            raise ParameterError(
                f"{name} isn't commutative: of {_show(a, b)} it makes {shown(call(a, b))}, "
                f"the other way round {shown(call(b, a))}"
            )
    for a, b, c in itertools.product(values, repeat=3):
        left, right = call(call(a, b), c), call(a, call(b, c))
        if not _same(left, right):
            raise ParameterError(
                f"{name} isn't associative: of {_show(a, b, c)} it makes {shown(left)} from the left, "
                f"{shown(right)} from the right"
            )


def _same(left: object, right: object) -> bool:
    return type(left) is type(right) and bool(left == right)


def _show(*values: object) -> str:
    return ", ".join(map(shown, values))
