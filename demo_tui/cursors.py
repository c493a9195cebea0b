"""Who types where in the description of an issue: what everybody at the server says of it, in a terminal or a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from eddyline import computed
from eddyline.bindings.remote_cursor import RemoteCursor
from eddyline.signals import Readable

from .joining import Joined

if TYPE_CHECKING:
    from eddyline.sync import Present

__all__ = ["cursors_at"]

COLORS = ("magenta", "green", "yellow", "cyan", "red", "blue")


def cursors_at(joined: Joined, issue: str) -> Readable[list[RemoteCursor]]:
    """Return who types where in the description of `issue`, as a signal."""
    return computed(lambda: list(_cursors(joined.link.presence.value.values(), issue)))


def _cursors(present: Iterable[Present], issue: str) -> Iterable[RemoteCursor]:
    for one in present:
        at = _bytes(one.state.get("at"))
        if one.state.get("issue") == issue and at is not None:
            yield RemoteCursor(one.who, COLORS[sum(one.who.encode()) % len(COLORS)], at)


def _bytes(text: object) -> bytes | None:
    """Return what somebody else has said as hex digits; None for anything else."""
    try:
        return bytes.fromhex(text) if isinstance(text, str) else None
    except ValueError:
        return None
