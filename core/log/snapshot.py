"""Snapshots: what a replica holds at one vector, as a stream of lines, for one who has nothing, or too little.

    {"snapshot":1,"vector":{..},"horizon":{..},"serial":7,"tables":[["issue",["id"],["title","state"]], ..]}
    ["effs","01K..A",1,[eff,+1,+9,..]]                                   the places of commits in the order
    ["commit",57,"01K..A",40,hlc,eff,"ada","","",null]                   a commit that rows name, before they do
    ["row",0,["01K.."],1,57,{"state":61},null,["Slow start","open"]]     a row, its stamps and its cells
    ["gone",0,["01K.."],2,63]          ["lives",0,["01K.."],[..]]        rows that ended; lives that are still open
    ["text","issue","\"01K..\"","body",1,0,57,0,{"b":".."},[57],[[61,{"b":".."}]]]     the document of a text
    ["move",..]  ["place",..]  ["conflict",..]  ["violation",..]  ["envelope",..]
    ["end",{"issue":[12000,"9c04.."]},"sha256"]                          so many rows, their exact digest; of all lines

Commits go by the sender's numbers, tables by their place in the header, columns by their ids. Only commits that a row
names are in it: its size is that of the state, but for eight bytes a commit. Written to a file, so that any part of it
can be sent again, to as many as want it; the same state gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO, Any, Self

from ..sqltext import quote_name
from ..store import Connection
from .bases import lives_text
from .commit import CommitId
from .compaction import horizon_of
from .digests import living_digest
from .encoding import dumps, plain_value
from .fates import Fates
from .joins import MergeFunctions
from .lanes import Runs
from .life import RowId
from .seal import compact_lives
from .stored import Stored
from .tables import LoggedTable, cells_of, schema_hash
from .texts import Texts
from .vector import Vector

__all__ = ["COPIED", "FORMAT", "Snapshot", "take_snapshot"]

FORMAT = 1
_IN_MEMORY_BYTES = 4 << 20
_EFFS_AT_ONCE = 1_000


@dataclass(slots=True)
class Snapshot:
    """A snapshot in a file of its own, until it is closed. `name` is a hash of what it holds."""

    name: str
    vector: Vector
    serial: int
    size_bytes: int
    rows: int
    tables: tuple[str, ...]
    _file: IO[bytes]

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on; fewer at the end."""
        self._file.seek(offset)
        return self._file.read(size)

    def parts(self, size: int = 1 << 16) -> Iterator[bytes]:
        """Yield all of it, `size` bytes at a time."""
        for offset in range(0, self.size_bytes, size):
            yield self.read(offset, size)

    def close(self) -> None:
        """Drop the file. May be called twice."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def take_snapshot(
    conn: Connection, tables: Iterable[LoggedTable], functions: MergeFunctions, only: Iterable[str] = ()
) -> Snapshot:
    """Return a snapshot of what `conn` sees, in one read transaction; of the tables `only`, by their ids, or of all."""
    wanted = frozenset(only)
    chosen = sorted((one for one in tables if not wanted or one.id in wanted), key=lambda table: table.id)
    writing = _Writing(conn, chosen, functions)
    try:
        size, rows, name = writing.write(whole=not wanted)
    except BaseException:
        writing.file.close()
        raise
    vector, serial = writing.stored.runs.vector, writing.stored.fates.last_no
    return Snapshot(name, vector, serial, size, rows, tuple(sorted(wanted)), writing.file)


@dataclass(slots=True)
class _Writing:
    """A snapshot that is being written."""

    conn: Connection
    tables: list[LoggedTable]
    functions: MergeFunctions
    file: IO[bytes] = field(init=False)
    stored: Stored = field(init=False)
    _told: set[int] = field(default_factory=set)
    _parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # the snapshot closes it
        runs, fates, texts = Runs(self.conn), Fates.read(self.conn), Texts()
        texts.forget(self.conn)
        self.stored = Stored(self.conn, self.tables, runs, self.functions, None, fates, texts=texts)

    def write(self, *, whole: bool) -> tuple[int, int, str]:
        """Write all lines; return their size, the number of rows, and the name."""
        hashed, size, rows = hashlib.sha256(), 0, 0
        sums: dict[str, list[object]] = {}
        for part in self._lines(sums, whole=whole):
            data = part.encode()
            hashed.update(data)
            size += len(data)
            self.file.write(data)
        name = hashed.hexdigest()
        end = f"{dumps(['end', sums, name])}\n".encode()
        self.file.write(end)
        rows = sum(int(said[0]) for said in sums.values())  # type: ignore[call-overload]  # a count
        return size + len(end), rows, name[:32]

    def _lines(self, sums: dict[str, list[object]], *, whole: bool) -> Iterator[str]:
        """Yield lines, some at a time; `sums` gets what the last one says."""
        conn, runs = self.conn, self.stored.runs
        header = {
            "snapshot": FORMAT,
            "vector": runs.vector.data(),
            "horizon": horizon_of(conn).data(),
            "serial": self.stored.fates.last_no,
            "whole": whole,
            "schema": schema_hash(self.tables),
            "tables": [[table.id, list(table.key), list(table.ids)] for table in self.tables],
        }
        yield f"{dumps(header)}\n"
        for commit in runs.vector:
            self._tell(runs.number(commit))
            yield "".join(self._parts)
            self._parts.clear()
        if whole:
            yield from self._effs()
        for at, table in enumerate(self.tables):
            count, total = 0, 0
            for lines, digest in self._rows(at, table):
                count, total = count + (digest is not None), total ^ (digest or 0)
                yield lines
            sums[table.id] = [count, f"{total:016x}"]
        yield from self._rest(whole=whole)

    def _effs(self) -> Iterator[str]:
        """Yield the effective stamps of all commits that one still to come may name as seen, lane by lane."""
        stored, horizon = self.stored, horizon_of(self.conn)
        for lane, last in stored.runs.vector:
            for first in range(max(1, horizon[lane]), last + 1, _EFFS_AT_ONCE):
                effs = [stored.eff(CommitId(lane, seq)) for seq in range(first, min(first + _EFFS_AT_ONCE, last + 1))]
                steps = [now - before for before, now in pairwise(effs)]
                yield f"{dumps(['effs', lane, first, [effs[0], *steps]])}\n"

    def _rows(self, at: int, table: LoggedTable) -> Iterator[tuple[str, int | None]]:
        """Yield the lines of each row of a table, and its digest if it lives."""
        width = len(table.key)
        columns = "".join(f", d.{quote_name(name)}" for name in table.names)
        keys = ", ".join(f"s.{key}" for key in table.keys)
        cursor = self.conn.execute(
            f"SELECT {keys}, s.life, s.stamp, s.cells, s.extra{columns} FROM {table.rows} AS s "
            f"LEFT JOIN {table.name.sql} AS d ON {table.on('s', 'd')} ORDER BY {keys}"
        )
        while found := cursor.fetchmany(500):
            for row in found:
                key, (life, stamp, cells, extra), values = row[:width], row[width : width + 4], row[width + 4 :]
                parts = self._parts = []
                self._tell(stamp)
                named = [plain_value(part) for part in key]
                if life % 2:
                    written, more = cells_of(cells), None if extra is None else json.loads(extra)
                    for number in (*written.values(), *_named_in(more)):
                        self._tell(number)
                    plain = [plain_value(value) for value in values]
                    parts.append(f"{dumps(['row', at, named, life, stamp, written or None, more, plain])}\n")
                    digest = living_digest(table, key, values)
                else:
                    parts.append(f"{dumps(['gone', at, named, life, stamp])}\n")
                    digest = None
                if life > 1:
                    self._tell_lives(at, table, key, named)
                yield "".join(parts), digest

    def _tell_lives(self, at: int, table: LoggedTable, key: tuple[Any, ...], named: list[object]) -> None:
        """Tell the lives of a row that ended, as far as somebody may still write to them."""
        row, stored = RowId(table.id, key), self.stored
        lives = stored.lives([row]).get(row, ())
        kept = compact_lives(row, lives, horizon_of(self.conn), stored.parents, table.trees)
        if any(life.ends and (life.cells or life.dots) for life in kept):
            numbers = set[int]()

            def number(commit: Any) -> int:  # Any: a CommitId
                found = stored.runs.number(commit)
                numbers.add(found)
                return found

            text = lives_text(kept, number)
            for one in sorted(numbers):
                self._tell(one, parents=True)
            self._parts.append(f'["lives",{at},{dumps(named)},{text}]\n')

    def _tell(self, number: int, *, parents: bool = False) -> None:
        """Tell of a commit before a row names it."""
        if number in self._told and not parents:
            return
        self._told.add(number)
        runs = self.stored.runs
        hlc, eff, digest, *words = self.conn.execute(
            "SELECT hlc, coalesce(eff, hlc), hash, coalesce(actor, ''), coalesce(command, ''), coalesce(message, '') "
            "FROM main._eddy_commits WHERE id = ?",
            (number,),
        ).fetchone()
        seen = runs.parents(number).data() if parents else None
        line = ["commit", number, *runs.commit(number), hlc, eff, digest.hex(), *words, seen]
        self._parts.append(f"{dumps(line)}\n")

    def _text(self, no: int, at: list[Any]) -> str:
        """Return the line of one document, after those of its commits."""
        self._parts = []
        epoch, put, loose, state, seen = self.conn.execute(
            "SELECT epoch, put, loose, state, seen FROM main._eddy_texts WHERE no = ?", (no,)
        ).fetchone()
        updates = self.conn.execute(
            "SELECT commit_id, data FROM main._eddy_text_updates WHERE text = ? ORDER BY commit_id, n", (no,)
        ).fetchall()
        numbers = json.loads(seen)
        for number in (put, *numbers, *(by for by, _ in updates)):
            if number:
                self._tell(number)
        since = [[by, plain_value(data)] for by, data in updates]
        line = dumps(["text", *at, epoch, put, plain_value(loose), plain_value(state), numbers, since])
        return f"{''.join(self._parts)}{line}\n"

    def _rest(self, *, whole: bool) -> Iterator[str]:
        conn, chosen = self.conn, {table.id for table in self.tables}
        for no, *at in conn.execute(_TEXTS).fetchall():
            if at[0] in chosen:
                yield self._text(no, at)
        for kind, table in COPIED.items():
            for row in conn.execute(f"SELECT * FROM main.{table} ORDER BY 1, 2, 3, 4").fetchall():
                at = 1 if kind == "violation" else 0
                if whole or row[at] in chosen:
                    yield f"{dumps([kind, *map(plain_value, row)])}\n"
        if whole:
            for one in self.stored.fates.after(0):
                yield f"{dumps(['envelope', *one.commit, one.clamped, one.rejected])}\n"


_TEXTS = (
    "SELECT no, table_id, row_key, column_id, incarnation FROM main._eddy_texts "
    "ORDER BY table_id, row_key, column_id, incarnation"
)
COPIED = {
    "move": "_eddy_moves",
    "place": "_eddy_places",
    "conflict": "_eddy_conflicts",
    "violation": "_eddy_violations",
}
"""Tables that name commits by their ids, so they go as they are. The table's id is the first column, or the second."""


def _named_in(extra: Any) -> Iterator[int]:  # Any: parsed JSON
    """Yield the commits, by number, that the rest of a row's stamps names."""
    if extra is not None:
        yield from (number for _, number in extra.get("cells", {}).values())
        yield from (by for _, _, dots in extra.get("dots", ()) for by, _ in dots)
