"""Rows and cells as signals: they follow every writer, and what a cell is set to is written."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

from eddyline import (
    ClosedError,
    Column,
    Commit,
    ConstraintError,
    Database,
    Email,
    Existing,
    Model,
    Money,
    ParameterError,
    Scope,
    ValidationError,
    column,
    effect,
)  # fmt: skip


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Issue(Model):
    title: Column[str] = column(unique=True, validate=lambda text: text != "no")
    state: Column[Literal["open", "done"]] = column(default="open")
    priority: Column[int] = column(default=0)
    level: Column[Level] = column(default=Level.LOW)
    due: Column[dt.date | None] = column(default=None)
    mail: Column[Email | None] = column(default=None)
    price: Column[Money] = column(default=Decimal(0))


class Seat(Existing):
    line: Column[int] = column(primary_key=True)
    place: Column[int] = column(primary_key=True)
    who: Column[str]


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Issue]) as database:
        yield database


async def add(db: Database, title: str = "Slow", **values: Any) -> Issue:
    return await db.write(lambda tx: tx.add(Issue(title=title, **values)))


async def test_row_is_shown_at_once_and_follows_every_writer(db: Database) -> None:
    issue = await add(db)
    watched = issue.watch()
    assert watched() == watched.value == watched.peek() == issue
    await watched
    await db.execute("UPDATE issue SET priority = 3")
    now = watched()
    assert now is not None
    assert (now.priority, issue.priority) == (3, 0)
    await db.execute("DELETE FROM issue")
    assert watched() is None
    assert repr(watched) == "<WatchedRow Issue: gone>"


async def test_row_known_from_before_is_shown_as_it_is_now_once_it_is_filled(db: Database) -> None:
    issue = await add(db)
    await db.execute("UPDATE issue SET state = 'done'")
    watched = issue.watch()
    assert watched() == issue
    now = (await watched)()
    assert now is not None
    assert now.state == "done"


async def test_cell_moves_only_when_its_value_does(db: Database) -> None:
    watched = await (await add(db)).watch()
    title, seen, rows = watched.cell(Issue.title), [], []
    with Scope():
        effect(lambda: seen.append(title()))
        effect(lambda: rows.append(watched()))
        await db.execute("UPDATE issue SET priority = 1")
        await db.execute("UPDATE issue SET title = 'Fast'")
        await db.execute("DELETE FROM issue")
    assert seen == ["Slow", "Fast", None]
    assert len(rows) == 4
    assert watched.cell(Issue.title) is title


async def test_cell_shows_what_it_is_set_to_and_writes_it(db: Database) -> None:
    watched = await (await add(db)).watch()
    title, seen = watched.cell(Issue.title), []
    with Scope():
        effect(lambda: seen.append(title.value))
        title.set("Fast")
        assert title.peek() == "Fast"
        await title.written()
        assert (await db.fetch(Issue))[0].title == "Fast"
        await db.execute("UPDATE issue SET title = 'Theirs'")
    assert seen == ["Slow", "Fast", "Theirs"]


async def test_values_set_while_one_is_written_become_one_write_of_the_last(db: Database) -> None:
    watched = await (await add(db)).watch()
    title = watched.cell(Issue.title)
    commits: list[Commit] = []
    db.after_commit(commits.append)
    for end in range(1, 30):
        title.set("abcdefghijklmnopqrstuvwxyz01234567"[:end])
    await title.written()
    assert (await db.fetch(Issue))[0].title == "abcdefghijklmnopqrstuvwxyz012"
    assert len(commits) == 1


async def test_cells_of_one_row_write_side_by_side(db: Database) -> None:
    watched = await (await add(db)).watch()
    title, priority = watched.cell(Issue.title), watched.cell(Issue.priority)
    title.set("Fast")
    priority.set(7)
    await asyncio.gather(title.written(), priority.written())
    now = watched()
    assert now is not None
    assert (now.title, now.priority) == ("Fast", 7)


async def test_what_the_column_does_not_take_is_refused_at_once(db: Database) -> None:
    watched = await (await add(db)).watch()
    with pytest.raises(ParameterError, match=r"Issue\.priority takes int, not 'x'"):
        watched.cell(Issue.priority).set("x")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ValidationError, match=r"Issue\.title is 'no', which is refused"):
        watched.cell(Issue.title).set("no")
    assert watched.cell(Issue.title).peek() == "Slow"


async def test_what_the_database_refuses_stays_in_the_cell_with_the_reason(db: Database) -> None:
    await add(db, "Taken")
    watched = await (await add(db)).watch()
    title = watched.cell(Issue.title)
    title.set("Taken")
    with pytest.raises(ConstraintError, match=r"Issue\.title is unique, and 'Taken' is taken"):
        await title.written()
    assert (title(), isinstance(title.error, ConstraintError)) == ("Taken", True)
    title.set("Free")
    await title.written()
    assert (title(), title.error) == ("Free", None)
    await db.execute("DELETE FROM issue")
    title.set("Late")
    with pytest.raises(ParameterError, match="this row of Issue is gone"):
        await title.written()


@pytest.mark.parametrize(
    ("name", "typed", "value", "text"),
    [
        ("title", "Fast ", "Fast ", "Fast "),
        ("state", "done", "done", "done"),
        ("priority", " 3", 3, "3"),
        ("level", "high", Level.HIGH, "high"),
        ("due", "2026-01-02", dt.date(2026, 1, 2), "2026-01-02"),
        ("due", " ", None, ""),
        ("mail", " A@B.IO", "A@b.io", "A@b.io"),
        ("price", "1.200,5", Decimal("1200.50"), "1,200.50"),
    ],
)
async def test_cell_reads_and_shows_text(db: Database, name: str, typed: str, value: Any, text: str) -> None:
    cell = (await add(db)).watch().cell(getattr(Issue, name))
    assert cell.from_text(typed) == value
    assert cell.as_text(value) == text


@pytest.mark.parametrize(
    ("name", "typed"),
    [("priority", "x"), ("state", "spam"), ("level", "mid"), ("due", "soon"), ("mail", "a"), ("title", "no")],
)
async def test_text_that_makes_no_value_is_a_value_error(db: Database, name: str, typed: str) -> None:
    cell = (await add(db)).watch().cell(getattr(Issue, name))
    with pytest.raises(ValueError):  # noqa: PT011  # each says it in its own words
        cell.from_text(typed)


async def test_watch_ends_with_its_scope_and_keeps_what_it_showed(db: Database) -> None:
    issue = await add(db)
    with Scope():
        watched = await issue.watch()
        early = issue.watch()
        early.close()
    assert (watched.closed, early.closed) == (True, True)
    await asyncio.sleep(0)
    await db.execute("UPDATE issue SET priority = 9")
    assert watched() == early() == issue
    assert len(db._live) == 0


async def test_closing_the_database_waits_for_what_a_cell_was_set_to(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    async with Database.open(file, models=[Issue]) as db:
        issue = await add(db)
        issue.watch().cell(Issue.title).set("Last words")
    async with Database.open(file, models=[Issue]) as db:
        assert [one.title for one in await db.fetch(Issue)] == ["Last words"]


async def test_closing_inside_a_block_that_a_fill_waits_for_comes_to_an_end() -> None:
    db = await Database.open(":memory:", models=[Issue], busy_timeout_s=0.01)
    with pytest.raises(ClosedError, match="the database is closed"):
        async with db.transaction() as tx:
            issue = await tx.add(Issue(title="Slow"))
            watched = issue.watch()
            await asyncio.gather(db.close(), db.close())
            assert watched() == issue


async def test_many_watched_rows_share_one_program(db: Database) -> None:
    issues = await db.write(lambda tx: tx.add_all([Issue(title=str(n)) for n in range(50)]))
    watched = [await issue.watch() for issue in issues]
    await db.execute("UPDATE issue SET priority = 5 WHERE title = '7'")
    assert [n for n, one in enumerate(watched) if one.peek() != issues[n]] == [7]
    assert db.stats().templates == 1


async def test_row_with_a_key_of_several_columns_is_watched() -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE seat (line INT, place INT, who TEXT, PRIMARY KEY (line, place))")
        seat = await db.write(lambda tx: tx.add(Seat(line=1, place=2, who="Ada")))
        watched = await db.watch(seat)
        watched.cell(Seat.who).set("Bob")
        await watched.cell(Seat.who).written()
        assert watched() == Seat(line=1, place=2, who="Bob")


async def test_row_finds_the_one_open_database_of_its_model(db: Database) -> None:
    issue = await add(db)
    async with Database.open(":memory:", models=[Issue]) as other:
        with pytest.raises(ParameterError, match=r"2 open databases have Issue in models=\[\.\.\.\]; say which"):
            issue.watch()
        assert (await other.watch(issue))() is None
    issue.watch().close()
    await db.close()
    with pytest.raises(ParameterError, match="0 open databases have Issue"):
        issue.watch()


async def test_what_can_not_be_watched_is_refused(db: Database) -> None:
    anything: Any = "issue"
    with pytest.raises(ParameterError, match="watch takes a row of a model, not 'issue'"):
        db.watch(anything)
    with pytest.raises(ParameterError, match=r"cell takes a column of Issue, not <Column Seat\.who>"):
        (await add(db)).watch().cell(Seat.who)


async def test_error_of_the_fill_goes_to_the_error_hook(db: Database) -> None:
    errors: list[BaseException] = []
    issue = await add(db)
    db.on_error = errors.append
    await db.execute("DROP TABLE issue")
    with pytest.raises(Exception, match="no table 'issue'"):
        await issue.watch()
    await asyncio.sleep(0)
    assert [type(error).__name__ for error in errors] == ["UnknownTableError"]


async def test_cell_that_is_written_before_the_row_is_followed_never_shows_the_old_value_again(db: Database) -> None:
    issue = await add(db, "")
    gate, live = asyncio.Event(), db.live

    async def late(*args: Any, **named: Any) -> Any:
        view = await live(*args, **named)
        await gate.wait()
        return view

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "live", late)
        watched = issue.watch()
        cell, shown = watched.cell(Issue.title), list[str | None]()
        seen = effect(lambda: shown.append(cell()))
        cell.set("a")
        for _ in range(50):
            await asyncio.sleep(0)
        await db.settled()
        gate.set()
        await cell.written()
        await watched
    assert shown == ["", "a"]
    seen.close()
    watched.close()
