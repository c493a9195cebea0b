"""The same worlds over real SQLite files: the peers are asked by a driver's own answers, writes are SQL.

    End.do(ask) --> ClientAnswers / Workspace --> Database --> a file           world.py: the rest

`World` needs of a program what `SqlStore` and its `SqlDisk` give: how far its log goes, what a user sees, an answer to
an ask. What a program shows is what its log makes of it: `db.check()` merges it again.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from eddyline import Column, ConstraintError, Database, Model, Ref, column, ref
from eddyline.core.clock import Clock
from eddyline.core.log.commit import CommitId
from eddyline.core.log.fates import Fate
from eddyline.core.log.vector import EMPTY, Vector
from eddyline.core.schema.meta import read_meta
from eddyline.core.sync import asks as a
from eddyline.core.sync.answers import ClientAnswers
from eddyline.core.sync.door import Principal
from eddyline.core.sync.workspace import Workspace
from tests.log.simulation.author import Edit
from tests.shrinking import Mismatch

from . import script as s
from .world import Program, World

__all__ = ["run_on_sqlite"]

T = TypeVar("T")
PLAIN = ("title", "start", "end", "code", "owner", "top")


class Person(Model):
    name: Column[str] = column(unique=True)


class Item(Model):
    title: Column[str] = column(default="")
    start: Column[int] = column(default=0, group="span")
    end: Column[int] = column(default=0, group="span")
    code: Column[str | None] = column(default=None, unique=True)
    votes: Column[int] = column(default=0, merge="counter")
    tags: Column[frozenset[str]] = column(default=frozenset(), merge="set")
    top: Column[int] = column(default=0, merge=max)
    owner: Ref[Person | None] = ref(default=None, on_delete="cascade")
    parent: Ref[Item | None] = ref(default=None, merge="tree")


class SqlDisk:
    """What a file holds, as a world asks for it."""

    horizon = EMPTY

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.seen = Counter[str]()

    @property
    def vector(self) -> Vector:
        """What was seen."""
        return self._store.run(self._store.db.head())

    @property
    def log(self) -> Iterator[CommitId]:
        """All commits."""
        return (
            CommitId(lane, seq) for lane, first, last in self.vector.beyond(EMPTY) for seq in range(first, last + 1)
        )

    @property
    def clamps(self) -> dict[CommitId, int]:
        """The stamps that a hub gave commits."""
        said = self._store.run(self._store.db.envelopes())
        return {one.commit: one.clamped for one in said if one.clamped is not None}

    @property
    def rejected(self) -> dict[CommitId, str]:
        """The commits that hubs have rejected, and why."""
        return {one.commit: one.rejected for one in self._store.run(self._store.db.envelopes()) if one.rejected}

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that a user sees."""
        tables = ("item", "person", "eddy_conflicts", "eddy_violations")
        fetch = self._store.db.fetch
        return {name: sorted(map(tuple, self._store.run(fetch(f"SELECT * FROM {name}"))), key=repr) for name in tables}


