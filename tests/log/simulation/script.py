"""A script: what happens to some replicas, step by step, as plain data that can be run, printed and shrunk.

Every step means something in every world: who and what it names is taken modulo what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .author import Edit

__all__ = [
    "Backup", "Check", "Compact", "Copy", "Crash", "Cut", "Deliver", "Drop", "Install", "Mend", "Pass", "Restore",
    "Script", "Send", "Skew", "Step", "Talk", "Write",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """Replica `who` commits one transaction."""

    who: int
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """A message leaves with at most `most` of the commits that the other one is thought to lack."""

    who: int
    to: int
    most: int


@dataclass(frozen=True, slots=True)
class Deliver:
    """Message number `which` under way arrives; with `again` it also stays under way."""

    which: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """Message number `which` under way is lost."""

    which: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing arrives between the two until `Mend`."""

    who: int
    to: int


@dataclass(frozen=True, slots=True)
class Mend:
    """All can reach each other again."""


@dataclass(frozen=True, slots=True)
class Talk:
    """All that can reach each other exchange all they have."""


@dataclass(frozen=True, slots=True)
class Crash:
    """Replica `who` starts again with nothing but its disk."""

    who: int


@dataclass(frozen=True, slots=True)
class Backup:
    """The disk of `who` is copied away."""

    who: int


@dataclass(frozen=True, slots=True)
class Restore:
    """The disk of `who` is replaced by its last backup."""

    who: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A new replica starts with a copy of the disk of `who`: six at most."""

    who: int


@dataclass(frozen=True, slots=True)
class Skew:
    """The wall clock of `who`, unless it is a hub, is off by this from now on."""

    who: int
    ms: int


@dataclass(frozen=True, slots=True)
class Pass:
    """Time passes for all."""

    ms: int


@dataclass(frozen=True, slots=True)
class Compact:
    """`who` forgets what nobody can ask for."""

    who: int


@dataclass(frozen=True, slots=True)
class Install:
    """`who` becomes what `source` holds, by a snapshot."""

    who: int
    source: int


@dataclass(frozen=True, slots=True)
class Check:
    """What `who` shows is what its commits make by definition."""

    who: int


Step: TypeAlias = (
    Write
    | Send
    | Deliver
    | Drop
    | Cut
    | Mend
    | Talk
    | Crash
    | Backup
    | Restore
    | Copy
    | Skew
    | Pass
    | Compact
    | Install
    | Check
)


@dataclass(frozen=True, slots=True)
class Script:
    """`replicas` at the start, the first `hubs` of which clamp stamps, and the steps."""

    replicas: int
    hubs: int
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        steps = "\n".join(f"    {step!r}," for step in self.steps)
        return f"Script({self.replicas}, {self.hubs}, (\n{steps}\n))"
