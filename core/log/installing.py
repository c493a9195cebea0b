"""Installing a snapshot: this replica becomes what another one held at a vector.

    lines --hashed, read once-->  commits, lanes, runs, effs   numbered anew: lane by lane, each by its seq
                                  rows that differ             one change for views, as of any commit
                                  stamps, lives, moves ..      in place of what was here

Inside one transaction: a snapshot that is torn, foreign or doesn't hold what its digests say raises `SnapshotError`,
and the caller undoes all of it. What only this replica has written is merged again on top of it (`taking.py`).
Of the past before the vector only those commits are known that rows name, and the place of every other in the order, as
long as somebody may write who has seen no more: `_eddy_effs`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from ..errors import EddylineError, SnapshotError
from ..schema.meta import write_meta
from ..sqltext import quote_name
from ..store import Connection
from ..values import SqlRow, SqlValue, shown
from .applying import insert_rows, update_row
from .commit import CommitId
from .digests import living_digest
from .drafts import folded
from .encoding import key_text, plain_value, read_value
from .envelopes import Envelope
from .fates import make_fates
from .lanes import Runs, lane_number
from .row_changes import checksum
from .snapshot import COPIED, FORMAT
from .tables import LoggedTable
from .vector import Lane, Vector

__all__ = ["Again", "Head", "Installed", "install", "lines_of", "read_head"]

_ROWS_AT_ONCE = 500
_IN_MEMORY_MAX = 1 << 20
_CLEARED = ("commits", "runs", "lanes", "effs", "bases", "conflicts", "violations", "moves", "places")


@dataclass(frozen=True, slots=True)
class Head:
    """What a snapshot says of itself first; `columns` are those of each table there, by their ids."""

    vector: Vector
    horizon: Vector
    serial: int
    whole: bool
    tables: tuple[LoggedTable, ...]
    columns: tuple[tuple[str, ...], ...]


@dataclass(slots=True)
class Installed:
    """What was installed: at which vector, how many rows live, how many of them were others here before.

    `retaken` commits of this replica are merged on top, `rejected` ones of them couldn't be.
    """

    vector: Vector
    rows: int = 0
    changed: int = 0
    retaken: int = 0
    rejected: int = 0
    envelopes: list[Envelope] = field(default_factory=list)


def read_head(line: bytes, tables: Iterable[LoggedTable]) -> Head:
    """Return what the first line of a snapshot says. Raises `SnapshotError` if it doesn't fit the tables here."""
    data = _load(line)
    if not isinstance(data, dict) or data.get("snapshot") != FORMAT:
        raise SnapshotError(
            f"{shown(line[:80])} begins no snapshot of format {FORMAT}: those are made by db.snapshot()"
        )
    by_id, found, columns = {table.id: table for table in tables}, list[LoggedTable](), list[tuple[str, ...]]()
    try:
        for name, key, ids in data["tables"]:
            found.append(_fitting(by_id.get(name), name, key))
            columns.append(tuple(map(str, ids)))
        vector, horizon = Vector.read(data["vector"]), Vector.read(data["horizon"])
        return Head(vector, horizon, int(data["serial"]), bool(data["whole"]), tuple(found), tuple(columns))
    except (KeyError, TypeError, ValueError) as error:
        raise SnapshotError(f"the snapshot's first line is damaged: {error!r}") from error


def _fitting(table: LoggedTable | None, name: str, key: Sequence[str]) -> LoggedTable:
    if table is None or list(table.key) != list(key):
        found = "which isn't logged here" if table is None else f"which has the key {', '.join(table.key)} here"
        raise SnapshotError(
            f"the snapshot holds the table {name!r} with the key {', '.join(map(str, key))}, {found}; open this "
            "database with the models of the other one"
        )
    if table.unshared:
        raise SnapshotError(table.unshared)
    return table


def install(conn: Connection, head: Head, lines: Iterable[bytes], now_ms: int) -> Installed:
    """Write what `lines`, the first one included, say in place of what is here; in an open transaction.

    Raises `SnapshotError`: then the transaction has to be undone.
    """
    writing = _Writing(conn, head, now_ms)
    try:
        writing.clear()
        writing.read(lines)
        writing.finish()
    except EddylineError:
        raise
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise SnapshotError(f"the snapshot is damaged: {error!r}; nothing of it was taken") from error
    return writing.done


