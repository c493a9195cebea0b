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
from ..origin import LOG_BEGINS
from ..schema.catalog import TableName
from ..schema.meta import read_meta
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow, SqlValue, same_typed
from .commit import Add, End, Key, Move, Op, Put, PutJoined, SetUpdate, TextUpdate
from .drafts import TextId
from .encoding import decode_ops
from .history import history
from .lanes import Runs
from .tables import LoggedTable
from .text_undo import without_edits
from .texts import Texts
from .vector import CommitId

__all__ = ["Direction", "Kept", "Step", "UndoResult", "step_of", "take_back"]

Direction: TypeAlias = Literal["undo", "redo"]

_KEYSTROKES_MS = 1_000
_LOOKED_AT_MAX = 10_000  # commits of the actor, the newest
_READ_MAX = 1_000  # commits that are kept in memory meanwhile


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
        if command == LOG_BEGINS.command:
            return  # what was there before the log was
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


# --- what to write


def take_back(
    tx: Executes, conn: Connection, tables: Mapping[TableName, LoggedTable], texts: Texts, commits: Iterable[int]
) -> tuple[Kept, ...]:
    """Reverse `commits`, newest first, inside the open transaction; return what stayed as it is.

    Raises `LogError` where the log holds no changes of theirs any more.
    """
    reverser = _Reverser(tx, conn, {table.id: table for table in tables.values()}, texts)
    tx.execute("PRAGMA defer_foreign_keys = 1")
    for commit in commits:
        reverser.reverse(commit)
    reverser.reverse_edits()
    return tuple(reverser.kept)


class _Reverser:
    """Takes commits back, one after the other."""

    def __init__(self, tx: Executes, conn: Connection, tables: Mapping[str, LoggedTable], texts: Texts) -> None:
        self.kept: list[Kept] = []
        self._tx, self._conn, self._tables, self._texts = tx, conn, tables, texts
        self._edits: dict[TextId, list[int]] = {}
        self._log = _Log(conn)

    def reverse(self, commit: int) -> None:
        """Write what takes `commit` back."""
        (left_out,) = self._conn.execute(
            "SELECT coalesce(left_out, 0) FROM main._eddy_commits WHERE id = ?", (commit,)
        ).fetchone()
        if left_out:
            raise LogError(
                "what this commit changed isn't kept (its table has no history, or the log was compacted), so it "
                "can't be taken back"
            )
        writes: list[Callable[[], None]] = []
        deletes: list[_Row] = []
        for said in self._log.all_of(commit):
            table = self._tables.get(said.op.table)
            if table is None:
                raise LogError("this commit wrote to a table that isn't logged any more, so it can't be taken back")
            self._note(table, said, _Row(self._tx, table, said.op.key), writes, deletes)
        for write in writes:
            write()
        for row in deletes:  # last: a row that is deleted takes those with it that still refer to it
            row.delete()

    def reverse_edits(self) -> None:
        """Write what takes the edits of texts back that were met."""
        for at, numbers in self._edits.items():
            table, draft = self._tables[at.table], self._texts.find(at)
            row = _Row(self._tx, table, at.key)
            now = row.read()
            if draft is None or now is None or now[at.column] != str(draft):  # the row lives another life
                self._keep(table, self._log.all_of(numbers[0])[0].op)
                continue
            said = dict.fromkeys(spoken.commit for spoken in history(self._conn, table, at.key))
            ops = [(number, one.op) for number in reversed(said) for one in self._log.of_row(number, at.table, at.key)]
            base = self._texts.forgotten(at)
            text = without_edits(at, draft.epoch, base, ops, numbers)
            if text == now[at.column]:
                self._keep(table, self._log.all_of(numbers[0])[0].op, *self._names(table, [at.column]))
            else:
                row.update({at.column: text})

    def _names(self, table: LoggedTable, columns: Iterable[str]) -> list[str]:
        return [column.name for column in table.columns if column.id in set(columns)]

    def _note(
        self, table: LoggedTable, said: _Said, row: _Row, writes: list[Callable[[], None]], deletes: list[_Row]
    ) -> None:
        """Note what takes one op back, and what stays as it is."""
        op, now = said.op, row.read()
        if (now is None) != isinstance(op, End):
            self._keep(table, op)
        elif now is None:
            writes.append(partial(row.insert, self._before(table, said, table.ids)))
        elif isinstance(op, TextUpdate):
            self._edits.setdefault(TextId(op.table, op.key, op.incarnation, op.column), []).append(said.commit)
        elif isinstance(op, Add):
            writes.append(partial(row.update, {op.column: now[op.column] - op.delta}))  # type: ignore[operator]  # a number
        else:
            wrote = _written(op)
            changed = {column for column in wrote if not same_typed(now.get(column), wrote[column])}
            if said.begins:
                if changed:
                    self._keep(table, op)
                else:
                    deletes.append(row)
                return
            back = [column for column in wrote if column not in changed and column in now]
            if back:
                writes.append(partial(row.update, self._before(table, said, back)))
            if changed:
                self._keep(table, op, *self._names(table, changed))

    def _keep(self, table: LoggedTable, op: Op, *columns: str) -> None:
        self.kept.append(Kept(table.name.name, op.key, columns))

    def _before(self, table: LoggedTable, said: _Said, columns: Iterable[str]) -> dict[str, SqlValue]:
        """Return what `columns` held before an op: of what was written until then, what has the newest stamp."""
        values = {column.id: column.absent for column in table.columns if column.id in set(columns)}
        newest = dict.fromkeys(values, (-1, -1))
        added: list[Add] = []
        edited = set[str]()
        for earlier in self._log.before(said):
            op = earlier.op
            if isinstance(op, Add):
                added.append(op)
            elif isinstance(op, TextUpdate):
                edited.add(op.column)
            elif isinstance(op, SetUpdate):
                raise LogError(f"a {type(op).__name__} of {table.name} can't be taken back by its cells")
            for column, value in _written(op).items():
                if column in values and (earlier.eff, earlier.commit) > newest[column]:
                    newest[column], values[column] = (earlier.eff, earlier.commit), value
        runs = Runs(self._conn) if added else None
        for add in added:
            _, set_by = newest.get(add.column, (-1, -1))
            if runs is not None and set_by > 0 and runs.commit(set_by) == add.epoch:
                values[add.column] += add.delta  # type: ignore[operator]  # a counter is a number
        for column in edited & values.keys():
            text = self._texts.find(TextId(said.op.table, said.op.key, said.op.incarnation, column))
            values[column] = values[column] if text is None else str(text)
        return values


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


