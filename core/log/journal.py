"""The journal: each transaction of ours becomes one commit, in the same SQLite transaction; and so does each of others.

    TEMP logs (OLD -1, NEW +1)  --by key-->  ops     ->  one row in _eddy_commits
                                             stamps  ->  one row each in _eddy_rows_N
    a commit of another replica --merge-->   rows, stamps, conflicts, violations, and the same row in _eddy_commits

Nothing is kept in memory but the heads, which are thrown away with the transaction, or when somebody else has written.
A table whose log can't be trusted (a schema change, a REPLACE that no trigger saw) is compared with its checksums.
Where a column merges in a way of its own, what we write goes through the merge, too.
Cost: one read a row, one write a row, one write a commit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..changes import Changes, Needs
from ..clock import Clock, stamp_ms
from ..errors import ConstraintError, LogError
from ..origin import Origin
from ..schema.catalog import Catalog, TableName
from ..schema.table import TableSpec
from ..store import Connection
from ..values import SqlRow, shown
from .altered import fit_columns
from .applying import note_conflicts, note_violations, tighten, write_rows, write_stamps
from .authoring import ops_of
from .commit import Commit, CommitId, Op
from .compaction import Compacted, compact
from .conflicts import conflict_of, dismiss, restore
from .declared import constraints_of, functions_of
from .encoding import compose, encode_ops, key_text
from .fates import Fates
from .instance import Instance, last_commit, read_nonce
from .joins import MergeFunctions
from .lanes import NO_END, End, Heads, Own, Place, Runs
from .life import RowId
from .merge import merge
from .projecting import project
from .quick import Quick
from .row_changes import RowChange, RowChanges, Written
from .rows import Change, Outcome
from .stamps import Stamp
from .stored import Stored
from .tables import LoggedTable, read_tables, schema_hash
from .taking import Taking
from .texts import Texts
from .trees import note_moves
from .vector import Vector
from .violations import Constraint, circles, judge

__all__ = ["Journal"]

_INSERT = (
    "INSERT INTO main._eddy_commits (id, hlc, eff, hash, ops, before, left_out, message, actor, command, args, "
    "sent_ms, received_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_VIOLATED = "SELECT 1 FROM main._eddy_violations LIMIT 1"
_INSERT_PLAIN = "INSERT INTO main._eddy_commits (id, hlc, hash, ops, before) VALUES (?, ?, ?, ?, ?)"


@dataclass(slots=True)
class _Said:
    """The ops of a commit that is being written, as text; `before`: which commit spoke of the row of each last."""

    ops: list[str] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def text(self) -> str:
        return f"[{','.join(self.ops)}]"


class Journal(Taking):
    """The log of one database as its writer connection keeps it."""

    def __init__(self, clock: Clock, *, goes_on: bool = False) -> None:
        self._clock = clock
        self.unmade = False
        self.tables: Mapping[TableName, LoggedTable] = {}
        self.specs: Sequence[TableSpec] = ()
        self.functions: MergeFunctions = {}
        self.constraints: Sequence[Constraint] = ()
        self._rows: dict[TableName, RowChanges] = {}
        self._schema = ""
        self._instance: Instance | None = None
        self._goes_on = goes_on
        self._looked = self._begun = self._beginning = False
        self._heads: Heads | None = None
        self._is_ahead = False  # the heads are those of the open transaction
        self._runs: Runs | None = None
        self._horizon: Vector | None = None
        self._fates: Fates | None = None
        self.texts = Texts()
        self._guard: int | None = None
        self._floor: int | None = None

    def look(self, conn: Connection, catalog: Catalog) -> None:
        """Take the logged tables that are there now."""
        self.tables = read_tables(conn, catalog)
        self.constraints = constraints_of(conn, catalog, self.tables.values())
        self.functions = functions_of(self.specs, self.tables.values())
        self._rows = {name: RowChanges(table, self.texts) for name, table in self.tables.items()}
        self._schema = schema_hash(self.tables.values())
        self._heads = self._runs = self._horizon = self._fates = self._guard = self._floor = None
        self.texts.forget(conn)
        if self.tables and not self._looked:
            self._looked, self._instance = True, None if self._goes_on else Instance.of(conn)

    @property
    def untouched(self) -> bool:
        """Whether nobody has written to the file since a session of ours ended."""
        return self._instance is not None and self._instance.untouched

    @property
    def is_same(self) -> bool:
        """Whether this is surely the file that it was at the end of its last session: no copy, no older state of it."""
        return self._instance is None or self._instance.same

    @property
    def last_own(self) -> CommitId | None:
        """The last commit of the lane that this file writes, if the heads are known; else None."""
        heads = self._heads
        lane = None if heads is None else heads.own.get("lane")
        return None if heads is None or lane is None else CommitId(heads.lanes[lane], heads.seqs[lane])

    def fit(self, conn: Connection, catalog: Catalog) -> None:
        """Follow logged tables whose columns have changed; inside a transaction that writes."""
        shrunk, grown = fit_columns(conn, catalog)
        self.look(conn, catalog)
        for name in shrunk:
            self._rows[name].sum_anew(conn)
        if grown:
            project(conn, self._stored(conn), [self.tables[name] for name in grown], self.functions)

    def moved(self) -> None:
        """Another program has written: read the heads anew when they are needed."""
        self._heads = self._runs = self._horizon = self._fates = self._guard = self._floor = None
        self.texts.forget()

    def needs(self, catalog: Catalog) -> Needs:
        """Return what must be captured: logged tables in full."""
        return {
            name: frozenset((*catalog.table(name).key, *table.key, *table.names)) for name, table in self.tables.items()
        }

    # -- what we write

    def append(self, conn: Connection, changes: Changes, origin: Origin, own: Own = "lane") -> bool:
        """Write what the open transaction did as one commit; say whether there was anything to write.

        "external": what another program did, unless it has written that into the log itself.
        """
        if changes.everything:
            compared = [*self.tables]
        else:
            compared = [name for name in changes.unknown if name in self.tables] if changes.unknown else []
        logged = [name for name in changes.logs if name in self.tables and name not in compared]
        if not logged and not compared:
            return False
        heads = self._now(conn)
        guarded = self._guarded(conn)
        if len(logged) == 1 and not compared and not heads.violated and own == "lane" and not guarded:
            rows = self._rows[logged[0]]
            if not rows.table.special:
                op = rows.write_one(conn, *changes.rows[logged[0]](conn), heads.last_id + 1)
                if op is not None:
                    return self._append_one(conn, heads, rows.table, op, origin)
        found: list[tuple[RowChanges, list[RowChange]]] = []
        special = heads.violated
        for name in sorted((*logged, *compared)) if len(logged) + len(compared) > 1 else logged or compared:
            rows = self._rows[name]
            changed = self._changed(conn, changes, name, compared)
            if own == "external":
                changed = rows.out_of_step(changed)
            special = special or rows.table.special or any(change.stamps[5] is not None for change in changed)
            found.append((rows, changed))
        if guarded:
            self._keep_bases(conn, found)
        if special:
            return self._append_merged(conn, heads, own, found, origin)
        said = _Said()
        number = heads.last_id + 1
        self.texts.at_commit(number)
        for rows, changed in found:
            kept = (said.ops, said.before) if rows.table.keeps else (said.left_out, [])
            rows.write(conn, changed, number, *kept)
        if not said.ops and not said.left_out:
            return False
        whole = f"[{','.join([*said.ops, *said.left_out])}]"
        self._append(conn, heads, own, whole, said.text() if said.left_out else whole, said, origin)
        return True

    def _changed(
        self, conn: Connection, changes: Changes, name: TableName, compared: Sequence[TableName]
    ) -> list[RowChange]:
        rows = self._rows[name]
        if name in compared:
            return rows.compared(conn)
        return rows.changed(conn, *changes.rows[name](conn), changes.logs[name])

    def _append_one(self, conn: Connection, heads: Heads, table: LoggedTable, op: Written, origin: Origin) -> bool:
        """Append the commit of one op, whose stamps are written."""
        if not op.text:
            return False
        whole = f"[{op.text}]"
        if not table.keeps:
            self._append(conn, heads, "lane", whole, "[]", _Said([], [], [op.text]), origin)
        else:
            self._append(conn, heads, "lane", whole, whole, _Said([], [op.before], []), origin)
        return True

    def _append(
        self, conn: Connection, heads: Heads, own: Own, whole: str, kept: str, said: _Said, origin: Origin
    ) -> None:
        """Append the commit whose ops are `whole`, of which `kept` stay in the log."""
        place = self._place(conn, heads, own)
        end = heads.ends.get(place.lane, NO_END)
        hlc = self._clock.tick(end.hlc)
        heads.eff = max(hlc, heads.eff + 1)
        words = (origin.actor, origin.command, origin.args, origin.message, self._schema, end.hash)
        text = compose(heads.lanes[place.lane], place.seq, place.parents, hlc, stamp_ms(hlc), words, whole)
        self._write(conn, heads, place, hlc, heads.eff, text, kept, said, origin)

    def author(self, conn: Connection, ops: Iterable[Op], origin: Origin) -> None:
        """Write `ops` as a commit of ours and do what they say to the rows; in a transaction without other writes."""
        heads, listed = self._now(conn), tuple(ops)
        self._keep_bases_of(conn, listed)
        self._merge_own(conn, heads, "lane", listed, origin, self._stored(conn))

    def settle(self, conn: Connection, row: RowId, incarnation: int, origin: Origin, *, bring_back: bool) -> None:
        """Write what settles the conflict of a life that ended, as a commit of ours. Raises `LogError` without one."""
        stored = self._stored(conn)
        lives = stored.lives([row]).get(row, ())
        life = next((life for life in lives if life.incarnation == incarnation), None)
        conflict = None if life is None else conflict_of(row, life, stored.parents)
        if conflict is None:
            raise LogError(
                f"{row.table} {row.key} has no conflict in life {incarnation}; eddy_conflicts lists those that stand"
            )
        trees = stored.tables[row.table].trees
        ops = restore(conflict, lives, trees, self.functions, stored.stamp) if bring_back else dismiss(conflict)
        self.author(conn, [said for op in ops for said in self.texts.as_edits(op)], origin)

    def compact(self, conn: Connection, keep: int) -> Compacted:
        """Forget the ops of all commits but the newest `keep`."""
        self._horizon = self._floor = self._guard = None
        return compact(conn, keep, self.tables.values(), self.texts, self._stored(conn))

    def _append_merged(
        self,
        conn: Connection,
        heads: Heads,
        own: Own,
        found: list[tuple[RowChanges, list[RowChange]]],
        origin: Origin,
    ) -> bool:
        old: dict[RowId, SqlRow | None] = {
            RowId(rows.table.id, change.key): change.old for rows, changed in found for change in changed
        }
        stored = self._stored(conn, old)
        ops: list[Op] = []
        for rows, changed in found:
            lives = stored.lives([RowId(rows.table.id, change.key) for change in changed])
            for change in changed:
                ops += ops_of(rows.table, change, lives.get(RowId(rows.table.id, change.key), ()), self.texts)
        if not ops:
            return False
        self._merge_own(conn, heads, own, tuple(ops), origin, stored, found)
        return True

    def _merge_own(
        self,
        conn: Connection,
        heads: Heads,
        own: Own,
        ops: tuple[Op, ...],
        origin: Origin,
        stored: Stored,
        found: Sequence[tuple[RowChanges, list[RowChange]]] = (),
    ) -> None:
        parents = heads.vector
        place = self._place(conn, heads, own)
        end = heads.ends.get(place.lane, NO_END)
        hlc = self._clock.tick(end.hlc)
        commit = Commit(
            heads.lanes[place.lane], place.seq, parents, hlc, ops, origin.actor, origin.command, origin.args,
            origin.message, stamp_ms(hlc), self._schema, end.hash,
        )  # fmt: skip
        self._merge(conn, heads, place, commit, stored, found)

    # -- what others wrote: `taking.py`

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
        """Merge `commit`, which is next; `found` is what statements of ours have already made of the rows."""
        stored.runs.note(place, commit)
        clamped = stored.fates.clamped(commit.id)
        eff = self._effective(heads, commit, clamped, stored)
        quick = Quick.of(stored, commit) if received_ms is not None else None
        if quick is not None:
            self.texts.touch(one.row for one in quick.rows)
            quick.write(conn, place.id)
            outcome, said, whole = quick.outcome(), _Said(before=quick.before), encode_ops(commit.ops)
        else:
            outcome, said, whole = self._merge_rows(conn, place, commit, stored, found, (eff, commit.lane))
        words = (commit.actor, commit.command, commit.args, commit.message, commit.schema, commit.previous)
        text = compose(commit.lane, commit.seq, place.parents, commit.hlc, commit.sent_ms, words, whole)
        origin = Origin(commit.message, commit.actor, commit.command, commit.args)
        heads.eff = max(heads.eff, eff)
        kept = whole if quick is not None else said.text()
        self._write(conn, heads, place, commit.hlc, eff, text, kept, said, origin, commit.sent_ms, received_ms)
        note_conflicts(conn, outcome)
        if self.constraints:
            stored.know(commit.id, (eff, commit.lane))
            judged = {**judge(stored, self.constraints, outcome), **circles(outcome)}
            if not heads.violated:  # nothing can be mended
                judged = {at: violation for at, violation in judged.items() if violation is not None}
            note_violations(conn, judged)
            was, heads.violated = heads.violated, conn.execute(_VIOLATED).fetchone() is not None
            if was and not heads.violated:
                tighten(conn)

    def _merge_rows(
        self,
        conn: Connection,
        place: Place,
        commit: Commit,
        stored: Stored,
        found: Sequence[tuple[RowChanges, list[RowChange]]],
        stamp: Stamp,
    ) -> tuple[Outcome, _Said, str]:
        outcome, numbers = merge(stored, commit, stamp, self.functions), _Numbers(stored.runs)
        stored.know(commit.id, stamp)
        self.texts.at_commit(place.id)
        outcome = self.texts.take(commit, outcome, numbers)
        if found:
            _refuse_circles(outcome, commit.id)
        write_rows(conn, stored, _left(outcome, found))
        write_stamps(conn, stored, outcome, place.id, numbers)
        note_moves(conn, stored.tables, outcome)
        texts = [encode_ops((op,))[1:-1] for op in commit.ops]
        said = _Said()
        for op, text in zip(commit.ops, texts, strict=True):
            table = stored.tables.get(op.table)
            if table is not None and not table.keeps:
                said.left_out.append(text)
                continue
            said.ops.append(text)
            before = stored.last.get(RowId(op.table, op.key), 0)
            begins = op.incarnation > stored.life.get(RowId(op.table, op.key), 0)
            said.before.append(-before if begins else before)
        return outcome, said, f"[{','.join(texts)}]"

    # -- both

    def _stored(self, conn: Connection, old: Mapping[RowId, SqlRow | None] | None = None) -> Stored:
        if self._runs is None:
            self._runs = Runs(conn)
        return Stored(conn, self.tables.values(), self._runs, self.functions, old, self.fates(conn), texts=self.texts)

    def _now(self, conn: Connection) -> Heads:
        """Return the heads, to be moved on by the open transaction."""
        if self._heads is None:
            self._heads = Heads.read(conn)
            if not (self._begun or self._beginning or self.is_same):
                self._heads.own = {}  # what an older state of the file wrote is a lane like others
        self._is_ahead = True
        return self._heads

    def _place(self, conn: Connection, heads: Heads, own: Own) -> Place:
        if not (self._begun or self._beginning):
            self._begin(conn, heads)
        return heads.place_own(conn, own, self._schema)

    def _write(
        self,
        conn: Connection,
        heads: Heads,
        place: Place,
        hlc: int,
        eff: int,
        text: str,
        ops: str,
        said: _Said,
        origin: Origin,
        sent_ms: int | None = None,
        received_ms: int | None = None,
    ) -> None:
        """Write the commit whose canonical text is `text`; of its ops `ops` is kept."""
        digest = hashlib.sha256(text.encode())
        before = str(said.before) if any(said.before) else None
        if sent_ms == stamp_ms(hlc):
            sent_ms = None
        words = origin.message or origin.actor or origin.command
        if eff == hlc and not (said.left_out or words) and sent_ms is None and received_ms is None:
            conn.execute(_INSERT_PLAIN, (place.id, hlc, digest.digest(), ops, before))
        else:
            conn.execute(
                _INSERT,
                (
                    place.id, hlc, None if eff == hlc else eff, digest.digest(), ops, before,
                    len(said.left_out) or None, origin.message or None, origin.actor or None, origin.command or None,
                    origin.args or None, sent_ms, received_ms,
                ),
            )  # fmt: skip
        heads.ends[place.lane] = End(hlc, digest.hexdigest())
        if self._runs is not None:
            self._runs.follow(place, heads.lanes[place.lane], self._schema)

    def _begin(self, conn: Connection, heads: Heads) -> None:
        """Begin to write in this session: on the lanes of the file, unless it may be a copy or an older state."""
        if not (self._goes_on or (self._instance is not None and self._instance.same)):
            heads.own = {}
        if self._instance is not None:
            self._instance.begin(conn)
        self._beginning = True

    def keep(self) -> None:
        """The transaction is committed: what it staged is what there is."""
        self._is_ahead = False
        self.texts.kept()
        self._begun, self._beginning = self._begun or self._beginning, False

    def discard(self) -> None:
        """The transaction is undone."""
        self._runs = self._horizon = self._fates = self._guard = self._floor = None
        self._beginning = False
        self.texts.undone()
        if self._is_ahead:
            self._heads, self._is_ahead = None, False

    def close(self, conn: Connection) -> Callable[[], None]:
        """End the session; return what is to be called when every connection is closed."""
        instance, self._instance = self._instance, None
        if instance is None:
            return lambda: None
        if conn.in_transaction:
            return lambda: instance.end(0, "")
        last, nonce = last_commit(conn), read_nonce(conn)
        return lambda: instance.end(last, nonce)


class _Numbers:
    """Numbers of commits in this file, each looked up once."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._known: dict[CommitId, int] = {}

    def __call__(self, commit: CommitId) -> int:
        number = self._known.get(commit)
        if number is None:
            number = self._known[commit] = self._runs.number(commit)
        return number


def _refuse_circles(outcome: Outcome, commit: CommitId) -> None:
    """Raise `ConstraintError` where a move of ours puts a row below itself."""
    for (_, column), rows in outcome.ignored.items():
        for row, moved in rows.items():
            if moved is not None and moved.by == commit:
                raise ConstraintError(
                    f"{row.table} {key_text(row.key)} would be below itself: {column} = {shown(moved.parent)} closes a "
                    "circle; nothing of the transaction was kept",
                    sql="",
                )


def _left(outcome: Outcome, found: Sequence[tuple[RowChanges, list[RowChange]]]) -> Outcome:
    """Return what is left to write of `outcome` where statements of ours have changed the rows already."""
    if not found:
        return outcome
    now = {
        RowId(rows.table.id, change.key): None
        if change.new is None
        else dict(zip(rows.table.ids, change.new, strict=True))
        for rows, changed in found
        for change in changed
    }
    changes = {row: Change(now.get(row, one.old), one.new, one.lives) for row, one in outcome.changes.items()}
    return Outcome(changes, outcome.conflicts, outcome.moved, outcome.ignored)
