"""Tables that keep little history: what a server still lacks of them stays until it has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline import Column, Database, ForgottenError, Model, column
from eddyline.core.schema.merging import History
from eddyline.sync import Server

from .world import anybody, seen, soon


async def connected(server: Server, path: Path, model: type[Model]) -> Database:
    db = await Database.open(path, models=[model])
    db.connect(server.address("shared"), token="ada")
    return db


@pytest.mark.parametrize("history", ["none", "last"])
async def test_changes_of_a_table_with_little_history_reach_everybody(tmp_path: Path, history: History) -> None:
    class Reading(Model, table=f"reading_{history}", history=history):
        value: Column[int] = column(default=0)

    async with Server(tmp_path / "hub", models=[Reading], authorize=anybody) as server:
        ada = await connected(server, tmp_path / "ada.db", Reading)
        ben = await connected(server, tmp_path / "ben.db", Reading)
        for value in range(5):
            await ada.execute(f"INSERT OR REPLACE INTO {Reading.__table__.name} VALUES ('R', ?)", value)
        await soon(ada.saved("server"))
        view = await ben.live(Reading)
        await seen(lambda: [row.value for row in view.rows()], [4])
        assert await ben.check() == await ada.check() == []
        assert (await ada.compact(keep=10)).commits == 4  # the server has them: all that no cell is left of go
        await ben.close()
        await ada.close()


async def test_what_a_server_lacks_is_not_compacted_and_what_it_has_is(tmp_path: Path) -> None:
    class Reading(Model, table="reading_unsent", history="last"):
        value: Column[int] = column(default=0)

    async with Server(tmp_path / "hub", models=[Reading], authorize=anybody) as server:
        ada = await Database.open(tmp_path / "ada.db", models=[Reading])
        link = ada.connect(server.address("shared"), token="ada")
        await ada.execute("INSERT INTO reading_unsent VALUES ('R', 0)")
        await soon(ada.saved("server"))
        link.offline = True
        await seen(lambda: link.state(), "offline")
        for value in range(1, 5):
            await ada.execute("UPDATE reading_unsent SET value = ?", value)
        assert (await ada.compact(keep=1)).commits == 1
        assert (await ada.compact(keep=1)).commits == 0
        link.offline = False
        await soon(ada.saved("server"))
        hub = await server.workspace("shared")
        assert [row.value for row in await hub.fetch(Reading)] == [4]
        assert (await ada.compact(keep=1)).commits == 3
        await ada.close()


async def test_what_was_never_kept_cannot_be_handed_on_and_says_so(tmp_path: Path) -> None:
    class Reading(Model, table="reading_gone", history="none"):
        value: Column[int] = column(default=0)

    async with (
        Database.open(tmp_path / "a.db", models=[Reading]) as a,
        Database.open(tmp_path / "b.db", models=[Reading]) as b,
    ):
        await a.execute("INSERT INTO reading_gone VALUES ('R', 0)")
        with pytest.raises(ForgottenError, match="history='none' and older than the first connection") as caught:
            await b.pull(a)
        assert [(caught.value.lane, caught.value.seq)] == list(await a.head())
