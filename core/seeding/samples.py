"""Samples: what makes an example value of one column, by its type and by what it is called.

    state: Column[Literal["open", "done"]]  ->  one of the two          due: Column[date | None]  ->  a day, or none
    name: Column[str]                       ->  "Rosa Park"             mail: Column[Email]       ->  what Email says

A sample is a function of a `random.Random` and the number of the row; values that must differ hold that number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from random import Random
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from ..errors import ParameterError
from ..schema.table import MISSING, ColumnSpec
from .dice import number, pick, some, words

__all__ = ["NOW", "Sample", "sample_for"]

Sample: TypeAlias = Callable[[Random, int], Any]

NOW: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""When example data ends: times lie in the year before, days around it."""

_NONE_IN: Final = 4  # one of so many is None, where it may be
_PEOPLE: Final = (
    "Ada", "Bruno", "Chiara", "Deniz", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kofi", "Lena", "Malik",
    "Nadia", "Oskar", "Priya", "Quinn", "Rosa", "Samir", "Tove", "Uma", "Viktor", "Wanda", "Ximena", "Yuki", "Zoe",
)  # fmt: skip
_FAMILIES: Final = (
    "Abel", "Berg", "Costa", "Diallo", "Ekdahl", "Fischer", "Greco", "Haddad", "Ito", "Jansen", "Kaya", "Lindqvist",
    "Moreau", "Novak", "Okafor", "Park", "Quist", "Rossi", "Silva", "Tanaka", "Ueda", "Vogel", "Weber", "Yilmaz",
)  # fmt: skip
_LONG: Final = frozenset("body text description note notes comment message summary details".split())


def sample_for(column: ColumnSpec, hint: Any, *, unique: bool) -> Sample:  # Any: the type in the column's brackets
    """Return what makes values of `column`, whose type is `hint`; `unique`: no two rows have the same."""
    optional, bare = _bare(hint)
    meaning = column.kind.semantic
    if meaning is not None and meaning.sample is not None:
        made: Sample = meaning.sample
    else:
        made = _by_type(column, bare, unique=unique)
    if not optional or unique:
        return made
    return lambda random, at: None if number(random, 1, _NONE_IN) == 1 else made(random, at)


def _bare(hint: Any) -> tuple[bool, Any]:  # Any: types
    """Return whether None is one of `hint`, and what else it is, without annotations."""
    if get_origin(hint) in (Union, UnionType):
        parts = [part for part in get_args(hint) if part is not type(None)]
        return len(parts) < len(get_args(hint)), _bare(parts[0])[1]
    return False, get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _by_type(column: ColumnSpec, bare: Any, *, unique: bool) -> Sample:
    if get_origin(bare) is Literal:
        return lambda random, at: pick(random, get_args(bare))
    if isinstance(bare, type) and issubclass(bare, Enum):
        members = list(bare)
        return lambda random, at: pick(random, members)
    plain = _PLAIN.get(get_origin(bare) or bare)
    if bare is str:
        return _order if column.merge == "order" else _text(column.attribute, unique=unique)
    if bare is int:
        return (lambda random, at: at) if unique else _int
    if bare is Decimal:
        places = column.kind.scale or 0
        return lambda random, at: Decimal(number(random, 0, 99_999)).scaleb(-places)
    if bare in (list, frozenset) or get_origin(bare) in (list, frozenset):
        return _collection(get_origin(bare) or bare, get_args(bare))
    if plain is not None:
        return plain
    if column.default is not MISSING:
        return lambda random, at: column.default
    raise ParameterError(
        f"no example is known for {column.attribute}, a {column.kind.python}: give semantic(sample=...), or say "
        f"{column.attribute}=function of (random, number of the row)"
    )


def _int(random: Random, at: int) -> int:
    return number(random, 0, pick(random, (3, 9, 100, 1000)))


def _order(random: Random, at: int) -> str:
    return f"a{at:08d}"


def _text(name: str, *, unique: bool) -> Sample:
    if name.lower() == "name":
        make: Sample = lambda random, at: f"{pick(random, _PEOPLE)} {pick(random, _FAMILIES)}"  # noqa: E731  # one of three
    elif name.lower() in _LONG:
        make = lambda random, at: " ".join(  # noqa: E731  # as above
            f"{words(random, number(random, 3, 9)).capitalize()}." for _ in range(number(random, 1, 3))
        )
    else:
        make = lambda random, at: words(random, number(random, 2, 4)).capitalize()  # noqa: E731  # as above
    return (lambda random, at: f"{make(random, at)} {at}") if unique else make


def _collection(made: type, args: tuple[Any, ...]) -> Sample:
    among: list[Any] = [1, 2, 3, 5, 8, 13] if args[:1] in ((int,), (float,)) else words(Random(0), 12).split()
    return lambda random, at: made(some(random, among, 3))


def _moment(random: Random, at: int) -> dt.datetime:
    return NOW - dt.timedelta(minutes=number(random, 0, 365 * 24 * 60))


_PLAIN: Final[dict[Any, Sample]] = {
    bool: lambda random, at: number(random, 0, 1) == 1,
    float: lambda random, at: number(random, 0, 10_000) / 100,
    bytes: lambda random, at: bytes(number(random, 0, 255) for _ in range(8)),
    dict: lambda random, at: {word: number(random, 0, 9) for word in words(random, 2).split()},
    dt.datetime: _moment,
    dt.date: lambda random, at: (NOW + dt.timedelta(days=number(random, -60, 60))).date(),
    dt.time: lambda random, at: dt.time(number(random, 0, 23), number(random, 0, 3) * 15),
}
