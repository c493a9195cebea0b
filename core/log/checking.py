"""Check and repair: the log written out again from its first commit, beside what the file holds.

    _eddy_commits  --merge, in memory-->  lives  ~  rows of issue      differ: a projection is wrong, or somebody wrote
         | hashes, chain by lane                 ~  stamps, conflicts  differ: written anew by `repair`
         `-- altered, missing, unreadable: only said, for nothing knows better than the log

A row that isn't what its own checksum says was changed by another program: that is no damage, it becomes a commit of
theirs with the next write. Everything else that differs is a fault of a disk, a tool or ours, and the log is right.
Where the log was compacted, rows that it speaks of only in part are left as they are.
Cost: the log is merged as a whole, in memory: about 10 us an op, and all rows of logged tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import LogError, StateError
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow, SqlValue, shown, typed
from .applying import delete_row, insert_rows, note_conflicts, stamps_of, update_row
from .bases import read_eff
from .commit import Commit, CommitId, Key, Op, Withheld
from .compaction import floor_of
from .conflicts import Conflict
from .drafts import Draft, TextId
from .encoding import decode_ops, encode, key_text
from .fates import Fates
from .joins import MergeFunctions
from .lanes import Runs
from .life import JOIN, TEXT, Life, RowId, alive
from .life import shown as shown_life
from .merge import merge
from .row_changes import checksum
from .rows import Change, Outcome
from .stamps import Header, Stamp, effective
from .tables import LoggedTable, cells_of
from .text_merge import TextMerge
from .texts import Texts
from .tree import Moved, Placement
from .vector import Vector

__all__ = ["Finding", "check", "repair"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that isn't as it has to be: a sentence, and the row that `repair` can write anew, if any."""

    said: str
    row: RowId | None = None


class _ReplayedTexts(TextMerge):
    """The drafts of the whole log, in memory."""

    def __init__(self) -> None:
        self.drafts: dict[TextId, Draft] = {}

    def find(self, at: TextId) -> Draft | None:
        """See `TextMerge`."""
        return self.drafts.get(at)

    def add(self, draft: Draft) -> None:
        """See `TextMerge`."""
        self.drafts[draft.at] = draft

    def has(self, table: str, column: str) -> bool:
        """See `TextMerge`."""
        return bool(self.drafts)

    def of(self, row: RowId) -> dict[TextId, Draft]:
        """Return the drafts of one row."""
        return {at: draft for at, draft in self.drafts.items() if (at.table, at.key) == row}


