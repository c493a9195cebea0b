"""Replication: what serves a folder of databases, and who may come in. A client needs `db.connect` alone."""

from eddyline.core.sync.public import (
    Address,
    Authorize,
    Knock,
    Link,
    LinkState,
    Listener,
    Present,
    Principal,
    Rejection,
    Server,
    ServerLimits,
    Timing,
    Transport,
    sign_token,
    token_authorizer,
)

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
