"""A script: what happens to some programs and to what they say, as plain data that can be run, printed and shrunk.

Every step means something in every world: who and what it names is taken modulo what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from tests.log.simulation.author import Edit

__all__ = [
    "Backup", "Check", "Compact", "Copy", "Crash", "Cut", "Double", "Fetch", "Garble", "Join", "Lose", "Pass",
    "Present", "Restore", "Run", "Script", "Skew", "Step", "Swap", "Write",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """Program `who` commits one transaction; with `large` its title is so many characters."""

    who: int
    edits: tuple[Edit, ...]
    large: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """So much happens on the connection of client `who`, made if there is none: frames arrive, asks are answered."""

    who: int
    events: int
    order: int


@dataclass(frozen=True, slots=True)
class Lose:
    """A frame on the connection of `who` is lost, on its way up to the hub or down."""

    who: int
    up: bool
    which: int


@dataclass(frozen=True, slots=True)
class Double:
    """A frame comes twice."""

    who: int
    up: bool
    which: int


@dataclass(frozen=True, slots=True)
class Swap:
    """A frame is overtaken by the next one."""

    who: int
    up: bool
    which: int


@dataclass(frozen=True, slots=True)
class Garble:
    """A frame becomes nonsense."""

    who: int
    up: bool
    which: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection of `who` breaks; with `done` what was asked of the databases is done all the same."""

    who: int
    done: bool


@dataclass(frozen=True, slots=True)
class Crash:
    """Program `who`, hubs among them, starts again with nothing but its file."""

    who: int


@dataclass(frozen=True, slots=True)
class Backup:
    """The file of `who` is copied away."""

    who: int


@dataclass(frozen=True, slots=True)
class Restore:
    """The file of `who` is replaced by its last backup."""

    who: int


@dataclass(frozen=True, slots=True)
class Join:
    """A new client comes, with an empty file: six programs at most."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A new client comes, with a copy of the file of client `who`."""

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
    """The first hub forgets what nobody needs who keeps up; who lags is sent a snapshot."""


@dataclass(frozen=True, slots=True)
class Present:
    """Client `who` says something of itself; with nothing to say it leaves."""

    who: int
    state: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """Client `who` fetches the keys of a table, or one that isn't there."""

    who: int
    query: str


@dataclass(frozen=True, slots=True)
class Check:
    """What `who` shows is what its commits make by definition."""

    who: int


Step: TypeAlias = (
    Write | Run | Lose | Double | Swap | Garble | Cut | Crash | Backup | Restore | Join | Copy | Skew | Pass | Compact
    | Present | Fetch | Check
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """`clients` and `hubs` at the start, the limits that all announce, and the steps.

    Of two hubs the second is a client of the first one. `snapshot_over`: who lacks more commits is sent a snapshot.
    """

    clients: int
    hubs: int
    frame_bytes: int
    window_bytes: int
    snapshot_over: int
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        steps = "\n".join(f"    {step!r}," for step in self.steps)
        sizes = f"{self.frame_bytes}, {self.window_bytes}, {self.snapshot_over}"
        return f"Script({self.clients}, {self.hubs}, {sizes}, (\n{steps}\n))"