class _Said(NamedTuple):
    """One op: of which commit, with its stamp; `begins` its row, or follows one of commit `before`."""

    op: Op
    commit: int
    eff: int
    before: int
    begins: bool


class _Log:
    """Commits by number, read as a whole once: a bulk change is looked into for each of its rows."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._read: dict[int, dict[tuple[str, Key], list[_Said]]] = {}

    def all_of(self, commit: int) -> list[_Said]:
        """Return the ops of one commit."""
        return [said for of_row in self._of(commit).values() for said in of_row]

    def of_row(self, commit: int, table: str, key: Key) -> list[_Said]:
        """Return what one commit said of a row."""
        return self._of(commit).get((table, key), [])

    def before(self, said: _Said) -> Iterator[_Said]:
        """Yield what was said of the row's incarnation before, newest first."""
        incarnation = said.op.incarnation  # late ops of lives that ended stand between
        while said.before and not (said.begins and said.op.incarnation == incarnation):
            of_row = self._of(said.before).get((said.op.table, said.op.key), [])
            if not of_row:
                raise LogError(
                    "what these rows held before is forgotten: the log was compacted; nothing was taken back"
                )
            for earlier in of_row:
                if earlier.op.incarnation == incarnation:
                    yield earlier
            said = of_row[0]

    def _of(self, commit: int) -> dict[tuple[str, Key], list[_Said]]:
        if commit not in self._read:
            if len(self._read) >= _READ_MAX:
                del self._read[next(iter(self._read))]
            self._read[commit] = self._parse(commit)
        return self._read[commit]

    def _parse(self, commit: int) -> dict[tuple[str, Key], list[_Said]]:
        found = self._conn.execute(
            "SELECT ops, before, coalesce(eff, hlc) FROM main._eddy_commits WHERE id = ?", (commit,)
        ).fetchone()
        rows: dict[tuple[str, Key], list[_Said]] = {}
        if found is None:
            return rows
        ops = decode_ops(found[0])
        before = json.loads(found[1]) if found[1] else [0] * len(ops)
        for op, earlier in zip(ops, before, strict=True):
            begins = earlier <= 0 and not isinstance(op, End)
            rows.setdefault((op.table, op.key), []).append(_Said(op, commit, found[2], abs(earlier), begins))
        return rows


def _one_update(conn: Connection, commit: int) -> tuple[str, Key, frozenset[str]] | None:
    """Return the cells that a commit changed, if those are of one row that was there before."""
    (count,) = conn.execute("SELECT json_array_length(ops) FROM main._eddy_commits WHERE id = ?", (commit,)).fetchone()
    if count != 1:
        return None
    (said,) = _Log(conn).all_of(commit)
    op = said.op
    if isinstance(op, TextUpdate):
        return op.table, op.key, frozenset([op.column])
    return (op.table, op.key, frozenset(op.cells)) if isinstance(op, Put) and not said.begins else None


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