@dataclass(slots=True)
class _Replayed:
    """A `Reader` over dicts: the whole log, merged again."""

    functions: MergeFunctions
    now: dict[RowId, tuple[Life, ...]] = field(default_factory=dict)
    stamps: dict[CommitId, Stamp] = field(default_factory=dict)
    eff: Callable[[CommitId], int] = lambda at: 0  # of what only a snapshot has told of
    seen: dict[CommitId, Vector] = field(default_factory=dict)
    numbers: dict[CommitId, int] = field(default_factory=dict)
    last: dict[RowId, int] = field(default_factory=dict)
    conflicts: dict[tuple[RowId, int], Conflict] = field(default_factory=dict)
    moved: dict[tuple[str, str], list[Moved]] = field(default_factory=dict)
    texts: _ReplayedTexts = field(default_factory=_ReplayedTexts)

    def know(self, commit: CommitId, number: int, eff: int, parents: Vector) -> None:
        """Know the place of a commit whose ops the log has no more."""
        self.stamps[commit], self.seen[commit], self.numbers[commit] = (eff, commit.lane), parents, number

    def take(self, commit: Commit, number: int, clamped: int | None) -> None:
        """Merge the next commit, whose stamp a hub may have clamped."""
        eff = effective(Header(commit.id, commit.parents, commit.hlc, clamped), lambda parent: self.stamp(parent)[0])
        self.stamps[commit.id] = stamp = (eff, commit.lane)
        self.seen[commit.id], self.numbers[commit.id] = commit.parents, number
        outcome = merge(self, commit, stamp, self.functions)
        self.texts.take(commit, outcome, self.numbers.__getitem__)
        for row, change in outcome.changes.items():
            self.now[row], self.last[row] = change.lives, number
        for tree, moved in outcome.moved.items():
            kept = {(one.by, one.key): one for one in (*self.moved.get(tree, ()), *moved)}
            self.moved[tree] = sorted(kept.values(), key=lambda one: one.stamp)
        for at, conflict in outcome.conflicts.items():
            if conflict is None:
                self.conflicts.pop(at, None)
            else:
                self.conflicts[at] = conflict

    def lives(self, rows: Collection[RowId]) -> Mapping[RowId, Sequence[Life]]:
        """See `Reader`."""
        return {row: [life.copy() for life in self.now[row]] for row in rows if row in self.now}

    def stamp(self, commit: CommitId) -> Stamp:
        """See `Reader`."""
        known = self.stamps.get(commit)
        return (self.eff(commit), commit.lane) if known is None else known

    def parents(self, commit: CommitId) -> Vector:
        """See `Reader`."""
        return self.seen[commit]

    def ops(self, commit: CommitId) -> Sequence[Op]:
        """See `Reader`; asked for by clamps alone, and there is none."""
        raise StateError(f"the ops of {commit} are asked for")

    def history(self, row: RowId) -> Iterable[tuple[CommitId, Op]]:
        """See `Reader`; as `ops`."""
        raise StateError(f"the history of {row} is asked for")

    def trees(self, table: str) -> Collection[str]:
        """See `Reader`; as `ops`."""
        raise StateError(f"the trees of {table} are asked for")

    def base(self, row: RowId) -> list[Life]:
        """See `Reader`; as `ops`."""
        raise StateError(f"the base of {row} is asked for")

    def placement(self, table: str, column: str, key: Key) -> Placement | None:
        """See `TreeReader`."""
        for life in reversed(self.now.get(RowId(table, key), ())):
            if column in life.cells:
                return Placement(life.incarnation, *life.cells[column])
        return None

    def moves(self, table: str, column: str, after: Stamp | None) -> Sequence[Moved]:
        """See `TreeReader`."""
        return [moved for moved in self.moved.get((table, column), ()) if after is None or moved.stamp > after]


def check(conn: Connection, tables: Iterable[LoggedTable], functions: MergeFunctions) -> list[Finding]:
    """Return what is wrong with the log and with what is made of it; nothing where all is well."""
    findings, replayed = _replay(conn, functions)
    for table in tables:
        findings += _check_table(conn, table, replayed)
    return findings


def repair(conn: Connection, tables: Iterable[LoggedTable], functions: MergeFunctions, texts: Texts) -> list[Finding]:
    """Write rows, stamps, documents and conflicts anew where they aren't what the log says; return what was found."""
    by_id = {table.id: table for table in tables}
    findings = check(conn, by_id.values(), functions)
    _, replayed = _replay(conn, functions)
    for row in dict.fromkeys(finding.row for finding in findings if finding.row is not None):
        _write(conn, by_id[row.table], row, replayed)
        for at, draft in replayed.texts.of(row).items():
            edits = next(one.dots[TEXT, at.column] for one in replayed.now[row] if one.incarnation == at.incarnation)
            texts.store(draft, [replayed.numbers[dot.by] for dot in edits])
    conn.execute("DELETE FROM main._eddy_conflicts")
    note_conflicts(conn, Outcome({}, dict(replayed.conflicts)))
    return findings


