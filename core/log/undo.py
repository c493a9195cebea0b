"""Undo: what an actor wrote last, taken back by an ordinary commit.

    1 insert A   2 A.title = b   3 undo 2   4 redo 2   5 undo 2      the next undo takes 1 back, the next redo 2
                                                                     (what has been taken back is in the log itself)

A cell is taken back if it still holds what the commit wrote; what others have written since stays, and is told. A row
that was inserted goes if all of it is as it was inserted; a row that was deleted comes back if its key is free. Redo is
the undo of an undo. Commits that change the same cells of one row, each within `_KEYSTROKES_MS` of the one before it,
are one step: so a title is not taken back letter by letter.
Nothing is kept beside the log: which commit comes next is read off it, newest first. Cost: one look at each commit of
the actor back to the next one, and per cell a walk through its row's history to the value before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, get_args

from ..clock import stamp_ms
from ..errors import LogError
from ..schema.catalog import TableName
from ..schema.meta import read_meta
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow, SqlValue, same_typed
from .commit import Add, End, Key, Move, Op, Put, PutJoined, SetUpdate, TextUpdate
from .encoding import decode_ops
from .history import history
from .lanes import Runs
from .tables import LoggedTable
from .vector import CommitId

__all__ = ["Direction", "Kept", "Step", "UndoResult", "step_of", "take_back"]

Direction: TypeAlias = Literal["undo", "redo"]

_KEYSTROKES_MS = 1_000
_LOOKED_AT_MAX = 10_000  # commits of the actor, the newest


class Kept(NamedTuple):
    """A row, or cells of it, that others have changed since: it stayed as it is. No columns: the whole row."""

    table: str
    key: Key
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What was taken back, or made again: the commits, newest first, and what stayed because others changed it."""

    commits: tuple[CommitId, ...]
    kept: tuple[Kept, ...]


class Executes(Protocol):
    """The open transaction, as far as it is needed here."""

    def execute(self, sql: str, /, *args: Any, **named: Any) -> Any: ...


class _Noted(NamedTuple):
    id: int
    commit: CommitId
    command: str
    args: str
    hlc: int


# --- which commits


class Step(NamedTuple):
    """The commits to reverse, newest first, by number, and the commits that are undone or redone by that."""

    reversed: list[int]
    commits: list[CommitId]


def step_of(conn: Connection, direction: Direction, actor: str) -> Step | None:
    """Return the next step that `actor` undoes or redoes, of what was written in this file; None if there is none."""
    noted = _commits_of(conn, actor)
    return _to_undo(conn, noted) if direction == "undo" else _to_redo(noted)


def _to_undo(conn: Connection, noted: Iterator[_Noted]) -> Step | None:
    settled: dict[CommitId, Direction] = {}
    step: list[_Noted] = []
    for one in noted:
        if one.command in get_args(Direction):
            if step:
                break
            for commit in _named(one):
                settled.setdefault(commit, one.command)  # type: ignore[arg-type]  # one of the two
        elif settled.get(one.commit) == "undo":
            if step:
                break
        elif not step or _same_keystrokes(conn, one, step[-1]):
            step.append(one)
        else:
            break
    return Step([one.id for one in step], [one.commit for one in step]) if step else None


def _to_redo(noted: Iterator[_Noted]) -> Step | None:
    again: set[CommitId] = set()
    for one in noted:
        if one.command == "redo":
            again.update(_named(one))
        elif one.command == "undo":
            commits = _named(one)
            if not again.issuperset(commits):
                return Step([one.id], commits)
            again.difference_update(commits)
        else:
            return None  # something was written since: there is nothing to make again
    return None


def _commits_of(conn: Connection, actor: str) -> Iterator[_Noted]:
    """Yield what `actor` wrote through us in this file, newest first."""
    runs, external = Runs(conn), read_meta(conn, "external")
    rows = conn.execute(
        "SELECT id, coalesce(command, ''), coalesce(args, ''), hlc FROM main._eddy_commits "
        "WHERE coalesce(actor, '') = ? AND received_ms IS NULL ORDER BY id DESC LIMIT ?",
        (actor, _LOOKED_AT_MAX),
    )
    for number, command, args, hlc in rows.fetchall():
        commit = runs.commit(number)
        if runs.lanes.get(external) != commit.lane:  # type: ignore[arg-type]  # the number of a lane, or None
            yield _Noted(number, commit, command, args, hlc)


