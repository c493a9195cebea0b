"""A browser's disk, in CPython: what `pages.js` and `redo.js` do, with IndexedDB and handles as their specs have them.

    KeptStore, the real one --> Tab: a file, changed pages --flush-->  Disk   IndexedDB: a transaction, or nothing
                                     log, two handles      --write--> |      files: written, then flushed
                                                                      +--tap--> an image of what a crash here leaves

What was written to a handle and not flushed is there after a crash, or not, or in parts, sector by sector and in any
order. A killed process loses nothing that was written; only the write under way may be torn.
Each step tells its disk before it happens and in its midst, so one run gives an image of every crash it could have had.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

PAGE = 4096
SECTOR = 512


class FullError(Exception):
    """What the browser says where there is no room."""

    name = "QuotaExceededError"


class Written(NamedTuple):
    """A write that has not been flushed; `data` None: the file was cut at `at`."""

    at: int
    data: bytes | None


@dataclass
class File:
    """What is on the disk, and what was written since."""

    flushed: bytes = b""
    written: list[Written] = field(default_factory=list)

    def read(self) -> bytes:
        """Return what another process sees."""
        data = self.flushed
        for one in self.written:
            data = _written(data, one)
        return data

    def after_power_cut(self, chance: random.Random) -> bytes:
        """Return what may be left: of what wasn't flushed any sectors."""
        data = self.flushed
        for one in self.written:
            if one.data is None:
                data = _written(data, one) if chance.random() < 0.5 else data
                continue
            for start in range(0, len(one.data), SECTOR):
                if chance.random() < 0.5:
                    data = _written(data, Written(one.at + start, one.data[start : start + SECTOR]))
        return data


@dataclass
class Disk:
    """What an origin keeps, and who has its lock."""

    chance: random.Random
    head: tuple[int, int, str] = (0, 0, "")
    pages: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    files: tuple[File, File] = field(default_factory=lambda: (File(), File()))
    full: Callable[[str], bool] = lambda what: False
    tap: Callable[[Disk], None] = lambda disk: None
    steps: int = 0
    tabs: list[Tab] = field(default_factory=list)
    opened: set[int] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0

    def step(self, torn: Callable[[Disk], None] | None = None) -> None:
        """Tell that something is about to happen, which a crash may leave half done."""
        self.steps += 1
        self.tap(self.image())
        if torn is not None:
            image = self.image()
            torn(image)
            self.tap(image)

    def image(self) -> Disk:
        """Return the disk alone, as it is, without those who have it open."""
        return Disk(self.chance, self.head, dict(self.pages), deepcopy(self.files))

    def crashed(self, *, power_cut: bool) -> Disk:
        """Return what a crash at this moment leaves."""
        after = self.image()
        for file in after.files:
            file.flushed = file.after_power_cut(self.chance) if power_cut else file.read()
            file.written.clear()
        return after


class Handle:
    """A `FileSystemSyncAccessHandle`."""

    def __init__(self, disk: Disk, number: int) -> None:
        assert number not in disk.opened, "NoModificationAllowedError"
        disk.opened.add(number)
        self._disk, self._number, self._file = disk, number, disk.files[number]

    def write(self, data: bytes, at: int) -> int:
        self._disk.step(lambda image: self._torn(image, data, at))
        if self._disk.full("log"):
            self._torn(self._disk, data, at)
            raise FullError
        self._file.written.append(Written(at, data))
        return len(data)

    def flush(self) -> None:
        self._disk.step()
        if self._disk.full("log"):
            raise FullError
        self._file.flushed = self._file.read()
        self._file.written.clear()

    def truncate(self, size: int) -> None:
        self._disk.step()
        self._file.written.append(Written(size, None))

    def close(self) -> None:
        self._disk.opened.discard(self._number)

    def _torn(self, disk: Disk, data: bytes, at: int) -> None:
        disk.files[self._number].written.append(Written(at, data[: self._disk.chance.randrange(len(data) + 1)]))


class Bytes(bytes):
    """A `Uint8Array`."""

    def to_bytes(self) -> bytes:
        return bytes(self)


