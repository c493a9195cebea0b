"""The transcript: what the app does, told in plain text, where there is no terminal to show it.

    open -> a live query -> one write -> top-k -> a transaction -> a foreign write -> an error -> the end

Everything happens on a temporary database: a fresh sample, or a copy of the user's file. Costs and times are left out,
so the same database gives the same text. Takes about half a second.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from eddyline import Database, EddylineError, Patch, QueryError, Reset, StatementError, View

from .examples import EXAMPLES, quote, table_query
from .plain_text import clean, patch_lines, table_lines
from .session import Session, open_session
from .target import Target, copy_of

__all__ = ["print_transcript"]

TABLES_MAX = 12


class Teller:
    """Writes the transcript."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._chapter = 0

    def say(self, text: str = "", *, indent: int = 3) -> None:
        """Write a line."""
        self._write((" " * indent + text).rstrip() + "\n")

    def chapter(self, text: str) -> None:
        """Begin a numbered part."""
        self._chapter += 1
        self.say()
        self.say(f"{self._chapter}. {text}", indent=0)

    def sql(self, sql: str) -> None:
        """Write SQL."""
        for line in sql.splitlines():
            self.say(line, indent=6)

    def lines(self, lines: list[str]) -> None:
        """Write lines as they are."""
        for line in lines:
            self.say(line, indent=6)


class Watched:
    """A view and the patches since they were last told."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._patches: list[Patch] = []
        view.subscribe(self._patches.extend)
        self._patches.clear()  # the Reset that begins

    def told(self) -> list[Patch]:
        """Return the patches since the last call."""
        patches = list(self._patches)
        self._patches.clear()
        return patches


async def print_transcript(file: Path | None, *, query: str | None = None) -> int:
    """Print a transcript on a temporary copy of `file`, or on a sample; return the exit code."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    teller = Teller(sys.stdout.write)
    if file is None:
        with tempfile.TemporaryDirectory(prefix="eddyline-demo-") as folder:
            await _tell(teller, Target(Path(folder) / "tracker.db", "sample", "a temporary sample"), query)
        return 0
    target = copy_of(file)
    try:
        await _tell(teller, target, query)
    finally:
        target.remove()
    return 0


async def _tell(teller: Teller, target: Target, query: str | None) -> None:
    teller.say("Eddyline without a terminal: a transcript of what the app would show.", indent=0)
    session = await open_session(target, poll_s=0)
    try:
        await _open(teller, session)
        if query is not None:
            await _live(teller, session.db, query)
        if session.is_tracker:
            await _tracker(teller, session)
        else:
            await _any(teller, session)
        await _error(teller, session)
    finally:
        await session.close()
    teller.say()
    teller.say("The end: the temporary database is gone. In a terminal the same command opens the app.", indent=0)


async def _open(teller: Teller, session: Session) -> None:
    source = session.target.shown if session.target.kind == "sample" else f"a temporary copy of {session.target.shown}"
    teller.chapter(f"Open {clean_path(source)}, journal mode {session.journal_mode}")
    names = await session.db.tables()
    for name in names[:TABLES_MAX]:
        try:
            count = (await session.db.fetch(f"SELECT count(*) FROM {quote(name)}"))[0][0]
        except EddylineError:
            count = "?"
        teller.say(f"{count:>9,}  {clean(name)}" if isinstance(count, int) else f"{count:>9}  {clean(name)}")
    if len(names) > TABLES_MAX:
        teller.say(f"{'...':>9}  {len(names) - TABLES_MAX:,} more tables")


async def _live(teller: Teller, db: Database, sql: str, *, title: str = "A live query") -> Watched | None:
    teller.chapter(title)
    teller.sql(sql)
    try:
        view = await db.live(sql)
    except EddylineError as error:
        teller.lines(_error_lines(error))
        return None
    data = view.explain().data
    teller.say(f"kept by: {data['rule']}, {data['reason']}")
    teller.lines(table_lines(view.columns, view.peek()))
    return Watched(view)


async def _write(teller: Teller, db: Database, watched: Watched, title: str, *statements: str) -> None:
    """Run the statements as one transaction; tell the patches."""
    teller.chapter(title)
    async with db.transaction("transcript") as tx:
        for statement in statements:
            teller.sql(statement)
            await tx.execute(statement)
    await db.settled()
    _patches(teller, watched)


async def _foreign(teller: Teller, session: Session, watched: Watched, sql: str) -> None:
    teller.chapter("Another program, plain sqlite3 without Eddyline, writes to the same file")
    teller.sql(sql)
    with closing(sqlite3.connect(session.target.path)) as other, other:
        other.execute(sql)
    await session.db.settled()
    _patches(teller, watched)


def _patches(teller: Teller, watched: Watched) -> None:
    patches = watched.told()
    count = len(patches)
    kind = (
        "a reset"
        if any(isinstance(patch, Reset) for patch in patches)
        else f"{count or 'no'} patch{'es' * (count > 1)}"
    )
    teller.say(f"-> {kind}")
    teller.lines(patch_lines(patches))