def _replay(conn: Connection, functions: MergeFunctions) -> tuple[list[Finding], _Replayed]:
    findings: list[Finding] = []
    replayed, runs, fates, last = _Replayed(functions), Runs(conn), Fates.read(conn), dict[str, str]()
    expected, floor = 1, floor_of(conn)
    replayed.eff = lambda at: read_eff(conn, runs, at)
    for number, hlc, eff, digest, ops, left_out, sent_ms, actor, command, args, message in conn.execute(
        "SELECT id, hlc, eff, hash, ops, left_out, coalesce(sent_ms, hlc >> 16), coalesce(actor, ''), "
        "coalesce(command, ''), coalesce(args, ''), coalesce(message, '') FROM main._eddy_commits ORDER BY id"
    ).fetchall():
        at = runs.commit(number)
        if number <= floor:  # what it said is forgotten, or was never here
            replayed.know(at, number, hlc if eff is None else eff, runs.parents(number))
            last[at.lane], expected = digest.hex(), floor + 1
            continue
        if number != expected:
            findings.append(Finding(f"commits {expected} to {number - 1} of the log are missing"))
        expected = number + 1
        try:
            read = decode_ops(ops)
        except LogError as error:
            findings.append(Finding(f"commit {at} can't be read: {error}"))
            read = ()
        commit = Commit(
            at.lane, at.seq, runs.parents(number), hlc, read, actor, command, args, message, sent_ms,
            runs.schema(number), last.get(at.lane, ""),
        )  # fmt: skip
        last[at.lane] = digest.hex()
        whole = not left_out and not any(isinstance(op, Withheld) for op in read)
        if whole and hashlib.sha256(encode(commit).encode()).digest() != digest:
            findings.append(Finding(f"commit {at} isn't what its hash says: it was altered after it was written"))
        if fates.is_rejected(at):
            commit = replace(commit, ops=())
        try:
            replayed.take(commit, number, fates.clamped(at))
        except (LogError, StateError, KeyError) as error:
            findings.append(Finding(f"commit {at} can't be merged: {error}"))
    return findings, replayed


def _check_table(conn: Connection, table: LoggedTable, replayed: _Replayed) -> Iterator[Finding]:
    names = ", ".join(map(quote_name, (*table.key, *table.names)))
    width = len(table.key)
    rows = {row[:width]: row[width:] for row in conn.execute(f"SELECT {names} FROM {table.name.sql}").fetchall()}
    stamps = {row[:width]: row[width:] for row in conn.execute(f"SELECT * FROM {table.rows}").fetchall()}
    complete = table.history != "none" and not _was_compacted(conn)
    for key in dict.fromkeys([*stamps, *rows]):
        row, lives = RowId(table.id, key), replayed.now.get(RowId(table.id, key), ())
        kept, there = stamps.get(key), rows.get(key)
        summed = kept is not None and there is not None and kept[4] == checksum(table, there)
        if not summed and (there is not None or (kept is not None and kept[0] % 2)):
            yield _foreign(table, key, kept, there, lives, replayed, complete=complete)
        elif not complete:
            continue
        elif kept is None or not lives:
            yield Finding(f"{table.name} {key_text(key)} has stamps, and the log doesn't speak of it", row)
        else:
            yield from _compare(table, row, kept, there, lives, replayed)
    if complete and (table.texts or any(at.table == table.id for at in replayed.texts.drafts)):
        yield from _check_texts(conn, table, replayed)
    for row in replayed.now:
        if row.table == table.id and row.key not in stamps and complete:
            yield Finding(f"{table.name} {key_text(row.key)} is in the log and has no stamps", row)


def _check_texts(conn: Connection, table: LoggedTable, replayed: _Replayed) -> Iterator[Finding]:
    """Yield which documents aren't what the log says."""
    stored = Texts()
    stored.forget(conn)
    for at, draft in replayed.texts.drafts.items():
        if at.table == table.id:
            found = stored.find(at)
            if found is None or found.parts() != draft.parts():
                said = f"the document of {table.name} {key_text(at.key)}.{at.column} isn't what the log says"
                yield Finding(said, RowId(at.table, at.key))
    stored.forget()


def _foreign(
    table: LoggedTable,
    key: SqlRow,
    kept: tuple[Any, ...] | None,
    there: SqlRow | None,
    lives: Sequence[Life],
    replayed: _Replayed,
    *,
    complete: bool,
) -> Finding:
    """Return what is to be said of a row that isn't what its checksum says."""
    living = alive(lives)
    if complete and there is not None and living is not None and kept is not None:
        says = _values(table, RowId(table.id, key), living, replayed)
        if typed(says) == typed(there):
            return Finding(f"the checksum of {table.name} {key_text(key)} is wrong", RowId(table.id, key))
    what = "gone" if there is None else "new" if kept is None or not kept[0] % 2 else "changed"
    return Finding(f"{table.name} {key_text(key)} was {what} by another program; the next write logs that")


