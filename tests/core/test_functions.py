"""Functions of users in SQL: on every connection, in queries that are kept incrementally, with errors that say why."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
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


class Median:
    """The value in the middle."""

    def __init__(self) -> None:
        self.values: list[int] = []

    def step(self, value: int) -> None:
        self.values.append(value)

    def inverse(self, value: int) -> None:
        self.values.remove(value)

    def value(self) -> int | None:
        return sorted(self.values)[len(self.values) // 2] if self.values else None

    finalize = value


class Words:
    """Not for windows, any number of arguments, a result that SQLite has no type for."""

    def __init__(self) -> None:
        self.words: set[str] = set()

    def step(self, *words: str) -> None:
        self.words.update(words)

    def finalize(self) -> list[str]:
        return sorted(self.words)


class Point(Model):
    kind: Column[str]
    size: Column[int]


@pytest.fixture(params=[":memory:", "x.db"])
async def points(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    name = request.param
    async with Database.open(name if name == ":memory:" else tmp_path / name, models=[Point]) as db:
        sizes = {"a": [1, 5, 9], "b": [2, 2, 7]}
        await db.write(lambda tx: tx.add_all(Point(kind=kind, size=n) for kind in sizes for n in sizes[kind]))
        yield db


async def test_groups_by_an_aggregate_of_ones_own_are_read_anew_where_a_change_touches_them(points: Database) -> None:
    await points.register_aggregate("median", Median, deterministic=True)
    view = await points.live("SELECT kind, median(size) AS m FROM point GROUP BY kind HAVING median(size) > 0")
    every = await points.live(Point.select(call("median", Point.size, aggregate=True).as_("m")))
    assert view.rows() == (("a", 5), ("b", 2))
    assert view.explain().data["reason"] == "touched groups are read anew: median has no accumulator"
    await points.execute("UPDATE point SET size = 8 WHERE size = 2")
    await points.execute("INSERT INTO point (id, kind, size) VALUES ('z', 'c', 4)")
    assert view.rows() == (("a", 5), ("b", 8), ("c", 4))
    assert every.rows() == ((7,),)
    assert await points.fetch("SELECT median(size) FILTER (WHERE size > 5) FROM point") == [(8,)]


async def test_over_a_window_and_in_a_subquery_it_is_an_aggregate_too(points: Database) -> None:
    await points.register_aggregate("median", Median, deterministic=True)
    window = "SELECT size, median(size) OVER (PARTITION BY kind ORDER BY size ROWS 1 PRECEDING) AS m FROM point"
    running = await points.live(f"{window} ORDER BY size, kind")
    groups = "SELECT kind FROM point GROUP BY kind HAVING median(size) > 4"
    counted = await points.live(f"SELECT count(*) AS n FROM ({groups})")
    assert [running.explain().data["rule"], counted.explain().data["rule"]] == ["key", "key"]
    await points.execute("UPDATE point SET size = 9 WHERE kind = 'b' AND size = 7")
    await points.execute("DELETE FROM point WHERE size = 5")
    assert running.rows() == ((1, 1), (2, 2), (2, 2), (9, 9), (9, 9))
    assert counted.rows() == ((1,),)


async def test_results_of_an_aggregate_become_what_sqlite_holds(points: Database) -> None:
    await points.register_aggregate("words", Words)
    assert await points.fetch("SELECT words(kind, 'x') FROM point") == [('["a","b","x"]',)]
    with pytest.raises(StatementError, match="may not be used as a window function"):
        await points.fetch("SELECT words(kind) OVER () FROM point")


async def test_one_that_may_give_another_result_for_the_same_rows_is_run_again(points: Database) -> None:
    await points.register_aggregate("median", Median)
    view = await points.live("SELECT median(size) AS m FROM point")
    assert view.explain().data["reason"] == "a function isn't deterministic"
    await points.execute("DELETE FROM point WHERE kind = 'a'")
    await points.settled()
    assert view.rows() == ((2,),)
    await points.register_aggregate("median", Median, deterministic=True)
    again = await points.live("SELECT median(size) AS n FROM point")
    assert again.explain().data["rule"] == "key"
    await points.register_aggregate("median", Median, deterministic=False)
    last = await points.live("SELECT median(size) AS o FROM point")
    assert last.explain().data["rule"] == "re-run"


async def test_an_aggregate_that_raises_fails_the_view_and_not_the_write(points: Database) -> None:
    await points.register_aggregate("median", Median, deterministic=True)
    view = await points.live("SELECT median(size + 0) AS m FROM point WHERE kind <> 'n'")
    await points.execute("UPDATE point SET size = 1 WHERE size = 5")
    await points.register_aggregate("broken", Broken, deterministic=True)
    broken = await points.live("SELECT broken(size) AS m FROM point WHERE size > 100")
    assert broken.rows() == ((None,),)
    await points.execute("INSERT INTO point (id, kind, size) VALUES ('z', 'c', 400)")
    assert (broken.status, view.rows()) == ("failed", ((2,),))


class Broken:
    def step(self, value: int) -> None:
        raise ValueError(value)

    def finalize(self) -> int:
        return 0


@pytest.mark.parametrize("given", [len, 3, Point, Issue.title])
async def test_what_is_no_aggregate_is_refused(points: Database, given: Any) -> None:
    if given is len:
        with pytest.raises(ParameterError, match="has a name of letters"):
            await points.register_aggregate("no name", Median)
        return
    with pytest.raises(ParameterError, match="takes a class with step"):
        await points.register_aggregate("x", given)
