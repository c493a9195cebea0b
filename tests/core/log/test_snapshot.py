"""Snapshots: who installs one holds what its maker held, goes on from there, and loses nothing of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, LogError, SnapshotError
from eddyline.core.log.digests import differing

from .databases import Open, databases
from .notes import Folder, Note, dump


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Open a database by its letter; all are closed in the end."""
    async with databases(tmp_path, [Note, Folder]) as open_one:
        yield open_one


async def furnish(db: Database) -> None:
    await db.execute("INSERT INTO note VALUES ('N', 'x', 1, 5, '[\"red\"]', 3), ('M', 'y', 2, 0, '[]', 0)")
    await db.execute("INSERT INTO folder VALUES ('X', 'x', NULL), ('Y', 'y', 'X'), ('Z', 'z', NULL)")
    await db.execute("UPDATE note SET votes = votes + 2, size = 7 WHERE id = 'N'")
    await db.execute("DELETE FROM note WHERE id = 'M'")
    await db.execute("UPDATE folder SET parent = 'Z' WHERE id = 'X'")


async def install(db: Database, source: Database) -> Any:
    with await source.snapshot() as snapshot:
        return await db.install(snapshot)


async def test_an_empty_database_becomes_what_another_one_holds_and_both_go_on(opened: Open) -> None:
    hub, new, old = await opened("hub"), await opened("new"), await opened("old")
    await furnish(hub)
    await old.pull(hub)
    view = await new.live(Note.select(Note.text, Note.votes))
    done = await install(new, hub)
    assert (done.rows, done.changed) == (4, 4)
    assert await dump(new) == await dump(hub)
    assert await new.head() == await hub.head()
    assert [tuple(row) for row in view.rows()] == [("x", 7)]
    assert await new.check() == []
    assert differing(await new.digests(), await hub.digests()) == []
    assert len(await new.digests()) == 2
    await new.execute('UPDATE note SET votes = votes + 1, labels = \'["blue","red"]\', best = 9')
    await old.execute("UPDATE note SET votes = votes + 10, labels = '[]', text = 'z'")
    await old.execute("UPDATE folder SET parent = NULL WHERE id = 'X'")
    await hub.execute("DELETE FROM folder WHERE id = 'Y'")
    for one, other in ((hub, old), (hub, new), (new, hub), (old, hub)):
        await one.pull(other)
    assert await dump(new) == await dump(hub) == await dump(old)
    assert [tuple(row) for row in await new.fetch("SELECT text, votes, labels, best FROM note")] == [
        ("z", 18, '["blue"]', 9)
    ]
    blamed = await new.blame(("note", "N"), "size")
    theirs = await hub.blame(("note", "N"), "size")
    assert (blamed.lane, blamed.seq) == (theirs.lane, theirs.seq)


async def test_an_edit_made_before_reaches_a_row_that_ended_in_the_snapshot(opened: Open) -> None:
    hub, new, old = await opened("hub"), await opened("new"), await opened("old")
    await furnish(hub)
    await hub.execute("INSERT INTO note VALUES ('L', 'l', 0, 0, '[]', 0)")
    await old.pull(hub)
    await hub.execute("DELETE FROM note WHERE id = 'L'")
    await hub.execute("INSERT INTO note VALUES ('M', 'again', 0, 0, '[]', 0)")
    await install(new, hub)
    await old.execute("UPDATE note SET text = 'late', votes = votes + 1 WHERE id = 'L'")
    for one, other in ((hub, old), (new, hub), (old, hub)):
        await one.pull(other)
    assert await dump(new) == await dump(hub) == await dump(old)
    assert len((await dump(new))["eddy_conflicts"]) == 1
    await new.restore("note", "L")
    await hub.pull(new)
    await old.pull(hub)
    assert await dump(new) == await dump(hub) == await dump(old)
    assert ("L", "late", 0, 1, "[]", 0) in (await dump(new))["note"]


async def test_a_stale_database_gets_the_net_effect_and_keeps_what_it_has_written(opened: Open) -> None:
    hub, stale = await opened("hub"), await opened("stale")
    await furnish(hub)
    await stale.pull(hub)
    await hub.execute("UPDATE note SET text = 'hub', votes = votes + 1")
    await hub.execute("INSERT INTO folder VALUES ('H', 'h', NULL)")
    await hub.execute("DELETE FROM folder WHERE id = 'Y'")
    await stale.execute("UPDATE note SET size = 99, votes = votes + 4")
    await stale.execute("INSERT INTO folder VALUES ('S', 's', 'X')")
    view = await stale.live(Folder.order_by(Folder.id))
    told: list[Any] = []
    view.subscribe(told.append)
    done = await install(stale, hub)
    assert (done.retaken, done.rejected) == (2, 0)
    assert [row.id for row in view.rows()] == ["H", "S", "X", "Z"]
    assert len(told) == 2
    await hub.pull(stale)
    assert await dump(hub) == await dump(stale)
    assert [tuple(row) for row in await hub.fetch("SELECT text, size, votes FROM note")] == [("hub", 99, 12)]
    await stale.undo()
    assert [row.id for row in await stale.fetch("SELECT id FROM folder ORDER BY id")] == ["H", "X", "Z"]
    await stale.execute("UPDATE note SET size = 1")
    await hub.pull(stale)
    assert await dump(hub) == await dump(stale)


