"""Functions of users in SQL: on every connection, in queries that are kept incrementally, with errors that say why."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from eddyline import Column, Database, Model, ParameterError, QueryError, StatementError, call


class Issue(Model):
    title: Column[str]


def slug(text: str) -> str:
    return "-".join(text.lower().split())


@pytest.mark.parametrize("name", [":memory:", "x.db"])
async def test_function_is_called_by_the_writer_and_by_every_reader(name: str, tmp_path: Path) -> None:
    path = name if name == ":memory:" else str(tmp_path / name)
    async with Database.open(path, models=[Issue]) as db:
        assert await db.fetch(Issue) == []  # a reader is open already
        await db.register("slug", slug)
        await db.write(lambda tx: tx.add(Issue(title="Slow Start")))
        assert await db.fetch(Issue.select(call("slug", Issue.title).as_("s"))) == [("slow-start",)]
        assert await db.fetch("SELECT slug('A b')") == [("a-b",)]
        await db.execute("UPDATE issue SET title = slug(title)")
        assert (await db.fetch(Issue))[0].title == "slow-start"


@pytest.mark.parametrize(("deterministic", "rule"), [(True, "delta"), (False, "re-run")])
async def test_live_query_with_a_deterministic_one_is_kept_incrementally(deterministic: bool, rule: str) -> None:
    async with Database.open(":memory:", models=[Issue]) as db:
        await db.register("slug", slug, deterministic=deterministic)
        view = await db.live(Issue.where(call("slug", Issue.title) == "a-b").select(Issue.title))
        groups = await db.live("SELECT slug(title) AS s, count(*) AS n FROM issue GROUP BY s")
        for title in ("A b", "a B", "c"):
            await db.write(lambda tx, title=title: tx.add(Issue(title=title)))  # type: ignore[misc]  # the loop's own
        await db.settled()
        assert sorted(view.rows()) == [("A b",), ("a B",)]
        assert sorted(groups.rows()) == [("a-b", 2), ("c", 1)]
        assert view.explain().data["rule"] == rule


async def test_result_becomes_what_sqlite_holds_and_any_number_of_arguments_may_come() -> None:
    async with Database.open(":memory:") as db:
        await db.register("is_long", lambda text, least=3: len(text) >= least)
        await db.register("total", lambda *numbers: sum(numbers))
        await db.register("day", lambda: dt.date(2026, 1, 2))
        await db.register("both", lambda a, b: [a, b])
        sql = "SELECT is_long('abc'), is_long('abc', 4), total(1, 2, 3), day(), both(1, 'x')"
        assert await db.fetch(sql) == [(1, 0, 6, "2026-01-02", '[1,"x"]')]
        with pytest.raises(QueryError, match="wrong number of arguments to function both"):
            await db.fetch("SELECT both(1)")


async def test_error_in_it_is_one_of_the_statement() -> None:
    async with Database.open(":memory:") as db:
        await db.register("bad", lambda: 1 / 0)
        with pytest.raises(StatementError, match="user-defined function raised exception"):
            await db.fetch("SELECT bad()")
        await db.register("bad", lambda: 7)  # a later one takes its place
        assert await db.fetch("SELECT bad()") == [(7,)]


async def test_function_that_is_not_there_says_how_it_comes_there() -> None:
    async with Database.open(":memory:") as db:
        for ask in (db.fetch, db.live):
            with pytest.raises(QueryError, match=r'no such function: slug; register it: await db\.register\("slug"'):
                await ask("SELECT slug('x')")


async def coroutine() -> int:
    return 1


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("two words", slug, "a function in SQL has a name of letters, digits and _, not 'two words'"),
        ("_eddy_x", slug, "names that begin with _eddy_ are taken"),
        ("slug", "slug", "register takes a function that SQLite can call, synchronous, not 'slug'"),
        ("slug", coroutine, "register takes a function that SQLite can call, synchronous"),
    ],
)
async def test_what_sqlite_can_not_call_is_refused(name: str, function: Any, message: str) -> None:
    async with Database.open(":memory:") as db:
        with pytest.raises(ParameterError, match=message):
            await db.register(name, function)
