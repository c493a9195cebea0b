"""`Source`: the seam for what is read and changes without being a `Signal`: views, collections, clocks, sockets.

    class Ticker(Source):
        def now(self) -> float:
            self.track()               a computed or effect that runs now will follow
            return self._now

        def _on_tick(self, now: float) -> None:
            self._now = now
            self.changed()             whoever followed is stale; effects run, unless a batch is open

It holds no value: what it stands for may be large, or somewhere else.
Costs: `track` O(1), a comparison from the second read in one run on; `changed` O(what depends on it); 64 bytes.
"""

from __future__ import annotations

from . import flush, loops, nodes
from .naming import label_of
from .nodes import Node, now, track

__all__ = ["Source"]


class Source(Node):
    """A point of the graph without a value of its own."""

    __slots__ = ()

    def track(self) -> None:
        """Note that the running computed or effect, if any, depends on this."""
        token = now.token
        if token is not None and self._seen is not token:
            track(self)

    def changed(self) -> None:
        """Make all that depends on this stale and run the effects among it, at the end of the batch if one is open.

        Errors of effects are raised here: use `batch(on_error=...)` if the change can't be taken back.
        """
        if loops.owner is not None and (loop := loops.foreign()) is not None:
            flush.post(loop, self.changed)
            return
        with nodes.lock:
            flush.changed(self)

    @property
    def watched(self) -> bool:
        """Whether anything depends on this now: if not, a change needs no telling. O(1)."""
        return bool(self._subs)

    def __repr__(self) -> str:
        return f"<{label_of(self)}>"
