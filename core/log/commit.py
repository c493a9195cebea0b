"""Commits: one transaction as a lasting, attributable record that any other replica can take in.

    Commit(lane, seq)          which one: the `seq`-th of its writer's lane
      parents                  what its author's database held, its own lane included: a closed vector
      hlc, actor, command ...  when by the author's clock, who, by which named write, with which words
      previous                 hash of the commit before it in its lane: a lane can't be rewritten unseen
      ops                      what changed, row by row, columns by their stable ids

An op says by its kind how it combines with what others wrote at the same time; `merge.py` needs no schema for it:

| op | for | of two at the same time |
|---|---|---|
| `Put` | plain columns; a new incarnation is an insert | the later one wins, column by column |
| `End` | a delete | it wins against every edit of that incarnation |
| `Add` | counters | both count; a `Put` starts a new epoch |
| `SetUpdate` | sets | elements added by either are in, unless the other saw that very adding and took it out |
| `PutJoined` | columns with a merge function | the function joins the two |
| `Move` | the parent in a tree | the later one, but if it would close a cycle it is ignored |
| `TextUpdate` | collaborative text | the text engine's |
| `Withheld` | what a rejected commit said | nothing: it counts as never said (`envelopes.py`) |

Values never change after they are made, the dicts in them included. `encoding.py` writes and reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..clock import stamp_ms
from ..values import SqlValue
from .vector import CommitId, Lane, Vector

__all__ = [
    "Add",
    "Commit",
    "CommitId",
    "End",
    "Key",
    "Lane",
    "Move",
    "Op",
    "Put",
    "PutJoined",
    "SetUpdate",
    "TextUpdate",
    "Withheld",
]

Key: TypeAlias = tuple[SqlValue, ...]
"""The values of a row's primary key, nearly always one."""


@dataclass(frozen=True, slots=True)
class Put:
    """Values of plain columns: all of them where `incarnation` begins, else those that changed.

    Where one column of a group changes, its author puts the whole group (`groups.py`): so it wins or loses as one.
    """

    table: str
    key: Key
    incarnation: int
    cells: Mapping[str, SqlValue]


@dataclass(frozen=True, slots=True)
class End:
    """The row ends. Ended again, having seen more, it settles the conflicts with what was seen (`conflicts.py`)."""

    table: str
    key: Key
    incarnation: int


@dataclass(frozen=True, slots=True)
class Add:
    """`delta` more (or less) than what the `Put` of commit `epoch` set: it counts while that one is the winner."""

    table: str
    key: Key
    incarnation: int
    column: str
    epoch: CommitId
    delta: int | float


@dataclass(frozen=True, slots=True)
class SetUpdate:
    """Elements that came into a set and that went, each as JSON text: `"a"`, `1`, `true` (`sets.py`).

    A removal concerns only what its author had seen.
    """

    table: str
    key: Key
    incarnation: int
    column: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutJoined:
    """A value that replaces what its author saw and is joined by `function`, a name, with what it didn't see."""

    table: str
    key: Key
    incarnation: int
    column: str
    function: str
    value: SqlValue


@dataclass(frozen=True, slots=True)
class Move:
    """The row goes below `parent`, a key of the same table, or to the top: None."""

    table: str
    key: Key
    incarnation: int
    column: str
    parent: SqlValue


@dataclass(frozen=True, slots=True)
class TextUpdate:
    """One update of a text document, in its engine's encoding; `epoch` counts the column's documents."""

    table: str
    key: Key
    incarnation: int
    column: str
    epoch: int
    update: bytes


@dataclass(frozen=True, slots=True)
class Withheld:
    """What a rejected commit said of a row, without its values: which plain columns it wrote, whether it ended it."""

    table: str
    key: Key
    incarnation: int
    columns: tuple[str, ...]
    ended: bool = False


Op: TypeAlias = Put | End | Add | SetUpdate | PutJoined | Move | TextUpdate | Withheld


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction. `args` is JSON text ("" for none), `schema` the hash of the tables as its author knew them.

    `sent_ms` is its author's wall clock; `previous` the hash of the commit before it in its lane, "" for the first.
    One that a hub has rejected is handed on without its values: then `rejected` is the reason, and `whole` the hash
    that it had with them, which the next commit of its lane names.
    """

    lane: Lane
    seq: int
    parents: Vector
    hlc: int
    ops: tuple[Op, ...]
    actor: str = ""
    command: str = ""
    args: str = ""
    message: str = ""
    sent_ms: int = 0
    schema: str = ""
    previous: str = ""
    rejected: str = ""
    whole: str = ""

    @property
    def id(self) -> CommitId:
        """Lane and seq."""
        return CommitId(self.lane, self.seq)

    def __repr__(self) -> str:
        return f"<Commit {self.id} at {stamp_ms(self.hlc)} ms: {len(self.ops)} ops, after {self.parents!r}>"
