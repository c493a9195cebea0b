"""Text columns: several people's edits of one text become one text, letter by letter, whoever writes them how."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from eddyline import Column, ConstraintError, Database, LogEntry, MissingLibraryError, Model, Text, column
from eddyline.core.log import drafts, texts
from eddyline.core.log.commit import Commit, Put, TextUpdate
from eddyline.core.log.encoding import commit_hash
from eddyline.core.log.vector import Lane, Vector
from eddyline.core.text.engines import genesis, open_text

from .databases import Open, databases


class Note(Model):
    title: Column[str] = column(default="")
    body: Text
    size: Column[int] = column(default=0, merge="counter")


class Page(Model):
    title: Column[str] = column(default="")
    body: Text


class Sketch(Model, history="none"):
    body: Text


MODELS = [Note, Page, Sketch]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    async with databases(tmp_path, MODELS, poll_s=0.1) as open_one:
        yield open_one


async def joined(*dbs: Database) -> None:
    for _ in range(2):
        for one in dbs:
            for other in dbs:
                if one is not other:
                    await one.pull(other)


async def bodies(db: Database, table: str = "page") -> list[str]:
    return [row.body for row in await db.fetch(f"SELECT body FROM {table} ORDER BY id")]


async def pair(opened: Open, body: str, model: type[Page | Note] = Page) -> tuple[Database, Database]:
    """Return two databases that hold one row with the text `body`."""
    ada, ben = await opened("ada"), await opened("ben")
    async with ada.transaction() as tx:
        await tx.add(model(id="1", body=body))
    await joined(ada, ben)
    return ada, ben


async def check(*dbs: Database) -> None:
    for db in dbs:
        assert await db.check() == []


@pytest.mark.parametrize("model", [Page, Note])
async def test_edits_made_at_the_same_time_both_stay(opened: Open, model: type[Page | Note]) -> None:
    table = model.__table__.name
    ada, ben = await pair(opened, "Hello world", model)
    await ada.execute(f"UPDATE {table} SET body = 'Hello, world'")
    await ben.execute(f"UPDATE {table} SET body = 'Hello world! 😀', title = 'b'")
    await joined(ada, ben)
    assert await bodies(ada, table) == await bodies(ben, table) == ["Hello, world! 😀"]
    await check(ada, ben)


async def test_a_view_follows_the_edits_of_others(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    view = await ben.live("SELECT body FROM page WHERE body LIKE '%two'")
    await ada.execute("UPDATE page SET body = body || ' two'")
    await ben.pull(ada)
    assert [row.body for row in view.rows()] == ["one two"]


async def test_full_text_search_of_ones_own_sees_edits(opened: Open) -> None:
    ada, _ = await pair(opened, "one")
    await ada.execute("CREATE VIRTUAL TABLE found USING fts5(body, content='page', content_rowid='rowid')")
    await ada.execute("INSERT INTO found(found) VALUES ('rebuild')")
    await ada.execute(
        "CREATE TRIGGER follow AFTER UPDATE ON page BEGIN "
        "INSERT INTO found(found, rowid, body) VALUES ('delete', old.rowid, old.body); "
        "INSERT INTO found(rowid, body) VALUES (new.rowid, new.body); END"
    )
    await ada.execute("UPDATE page SET body = 'one zebra'")
    assert await ada.fetch("SELECT body FROM found WHERE found MATCH 'zebra'") == [("one zebra",)]


async def test_only_the_edit_is_logged_once_the_document_is_there(opened: Open) -> None:
    ada, _ = await pair(opened, "x" * 10_000)
    await ada.execute("UPDATE page SET body = body || '1'")
    await ada.execute("UPDATE page SET body = body || '2'")
    first, second = (await ada.commits())[-2:]
    sizes = [len(op.update) for commit in (first, second) for op in commit.ops if isinstance(op, TextUpdate)]
    assert sizes[0] > 10_000 > 100 > sizes[1]


async def test_rows_begun_with_equal_texts_share_it(opened: Open) -> None:
    ada, ben = await opened("ada"), await opened("ben")
    for db, more in ((ada, "!"), (ben, "?")):
        async with db.transaction() as tx:
            await tx.add(Page(id="readme", body="Welcome"))
        await db.execute("UPDATE page SET body = body || ?", more)
    await joined(ada, ben)
    (text,) = await bodies(ada)
    assert text in ("Welcome!?", "Welcome?!")
    assert await bodies(ben) == [text]
    await check(ada, ben)


async def test_texts_that_began_differently_both_survive(opened: Open) -> None:
    ada, ben = await opened("ada"), await opened("ben")
    for db, body in ((ada, "Ada's"), (ben, "Ben's")):
        async with db.transaction() as tx:
            await tx.add(Page(id="readme", body=body))
        await db.execute("UPDATE page SET body = body || '.'")
    await joined(ada, ben)
    (text,) = await bodies(ada)
    assert sorted([text[:6], text[6:]]) == ["Ada's.", "Ben's."]
    assert await bodies(ben) == [text]
    await check(ada, ben)


async def test_a_value_that_no_edit_has_seen_stays_beside_them(opened: Open) -> None:
    ada, ben, eve = await opened("ada"), await opened("ben"), await opened("eve")
    for db, body in ((ada, "Ada's"), (ben, "Ben's")):
        async with db.transaction() as tx:
            await tx.add(Page(id="readme", body=body))
    await ada.execute("UPDATE page SET body = body || '.'")  # ben only began the row, and later
    await ada.execute("UPDATE page SET title = 'kept'")
    await joined(ada, ben)
    (text,) = await bodies(ada)
    assert text in ("Ada's.Ben's", "Ben'sAda's.")
    assert await bodies(ben) == [text]
    await ben.execute("UPDATE page SET body = body || ' End'")  # carries on what is shown, for all
    await joined(ada, ben, eve)
    assert await bodies(ada) == await bodies(ben) == await bodies(eve) == [text + " End"]
    await check(ada, ben, eve)


async def test_commits_may_come_in_any_order(opened: Open) -> None:
    ada, ben = await pair(opened, "abc")
    await ada.execute("UPDATE page SET body = 'abcA'")
    await ben.execute("UPDATE page SET body = 'Babc'")
    carl, dora = await opened("carl"), await opened("dora")
    for source in (ada, ben):
        await carl.pull(source)
    for source in (ben, ada):
        await dora.pull(source)
    assert await bodies(carl) == await bodies(dora) == ["BabcA"]
    await check(carl, dora)


async def test_a_row_that_is_inserted_anew_has_a_new_text(opened: Open) -> None:
    ada, ben = await pair(opened, "old")
    await ada.execute("UPDATE page SET body = 'old text'")
    await joined(ada, ben)
    await ada.execute("DELETE FROM page")
    await ada.execute("INSERT INTO page (id, body, title) VALUES ('1', 'new', '')")
    await ben.execute("UPDATE page SET body = 'old text of ben'")
    await ada.execute("UPDATE page SET body = 'new text'")
    await joined(ada, ben)
    assert await bodies(ada) == await bodies(ben) == ["new text"]
    await check(ada, ben)


async def test_an_edit_that_a_delete_took_along_is_restored_with_the_text(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    await ada.execute("UPDATE page SET body = 'one two'")
    await joined(ada, ben)
    await ada.execute("DELETE FROM page")
    await ben.execute("UPDATE page SET body = 'one two three'")
    await joined(ada, ben)
    assert await bodies(ada) == await bodies(ben) == []
    assert await ada.fetch("SELECT row_key, columns FROM eddy_conflicts") == [('"1"', '["body"]')]
    await ada.restore("page", "1")
    await joined(ada, ben)
    assert await bodies(ada) == await bodies(ben) == ["one two three"]
    assert await ben.fetch("SELECT * FROM eddy_conflicts") == []
    await check(ada, ben)


async def test_a_conflict_is_restored_into_the_text_of_a_row_that_lives_again(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    await ada.execute("DELETE FROM page")
    await ada.execute("INSERT INTO page (id, body, title) VALUES ('1', 'uno', '')")
    await ada.execute("UPDATE page SET body = 'uno dos'")
    await ben.execute("UPDATE page SET body = 'one two'")
    await joined(ada, ben)
    await ada.restore("page", "1")
    await joined(ada, ben)
    assert await bodies(ada) == await bodies(ben) == ["one two"]
    await check(ada, ben)


async def test_a_text_that_is_undone_with_its_transaction_is_as_it_was(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    await ada.execute("UPDATE page SET body = 'one two'")
    await scrap(ada)
    with pytest.raises(ConstraintError, match="scrap"):
        async with ada.transaction() as tx:
            await tx.execute("UPDATE page SET body = 'one two three'")
            await tx.execute("UPDATE scrap SET body = NULL")
    await ada.execute("UPDATE page SET body = 'one two four'")
    await ben.execute("CREATE TABLE scrap (id TEXT PRIMARY KEY, body TEXT) STRICT")
    await ben.enable_log("scrap")
    await joined(ada, ben)
    assert await bodies(ada) == await bodies(ben) == ["one two four"]
    await check(ada, ben)


async def test_a_text_with_edits_can_not_become_null(opened: Open) -> None:
    db = await opened("ada")
    await scrap(db)
    assert await bodies(db, "scrap") == ["ab"]  # who edits says that it is a text, whatever is declared here
    with pytest.raises(ConstraintError, match="is a text that was edited letter by letter; None is none: write ''"):
        await db.execute("UPDATE scrap SET body = NULL")
    assert await bodies(db, "scrap") == ["ab"]
    await check(db)


async def scrap(db: Database) -> None:
    """Make a table that nobody declares as holding texts, with a text in it that somebody else has edited."""
    await db.execute("CREATE TABLE scrap (id TEXT PRIMARY KEY, body TEXT) STRICT")
    await db.enable_log("scrap")
    await db.execute("INSERT INTO scrap VALUES ('1', 'a')")
    await db.apply([edit_of(await db.commits(), "scrap", "a", "ab")])


def edit_of(commits: list[Commit], table: str, before: str, after: str, epoch: int = 0) -> Commit:
    """Return the commit of somebody else who has seen `commits` and edits the text of row 1."""
    lane = Lane("0" * 26)
    parents = Vector({one.lane: one.seq for one in commits})
    document = open_text(7)
    document.apply(genesis('"1"', "body", 1, before))
    document.insert(len(before), after[len(before) :])
    op = TextUpdate(table, ("1",), 1, "body", epoch, document.update_since())
    mine = [one for one in commits if one.lane == lane]
    return Commit(
        lane, len(mine) + 1, parents, commits[-1].hlc + 1, (op,), previous=commit_hash(mine[-1]) if mine else ""
    )


async def test_a_new_epoch_replaces_the_document(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    await ada.execute("UPDATE page SET body = 'one two'")
    await ben.execute("UPDATE page SET body = 'one three'")
    await ada.apply([edit_of(await ada.commits(), "page", "begun", "begun anew", epoch=1)])
    assert await bodies(ada) == ["begun anew"]
    await joined(ada, ben)  # an edit of the epoch before stays in the log
    assert await bodies(ada) == await bodies(ben) == ["begun anew"]
    await ben.execute("UPDATE page SET body = 'begun anew!'")
    await joined(ada, ben)
    assert await bodies(ada) == ["begun anew!"]
    await check(ada, ben)


async def test_an_update_that_is_none_does_no_harm(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    await ada.execute("UPDATE page SET body = 'one two'")
    commits = await ada.commits()
    good = edit_of(commits, "page", "one", "one!")
    bad = Commit(good.lane, 1, good.parents, good.hlc, (TextUpdate("page", ("1",), 1, "body", 0, b"\xff\xff"),))
    await ada.apply([bad])
    await joined(ada, ben)
    assert await bodies(ada) == await bodies(ben) == ["one two"]
    await check(ada, ben)


async def test_what_another_program_writes_is_an_edit_too(opened: Open, tmp_path: Path) -> None:
    ada, ben = await pair(opened, "one")
    await ada.execute("UPDATE page SET body = 'one two'")
    await joined(ada, ben)
    with closing(sqlite3.connect(tmp_path / "ada.db")) as other, other:
        other.execute("UPDATE page SET body = 'one two three'")
    await ben.execute("UPDATE page SET body = 'zero one two'")
    await ada.execute("UPDATE page SET title = 'seen'")
    await joined(ada, ben)
    assert await bodies(ada) == await bodies(ben) == ["zero one two three"]
    await check(ada, ben)


async def test_a_text_goes_on_after_the_file_was_closed(tmp_path: Path) -> None:
    for number in range(3):
        async with Database.open(tmp_path / "one.db", models=MODELS, log=True) as db:
            if not number:
                await db.execute("INSERT INTO page (id, body, title) VALUES ('1', '', '')")
            for _ in range(200):
                await db.execute("UPDATE page SET body = body || ?", str(number))
            assert await bodies(db) == ["".join(str(n) * 200 for n in range(number + 1))]
            await check(db)
            folded = await db.fetch("SELECT length(state) > 0 AS folded FROM _eddy_texts")
            assert folded[0].folded == (number > 0)  # the document was written anew when 256 updates had come


async def test_without_an_engine_texts_are_written_as_values(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, ben = await pair(opened, "one")
    with monkeypatch.context() as without:
        without.setattr(texts, "has_engine", lambda: False)
        await ada.execute("UPDATE page SET body = 'two'")
        await ada.execute("UPDATE page SET body = 'three'")
    assert [type(op) for commit in (await ada.commits())[-2:] for op in commit.ops] == [Put, Put]
    await joined(ada, ben)
    assert await bodies(ada) == await bodies(ben) == ["three"]
    await check(ada, ben)


async def test_edits_of_others_take_an_engine(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, ben = await pair(opened, "one")
    await ada.execute("UPDATE page SET body = 'one two'")

    def missing(*args: object, **named: object) -> None:
        raise MissingLibraryError("pip install 'eddyline[text]'", library="pycrdt")

    with monkeypatch.context() as without:
        without.setattr(drafts, "open_text", missing)
        with pytest.raises(MissingLibraryError, match="eddyline"):
            await ben.pull(ada)
        await ben.execute("UPDATE page SET title = 'still'")
    await joined(ada, ben)
    assert await bodies(ben) == ["one two"]
    await check(ada, ben)


async def test_a_table_without_history_keeps_its_documents(opened: Open) -> None:
    ada = await opened("ada")
    await ada.execute("INSERT INTO sketch (id, body) VALUES ('1', 'a')")
    await ada.execute("UPDATE sketch SET body = 'ab'")
    await ada.execute("UPDATE sketch SET body = 'abc'")
    assert await bodies(ada, "sketch") == ["abc"]
    assert await ada.fetch("SELECT length(body) FROM sketch") == [(3,)]
    assert await ada.fetch("SELECT count(*) FROM _eddy_text_updates") == [(2,)]


async def test_who_edited_a_text_last_has_written_it(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    ben.actor = "ben"
    await ben.execute("UPDATE page SET body = 'one two'")
    await ada.pull(ben)
    entry = await ada.blame(("page", "1"), "body")
    assert isinstance(entry, LogEntry)
    assert entry.actor == "ben"
    assert [change.kind for change in await ada.history(("page", "1"))] == ["update", "insert"]


async def test_a_text_of_more_than_a_megabyte(opened: Open) -> None:
    ada, ben = await pair(opened, "é" * 1_000_000)
    await ada.execute("UPDATE page SET body = body || 'end'")
    await ben.execute("UPDATE page SET body = 'start' || body")
    await joined(ada, ben)
    assert await bodies(ada) == await bodies(ben) == ["start" + "é" * 1_000_000 + "end"]


def test_ids_are_drawn_for_each_document() -> None:
    at = drafts.TextId("page", ("1",), 1, "body")
    one, other = drafts.begun(at, "a", 1), drafts.begun(at, "a", 1)
    assert one.document.client_id != other.document.client_id


async def test_a_rejected_edit_is_taken_out_of_the_text(opened: Open) -> None:
    ada, ben, hub = await opened("ada"), await opened("ben"), await opened("hub")
    async with ada.transaction() as tx:
        await tx.add(Page(id="1", body="one"))
    await hub.admit(await ada.commits())
    await ben.pull(hub)
    await ben.execute("UPDATE page SET body = 'zero one'")
    await hub.admit(await ben.commits(await hub.head()))
    async with ada.transaction("bad") as tx:
        await tx.execute("UPDATE page SET body = 'one two'")
    await ada.execute("UPDATE page SET body = 'one two three'")  # typed behind what is rejected: it goes along
    await hub.admit(await ada.commits(await hub.head()), lambda commit: "no" if commit.message == "bad" else None)
    await ada.pull(hub)
    await ben.pull(hub)
    assert await bodies(ada) == await bodies(ben) == await bodies(hub) == ["zero one"]
    await ada.execute("UPDATE page SET body = body || '!'")
    await hub.admit(await ada.commits(await hub.head()))
    await ben.pull(hub)
    assert await bodies(ada) == await bodies(ben) == await bodies(hub) == ["zero one!"]
    await check(ada, ben, hub)


async def test_where_every_edit_is_rejected_the_value_is_back(opened: Open) -> None:
    ada, hub = await opened("ada"), await opened("hub")
    async with ada.transaction() as tx:
        await tx.add(Page(id="1", body="one"))
    await hub.admit(await ada.commits())
    await ada.execute("UPDATE page SET body = 'one two'")
    await hub.admit(await ada.commits(await hub.head()), lambda commit: "no")
    await ada.pull(hub)
    assert await bodies(ada) == await bodies(hub) == ["one"]
    assert await ada.fetch("SELECT * FROM _eddy_texts") == []
    await check(ada, hub)


async def test_compaction_forgets_edits_and_keeps_the_text(opened: Open) -> None:
    ada, ben, hub = await opened("ada"), await opened("ben"), await opened("hub")
    async with ada.transaction() as tx:
        await tx.add(Page(id="1", body="one"))
    for word in ("two", "three", "four"):
        await ada.execute("UPDATE page SET body = body || ?", f" {word}")
    await hub.admit(await ada.commits())
    await ben.pull(hub)
    for db in (ada, hub):
        await db.compact(keep=1)
    await ada.execute("UPDATE page SET body = body || ' bad'")
    await hub.admit(await ada.commits(await hub.head()), lambda commit: "no")  # an edit of before must not be lost
    await ada.pull(hub)
    assert await bodies(ada) == await bodies(hub) == ["one two three four"]
    await ben.execute("UPDATE page SET body = 'zero ' || body")
    await hub.admit(await ben.commits(await hub.head()))
    await ada.pull(hub)
    await ada.execute("UPDATE page SET body = body || '!'")
    assert await bodies(ada) == ["zero one two three four!"]
    await check(ada, hub)


async def test_undo_takes_back_ones_own_edits_of_a_text(opened: Open) -> None:
    ada, ben = await pair(opened, "one two three")
    ada.actor, ben.actor = "ada", "ben"
    await ada.execute("UPDATE page SET body = 'one three'")
    await joined(ada, ben)
    await ben.execute("UPDATE page SET body = 'zero one three'")
    await joined(ada, ben)
    await ada.execute("UPDATE page SET title = 'meanwhile'")
    await ada.execute("UPDATE page SET body = 'zero one three four', title = 'last'")
    await joined(ada, ben)
    result = await ada.undo()
    assert result is not None
    assert await bodies(ada) == ["zero one three"]
    await ada.undo()  # the title alone
    await ada.undo()
    assert await bodies(ada) == ["zero one two three"]
    await ada.redo()
    assert await bodies(ada) == ["zero one three"]
    await ada.undo()
    await joined(ada, ben)
    assert await bodies(ben) == ["zero one two three"]
    await ben.undo()
    await joined(ada, ben)
    assert await bodies(ada) == ["one two three"]
    await check(ada, ben)


async def test_keystrokes_that_follow_each_other_are_one_step(opened: Open) -> None:
    ada, _ = await pair(opened, "")
    for letter in "abc":
        await ada.execute("UPDATE page SET body = body || ?", letter)
    await ada.undo()
    assert await bodies(ada) == [""]
    await ada.redo()
    assert await bodies(ada) == ["abc"]


async def test_undoing_a_delete_brings_the_text_back(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    await ada.execute("UPDATE page SET body = 'one two'")
    await ada.execute("DELETE FROM page")
    await ada.undo()
    assert await bodies(ada) == ["one two"]
    await ada.execute("UPDATE page SET body = 'one two three'")
    await joined(ada, ben)
    assert await bodies(ben) == ["one two three"]
    await check(ada, ben)


async def test_an_edit_that_others_have_deleted_stays_undone(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    await ada.execute("UPDATE page SET body = 'one two'")
    await joined(ada, ben)
    await ben.execute("UPDATE page SET body = 'one'")
    await joined(ada, ben)
    result = await ada.undo()
    assert result is not None
    assert [kept.columns for kept in result.kept] == [("body",)]
    assert await bodies(ada) == ["one"]


async def test_undo_leaves_what_others_wrote_without_saying_who(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    await ben.execute("UPDATE page SET title = 'of ben'")
    await ada.pull(ben)
    result = await ada.undo()  # ada began the row; ben has changed it since
    assert result is not None
    assert [(commit.seq, kept.columns) for commit, kept in zip(result.commits, result.kept, strict=True)] == [(1, ())]
    assert [commit.lane for commit in result.commits] == [(await ada.commits())[0].lane]
    assert await ada.fetch("SELECT title FROM page") == [("of ben",)]


async def test_undo_finds_the_value_before_past_late_edits_of_a_life_that_ended(opened: Open) -> None:
    ada, ben = await pair(opened, "one")
    await ben.execute("UPDATE page SET title = 'late'")
    await ada.execute("DELETE FROM page")
    await ada.execute("INSERT INTO page (id, title, body) VALUES ('1', 'first', '')")
    await ada.pull(ben)
    await ada.execute("UPDATE page SET title = 'second'")
    await ada.undo()
    assert await ada.fetch("SELECT title FROM page") == [("first",)]


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM _eddy_text_updates", "DELETE FROM _eddy_texts", "UPDATE _eddy_texts SET epoch = 3"],
)
async def test_a_document_that_was_damaged_is_found_and_made_anew(tmp_path: Path, damage: str) -> None:
    async with Database.open(tmp_path / "one.db", models=MODELS, log=True) as db:
        await db.execute("INSERT INTO page (id, body, title) VALUES ('1', 'a', '')")
        await db.execute("UPDATE page SET body = 'ab'")
        await db.execute("UPDATE page SET body = 'abc'")
    with closing(sqlite3.connect(tmp_path / "one.db")) as other, other:
        other.execute(damage)
    async with Database.open(tmp_path / "one.db", models=MODELS, log=True) as db:
        assert await db.check() == ['the document of page "1".body isn\'t what the log says']
        await db.repair()
        assert await db.check() == []
        await db.execute("UPDATE page SET body = 'abcd'")
        assert await bodies(db) == ["abcd"]
        assert await db.check() == []
