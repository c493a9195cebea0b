"""What has to hold of every file with a log: its ops, rows, stamps, checksums and hashes say the same."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

from eddyline.core.log.commit import Commit, End, Put
from eddyline.core.log.encoding import decode_ops, encode, encode_ops
from eddyline.core.log.lanes import Runs
from eddyline.core.log.row_changes import checksum
from eddyline.core.log.tables import cells_of, read_tables
from eddyline.core.schema import Catalog

__all__ = ["check_in_step"]


def check_in_step(path: str | Path) -> int:
    """Check that ops, rows, stamps and checksums of a file say the same; return how many commits it holds."""
    conn = sqlite3.connect(path)
    runs, tables = Runs(conn), read_tables(conn, Catalog(conn))
    lives: dict[tuple[str, Any], tuple[int, dict[str, Any], dict[str, int]]] = {}
    last: dict[str, str] = {}
    commits = conn.execute(
        "SELECT id, hlc, hash, ops, coalesce(actor, ''), coalesce(command, ''), coalesce(args, ''), "
        "coalesce(message, '') FROM _eddy_commits ORDER BY id"
    ).fetchall()
    for number, hlc, digest, ops, actor, command, args, message in commits:
        commit_id = runs.commit(number)
        commit = Commit(
            commit_id.lane, commit_id.seq, runs.parents(number), hlc, decode_ops(ops), actor, command, args, message,
            hlc >> 16,
            runs.schema(number), last.get(commit_id.lane, ""),
        )  # fmt: skip
        assert hashlib.sha256(encode(commit).encode()).digest() == digest
        assert encode_ops(commit.ops) == ops
        assert runs.number(commit_id) == number
        last[commit_id.lane] = digest.hex()
        for op in commit.ops:
            assert isinstance(op, Put | End)
            life, cells, stamps = lives.get((op.table, op.key), (0, {}, {}))
            if isinstance(op, End):
                assert life == op.incarnation
                lives[op.table, op.key] = (life + 1, {}, {})
                continue
            if op.incarnation != life:
                assert op.incarnation == life + 1
                cells, stamps = {}, {}
            lives[op.table, op.key] = (
                op.incarnation, {**cells, **op.cells}, {**stamps, **dict.fromkeys(op.cells, number)},
            )  # fmt: skip
    for table in tables.values():
        names = ", ".join(f'"{name}"' for name in (*table.key, *table.names))
        width = len(table.key)
        rows = {row[:width]: row[width:] for row in conn.execute(f"SELECT {names} FROM {table.name.sql}")}
        kept = {row[:width]: row[width:] for row in conn.execute(f"SELECT * FROM {table.rows}")}
        said = {key: state for (name, key), state in lives.items() if name == table.id}
        assert kept.keys() == said.keys()
        assert rows.keys() == {key for key, (life, _, _) in said.items() if life % 2}
        for key, (life, stamp, exceptions, _, total, _) in kept.items():
            assert life == said[key][0]
            if life % 2:
                assert dict(zip(table.ids, rows[key], strict=True)) == said[key][1]
                assert {**dict.fromkeys(table.ids, stamp), **cells_of(exceptions)} == said[key][2]
                assert total == checksum(table, rows[key])
    conn.close()
    return len(commits)
