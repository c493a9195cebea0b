"""What a file holds before anything is written: its columns, a type for each, how many rows.

The whole file is read once for it, on a thread, so a malformed line is found before the transaction begins. The guess
is sqlite-utils' own, with one thing stricter: a text of digits is a number only if the number writes itself like that.
"007", "+49 30", "1_000" and an integer of 20 digits stay texts: what is imported can be exported again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .files import COLUMNS_MAX, failure
from .records import Records

__all__ = ["Survey", "number", "survey"]

_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]{0,18})\Z")
_REAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?\Z")
_REAL_DIGITS_MAX = 17
_INTEGERS = range(-(2**63), 2**63)
_EXACT = range(-(2**53), 2**53 + 1)


@dataclass(frozen=True, slots=True)
class Survey:
    """The columns of a file in order of appearance, each with a type as sqlite-utils takes it, and its rows."""

    columns: dict[str, Any]
    rows: int


def survey(records: Records) -> Survey:
    """Read every record once. Raises `ImportFileError` for the first that is malformed."""
    return _texts(records) if records.is_text else _values(records)


def number(text: str) -> int | float | str:
    """Return the number that `text` writes, or `text` itself."""
    if is_integer(text):
        return int(text)
    return float(text) if is_real(text) else text


def is_integer(text: str) -> bool:
    """Say whether `text` is an integer of 64 bits as it writes itself."""
    return _INTEGER.match(text) is not None and int(text) in _INTEGERS


def is_real(text: str) -> bool:
    """Say whether a float keeps what `text` says."""
    if _REAL.match(text) is None:
        return False
    if text.lstrip("-").isdigit():
        return int(text) in _EXACT
    digits = re.split("[eE]", text)[0].replace(".", "").lstrip("-0")
    return len(digits) <= _REAL_DIGITS_MAX and abs(float(text)) != float("inf")


def _texts(records: Records) -> Survey:
    from sqlite_utils.utils import ValueTracker

    class Tracker(ValueTracker):
        """The library's guess, from the narrowest type to the widest, by our tests."""

        def test_integer(self, value: object) -> bool:
            return isinstance(value, str) and is_integer(value)

        def test_float(self, value: object) -> bool:
            return isinstance(value, str) and is_real(value)

    trackers = {name: Tracker() for name in records.header()}
    filled: set[str] = set()
    rows = 0
    for _, record in records:
        rows += 1
        for name, cell in record.items():
            if cell:
                filled.add(name)
                trackers[name].evaluate(cell)
    return Survey({name: one.guessed_type if name in filled else "text" for name, one in trackers.items()}, rows)


def _values(records: Records) -> Survey:
    from sqlite_utils.utils import types_for_column_types

    found: dict[str, set[type]] = {}
    rows = 0
    for _, record in records:
        rows += 1
        for name, value in record.items():
            found.setdefault(name, set()).add(type(value))
        if len(found) > COLUMNS_MAX:
            raise failure(records.path, f"its rows have more than {COLUMNS_MAX} columns; what are rows, what columns?")
    return Survey(types_for_column_types(found), rows)
