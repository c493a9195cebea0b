"""`after`, `before`, `reverse`: keyset pages neither repeat a row nor skip one, whatever is written between them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from eddyline import Column, Database, Model, ParameterError, Query, QueryError, Ref, column, count, ref


class Team(Model, table="team"):
    name: Column[str]


class Player(Model, table="player"):
    name: Column[str]
    rank: Column[int | None] = column(default=None)
    rating: Column[float] = column(default=0.0)
    team: Ref[Team | None] = ref(default=None)


P = Player
ORDERS: list[Query[Any]] = [
    P.where(),
    P.order_by(P.rank),
    P.order_by(P.rank.desc(), P.name),
    P.order_by(P.rank.asc().nulls_last(), P.rating.desc()),
    P.order_by(P.rank.desc().nulls_first()),
    P.order_by(P.name.collate("NOCASE").desc(), P.rank),
    P.order_by(P.id.desc()),
    P.select(P.name, P.rank, P.id).order_by(P.rank, P.name),
    P.where(P.team.to.name == "red").select(P.id, P.team.to.name).order_by(P.team.to.name.desc()),
]


async def filled(db: Database, rng: random.Random, n: int = 60) -> None:
    async with db.transaction() as tx:
        teams = await tx.add_all([Team(name=name) for name in ("red", "blue")])
        await tx.add_all(
            P(
                name=rng.choice("abAB"),
                rank=rng.choice([None, 1, 2, 3]),
                rating=rng.choice([0.0, 1.5]),
                team=rng.choice([*teams, None]),
            )
            for _ in range(n)
        )


async def paged(db: Database, query: Query[Any], size: int) -> list[Any]:
    found: list[Any] = []
    row = None
    while page := await db.fetch(query.after(row).limit(size)):
        found += page
        row = page[-1]
    return found


@pytest.mark.parametrize("at", range(len(ORDERS)))
async def test_pages_make_up_the_whole_list_each_row_once(at: int) -> None:
    async with Database.open(":memory:", models=[P, Team]) as db:
        await filled(db, random.Random(at))
        query = ORDERS[at]
        whole = [tuple(row) for row in (await db.live(query)).rows()]
        assert [tuple(row) for row in await paged(db, query, 7)] == whole
        assert [tuple(row) for row in await paged(db, query.reverse(), 7)] == whole[::-1]
        for row in await db.fetch(query.after(None)):
            here = whole.index(tuple(row))
            assert [tuple(one) for one in await db.fetch(query.before(row))] == whole[:here]


async def test_a_row_that_has_gone_or_changed_still_says_where_the_next_page_begins() -> None:
    async with Database.open(":memory:", models=[P, Team]) as db:
        async with db.transaction() as tx:
            rows = await tx.add_all([P(name="x", rank=n) for n in (1, 2, 2, 3, 4)])
        query = P.order_by(P.rank)
        page = await db.fetch(query.after(None).limit(2))
        async with db.transaction() as tx:
            await tx.delete(page[-1])
            await tx.update(rows[0], rank=9)
        assert [row.rank for row in await db.fetch(query.after(page[-1]).limit(2))] == [2, 3]


async def test_a_live_page_is_kept_by_deltas_and_reads_a_range_of_an_index() -> None:
    async with Database.open(":memory:", models=[P, Team]) as db:
        await filled(db, random.Random(1))
        row = (await db.fetch(P.order_by(P.rating).after(None).limit(10)))[-1]
        view = await db.live(P.order_by(P.rating).after(row).limit(10))
        data = view.explain().data
        assert data["rule"] == "delta"
        assert [line for line in data["plan"] if "rating>?" in line and "USING INDEX _eddy_ix_" in line], data["plan"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (P.where().group_by(P.name), "have the key of Player"),
        (P.where().distinct(), "have the key of Player"),
        (P.join(Team, on=P.team == Team.id), "have the key of Player"),
        (P.order_by(P.team.to.name), "isn't a column of Player"),
        (P.order_by(-P.rating), "isn't a column of Player"),
        (P.where().select(P.name).order_by(P.rank), "isn't selected"),
        (P.select(count()), "isn't selected"),
    ],
)
def test_a_query_whose_rows_have_no_place_of_their_own_is_refused(query: Query[Any], said: str) -> None:
    row = P(name="x") if query.outputs is None else ("x",)
    with pytest.raises(QueryError, match=said):
        query.after(row)


def test_what_is_no_row_of_the_query_is_refused() -> None:
    with pytest.raises(ParameterError, match="takes a row of Player"):
        P.order_by(P.rank).after(Team(name="red"))  # type: ignore[arg-type]  # the claim
    with pytest.raises(ParameterError, match="2 values"):
        P.select(P.id, P.rank).before((1,))  # type: ignore[arg-type]  # the claim
