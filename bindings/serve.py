"""What `eddyline serve` runs: a server over a folder, until it is told to stop.

    app:models  -> the list `models` of module `app`;  app  -> every model that the module declares
    --token-secret-file F   tokens signed with what F holds (`eddyline token` makes them)
    --open                  everybody may do everything, from this machine alone

The first line on stdout is the address, so that a program that starts it can wait for it.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from eddyline import EddylineError, Existing, Model, ParameterError
from eddyline.sync import Authorize, Knock, Principal, Server, sign_token, token_authorizer

__all__ = ["make_token", "models_of", "serve"]

_LOCAL = {"127.0.0.1", "::1", "localhost"}


async def serve(
    folder: Path,
    models: str,
    *,
    host: str,
    port: int | None,
    unix: Path | None,
    secret_file: Path | None,
    is_open: bool,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Serve `folder` until SIGTERM or SIGINT; clients are told to come back."""
    authorize = _authorize(secret_file, is_open=is_open, host=host)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Server(folder, models=models_of(models), authorize=authorize) as server:
        if port is not None or unix is None:
            context = _tls(certificate, key)
            scheme = "ws" if context is None else "wss"
            shown = f"[{host}]" if ":" in host else host
            listener = await server.listen(f"{scheme}://{shown}:{port or 0}", ssl=context)
            print(f"serving {folder} at {listener.url}", flush=True)  # noqa: T201  # what the command says
        if unix is not None:
            await server.listen(f"unix:{unix}")
            print(f"serving {folder} at unix:{unix}", flush=True)  # noqa: T201  # as above
        await stop.wait()


def models_of(named: str) -> list[type[Model]]:
    """Return the models that "module:name" or "module" names, found from the working folder, too."""
    module_name, _, attribute = named.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise ParameterError(f"--models {named}: {error}; it is MODULE or MODULE:NAME, seen from here") from error
    except Exception as error:  # the module's own code
        raise ParameterError(f"--models {named}: the module fails{_place(error)}: {_shown(error)}") from error
    found = getattr(module, attribute, None) if attribute else list(vars(module).values())
    if not isinstance(found, Sequence):
        raise ParameterError(f"--models {named}: the module {module_name} has no list {attribute!r}")
    models = [
        one
        for one in found
        if isinstance(one, type) and issubclass(one, Model) and one not in (Model, Existing)
        and (attribute or one.__module__ == module_name)
    ]  # fmt: skip
    if not models:
        raise ParameterError(f"--models {named}: there are no models in it")
    return models


def _place(error: Exception) -> str:
    """Return where a module fails: a line of a file."""
    if isinstance(error, SyntaxError):
        return ""  # the error says it
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f" in {Path(last.filename).name}, line {last.lineno}"


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def make_token(secret_file: Path, name: str, rights: Sequence[str], *, days: float) -> str:
    """Return a token; `rights` are "tracker=write", "wiki=read", "shop=write:order,item"."""
    workspaces = dict(map(_right, rights))
    return sign_token(_secret(secret_file), name, workspaces, expires_s=days * 86_400, now_s=time.time())


def _right(text: str) -> tuple[str, object]:
    workspace, _, right = text.partition("=")
    word, _, tables = right.partition(":")
    granted: str | Mapping[str, Sequence[str]] = word
    if tables:
        granted = {word: tables.split(",")}
    if not workspace or word not in ("read", "write"):
        raise ParameterError(
            f"{text!r} is no right: those are WORKSPACE=read, WORKSPACE=write, WORKSPACE=write:TABLE,.."
        )
    return workspace, granted


def _authorize(secret_file: Path | None, *, is_open: bool, host: str) -> Authorize:
    if secret_file is not None and is_open:
        raise EddylineError("either --token-secret-file, or --open, which asks for no tokens; not both")
    if secret_file is not None:
        return token_authorizer(_secret(secret_file))
    if not is_open:
        raise EddylineError(
            "nobody would be let in: say --token-secret-file FILE, or --open, which lets everybody on this machine do "
            "everything"
        )
    if host not in _LOCAL:
        raise EddylineError(f"--open is for this machine alone, and {host} is not: use --token-secret-file FILE")
    return _everybody


def _everybody(knock: Knock) -> Principal:
    return Principal(knock.token or "somebody", read=True, write=True, actors=True, relay=True)


def _secret(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"the secret can't be read from {str(file)!r}: {error}") from error


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ParameterError(f"the certificate {str(certificate)!r} can't be used: {error}") from error
    return context