async def test_what_was_written_before_what_is_forgotten_is_kept_to_be_tried_again(opened: Open) -> None:
    hub, stale = await opened("hub"), await opened("stale")
    await furnish(hub)
    await stale.pull(hub)
    await stale.execute("UPDATE note SET size = 99")
    await hub.execute("UPDATE note SET text = 'hub'")
    await hub.execute("UPDATE note SET text = 'hub again'")
    await hub.compact(keep=1)
    with pytest.raises(LogError):
        await stale.pull(hub)
    done = await install(stale, hub)
    assert (done.retaken, done.rejected) == (0, 1)
    assert await dump(hub) == await dump(stale)
    (found,) = await stale.fetch("SELECT reason FROM eddy_rejections")
    assert found.reason.startswith("written without having seen what was forgotten")
    await stale.execute("UPDATE note SET best = 77")
    taken = await hub.admit(await stale.commits(await hub.head()))
    assert [fate.state for fate in taken.fates] == ["rejected", "accepted"]
    assert await dump(hub) == await dump(stale)
    assert [row.best for row in await hub.fetch("SELECT best FROM note")] == [77]


async def test_a_write_on_a_snapshot_can_be_rejected(opened: Open) -> None:
    hub, new = await opened("hub"), await opened("new")
    await furnish(hub)
    await install(new, hub)
    await new.execute("UPDATE note SET text = 'mine', votes = votes + 1, labels = '[]', best = 50")
    await new.execute("DELETE FROM folder WHERE id = 'Y'")
    taken = await hub.admit(await new.commits(await hub.head()), lambda commit: "no")
    assert [fate.state for fate in taken.fates] == ["rejected", "rejected"]
    await new.pull(hub)
    assert await dump(new) == await dump(hub)
    await new.execute("UPDATE note SET votes = votes + 1")
    await hub.admit(await new.commits(await hub.head()))
    assert await dump(new) == await dump(hub)
    assert [tuple(row) for row in await hub.fetch("SELECT text, votes, labels, best FROM note")] == [
        ("x", 8, '["red"]', 3)
    ]
    await new.acknowledge(await hub.head())
    assert await new.fetch("SELECT * FROM _eddy_bases WHERE pending") == []


@pytest.mark.parametrize("damage", ["torn", "altered", "longer", "empty", "nonsense", "row left out"])
async def test_a_damaged_snapshot_changes_nothing(opened: Open, damage: str) -> None:
    hub, new = await opened("hub"), await opened("new")
    await furnish(hub)
    await new.execute("INSERT INTO note VALUES ('own', 'own', 0, 0, '[]', 0)")
    before, head = await dump(new), await new.head()
    with await hub.snapshot() as snapshot:
        whole = b"".join(snapshot.parts())
    lines = whole.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith(b'["row"'))
    damaged = {
        "torn": whole[: len(whole) // 2],
        "altered": whole.replace(b"red", b"rod"),
        "longer": whole + lines[-2],
        "empty": b"",
        "nonsense": b"\xff\x00" * 100,
        "row left out": b"".join(lines[:at] + lines[at + 1 :]),
    }[damage]
    with pytest.raises(SnapshotError):
        await new.install([damaged])
    assert (await dump(new), await new.head()) == (before, head)
    assert await new.check() == []
    await new.install([whole[:100], whole[100:]])
    assert await new.pending() == 1
    assert ("own", "own", 0, 0, "[]", 0) in (await dump(new))["note"]


async def test_a_snapshot_of_other_tables_is_refused(opened: Open) -> None:
    hub, other = await opened("hub"), await opened("other", [Folder])
    await furnish(hub)
    with await hub.snapshot() as snapshot, pytest.raises(SnapshotError, match=r"'note' .* which isn't logged here"):
        await other.install(snapshot)


async def test_segments_outlive_a_crash_and_go_on_where_they_stopped(opened: Open, tmp_path: Path) -> None:
    hub = await opened("hub")
    await furnish(hub)
    snapshot = await hub.snapshot()
    size = 300
    segments = [snapshot.read(at, size) for at in range(0, snapshot.size_bytes, size)]
    snapshot.close()
    async with Database.open(tmp_path / "new.db", models=[Note, Folder], log=True) as new:
        assert await new.staged("hub", snapshot.name) == 0
        for number in (0, 1):
            await new.stage("hub", snapshot.name, number, segments[number])
        with pytest.raises(LogError, match="segment 5"):
            await new.stage("hub", snapshot.name, 5, segments[5])
    async with Database.open(tmp_path / "new.db", models=[Note, Folder], log=True) as new:
        assert await new.staged("hub", snapshot.name) == 2
        for number in range(2, len(segments)):
            await new.stage("hub", snapshot.name, number, segments[number])
        await new.install(("hub", snapshot.name))
        assert await dump(new) == await dump(hub)
        assert await new.staged("hub", snapshot.name) == 0


async def test_one_table_can_be_made_right_again_from_a_snapshot(opened: Open) -> None:
    hub, other = await opened("hub"), await opened("other")
    await furnish(hub)
    await other.pull(hub)
    await other._queue.tell(  # a fault: a row that no commit made so
        lambda journal, conn: bool(
            conn.execute("UPDATE note SET size = 1000")
            and conn.execute("UPDATE _eddy_rows_1 SET sum = 12 WHERE life % 2")
        ),
        other._origin(),
    )
    wrong = differing(await other.digests(), await hub.digests())
    assert wrong == ["note"]
    with await hub.snapshot(wrong) as snapshot:
        assert snapshot.tables == ("note",)
        await other.install(snapshot)
    assert differing(await other.digests(), await hub.digests()) == []
    assert await dump(other) == await dump(hub)
    await other.execute("UPDATE note SET votes = votes + 1")
    await hub.pull(other)
    assert await dump(other) == await dump(hub)
    assert await other.check() == []


async def test_the_same_state_gives_the_same_bytes(opened: Open) -> None:
    hub = await opened("hub")
    await furnish(hub)
    with await hub.snapshot() as one, await hub.snapshot() as two:
        assert one.name == two.name
        assert b"".join(one.parts(100)) == b"".join(two.parts(64))
