"""`Log`: what has been done to a list, map or set, for those who look later.

    ListSignal.append("c")
        |
        v
    [ log: Insert(2, "c") ]  <---- Reader (a derived list)     takes what is new since it last looked,
                             <---- Reader (a subscriber)       when it is asked, at its own time

Nobody pushes patches. A collection writes them into its log, and each reader keeps its own place in it. So a derived
list is as lazy as a computed, right in the middle of a batch, and held by nobody upstream; a subscriber is an effect,
so it is told once a batch, in order with other effects, and all rules of effects and threads hold for it.

A log that nobody reads isn't written. One that grows beyond the size of its collection is continued in a new one, which
the old one knows only weakly: a reader that looks rarely keeps at most one log alive, and takes a `Reset` if it comes
too late.
Costs: to write and to take O(patches).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar
from weakref import ReferenceType, ref

from . import nodes
from .effect import effect
from .nodes import Node, now
from .scope import current_owner
from .untracked import untracked

__all__ = ["Log", "Logged", "Reader", "follow_node"]

P = TypeVar("P")

LOG_MIN: Final = 64  # so many patches are kept in any case


class Log(Generic[P]):
    """Patches in the order in which they were made, and where they go on."""

    __slots__ = ("__weakref__", "further", "patches", "room")

    def __init__(self, size: int) -> None:
        self.patches: list[P] = []
        self.room = max(LOG_MIN, size)  # beyond so many patches a Reset is cheaper
        self.further: ReferenceType[Log[P]] | None = None


class Reader(Generic[P]):
    """A place in the log of a collection."""

    __slots__ = ("_at", "_log", "_of")

    def __init__(self, of: Logged[P]) -> None:
        self._of = of
        self._log: Log[P] | None = None
        self._at = 0

    def take(self) -> list[P]:
        """Return the patches since the last call; a Reset for the first one and after a long time."""
        log = self._log
        if log is None:
            return [self.reset()]
        patches = log.patches[self._at :]
        while log.further is not None:
            further = log.further()
            if further is None:
                return [self.reset()]
            log = further
            patches += log.patches
        self._log, self._at = log, len(log.patches)
        return patches

    def reset(self) -> P:
        """Go to the end of the log; return all that is there."""
        self._log = log = self._of._open_log()
        self._at = len(log.patches)
        return self._of._whole()


class Logged(Generic[P]):
    """A collection with a log: a mixin for a `Node`."""

    __slots__ = ()

    _log: Log[P] | None

    def _follow(self) -> None:
        """Bring the collection up to date and have the running computed or effect follow it as a whole."""
        raise NotImplementedError

    def _whole(self) -> P:
        """Return all that is there as one patch."""
        raise NotImplementedError

    def _size(self) -> int:
        """Return how much is there; nobody follows."""
        raise NotImplementedError

    def _write_log(self, patches: Iterable[P]) -> None:
        """Note what has been done."""
        log = self._log
        if log is None:
            return
        log.patches.extend(patches)
        if len(log.patches) > log.room:
            further: Log[P] = Log(self._size())
            log.further = ref(further)
            self._log = further  # type: ignore[misc]  # a slot of each class that mixes this in
            last = ref(log)
            del log
            if last() is None:  # nobody reads
                self._log = None  # type: ignore[misc]  # as above

    def _open_log(self) -> Log[P]:
        """Return the log, written from now on."""
        if self._log is None:
            self._log = Log(self._size())  # type: ignore[misc]  # as above
        return self._log

    def subscribe(self, fn: Callable[[tuple[P, ...]], object]) -> Callable[[], None]:
        """Call `fn` with a Reset now and with the patches of each write, or batch, from then on; return what ends that.

        Applied in order to a copy of the old collection they give the new one. A change that touches more than half of
        a long list, and a batch that touches more than all, may come as a Reset. `fn` runs as an effect does, and ends
        with the current Scope or effect; what it reads is not followed, what it makes belongs to that Scope. What it
        raises is raised to the writer, and the patches count as delivered.
        """
        reader, owner = Reader(self), current_owner()

        def tell() -> None:
            self._follow()
            patches = reader.take()
            if patches:
                owner.run(lambda: untracked(lambda: fn(tuple(patches))))

        return effect(tell, getattr(fn, "__name__", None)).close


def follow_node(node: Node) -> None:
    """Have the running computed or effect follow `node`."""
    token = now.token
    if token is not None and node._seen is not token:
        nodes.track(node)
