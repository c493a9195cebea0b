"""Session: one open database with what the demo knows of it; closing it closes all of that."""

from __future__ import annotations

import time
from collections.abc import Callable

from eddyline import Database, View

from .activity import Activity
from .joining import Joined, join
from .seed import ME, ensure_sample, is_sample
from .target import Target, check_file, has_tables
from .tracker_data import MODELS

__all__ = ["ACTOR", "Session", "open_session"]

ACTOR = "you"

TABLES_SQL = """\
SELECT name, type, wr FROM pragma_table_list
WHERE schema = 'main' AND type IN ('table', 'view', 'virtual')
  AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_eddy\\_%' ESCAPE '\\'
  AND name NOT GLOB 'eddy_*'
ORDER BY type = 'view', name COLLATE NOCASE"""


class Session:
    """An open database. `tables` is a live view of its tables and views."""

    def __init__(
        self,
        target: Target,
        db: Database,
        tables: View,
        *,
        journal_mode: str,
        is_tracker: bool,
        now: Callable[[], float],
        joined: Joined | None = None,
    ) -> None:
        self.target = target
        self.db = db
        self.tables = tables
        self.journal_mode = journal_mode
        self.is_tracker = is_tracker
        self.joined = joined
        self.activity = Activity(db, now)
        self.closed = False

    @property
    def has_tracker(self) -> bool:
        """Whether the tracker may be opened on it."""
        return self.is_tracker and self.target.kind in ("sample", "joined")

    @property
    def me(self) -> str:
        """The name of the user among the people of the tracker."""
        return ME if self.joined is None else self.joined.name

    async def keep_log(self) -> None:
        """Log what happens to the tracker from now on, so that it can be looked up and undone."""
        tables = [model.__table__.name for model in MODELS]
        if set(tables) - set(self.db.logged):
            await self.db.enable_log(*tables)

    async def close(self) -> None:
        """Close views and database; remove a temporary copy. Twice is harmless."""
        if self.closed:
            return
        self.closed = True
        self.activity.close()
        await self.db.close()
        self.target.remove()


async def open_session(
    target: Target,
    *,
    name: str = "",
    fresh: bool = False,
    now: Callable[[], float] = time.monotonic,
    poll_s: float = 0.1,
    busy_timeout_s: float = 2.0,
) -> Session:
    """Open `target`; the sample is made if it isn't there, a replica joins its server as `name`.

    Raises `OpenError`, `LockedError`, or the error of the server's door.
    """
    is_joined, ours = target.kind == "joined", target.kind in ("sample", "joined")
    if not ours:
        check_file(target.path)
    db = await Database.open(
        target.path,
        create=ours,
        models=MODELS if ours else (),
        log=None if is_joined or target.path.exists() else False,  # a fresh sample is logged once it is on show
        actor=name or ACTOR,
        readonly=not ours and not has_tables(target.path),
        busy_timeout_s=busy_timeout_s,
        poll_s=poll_s,
    )
    try:
        joined = await join(db, target.shown, name) if is_joined else None
        if target.kind == "sample":
            await ensure_sample(db, fresh=fresh)
        mode = (await db.fetch("PRAGMA journal_mode"))[0][0]
        tables = await db.live(TABLES_SQL)
        is_tracker = await is_sample(db)
        return Session(target, db, tables, journal_mode=str(mode), is_tracker=is_tracker, now=now, joined=joined)
    except BaseException:
        await db.close()
        raise
