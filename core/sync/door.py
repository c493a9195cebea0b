"""The door: who comes in, and what they may do there. Without a principal there is no session; nothing is allowed that
no rule allows.

    Knock(workspace, token, address)  --authorize, the server's owner's-->  Principal(name, read=.., write=..)
                                                 raises EntryError(code=..), or returns None: forbidden

    read   True: a full replica of the workspace      {"issue"}: `fetch` over these tables alone      False: no way in
    write  True: any table                            {"issue"}: commits to these tables alone        False: none
    actors True: under any name                       {"importer"}: their own and these               (): their own
    relay  True: what others wrote, too               False: what they wrote themselves

Limits are of a connection and of a server: what is beyond them is refused with a word, and disturbs nobody else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Authorize", "Knock", "Principal", "Rate", "ServerLimits"]

Tables: TypeAlias = bool | Collection[str]


@dataclass(frozen=True, slots=True)
class Knock:
    """Somebody wants in. `headers` are those of the websocket's request, names in lower case."""

    workspace: str
    token: str
    address: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who somebody is, and which tables they may read and write: True for all, False for none.

    `until_ms` is when that ends, in milliseconds since 1970; None is never. A commit says under which name it was
    written: their own, or one of `actors`, True for any. `relay`: they may bring what others wrote, as another server
    does that is a client of this one.
    """

    name: str
    read: Tables = False
    write: Tables = False
    until_ms: int | None = None
    actors: bool | Collection[str] = ()
    relay: bool = False

    @property
    def replicates(self) -> bool:
        """Whether they may have a full replica: that holds every table."""
        return self.read is True

    def may_read(self, table: str) -> bool:
        """Say whether they may read rows of `table`."""
        return self.read is True or (self.read is not False and table in self.read)

    def may_write(self, table: str) -> bool:
        """Say whether they may write to `table`."""
        return self.write is True or (self.write is not False and table in self.write)


Authorize: TypeAlias = Callable[[Knock], Principal | Awaitable[Principal | None] | None]
"""The hook of a server's owner; it may be asynchronous."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What a server takes. Rates are of one connection, with as much at once as `burst_s` seconds give."""

    frame_bytes: int = 1 << 20
    connections: int = 5_000
    connections_per_address: int = 5_000  # behind a proxy all come from one
    workspaces: int = 1_000
    frames_per_s: float = 2_000
    bytes_per_s: float = 32 << 20
    burst_s: float = 4.0
    hello_s: float = 10.0


class Rate:
    """A bucket that fills by `per_s` and holds what `burst_s` seconds give."""

    __slots__ = ("_left", "_most", "_per_s", "_then_s")

    def __init__(self, per_s: float, burst_s: float, now_s: float) -> None:
        self._per_s, self._most = per_s, per_s * burst_s
        self._left, self._then_s = self._most, now_s

    def take(self, amount: float, now_s: float) -> bool:
        """Take `amount` out if that much is there; say whether it was."""
        self._left = min(self._most, self._left + (now_s - self._then_s) * self._per_s)
        self._then_s = now_s
        if amount > self._left:
            return False
        self._left -= amount
        return True
