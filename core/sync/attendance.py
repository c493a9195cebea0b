"""Attendance: who is present in a workspace and what they say of themselves, as a signal map; and what we say.

    link.present(where="issue/7", cursor=12)  --at most 20 a second, the newest-->  hub  -->  everybody else
    link.presence   {"01K..": Present("bob", {"where": ..}), ...}     empty while there is no connection

Nothing of it is stored. Who leaves, or is cut off, vanishes from the maps of the others; who comes back says again what
was said last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...signals import Clock, MapSignal, Timer
from ..errors import ParameterError
from ..log.encoding import dumps
from ..values import shown
from .frames import LIMITS, Seat

__all__ = ["PAUSE_S", "Attendance", "Present"]

PAUSE_S = 0.05
"""So far apart are two words about oneself."""


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is present: who they are, as the server knows them, and what they say."""

    who: str
    state: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON


class Attendance:
    """Who is present, and what is said of oneself."""

    def __init__(self, clock: Clock, send: Callable[[str], None]) -> None:
        self.others: MapSignal[str, Present] = MapSignal(name="link.presence")
        self._clock, self._send = clock, send
        self._said = ""
        self._resting: Timer | None = None
        self._is_behind = False

    def say(self, state: Mapping[str, Any]) -> None:  # Any: what JSON can hold
        """Say of oneself, now or soon; nothing is leaving."""
        try:
            said = dumps(dict(state)) if state else ""
        except (TypeError, ValueError) as error:
            raise ParameterError(f"what is said of oneself is JSON, not {shown(state)}: {error}") from error
        if len(said.encode()) > LIMITS.presence_bytes:
            raise ParameterError(
                f"what is said of oneself has {len(said):,} bytes; {LIMITS.presence_bytes:,} may be said"
            )
        if said != self._said:
            self._said, self._is_behind = said, True
            if self._resting is None:
                self._speak()

    def greet(self) -> None:
        """There is a connection: say again what was said last."""
        if self._said:
            self._send(self._said)

    def seated(self, seats: Iterable[Seat]) -> None:
        """Hear who is present: all of them."""
        self.others.set({seat.session: Present(seat.principal, _read(seat.state)) for seat in seats})

    def alone(self) -> None:
        """There is no connection: nobody is known to be present."""
        self.others.set({})

    def close(self) -> None:
        """Say no more."""
        if self._resting is not None:
            self._resting.cancel()

    def _speak(self) -> None:
        self._resting, self._is_behind = self._clock.call_later(PAUSE_S, self._rested), False
        self._send(self._said)

    def _rested(self) -> None:
        self._resting = None
        if self._is_behind:
            self._speak()


def _read(state: str) -> dict[str, Any]:  # Any: JSON of somebody else
    try:
        found = json.loads(state)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
