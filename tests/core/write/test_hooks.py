"""Hooks: who sees which changes, when, and what may come of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from eddyline import ClosedError, Commit, Database, ParameterError, QueryError, RolledBackError, StateError


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:") as opened:
        await opened.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title, state DEFAULT 'open')")
        await opened.execute("CREATE TABLE project (name)")
        await opened.execute("CREATE TABLE audit (what)")
        yield opened


class Seen:
    """A hook that keeps what it was shown."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, tx: Any, changes: Mapping[str, Any]) -> None:
        self.calls.append({name: (change.removed, change.added) for name, change in changes.items()})


async def test_a_hook_sees_only_its_own_tables(db: Database) -> None:
    issues, projects, both, everything = Seen(), Seen(), Seen(), Seen()
    db.before_commit(issues, "issue")
    db.before_commit(projects, "main.project")
    db.before_commit(both, "PROJECT", "issue")
    db.before_commit(everything)
    await db.live("SELECT what FROM audit")
    await db.execute("INSERT INTO project VALUES ('Core')")
    await db.execute("INSERT INTO audit VALUES ('x')")
    assert issues.calls == []
    assert projects.calls == both.calls == [{"project": ([], [{"rowid": 1, "name": "Core"}])}]
    assert everything.calls[1:] == [{"audit": ([], [{"rowid": 1, "what": "x"}])}]


async def test_a_hook_sees_whole_rows_though_views_need_few_columns(db: Database) -> None:
    await db.live("SELECT state FROM issue")
    seen = Seen()
    db.before_commit(seen, "issue")
    await db.execute("INSERT INTO issue (title) VALUES ('Slow')")
    await db.execute("UPDATE issue SET title = 'Fast'")
    assert seen.calls[1] == {
        "issue": ([{"id": 1, "title": "Slow", "state": "open"}], [{"id": 1, "title": "Fast", "state": "open"}])
    }


async def test_an_audit_hook_writes_once_a_commit(db: Database) -> None:
    def audit(tx: Any, changes: Mapping[str, Any]) -> None:
        for row in changes["issue"].added:
            tx.execute("INSERT INTO audit VALUES (?)", row["title"])

    db.before_commit(audit, "issue")
    view = await db.live("SELECT what FROM audit")
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO issue (title) VALUES ('a'), ('b')")
        await tx.execute("DELETE FROM issue WHERE title = 'b'")
    assert [row.what for row in view.rows()] == ["a"]


async def test_a_hook_runs_again_when_another_moves_its_tables(db: Database) -> None:
    seen = Seen()

    def close(tx: Any, changes: Mapping[str, Any]) -> None:
        tx.execute("UPDATE issue SET state = 'closed'")

    db.before_commit(seen, "issue")
    db.before_commit(close, "issue")
    await db.execute("INSERT INTO issue (title) VALUES ('a')")
    assert [[row["state"] for row in call["issue"][1]] for call in seen.calls] == [["open"], ["closed"]]


async def test_a_hook_that_never_settles_is_stopped_and_nothing_is_kept(db: Database) -> None:
    db.before_commit(lambda tx, changes: tx.execute("INSERT INTO audit VALUES (1)"))
    with pytest.raises(StateError, match="name the tables"):
        await db.execute("INSERT INTO issue (title) VALUES ('a')")
    assert await db.fetch("SELECT * FROM audit") == []


async def test_a_veto_leaves_nothing_and_comes_as_it_was_raised(db: Database) -> None:
    def veto(tx: Any, changes: Mapping[str, Any]) -> None:
        tx.execute("INSERT INTO audit VALUES ('tried')")
        raise PermissionError("not you")

    db.before_commit(veto, "issue")
    view = await db.live("SELECT title FROM issue")
    with pytest.raises(PermissionError, match="not you"):
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO issue (title) VALUES ('a')")
    assert (view.rows(), await db.fetch("SELECT * FROM audit")) == ((), [])


async def test_a_veto_also_holds_for_what_was_written_before_a_schema_change(db: Database) -> None:
    def veto(tx: Any, changes: Mapping[str, Any]) -> None:
        if any(row["title"] == "spam" for row in changes["issue"].added):
            raise PermissionError("spam")

    db.before_commit(veto, "issue")

    def work(tx: Any) -> None:
        tx.execute("INSERT INTO issue (title) VALUES ('spam')")
        tx.execute("CREATE INDEX by_title ON issue (title)")

    with pytest.raises(PermissionError):
        await db.write(work)
    assert await db.fetch("SELECT * FROM issue") == []


