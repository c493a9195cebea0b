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
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from ..clock import stamp_ms
from ..errors import ForgottenError, LogError, SnapshotError
from ..schema.catalog import TableName
from ..schema.meta import write_meta
from ..store import Connection
from ..values import SqlRow
from .applying import note_conflicts, note_violations, stamps_of, tighten, write_rows
from .bases import drop_bases, has_base, keep_base, keep_for_good
from .commit import Commit, CommitId, End, Op, TextUpdate
from .compaction import floor_of, horizon_of
from .encoding import commit_hash, encode_ops, key_text
from .envelopes import Envelope, Speaker, built_on, joined, withheld
from .fates import Fate, Fates, admitted_of, note_admitted
from .joins import MergeFunctions
from .lanes import NO_END, Heads, Place, Runs, lane_number
from .lanes import End as LaneEnd
from .life import RowId
from .merge import check_chain, check_next, reorder, without
from .outgoing import kept_beyond
from .owners import Bringer
from .row_changes import RowChange, RowChanges
from .rows import Change, Outcome
from .stamps import Header, clamp, effective, restamp
from .stored import Stored
from .tables import LoggedTable, cells_of
from .texts import Texts
from .trees import forget_moves, note_moves
from .vector import EMPTY, Lane, Vector
from .violations import Constraint, circles, judge

if TYPE_CHECKING:
    from .installing import Installed

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
    _guard: int | None
    _floor: int | None
    unmade: bool
    """Whether a rejection was heard of that rows here don't follow, since the log has forgotten what they were."""

    def _now(self, conn: Connection) -> Heads:
        raise NotImplementedError

    def _stored(self, conn: Connection, old: Mapping[RowId, SqlRow | None] | None = None) -> Stored:
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

    def acknowledge(self, conn: Connection, vector: Vector) -> bool:
        """Know that a hub has all of `vector`; False if that was known."""
        if not note_admitted(conn, vector):
            return False
        self._guard = None
        if admitted_of(conn) >= self._now(conn).vector:
            drop_bases(conn)
            self._fates = None
        return True

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

    def admit(
        self,
        conn: Connection,
        commits: Iterable[Commit],
        judge: Judge | None,
        envelopes: Iterable[Envelope] = (),
        bringer: Bringer | None = None,
        *,
        received_ms: int,
    ) -> Taken:
        """Take in commits as their hub: `judge` may reject them, stamps that run ahead are clamped.

        What isn't the `bringer`'s to bring isn't taken.
        `envelopes` are what a hub that is an older state of itself had said before: heard of commits that are new here.
        """
        before = {one.commit: one for one in envelopes}
        if bringer is not None:
            bringer.begin(conn)

        def said(commit: Commit) -> Envelope | None:
            reason = bringer.check(conn, commit) if bringer is not None else ""
            reason = reason or _unshared(self._stored(conn), commit) or (judge and judge(commit)) or ""
            reason = "" if commit.rejected else reason
            clamped = clamp(commit.hlc, received_ms)
            known, now = before.get(commit.id), Envelope(commit.id, clamped, reason)
            return joined(known, now) if known or reason or clamped is not None else None

        taken = self._take_all(conn, commits, Taken(), lambda commit: self._take(conn, commit, received_ms, said))
        admitted, fates = self._now(conn).vector, self.fates(conn)
        note_admitted(conn, admitted)
        taken.fates = [fates.of(fate.commit, admitted) for fate in taken.fates]
        return taken

    def reject(self, conn: Connection, commit: CommitId, reason: str) -> bool:
        """Reject a commit that is here already; False if that was known.

        Raises `ForgottenError` where the log has forgotten what rows were without it; the caller undoes all of it.
        """
        self.unmade = False
        heard = self._hear(conn, [Envelope(commit, rejected=reason)])
        if self.unmade:
            raise ForgottenError(
                f"commit {commit} can't be rejected any more: the log has forgotten what rows were without it (a "
                "compaction, or a snapshot); write what they should be instead",
                lane=commit.lane,
                seq=commit.seq,
            )
        return heard > 0

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
        horizon = EMPTY if commit.rejected else self._horizon_now(conn)  # what has no effect revives nothing
        if not check_next(commit, heads.vector, horizon):
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
        refused = "" if reason else _unshared(stored, commit)
        if refused:
            raise LogError(refused)
        place = _placed(conn, heads, stored.runs, commit)
        if reason:
            self._keep_rejected(conn, heads, place, withheld(commit, reason), stored, received_ms)
        else:
            floor = floor_of(conn) if self._floor is None else self._floor
            self._floor = floor
            ended = {RowId(op.table, op.key): True for op in commit.ops if isinstance(op, End)} if floor else {}
            _keep_bases(conn, stored, ended, floor)
            self._merge(conn, heads, place, commit, stored, received_ms=received_ms)
        return True

    def _effective(self, heads: Heads, commit: Commit, clamped: int | None, stored: Stored) -> int:
        """Return the effective stamp of a commit that comes, and know it for those that follow."""

        def known(at: CommitId) -> int:
            eff = heads.effs.get(at)
            if eff is None:
                eff = stored.eff(at)
                heads.note_eff(at, eff)
            return eff

        eff = effective(Header(commit.id, commit.parents, commit.hlc, clamped), known)
        heads.note_eff(commit.id, eff)
        return eff

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
        self, conn: Connection, heads: Heads, place: Place, commit: Commit, stored: Stored, received_ms: int | None
    ) -> None:
        """Give a rejected commit its place in the log, and no row anything of it."""
        stored.runs.note(place, commit)
        clamped = stored.fates.clamped(commit.id)
        eff = self._effective(heads, commit, clamped, stored)
        digest = commit_hash(commit)
        conn.execute(
            "INSERT INTO main._eddy_commits (id, hlc, eff, hash, ops, message, actor, command, args, sent_ms, "
            "received_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                place.id, commit.hlc, None if eff == commit.hlc else eff, bytes.fromhex(digest), encode_ops(commit.ops),
                commit.message or None, commit.actor or None, commit.command or None, commit.args or None,
                None if commit.sent_ms == stamp_ms(commit.hlc) else commit.sent_ms, received_ms,
            ),
        )  # fmt: skip
        heads.eff = max(heads.eff, eff)
        heads.ends[place.lane] = LaneEnd(commit.hlc, digest)
        stored.fates.note_about(conn, stored.runs, commit.id)

    # -- a snapshot

    def install(self, conn: Connection, lines: Iterable[bytes], now_ms: int) -> Installed:
        """Become what a snapshot holds, and merge what only this replica has written on top; in an open transaction.

        What its author wrote without having seen what is forgotten there is kept as rejected. Raises `SnapshotError`,
        `ForkError`.
        """
        from .installing import install, read_head

        rest = iter(lines)
        first = next(rest, b"")
        head = read_head(first, self.tables.values())
        heads = self._now(conn)
        if not head.whole:
            if heads.vector != head.vector:
                raise SnapshotError(
                    "a snapshot of some tables fits only the vector that it was made at: take a whole one"
                )
            done = install(conn, head, chain([first], rest), now_ms)
            self._read_anew(conn)
            return done
        own = {kind: heads.lanes[no] for kind, no in heads.own.items()}
        mine = heads.vector
        pending = list(kept_beyond(conn, head.vector))
        tried = _rejected_here(conn, head.vector & heads.vector)
        done = install(conn, head, chain([first], rest), now_ms)
        for kind, lane in own.items():
            # not if somebody else has written it, nor behind commits that saw less than the next one will have
            goes_on = head.vector[lane] == mine[lane]
            write_meta(conn, kind, lane_number(conn, lane) if goes_on else 0)
        conn.execute("UPDATE main._eddy_envelopes SET id = NULL")
        self._read_anew(conn)
        fates = self.fates(conn)
        fates.hear(conn, done.envelopes)
        self._keep_tried(conn, tried)
        for commit in pending:
            self._retake(conn, commit, head.horizon, None if commit.lane in own.values() else now_ms, done)
        note_admitted(conn, head.vector)
        if not self._now(conn).violated:
            tighten(conn)
        return done

    def _read_anew(self, conn: Connection) -> None:
        self._heads = self._runs = self._horizon = self._fates = self._guard = self._floor = None
        self.texts.forget(conn)
        self._now(conn)

    def _keep_tried(self, conn: Connection, commits: Mapping[CommitId, tuple[Any, ...]]) -> None:
        """Keep what was rejected with all it said."""
        stored = self._stored(conn)
        for commit, kept in commits.items():
            conn.execute(
                "INSERT OR REPLACE INTO main._eddy_commits (id, eff, hlc, hash, ops, message, actor, command, args, "
                "received_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (stored.runs.number(commit), stored.eff(commit), *kept),
            )
            stored.fates.note_about(conn, stored.runs, commit)

    def _retake(
        self, conn: Connection, commit: Commit, horizon: Vector, received_ms: int | None, done: Installed
    ) -> None:
        """Merge a commit again that was here before, or keep it as rejected."""
        heads, stored = self._now(conn), self._stored(conn)
        end = next(
            (heads.ends[no] for no, lane in heads.lanes.items() if lane == commit.lane and no in heads.ends), NO_END
        )
        check_chain(commit, end.hash)
        if not commit.parents >= horizon and not stored.fates.is_rejected(commit.id):
            reason = "written without having seen what was forgotten since: look through it, and try it again"
            stored.fates.hear(conn, [Envelope(commit.id, rejected=reason)])
        reason = self._reason(conn, stored, commit)
        place = _placed(conn, heads, stored.runs, commit)
        if reason:
            done.rejected += 1
            self._keep_rejected(conn, heads, place, commit, stored, received_ms)
        else:
            done.retaken += 1
            rows = {RowId(op.table, op.key): isinstance(op, End) for op in commit.ops}
            _keep_bases(conn, stored, rows, floor_of(conn))
            self._merge(conn, heads, place, commit, stored, received_ms=received_ms)

    # -- bases

    def _keep_bases(self, conn: Connection, found: Sequence[tuple[RowChanges, list[RowChange]]]) -> None:
        """Keep what rows were that a commit of ours changes, where the log couldn't say it if that were rejected."""
        rows = {RowId(rows.table.id, change.key): change for rows, changed in found for change in changed}
        stored = self._stored(conn, {row: change.old for row, change in rows.items()})
        _keep_bases(conn, stored, {row: change.new is None for row, change in rows.items()}, self._guarded(conn))

    def _keep_bases_of(self, conn: Connection, ops: Iterable[Op]) -> None:
        """Keep what rows were that `ops` are about."""
        floor = self._guarded(conn)
        if floor:
            rows = {RowId(op.table, op.key): isinstance(op, End) for op in ops}
            _keep_bases(conn, self._stored(conn), rows, floor)

    def _guarded(self, conn: Connection) -> int:
        """Return up to which commit the log is forgotten of what a rejection may ask for; 0 where nobody rejects."""
        if self._guard is None:
            self._guard = floor_of(conn) if admitted_of(conn) != EMPTY else 0
        return self._guard

    # -- what hubs say

    def _hear(self, conn: Connection, envelopes: Iterable[Envelope]) -> int:
        """Take in what hubs have said, and make the rows anew that it concerns; return how much of it was news."""
        listed = list(envelopes)
        if not listed:
            return 0
        fates, vector = self.fates(conn), self._now(conn).vector
        was_rejected = {commit for commit in fates.known if fates.is_rejected(commit)}
        fresh = fates.hear(conn, listed)
        runs, floor = self._stored(conn).runs, floor_of(conn)
        known = [one for one in fresh if one.commit in vector]
        here = [one for one in known if runs.number(one.commit) > floor]
        news = [one.commit for one in known if one.rejected and one.commit not in was_rejected]
        gone = [commit for commit in news if runs.number(commit) > floor]
        self.unmade |= len(gone) < len(news)
        if gone:  # first: until then rows hold what their history, as it is read now, doesn't say
            self._leave_out(conn, gone)
        if any(one.clamped is not None for one in here):
            self._reorder(conn, [one.commit for one in here if one.clamped is not None])
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
        """Make rows what they are without commits that are here, and without those that were built on them.

        A row of which the log has forgotten a part stays as it is, until a hub sends its table anew.
        """
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
        for row in [row for row, change in outcome.changes.items() if not _can_be_made(stored, row, change, todo)]:
            self.unmade = True
            del outcome.changes[row]
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


