"""Random queries of any shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from .compounds import Compounds
from .derived import Derived
from .other import Other
from .planned import Planned
from .query import Query
from .schema import Table
from .stages import Stages
from .windows import Windows

__all__ = ["random_query"]


def random_query(rng: Random, tables: Mapping[str, Table], others: Sequence[str] = ()) -> Query:
    """Return a query of any shape over `tables`; `others` are views."""
    draw = rng.random()
    if draw < 0.08:
        return Compounds(rng, tables).make()
    if draw < 0.14:
        return Derived(rng, tables).make()
    if draw < 0.22:
        return Windows(rng, tables).make()
    if draw < 0.34:
        return Stages(rng, tables).make()
    if draw < 0.42:
        return Other(rng, tables, others).make()
    return Planned(rng, tables).make()