class SqlStore:
    """A program's file, open, and how it answers. Every other client may not write to `person`."""

    def __init__(self, path: Path, world: SqlWorld, *, is_hub: bool) -> None:
        self.path, self.world, self.is_hub = path, world, is_hub
        self.replica = path.stem
        self.offered: dict[str, bytes] = {}
        self.staged: dict[str, bytes] = {}
        self.disk = SqlDisk(self)
        self.open()

    def run(self, work: Awaitable[T]) -> T:
        """Let the database do something."""
        return self.world.loop.run_until_complete(work)

    def open(self) -> None:
        """Open the file."""
        self.db = self.run(_opened(self.path))
        if self.is_hub:
            self.answers: ClientAnswers | Workspace = Workspace("w", self.db, self.world.clock)
            self.answers.snapshot_beyond = self.world.snapshot_over
        else:
            self.answers = ClientAnswers(self.db, "w")
        self.run(self.answers.prepare())
        self.replica = str(self.run(self.db._read(lambda conn: read_meta(conn, "replica"))))

    def close(self) -> None:
        """Close it."""
        if isinstance(self.answers, Workspace):
            self.run(self.answers.close())
        else:
            self.answers._drop_transfers()
            self.run(self.db.close())

    @property
    def serial(self) -> int:
        """The number of the newest envelope."""
        return max((one.no for one in self.run(self.db.envelopes())), default=0)

    @property
    def standing(self) -> a.Standing:
        """What a client remembers."""
        assert isinstance(self.answers, ClientAnswers)
        return self.run(self.db._read(self.answers._standing))

    def fetch(self, query: str, _: int) -> a.Fetched:
        """Return the keys of a table."""
        rows = self.run(self.db.fetch(f"SELECT id FROM {query} ORDER BY id"))
        return a.Fetched(("key",), tuple(json.dumps([row[0]]) for row in rows))

    def fate(self, commit: CommitId) -> Fate:
        """Return what has become of a commit."""
        reason = self.disk.rejected.get(commit, "")
        return Fate(commit, "rejected" if reason else "accepted" if commit in self.disk.vector else "pending", reason)

    def answer(self, ask: a.Ask, _: int) -> object:
        """Answer as the drivers do."""
        hub = self.answers
        if isinstance(ask, a.Authorize):
            return a.Principal(ask.hello.replica)
        if isinstance(ask, a.RunFetch):
            return self.fetch(ask.query, 10)
        if isinstance(ask, a.Admit):
            assert isinstance(hub, Workspace)
            return self.run(hub._admit(ask, self.world.principal(ask.principal)))
        if isinstance(ask, a.Install) and isinstance(hub, Workspace):
            return self.run(hub._install_as(ask, self.world.principal(ask.principal)))
        return self.run(self.answers(ask))


async def _opened(path: Path) -> Database:
    return await Database.open(path, models=[Person, Item], log=True, poll_s=0)


class SqlReplica:
    """What writes into a program's file."""

    def __init__(self, world: SqlWorld, store: SqlStore) -> None:
        self.world, self.store, self.skew_ms = world, store, 0
        self.lane = None  # its database's own business

    def write(self, edits: tuple[Edit, ...]) -> CommitId | None:
        """Commit a transaction; None if it has nothing to do, or a constraint of ours says no."""
        db = self.store.db
        before = self.store.disk.vector
        journal = db._queue.writer.logging()
        journal._clock = Clock(lambda: self.world.now + self.skew_ms)

        def job(tx: Any) -> None:  # Any: the open transaction
            for edit in edits:
                for sql, values in statements(edit):
                    tx.execute(sql, *values)

        with suppress(ConstraintError):
            self.store.run(db.write(job))
        return next((CommitId(lane, last) for lane, _, last in self.store.disk.vector.beyond(before)), None)


