"""Undo and redo: what comes back, in which order, and what stays because others changed it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eddyline import (
    Column,
    ConstraintError,
    Database,
    LogError,
    Model,
    ParameterError,
    Ref,
    Transaction,
    acting,
    column,
    command,
    ref,
)
from eddyline.core.clock import Clock
from eddyline.core.log.undo import Kept
from eddyline.core.write.sync import SyncTransaction


class Project(Model, table="undo_project"):
    name: Column[str]


class Issue(Model, table="undo_issue"):
    title: Column[str]
    state: Column[str] = column(default="open")
    points: Column[int | None] = column(default=None)
    project: Ref[Project | None] = ref(default=None, on_delete="cascade")


class Draft(Model, table="undo_draft", history="none"):
    text: Column[str]


class Time:
    """A clock that stands until it is moved."""

    ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Project, Issue, Draft], log=True, actor="ada") as opened:
        yield opened


async def state(db: Database) -> tuple[list[Project], list[Issue]]:
    """Return all rows."""
    return await db.fetch(Project.order_by(Project.id)), await db.fetch(Issue.order_by(Issue.id))


async def test_an_insert_an_update_and_a_delete_are_taken_back_and_made_again(db: Database) -> None:
    states = [await state(db)]
    async with db.transaction() as tx:
        await tx.add(Issue(id="A", title="Slow", points=3))
    states.append(await state(db))
    await db.execute("UPDATE undo_issue SET title = 'Fast', points = NULL")
    states.append(await state(db))
    await db.execute("DELETE FROM undo_issue")
    states.append(await state(db))
    seen = []
    for call in (db.undo, db.undo, db.undo, db.redo, db.redo, db.redo, db.undo):
        assert await call() is not None
        seen.append(await state(db))
    assert seen == [states[2], states[1], states[0], states[1], states[2], states[3], states[2]]


async def test_with_nothing_left_there_is_none(db: Database) -> None:
    assert [await db.undo(), await db.redo()] == [None, None]
    await db.execute("INSERT INTO undo_project VALUES ('P', 'Core')")
    assert await db.redo() is None
    assert await db.undo() is not None
    assert await db.undo() is None
    assert await db.redo() is not None
    assert await db.redo() is None


async def test_writing_something_new_leaves_nothing_to_redo(db: Database) -> None:
    await db.execute("INSERT INTO undo_project VALUES ('P', 'Core')")
    await db.undo()
    await db.execute("INSERT INTO undo_project VALUES ('Q', 'Other')")
    assert await db.redo() is None
    await db.undo()
    assert await state(db) == ([], [])


async def test_what_others_changed_since_stays_and_is_told(db: Database) -> None:
    await db.execute("INSERT INTO undo_issue (id, title) VALUES ('A', 'a')")
    await db.execute("UPDATE undo_issue SET title = 'mine', state = 'closed'")
    with acting("ben"):
        await db.execute("UPDATE undo_issue SET title = 'theirs'")
    undone = await db.undo()
    assert undone is not None
    assert undone.kept == (Kept("undo_issue", ("A",), ("title",)),)
    assert [(i.title, i.state) for i in await db.fetch(Issue)] == [("theirs", "open")]
    undone = await db.undo()
    assert undone is not None
    assert undone.kept == (Kept("undo_issue", ("A",), ()),)
    assert len(await db.fetch(Issue)) == 1
    with acting("ben"):
        assert await db.undo() is not None
    assert [i.title for i in await db.fetch(Issue)] == ["mine"]


async def test_a_deleted_row_stays_away_where_its_key_is_taken_again(db: Database) -> None:
    await db.execute("INSERT INTO undo_project VALUES ('P', 'Core')")
    await db.execute("DELETE FROM undo_project")
    with acting("ben"):
        await db.execute("INSERT INTO undo_project VALUES ('P', 'New')")
    undone = await db.undo()
    assert undone is not None
    assert undone.kept == (Kept("undo_project", ("P",), ()),)
    assert [p.name for p in await db.fetch(Project)] == ["New"]


async def test_an_edit_of_a_row_that_is_gone_is_told(db: Database) -> None:
    await db.execute("INSERT INTO undo_project VALUES ('P', 'Core')")
    await db.execute("UPDATE undo_project SET name = 'Kernel'")
    with acting("ben"):
        await db.execute("DELETE FROM undo_project")
    undone = await db.undo()
    assert undone is not None
    assert undone.kept == (Kept("undo_project", ("P",), ()),)


async def test_a_cascade_comes_back_whole_parents_and_children(db: Database) -> None:
    async with db.transaction("filled") as tx:
        core = await tx.add(Project(id="P", name="Core"))
        await tx.add_all([Issue(id=key, title=key, project=core) for key in "AB"])
    before = await state(db)
    await db.execute("DELETE FROM undo_project")
    assert await state(db) == ([], [])
    await db.undo()
    assert await state(db) == before
    await db.undo()
    assert await state(db) == ([], [])
    await db.redo()
    assert await state(db) == before


async def test_letters_typed_within_a_second_are_one_step(db: Database) -> None:
    time = Time()
    db._queue.writer.journal._clock = Clock(time)  # type: ignore[union-attr]  # there is a log
    await db.execute("INSERT INTO undo_issue (id, title) VALUES ('A', '')")
    for text, pause_ms in [("S", 0), ("Sl", 900), ("Slow", 900), ("Slower", 1_500), ("Slowest", 10)]:
        time.ms += pause_ms
        await db.execute("UPDATE undo_issue SET title = ?", text)
    await db.execute("UPDATE undo_issue SET state = 'closed'")
    titles = []
    while (undone := await db.undo()) is not None:
        titles.append((len(undone.commits), *((i.title, i.state) for i in await db.fetch(Issue))))
    assert titles == [(1, ("Slowest", "open")), (2, ("Slow", "open")), (3, ("", "open")), (1,)]
    while await db.redo() is not None:
        pass
    assert [(i.title, i.state) for i in await db.fetch(Issue)] == [("Slowest", "closed")]


async def test_an_undo_is_an_ordinary_commit_that_views_and_hooks_see(db: Database) -> None:
    await db.execute("INSERT INTO undo_project VALUES ('P', 'Core')")
    view = await db.live(Project)
    commits: list[tuple[str, str]] = []
    db.after_commit(lambda commit: commits.append((commit.command, commit.actor)))
    await db.undo()
    assert [view.rows(), commits] == [(), [("undo", "ada")]]
    (entry,) = await db.fetch(db.log(limit=1))
    (first,) = await db.fetch(db.log().offset(1).limit(1))
    assert entry.args == f'{{"commits":[["{first.lane}",{first.seq}]]}}'


async def test_a_command_called_undo_by_a_user_is_none_of_ours(db: Database) -> None:
    @command(name="undo")
    def undo(tx: SyncTransaction, what: str) -> None:
        tx.execute("INSERT INTO undo_project VALUES (?, 'x')", what)

    await db.execute("INSERT INTO undo_project VALUES ('P', 'Core')")
    await db.run(undo, "Q")
    await db.undo()
    assert [p.id for p in await db.fetch(Project)] == ["Q"]


async def test_a_table_without_history_can_not_be_taken_back(db: Database) -> None:
    await db.execute("INSERT INTO undo_draft VALUES ('D', 'x')")
    with pytest.raises(LogError, match="its table has no history, or the log was compacted"):
        await db.undo()
    assert len(await db.fetch(Draft)) == 1


async def test_without_a_log_undo_says_what_it_takes() -> None:
    async with Database.open(":memory:", models=[Project], log=False) as db:
        with pytest.raises(ParameterError, match=r"db\.undo reads the commit log, .*log=False.*db\.enable_log"):
            await db.undo()


async def test_an_undo_that_a_constraint_forbids_leaves_everything_as_it_was(db: Database) -> None:
    await db.execute("INSERT INTO undo_project VALUES ('P', 'Core')")
    with acting("ben"):
        await db.execute("INSERT INTO undo_issue (id, title, project) VALUES ('A', 'a', 'P')")
    await db.execute("CREATE TRIGGER keep BEFORE DELETE ON undo_project BEGIN SELECT RAISE(ABORT, 'kept'); END")
    with pytest.raises(ConstraintError, match="kept"):
        await db.undo()
    assert len(await db.fetch(Project)) == 1


async def test_what_was_there_before_the_log_is_not_taken_back(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=[Project], log=False) as db:
        await db.execute("INSERT INTO undo_project VALUES ('P', 'Core')")
        await db.enable_log("undo_project")
        assert await db.undo() is None
        await db.execute("UPDATE undo_project SET name = 'Kernel'")
        await db.undo()
        assert [p.name for p in await db.fetch(Project)] == ["Core"]


async def test_a_bulk_change_is_taken_back_and_made_again(db: Database) -> None:
    rows = [(str(n), n) for n in range(3_000)]
    await db.executemany("INSERT INTO undo_issue (id, title, points) VALUES (?, 'x', ?)", rows)
    before = await db.fetch(Issue)
    await db.execute("UPDATE undo_issue SET points = points + 1, state = 'done'")
    after = await db.fetch(Issue)
    await db.undo()
    assert await db.fetch(Issue) == before
    await db.redo()
    assert await db.fetch(Issue) == after


async def test_what_the_log_has_forgotten_is_not_taken_back(db: Database) -> None:
    await db.execute("INSERT INTO undo_project VALUES ('P', 'a')")
    await db.execute("INSERT INTO undo_project VALUES ('Q', 'b')")
    await db.execute("UPDATE undo_project SET name = 'c' WHERE id = 'P'")
    await db.compact(keep=1)
    with pytest.raises(LogError, match="is forgotten: the log was compacted"):
        await db.undo()
    assert [(p.id, p.name) for p in await db.fetch(Project.order_by(Project.id))] == [("P", "c"), ("Q", "b")]


async def test_undo_goes_on_after_the_file_was_opened_again(tmp_path: Path) -> None:
    for round_ in range(2):
        async with Database.open(tmp_path / "a.db", models=[Project], log=True, actor="ada") as db:
            if round_ == 0:
                await db.execute("INSERT INTO undo_project VALUES ('P', 'Core')")
            else:
                assert await db.undo() is not None
                assert await db.fetch(Project) == []


@pytest.mark.parametrize("seed", range(10))
async def test_random_writes_are_taken_back_to_the_start_and_made_again_to_the_end(db: Database, seed: int) -> None:
    rng, time = random.Random(seed), Time()
    db._queue.writer.journal._clock = Clock(time)  # type: ignore[union-attr]  # there is a log
    states = [await state(db)]
    for _ in range(25):
        time.ms += 5_000
        async with db.transaction() as tx:
            for _ in range(rng.randint(1, 3)):
                await _write(tx, rng)
        if await state(db) != states[-1]:
            states.append(await state(db))
    for expected in states[-2::-1]:
        undone = await db.undo()
        assert undone is not None
        assert undone.kept == ()
        assert await state(db) == expected
    for expected in states[1:]:
        assert await db.redo() is not None
        assert await state(db) == expected
    assert await db.redo() is None


async def _write(tx: Transaction, rng: random.Random) -> None:
    key, number = rng.choice("ABCD"), rng.randint(0, 3)
    project = rng.choice(["P", "Q"])
    statement: str = rng.choice(
        [
            f"INSERT OR IGNORE INTO undo_project VALUES ('{project}', 'name {number}')",
            f"INSERT OR IGNORE INTO undo_issue SELECT '{key}', 'new', 'open', {number}, max(id) FROM undo_project",
            f"UPDATE undo_issue SET points = {number}, state = '{rng.choice(['open', 'done'])}' WHERE id = '{key}'",
            f"UPDATE undo_issue SET title = 'title {number}' WHERE id > '{key}'",
            f"DELETE FROM undo_issue WHERE id = '{key}'",
            f"DELETE FROM undo_project WHERE id = '{project}'",
        ]
    )
    await tx.execute(statement)