def _placed(conn: Connection, heads: Heads, runs: Runs, commit: Commit) -> Place:
    """Return the place in this file of a commit that was written elsewhere, or before."""
    lane = next((no for no, name in heads.lanes.items() if name == commit.lane), None)
    if lane is None:
        lane = lane_number(conn, commit.lane)
        heads.lanes = {**heads.lanes, lane: commit.lane}
    last = heads.last_id
    follows = bool(last) and commit.parents == runs.after(last)
    return heads.place(conn, lane, commit.parents.to_json(), commit.schema, alone=not follows)


def _unshared(stored: Stored, commit: Commit) -> str:
    """Return why `commit` is about a table that two databases can't have in common, "" if it isn't."""
    tables = (stored.tables.get(name) for name in dict.fromkeys(op.table for op in commit.ops))
    return next((table.unshared for table in tables if table is not None and table.unshared), "")


def _keep_bases(conn: Connection, stored: Stored, rows: Mapping[RowId, bool], floor: int) -> None:
    """Keep those of `rows` of which the log has forgotten something, below `floor`; for good if they end now."""
    for row, ends in rows.items():
        found = None if row.table not in stored.tables else stored.stamps_and_row(row)
        if found is None:
            continue
        _, stamp, cells, _, extra = found[:5]
        oldest = min(stamp, *cells_of(cells).values(), stamp)
        if oldest > floor and (extra is None or not stored.forgotten(row)):
            continue
        if not has_base(conn, row):
            keep_base(conn, row, stored.lives([row]).get(row, ()), stored.runs.number, stored.runs.last_id)
            stored.fates.bases = True
        if ends:
            keep_for_good(conn, row)