def statements(edit: Edit) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield what an edit is in SQL."""
    if edit.how == "end":
        yield f"DELETE FROM {edit.table} WHERE id = ?", (edit.key,)
    elif edit.table == "person":
        name = dict(edit.columns).get("name", "x")
        yield "INSERT INTO person VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name", (edit.key, str(name))
    else:
        yield "INSERT OR IGNORE INTO item (id) VALUES (?)", (edit.key,)
        for asked, value in edit.columns:
            name = asked.rstrip("+-")
            if name in PLAIN and name not in ("title", "code", "owner"):
                yield f'UPDATE item SET "{name}" = ? WHERE id = ?', (value, edit.key)
            elif name == "votes":
                changed = "votes + ?" if asked != name else "?"
                yield f"UPDATE item SET votes = {changed} WHERE id = ?", (value, edit.key)
            elif name == "tags":
                yield "UPDATE item SET tags = ? WHERE id = ?", (json.dumps([value] if "+" in asked else []), edit.key)
            elif name == "owner":
                yield "UPDATE item SET owner = (SELECT id FROM person WHERE id = ?) WHERE id = ?", (value, edit.key)
            elif name == "parent":
                yield "UPDATE item SET parent = (SELECT id FROM item WHERE id = ?) WHERE id = ?", (value, edit.key)
            else:
                yield f'UPDATE item SET "{name}" = ? WHERE id = ?', (None if value is None else str(value), edit.key)


class SqlWorld(World):
    """A world whose programs keep files in a folder."""

    def __init__(self, script: s.Script, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.folder, self.loop, self.snapshot_over = folder, loop, script.snapshot_over
        self.clock: Any = SimpleNamespace(time=lambda: 0.0)
        self.now = 0
        super().__init__(replace(script, hubs=0, clients=0))
        self._hubs = 1
        for number in range(1 + script.clients):
            self._join_sql(self._path(number))

    def _path(self, number: int) -> Path:
        return self.folder / f"p{number}.db"

    def _join_sql(self, path: Path) -> Program:
        number = len(self._programs)
        store: Any = SqlStore(path, self, is_hub=number == 0)  # Any: it gives what a world asks of a `Store`
        replica: Any = SqlReplica(self, store)  # Any: likewise
        program = Program(number, store, replica, self._programs[0] if number else None)
        self._programs.append(program)
        if number:
            self._programs[0].clients.append(program)
        return program

    def principal(self, replica: str) -> Principal:
        """Return who a client is."""
        number = next(one.number for one in self._programs if one.store.replica == replica)
        return Principal(replica, read=True, write=frozenset({"item"}) if number % 2 else True)

    def do(self, step: s.Step) -> None:
        """Do one step."""
        match step:
            case s.Join() if len(self._programs) < 6:
                self._join_sql(self._path(len(self._programs)))
            case s.Join() | s.Compact() | s.Copy():
                pass
            case s.Backup(who):
                self._back_up(self.who(who))
            case _:
                super().do(step)

    def _write(self, program: Program, edits: tuple[Edit, ...], large: int) -> None:
        if large:
            edits = (Edit("item", "k1", (("title", "x" * large),)), *edits)
        replica: Any = program.replica
        commit = replica.write(edits)
        if commit is not None:
            self._acknowledged.add(commit)
            self._changed(program)

    def _changed(self, program: Program) -> None:
        store: Any = program.store
        store.answers.grown()
        super()._changed(program)

    def _back_up(self, program: Program) -> None:
        store: Any = program.store
        path = store.path.with_suffix(".backup")
        with closing(sqlite3.connect(store.path)) as here, closing(sqlite3.connect(path)) as there:
            here.backup(there)
        program.backup = store

    def _crash(self, program: Program) -> None:
        for wire, _ in list(self._ends(program)):
            wire.cut(done=False)
        store: Any = program.store
        store.close()
        store.open()
        self._wake_up(program)

    def _wake_up(self, program: Program) -> None:
        pass  # its clock is set with each write

    def _wake_up_after(self, program: Program, ask: a.Ask) -> None:
        self.seen[type(ask).__name__] += 1

    def _restore(self, program: Program) -> None:
        if program.backup is None:
            return
        lost = set(program.disk.log)
        store: Any = program.store
        for wire, _ in list(self._ends(program)):
            wire.cut(done=False)
        store.close()
        for beside in ("-wal", "-shm"):
            Path(f"{store.path}{beside}").unlink(missing_ok=True)
        shutil.copyfile(store.path.with_suffix(".backup"), store.path)
        store.open()
        left = [one.disk.vector for one in self._programs]
        self._acknowledged -= {at for at in lost if not any(at in vector for vector in left)}
        self.seen["hubs restored"] += program.number == 0

    def _check(self, program: Program) -> Any:  # Any: what a user sees
        store: Any = program.store
        self.seen["rejected"] += len(program.disk.rejected)
        wrong = store.run(store.db.check())
        if wrong:
            raise Mismatch("state", f"program {program.number}: {wrong}")
        return program.disk.dump()

    def close(self) -> None:
        """Close all files."""
        for program in self._programs:
            store: Any = program.store
            store.close()


@contextmanager
def _time_of(world: SqlWorld) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eddyline.core.write.queue.time", SimpleNamespace(time=lambda: world.now / 1000))
        yield


def run_on_sqlite(script: s.Script, folder: Path) -> SqlWorld:
    """Live through `script` over files in `folder`. Raises `Mismatch`, or whatever else goes wrong."""
    with asyncio.Runner() as runner:
        world = SqlWorld(script, folder, runner.get_loop())
        try:
            with _time_of(world):
                for step in script.steps:
                    world.do(step)
                world.finish()
        finally:
            world.close()
    return world
