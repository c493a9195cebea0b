"""The command line: `python -m eddyline.demo_tui [FILE | --join URL] [--copy] [--query SQL] [--fresh] [--transcript]`.

    a terminal on stdin and stdout, TERM not dumb  -->  the app
    else, or --transcript                          -->  a transcript on a temporary copy; ends by itself

What can't be opened is one paragraph on stderr and exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from eddyline import EddylineError

from .joining import joined_target, user_name
from .target import Target, check_file, copy_of, sample_target

__all__ = ["has_terminal", "main"]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    made = argparse.ArgumentParser(
        prog="python3 dev demo",
        description="Any SQLite database in the terminal, live. Without FILE: a sample tracker.",
    )
    made.add_argument("file", nargs="?", metavar="FILE", type=Path, help="a SQLite database; it is only read")
    made.add_argument("--copy", action="store_true", help="work on a temporary copy of FILE, which may be written")
    made.add_argument("--join", metavar="URL", help="join the tracker of a server: ws://127.0.0.1:8765/tracker")
    made.add_argument("--name", help="who joins (default: what you are called on this machine)")
    made.add_argument("--query", metavar="SQL", help="show this query first")
    made.add_argument("--fresh", action="store_true", help="make the sample anew")
    made.add_argument("--transcript", action="store_true", help="print a transcript instead of opening the app")
    return made


def has_terminal() -> bool:
    """Say whether an app can be shown here."""
    ends = (sys.stdin, sys.stdout)  # None where the shell has closed it
    return all(end is not None and end.isatty() for end in ends) and os.environ.get("TERM") != "dumb"


def main(args: Sequence[str] | None = None) -> int:
    """Run the demo; return the exit code."""
    options = parser().parse_args(args)
    if options.fresh and options.file:
        parser().error("--fresh makes the sample anew; it takes no FILE")
    if options.copy and not options.file:
        parser().error("--copy needs a FILE to copy")
    if options.join and (options.file or options.fresh):
        parser().error("--join takes the tracker of a server: no FILE, no --fresh")
    name = (options.name or user_name()) if options.join else ""
    try:
        if options.transcript or not has_terminal():
            return tell(options.file, query=options.query, join=options.join, name=name)
        target = joined_target(options.join, name) if options.join else target_of(options.file, copy=options.copy)
        return asyncio.run(show(target, name=name, query=options.query, fresh=options.fresh))
    except EddylineError as error:
        print(f"eddyline demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def tell(file: Path | None, *, query: str | None, join: str | None, name: str) -> int:
    """Print the transcript; a reader that has seen enough (`| head`) is no error, a full disk is one."""
    from .join_transcript import print_joined
    from .transcript import print_transcript

    try:
        code = asyncio.run(print_joined(join, name) if join else print_transcript(file, query=query))
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to write has nowhere to go
        if isinstance(error, BrokenPipeError):
            return 0
        print(f"eddyline demo: the transcript can't be written: {error}", file=sys.stderr)
        return 1
    return code


def target_of(file: Path | None, *, copy: bool) -> Target:
    """Return what the arguments name."""
    if file is None:
        return sample_target()
    if copy:
        return copy_of(file)
    check_file(file)
    return Target(file, "file", str(file))


async def show(target: Target, *, name: str, query: str | None, fresh: bool) -> int:
    """Run the app on `target` until the user quits."""
    from .session import open_session

    session = await open_session(target, name=name, fresh=fresh)
    try:
        from .app import EddylineDemo

        app = EddylineDemo(session, query=query)
        await app.run_async()
        return app.return_code or 0
    finally:
        await session.close()
        target.remove()
