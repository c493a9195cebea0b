"""Taking in: commits of other replicas, what hubs say of them, and what a hub does at its door.

    commits, envelopes ->  hear       a stamp or a rejection that is news: the rows concerned are made anew
                           take each  next in its lane, after its parents; merged, or kept without effect if rejected
    admit (a hub)          clamp what runs ahead, reject what the judge says no to, and what was built on that

All of it inside the open transaction, on `journal.py`'s heads. A commit that can't be taken in (it comes too early, its
lane was written twice) stops there: those before it stand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..clock import stamp_ms
from ..errors import LogError
from ..schema.catalog import TableName
from ..store import Connection
from .applying import note_conflicts, note_violations, stamps_of, tighten, write_rows
from .commit import Commit, CommitId
from .compaction import horizon_of
from .encoding import commit_hash, encode_ops, key_text
from .envelopes import Envelope, Speaker, built_on, withheld
from .fates import Fate, Fates, note_admitted
from .joins import MergeFunctions
from .lanes import NO_END, End, Heads, Place, Runs, lane_number
from .life import RowId
from .merge import check_chain, check_next, reorder, without
from .row_changes import RowChange, RowChanges
from .rows import Outcome
from .stamps import Header, clamp, effective, restamp
from .stored import Stored
from .tables import LoggedTable
from .texts import Texts
from .trees import forget_moves, note_moves
from .vector import Vector
from .violations import Constraint, circles, judge

__all__ = ["Judge", "Taken", "Taking"]

Judge: TypeAlias = Callable[[Commit], str | None]
"""Says why a hub rejects a commit, None if it doesn't. It is asked inside the transaction."""

_VIOLATED = "SELECT 1 FROM main._eddy_violations LIMIT 1"


@dataclass(slots=True)
class Taken:
    """What became of commits that were taken in together: how many were new, and why it stopped, if it did."""

    new: int = 0
    heard: int = 0
    fates: list[Fate] = field(default_factory=list)
    stopped: LogError | None = None


