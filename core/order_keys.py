"""Order keys: texts between texts, so that a row moves in a list by writing one cell.

    a0mQ3x   a1Kp9d                  a row between the two:  a0Zr4TB
    | `-- fraction, its last four digits random
    `---- whole part: its first letter says how long it is, so keys at either end stay short

Keys compare as SQLite compares texts (BINARY), digits are 0-9 A-Z a-z. Two replicas that put a row into one gap at the
same time choose different keys, but for one time in 14 million: so `ORDER BY place, id`. Moving is an ordinary write,
of two at the same time the later wins. Cost: 10,000 rows put at an end take 8 letters each; always halving the same gap
costs a letter for six rows, and `order_keys_between` gives a whole list short keys again.
Idea: David Greenspan, "Implementing Fractional Indexing"; here without his keys that are prefixes of others.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from itertools import takewhile

from .errors import ParameterError
from .values import shown

__all__ = ["order_key_between", "order_keys_between"]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUE = {digit: value for value, digit in enumerate(_DIGITS)}
_RANDOM_DIGITS = 4
_SIZE_MAX = 900
_FIRST = "a0"

RandomBelow = Callable[[int], int]


def order_key_between(left: str | None, right: str | None, *, random_below: RandomBelow = secrets.randbelow) -> str:
    """Return a key greater than `left` and less than `right`; None stands for the end of the list.

    Raises `ParameterError` where none of ours fits: the keys are equal, the wrong way round, or not order keys.
    """
    for key in (left, right):
        _check(key)
    if left is not None and right is not None and left >= right:
        raise ParameterError(
            f"no key lies between {left!r} and {right!r}; give the left neighbour's first, and where two rows have the "
            "same key new ones to all: order_keys_between(None, None, number)"
        )
    last = _DIGITS[1 + random_below(len(_DIGITS) - 1)]  # a key never ends in 0: nothing would fit below it
    return _between(left, right) + "".join(_DIGITS[random_below(62)] for _ in range(_RANDOM_DIGITS - 1)) + last


def order_keys_between(
    left: str | None, right: str | None, number: int, *, random_below: RandomBelow = secrets.randbelow
) -> list[str]:
    """Return `number` keys in their order, as far from each other as they may be. Raises as `order_key_between`."""
    if number <= 0:
        return []
    if left is None or right is None:
        return _at_an_end(left, right, number, random_below)
    middle = order_key_between(left, right, random_below=random_below)
    before = order_keys_between(left, middle, (number - 1) // 2, random_below=random_below)
    return [*before, middle, *order_keys_between(middle, right, number // 2, random_below=random_below)]


def _at_an_end(left: str | None, right: str | None, number: int, random_below: RandomBelow) -> list[str]:
    keys = []
    for _ in range(number):
        key = order_key_between(left, right, random_below=random_below)
        keys.append(key)
        left, right = (None, key) if right is not None else (key, None)
    return keys if right is None else keys[::-1]


def _between(left: str | None, right: str | None) -> str:
    """Return the shortest text between the two that is no beginning of either: digits may follow it."""
    if left is None and right is None:
        return _FIRST
    if left is None:
        assert right is not None, "one of the two is given"
        whole, fraction = _parts(right)
        return _lower(whole) or whole + _middle("", fraction)
    whole, fraction = _parts(left)
    higher = _higher(whole)
    if right is None:
        return higher or whole + _middle(fraction, None)
    whole_right, fraction_right = _parts(right)
    if whole == whole_right:
        return whole + _middle(fraction, fraction_right)
    return higher if higher and higher < whole_right else whole + _middle(fraction, None)


def _middle(low: str, high: str | None) -> str:
    """Return digits between two fractions; `high` None is 1."""
    common = ""
    if high is not None:
        padded = low.ljust(len(high), "0")
        common = "".join(digit for digit, _ in takewhile(lambda two: two[0] == two[1], zip(high, padded, strict=False)))
        low, high = low[len(common) :], high[len(common) :]
    below = _VALUE[low[0]] if low else 0
    above = _VALUE[high[0]] if high else len(_DIGITS)
    if above - below > 1:
        return common + _DIGITS[(below + above) // 2]
    return common + _DIGITS[below] + _middle(low[1:], None)


# --- Whole parts: .. Z0 .. Zz  a0 .. az  b00 .. bzz  c000 .. ---------------------------------------------------------


def _size(head: str) -> int:
    """Return how long a whole part is that begins with `head`."""
    return ord(head) - ord("a") + 2 if head >= "a" else ord("Z") - ord(head) + 2


def _parts(key: str) -> tuple[str, str]:
    size = _size(key[0])
    return key[:size], key[size:]


def _higher(whole: str) -> str:
    """Return the next whole part; "" behind the last."""
    head, digits = whole[0], whole[1:].rstrip("z")
    if digits:
        return (head + digits[:-1] + _DIGITS[_VALUE[digits[-1]] + 1]).ljust(len(whole), "0")
    if head == "z":
        return ""
    head = "a" if head == "Z" else chr(ord(head) + 1)
    return head.ljust(_size(head), "0")


def _lower(whole: str) -> str:
    """Return the whole part before; "" before the first."""
    head, digits = whole[0], whole[1:].rstrip("0")
    if digits:
        return (head + digits[:-1] + _DIGITS[_VALUE[digits[-1]] - 1]).ljust(len(whole), "z")
    if head == "A":
        return ""
    head = "Z" if head == "a" else chr(ord(head) - 1)
    return head.ljust(_size(head), "z")


def _check(key: object) -> None:
    if key is None:
        return
    if not isinstance(key, str) or not key or not set(key) <= _VALUE.keys() or key[0] in "0123456789":
        raise ParameterError(f"{shown(key)} is no order key; take those that order_key_between gives, None for an end")
    if len(key) <= _size(key[0]) or key.endswith("0"):
        raise ParameterError(f"{shown(key)} is no order key: it has no fraction, or one that ends in 0")
    if len(key) > _SIZE_MAX:
        raise ParameterError(
            f"an order key of {len(key)} letters: rows were put into one gap too often; give all new keys: "
            "order_keys_between(None, None, number)"
        )
