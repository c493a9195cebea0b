"""The tables of a database with their row counts, as a live list that a `LiveTable` shows.

    session.tables (view) --names--> rows   Album   347
    one live `SELECT count(*)` a table -->  Track   3,503

Counts are opened one after the other, so that a database with many tables opens at once. A count that costs more than
`LIVE_COST_US_MAX` isn't kept live, because every commit of another program would pay for it: it is shown as ~1,234 and
counted again when the table is chosen. Nor are counts beyond the first `LIVE_MAX`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eddyline import Database, EddylineError, Patch, Reset, Update, View, effect
from eddyline.signals import diff_keyed

from .examples import quote

__all__ = ["TableCounts"]

COLUMNS = ("table", "rows")
LIVE_MAX = 100
LIVE_COST_US_MAX = 30_000
UNKNOWN = "…"


def short(count: int) -> str:
    """Return a count in at most seven characters."""
    return f"{count:,}" if count < 1_000_000 else f"{count / 1e6:,.1f} M"


class TableCounts:
    """A live source of (table, rows): `subscribe` and `columns` are what a LiveTable asks for."""

    columns = COLUMNS

    def __init__(self, db: Database, tables: View) -> None:
        self._db, self._tables = db, tables
        self._views: dict[str, View] = {}
        self._opening: set[str] = set()
        self._names: list[str] = []
        self._rows: list[tuple[str, str]] = []
        self._subscribers: dict[int, Callable[[list[Patch]], object]] = {}
        self._serial = 0
        self.closed = False
        self._effect = effect(lambda: self._follow([str(row[0]) for row in tables.rows()]), name="table names")

    @property
    def names(self) -> Sequence[str]:
        """The names of the tables in their order."""
        return tuple(self._names)

    def subscribe(self, fn: Callable[[list[Patch]], object]) -> Callable[[], object]:
        """Call `fn` with a Reset now and with patches from then on; return what ends that."""
        self._serial += 1
        serial = self._serial
        self._subscribers[serial] = fn
        fn([Reset(list(self._rows), list(self._names))])
        return lambda: self._subscribers.pop(serial, None)

    async def fill(self) -> None:
        """Open the counts that aren't there yet, one after the other."""
        for name in list(self._names)[:LIVE_MAX]:
            if name not in self._views:
                await self.count(name)

    async def count(self, name: str) -> None:
        """Count one table: live where that is cheap, else once."""
        if not self._wants(name) or name in self._opening or (name in self._views and not self._views[name].closed):
            return
        self._opening.add(name)
        try:
            view = await self._db.live(f"SELECT count(*) FROM {quote(name)}")
        except EddylineError:  # a view on a table that is gone: its name is shown all the same
            self._show(name, "?")
            return
        finally:
            self._opening.discard(name)
        if not self._wants(name):
            view.close()
            return
        self._views[name] = view
        if (view.last_cost_us or 0) > LIVE_COST_US_MAX:
            self._show(name, f"~{short(view.peek()[0][0])}")
            view.close()
        else:
            view.subscribe(lambda _: self._show(name, short(view.peek()[0][0])))

    def _wants(self, name: str) -> bool:
        return not self.closed and name in self._names

    def close(self) -> None:
        """Close every count."""
        self.closed = True
        self._effect.close()
        self._subscribers.clear()
        for view in self._views.values():
            view.close()

    def _follow(self, names: list[str]) -> None:
        """Take the names as they are now; counts of tables that are still there stay."""
        known = dict(self._rows)
        rows = [(name, known.get(name, UNKNOWN)) for name in names]
        patches = diff_keyed(self._names, names, self._rows, rows, COLUMNS)
        for name in set(self._views) - set(names):
            self._views.pop(name).close()
        self._names, self._rows = names, rows
        self._tell(patches)

    def _show(self, name: str, rows: str) -> None:
        if name in self._names:
            index = self._names.index(name)
            before = self._rows[index][1]
            if before != rows:
                self._rows[index] = (name, rows)
                first = before == UNKNOWN  # a Reset: only what changes is to light up
                self._tell([Reset(self._rows, self._names) if first else Update(index, (name, rows), ("rows",), name)])

    def _tell(self, patches: list[Patch]) -> None:
        if patches:
            for fn in list(self._subscribers.values()):
                fn(patches)
