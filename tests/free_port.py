"""A port for a server that a test starts later, or starts again: one that nobody is given by chance meanwhile.

Port 0 gives one of those that the system hands to whoever asks (32768 and up on Linux, 49152 on others): between the
end of a server and its next start another program's connection may have it. One below them only who names it gets.
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress

__all__ = ["free_port"]

_FIRST, _LAST = 10_000, 32_000


def free_port() -> int:
    """Return a port of this machine that nobody listens on, another one for each of several suites side by side."""
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(_FIRST, _LAST)
        with suppress(OSError), socket.socket() as held:
            held.bind(("127.0.0.1", port))
            return port