class Taking:
    """The part of `Journal` that takes in what others wrote."""

    tables: Mapping[TableName, LoggedTable]
    functions: MergeFunctions
    constraints: Sequence[Constraint]
    _heads: Heads | None
    _runs: Runs | None
    _horizon: Vector | None
    _fates: Fates | None
    texts: Texts

    def _now(self, conn: Connection) -> Heads:
        raise NotImplementedError

    def _stored(self, conn: Connection) -> Stored:
        raise NotImplementedError

    def _merge(
        self,
        conn: Connection,
        heads: Heads,
        place: Place,
        commit: Commit,
        stored: Stored,
        found: Sequence[tuple[RowChanges, list[RowChange]]] = (),
        received_ms: int | None = None,
    ) -> None:
        raise NotImplementedError

    def fates(self, conn: Connection) -> Fates:
        """Return what hubs have said."""
        if self._fates is None:
            self._fates = Fates.read(conn)
        return self._fates

    def take(
        self, conn: Connection, commits: Iterable[Commit], envelopes: Iterable[Envelope] = (), *, received_ms: int
    ) -> Taken:
        """Take in what another replica hands on, in an open transaction."""
        taken = Taken()
        taken.heard = self._hear(conn, envelopes)
        return self._take_all(conn, commits, taken, lambda commit: self._take(conn, commit, received_ms))

    def admit(self, conn: Connection, commits: Iterable[Commit], judge: Judge | None, *, received_ms: int) -> Taken:
        """Take in commits as their hub: `judge` may reject them, stamps that run ahead are clamped."""

        def said(commit: Commit) -> Envelope | None:
            reason = "" if commit.rejected else _numbered(self._stored(conn), commit) or (judge and judge(commit)) or ""
            clamped = clamp(commit.hlc, received_ms)
            return Envelope(commit.id, clamped, reason) if reason or clamped is not None else None

        taken = self._take_all(conn, commits, Taken(), lambda commit: self._take(conn, commit, received_ms, said))
        admitted, fates = self._now(conn).vector, self.fates(conn)
        note_admitted(conn, admitted)
        taken.fates = [fates.of(fate.commit, admitted) for fate in taken.fates]
        return taken

    def reject(self, conn: Connection, commit: CommitId, reason: str) -> bool:
        """Reject a commit that is here already; False if that was known."""
        return self._hear(conn, [Envelope(commit, rejected=reason)]) > 0

    # -- one commit

    def _take_all(
        self, conn: Connection, commits: Iterable[Commit], taken: Taken, one: Callable[[Commit], bool]
    ) -> Taken:
        for commit in commits:
            try:
                is_new = one(commit)
            except LogError as error:
                taken.stopped = error
                break
            taken.new += is_new
            taken.fates.append(Fate(commit.id, "accepted"))
        return taken

    def _horizon_now(self, conn: Connection) -> Vector:
        if self._horizon is None:
            self._horizon = horizon_of(conn)
        return self._horizon

    def _take(
        self,
        conn: Connection,
        commit: Commit,
        received_ms: int,
        said: Callable[[Commit], Envelope | None] = lambda commit: None,
    ) -> bool:
        """Take in one commit, of which a hub says what `said` says; False: it is here already.

        Raises `LogError` before anything is written.
        """
        heads = self._now(conn)
        if not check_next(commit, heads.vector, self._horizon_now(conn)):
            return False
        lane = next((no for no, name in heads.lanes.items() if name == commit.lane), None)
        if lane is not None and lane in heads.own.values():
            raise LogError(
                f"commit {commit.id} is of a lane that this file writes, and isn't here: the file is an older state of "
                "itself; open it anew, so that it writes a lane of its own"
            )
        check_chain(commit, NO_END.hash if lane is None else heads.ends.get(lane, NO_END).hash)
        stored = self._stored(conn)
        word = said(commit)
        if word is not None:
            stored.fates.hear(conn, [word])
        reason = self._reason(conn, stored, commit)
        refused = "" if reason else _numbered(stored, commit)
        if refused:
            raise LogError(refused)
        if lane is None:
            lane = lane_number(conn, commit.lane)
            heads.lanes = {**heads.lanes, lane: commit.lane}
        runs = stored.runs
        follows = bool(heads.last_id) and commit.parents == runs.parents(heads.last_id).plus(runs.commit(heads.last_id))
        place = heads.place(conn, lane, commit.parents.to_json(), commit.schema, alone=not follows)
        if reason:
            self._keep_rejected(conn, heads, place, withheld(commit, reason), stored, received_ms)
        else:
            self._merge(conn, heads, place, commit, stored, received_ms=received_ms)
        return True

    def _reason(self, conn: Connection, stored: Stored, commit: Commit) -> str:
        """Return why `commit` counts as having no ops, "" if it doesn't; noted where nobody has said so yet."""
        fates = stored.fates
        reason = fates.reason(commit.id) or commit.rejected
        if not reason and fates.about:
            at = built_on(commit, lambda row: _spoken(stored, row), fates.is_rejected)
            reason = "" if at is None else _built_on_reason(at)
        if reason and not fates.is_rejected(commit.id):
            fates.hear(conn, [Envelope(commit.id, rejected=reason)])
        return reason

    def _keep_rejected(
        self, conn: Connection, heads: Heads, place: Place, commit: Commit, stored: Stored, received_ms: int
    ) -> None:
        """Give a rejected commit its place in the log, and no row anything of it."""
        stored.runs.note(place, commit)
        clamped = stored.fates.clamped(commit.id)
        eff = effective(Header(commit.id, commit.parents, commit.hlc, clamped), stored.eff)
        digest = commit_hash(commit)
        conn.execute(
            "INSERT INTO main._eddy_commits (id, hlc, eff, hash, ops, actor, command, sent_ms, received_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                place.id, commit.hlc, None if eff == commit.hlc else eff, bytes.fromhex(digest), encode_ops(commit.ops),
                commit.actor or None, commit.command or None,
                None if commit.sent_ms == stamp_ms(commit.hlc) else commit.sent_ms, received_ms,
            ),
        )  # fmt: skip
        heads.eff = max(heads.eff, eff)
        heads.ends[place.lane] = End(commit.hlc, digest)
        stored.fates.note_about(conn, stored.runs, commit.id)

    # -- what hubs say

    def _hear(self, conn: Connection, envelopes: Iterable[Envelope]) -> int:
        """Take in what hubs have said, and make the rows anew that it concerns; return how much of it was news."""
        listed = list(envelopes)
        if not listed:
            return 0
        fates, vector = self.fates(conn), self._now(conn).vector
        was_rejected = {commit for commit in fates.known if fates.is_rejected(commit)}
        fresh = fates.hear(conn, listed)
        here = [one for one in fresh if one.commit in vector]
        if any(one.clamped is not None for one in here):
            self._reorder(conn, [one.commit for one in here if one.clamped is not None])
        gone = [one.commit for one in here if one.rejected and one.commit not in was_rejected]
        if gone:
            self._leave_out(conn, gone)
        return len(fresh)

    def _reorder(self, conn: Connection, clamped: Sequence[CommitId]) -> None:
        """Put commits, and what follows them, in their new places in the order."""
        stored = self._stored(conn)
        runs, fates = stored.runs, stored.fates
        first = min(map(runs.number, clamped))
        numbers = {
            runs.commit(number): (number, hlc)
            for number, hlc in conn.execute(
                "SELECT id, hlc FROM main._eddy_commits WHERE id >= ? ORDER BY id", (first,)
            ).fetchall()
        }
        headers = (Header(at, stored.parents(at), hlc, fates.clamped(at)) for at, (_, hlc) in numbers.items())
        effs = restamp(headers, stored.eff)
        outcome = reorder(stored, {at: (eff, at.lane) for at, eff in effs.items()}, self.functions)
        forget_moves(conn, outcome, [stored.stamp(at) for at in effs])
        conn.executemany(
            "UPDATE main._eddy_commits SET eff = ? WHERE id = ?", [(eff, numbers[at][0]) for at, eff in effs.items()]
        )
        self._write_anew(conn, outcome, stored)
        self._heads = None  # the newest stamp may be lower now

    def _leave_out(self, conn: Connection, rejected: Collection[CommitId]) -> None:
        """Make rows what they are without commits that are here, and without those that were built on them."""
        stored = self._stored(conn)
        fates, todo = stored.fates, list(rejected)
        for commit in todo:
            fates.note_about(conn, stored.runs, commit)
        for commit in todo:  # grows
            for built in _built_directly(stored, commit):
                reason = _built_on_reason(commit)
                fates.hear(conn, [Envelope(built, rejected=reason)])
                fates.note_about(conn, stored.runs, built)
                todo.append(built)
        outcome = without(stored, todo, self.functions)
        forget_moves(conn, outcome, map(stored.stamp, todo))
        self._write_anew(conn, outcome, stored)

    def _write_anew(self, conn: Connection, outcome: Outcome, stored: Stored) -> None:
        """Write rows that are made of other commits now than before."""
        outcome = self.texts.anew(outcome, stored, stored.runs.number)
        write_rows(conn, stored, outcome)
        for row, change in outcome.changes.items():
            table = stored.tables.get(row.table)
            if table is None:
                continue
            if change.lives:
                stamps = stamps_of(table, row, change, stored.last.get(row, 0), stored.runs.number, stored.stamp)
                conn.execute(f"INSERT OR REPLACE INTO {table.rows} VALUES ({', '.join('?' * len(stamps))})", stamps)
            else:
                same = " AND ".join(f"{key} = ?" for key in table.keys)
                conn.execute(f"DELETE FROM {table.rows} WHERE {same}", row.key)
            for column in table.trees:
                if not any(column in life.cells for life in change.lives):
                    conn.execute(
                        "DELETE FROM main._eddy_places WHERE (table_id, column_id, row_key) = (?, ?, ?)",
                        (row.table, column, key_text(row.key)),
                    )
        note_moves(conn, stored.tables, outcome)
        note_conflicts(conn, outcome)
        if self.constraints:
            fresh = self._stored(conn)  # the order of commits is another one
            judged = {**judge(fresh, self.constraints, outcome), **circles(outcome)}
            note_violations(conn, judged)
            heads = self._now(conn)
            was, heads.violated = heads.violated, conn.execute(_VIOLATED).fetchone() is not None
            if was and not heads.violated:
                tighten(conn)


