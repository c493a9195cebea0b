"""Compaction: old ops go, stamps stay, and what comes from those who had seen them still merges."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline import BehindSealError, Column, Database, ForgottenError, Model, ParameterError, column


class Note(Model):
    text: Column[str]
    size: Column[int] = column(default=0)


async def texts(db: Database) -> list[tuple[str, str, int]]:
    return [tuple(row) for row in await db.fetch("SELECT id, text, size FROM note ORDER BY id")]


async def test_old_ops_go_and_who_wrote_a_cell_stays_known(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=[Note], log=True) as db:
        async with db.transaction("made") as tx:
            note = await tx.add(Note(text="a"))
        for size in (1, 2, 3):
            async with db.transaction(f"size {size}") as tx:
                note = await tx.update(note, size=size)
        done = await db.compact(keep=2)
        assert done.commits == 2
        assert done.size_bytes > 50
        assert [(e.message, e.changes) for e in await db.fetch(db.log())] == [
            ("size 3", 1), ("size 2", 1), ("size 1", 1), ("made", 1)
        ]  # fmt: skip
        blamed = [await db.blame(note, one) for one in (Note.text, Note.size)]
        assert [entry and entry.message for entry in blamed] == ["made", "size 3"]
        assert [change.cells for change in await db.history(note)] == ['{"size":3}', '{"size":2}']
        assert await db.check() == []
        assert (await db.compact(keep=2)).commits == 0


async def test_what_comes_from_those_who_had_seen_it_still_merges(tmp_path: Path) -> None:
    async with (
        Database.open(tmp_path / "a.db", models=[Note], log=True) as a,
        Database.open(tmp_path / "b.db", models=[Note], log=True) as b,
    ):
        await a.execute("INSERT INTO note VALUES ('N', 'x', 0), ('M', 'x', 0)")
        await a.execute("DELETE FROM note WHERE id = 'M'")
        await b.pull(a)
        await a.execute("UPDATE note SET text = 'a'")
        assert (await a.compact(keep=1)).commits == 2
        await b.execute("UPDATE note SET size = 7")
        await b.execute("INSERT INTO note VALUES ('M', 'again', 1)")
        assert await a.pull(b) == 2
        assert await b.pull(a) == 1
        assert await texts(a) == await texts(b) == [("M", "again", 1), ("N", "a", 7)]


async def test_who_had_not_seen_what_is_forgotten_is_told_so(tmp_path: Path) -> None:
    async with (
        Database.open(tmp_path / "a.db", models=[Note], log=True) as a,
        Database.open(tmp_path / "b.db", models=[Note], log=True) as b,
    ):
        await a.execute("INSERT INTO note VALUES ('N', 'x', 0)")
        await b.pull(a)
        await b.execute("UPDATE note SET text = 'late'")
        for size in (1, 2):
            await a.execute("UPDATE note SET size = ?", size)
        await a.compact(keep=1)
        with pytest.raises(BehindSealError, match="hadn't seen what was compacted here"):
            await a.pull(b)
        with pytest.raises(ForgottenError, match="the log no longer has all that commit") as caught:
            await b.pull(a)
        assert caught.value.seq == 2
        assert await texts(a) == [("N", "x", 2)]


async def test_what_a_conflict_speaks_of_stays_until_it_is_settled(tmp_path: Path) -> None:
    async with (
        Database.open(tmp_path / "a.db", models=[Note], log=True) as a,
        Database.open(tmp_path / "b.db", models=[Note], log=True) as b,
    ):
        await a.execute("INSERT INTO note VALUES ('N', 'x', 0)")
        await b.pull(a)
        await a.execute("DELETE FROM note")
        await b.execute("UPDATE note SET text = 'edited'")
        await a.pull(b)
        await a.execute("INSERT INTO note VALUES ('O', 'o', 0)")
        await a.execute("UPDATE note SET size = 1 WHERE id = 'O'")
        assert (await a.compact(keep=1)).commits == 1
        await a.restore("note", "N")
        assert [row[0] for row in await texts(a)] == ["N", "O"]
        assert (await a.compact(keep=1)).commits == 4


async def test_of_a_table_with_last_history_what_no_cell_is_left_of_goes_at_once(tmp_path: Path) -> None:
    class Slider(Model, history="last"):
        value: Column[int]
        name: Column[str] = column(default="")

    async with Database.open(tmp_path / "a.db", models=[Note, Slider], log=True) as db:
        await db.execute("INSERT INTO note VALUES ('N', 'x', 0)")
        await db.execute("INSERT INTO slider (id, value) VALUES ('S', 0)")
        for value in (1, 2, 3):
            await db.execute("UPDATE slider SET value = ?", value)
        assert (await db.compact(keep=100)).commits == 2
        assert [change.kind for change in await db.history(("slider", "S"))] == ["update", "insert"]
        kept = await db.fetch("SELECT commit_id, table_id FROM eddy_changes ORDER BY commit_id")
        assert [tuple(row) for row in kept] == [(1, "note"), (2, "slider"), (5, "slider")]
        await db.execute("UPDATE slider SET value = 4")
        assert await db.check() == []


async def test_keep_is_a_number_of_commits(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", models=[Note], log=True) as db:
        with pytest.raises(ParameterError, match="keep is a number of commits, 1 or more, not 0"):
            await db.compact(keep=0)