class Tab:
    """What `pages.js` makes: a file in memory and its pages, here told apart by their bytes."""

    def __init__(self, disk: Disk, path: Path, heard: Callable[[str], None]) -> None:
        self.name, self.path, self._file = "test.db", str(path), path
        self.version, self.size, self.stamp = 0, 0, ""
        self._disk, self._heard = disk, heard
        self._saved: dict[int, bytes] = {}  # what IndexedDB has or is being given
        self._logged: dict[int, bytes] = {}  # what the log has besides
        self._holds = False

    async def open(self) -> None:
        self._file.write_bytes(b"")
        self._disk.tabs.append(self)
        await self.follow()

    async def follow(self) -> bool:
        await _later(self._disk.chance)
        version, size, stamp = self._disk.head
        if version == self.version:
            return False
        self._load({n: data for n, (v, data) in self._disk.pages.items() if v > self.version}, size)
        self.version, self.size, self.stamp = version, size, stamp
        self._saved = self._read()
        self.logged()
        return True

    @property
    def unsaved(self) -> bool:
        return self._read() != self._saved

    @property
    def unwritten(self) -> bool:
        return self._read() != self._logged

    def change(self) -> Bytes:
        now = self._read()
        size = sum(map(len, now.values()))
        parts = [n.to_bytes(4, "big") + data for n, data in now.items() if self._logged.get(n) != data]
        return Bytes(size.to_bytes(4, "big") + b"".join(parts))

    def logged(self) -> None:
        self._logged = self._read()

    def redo(self, change: bytes) -> None:
        parts = [change[at : at + 4 + PAGE] for at in range(4, len(change), 4 + PAGE)]
        pages = {int.from_bytes(part[:4], "big"): part[4:] for part in parts}
        self._load(pages, int.from_bytes(change[:4], "big"))

    async def flush(self, durability: str, stamp: str) -> int:
        now, before = self._read(), self._saved
        size, changed = sum(map(len, now.values())), {n: data for n, data in now.items() if before.get(n) != data}
        self._saved = now
        self.logged()
        await _later(self._disk.chance, turns=40)
        self._disk.step()
        if self._disk.full("pages"):
            self._saved = before
            raise FullError
        assert self._disk.head[0] == self.version, "another tab has written past the lock"
        self.version, self.size, self.stamp = self.version + 1, size, stamp
        self._disk.pages.update((n, (self.version, data)) for n, data in changed.items())
        for n in self._disk.pages.keys() - now.keys():
            del self._disk.pages[n]
        self._disk.head = (self.version, size, stamp)
        self._disk.step()
        self._tell("saved")
        await _later(self._disk.chance)
        return len(changed)

    async def hold(self, now: bool) -> bool:
        if now and self._disk.lock.locked():
            return False
        if not now:
            self._tell("want")
        self._disk.waiting += 1
        try:
            await self._disk.lock.acquire()
        finally:
            self._disk.waiting -= 1
        self._holds = True
        return True

    async def wanted(self) -> bool:
        return self._disk.waiting > 0

    def letGo(self) -> None:  # noqa: N802  # the name that it has in JavaScript
        if self._holds:
            self._holds = False
            self._disk.lock.release()

    def close(self) -> None:
        self.letGo()
        self._disk.tabs.remove(self)

    def _tell(self, word: str) -> None:
        loop = asyncio.get_running_loop()
        for tab in self._disk.tabs:
            if tab is not self:
                loop.call_soon(tab._heard, word)

    def _read(self) -> dict[int, bytes]:
        data = self._file.read_bytes()
        return {n: data[n * PAGE : (n + 1) * PAGE] for n in range(len(data) // PAGE)}

    def _load(self, pages: dict[int, bytes], size: int) -> None:
        with self._file.open("r+b") as file:
            for n, data in pages.items():
                file.seek(n * PAGE)
                file.write(data)
            file.truncate(size)


class Origin:
    """What `KeptStore` asks for: the objects of `pages.js` and `redo.js`, for one disk; `worker`: there are handles."""

    def __init__(self, disk: Disk, folder: Path, *, worker: bool) -> None:
        self.disk, self.folder, self.worker = disk, folder, worker

    def make(self, name: str, path: str, heard: Any) -> Tab:  # Any: a proxy of a function
        return Tab(self.disk, self.folder / Path(path).name, heard)

    def persist(self) -> None:
        pass

    async def read(self, name: str) -> list[Bytes]:
        await _later(self.disk.chance)
        return [Bytes(file.read()) for file in self.disk.files]

    async def open(self, name: str) -> list[Handle]:
        await _later(self.disk.chance)
        return [Handle(self.disk, number) for number in (0, 1)] if self.worker else []


class Heard:
    """What other tabs' words come in by."""

    def __init__(self) -> None:
        self.tell: Callable[[str], None] = lambda word: None
        self.proxy = _Proxy(self)


class _Proxy:
    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def __call__(self, word: str) -> None:
        self._heard.tell(word)

    def destroy(self) -> None:
        self._heard.tell = lambda word: None


def _written(data: bytes, one: Written) -> bytes:
    if one.data is None:
        return data[: one.at]
    return data[: one.at].ljust(one.at, b"\0") + one.data + data[one.at + len(one.data) :]


async def _later(chance: random.Random, turns: int = 4) -> None:
    """Let others run for less than `turns` turns."""
    for _ in range(chance.randrange(turns)):
        await asyncio.sleep(0)