def _compare(
    table: LoggedTable,
    row: RowId,
    kept: tuple[Any, ...],
    there: SqlRow | None,
    lives: Sequence[Life],
    replayed: _Replayed,
) -> Iterator[Finding]:
    """Yield how a row and its stamps differ from what the log says."""
    name = f"{table.name} {key_text(row.key)}"
    living = alive(lives)
    if (living is None) != (there is None):
        yield Finding(f"{name} {'is there' if there is not None else 'is gone'}, and the log says otherwise", row)
        return
    if living is not None and there is not None:
        says = _values(table, row, living, replayed)
        for column, value, said in zip(table.names, there, says, strict=True):
            if typed([value]) != typed([said]) and not _unknown_function(living, column, replayed):
                yield Finding(f"{name}: {column} is {shown(value)}, the log says {shown(said)}", row)
    wanted = _stamps(table, row, lives, replayed)
    if _effective(table, wanted[len(table.key) :]) != _effective(table, kept):
        yield Finding(f"the stamps of {name} aren't what the log says", row)


def _values(table: LoggedTable, row: RowId, living: Life, replayed: _Replayed) -> SqlRow:
    says = shown_life(living, replayed.functions, replayed.stamp)
    for kind, column in living.dots:
        draft = replayed.texts.find(TextId(*row, living.incarnation, column)) if kind == TEXT else None
        if draft is not None:
            says[column] = str(draft)
    return tuple(says.get(column.id, column.absent) for column in table.columns)


def _unknown_function(life: Life, column: str, replayed: _Replayed) -> bool:
    """Say whether a column is joined by a function that isn't declared here, so that what it shows can't be told."""
    return any(
        kind.startswith(JOIN) and name == column and len(dots) > 1 and kind.removeprefix(JOIN) not in replayed.functions
        for (kind, name), dots in life.dots.items()
    )


def _stamps(table: LoggedTable, row: RowId, lives: Sequence[Life], replayed: _Replayed) -> tuple[Any, ...]:
    living = alive(lives)
    new = None if living is None else dict(zip(table.ids, _values(table, row, living, replayed), strict=True))
    change, numbers = Change(None, new, tuple(lives)), replayed.numbers.__getitem__
    return stamps_of(table, row, change, replayed.last[row], numbers, replayed.stamp)


def _effective(table: LoggedTable, kept: Sequence[Any]) -> object:
    """Return what stamps say, however they are written."""
    life, stamp, cells, _, _, extra = kept
    if not life % 2:
        return life, stamp
    return life, {**dict.fromkeys(table.ids, stamp), **cells_of(cells)}, None if extra is None else json.loads(extra)


def _write(conn: Connection, table: LoggedTable, row: RowId, replayed: _Replayed) -> None:
    """Write a row and its stamps as the log says; a row that isn't what its checksum says is left."""
    same = " AND ".join(f"{quote_name(name)} = ?" for name in table.key)
    names = ", ".join(map(quote_name, table.names)) or "1"
    there = conn.execute(f"SELECT {names} FROM {table.name.sql} WHERE {same}", row.key).fetchone()
    lives = replayed.now.get(row)
    if lives is None:
        conn.execute(f"DELETE FROM {table.rows} WHERE {' AND '.join(f'{key} = ?' for key in table.keys)}", row.key)
        return
    living = alive(lives)
    says: tuple[SqlValue, ...] | None = None if living is None else _values(table, row, living, replayed)
    if says is None:
        delete_row(conn, table, row.key)
    elif there is None:
        insert_rows(conn, table, [(*row.key, *says)])
    else:
        update_row(conn, table, row.key, there, says)
    wanted = _stamps(table, row, lives, replayed)
    conn.execute(f"INSERT OR REPLACE INTO {table.rows} VALUES ({', '.join('?' * len(wanted))})", wanted)


def _was_compacted(conn: Connection) -> bool:
    return conn.execute("SELECT 1 FROM main._eddy_meta WHERE name = 'horizon'").fetchone() is not None