def _rejected_here(conn: Connection, vector: Vector) -> dict[CommitId, tuple[Any, ...]]:
    """Return what is stored of the rejected commits in `vector` that nobody has settled: they may be tried again."""
    found = conn.execute(
        "SELECT e.lane, e.seq, c.hlc, c.hash, c.ops, c.message, c.actor, c.command, c.args, c.received_ms "
        "FROM main._eddy_envelopes AS e JOIN main._eddy_commits AS c ON c.id = e.id "
        "WHERE e.rejected IS NOT NULL AND e.settled IS NULL"
    ).fetchall()
    by_id = {CommitId(Lane(lane), seq): tuple(kept) for lane, seq, *kept in found}
    return {commit: kept for commit, kept in by_id.items() if commit in vector and '"withheld"' not in kept[2][:12]}


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


def _can_be_made(stored: Stored, row: RowId, change: Change, rejected: Collection[CommitId]) -> bool:
    """Say whether `change` is what a row becomes without `rejected`: all that was said of it is known.

    What forgotten edits made of a text is kept with the text, so a row that goes on may lose an edit.
    """
    if stored.is_whole(row):
        return True
    gone = [one.op for one in stored.fates.about.get(row, ()) if one.by in rejected]
    return all(isinstance(op, TextUpdate) for op in gone) and (change.old is None) == (change.new is None)


def _built_on_reason(at: CommitId) -> str:
    return f"built on {at}, which was rejected"
