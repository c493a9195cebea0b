"""Our own tables are refused to statements of others, and stay readable."""

from __future__ import annotations

from typing import Any

import pytest

from eddyline import Column, Database, Model, ReadOnlyError


class Note(Model):
    title: Column[str]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM _eddy_commits",
        "delete from main.[_EDDY_commits]",
        "UPDATE _eddy_meta SET value = 'x'",
        "INSERT OR REPLACE INTO _eddy_meta VALUES ('version', 99)",
        "WITH x AS (SELECT 1) UPDATE _eddy_runs SET seq = 0",
        "DROP TABLE _eddy_meta",
        "ALTER TABLE _eddy_meta RENAME TO mine",
        "CREATE TABLE _eddy_mine (a)",
        "CREATE TRIGGER t AFTER INSERT ON _eddy_commits BEGIN SELECT 1; END",
    ],
)
async def test_statement_that_writes_to_a_table_of_ours_is_refused_and_leaves_nothing(sql: str) -> None:
    async with Database.open(":memory:", models=[Note]) as db:
        with pytest.raises(ReadOnlyError, match="is Eddyline's own"):
            await db.execute(sql)
        async with db.transaction() as tx:
            await tx.add(Note(title="a"))
            with pytest.raises(ReadOnlyError, match="is Eddyline's own"):
                await tx.execute(sql)
        assert [note.title for note in await db.fetch(Note)] == ["a"]
        assert await db.check() == []


async def test_what_only_speaks_of_our_tables_runs() -> None:
    async with Database.open(":memory:", models=[Note]) as db:
        await db.execute("INSERT INTO note (id, title) VALUES ('n', 'about _eddy_meta')")
        await db.execute("CREATE TABLE copied (seq)")
        await db.execute("INSERT INTO copied SELECT id FROM _eddy_commits")
        await db.executemany("UPDATE note SET title = ? /* _eddy_ */", [("b",), ("c",)])
        with pytest.raises(ReadOnlyError, match="_eddy_meta is Eddyline's own"):
            await db.executemany("INSERT INTO _eddy_meta VALUES (?, 1)", [("a",)])
        found: Any = await db.fetch("SELECT (SELECT title FROM note) AS title, count(*) AS commits FROM copied")
        assert (found[0].title, found[0].commits > 0) == ("c", True)
