"""What a browser keeps survives a crash at any step of a save: the real store on a disk whose crashes are played.

Each commit adds a row and counts up a total, so a state between two commits shows. After every crash the total is at
least what was answered for, at most what was committed, and the database is whole.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from eddyline.core.errors import NotSavedError, is_busy
from eddyline.core.store import Connection
from eddyline.stores import kept, redo, saving
from eddyline.stores.kept import KeptStore
from eddyline.stores.redo import RedoLog

from .fake_browser import Disk, FullError, Handle, Heard, Origin

SEEDS = range(40)

Opened = Callable[..., Awaitable[KeptStore]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opened:
    """Return what opens a store on a disk, as a worker or as a page."""
    monkeypatch.setattr(kept, "_Heard", Heard)
    monkeypatch.setattr(kept, "_HOLD_S", 0.0)
    monkeypatch.setattr(kept, "_PAUSE_S", 0.0)
    monkeypatch.setattr(kept, "_LOOK_S", 0.0)
    monkeypatch.setattr(kept, "_CHECKPOINT_S", 0.0)

    async def opening(disk: Disk, *, worker: bool, readonly: bool = False) -> KeptStore:
        origin = Origin(disk, tmp_path, worker=worker)
        monkeypatch.setattr(kept, "_pages", lambda: origin)
        monkeypatch.setattr(kept, "_redo_files", lambda: origin)
        return await KeptStore.open("test.db", readonly=readonly)

    return opening


def count_up(conn: Connection) -> int:
    """Commit one row more and a total that counts it; return the total."""
    conn.execute("BEGIN IMMEDIATE")
    conn.execute("CREATE TABLE IF NOT EXISTS total (n)")
    conn.execute("CREATE TABLE IF NOT EXISTS row (n, pad)")
    total: int = conn.execute("SELECT coalesce(max(n), 0) + 1 FROM total").fetchone()[0]
    conn.execute("UPDATE total SET n = ?" if total > 1 else "INSERT INTO total VALUES (?)", (total,))
    conn.execute("INSERT INTO row VALUES (?, ?)", (total, "x" * 700))
    if total % 7 == 0:
        conn.execute("UPDATE row SET pad = pad || 'y'")
    conn.execute("COMMIT")
    return total


async def commit(store: KeptStore) -> int:
    """Commit as soon as the lock allows."""
    for _ in range(3000):
        try:
            return await store.write(count_up)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            await asyncio.sleep(0)
    raise AssertionError("the lock was never given")


def whole(conn: Connection) -> int:
    """Return the total of a database that is as it was between two commits."""
    if not conn.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'total'").fetchone()[0]:
        return 0
    total: int = conn.execute("SELECT n FROM total").fetchone()[0]
    assert conn.execute("SELECT count(*), max(n) FROM row").fetchone() == (total, total)
    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return total


class Image(NamedTuple):
    """A disk in the middle of a step, what had been answered for by then and what was committed."""

    disk: Disk
    acknowledged: int
    committed: int


class Play:
    """Stores on one disk that holds between `least` and `most` commits, and an image of every step."""

    def __init__(self, disk: Disk, least: int = 0, most: int = 0) -> None:
        self.disk, self.images = disk, [Image(disk.image(), least, most)]
        self.by = dict[KeptStore, int]()
        self.acknowledged, self.committed = least, most
        disk.tap = lambda image: self.images.append(Image(image, self.acknowledged, self.committed + 1))

    async def commit(self, store: KeptStore) -> None:
        self.committed = self.by[store] = await commit(store)

    async def save(self, store: KeptStore) -> None:
        upto = self.by.get(store, 0)  # of the others' it knows nothing
        try:
            await store.saved()
        except NotSavedError:
            return
        self.acknowledged = max(self.acknowledged, upto)


def crashes(image: Image, chance: random.Random, cuts: int) -> Iterator[Disk]:
    yield image.disk.crashed(power_cut=False)
    for _ in range(cuts):
        yield image.disk.crashed(power_cut=True)


async def test_a_crash_at_any_step_loses_nothing_that_was_saved(opened: Opened) -> None:
    chance = random.Random(1)
    play = Play(Disk(chance))
    store = await opened(play.disk, worker=True)
    for _ in range(9):
        for _ in range(2):
            await play.commit(store)
        await play.save(store)
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)  # checkpoints run beside
    await store.close()
    found = set()
    for number, image in enumerate(play.images):
        for crashed in crashes(image, chance, cuts=2):
            again = await opened(crashed, worker=number % 2 == 0, readonly=crashed.head[0] > 0 and number % 3 == 0)
            total = await again.write(whole)
            await again.close()
            assert image.acknowledged <= total <= image.committed
            found.add(total)
    assert len(play.images) > 60
    assert found == set(range(19))


async def play_crashes(seed: int, opened: Opened) -> None:
    """Play crashes one after the other, with tabs of both kinds and with browsers that have no room for a while."""
    chance = random.Random(seed)
    disk, least, most = Disk(chance), 0, 0
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # saving fails: what waits is told
    for _ in range(5):
        play = Play(disk, least, most)
        stores = [await opened(disk, worker=chance.random() < 0.7)]
        try:
            play.acknowledged = play.committed = await stores[0].write(whole)
            assert least <= play.committed <= most, f"seed {seed}: {play.committed} is not from {least} to {most}"
            if chance.random() < 0.5:
                disk.full = lambda what: chance.random() < 0.3
            if chance.random() < 0.4:
                stores.append(await opened(disk, worker=chance.random() < 0.7))
            for _ in range(chance.randrange(16)):
                store = chance.choice(stores)
                await (play.commit(store) if chance.random() < 0.6 else play.save(store))
                for _ in range(chance.randrange(10)):
                    await asyncio.sleep(0)
            image = chance.choice(play.images)
        finally:
            disk.full = lambda what: False
            for store in stores:
                await store.close()
        disk, least, most = image.disk.crashed(power_cut=chance.random() < 0.5), image.acknowledged, image.committed


@pytest.mark.parametrize("seed", SEEDS)
async def test_crashes_of_tabs_that_take_turns_or_have_no_room_lose_nothing_that_was_saved(
    opened: Opened, seed: int
) -> None:
    await play_crashes(seed, opened)


async def test_a_log_that_a_deleted_database_has_left_is_not_read_as_that_of_a_new_one(opened: Opened) -> None:
    disk = Disk(random.Random(1))
    store = await opened(disk, worker=True)
    for _ in range(3):
        await commit(store)
        await store.saved()
    left = Disk(disk.chance, files=disk.crashed(power_cut=False).files)
    assert any(file.flushed for file in left.files)
    await store.close()
    new = await opened(left, worker=True)
    assert await new.write(whole) == 0
    assert await commit(new) == 1
    await new.close()


async def test_a_database_that_was_kept_before_there_were_logs_goes_on_in_a_worker(opened: Opened) -> None:
    disk = Disk(random.Random(1))
    store = await opened(disk, worker=False)
    await commit(store)
    await store.close()
    before = Disk(disk.chance, (*disk.head[:2], ""), disk.pages)
    store = await opened(before, worker=True)
    assert await commit(store) == 2
    await store.saved()
    assert before.head[2] != ""  # the first save is IndexedDB's, so that the log has what to follow
    assert await commit(store) == 3
    await store.saved()
    again = await opened(before.crashed(power_cut=True), worker=False)
    assert await again.write(whole) == 3
    for one in (store, again):
        await one.close()


def unflushed(log: type[RedoLog], patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Handle, "flush", lambda self: None)


def one_file(log: type[RedoLog], patch: pytest.MonkeyPatch) -> None:
    def checkpoint(self: RedoLog) -> bytes:
        stamp = turning(self)
        self._current = 0
        return stamp

    turning = log.checkpoint
    patch.setattr(log, "checkpoint", checkpoint)


def unchecked(log: type[RedoLog], patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redo, "crc32", lambda data: 0)


def unchained(log: type[RedoLog], patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        saving, "replay", lambda stamp, files: [change for data in files for _, _, change in redo._records(data)]
    )


def sure_of_a_failed_write(log: type[RedoLog], patch: pytest.MonkeyPatch) -> None:
    def append(self: RedoLog, change: bytes) -> None:
        try:
            appending(self, change)
        except FullError:
            self._stamp, self._end = redo.draw_stamp(), self._end + len(change) + 28

    appending = log.append
    patch.setattr(log, "append", append)


def revived_too_early(log: type[RedoLog], patch: pytest.MonkeyPatch) -> None:
    def checkpointed(self: RedoLog, stamp: bytes) -> None:
        self._renewing = stamp
        hearing(self, stamp)

    hearing = log.checkpointed
    patch.setattr(log, "checkpointed", checkpointed)


@pytest.mark.parametrize(
    "fault", [unflushed, one_file, unchecked, unchained, sure_of_a_failed_write, revived_too_early]
)
async def test_a_log_with_a_fault_is_found_out(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, fault: Callable[[type[RedoLog], pytest.MonkeyPatch], None]
) -> None:
    fault(RedoLog, monkeypatch)
    with pytest.raises((AssertionError, sqlite3.DatabaseError)):
        for seed in SEEDS:
            await play_crashes(seed, opened)
