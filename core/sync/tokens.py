"""Tokens: signed claims (JWT) of who somebody is and which workspaces they may enter; the extra `server`.

    {"sub": "ada", "exp": 1795000000, "workspaces": {"tracker": "write", "wiki": "read", "shop": {"write": ["order"]}}}

    "read": every table to read        "write": and to write        {"read": .., "write": ..}: true or names of tables
    {.., "actors": true or names, "relay": true}: under which other names, and whether what others wrote

`"*"` as a workspace stands for all that aren't named. An identity provider issues such tokens under a key of its own
(RS256 and the like take the library cryptography); `sign_token` makes them with a secret that both sides share (HS256).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import EntryError, MissingLibraryError, ParameterError
from .door import Knock, Principal, Tables

__all__ = ["SECRET_BYTES_MIN", "sign_token", "token_authorizer"]

SECRET_BYTES_MIN = 32
"""What a shared secret has to have: a shorter one can be found by trying (RFC 7518, 3.2)."""


def token_authorizer(
    key: str | bytes,
    *,
    algorithms: Sequence[str] = ("HS256",),
    audience: str | None = None,
    issuer: str | None = None,
    leeway_s: float = 30.0,
) -> Callable[[Knock], Principal]:
    """Return the `authorize=` of a server that takes tokens signed with `key`, the secret or a public key in PEM.

    A token has to expire (`exp`) and to name somebody (`sub`).
    """
    jwt = _jwt()
    _check_key(key, algorithms)

    def authorize(knock: Knock) -> Principal:
        if not knock.token:
            raise EntryError("no token: connect with token=...", code="token-missing")
        try:
            claims = jwt.decode(
                knock.token, key, algorithms=list(algorithms), audience=audience, issuer=issuer, leeway=leeway_s,
                options={"require": ["exp", "sub"]},
            )  # fmt: skip
        except jwt.ExpiredSignatureError as error:
            raise EntryError("the token has expired; get a new one", code="token-expired") from error
        except jwt.InvalidTokenError as error:
            raise EntryError(f"the token is not valid: {error}", code="token-invalid") from error
        return _principal(claims, knock.workspace)

    return authorize


def sign_token(
    secret: str | bytes, name: str, workspaces: Mapping[str, object], *, expires_s: float, now_s: float
) -> str:
    """Return a token for `name` that ends `expires_s` seconds after `now_s`, signed with a shared secret."""
    _check_key(secret, ("HS256",))
    for workspace, granted in workspaces.items():
        _rights(granted, workspace)
    claims = {"sub": name, "iat": int(now_s), "exp": int(now_s + expires_s), "workspaces": dict(workspaces)}
    token: str = _jwt().encode(claims, secret, algorithm="HS256")
    return token


def _principal(claims: Mapping[str, Any], workspace: str) -> Principal:  # Any: parsed JSON, signed by the owner
    granted = claims.get("workspaces")
    if not isinstance(granted, dict):
        raise EntryError("the token names no workspaces", code="token-invalid")
    if workspace not in granted and "*" not in granted:
        raise EntryError(f"the token is not for the workspace {workspace!r}", code="workspace")
    try:
        rights = _rights(granted.get(workspace, granted.get("*")), workspace)
    except ParameterError as error:
        raise EntryError(str(error), code="token-invalid") from error
    return Principal(str(claims["sub"]), until_ms=int(claims["exp"] * 1000), **rights)


def _rights(granted: object, workspace: str) -> dict[str, Any]:  # Any: what a Principal takes
    """Return what may be read and written, under which names, and whether what others wrote may be brought."""
    match granted:
        case "read":
            return {"read": True}
        case "write":
            return {"read": True, "write": True}
        case dict() if granted.keys() <= {"read", "write", "actors", "relay"}:
            said = {"read": True, **granted}
            relay = said.pop("relay", False)
            if isinstance(relay, bool):
                return {**{right: _names(given, workspace) for right, given in said.items()}, "relay": relay}
    raise ParameterError(
        f"{granted!r} is no right in the workspace {workspace!r}: those are 'read', 'write' or "
        "{'read': true, 'write': ['table', ...], 'actors': ['name', ...], 'relay': true}"
    )


def _names(given: object, workspace: str) -> Tables:
    if isinstance(given, bool):
        return given
    if isinstance(given, list) and all(isinstance(name, str) for name in given):
        return frozenset(given)
    raise ParameterError(f"{given!r} aren't right in the workspace {workspace!r}: true, false or a list of names")


def _check_key(key: str | bytes, algorithms: Sequence[str]) -> None:
    size = len(key.encode() if isinstance(key, str) else key)
    if any(name.startswith("HS") for name in algorithms) and size < SECRET_BYTES_MIN:
        raise ParameterError(
            f"a secret of {size} bytes can be guessed; it has to have {SECRET_BYTES_MIN} or more: "
            "python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )


def _jwt() -> Any:  # Any: a module that may be missing
    try:
        import jwt
    except ImportError as error:
        raise MissingLibraryError(
            "tokens take the library PyJWT: pip install 'eddyline[server]'", library="pyjwt"
        ) from error
    return jwt
