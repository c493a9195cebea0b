"""What the tests of writing share: a raw connection with capture on it, and a participant that records."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import pytest

from eddyline.core.changes import Changes, Needs
from eddyline.core.schema import Catalog, TableName
from eddyline.core.sqltext import look
from eddyline.core.write.capture import Capture
from eddyline.core.zset import ZSet


class Captured:
    """A connection whose tables are captured in full."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self.capture = Capture()

    def watch(self, *tables: str, columns: Iterable[str] = ()) -> None:
        """Capture `tables`: all columns and the key, or just `columns`."""
        catalog = Catalog(self.conn)
        infos = [info for table in tables if (info := catalog.find(table)) is not None]
        wanted = tuple(columns)
        self.capture.install(
            self.conn,
            catalog,
            {info.name: frozenset(wanted or (*info.key, *(c.name for c in info.columns))) for info in infos},
        )

    def rows(self, table: str) -> ZSet:
        """Return what the table holds now, in the order of its log's columns."""
        catalog = Catalog(self.conn)
        info = catalog.find(table)
        assert info is not None
        hidden = [key for key in info.key if info.column(key) is None]
        names = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in hidden + [c.name for c in info.columns])
        return ZSet((row, 1) for row in self.conn.execute(f"SELECT {names} FROM {info.name.sql}"))

    def run(self, *statements: str) -> Changes:
        """Run statements as one transaction of ours does; return what capture says."""
        changes = Changes()
        for sql in statements:
            self.conn.execute("SAVEPOINT guard")
            try:
                self.conn.execute(sql)
            except sqlite3.Error:
                self.conn.execute("ROLLBACK TO guard")
            self.conn.execute("RELEASE guard")
            self.capture.note_statement(self.conn, look(sql).may_replace, changes)
        return self.capture.changes(self.conn, changes)

    def delta(self, table: str) -> ZSet:
        """Return the logged change of `table`, as the last `run` left it."""
        name = TableName("main", table)
        if name not in {log.table.name for log in self.capture._found}:
            return ZSet()
        return self.capture.rows(self.conn, name)[1]

    def clear(self) -> None:
        """Empty the logs."""
        self.capture.clear(self.conn)


def _difference(after: ZSet, before: ZSet) -> ZSet:
    """Return the change that leads from `before` to `after`."""
    change = ZSet(after)
    for row, weight in before:
        change.add(row, -weight)
    return change


class Tap:
    """A participant that records what it is told."""

    def __init__(self, *tables: str) -> None:
        self.needs_version = 1
        self.tables = tables
        self.told: list[Any] = []
        self.on_step: Callable[[sqlite3.Connection, Changes], object] = lambda conn, changes: None

    def needs(self, catalog: Catalog) -> Needs:
        infos = [info for table in self.tables if (info := catalog.find(table)) is not None]
        return {info.name: frozenset((*info.key, *(c.name for c in info.columns))) for info in infos}

    def schema_moved(self, conn: Any, catalog: Catalog) -> None:
        self.told.append("schema moved")

    def step(self, conn: Any, changes: Changes) -> None:
        log = {str(t): conn.execute(f"SELECT * FROM {n} ORDER BY 1").fetchall() for t, n in changes.logs.items()}
        said: Any = "everything" if changes.everything else {t: [row[1:] for row in rows] for t, rows in log.items()}
        self.told.append(("step", said))
        self.on_step(conn, changes)

    def publish(self, number: int) -> None:
        self.told.append(("publish", number))

    def discard(self) -> None:
        self.told.append("discard")

    def heard(self) -> list[Any]:
        """Return what was told since the last look."""
        told, self.told = self.told, []
        return told


@pytest.fixture
def captured() -> Iterator[Captured]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        conn.execute("PRAGMA foreign_keys = 1")
        yield Captured(conn)


@pytest.fixture
def difference() -> Callable[[ZSet, ZSet], ZSet]:
    return _difference


@pytest.fixture
def tap() -> type[Tap]:
    return Tap
