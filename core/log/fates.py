"""Fates: what hubs have said of commits, in the file; what a hub has, and what became of those it rejected.

    _eddy_envelopes   no 1   A:7   clamped 110                      numbered as they came, so that who asks again gets
                      no 2   A:9   rejected "read only"             the later ones; a word that changes moves to the end
    _eddy_bases       what a row was before commits that may yet be rejected, where the log no longer says it
    eddy_rejections   the rejected ones, for queries                _eddy_meta: `admitted`, the vector that a hub has

A commit is *pending* until a hub has it, then *accepted* or *rejected*; in a database without a hub all are pending.
Few commits have an envelope: they are read once and kept, as the heads are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ..schema.meta import read_meta, write_meta
from ..store import Connection
from .commit import CommitId
from .encoding import decode_ops
from .envelopes import Envelope, Speaker, joined
from .lanes import Runs
from .life import RowId
from .vector import EMPTY, Lane, Vector

__all__ = [
    "FATES_SCHEMA",
    "Fate",
    "Fates",
    "State",
    "admitted_of",
    "make_fates",
    "note_admitted",
    "retried_as",
    "settle",
]

State: TypeAlias = Literal["pending", "accepted", "rejected"]

FATES_SCHEMA = """
CREATE TABLE IF NOT EXISTS main._eddy_envelopes (
    no INTEGER PRIMARY KEY, lane TEXT NOT NULL, seq INTEGER NOT NULL, id INTEGER, clamped INTEGER, rejected TEXT,
    settled TEXT, UNIQUE (lane, seq)
);
CREATE TABLE IF NOT EXISTS main._eddy_bases (
    table_id TEXT NOT NULL, row_key TEXT NOT NULL, lives TEXT NOT NULL, upto INTEGER NOT NULL, pending INTEGER NOT NULL,
    PRIMARY KEY (table_id, row_key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS main._eddy_effs (
    lane INTEGER NOT NULL, first INTEGER NOT NULL, effs TEXT NOT NULL, PRIMARY KEY (lane, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS main._eddy_staged (
    source TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (source, name, number)
);
CREATE VIEW IF NOT EXISTS main.eddy_rejections AS
SELECT
    e.no, e.lane, e.seq, e.id AS commit_id, e.rejected AS reason, coalesce(e.settled, '') AS settled,
    strftime('%Y-%m-%dT%H:%M:%f000Z', (c.hlc >> 16) / 1000.0, 'unixepoch') AS at, coalesce(c.actor, '') AS actor,
    coalesce(c.command, '') AS command, coalesce(c.args, '') AS args, coalesce(c.message, '') AS message
FROM main._eddy_envelopes AS e
LEFT JOIN main._eddy_commits AS c ON c.id = e.id
WHERE e.rejected IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a commit: pending, accepted by a hub, or rejected with a reason."""

    commit: CommitId
    state: State
    reason: str = ""


@dataclass(slots=True)
class Fates:
    """The envelopes that are known, and what the rejected commits were about."""

    known: dict[CommitId, Envelope] = field(default_factory=dict)
    about: dict[RowId, list[Speaker]] = field(default_factory=dict)
    last_no: int = 0
    bases: bool = False

    @classmethod
    def read(cls, conn: Connection) -> Fates:
        """Return what the file says; a log that was begun before there were any says nothing."""
        fates = cls()
        if conn.execute("SELECT 1 FROM main.sqlite_schema WHERE name = '_eddy_envelopes'").fetchone() is None:
            return fates
        for no, lane, seq, number, clamped, rejected in conn.execute(
            "SELECT no, lane, seq, id, clamped, rejected FROM main._eddy_envelopes ORDER BY no"
        ).fetchall():
            commit = CommitId(Lane(lane), seq)
            fates.known[commit] = Envelope(commit, clamped, rejected or "", no)
            fates.last_no = no
            if rejected and number is not None:
                fates._note_ops(conn, number, commit)
        fates.bases = conn.execute("SELECT 1 FROM main._eddy_bases LIMIT 1").fetchone() is not None
        return fates

    def is_rejected(self, commit: CommitId) -> bool:
        """Say whether `commit` counts as having no ops."""
        known = self.known.get(commit)
        return known is not None and known.rejected != ""

    def reason(self, commit: CommitId) -> str:
        """Return why `commit` was rejected, "" if it was not."""
        known = self.known.get(commit)
        return "" if known is None else known.rejected

    def clamped(self, commit: CommitId) -> int | None:
        """Return the stamp that `commit` counts as, None for its own."""
        known = self.known.get(commit)
        return None if known is None else known.clamped

    def of(self, commit: CommitId, admitted: Vector) -> Fate:
        """Return what became of `commit`, where a hub has all of `admitted`."""
        reason = self.reason(commit)
        return Fate(commit, "rejected" if reason else "accepted" if commit in admitted else "pending", reason)

    def note_about(self, conn: Connection, runs: Runs, commit: CommitId) -> None:
        """Know which rows a rejected commit that is here was about, and under which number it stands."""
        number = runs.number(commit)
        conn.execute("UPDATE main._eddy_envelopes SET id = ? WHERE (lane, seq) = (?, ?)", (number, *commit))
        self._note_ops(conn, number, commit)

    def _note_ops(self, conn: Connection, number: int, commit: CommitId) -> None:
        (text,) = conn.execute("SELECT ops FROM main._eddy_commits WHERE id = ?", (number,)).fetchone()
        for op in decode_ops(text):
            self.about.setdefault(RowId(op.table, op.key), []).append(Speaker(commit, op, rejected=True))

    def hear(self, conn: Connection, said: Iterable[Envelope]) -> list[Envelope]:
        """Write what is new in `said`; return that, as it is now."""
        fresh = []
        if not self.known:
            make_fates(conn)
        for one in said:
            known = self.known.get(one.commit)
            now = joined(known, one)
            if known is not None and (known.clamped, known.rejected) == (now.clamped, now.rejected):
                continue
            self.last_no += 1
            now = replace(now, no=self.last_no)
            conn.execute(
                "INSERT INTO main._eddy_envelopes (no, lane, seq, clamped, rejected) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (lane, seq) DO UPDATE SET no = excluded.no, clamped = excluded.clamped, "
                "rejected = excluded.rejected",
                (now.no, *now.commit, now.clamped, now.rejected or None),
            )
            self.known[one.commit] = now
            fresh.append(now)
        return fresh

    def after(self, no: int) -> Iterator[Envelope]:
        """Yield the envelopes that came after the one numbered `no`, in that order."""
        yield from sorted((one for one in self.known.values() if one.no > no), key=lambda one: one.no)


def make_fates(conn: Connection) -> None:
    """Make the tables in a log that was begun before there were any."""
    if conn.execute("SELECT 1 FROM main.sqlite_schema WHERE name = '_eddy_envelopes'").fetchone() is None:
        for statement in FATES_SCHEMA.split(";\n"):
            conn.execute(statement)


def admitted_of(conn: Connection) -> Vector:
    """Return how far a hub is known to have what is here: what it has taken in or rejected."""
    text = read_meta(conn, "admitted")
    return Vector.from_json(text) if isinstance(text, str) else EMPTY


def note_admitted(conn: Connection, vector: Vector) -> bool:
    """Know that a hub has all of `vector`; False if that was known."""
    known = admitted_of(conn)
    if known >= vector:
        return False
    write_meta(conn, "admitted", (known | vector).to_json())
    return True


def settle(conn: Connection, commit: CommitId, how: str) -> None:
    """Note what became of a rejected commit: "discarded", or "retried LANE:SEQ"."""
    conn.execute("UPDATE main._eddy_envelopes SET settled = ? WHERE (lane, seq) = (?, ?)", (how, *commit))


def retried_as(conn: Connection) -> dict[CommitId, CommitId]:
    """Return which commits were tried again, and as which."""
    found = conn.execute(
        "SELECT lane, seq, settled FROM main._eddy_envelopes WHERE settled LIKE 'retried %'"
    ).fetchall()
    return {CommitId(Lane(lane), seq): CommitId.parse(settled.split()[1]) for lane, seq, settled in found}
