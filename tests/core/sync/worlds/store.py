"""What a program keeps on disk, as dicts, and how it answers the asks of a peer.

It is what `core/log` does in SQL, in the fewest words: log and rows are the `Disk` of the simulation of merging; notes
with serials, staged segments and the standing lie beside it.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import dataclass, field, replace

from eddyline.core.errors import LogError
from eddyline.core.log.commit import Commit, CommitId
from eddyline.core.log.encoding import decode, encode
from eddyline.core.log.merge import check_next
from eddyline.core.log.seal import row_digest, table_digest
from eddyline.core.log.stamps import clamp
from eddyline.core.log.vector import Vector
from eddyline.core.sync import asks as a
from eddyline.core.sync import frames as f
from tests.log.simulation.store import Disk
from tests.log.simulation.tables import KEYS

__all__ = ["Store"]

SCHEMA = "5f3a"


@dataclass
class Store:
    """One file. `snapshot_over`: who lacks more commits than this is sent a snapshot; `token` is what a hub wants."""

    replica: str
    disk: Disk
    backend: str = ""
    epoch: int = 1
    snapshot_over: int = 1_000
    notes: dict[CommitId, f.Note] = field(default_factory=dict)  # in the order of their serials
    serials: dict[CommitId, int] = field(default_factory=dict)
    serial: int = 0
    staged: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    standing: a.Standing = field(default_factory=a.Standing)
    offered: dict[str, bytes] = field(default_factory=dict)  # not on disk: gone after a crash

    def copy(self) -> Store:
        """Return a backup, or a copied file."""
        return replace(
            self,
            disk=self.disk.copy(),
            notes=dict(self.notes),
            serials=dict(self.serials),
            staged={at: list(parts) for at, parts in self.staged.items()},
            offered={},
        )

    def answer(self, ask: a.Ask, now_ms: int) -> object:
        """Do what is asked, at once and entirely."""
        match ask:
            case a.OpenLog():
                return a.Opened(self.disk.vector, SCHEMA, self.replica, self.backend, self.epoch, self.standing)
            case a.Authorize(hello):
                wrong = hello.workspace != "w" or hello.token != "t"
                return a.Refused("token-invalid", "no") if wrong else a.Principal(hello.replica)
            case a.ReadCommits(beyond, notes, bytes_max, or_snapshot):
                return self.read(beyond, notes, bytes_max, or_snapshot=or_snapshot)
            case a.Apply(commits, notes):
                return self.apply(commits, notes)
            case a.Admit(_, commits, notes):
                return self.admit(commits, notes, now_ms)
            case a.Remember(standing):
                self.standing = standing
                return None
            case a.StagedCount(source, name):
                for at in [at for at in self.staged if at[0] == source and at[1] != name]:
                    del self.staged[at]
                return len(self.staged.get((source, name), []))
            case a.Stage(source, name, number, data):
                parts = self.staged.setdefault((source, name), [])
                assert number == len(parts), f"segment {number} comes after {len(parts)}"
                parts.append(data)
                return None
            case a.Install(source, name, transfer, principal):
                return self.install(b"".join(self.staged.pop((source, name))), transfer, principal, now_ms)
            case a.ReadSegment(name, number, bytes_max):
                data = self.offered[name]
                start = number * bytes_max
                return a.Piece(data[start : start + bytes_max], start + bytes_max >= len(data))
            case a.OpenSnapshot(tables):
                return self.snapshot(tables)
            case a.ReadDigests():
                return a.Digests(self.disk.vector, self.serial, self.digests())
            case a.ReadFates(commits):
                return tuple(self.fate(commit) for commit in commits)
            case a.RunFetch(_, _, query, rows_max):
                return self.fetch(query, rows_max)

    # --- Reading ---------------------------------------------------------------------------------------------------

    def read(self, beyond: Vector, notes: int | None, bytes_max: int, *, or_snapshot: bool) -> a.Batch | f.Transfer:
        """Return the next commits and notes, or what to do instead."""
        fresh: list[f.Note] = []
        if notes is not None:
            fresh = [note for at, note in self.notes.items() if self.serials[at] > notes]
            most = max(1, bytes_max // 200)
            if len(fresh) > most:
                part = tuple(fresh[:most])
                return a.Batch("", beyond, part, self.serials[part[-1].commit], left=1)
        missing = [commit for at, commit in self.disk.log.items() if at not in beyond]
        is_dropped = any(self.disk.is_dropped(commit.id) for commit in missing)
        if is_dropped and not or_snapshot:
            raise LogError("the log no longer has what is missing there")
        if is_dropped or (or_snapshot and len(missing) > self.snapshot_over):
            return self.snapshot(())
        lines: list[str] = []
        size = 200 * len(fresh)
        for commit in missing:
            line = encode(commit)
            size += len(line.encode()) + 1
            if size > bytes_max:
                if not lines and not fresh:
                    return self.offer_commit(commit, line)
                break
            lines.append(line)
            beyond = beyond.plus(commit.id)
        sent = missing[: len(lines)]
        if notes is None:
            fresh = [self.notes[commit.id] for commit in sent if commit.id in self.notes]
        return a.Batch("\n".join(lines), beyond, tuple(fresh), self.serial, len(missing) - len(lines))

    def offer_commit(self, commit: Commit, line: str) -> f.Transfer:
        """Offer a commit that is too large for a frame."""
        name = f"commit/{commit.id}/{hashlib.sha256(line.encode()).hexdigest()[:16]}"
        note = self.notes.get(commit.id)
        clamped = b"%d\n" % (note.clamped or 0) if note else b"0\n"
        self.offered[name] = clamped + line.encode()
        return f.Transfer(name, "commit", Vector([commit.id]), 0, len(line))

    def snapshot(self, tables: tuple[str, ...]) -> f.Transfer:
        """Offer all there is."""
        data = pickle.dumps((self.disk.copy()._now, self.notes))
        name = f"snapshot/{hashlib.sha256(data).hexdigest()[:16]}"
        self.offered[name] = data
        self.disk.seen["snapshots"] += 1
        return f.Transfer(name, "snapshot", self.disk.vector, self.serial, len(data), tables)

    def digests(self) -> dict[str, str]:
        """Return the digest of each table, of the rows as a user sees them."""
        found: dict[str, list[int]] = {"item": [], "person": []}
        for row, values in self.disk.dump()["rows"].items():
            found[row.table].append(row_digest(row, values))  # type: ignore[attr-defined, arg-type]  # a row's
        return {table: f"{table_digest(digests):016x}" for table, digests in found.items()}

    def fate(self, commit: CommitId) -> f.Fate:
        """Return what has become of a commit."""
        return f.Fate(commit, "accepted" if commit in self.disk.vector else "unknown")

    def fetch(self, query: str, rows_max: int) -> a.Fetched:
        """Return the keys of a table."""
        if query not in ("item", "person"):
            raise LogError(f"no table {query!r}")
        keys = sorted(row.key[0] for row in self.disk.dump()["rows"] if row.table == query)  # type: ignore[attr-defined]  # a row's
        assert len(keys) <= min(rows_max, len(KEYS))
        return a.Fetched(("key",), tuple(json.dumps([key]) for key in keys))

    # --- Writing ---------------------------------------------------------------------------------------------------

    def hear(self, notes: tuple[f.Note, ...]) -> None:
        """Keep what hubs have said; of several clamps the smallest."""
        for note in notes:
            known = self.notes.get(note.commit)
            if known is None or (note.clamped is not None and note.clamped < (known.clamped or note.clamped + 1)):
                self.serial += 1
                self.notes.pop(note.commit, None)
                self.notes[note.commit], self.serials[note.commit] = note, self.serial
        clamps = {note.commit: note.clamped for note in notes if note.clamped is not None}
        if any(stamp < self.disk.clamps.get(commit, stamp + 1) for commit, stamp in clamps.items()):
            self.disk.clamp(clamps, {})

    def apply(self, commits: tuple[Commit, ...], notes: tuple[f.Note, ...]) -> a.Taken:
        """Take in commits of a hub."""
        self.hear(notes)
        for commit in commits:
            if check_next(commit, self.disk.vector, self.disk.horizon):
                self.disk.add(commit)
        return a.Taken(self.disk.vector)

    def admit(self, commits: tuple[Commit, ...], notes: tuple[f.Note, ...], now_ms: int) -> a.Taken:
        """Take in commits of a client, as a hub does."""
        self.hear(notes)
        for commit in commits:
            clamped = clamp(commit.hlc, now_ms)
            if clamped is not None and commit.id not in self.disk.vector:
                self.hear((f.Note(commit.id, clamped),))
            self.apply((commit,), ())
        return a.Taken(self.disk.vector)

    def install(self, data: bytes, transfer: f.Transfer, principal: str, now_ms: int) -> a.Taken:
        """Take in a transfer: a commit, or a snapshot beneath what is here."""
        if transfer.kind == "commit":
            clamped, _, line = data.partition(b"\n")
            commits = (decode(line),)
            notes = (f.Note(commits[0].id, int(clamped)),) if int(clamped) else ()
            return self.admit(commits, notes, now_ms) if principal else self.apply(commits, notes)
        tables, notes_there = pickle.loads(data)
        mine, self.disk = self.disk, Disk(tables)
        self.hear((*notes_there.values(), *self.notes.values()))
        return self.apply(tuple(commit for at, commit in mine.log.items() if at not in self.disk.vector), ())
