"""The journal: each transaction of ours becomes one commit, in the same SQLite transaction.

    TEMP logs (OLD -1, NEW +1)  --by key-->  ops     ->  one row in _eddy_commits
                                             stamps  ->  one row each in _eddy_rows_N

Nothing is kept in memory but the heads, which are thrown away with the transaction, or when somebody else has written.
A table whose log can't be trusted (a schema change, a REPLACE that no trigger saw) is compared with its checksums.
Cost: one read a table, one write a row, one write a commit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from ..changes import Changes, Needs
from ..clock import Clock, stamp_ms
from ..origin import Origin
from ..schema.catalog import Catalog, TableName
from ..store import Connection
from .encoding import compose
from .instance import Instance, last_commit, read_nonce
from .lanes import NO_END, End, Heads, Own
from .row_changes import RowChanges
from .tables import LoggedTable, fit_columns, read_tables, schema_hash

__all__ = ["Journal"]

_INSERT = (
    "INSERT INTO main._eddy_commits (id, hlc, eff, hash, ops, before, left_out, message, actor, command, args) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Journal:
    """The log of one database as its writer connection keeps it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.tables: Mapping[TableName, LoggedTable] = {}
        self._rows: dict[TableName, RowChanges] = {}
        self._schema = ""
        self._instance: Instance | None = None
        self._looked = self._begun = self._beginning = False
        self._heads: Heads | None = None
        self._staged: Heads | None = None

    def look(self, conn: Connection, catalog: Catalog) -> None:
        """Take the logged tables that are there now."""
        self.tables = read_tables(conn, catalog)
        self._rows = {name: RowChanges(table) for name, table in self.tables.items()}
        self._schema = schema_hash(self.tables.values())
        self._heads = self._staged = None
        if self.tables and not self._looked:
            self._looked, self._instance = True, Instance.of(conn)

    @property
    def untouched(self) -> bool:
        """Whether nobody has written to the file since a session of ours ended."""
        return self._instance is not None and self._instance.untouched

    def fit(self, conn: Connection, catalog: Catalog) -> None:
        """Follow logged tables whose columns have changed; inside a transaction that writes."""
        shrunk = fit_columns(conn, catalog)
        self.look(conn, catalog)
        for name in shrunk:
            self._rows[name].sum_anew(conn)

    def moved(self) -> None:
        """Another program has written: read the heads anew when they are needed."""
        self._heads = None

    def needs(self, catalog: Catalog) -> Needs:
        """Return what must be captured: logged tables in full."""
        return {
            name: frozenset((*catalog.table(name).key, *table.key, *table.names)) for name, table in self.tables.items()
        }

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
        if changes.large:
            changes.settle(logged)
        heads = self._staged or (self._heads or Heads.read(conn)).copy()
        number = heads.last_id + 1
        ops: list[str] = []
        before: list[int] = []
        left_out: list[str] = []
        for name in sorted((*logged, *compared)) if len(logged) + len(compared) > 1 else logged or compared:
            rows = self._rows[name]
            found = rows.compared(conn) if name in compared else rows.changed(conn, *changes.rows[name](conn))
            kept = (ops, before) if rows.table.history != "none" else (left_out, [])
            rows.write(conn, found if own == "lane" else rows.out_of_step(found), number, *kept)
        if not ops and not left_out:
            return False
        self._write(conn, heads, own, ops, before, left_out, origin)
        return True

    def _write(
        self,
        conn: Connection,
        heads: Heads,
        own: Own,
        ops: list[str],
        before: list[int],
        left_out: list[str],
        origin: Origin,
    ) -> None:
        if not (self._begun or self._beginning):
            self._begin(conn, heads)
        place = heads.place_own(conn, own, self._schema)
        end = heads.ends.get(place.lane, NO_END)
        hlc = self._clock.tick(end.hlc)
        heads.eff = max(hlc, heads.eff + 1)
        words = (origin.actor, origin.command, origin.args, origin.message, self._schema, end.hash)
        whole = f"[{','.join([*ops, *left_out])}]"
        said = compose(heads.lanes[place.lane], place.seq, place.parents, hlc, stamp_ms(hlc), words, whole)
        digest = hashlib.sha256(said.encode())
        conn.execute(
            _INSERT,
            (
                place.id, hlc, None if heads.eff == hlc else heads.eff, digest.digest(),
                f"[{','.join(ops)}]" if left_out else whole,
                str(before) if any(before) else None, len(left_out) or None,
                origin.message or None, origin.actor or None, origin.command or None, origin.args or None,
            ),
        )  # fmt: skip
        heads.ends[place.lane] = End(hlc, digest.hexdigest())
        self._staged = heads

    def _begin(self, conn: Connection, heads: Heads) -> None:
        """Begin to write in this session: on the lanes of the file, unless it may be a copy or an older state."""
        if self._instance is None or not self._instance.same:
            heads.own = {}
        if self._instance is not None:
            self._instance.begin(conn)
        self._beginning = True

    def keep(self) -> None:
        """The transaction is committed: what it staged is what there is."""
        if self._staged is not None:
            self._heads, self._staged = self._staged, None
        self._begun, self._beginning = self._begun or self._beginning, False

    def discard(self) -> None:
        """The transaction is undone."""
        self._staged, self._beginning = None, False

    def close(self, conn: Connection) -> Callable[[], None]:
        """End the session; return what is to be called when every connection is closed."""
        instance, self._instance = self._instance, None
        if instance is None:
            return lambda: None
        if conn.in_transaction:
            return lambda: instance.end(0, "")
        last, nonce = last_commit(conn), read_nonce(conn)
        return lambda: instance.end(last, nonce)
