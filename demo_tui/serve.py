"""`python3 dev serve`: the tracker as a server, which demos join by name.

    python3 dev serve [--port 8765] [--folder DIR]
    python3 dev demo --join ws://127.0.0.1:8765/tracker --name Ada

Whoever says a name is let in and may write: that is a demo's door. `docs/sync.md` has doors with tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from eddyline import EddylineError
from eddyline.sync import Knock, Principal, Server

from .seed import ensure_sample
from .target import data_folder
from .tracker_data import MODELS

__all__ = ["PORT", "WORKSPACE", "main", "serve"]

PORT, WORKSPACE = 8765, "tracker"
LOCAL = {"127.0.0.1", "::1", "localhost"}
NAME_CHARS_MAX = 40


def let_in(knock: Knock) -> Principal | None:
    """Let in whoever says a name."""
    name = knock.token.strip()
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        return None
    return Principal(name, read=True, write=True)


async def serve(folder: Path, host: str, port: int, listening: Callable[[str], object] = lambda url: None) -> None:
    """Serve the tracker until cancelled; say where, after `listening(url)`."""
    async with Server(folder, models=MODELS, authorize=let_in) as server:
        await ensure_sample(await server.workspace(WORKSPACE))
        listener = await server.listen(f"ws://{host}:{port}")
        listening(listener.url)
        print(f"The tracker of {folder} is served. Join it, by as many names as you like:\n", flush=True)
        print(f"    python3 dev demo --join {listener.url}/{WORKSPACE} --name Ada\n", flush=True)
        if host not in LOCAL:
            print("Whoever reaches this address may read and write it: this door only asks for a name.\n", flush=True)
        print("Ctrl+C ends it.", flush=True)
        await asyncio.Event().wait()


def main(args: Sequence[str] | None = None) -> int:
    """Run the server; return the exit code."""
    made = argparse.ArgumentParser(prog="python3 dev serve", description="Serve the tracker for others to join.")
    made.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine alone)")
    made.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0 takes one that is free")
    made.add_argument("--folder", type=Path, default=data_folder() / "served", help="where the databases are kept")
    options = made.parse_args(args)
    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(serve(options.folder, options.host, options.port))
    except (EddylineError, OSError) as error:
        print(f"eddyline serve: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0
