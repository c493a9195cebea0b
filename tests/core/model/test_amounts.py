"""Counters and sets are added to and taken from, by SQLite and under validators as any other write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from eddyline import Column, ConstraintError, Database, MissingRowError, Model, ParameterError, column


class Issue(Model):
    title: Column[str]
    votes: Column[int] = column(default=0, merge="counter", check="votes >= 0")
    hours: Column[float] = column(default=0.0, merge="counter")
    labels: Column[frozenset[str]] = column(default=frozenset(), merge="set")


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Issue]) as database:
        yield database


async def test_counter_is_counted_by_sqlite_from_what_is_there(db: Database) -> None:
    async with db.transaction() as tx:
        issue = await tx.add(Issue(title="x"))
        await tx.execute("UPDATE issue SET votes = 10")
        assert (await tx.add_to(issue, Issue.votes, 1, 2)).votes == 13
        assert (await tx.take_from(issue, Issue.votes, 5)).votes == 8
        assert (await tx.add_to(issue, Issue.hours, 1.5)).hours == 1.5


async def test_set_takes_elements_and_a_view_follows(db: Database) -> None:
    issue = await db.write(lambda tx: tx.add(Issue(title="x")))
    view = await db.live(Issue.select(Issue.labels))
    async with db.transaction() as tx:
        await tx.add_to(issue, Issue.labels, "ui", "bug")
        now = await tx.add_to(issue, Issue.labels, "bug")
        assert now.labels == {"bug", "ui"}
        assert (await tx.take_from(issue, Issue.labels, "ui", "nothing")).labels == {"bug"}
    assert [*view.rows()] == [(frozenset({"bug"}),)]


@pytest.mark.parametrize(
    ("column_", "amount", "kind", "message"),
    [
        (Issue.title, "y", ParameterError, r"Issue\.title is neither a counter nor a set: declare it column\(merge="),
        (Issue.votes, "y", ParameterError, r"Issue\.votes takes int, not 'y'"),
        (Issue.votes, -1, ConstraintError, r"Issue\.votes of issue 'i' fails the check 'votes >= 0'"),
        (Issue.labels, ("a",), ParameterError, r"Issue\.labels holds \('a',\): the elements of a set are str"),
        ("votes", 1, ParameterError, r"'votes' is no column of Issue; write Issue\.column"),
    ],
)
async def test_what_can_not_be_added_is_refused(
    db: Database, column_: Any, amount: Any, kind: type[Exception], message: str
) -> None:
    issue = await db.write(lambda tx: tx.add(Issue(title="x", id="i")))
    with pytest.raises(kind, match=message):
        await db.write(lambda tx: tx.add_to(issue, column_, amount))
    assert await db.get(Issue, "i") == issue


async def test_row_that_is_gone_is_told(db: Database) -> None:
    for one in (Issue.votes, Issue.labels):
        with pytest.raises(MissingRowError, match="no row of issue has the key 'gone'"):
            await db.write(lambda tx, one=one: tx.add_to(Issue(title="x", id="gone"), one, 1))  # type: ignore[misc]  # the loop's own
