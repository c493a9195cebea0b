"""Commands: what a named write records, what guards refuse, what `expect` notices."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from eddyline import (
    Column,
    Commit,
    ConflictError,
    Database,
    MissingRowError,
    Model,
    ParameterError,
    RefusedError,
    SyncTransaction,
    Transaction,
    UseTransactionError,
    acting,
    column,
    command,
)


class Issue(Model, table="command_issue"):
    title: Column[str]
    state: Column[str] = column(default="open")


@command
async def close_issue(tx: Transaction, key: str, reason: str = "done") -> Issue:
    issue = await tx.get(Issue, key)
    assert issue is not None
    return await tx.update(issue, state=reason)


@close_issue.guard
async def only_open(tx: Transaction, key: str, reason: str = "done") -> bool | str:
    issue = await tx.get(Issue, key)
    return issue is not None and (issue.state == "open" or f"it is {issue.state}")


@command(name="issue.rename")
def rename(tx: SyncTransaction, key: str, title: str) -> Issue:
    issue = tx.get(Issue, key)
    assert issue is not None
    return tx.update(issue, title=title)


@rename.guard
def has_title(tx: SyncTransaction, key: str, title: str) -> bool:
    return bool(title)


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Issue], actor="ada") as opened:
        yield opened


@pytest.fixture
async def issue(db: Database) -> Issue:
    async with db.transaction() as tx:
        return await tx.add(Issue(title="Slow start"))


def recorded(db: Database) -> list[Commit]:
    """Return a list that gets every commit from here on."""
    commits: list[Commit] = []
    db.after_commit(commits.append)
    return commits


async def test_a_run_returns_the_result_and_its_commit_carries_name_arguments_and_actor(
    db: Database, issue: Issue
) -> None:
    commits = recorded(db)
    closed = await db.run(close_issue, issue.id)
    renamed = await db.run(rename, issue.id, title="Fast start")
    assert [closed.state, renamed.title] == ["done", "Fast start"]
    assert [(c.command, json.loads(c.args), c.actor) for c in commits] == [
        ("close_issue", {"key": issue.id, "reason": "done"}, "ada"),
        ("issue.rename", {"key": issue.id, "title": "Fast start"}, "ada"),
    ]


async def test_a_guard_refuses_with_its_reason_and_nothing_is_written(db: Database, issue: Issue) -> None:
    await db.run(close_issue, issue.id, "wontfix")
    commits = recorded(db)
    with pytest.raises(RefusedError, match=r"close_issue was refused: it is wontfix") as refused:
        await db.run(close_issue, issue.id)
    assert [refused.value.command, refused.value.reason] == ["close_issue", "it is wontfix"]
    with pytest.raises(RefusedError, match=r"issue.rename was refused: its guard said no"):
        await db.run(rename, issue.id, "")
    assert commits == []
    assert await db.fetch(Issue) == [Issue(id=issue.id, title="Slow start", state="wontfix")]


async def test_commands_within_a_command_are_parts_of_its_commit_with_their_guards(db: Database, issue: Issue) -> None:
    @command
    async def close_twice(tx: Transaction, key: str) -> None:
        await close_issue(tx, key)
        await close_issue(tx, key)

    commits = recorded(db)
    with pytest.raises(RefusedError, match="it is done"):
        await db.run(close_twice, issue.id)
    assert commits == []
    async with db.transaction("by hand") as tx:
        await close_issue(tx, issue.id)
    assert [(c.message, c.command) for c in commits] == [("by hand", "")]
    assert (await db.fetch(Issue))[0].state == "done"


async def test_run_in_ones_own_block_is_refused_with_the_way_to_do_it(db: Database, issue: Issue) -> None:
    async with db.transaction():
        with pytest.raises(UseTransactionError, match=r"db\.run inside"):
            await db.run(close_issue, issue.id)


async def test_acting_names_the_actor_of_what_is_written_in_it(db: Database, issue: Issue) -> None:
    commits = recorded(db)
    with acting("bob"):
        await db.execute("UPDATE command_issue SET title = 'a'")
        with acting(""):
            await db.execute("UPDATE command_issue SET title = 'b'")
    db.actor = "carla"
    await db.write(lambda tx: tx.execute("UPDATE command_issue SET title = 'c'"), "third")
    assert [(c.actor, c.message) for c in commits] == [("bob", ""), ("", ""), ("carla", "third")]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (dt.date(2026, 1, 2), "2026-01-02"),
        (Decimal("1.50"), "1.50"),
        (b"\x00\xff", {"base64": "AP8="}),
        ({"a": [1, (2.5, None)]}, {"a": [1, [2.5, None]]}),
        (Enum("Colour", {"RED": "red"}).RED, "red"),  # type: ignore[attr-defined]  # made by the call
    ],
)
def test_arguments_are_kept_as_json(value: Any, kept: Any) -> None:
    @command
    def note(tx: SyncTransaction, what: Any) -> None: ...

    assert json.loads(note.arguments((value,), {})) == {"what": kept}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "what is nan, which JSON can't say"),
        ([object()], r"what\[0\] is .*which a commit can't keep"),
        (Issue(title="x"), "which a commit can't keep; pass data, and of a row its key"),
        ({1: 2}, "which a commit can't keep"),
        ("\ud800", "half a surrogate pair"),
        ("x" * 1_000_001, "at most 1,000,000"),
        ([[]], None),
    ],
)
def test_arguments_that_cannot_be_kept_are_refused_by_name(value: Any, said: str | None) -> None:
    @command
    def note(tx: SyncTransaction, what: Any) -> None: ...

    if said is None:
        assert note.arguments((value,), {}) == '{"what":[[]]}'
        return
    with pytest.raises(ParameterError, match=said):
        note.arguments((value,), {})


async def test_what_is_no_command_or_does_not_fit_is_refused(db: Database) -> None:
    def plain(tx: SyncTransaction) -> None: ...

    with pytest.raises(ParameterError, match=r"db\.run takes a command, made with @command, not <function"):
        await db.run(plain)  # type: ignore[call-overload]  # on purpose
    with pytest.raises(
        ParameterError, match=r"issue\.rename\(key: .*doesn't fit: missing a required argument: 'title'"
    ):
        await db.run(rename, "x")  # type: ignore[call-overload]  # on purpose
    with pytest.raises(ParameterError, match="its first parameter is `tx`"):
        command(lambda: None)  # type: ignore[arg-type,misc]  # on purpose
    with pytest.raises(ParameterError, match="goes on a function"):
        command(5)  # type: ignore[call-overload]  # on purpose
    with pytest.raises(ParameterError, match="its guard can't be a coroutine function"):
        rename.guard(only_open)
    with pytest.raises(ParameterError, match="the message is a text, not 5"):
        db.transaction(5)  # type: ignore[arg-type]  # on purpose


async def test_a_row_that_changed_since_it_was_read_is_a_conflict(db: Database, issue: Issue) -> None:
    await db.execute("UPDATE command_issue SET state = 'done'")
    with pytest.raises(ConflictError, match="has changed since it was read, in state; read it again") as conflict:
        async with db.transaction(expect=issue) as tx:
            await tx.update(issue, title="lost")
    assert conflict.value.columns == ("state",)
    assert conflict.value.found == Issue(id=issue.id, title="Slow start", state="done")
    async with db.transaction() as tx:
        await tx.expect(issue, Issue.title)
        fresh = await tx.update(issue, title="kept")
    async with db.transaction("again", expect=[fresh]) as tx, db.transaction(expect=fresh) as part:
        await part.delete(fresh)
    assert await db.fetch(Issue) == []


async def test_a_block_that_met_a_conflict_lets_the_next_one_begin(db: Database, issue: Issue) -> None:
    await db.execute("DELETE FROM command_issue")
    for _ in range(2):
        with pytest.raises(ConflictError, match="is gone"):
            async with db.transaction(expect=issue):
                pass
    with pytest.raises(ConflictError, match="is gone"):
        await db.write(lambda tx: tx.expect(issue))
    async with db.transaction() as tx:
        with pytest.raises(ConflictError):
            async with db.transaction(expect=issue):
                pass
        with pytest.raises(MissingRowError):
            await tx.update(issue, title="x")
        await tx.add(issue)
    assert await db.fetch(Issue) == [issue]
