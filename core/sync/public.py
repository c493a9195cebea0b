"""The names of replication that applications use: what `eddyline.sync` hands on."""

from __future__ import annotations

from ..log.rejections import Rejection
from .attendance import Present
from .door import Authorize, Knock, Principal, ServerLimits
from .link import Link, LinkState, Timing
from .server import Server
from .tokens import sign_token, token_authorizer
from .transport import Address, Listener, Transport

__all__ = [
    "Address",
    "Authorize",
    "Knock",
    "Link",
    "LinkState",
    "Listener",
    "Present",
    "Principal",
    "Rejection",
    "Server",
    "ServerLimits",
    "Timing",
    "Transport",
    "sign_token",
    "token_authorizer",
]