def _load(line: bytes) -> Any:  # Any: parsed JSON
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SnapshotError(f"{shown(line[:80])} is no line of a snapshot: {error}; nothing of it was taken") from error


@dataclass(slots=True)
class _Writing:
    conn: Connection
    head: Head
    now_ms: int
    done: Installed = field(init=False)
    _known: Runs | None = field(init=False)
    _bases: dict[Lane, int] = field(default_factory=dict)
    _lanes: dict[Lane, int] = field(default_factory=dict)
    _ids: dict[int, int] = field(default_factory=dict)  # of the sender's numbers ours
    _rows: list[tuple[SqlRow, SqlRow, tuple[Any, ...]]] = field(default_factory=list)
    _table: int = -1
    _floor: int = 0
    _fresh: set[int] = field(default_factory=set)
    _sums: dict[str, list[int]] = field(default_factory=dict)
    _ended: bool = False

    def __post_init__(self) -> None:
        self.done = Installed(self.head.vector)
        self._known = None if self.head.whole else Runs(self.conn)
        total = 0
        for lane, seq in self.head.vector:
            self._bases[lane] = total
            total += seq
        self._floor = total
        self._sums = {table.id: [0, 0] for table in self.head.tables}

    def clear(self) -> None:
        """Forget the log and the stamps. Rows stay, until it is known which of them differ."""
        conn = self.conn
        make_fates(conn)
        if self.head.whole:
            for name in _CLEARED:
                conn.execute(f"DELETE FROM main._eddy_{name}")
            for lane, _ in self.head.vector:
                self._lanes[lane] = no = lane_number(conn, lane)
                conn.execute("INSERT INTO main._eddy_runs VALUES (?, ?, 1, '{}', '')", (self._bases[lane] + 1, no))
        for at, table in enumerate(self.head.tables):
            texts = "FROM main._eddy_texts WHERE table_id = ?"
            conn.execute(f"DELETE FROM main._eddy_text_updates WHERE text IN (SELECT no {texts})", (table.id,))
            conn.execute(f"DELETE {texts}", (table.id,))
            conn.execute(f"DELETE FROM {table.rows}")
            if conn.execute(f"SELECT 1 FROM {table.name.sql} LIMIT 1").fetchone() is None:
                self._fresh.add(at)
            if not self.head.whole:
                for name in ("conflicts", "violations", "moves", "places", "bases"):
                    conn.execute(f"DELETE FROM main._eddy_{name} WHERE table_id = ?", (table.id,))

    def read(self, lines: Iterable[bytes]) -> None:
        """Write what each line says."""
        hashed, is_first = hashlib.sha256(), True
        for line in lines:
            if self._ended:
                raise SnapshotError("the snapshot goes on after its end; nothing of it was taken")
            data = None if is_first else _load(line)
            if data is not None and data[0] == "end":
                self._check_end(data[1], data[2], hashed.hexdigest())
                continue
            hashed.update(line)
            if data is not None:
                self._one(data)
            is_first = False
        if not self._ended:
            raise SnapshotError("the snapshot ends before its end: a part of it is missing; nothing of it was taken")

    def _one(self, data: list[Any]) -> None:
        match data[0]:
            case "row":
                self._row(*data[1:])
            case "gone":
                _, at, key, life, stamp = data
                self._add(at, read_key_list(key), None, (life, self._ids[stamp], None, None, None, None))
            case "commit":
                self._commit(*data[1:])
            case "lives":
                _, at, key, lives = data
                text = json.dumps(self._renumbered(lives), separators=(",", ":"), ensure_ascii=False)
                row = (self.head.tables[at].id, key_text(read_key_list(key)))
                upto = self._floor if self._known is None else self._known.last_id
                self.conn.execute("INSERT INTO main._eddy_bases VALUES (?, ?, ?, ?, 0)", (*row, text, upto))
            case "effs" if self._known is None:
                _, lane, first, effs = data
                self.conn.execute(
                    "INSERT INTO main._eddy_effs VALUES (?, ?, ?)", (self._lanes[lane], first, json.dumps(effs))
                )
            case "text":
                self._text(*data[1:])
            case "envelope":
                self.done.envelopes.append(Envelope.read(data[1:]))
            case kind if kind in COPIED:
                marks = ", ".join("?" * (len(data) - 1))
                self.conn.execute(f"INSERT INTO main.{COPIED[kind]} VALUES ({marks})", list(map(read_value, data[1:])))
            case kind if not isinstance(kind, str):
                raise SnapshotError(f"{shown(data)} is no line of a snapshot; nothing of it was taken")

    # -- commits

    def _commit(
        self, number: int, lane: str, seq: int, hlc: int, eff: int, digest: str, actor: str, command: str, message: str,
        parents: dict[str, int] | None,
    ) -> None:  # fmt: skip
        commit = CommitId(Lane(lane), seq)
        if self._known is not None:
            self._ids[number] = self._known.number(commit)
            return
        if commit not in self.head.vector:
            raise SnapshotError(f"the snapshot names commit {commit}, which its vector lacks; nothing of it was taken")
        self._ids[number] = own = self._bases[commit.lane] + seq
        self.conn.execute(
            "INSERT OR REPLACE INTO main._eddy_commits (id, hlc, eff, hash, ops, left_out, actor, command, message, "
            "received_ms) VALUES (?, ?, ?, ?, '[]', 1, ?, ?, ?, ?)",
            (
                own, hlc, None if eff == hlc else eff, bytes.fromhex(digest), actor or None, command or None,
                message or None, self.now_ms,
            ),
        )  # fmt: skip
        if parents is not None:
            self.conn.execute(
                "INSERT OR REPLACE INTO main._eddy_runs VALUES (?, ?, ?, ?, '')",
                (own, self._lanes[commit.lane], seq, Vector.read(parents).to_json()),
            )

    def _renumbered(self, lives: Any) -> Any:  # Any: what `bases.lives_text` wrote
        ids = self._ids
        return [
            [
                incarnation,
                {column: [value, ids[by]] for column, (value, by) in cells.items()},
                [[kind, column, [[ids[by], value] for by, value in dots]] for kind, column, dots in listed],
                [ids[end] for end in ends],
            ]
            for incarnation, cells, listed, ends in lives
        ]

    def _text(
        self, table: str, key: str, column: str, incarnation: int, epoch: int, put: int, loose: Any, state: Any,
        seen: list[int], updates: list[Any],
    ) -> None:  # fmt: skip
        ids, parts = self._ids, [read_value(state), *(read_value(data) for _, data in updates)]
        no = self.conn.execute(
            "INSERT INTO main._eddy_texts (table_id, row_key, column_id, incarnation, epoch, put, loose, seen, state, "
            "base, base_epoch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING no",
            (
                table, key, column, incarnation, epoch, ids[put] if put else 0, read_value(loose),
                json.dumps([ids[by] for by in seen]), parts[0], folded(parts), epoch,
            ),
        ).fetchone()[0]  # fmt: skip
        self.conn.executemany(
            "INSERT INTO main._eddy_text_updates VALUES (?, ?, ?, ?)",
            [(no, ids[by], n, read_value(data)) for n, (by, data) in enumerate(updates)],
        )

    # -- rows

    def _row(
        self,
        at: int,
        key: list[Any],
        life: int,
        stamp: int,
        cells: dict[str, int] | None,
        extra: Any,
        values: list[Any],
    ) -> None:
        table, columns = self.head.tables[at], self.head.columns[at]
        ids, there = self._ids, read_key_list(key)
        given = dict(zip(columns, map(read_value, values), strict=True))
        sums = self._sums[table.id]
        sums[0] += 1
        row = tuple(given.get(column.id, column.absent) for column in table.columns)
        known = set(table.ids)
        if known == set(columns):
            sums[1] ^= living_digest(table, there, row)
        else:
            sums[1] = -1  # it is of other columns
        written = {column: ids[by] for column, by in (cells or {}).items()}
        more = self._extra(extra, {c: v for c, v in given.items() if c not in known}, written, ids[stamp])
        kept = {column: by for column, by in written.items() if column in known}
        text = json.dumps(kept, separators=(",", ":"), ensure_ascii=False) if kept else None
        self._add(at, there, row, (life, ids[stamp], text, None, checksum(table, row), more))

    def _extra(
        self, extra: Any, unknown: dict[str, SqlValue], written: dict[str, int], stamp: int
    ) -> str | None:  # Any: what `applying.py` wrote
        if extra is None and not unknown:
            return None
        said = {} if extra is None else extra
        ids = self._ids
        cells = {column: [value, ids[by]] for column, (value, by) in said.get("cells", {}).items()}
        for column, value in unknown.items():
            cells.setdefault(column, [plain_value(value), written.get(column, stamp)])
        dots = [
            [kind, column, [[ids[by], value] for by, value in listed]] for kind, column, listed in said.get("dots", ())
        ]
        more = {name: part for name, part in (("cells", cells), ("dots", dots), ("none", said.get("none"))) if part}
        return json.dumps(more, separators=(",", ":"), ensure_ascii=False)

    def _add(self, at: int, key: SqlRow, row: SqlRow | None, stamps: tuple[Any, ...]) -> None:
        if at != self._table or len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()
            self._table = at
        self._rows.append((key, () if row is None else row, stamps))

    def _flush(self) -> None:
        """Write rows that are others here, and the stamps of all."""
        if not self._rows:
            return
        table, conn = self.head.tables[self._table], self.conn
        living = [(key, row) for key, row, stamps in self._rows if stamps[0] % 2]
        come = []
        if self._table in self._fresh:
            come = [(*key, *row) for key, row in living]
        else:
            names = ", ".join(map(quote_name, table.names)) or "1"
            same = " AND ".join(f"{quote_name(name)} = ?" for name in table.key)
            sql = f"SELECT {names} FROM {table.name.sql} WHERE {same}"
            for key, row in living:
                found = conn.execute(sql, key).fetchone()
                if found is None:
                    come.append((*key, *row))
                elif table.names and repr(found) != repr(row):
                    update_row(conn, table, key, found, row)
                    self.done.changed += 1
        insert_rows(conn, table, come)
        self.done.changed += len(come)
        self.done.rows += len(living)
        marks = ", ".join("?" * (len(table.key) + 6))
        conn.executemany(
            f"INSERT INTO {table.rows} VALUES ({marks})", [(*key, *stamps) for key, _, stamps in self._rows]
        )
        self._rows = []

    # -- the end

    def _check_end(self, sums: Any, said: object, hashed: str) -> None:  # Any: parsed JSON
        self._flush()
        if said != hashed:
            raise SnapshotError("the snapshot isn't what its hash says: it was damaged; nothing of it was taken")
        for table in self.head.tables:
            count, digest = self._sums[table.id]
            if sums[table.id] != [count, f"{digest:016x}"] and not (digest < 0 and sums[table.id][0] == count):
                raise SnapshotError(
                    f"of {table.name} came {count} rows with the digest {digest:016x}, the snapshot says "
                    f"{sums[table.id]}; nothing of it was taken"
                )
        self._ended = True

    def finish(self) -> None:
        """Take out rows that the snapshot hasn't got, and note from where on the log says what was written."""
        conn = self.conn
        for at, table in enumerate(self.head.tables):
            if at not in self._fresh:
                gone = conn.execute(
                    f"DELETE FROM {table.name.sql} AS d WHERE NOT EXISTS "
                    f"(SELECT 1 FROM {table.rows} AS s WHERE s.life % 2 AND {table.on('s', 'd')})"
                )
                self.done.changed += gone.rowcount
        if self.head.whole:
            write_meta(conn, "horizon", self.head.horizon.to_json())
            write_meta(conn, "floor", self._floor)


def read_key_list(data: list[Any]) -> SqlRow:
    """Return the key that a snapshot writes as a list, of one value too."""
    return tuple(map(read_value, data))


class Again:
    """Bytes in parts that may be read once: kept in a file as they are read, so that they can be read again."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._rest = iter(parts)
        self._file: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY_MAX)  # noqa: SIM115  # closed with us

    def parts(self) -> Iterator[bytes]:
        """Yield all of it from the first byte on."""
        self._file.seek(0)
        while part := self._file.read(1 << 16):
            yield part
        for part in self._rest:
            self._file.write(part)
            yield part

    def close(self) -> None:
        """Drop the file."""
        self._file.close()


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a stream that comes in chunks, each with its end."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest
