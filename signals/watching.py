"""The two places where tracing and debug mode look on: a run of a function, and a write.

    off    nodes.run(node, fn)                     flush.changed(source)
    on     nodes.run = _run  -> before, run, tell  flush.changed = _changed -> tell, change

Looking on replaces these two functions of the modules while somebody does; when the last one leaves, the plain ones are
back. So it costs nothing while nobody does. Both are always called under the lock: lookers are told one at a time, in
the order in which things happen. What they read is not tracked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from . import flush, nodes, pull
from .nodes import Consumer, Node, now
from .pull import TooDeep
from .untracked import untracked

__all__ = ["Looker", "look_away", "look_on"]

DEPTH_WATCHED: Final = 30  # nested first reads: those who look on need frames, too

R = TypeVar("R")


class Looker(Protocol):
    """Who is told."""

    def wrote(self, source: Node) -> None:
        """`source` has a new value; nobody has been told yet."""

    def ran(self, node: Consumer, because: tuple[Node, ...] | None, value: object, error: BaseException | None) -> None:
        """The function of `node` has come to its end; `because` is None for its first run.

        What this raises counts as raised by the function.
        """


_lookers: list[Looker] = []
_plain_run = nodes.run
_plain_changed = flush.changed
_cut: dict[Consumer, tuple[Node, ...] | None] = {}  # runs that were unwound and start again from a short stack


def look_on(looker: Looker) -> None:
    """Tell `looker` from now on."""
    with nodes.lock:
        _lookers.append(looker)
        nodes.run, flush.changed, pull.depth_max = _run, _changed, DEPTH_WATCHED


def look_away(looker: Looker) -> None:
    """Tell `looker` no more. Twice is harmless."""
    with nodes.lock:
        if looker in _lookers:
            _lookers.remove(looker)
        if not _lookers:
            nodes.run, flush.changed, pull.depth_max = _plain_run, _plain_changed, pull.DEPTH_MAX
            _cut.clear()


def _run(node: Consumer, fn: Callable[[], R]) -> R:
    """Run as usual; tell what it was for."""
    if node in _cut:
        because = _cut.pop(node)
    else:
        because = tuple(dep for dep in node._deps if dep._version > node._ran) if node._ran else None
    try:
        result = _plain_run(node, fn)
    except (TooDeep, RecursionError) as error:
        if now.depth > 1 or isinstance(error, TooDeep):
            _cut[node] = because
        else:
            _tell_ran(node, because, None, error)
        raise
    except BaseException as error:
        _tell_ran(node, because, None, error)
        raise
    _tell_ran(node, because, result, None)
    return result


def _tell_ran(node: Consumer, because: tuple[Node, ...] | None, value: object, error: BaseException | None) -> None:
    def tell() -> None:
        for looker in tuple(_lookers):
            looker.ran(node, because, value, error)

    untracked(tell)


def _changed(source: Node) -> None:
    """Tell, then change as usual."""

    def tell() -> None:
        for looker in tuple(_lookers):
            looker.wrote(source)

    untracked(tell)
    _plain_changed(source)
