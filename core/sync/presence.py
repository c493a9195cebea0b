"""Presence: who is in a room now, for any number of listeners that each hear at their own pace.

    put("s1", ..)  version 7     seats   s1: 7 {cursor}   s2: 3 {..}   s3: 5 gone
    since(4)  ->  s1, s3, 7      a listener has heard up to a version; what is newer is all that it lacks

Only the last word of each session is kept, so who is slow misses what lay between and no more. Sessions that have left
are remembered up to a bound; a listener from before that hears everything anew. Nothing is ever stored.
Cost: a look at what is newer, for each listener.
"""

from __future__ import annotations

from .frames import Seat

__all__ = ["GONE_MAX", "Room"]

GONE_MAX = 1_000


class Room:
    """The sessions of one workspace that have said something of themselves."""

    __slots__ = ("_forgotten", "_gone", "_seats", "version")

    def __init__(self) -> None:
        self.version = 0
        self._seats: dict[str, tuple[int, Seat]] = {}  # in the order of versions
        self._gone: dict[str, None] = {}  # those of them who have left
        self._forgotten = 0  # up to this version sessions that left are remembered no more

    def put(self, seat: Seat) -> bool:
        """Take what a session says of itself, "" when it leaves; say whether that is news."""
        _, known = self._seats.get(seat.session, (0, Seat(seat.session)))
        if known.state == seat.state:
            return False
        self.version += 1
        self._seats.pop(seat.session, None)
        self._seats[seat.session] = self.version, seat
        self._gone.pop(seat.session, None)
        if not seat.state:
            self._gone[seat.session] = None
        if len(self._gone) > GONE_MAX:
            oldest = next(iter(self._gone))
            del self._gone[oldest]
            self._forgotten = self._seats.pop(oldest)[0]
        return True

    def since(self, version: int, *, but_not: str) -> tuple[tuple[Seat, ...], bool]:
        """Return what is newer than `version`, of others than one session; and whether these are all there are."""
        reset = version < self._forgotten or version == 0
        after = 0 if reset else version
        found = []
        for at, seat in reversed(self._seats.values()):
            if at <= after:
                break
            if seat.session != but_not and (seat.state or not reset):
                found.append(seat)
        return tuple(reversed(found)), reset

    def __len__(self) -> int:
        """Return how many are here."""
        return len(self._seats) - len(self._gone)
