"""The transcript: what the app does, told in plain text, where there is no terminal to show it.

    tracker: open -> a live list -> a write -> a transaction -> a search -> a foreign write -> history -> undo ->
             explain -> an error
    a file:  open -> two live queries -> writes -> a foreign write -> an error

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

from eddyline import (
    Database,
    EddylineError,
    LogEntry,
    Patch,
    Query,
    QueryError,
    Reset,
    Row,
    StatementError,
    View,
    computed,
    count,
    signal,
)

from .examples import quote, table_query
from .history_screen import what_changed
from .plain_text import clean, patch_lines, table_lines
from .session import Session, open_session
from .target import Target, copy_of
from .tracker_data import Comment, Issue, Person, Project

__all__ = ["print_transcript"]

TABLES_MAX = 12
EXPLAIN_MAX = 12
WITH_TIMES = ("costs ", "last cost ")  # lines of an explanation
URGENT = (Issue.priority.desc(), Issue.id.desc())
TOP_TEXT = """\
Issue.select(Issue.priority, Issue.title, Issue.project.to.name.as_("project"),
             Issue.assignee.to.name.as_("who"))
    .where(Issue.state.in_(["open", "doing"]), Issue.title.like(pattern))
    .order_by(Issue.priority.desc(), Issue.id.desc()).limit(5)"""


class Teller:
    """Writes the transcript."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._chapter = 0

    def say(self, text: str = "", *, indent: int = 3) -> None:
        """Write a line: nothing in it that a terminal would obey, though a name or a query may hold such."""
        self._write((" " * indent + printable(text)).rstrip() + "\n")

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
    teller = Teller(sys.stdout.write if sys.stdout is not None else len)
    if file is None:
        with tempfile.TemporaryDirectory(prefix="eddyline-demo-") as folder:
            await _tell(teller, Target(Path(folder) / "issues.db", "sample", "a temporary sample"), query)
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
        if session.has_tracker:
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
    teller.chapter(f"Open {source}, journal mode {session.journal_mode}")
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
    """Tell of the tracker: its models, a list that follows, what changes it."""
    db, search = session.db, signal("", name="search")
    await session.keep_log()
    top = (
        Issue.select(
            Issue.priority, Issue.title, Issue.project.to.name.as_("project"), Issue.assignee.to.name.as_("who")
        )
        .where(Issue.state.in_(["open", "doing"]), Issue.title.like(computed(lambda: f"%{search()}%")))
        .order_by(Issue.priority.desc(), Issue.id.desc())
        .limit(5)
    )  # fmt: skip
    teller.chapter("A live list, made of the columns of models; its search text is a signal")
    teller.sql(TOP_TEXT)
    urgent = await _follow(teller, db, top)
    groups = await db.live(Issue.select(Issue.state, count().as_("issues")).group_by(Issue.state))
    counts = Watched(groups)

    teller.chapter("One write: the first issue is done; the next one comes up")
    teller.sql('await tx.update(issue, state="done")')
    first = (await db.fetch(Issue.where(Issue.state.in_(["open", "doing"])).order_by(*URGENT).limit(1)))[0]
    await db.write(lambda tx: tx.update(first, state="done"), "first one done")
    _patches(teller, urgent)
    teller.say("-> and of the issues by state, which saw the same commit")
    teller.lines(patch_lines(counts.told()))

    teller.chapter("A transaction of three statements is one commit, one list of patches")
    teller.sql(
        'harbour = await tx.add(Project(name="Harbour"))\n'
        'new = await tx.add(Issue(title="Printing stops at page 2", priority=9, project=harbour))\n'
        'await tx.add(Comment(issue=new, author=me, body="On it."))'
    )
    async with db.transaction("transcript") as tx:
        me = (await tx.fetch(Person.order_by(Person.id).limit(1)))[0]
        harbour = await tx.add(Project(name="Harbour"))
        new = await tx.add(Issue(title="Printing stops at page 2", priority=9, project=harbour))
        await tx.add(Comment(issue=new, author=me, body="On it."))
    _patches(teller, urgent)

    teller.chapter("Typing in the search box sets the signal; the same view shows what is found")
    teller.sql('search.set("printing")')
    search.set("printing")
    await db.settled()
    teller.lines(table_lines(urgent.view.columns, urgent.view.peek()))
    urgent.told()
    counts.told()
    await _foreign(teller, session, counts, "UPDATE issue SET state = 'done' WHERE title LIKE 'Printing asks%'")
    teller.say("-> and of the list")
    teller.lines(patch_lines(urgent.told()))

    teller.chapter("The log knows who changed what; undo is a commit like any other")
    teller.sql("await db.history(issue)")
    for change in await db.history(first):
        (commit,) = await db.fetch(LogEntry.where(LogEntry.id == change.commit_id))
        if commit.command != "enable_log":
            teller.say(f"-> {commit.actor}, {commit.message or commit.command}: {what_changed(change, {})}")
    teller.sql("await db.undo()")
    await db.undo()
    _patches(teller, urgent)

    teller.chapter("explain() says how a view is kept")
    teller.lines([line for line in str(groups.explain()).splitlines() if not line.startswith(WITH_TIMES)][:EXPLAIN_MAX])


async def _follow(teller: Teller, db: Database, query: Query[Row]) -> Watched:
    view = await db.live(query)
    data = view.explain().data
    teller.say(f"kept by: {data['rule']}, {data['reason']}")
    teller.lines(table_lines(view.columns, view.peek()))
    return Watched(view)


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


def printable(text: str) -> str:
    """Return `text` on one line, every character printable."""
    return "".join(character if character.isprintable() else "." for character in text)
