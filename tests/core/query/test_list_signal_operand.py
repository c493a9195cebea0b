"""A signal of a list beside `in_`: the view follows it, and shows what the list written out would show."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import AsyncIterator, Callable, Collection
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import pytest

from eddyline import (
    Column,
    Database,
    Expr,
    Model,
    ParameterError,
    Query,
    Ref,
    Signal,
    call,
    column,
    computed,
    ref,
    signal,
)
from eddyline.signals import ListSignal


class Kind(Enum):
    BUG = "bug"
    WISH = "wish"


class Project(Model):
    name: Column[str]


class Issue(Model):
    title: Column[str]
    n: Column[int] = column(default=0)
    state: Column[Literal["open", "done"]] = column(default="open")
    hours: Column[float | None] = column(default=None)
    flag: Column[bool] = column(default=False)
    due: Column[dt.date | None] = column(default=None)
    made: Column[dt.datetime | None] = column(default=None)
    price: Column[Decimal | None] = column(default=None, scale=2)
    kind: Column[Kind] = column(default=Kind.BUG)
    data: Column[bytes | None] = column(default=None)
    tags: Column[list[str]] = column(default_factory=list)
    project: Ref[Project | None] = ref(default=None)


DAY = dt.date(2026, 1, 2)
TIME = dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC)


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    async with Database.open(":memory:", models=[Project, Issue]) as database:
        yield database


def titles(rows: Collection[Any]) -> list[str]:
    return [row.title for row in rows]


def test_list_in_a_signal_is_one_parameter() -> None:
    query = Issue.select(Issue.title).where(Issue.n.in_(signal([3, 1, 3])))
    assert query.sql == (
        "SELECT issue.title\nFROM main.issue AS issue\nWHERE issue.n IN (SELECT value FROM json_each(:p1))"
    )
    assert query.compiled.values["p1"].peek() == "[1,3]"


async def test_view_follows_a_signal_of_a_list_and_the_rows(db: Database) -> None:
    wanted: Signal[list[int]] = signal([1, 2])
    view = await db.live(Issue.where(Issue.n.in_(wanted)).order_by(Issue.title))
    rest = await db.live(Issue.where(Issue.n.not_in(wanted)).order_by(Issue.title))
    a, _, _ = await db.write(lambda tx: tx.add_all([Issue(title=t, n=n) for t, n in (("a", 1), ("b", 2), ("c", 3))]))
    assert (titles(view.rows()), titles(rest.rows())) == (["a", "b"], ["c"])
    wanted.set([3])
    await db.settled()
    assert (titles(view.rows()), titles(rest.rows())) == (["c"], ["a", "b"])
    await db.write(lambda tx: tx.update(a, n=3))
    assert (titles(view.rows()), titles(rest.rows())) == (["a", "c"], ["b"])
    wanted.set([])
    await db.settled()
    assert (titles(view.rows()), titles(rest.rows())) == ([], ["a", "b", "c"])
    assert {view.explain().data["rule"], rest.explain().data["rule"]} == {"delta"}


async def test_computed_and_list_signal_are_followed(db: Database) -> None:
    await db.write(lambda tx: tx.add_all([Issue(title=t, n=n) for n, t in enumerate("abc")]))
    least, chosen = signal(1), ListSignal([0])
    above = await db.live(Issue.where(Issue.n.in_(computed(lambda: range(least(), 3)))).order_by(Issue.n))
    picked = await db.live(Issue.where(Issue.n.in_(chosen)).order_by(Issue.n))
    assert (titles(above.rows()), titles(picked.rows())) == (["b", "c"], ["a"])
    least.set(2)
    chosen.append(2)
    await db.settled()
    assert (titles(above.rows()), titles(picked.rows())) == (["c"], ["a", "c"])


async def test_equal_sets_share_one_query(db: Database) -> None:
    one = await db.live(Issue.where(Issue.n.in_(signal((2, 1, 2)))))
    same = await db.live(Issue.where(Issue.n.in_(signal({1, 2}))))
    assert one._shared is same._shared


core = Project(name="Core", id="p1")
VALUES: list[tuple[str, list[Any], list[Any]]] = [
    ("title", ["b", "é\"'\\\n"], ["b", "é\"'\\\n", "x"]),
    ("n", [2**63 - 1, -(2**63)], [2**63 - 1, -(2**63), 5]),
    ("state", ["done"], ["done"]),
    ("hours", [0.1, 1e300, float("inf"), float("-inf"), 2.0], [0.1, 1e300, float("inf"), float("-inf"), 2]),
    ("flag", [True], [True]),
    ("due", [DAY], [DAY]),
    ("made", [TIME], [TIME]),
    ("price", [Decimal("-1.50"), Decimal(3)], [Decimal("-1.5"), Decimal(3)]),
    ("kind", [Kind.WISH], [Kind.WISH]),
    ("data", [b"", b"\0\xff"], [b"", b"\0\xff"]),
    ("tags", [["a", "b"]], [["a", "b"]]),
    ("project", [core], [core]),
    ("project", [core], ["p1"]),
]


@pytest.mark.parametrize(("name", "held", "asked"), VALUES, ids=[f"{at}-{one[0]}" for at, one in enumerate(VALUES)])
@pytest.mark.parametrize("with_none", [False, True])
async def test_values_of_each_kind_are_found_as_in_a_list_written_out(
    db: Database, name: str, held: list[Any], asked: list[Any], with_none: bool
) -> None:
    await db.write(lambda tx: tx.add(core))
    await db.write(lambda tx: tx.add_all([Issue(title=f"t{at}", **{name: v}) if name != "title" else Issue(title=v)
                                          for at, v in enumerate(held)]))  # fmt: skip
    await db.write(lambda tx: tx.add_all([Issue(title="y", n=7), Issue(title="z", n=8)]))
    col: Column[Any] = getattr(Issue, name)
    values = [*asked, None] if with_none and name in ("hours", "due", "price", "data", "project") else asked
    for among in (values, []):
        for query, written in (
            (Issue.where(col.in_(signal(among))), Issue.where(col.in_(among))),
            (Issue.where(col.not_in(signal(among))), Issue.where(col.not_in(among))),
        ):
            assert await db.fetch(query.order_by(Issue.id)) == await db.fetch(written.order_by(Issue.id))
    assert len(await db.fetch(Issue.where(col.in_(signal(asked))))) == len(held)


async def test_expression_of_no_known_kind_takes_plain_values_and_refuses_bytes(db: Database) -> None:
    await db.write(lambda tx: tx.add_all([Issue(title="A"), Issue(title="B")]))
    lower = call("lower", Issue.title)
    assert titles(await db.fetch(Issue.where(lower.in_(signal(["a"]))))) == ["A"]
    with pytest.raises(ParameterError, match="a list in a signal is JSON, which has no bytes"):
        await db.fetch(Issue.where(lower.in_(signal([b"a"]))))


async def test_value_that_the_column_refuses_fails_the_view_until_the_signal_is_right(db: Database) -> None:
    await db.write(lambda tx: tx.add(Issue(title="a", n=1)))
    wanted: Signal[Any] = signal([1])
    view = await db.live(Issue.where(Issue.n.in_(wanted)))
    wanted.set(["x"])
    await db.settled()
    assert (view.status, str(view.error)) == ("failed", "Issue.n takes int, not 'x' (str)")
    wanted.set(3)
    await db.settled()
    assert str(view.error) == "Issue.n.in_(signal) takes a list in the signal, not 3"
    wanted.set([1])
    await db.settled()
    assert (view.status, titles(view.rows())) == ("live", ["a"])


REFUSED: list[tuple[Query[Any], str]] = [
    (Issue.where(Issue.title.in_(signal("ab"))), r"Issue.title.in_\(signal\) takes a list in the signal, not 'ab'"),
    (Issue.where(Issue.title.in_(signal(["a\0b"]))), "cuts a text off at its NUL character"),
]


@pytest.mark.parametrize(("query", "message"), REFUSED)
async def test_what_is_no_list_or_no_json_is_refused(db: Database, query: Query[Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        await db.live(query)


async def test_groups_of_rows_by_a_signal_of_a_list_are_kept(db: Database) -> None:
    wanted = signal([1])
    hot = Issue.n.in_(wanted).as_("hot")
    view = await db.live(Issue.select(hot, Issue.n.sum().as_("sum")).group_by(hot).order_by(hot))
    a, _ = await db.write(lambda tx: tx.add_all([Issue(title="a", n=1), Issue(title="b", n=2)]))
    assert [tuple(row) for row in view.rows()] == [(False, 2), (True, 1)]
    await db.write(lambda tx: tx.update(a, n=5))
    assert [tuple(row) for row in view.rows()] == [(False, 7)]
    wanted.set([2, 5])
    await db.settled()
    assert [tuple(row) for row in view.rows()] == [(True, 7)]


@pytest.mark.parametrize("seed", range(4))
async def test_view_shows_what_the_list_written_out_gives_whatever_is_written_and_set(db: Database, seed: int) -> None:
    rng = random.Random(seed)
    days = [None, *(DAY + dt.timedelta(days=n) for n in range(3))]
    held: Signal[list[dt.date | None]] = signal([])
    conditions: dict[str, Callable[[Any], Expr[bool]]] = {
        "in": lambda among: Issue.due.in_(among),
        "not in": lambda among: Issue.due.not_in(among),
        "or": lambda among: (Issue.n > 1) | Issue.due.in_(among),
        "not and": lambda among: ~((Issue.n < 2) & Issue.due.in_(among)),
        "inside": lambda among: Issue.project.in_(Issue.select(Issue.project).where(Issue.due.in_(among))),
    }
    await db.write(lambda tx: tx.add_all([core, Project(name="Web", id="p2")]))
    views = {name: await db.live(Issue.where(made(held)).order_by(Issue.id)) for name, made in conditions.items()}
    for _ in range(25):
        if rng.random() < 0.3:
            held.set(rng.choices(days, k=rng.randrange(4)))
        else:
            async with db.transaction() as tx:
                there = await tx.fetch(Issue)
                due, project = rng.choice(days), rng.choice([None, "p1", "p2"])
                if there and rng.random() < 0.5:
                    await tx.update(rng.choice(there), due=due, project=project)
                elif there and rng.random() < 0.3:
                    await tx.delete(rng.choice(there))
                else:
                    await tx.add(Issue(title="x", n=rng.randrange(4), due=due, project=project))
        await db.settled()
        for name, made in conditions.items():
            expected = await db.fetch(Issue.where(made(held.peek())).order_by(Issue.id))
            assert list(views[name].rows()) == expected, (seed, name, held.peek())