def _named(one: _Noted) -> list[CommitId]:
    """Return the commits that an undo or redo is about; what a command of a user's calls so is none."""
    try:
        return [CommitId(lane, seq) for lane, seq in json.loads(one.args)["commits"]]
    except (ValueError, KeyError, TypeError):
        return []


def _same_keystrokes(conn: Connection, one: _Noted, later: _Noted) -> bool:
    if stamp_ms(later.hlc) - stamp_ms(one.hlc) > _KEYSTROKES_MS:
        return False
    cells = [_one_update(conn, commit.id) for commit in (one, later)]
    return cells[0] is not None and cells[0] == cells[1]


def _one_update(conn: Connection, commit: int) -> tuple[str, Key, frozenset[str]] | None:
    """Return the cells that a commit changed, if those are of one row that was there before."""
    (count, before) = conn.execute(
        "SELECT json_array_length(ops), json_extract(before, '$[0]') FROM main._eddy_commits WHERE id = ?", (commit,)
    ).fetchone()
    if count != 1 or (before or 0) <= 0:
        return None
    op = _op(conn, commit, 0)
    return (op.table, op.key, frozenset(op.cells)) if isinstance(op, Put) else None


# --- what to write


def take_back(
    tx: Executes, conn: Connection, tables: Mapping[TableName, LoggedTable], commits: Iterable[int]
) -> tuple[Kept, ...]:
    """Reverse `commits`, newest first, inside the open transaction; return what stayed as it is.

    Raises `LogError` where the log holds no changes of theirs any more.
    """
    by_id = {table.id: table for table in tables.values()}
    kept: list[Kept] = []
    tx.execute("PRAGMA defer_foreign_keys = 1")
    for commit in commits:
        count, left_out = conn.execute(
            "SELECT json_array_length(ops), coalesce(left_out, 0) FROM main._eddy_commits WHERE id = ?", (commit,)
        ).fetchone()
        if left_out:
            raise LogError("this commit wrote to a table whose history isn't kept, so it can't be taken back")
        deletes: list[_Row] = []
        writes: list[Callable[[], None]] = []
        for n in range(count):
            op = _op(conn, commit, n)
            table = by_id.get(op.table)
            if table is None:
                raise LogError("this commit wrote to a table that isn't logged any more, so it can't be taken back")
            kept += _reverse(conn, table, op, commit, _Row(tx, table, op.key), writes, deletes)
        for write in writes:
            write()
        for row in deletes:  # last: a row that is deleted takes those with it that still refer to it
            row.delete()
    return tuple(kept)


def _reverse(
    conn: Connection,
    table: LoggedTable,
    op: Op,
    commit: int,
    row: _Row,
    writes: list[Callable[[], None]],
    deletes: list[_Row],
) -> list[Kept]:
    """Note what takes one op back; return what stays as it is."""
    now = row.read()
    if (now is None) != isinstance(op, End):
        return [Kept(table.name.name, op.key, ())]
    if now is None:
        writes.append(partial(row.insert, _values_before(conn, table, op, commit, table.ids)))
        return []
    if isinstance(op, Add):
        writes.append(partial(row.update, {op.column: now[op.column] - op.delta}))  # type: ignore[operator]  # a number
        return []
    wrote = _written(op)
    changed = {column for column in wrote if not same_typed(now.get(column), wrote[column])}
    if _begins(conn, table, op, commit):
        if changed:
            return [Kept(table.name.name, op.key, ())]
        deletes.append(row)
        return []
    back = [column for column in wrote if column not in changed and column in now]
    if back:
        writes.append(partial(row.update, _values_before(conn, table, op, commit, back)))
    names = {column.id: column.name for column in table.columns}
    told = tuple(names[column] for column in wrote if column in changed and column in names)
    return [Kept(table.name.name, op.key, told)] if told else []


