"""Texts open for typing: shown at once, written in windows, others' edits heard, one's own taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from eddyline import (
    ClosedError,
    Column,
    ConstraintError,
    Database,
    LogError,
    MissingLibraryError,
    MissingRowError,
    Model,
    ParameterError,
    Scope,
    SharedText,
    Text,
    TextChange,
    column,
    effect,
)
from eddyline.core.log import drafts
from eddyline.core.text import engines
from eddyline.core.text.document import changed
from eddyline.core.text.edits import edits_between
from eddyline.signals import ManualClock

from .log.test_texts import edit_of


class Page(Model):
    title: Column[str] = column(default="")
    body: Text
    draft: Text = column(default="", local=True)


Open = Callable[[str], Awaitable[Database]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_one(name: str) -> Database:
            path = tmp_path / f"{name}.db"
            return await stack.enter_async_context(Database.open(path, models=[Page], log=True, poll_s=0.01))

        yield open_one


async def with_page(opened: Open, body: str = "Hello world", name: str = "ada") -> Database:
    db = await opened(name)
    async with db.transaction() as tx:
        await tx.add(Page(id="1", body=body))
    return db


async def pair(opened: Open, body: str = "Hello world") -> tuple[Database, Database]:
    ada, ben = await with_page(opened, body), await opened("ben")
    await ben.pull(ada)
    return ada, ben


async def typing(db: Database, clock: ManualClock | None = None) -> SharedText:
    return await db.text(("page", "1"), Page.body, clock=clock or ManualClock())


async def body(db: Database) -> str | None:
    rows = await db.fetch("SELECT body FROM page")
    return rows[0].body if rows else None


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until something holds; a test that waits for ever is stopped from outside."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0)


async def joined(ada: Database, ben: Database) -> None:
    await ada.pull(ben)
    await ben.pull(ada)
    await asyncio.sleep(0)
    assert await ada.check() == await ben.check() == []


async def test_what_is_typed_is_shown_at_once_and_written_when_its_window_ends(opened: Open) -> None:
    db, clock = await with_page(opened), ManualClock()
    text, view = await typing(db, clock), await db.live("SELECT body FROM page")
    shown: list[str] = []
    effect(lambda: shown.append(text()))
    for at, letter in enumerate(", all", 5):
        text.insert(at, letter)
    assert text.value == shown[-1] == "Hello, all world"
    assert text.pending
    assert view.rows()[0].body == "Hello world"
    clock.advance(0.1)
    await until(lambda: not text.pending)
    assert view.rows()[0].body == "Hello, all world"
    assert await db.fetch("SELECT count(*) FROM eddy_commits") == [(2,)]  # the row, and the window
    assert await db.check() == []


async def test_others_are_heard_where_they_type(opened: Open) -> None:
    ada, ben = await pair(opened)
    one, other = await typing(ada), await typing(ben)
    told: list[TextChange] = []
    other.subscribe(told.extend)
    one.insert(5, ", dear 😀")
    other.insert(len(other), "!")
    await one.flush()
    await other.flush()
    await joined(ada, ben)
    assert one() == other() == await body(ada) == await body(ben) == "Hello, dear 😀 world!"
    assert told == [TextChange(11, 0, "!"), TextChange(5, 0, ", dear 😀")]


async def test_two_texts_of_one_database_hear_each_other(opened: Open) -> None:
    db = await with_page(opened)
    one, other = await typing(db), await typing(db)
    one.insert(0, ">")
    await one.flush()
    other.insert(0, "<")
    await other.flush()
    await asyncio.sleep(0)
    assert one() == other() == await body(db)
    assert sorted(one()[:2]) == ["<", ">"]


async def test_a_subscriber_is_not_told_of_what_it_did_itself(opened: Open) -> None:
    text, me = await typing(await with_page(opened, "")), object()
    mine: list[TextChange] = []
    all_of_them: list[TextChange] = []
    text.subscribe(mine.extend, source=me)
    end = text.subscribe(all_of_them.extend)
    text.insert(0, "a", source=me)
    text.insert(1, "b")
    end()
    text.insert(2, "c")
    assert mine == [TextChange(1, 0, "b"), TextChange(2, 0, "c")]
    assert all_of_them == [TextChange(0, 0, "a"), TextChange(1, 0, "b")]


async def test_subscribers_hear_changes_in_order_also_those_of_who_looks_or_hears(opened: Open) -> None:
    text = await typing(await with_page(opened, "ab"))
    shown = ["ab"]
    text.subscribe(lambda changes: text.insert(0, ">") if changed("ab", changes) == "abc" else None)
    text.subscribe(lambda changes: shown.append(changed(shown[-1], changes)))
    with Scope("looks") as scope:
        scope.run(lambda: effect(lambda: text.insert(0, "<") if text() == "abc" else None))
        text.insert(2, "c")
    assert shown == ["ab", "abc", "<abc", "><abc"]
    assert text() == "><abc"


async def test_subscriber_that_fails_keeps_none_from_hearing(opened: Open) -> None:
    text = await typing(await with_page(opened, ""))
    heard: list[TextChange] = []
    text.subscribe(lambda changes: 1 / 0)
    text.subscribe(heard.extend)
    with pytest.raises(ZeroDivisionError):
        text.insert(0, "a")
    assert heard == [TextChange(0, 0, "a")]


async def test_undo_takes_back_what_was_typed_here(opened: Open) -> None:
    ada, ben = await pair(opened, "")
    one, other = await typing(ada), await typing(ben)
    one.insert(0, "Ada ")
    await one.flush()
    await joined(ada, ben)
    other.insert(len(other), "Ben")
    await other.flush()
    await joined(ada, ben)
    assert one() == "Ada Ben"
    assert one.undo()
    assert one() == "Ben"
    await one.flush()
    await joined(ada, ben)
    assert other() == "Ben"
    assert one.redo()
    assert not one.redo()
    assert one() == "Ada Ben"


async def test_a_statement_that_writes_the_row_is_heard(opened: Open) -> None:
    db = await with_page(opened)
    text = await typing(db)
    text.insert(0, "1")
    await db.execute("UPDATE page SET body = body || '!'")
    await text.flush()
    await asyncio.sleep(0)
    assert text() == await body(db) == "1Hello world!"
    assert await db.check() == []


async def test_what_the_statement_of_a_hook_adds_is_heard_too(opened: Open) -> None:
    db = await with_page(opened)
    text = await typing(db)
    db.before_commit(lambda tx, changes: tx.execute("UPDATE page SET body = replace(body, 'H', 'h')"), "page")
    text.insert(0, "1")
    await text.flush()
    await asyncio.sleep(0)
    assert text() == await body(db) == "1hello world"
    assert await db.check() == []


async def test_another_database_on_the_file_is_heard(opened: Open) -> None:
    ada, same = await with_page(opened), await opened("ada")
    text = await typing(ada)
    await same.execute("UPDATE page SET body = 'Hello, world'")
    await until(lambda: text() == "Hello, world")
    text.insert(0, "1")
    await text.flush()
    assert await body(same) == "1Hello, world"
    assert await ada.check() == []


async def test_closing_writes_what_was_typed(opened: Open) -> None:
    db = await with_page(opened)
    with Scope():
        text = await typing(db)
        text.insert(0, "1")
    assert text.closed
    await until(lambda: not text.pending)
    assert await body(db) == "1Hello world"
    with pytest.raises(ClosedError, match=r"await db\.text"):
        text.insert(0, "2")
    text.close()


async def test_closing_the_database_writes_what_was_typed(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=[Page], log=True) as db:
        await db.execute("INSERT INTO page (id, body) VALUES ('1', 'a')")
        (await typing(db)).insert(1, "b")
    async with Database.open(tmp_path / "a.db", models=[Page], log=True) as db:
        assert await body(db) == "ab"


async def test_typed_and_taken_away_again_writes_nothing(opened: Open) -> None:
    db = await with_page(opened)
    text = await typing(db)
    text.insert(0, "x")
    text.delete(0, 1)
    await text.flush()
    assert await db.fetch("SELECT count(*) FROM eddy_commits") == [(1,)]
    text.insert(0, "1")
    await text.flush()
    assert text() == await body(db) == "1Hello world"
    assert await db.check() == []


async def test_a_row_that_is_gone_keeps_what_was_typed_readable(opened: Open) -> None:
    db = await with_page(opened)
    text = await typing(db)
    text.insert(0, "1")
    await db.execute("DELETE FROM page")
    await until(lambda: text.gone)
    with pytest.raises(MissingRowError, match="no row of page has the key '1'"):
        await text.flush()
    assert text() == "1Hello world"
    assert isinstance(text.error, MissingRowError)


async def test_in_a_row_that_came_back_what_was_typed_goes_on(opened: Open) -> None:
    db = await with_page(opened)
    text = await typing(db)
    text.insert(11, "!")
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM page")
    await db.execute("INSERT INTO page (id, body) VALUES ('1', 'Hello new world')")
    await until(lambda: text() == "Hello new world!")
    await text.flush()
    assert await body(db) == "Hello new world!"
    assert await db.check() == []


async def test_in_a_new_epoch_what_was_typed_is_typed_anew(opened: Open) -> None:
    db = await with_page(opened)
    text = await typing(db)
    text.insert(11, "!")
    await db.apply([edit_of(await db.commits(), "page", "Hello", "Hello new world", epoch=1)])
    await until(lambda: text() == "Hello new world!")
    await text.flush()
    assert await body(db) == "Hello new world!"
    assert await db.check() == []


async def test_what_a_hub_rejects_goes_from_the_text_and_typing_goes_on(opened: Open) -> None:
    ada, hub = await pair(opened)
    text = await typing(ada)
    text.insert(0, "bad ")
    await text.flush()
    text.insert(len(text), "!")  # not written yet
    await hub.admit(await ada.commits(await hub.head()), lambda commit: "no")
    await ada.pull(hub)
    await until(lambda: text() == "Hello world!")
    await text.flush()
    await hub.admit(await ada.commits(await hub.head()))
    assert await body(ada) == await body(hub) == "Hello world!"
    assert await ada.check() == []


async def test_what_a_constraint_refuses_stays_to_be_mended(opened: Open) -> None:
    db = await with_page(opened)
    await db.execute(
        "CREATE TRIGGER short BEFORE UPDATE OF body ON page WHEN length(new.body) > 12 "
        "BEGIN SELECT RAISE(ABORT, 'long'); END"
    )
    text = await typing(db)
    text.insert(0, "123")
    with pytest.raises(ConstraintError, match="long"):
        await text.flush()
    assert isinstance(text.error, ConstraintError)
    assert text() == "123Hello world"
    text.delete(0, 2)
    await text.flush()
    assert text.error is None
    assert text() == await body(db) == "3Hello world"
    assert await db.check() == []


async def test_a_cursor_stays_at_its_character(opened: Open) -> None:
    ada, ben = await pair(opened)
    one, other = await typing(ada), await typing(ben)
    cursor = one.sticky(6)
    other.insert(0, "😀😀 ")
    await other.flush()
    await joined(ada, ben)
    assert one.index_of(cursor) == 9


async def test_setting_a_text_keeps_what_others_type_elsewhere(opened: Open) -> None:
    ada, ben = await pair(opened)
    one, other = await typing(ada), await typing(ben)
    one.set("Hello, world")
    other.replace(6, 11, "World")
    for text in (one, other):
        await text.flush()
    await joined(ada, ben)
    assert one() == other() == "Hello, World"


async def test_a_keystroke_opens_no_document(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    text = await typing(await with_page(opened))
    text.insert(0, "1")
    await text.flush()
    made: list[object] = []
    monkeypatch.setattr(drafts, "open_text", lambda *args, **named: made.append(args))
    text.insert(0, "2")
    await text.flush()
    assert made == []


async def test_many_hands_come_to_one_text(opened: Open) -> None:
    ada, ben = await pair(opened)
    texts = [await typing(ada), await typing(ada), await typing(ben)]
    for number in range(60):
        text = texts[number % 3]
        text.replace(number * 7 % (len(text) + 1), number * 7 % (len(text) + 1) + number % 2, f"{number}é")
        if number % 4 == 0:
            await text.flush()
        if number % 9 == 0:
            await joined(ada, ben)
    for text in texts:
        await text.flush()
    await joined(ada, ben)
    assert len({text() for text in texts} | {await body(ada), await body(ben)}) == 1


async def test_what_can_not_be_opened_says_why(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = await with_page(opened)
    with pytest.raises(MissingRowError, match="no row of page has the key '2'"):
        await db.text(("page", "2"), Page.body)
    with pytest.raises(ParameterError, match=r"Page\.title isn't declared as Text"):
        await db.text(("page", "1"), Page.title)
    with pytest.raises(LogError, match=r"page\.draft isn't in the log \(it is local"):
        await db.text(("page", "1"), Page.draft)
    async with Database.open(tmp_path / "plain.db", models=[Page], log=False) as plain:
        async with plain.transaction() as tx:
            page = await tx.add(Page(body="a"))
        with pytest.raises(LogError, match="page isn't logged, and what several people type meets in the log"):
            await plain.text(page, Page.body)
        await plain.execute("UPDATE page SET body = 'plain'")
        assert await body(plain) == "plain"

    def missing(name: object) -> None:
        raise MissingLibraryError("pip install 'eddyline[text]'", library="pycrdt")

    monkeypatch.setattr(engines, "_kind", missing)
    with pytest.raises(MissingLibraryError, match="eddyline"):
        await db.text(("page", "1"), Page.body)


def test_an_edit_is_told_as_it_changed_the_text() -> None:
    assert edits_between("ab", "aXb") == (TextChange(1, 0, "X"),)