async def _tracker(teller: Teller, session: Session) -> None:
    db = session.db
    groups = await _live(teller, db, EXAMPLES[0].sql, title="A live query: a join, grouped")
    assert groups is not None, "the sample's own query is valid"
    await _write(
        teller, db, groups, "One write: an open issue of the first project is done",
        "UPDATE issue SET state = 'done' WHERE id = (\n"
        "    SELECT min(id) FROM issue WHERE project = 1 AND state = 'open')",
    )  # fmt: skip
    top_sql = EXAMPLES[1].sql.replace("LIMIT 40", "LIMIT 5")
    top = await _live(teller, db, top_sql, title="The five most urgent: a window that refills itself")
    assert top is not None, "the sample's own query is valid"
    groups.told()
    await _write(
        teller, db, top, "A transaction of four statements is one commit, one list of patches",
        "UPDATE issue SET state = 'doing' WHERE id = (\n"
        "    SELECT id FROM issue WHERE state = 'open'\n"
        "    ORDER BY priority DESC, id DESC LIMIT 1)",
        "INSERT INTO issue (title, priority, hours, project, opened)\n"
        "VALUES ('Printing stops at page 2', 9, 3, 4, '2026-01-05 09:00')",
        "INSERT INTO comment (issue, author, body, written)\n"
        "VALUES (last_insert_rowid(), 7, 'On it.', '2026-01-05 09:05')",
        "UPDATE project SET name = 'Weir 2' WHERE name = 'Weir'",
    )  # fmt: skip
    teller.say("-> and of the query before, which saw the same commit")
    teller.lines(patch_lines(groups.told()))
    await _foreign(teller, session, groups, "UPDATE issue SET hours = hours + 10 WHERE id % 500 = 1 AND state = 'open'")


async def _any(teller: Teller, session: Session) -> None:
    """Tell of a file that nothing is known about: its largest table that has a cell to write to."""
    db = session.db
    found = await _largest(session)
    if found is None:
        teller.chapter("No table here has rows; nothing to follow")
        return
    table, column = found
    name, cell = quote(table), quote(column)
    watched = await _live(teller, db, table_query(table, has_rowid=True).replace("LIMIT 200", "LIMIT 5"))
    count = await _live(teller, db, f"SELECT count(*) AS n, count({cell}) AS filled FROM {name}", title="Another")
    if watched is None or count is None:
        return
    newest = f"WHERE rowid = (SELECT max(rowid) FROM {name})"
    oldest = f"(SELECT {cell} FROM {name} ORDER BY rowid LIMIT 1)"
    await _try(
        teller, db, watched, "A write that sets a column to itself changes nothing on screen",
        f"UPDATE {name} SET {cell} = {cell}\n{newest}",
    )  # fmt: skip
    await _try(
        teller, db, watched, f"One write: the newest row takes {column} of the oldest",
        f"UPDATE {name} SET {cell} = {oldest}\n{newest}",
    )  # fmt: skip
    await _try(
        teller, db, watched, "A transaction of two statements is one commit",
        f"UPDATE {name} SET {cell} = {oldest}\nWHERE rowid IN (SELECT rowid FROM {name} ORDER BY rowid DESC LIMIT 3)",
        f"DELETE FROM {name} WHERE rowid < 0",
    )  # fmt: skip
    count.told()
    try:
        await _foreign(teller, session, watched, f"DELETE FROM {name} {newest}")
        teller.say("-> and of the other query")
        teller.lines(patch_lines(count.told()))
    except sqlite3.Error as error:
        teller.say(f"-> SQLite says no: {clean(error)}")


async def _try(teller: Teller, db: Database, watched: Watched, title: str, *statements: str) -> None:
    """Write, where the schema lets us: what it refuses is undone and said."""
    try:
        await _write(teller, db, watched, title, *statements)
    except StatementError as error:
        teller.say(f"-> the schema says no, the whole transaction is undone: {clean(error)}")


async def _largest(session: Session) -> tuple[str, str] | None:
    """Return the table with the most rows among those with a rowid and a column no key binds, and that column."""
    best: tuple[int, str, str] | None = None
    for row in session.tables.peek():
        name = str(row[0])
        if row[1] != "table" or row[2]:
            continue
        count = (await session.db.fetch(f"SELECT count(*) FROM {quote(name)}"))[0][0]
        columns = await session.db.fetch(
            "SELECT name FROM pragma_table_xinfo(?) WHERE pk = 0 AND hidden = 0 ORDER BY cid LIMIT 1", name
        )
        if columns and count and (best is None or count > best[0]):
            best = (count, name, str(columns[0][0]))
    return None if best is None else best[1:]


async def _error(teller: Teller, session: Session) -> None:
    teller.chapter("A query that SQLite refuses: the place is named, what was on show stays")
    names = await session.db.tables()
    sql = f"SELECT *\nFROM {quote(names[0])}\nWHERE colour = 1" if names else "SELECT *\nFROM nowhere"
    teller.sql(sql)
    try:
        await session.db.live(sql)
    except EddylineError as error:
        teller.lines(_error_lines(error))


def _error_lines(error: EddylineError) -> list[str]:
    kind = type(error).__name__
    place = f" at line {error.line}, column {error.col}" if isinstance(error, QueryError) and error.line else ""
    return [f"-> {kind}{place}", *("   " + line for line in str(error).splitlines())]


def clean_path(text: str) -> str:
    """Return a path on one line, every character printable."""
    return "".join(character if character.isprintable() else "." for character in text)
