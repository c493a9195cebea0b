"""Merging as models declare it: what becomes of a column that two replicas have changed at once.

    votes: Column[int] = column(default=0, merge="counter")        both changes add up
    labels: Column[frozenset[str]] = column(merge="set", ...)      each element by itself
    place: Column[str] = column(merge="order")                     a key between its neighbours' keys
    parent: Ref[Folder | None] = ref(default=None, merge="tree")   no move closes a circle
    best: Column[int] = column(default=0, merge=max)               a function: commutative, associative, idempotent
    start, end = column(group="span"), column(group="span")        the later writer has both
    draft: Column[str] = column(default="", local=True)            never leaves this replica

Nothing said, the later writer of a column wins. This file says what may be declared, as data; what it does is the
business of the log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from ..errors import ModelError, ParameterError
from ..kinds import Kind
from ..laws import check_merge_laws

if TYPE_CHECKING:
    from .table import ColumnSpec, TableSpec

__all__ = ["History", "Merge", "MergeFunction", "check_history", "check_merge", "check_merging"]

MergeFunction: TypeAlias = Callable[[Any, Any], Any]
"""Of two values of the column, as Python has them, the one that both replicas take."""

Merge: TypeAlias = Literal["last", "counter", "set", "order", "tree", "text"] | MergeFunction
"""How a column merges; "text" is what `Text` declares and nobody else."""

History: TypeAlias = Literal["full", "last", "none"]
"""What the log keeps of a table: every change, each cell's last one, or only who holds a cell."""

_MERGES: Final = ("last", "counter", "set", "order", "tree")
_HOLDS: Final = {
    "counter": ("int", "float"),
    "set": ("frozenset",),
    "order": ("str",),
}  # fmt: skip


def check_merge(merge: object, group: object, local: object) -> None:
    """Raise `ModelError` for what `column` and `ref` don't take."""
    if not (merge is None or callable(merge) or merge in _MERGES):
        raise ModelError(f"merge is {', '.join(map(repr, _MERGES))} or a function of two values, not {merge!r:.40}")
    if not (group is None or (isinstance(group, str) and group)):
        raise ModelError(f"group is the name that columns have in common, not {group!r:.40}")
    if not isinstance(local, bool):
        raise ModelError(f"local is True or False, not {local!r:.40}")


def check_history(history: object, local: object, who: str) -> None:
    """Raise `ModelError` for what the class `who` can't say of itself."""
    if history not in get_args(History):
        raise ModelError(f"{who}: history is 'full', 'last' or 'none', not {history!r:.40}")
    if not isinstance(local, bool):
        raise ModelError(f"{who}: local is True or False, not {local!r:.40}")


def check_merging(spec: TableSpec) -> None:
    """Raise `ModelError` for a column of `spec` that can't merge as it says."""
    for column in spec.columns:
        trouble = _trouble(spec, column)
        if trouble:
            raise ModelError(f"{spec.model}.{column.attribute}: {trouble}")
    for group, columns in spec.groups.items():
        if len(columns) == 1:
            raise ModelError(f"{spec.model}.{columns[0].attribute} is the only column of the group {group!r}")


def _trouble(spec: TableSpec, column: ColumnSpec) -> str:
    """Return what is wrong with the declaration of one column, or nothing."""
    merge = column.merge
    special = not isinstance(merge, str) or merge != "last"
    if column.primary_key and (special or column.group is not None or column.local):
        return "a key never changes, so it doesn't merge, and every replica has it"
    if column.local and not (column.kind.optional or column.has_default):
        return "local=True needs a default, or `| None`: rows of other replicas come without it"
    if column.local and (special or column.group is not None):
        return "local=True says that it never merges"
    if special and column.group is not None:
        return f"the columns of the group {column.group!r} are one, and its later writer wins: take merge= away"
    if isinstance(merge, str) and merge in _HOLDS and (column.kind.optional or column.kind.python not in _HOLDS[merge]):
        return f"merge={merge!r} is for {' and '.join(_HOLDS[merge])}, not for {column.kind.python}" + (
            " | None" if column.kind.optional else ""
        )
    if special and merge != "order" and column.unique:
        return "what merges may come to a value that another row has: a unique column takes its last writer's"
    if callable(merge):
        broken = _broken_law(merge, column.kind)
        if broken:
            return f"merge= takes a function that all replicas can come to one value by; {broken}"
    to = column.reference
    if merge == "tree" and (to is None or to.table.lower() != spec.name.lower() or not column.kind.optional):
        return f'merge="tree" is for a reference to the row above, Ref[{spec.model} | None]'
    return ""


def _broken_law(merge: MergeFunction, kind: Kind) -> str:
    """Return by which values `merge` breaks a law, or nothing; kinds that have no samples aren't looked at."""
    if kind.semantic is None:
        samples = _SAMPLES.get(kind.python, [])
    else:
        sample, random = kind.semantic.sample, Random(0)
        samples = [] if sample is None else [sample(random, number) for number in range(5)]
    try:
        check_merge_laws(merge, [None, *samples] if kind.optional and samples else samples)
    except ParameterError as error:
        return str(error)
    return ""


_SAMPLES: Final[dict[str, list[Any]]] = {
    "bool": [False, True],
    "int": [-3, 0, 1, 2, 8],
    "float": [-1.5, 0.0, 0.25, 2.0],
    "str": ["", "a", "b", "ab", "B"],
    "bytes": [b"", b"a", b"b", b"ab"],
    "date": [date(2000, 2, 29), date(2025, 1, 1), date(2025, 12, 31)],
    "datetime": [datetime(2000, 2, 29, tzinfo=UTC), datetime(2025, 1, 1, 12, tzinfo=UTC)],
}
