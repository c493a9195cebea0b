"""Feeds: the inner queries of derived tables, kept, and the outer query that is kept over the tables.

    changes --> [ feed: inner operator, window ] --pairs--> DELETE, INSERT in the table; -1, +1 in its log
            --> [ outer operator ] with the logs of the tables too --pairs-->

`derived.py` says what these tables are.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from ..changes import Changes
from ..store import Connection
from ..values import SqlRow, same_typed
from .derived import PROGRAM, VERSIONS, Inner, ensure
from .operator import Entry, Operator, Pair, TooLarge
from .window import Window

__all__ = ["DerivedOperator", "Feed"]

_serials = count(1)
_versions = count(1)


class Feed:
    """One inner query as one program keeps it. A `window` holds what its LIMIT lets through."""

    def __init__(self, inner: Inner, number: int, operator: Operator, window: Window | None) -> None:
        self.inner, self.operator, self._number, self._window = inner, operator, number, window
        name, columns = inner.table.name.sql, inner.table.columns
        marks = ", ".join("?" * len(columns))
        by_key = " AND ".join(f"{key} IS ?" for key in inner.table.key)
        self._insert = f"INSERT INTO {name} VALUES ({marks})"
        self._delete = f"DELETE FROM {name} WHERE {PROGRAM} = ? AND {by_key}"
        self._note = f"INSERT INTO {inner.log} VALUES (?, {marks})"
        self._key_n = len(inner.table.key)
        self._rows_n = self._staged_n = 0

    @property
    def size(self) -> int:
        """How many rows of the table, and groups and the like of the inner query, are held."""
        return self._rows_n + self.operator.size

    def reads(self, changes: Changes) -> bool:
        """Say whether `changes` concern the inner query."""
        return any(table in changes.logs for table in self.inner.template.needs)

    def fill(self, conn: Connection) -> None:
        """Read the inner query, and write the table anew."""
        ensure(conn, self.inner.table, self.inner.sought)
        window = self._window
        entries = self.operator.fill(conn, None if window is None else window.capacity)
        if window is not None:
            window.reset(entries, window.capacity)
            entries = window.entries[window.lo : window.hi]
        self.leave(conn)
        conn.executemany(self._insert, [(self._number, *self.inner.row(entry)) for entry in entries])
        self._staged_n = len(entries)

    def step(self, conn: Connection, changes: Changes) -> int:
        """Follow `changes` in the table and its log; return how many rows the log has."""
        conn.execute(f"DELETE FROM {self.inner.log}")
        pairs = self._pairs(conn, changes)
        row = self.inner.row
        found = [(old and row(old), new and row(new)) for old, new in pairs]
        found = [(old, new) for old, new in found if old is None or new is None or not _same(old, new)]
        gone = [old for old, _ in found if old is not None]
        come = [new for _, new in found if new is not None]
        mine = self._number
        conn.executemany(self._delete, [(mine, *old[: self._key_n]) for old in gone])
        conn.executemany(self._insert, [(mine, *new) for new in come])
        conn.executemany(self._note, [*((-1, mine, *old) for old in gone), *((1, mine, *new) for new in come)])
        self._staged_n = self._rows_n + len(come) - len(gone)
        return len(gone) + len(come)

    def publish(self) -> None:
        """Keep what is staged."""
        self._rows_n = self._staged_n
        self.operator.publish()
        if self._window is not None:
            self._window.publish()

    def discard(self) -> None:
        """Forget what is staged; the table itself rolls back or is written anew."""
        self._staged_n = self._rows_n
        self.operator.discard()
        if self._window is not None:
            self._window.discard()

    def leave(self, conn: Connection) -> None:
        """Take the program's rows out of the table."""
        conn.execute(f"DELETE FROM {self.inner.table.name.sql} WHERE {PROGRAM} = ?", (self._number,))

    def _pairs(self, conn: Connection, changes: Changes) -> list[Pair]:
        """Return how the rows of the inner query change: by its operator, or what its window then shows."""
        pairs, window = self.operator.step(conn, changes), self._window
        if window is None or not pairs:
            return pairs
        before = self._by_key(window.entries[window.lo : window.hi])
        window.step(pairs, lambda limit: self.operator.fill(conn, limit))
        after = self._by_key(window.entries[window.lo : window.hi])
        return [(before.get(key), after.get(key)) for key in {**before, **after}]

    def _by_key(self, entries: list[Entry]) -> dict[SqlRow, Entry]:
        return {tuple(entry[at] for at in self.inner.key_at): entry for entry in entries}


def _same(old: SqlRow, new: SqlRow) -> bool:
    return all(map(same_typed, old, new))


class DerivedOperator:
    """A query over derived tables, and what feeds them."""

    def __init__(self, outer: Operator, feeds: list[Feed]) -> None:
        self._outer, self._feeds = outer, feeds
        self._serial = next(_serials)
        self._version = self._staged = 0
        self._stepped = False

    @property
    def size(self) -> int:
        """How many rows of the tables, and groups and the like, are held."""
        return self._outer.size + sum(feed.size for feed in self._feeds)

    def statements(self, changes: Changes) -> list[str]:
        """Return the statements that follow `changes`, through the tables too."""
        fed = [feed for feed in self._feeds if feed.reads(changes)]
        inner = [sql for feed in fed for sql in feed.operator.statements(changes)]
        logs = {feed.inner.table.name: feed.inner.log for feed in fed}
        return [*inner, *self._outer.statements(replace(changes, logs={**changes.logs, **logs}))]

    def fill(self, conn: Connection, limit: int | None) -> list[Entry]:
        """Write every table anew and return the first entries; after a step the tables are right already."""
        if not self._stepped:
            for feed in self._feeds:
                feed.fill(conn)
            self._mark(conn)
        return self._outer.fill(conn, limit)

    def step(self, conn: Connection, changes: Changes) -> list[Pair]:
        """Return what `changes` do to the outer query. Raises `TooLarge` where a rollback has moved the tables."""
        found = conn.execute(f"SELECT version FROM {VERSIONS} WHERE operator = ?", (self._serial,)).fetchone()
        if found is None or found[0] != self._version:
            raise TooLarge
        counts = {feed.inner.table.name: feed.step(conn, changes) for feed in self._feeds if feed.reads(changes)}
        logs = {feed.inner.table.name: feed.inner.log for feed in self._feeds if counts.get(feed.inner.table.name)}
        if counts:
            self._mark(conn)
        self._stepped = True
        return self._outer.step(conn, replace(changes, logs={**changes.logs, **logs}))

    def publish(self) -> None:
        """Keep what is staged."""
        self._outer.publish()
        for feed in self._feeds:
            feed.publish()
        self._version = self._staged or self._version
        self._stepped, self._staged = False, 0

    def discard(self) -> None:
        """Forget what is staged."""
        self._outer.discard()
        for feed in self._feeds:
            feed.discard()
        self._stepped, self._staged = False, 0

    def leave(self, conn: Connection) -> None:
        """Take all that is the program's out of the tables."""
        for feed in self._feeds:
            feed.leave(conn)
            if isinstance(feed.operator, DerivedOperator):
                feed.operator.leave(conn)
        conn.execute(f"DELETE FROM {VERSIONS} WHERE operator = ?", (self._serial,))

    def _mark(self, conn: Connection) -> None:
        """Leave the number of what is staged beside the tables."""
        self._staged = next(_versions)
        conn.execute(f"INSERT OR REPLACE INTO {VERSIONS} VALUES (?, ?)", (self._serial, self._staged))