class _Row:
    """One row, by the stable ids of its columns."""

    def __init__(self, tx: Executes, table: LoggedTable, key: SqlRow) -> None:
        self._tx, self._table, self._key = tx, table, key
        self._name = table.name.sql
        self._where = " AND ".join(f"{quote_name(name)} = ?" for name in table.key)
        self._names = {column.id: column.name for column in table.columns}

    def read(self) -> dict[str, SqlValue] | None:
        """Return its cells, None if it isn't there."""
        columns = ", ".join(quote_name(name) for name in self._table.names) or "1"
        found = self._tx.execute(f"SELECT {columns} FROM {self._name} WHERE {self._where}", *self._key).rows
        return dict(zip(self._table.ids, found[0], strict=False)) if found else None

    def insert(self, cells: Mapping[str, SqlValue]) -> None:
        """Put it in."""
        given = {self._names[column]: value for column, value in cells.items()}
        names = ", ".join(quote_name(name) for name in (*self._table.key, *given))
        marks = ", ".join("?" * (len(self._key) + len(given)))
        self._tx.execute(f"INSERT INTO {self._name} ({names}) VALUES ({marks})", *self._key, *given.values())

    def update(self, cells: Mapping[str, SqlValue]) -> None:
        """Change it."""
        texts = ", ".join(f"{quote_name(self._names[column])} = ?" for column in cells)
        self._tx.execute(f"UPDATE {self._name} SET {texts} WHERE {self._where}", *cells.values(), *self._key)

    def delete(self) -> None:
        """Take it out."""
        self._tx.execute(f"DELETE FROM {self._name} WHERE {self._where}", *self._key)


# --- the log


def _op(conn: Connection, commit: int, n: int) -> Op:
    (text,) = conn.execute(
        "SELECT json_extract(ops, '$[' || ? || ']') FROM main._eddy_commits WHERE id = ?", (n, commit)
    ).fetchone()
    (op,) = decode_ops(f"[{text}]")
    return op


def _written(op: Op) -> dict[str, SqlValue]:
    """Return what an op set its cells to; ops that only add to what others wrote have none."""
    match op:
        case Put():
            return dict(op.cells)
        case PutJoined():
            return {op.column: op.value}
        case Move():
            return {op.column: op.parent}
    return {}


def _begins(conn: Connection, table: LoggedTable, op: Op, commit: int) -> bool:
    """Say whether the op made its row: no earlier one speaks of its incarnation."""
    return isinstance(op, Put) and next(_earlier(conn, table, op, commit), None) is None


def _earlier(conn: Connection, table: LoggedTable, op: Op, commit: int) -> Iterator[tuple[int, Op]]:
    """Yield what was said of the row's incarnation before `commit`, newest first, with the number of its commit."""
    for spoken in history(conn, table, op.key):
        if spoken.commit < commit:
            earlier = _op(conn, spoken.commit, spoken.n)
            if earlier.incarnation == op.incarnation:
                yield spoken.commit, earlier


def _values_before(
    conn: Connection, table: LoggedTable, op: Op, commit: int, columns: Iterable[str]
) -> dict[str, SqlValue]:
    """Return what `columns` held before `commit`: of what was written until then, what has the newest stamp."""
    values = {column.id: column.absent for column in table.columns if column.id in set(columns)}
    newest = dict.fromkeys(values, (-1, -1))
    added: list[Add] = []
    for number, earlier in _earlier(conn, table, op, commit):
        if isinstance(earlier, Add):
            added.append(earlier)
        elif isinstance(earlier, SetUpdate | TextUpdate):
            raise LogError(f"a {type(earlier).__name__} of {table.name} can't be taken back by its cells")
        (eff,) = conn.execute("SELECT coalesce(eff, hlc) FROM main._eddy_commits WHERE id = ?", (number,)).fetchone()
        for column, value in _written(earlier).items():
            if column in values and (eff, number) > newest[column]:
                newest[column], values[column] = (eff, number), value
    if added:
        runs = Runs(conn)
        for add in added:
            if add.column in values and newest[add.column][1] > 0 and runs.commit(newest[add.column][1]) == add.epoch:
                values[add.column] += add.delta  # type: ignore[operator]  # a counter is a number
    return values
