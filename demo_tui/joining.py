"""Joining: the tracker of a server in a replica of one's own, which works on while there is no connection.

    python3 dev serve                                              a server with the sample
    python3 dev demo --join ws://127.0.0.1:8765/tracker --name Ada

The replica is a file in the user's data folder, one for each server and name. Who joins is a person of the tracker: the
one of that name, made if there is none.
"""

from __future__ import annotations

import asyncio
import getpass
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eddyline import Database, EddylineError, OpenError, computed
from eddyline.signals import Readable

if TYPE_CHECKING:
    from eddyline.sync import Link

from .target import Target, data_folder
from .tracker_data import Person

__all__ = ["Joined", "join", "joined_target", "user_name"]

FIRST_S = 20.0  # so long the first screen waits for what the server has
LATER_S = 0.5


@dataclass(frozen=True, slots=True)
class Joined:
    """A connection, and what the screens show of it."""

    db: Database
    link: Link
    name: str

    def state(self) -> str:
        """Say how it stands with the connection; tracked."""
        link = self.link
        state, pending = link.state(), link.pending()
        waiting = f", {pending} to send" if pending else ""
        if state == "online":
            coming = link.progress()
            return "online" + (f", {coming:.0%} of what is new" if coming is not None else waiting)
        error = link.last_error()
        told = f": {error}" if state in ("needs-auth", "incompatible") and error is not None else ""
        return f"{state}{waiting}{told}"

    def others(self) -> list[str]:
        """Return the names of those who are present beside the user; tracked."""
        return sorted({present.who for present in self.link.presence.value.values()})

    def others_at(self, issue: Readable[str]) -> Readable[list[str]]:
        """Return who else looks at `issue`, as a signal."""
        seats = self.link.presence
        return computed(
            lambda: sorted({one.who for one in seats.value.values() if one.state.get("issue") == issue.get() != ""})
        )


def user_name() -> str:
    """Return what the user is called on this machine."""
    try:
        return getpass.getuser().capitalize()
    except (OSError, KeyError, ImportError):
        return "Guest"


def joined_target(url: str, name: str) -> Target:
    """Return the replica of `name` of the tracker at `url`; its folder is made."""
    folder = data_folder() / "joined"
    path = folder / f"{_as_file_name(url.partition('://')[2])} {_as_file_name(name)}.db"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OpenError(f"can't make the folder {str(folder)!r} for the replica: {error}", path=str(path)) from error
    return Target(path, "joined", url)


async def join(db: Database, url: str, name: str) -> Joined:
    """Connect `db`, and wait for what the server has: long if nothing is here yet, else a moment.

    Raises `EntryError` where the server lets nobody in, `OpenError` where nothing is here and nobody answers.
    """
    link = db.connect(url, token=name)
    is_new = not await db.fetch(Person.limit(1))
    try:
        async with asyncio.timeout(FIRST_S if is_new else LATER_S):
            await link.settled()
    except TimeoutError:
        if is_new:
            said = f": {link.last_error()}" if link.last_error() is not None else ""
            raise OpenError(
                f"nothing came from {url} in {FIRST_S:g} s{said}; start a server with: python3 dev serve", path=url
            ) from None
    await _be_a_person(db, name)
    return Joined(db, link, name)


async def _be_a_person(db: Database, name: str) -> None:
    if not await db.fetch(Person.where(Person.name == name)):
        try:
            async with db.transaction("join") as tx:
                await tx.add(Person(name=name, team="Guests"))
        except EddylineError:  # added by somebody else just now: then they are the one
            if not await db.fetch(Person.where(Person.name == name)):
                raise


def _as_file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "_"
