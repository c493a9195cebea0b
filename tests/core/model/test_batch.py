"""Many rows at once: in parts with progress, all of them or none, the loop going on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from eddyline import Column, ConstraintError, Database, Model, column


class Issue(Model):
    title: Column[str] = column(unique=True)


def rows(count: int) -> Iterator[Issue]:
    return (Issue(title=f"issue {n}", id=f"{n:05d}") for n in range(count))


async def test_rows_come_in_parts_with_progress_and_as_one_commit() -> None:
    async with Database.open(":memory:", models=[Issue]) as db:
        seen: list[tuple[int, int | None]] = []
        view = await db.live(Issue.where().count())
        commits: list[object] = []
        db.after_commit(commits.append)
        made = await db.add_all(list(rows(5_000)), progress=lambda done, total: seen.append((done, total)))
        assert seen == [(2_000, 5_000), (4_000, 5_000), (5_000, 5_000)]
        assert [*view.rows()] == [(5_000,)]
        assert (len(commits), made == await db.fetch(Issue)) == (1, True)


async def test_rows_without_a_length_are_made_part_by_part_while_the_loop_goes_on() -> None:
    async with Database.open(":memory:", models=[Issue]) as db:
        seen: list[tuple[int, int | None]] = []
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        beside = asyncio.ensure_future(turn())
        await db.add_all(rows(4_001), progress=lambda done, total: seen.append((done, total)))
        beside.cancel()
        assert seen == [(2_000, None), (4_000, None), (4_001, None)]
        assert turns > 3
        assert await db.add_all([], progress=lambda done, total: seen.append((done, total))) == []


async def test_failure_in_a_later_part_leaves_none_and_the_block_goes_on() -> None:
    async with Database.open(":memory:", models=[Issue]) as db:
        many = [*rows(3_000), Issue(title="issue 7", id="late")]
        async with db.transaction() as tx:
            await tx.add(Issue(title="first", id="first"))
            with pytest.raises(
                ConstraintError, match=r"Issue\.title is unique, and 'issue 7' is taken by issue '00007'"
            ):
                await tx.add_all(many, progress=lambda done, total: None)
        assert [one.id for one in await db.fetch(Issue)] == ["first"]


async def test_cancelled_between_parts_leaves_none() -> None:
    async with Database.open(":memory:", models=[Issue]) as db:
        task: asyncio.Task[list[Issue]] = asyncio.ensure_future(
            db.add_all(rows(6_000), progress=lambda done, total: task.cancel())
        )
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await db.fetch(Issue) == []
