"""What a program keeps on disk, as dicts, and how it answers the asks of a peer.

It is what `core/log` does in SQL, in the fewest words: log and rows are the `Disk` of the simulation of merging;
envelopes with serials, staged segments and the standing lie beside it.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import dataclass, field, replace

from eddyline.core.errors import LogError
from eddyline.core.log.commit import Commit, CommitId
from eddyline.core.log.encoding import decode, encode
from eddyline.core.log.envelopes import Envelope, joined, withheld
from eddyline.core.log.fates import Fate
from eddyline.core.log.merge import check_next
from eddyline.core.log.seal import row_digest, table_digest
from eddyline.core.log.stamps import clamp
from eddyline.core.log.vector import Vector
from eddyline.core.sync import asks as a
from eddyline.core.sync import frames as f
from tests.log.simulation.replica import is_refused
from tests.log.simulation.store import Disk
from tests.log.simulation.tables import KEYS

__all__ = ["Store"]


@dataclass
class Store:
    """One file. `snapshot_over`: who lacks more commits than this is sent a snapshot; `tokens` are what a hub takes;
    one that `refuses` rejects some commits.
    """

    replica: str
    disk: Disk
    backend: str = ""
    epoch: int = 1
    snapshot_over: int = 1_000
    refuses: bool = False
    begun: Vector = field(default_factory=Vector)  # what it had when it was restored
    schema: str = "5f3a"
    tokens: frozenset[str] = frozenset({"t"})
    envelopes: dict[CommitId, Envelope] = field(default_factory=dict)  # in the order of their serials
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
            envelopes=dict(self.envelopes),
            serials=dict(self.serials),
            staged={at: list(parts) for at, parts in self.staged.items()},
            offered={},
        )

    def answer(self, ask: a.Ask, now_ms: int) -> object:
        """Do what is asked, at once and entirely."""
        match ask:
            case a.OpenLog():
                return a.Opened(self.disk.vector, self.schema, self.replica, self.backend, self.epoch, self.standing)
            case a.Authorize(hello):
                wrong = hello.workspace != "w" or hello.token not in self.tokens
                return a.Refused("token-invalid", "no") if wrong else a.Principal(hello.replica)
            case a.ReadCommits(beyond, heard, bytes_max, or_snapshot):
                return self.read(beyond, heard, bytes_max, or_snapshot=or_snapshot)
            case a.Apply(commits, said):
                return self.apply(commits, said)
            case a.Admit(_, commits, said, there_before):
                taken = self.admit(commits, said, now_ms)
                return self.stamped_before(said) if there_before else taken
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
            case a.Install(source, name, transfer, principal, there_before):
                taken = self.install(b"".join(self.staged.pop((source, name))), transfer, principal, now_ms)
                return self.stamped_before(transfer.envelopes) if there_before else taken
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

    def read(self, beyond: Vector, heard: int | None, bytes_max: int, *, or_snapshot: bool) -> a.Batch | f.Transfer:
        """Return the next commits and envelopes, or what to do instead."""
        fresh: list[Envelope] = []
        if heard is not None:
            fresh = [one for at, one in self.envelopes.items() if self.serials[at] > heard]
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
            reason = self.disk.rejected.get(commit.id)
            line = encode(withheld(commit, reason) if reason else commit)
            size += len(line.encode()) + 1
            if size > bytes_max:
                if not lines and not fresh:
                    return self.offer_commit(commit, line)
                break
            lines.append(line)
            beyond = beyond.plus(commit.id)
        sent = missing[: len(lines)]
        if heard is None:
            fresh = [self.envelopes[commit.id] for commit in sent if commit.id in self.envelopes]
        return a.Batch("\n".join(lines), beyond, tuple(fresh), self.serial, len(missing) - len(lines))

    def offer_commit(self, commit: Commit, line: str) -> f.Transfer:
        """Offer a commit that is too large for a frame."""
        name = f"commit/{commit.id}/{hashlib.sha256(line.encode()).hexdigest()[:16]}"
        self.offered[name] = line.encode()
        said = self.envelopes.get(commit.id)
        return f.Transfer(name, "commit", Vector([commit.id]), 0, len(line), envelopes=(said,) if said else ())

    def snapshot(self, tables: tuple[str, ...]) -> f.Transfer:
        """Offer all there is."""
        data = pickle.dumps((self.disk.copy()._now, self.envelopes))
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

    def fate(self, commit: CommitId) -> Fate:
        """Return what has become of a commit."""
        reason = self.disk.rejected.get(commit, "")
        return Fate(commit, "rejected" if reason else "accepted" if commit in self.disk.vector else "pending", reason)

    def fetch(self, query: str, rows_max: int) -> a.Fetched:
        """Return the keys of a table."""
        if query not in ("item", "person"):
            raise LogError(f"no table {query!r}")
        keys = sorted(row.key[0] for row in self.disk.dump()["rows"] if row.table == query)  # type: ignore[attr-defined]  # a row's
        assert len(keys) <= min(rows_max, len(KEYS))
        return a.Fetched(("key",), tuple(json.dumps([key]) for key in keys))

    # --- Writing ---------------------------------------------------------------------------------------------------

    def hear(self, said: tuple[Envelope, ...]) -> None:
        """Keep what hubs have said, and make the rows what they are then."""
        for one in said:
            self.note(one)
        heard = (self.envelopes[one.commit] for one in said)
        clamps = {one.commit: one.clamped for one in heard if one.clamped is not None}
        if any(stamp < self.disk.clamps.get(commit, stamp + 1) for commit, stamp in clamps.items()):
            self.disk.clamp(clamps, {})
        self.disk.reject({one.commit: self.envelopes[one.commit].rejected for one in said if one.rejected})
        self.note_rejected()

    def note(self, one: Envelope) -> None:
        """Give what is news a number; of several clamps the smallest counts."""
        known = self.envelopes.get(one.commit)
        now = joined(known, one)
        if now != known:
            self.serial += 1
            self.envelopes.pop(one.commit, None)
            self.envelopes[one.commit], self.serials[one.commit] = now, self.serial

    def note_rejected(self) -> None:
        """Say of what was rejected for the sake of another commit that it is."""
        for commit, reason in self.disk.rejected.items():
            if not (commit in self.envelopes and self.envelopes[commit].rejected):
                self.note(Envelope(commit, rejected=reason))

    def apply(self, commits: tuple[Commit, ...], said: tuple[Envelope, ...]) -> a.Taken:
        """Take in commits of a hub."""
        self.hear(said)
        for commit in commits:
            if check_next(commit, self.disk.vector, self.disk.horizon):
                self.disk.add(commit)
                self.note_rejected()
        return a.Taken(self.disk.vector)

    def admit(self, commits: tuple[Commit, ...], said: tuple[Envelope, ...], now_ms: int) -> a.Taken:
        """Take in commits of a client, as a hub does."""
        for commit in commits:
            if commit.id not in self.disk.vector:
                clamped = clamp(commit.hlc, now_ms)
                no = "a hub says no" if self.refuses and not commit.rejected and is_refused(0, commit) else ""
                before = [one for one in said if one.commit == commit.id]
                self.hear((*before, *([Envelope(commit.id, clamped, no)] if no or clamped is not None else [])))
            self.apply((commit,), ())
        return a.Taken(self.disk.vector)

    def stamped_before(self, said: tuple[Envelope, ...]) -> a.Taken:
        """Take the stamps that this hub gave before it was restored, of commits that its backup lacked."""
        lost = [one for one in said if one.commit not in self.begun and one.clamped is not None]
        self.hear(tuple(Envelope(one.commit, one.clamped) for one in lost))
        return a.Taken(self.disk.vector)

    def install(self, data: bytes, transfer: f.Transfer, principal: str, now_ms: int) -> a.Taken:
        """Take in a transfer: a commit, or a snapshot beneath what is here."""
        if transfer.kind == "commit":
            commits, said = (decode(data),), transfer.envelopes
            return self.admit(commits, said, now_ms) if principal else self.apply(commits, said)
        tables, said_there = pickle.loads(data)
        mine, self.disk = self.disk, Disk(tables)
        self.hear((*said_there.values(), *self.envelopes.values()))
        return self.apply(tuple(commit for at, commit in mine.log.items() if at not in self.disk.vector), ())