async def test_a_hook_whose_statement_fails_may_go_on_and_one_that_ends_the_transaction_is_told(db: Database) -> None:
    await db.execute("CREATE UNIQUE INDEX one ON audit (what)")
    await db.execute("INSERT INTO audit VALUES (1)")
    verbs = iter(["", "OR ROLLBACK"])

    def swallow(tx: Any, changes: Mapping[str, Any]) -> None:
        try:
            tx.execute(f"INSERT {next(verbs)} INTO audit VALUES (1)")
        except Exception:
            return

    db.before_commit(swallow, "issue")
    await db.execute("INSERT INTO issue (title) VALUES ('a')")
    with pytest.raises(RolledBackError):
        await db.execute("INSERT INTO issue (title) VALUES ('b')")
    assert [row.title for row in await db.fetch("SELECT title FROM issue")] == ["a"]


async def test_a_hook_can_be_made_before_its_table_and_ended(db: Database) -> None:
    seen = Seen()
    end = db.before_commit(seen, "later")
    await db.execute("CREATE TABLE later (a)")
    await db.execute("INSERT INTO later VALUES (1)")
    end()
    end()
    await db.execute("INSERT INTO later VALUES (2)")
    assert seen.calls == [{"later": ([], [{"rowid": 1, "a": 1}])}]


async def test_a_hook_made_inside_a_block_begins_with_the_next(db: Database) -> None:
    seen = Seen()
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO issue (title) VALUES ('a')")
        db.before_commit(seen, "issue")
        await tx.execute("INSERT INTO issue (title) VALUES ('b')")
    await db.execute("DELETE FROM issue WHERE title = 'a'")
    assert seen.calls == [{"issue": ([{"id": 1, "title": "a", "state": "open"}], [])}]


async def test_a_hook_on_what_is_no_ordinary_table_is_refused(db: Database) -> None:
    await db.execute("CREATE VIEW v AS SELECT * FROM issue")
    with pytest.raises(QueryError, match="'v' is no ordinary table but view"):
        db.before_commit(Seen(), "v")
    await db.execute("INSERT INTO issue (title) VALUES ('a')")


async def test_what_is_no_function_is_refused_as_a_hook(db: Database) -> None:
    not_a_function: Any = "issue"
    with pytest.raises(ParameterError, match="takes a function"):
        db.before_commit(not_a_function)
    with pytest.raises(ParameterError, match="takes a function"):
        db.after_commit(not_a_function)


async def test_after_commit_hears_of_a_commit_whose_writer_was_cancelled(db: Database) -> None:
    commits: list[Commit] = []
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()
    db.after_commit(commits.append)
    db.before_commit(lambda tx, changes: loop.call_soon_threadsafe(reached.set), "issue")
    task = asyncio.create_task(db.execute("INSERT INTO issue (title) VALUES ('a')"))
    await reached.wait()  # all that is left to do is COMMIT
    task.cancel()
    await asyncio.wait([task])
    assert len(await db.fetch("SELECT * FROM issue")) == len(commits)


async def test_after_commit_comes_after_the_views_and_before_the_writer_goes_on(db: Database) -> None:
    view = await db.live("SELECT title FROM issue")
    order: list[Any] = []
    view.subscribe(lambda patches: order.append("view"))
    end = db.after_commit(lambda commit: order.append([row.title for row in view.rows()]))
    await db.execute("INSERT INTO issue (title) VALUES ('a')")
    order.append("writer")
    end()
    await db.execute("INSERT INTO issue (title) VALUES ('b')")
    assert order == ["view", "view", ["a"], "writer", "view"]


async def test_after_commit_may_start_the_next_write(db: Database) -> None:
    tasks: list[asyncio.Task[Any]] = []

    def follow(commit: Commit) -> None:
        if commit.message == "first":
            tasks.append(asyncio.ensure_future(db.execute("INSERT INTO audit VALUES ('followed')")))

    db.after_commit(follow)
    async with db.transaction("first") as tx:
        await tx.execute("INSERT INTO issue (title) VALUES ('a')")
    await asyncio.gather(*tasks)
    assert [row.what for row in await db.fetch("SELECT what FROM audit")] == ["followed"]


async def test_hooks_of_a_closed_database_are_refused() -> None:
    db = await Database.open(":memory:")
    await db.close()
    with pytest.raises(ClosedError):
        db.before_commit(Seen())
    with pytest.raises(ClosedError):
        db.after_commit(print)