def _numbered(stored: Stored, commit: Commit) -> str:
    """Return why `commit` can't be taken in where two replicas give the same key to different rows, "" if it can."""
    for name in dict.fromkeys(op.table for op in commit.ops):
        table = stored.tables.get(name)
        if table is not None and table.numbered:
            return (
                f"{table.name} has an INTEGER PRIMARY KEY: two databases give one number to different rows, so "
                "they can't be joined; make the key a text that is unique everywhere: CREATE TABLE ... (id TEXT "
                f"NOT NULL PRIMARY KEY, ...), INSERT INTO ... SELECT 'a-' || {table.key[0]}, ... FROM {table.name}"
            )
    return ""


def _spoken(stored: Stored, row: RowId) -> list[Speaker]:
    """Return all that was said of `row`."""
    stands = [Speaker(by, op) for by, op in stored.history(row)]
    return [*stored.forgotten(row), *stands, *stored.fates.about.get(row, ())]


def _built_directly(stored: Stored, rejected: CommitId) -> list[CommitId]:
    """Return the commits that stand and can't without `rejected`."""
    fates = stored.fates
    rows = [row for row, said in fates.about.items() if any(one.by == rejected for one in said)]
    later = {by: None for row in rows for by, _ in stored.history(row) if rejected in stored.parents(by)}
    return [
        by
        for by in later
        if built_on(stored.commit(by), lambda row: _spoken(stored, row), fates.is_rejected) is not None
    ]


def _built_on_reason(at: CommitId) -> str:
    return f"built on {at}, which was rejected"
