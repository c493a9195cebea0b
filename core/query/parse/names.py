"""What a name means in a SELECT: a column of FROM, where USING has joined several of one name, or of the query around.

    FROM a JOIN b USING (k)    a.x  the table's    x  of the one table that has it    k  of a; of b in a RIGHT JOIN

A plan's column is a source by its number, counted through the queries around, and the name as its table spells it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...schema.catalog import Catalog, TableInfo
from ..plan import Binary, Call, Column, Compound, Expr, Output, Select, Source, Unplannable

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["Cte", "Names", "Reading"]


@dataclass(slots=True)
class Reading:
    """What the readers of one text share. `views` are those that it reads: what each one says, and how that was read.

    With `keeps_using` plans say USING where the text does, as SQLite has to see it, and not what it means.
    """

    keeps_using: bool = False
    has_using: bool = False
    views: list[tuple[str, Select | Compound]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cte:
    """A subquery in FROM, or a CTE; outside of subqueries `name` is then its name as SQL. `hint` stands behind AS."""

    tree: exp.Expr
    names: tuple[str, ...] = ()
    name: str = ""
    hint: str = ""


class Names:
    """The sources of one SELECT, looked up as SQLite does: here, then in the query around it."""

    def __init__(self, catalog: Catalog, params: Iterator[int], reading: Reading, outer: Names | None = None) -> None:
        self._catalog, self._params, self._reading, self._outer = catalog, params, reading, outer
        self._first: int = 0 if outer is None else outer._first + len(outer._sources)
        self._sources: list[Source] = []
        self._tables: list[TableInfo] = []
        self._using: dict[int, frozenset[str]] = {}  # of each source the names that USING or NATURAL joins it by
        self._outer_joins = False
        self._aliases: dict[str, Expr] = {}
        self.named: dict[str, int] = {}
        self.places: list[int | None] = []
        self._ctes: dict[str, Cte] = {} if outer is None else dict(outer._ctes)
        self._depth: int = 0 if outer is None else outer._depth
        self._windows: dict[str, exp.Window] = {}

    def _common(self, at: int) -> list[str]:
        """Return the columns of source `at` that a source before it has, too: what NATURAL joins by."""
        names = [column.name for column in self._tables[at].columns]
        return [name for name in names if any(table.column(name) for table in self._tables[:at])]

    def _using_condition(self, at: int, names: list[str]) -> Expr:
        condition: Expr | None = None
        for name in names:
            lefts = [s for s in range(at) if self._tables[s].column(name)]
            if not lefts or self._tables[at].column(name) is None:
                raise Unplannable(f"USING ({name}) names no column of both sides")
            left = self._first_of(lefts if self._outer_joins else lefts[:1], name)
            equal = Binary("=", left, self._real(at, name))
            condition = equal if condition is None else Binary("AND", condition, equal)
        assert condition is not None, "USING has at least one name"
        self._using[at] = frozenset(map(str.lower, names))
        return condition

    def _joined_by(self, name: str) -> Expr | None:
        """Return what a name without a table means where USING has joined its columns; None: it has not.

        That is the left side's; behind a RIGHT JOIN the right side's, behind a FULL JOIN the first that isn't NULL.
        """
        found: list[int] = []
        for at, table in enumerate(self._tables):
            if not table.column(name):
                continue
            if found and name.lower() not in self._using.get(at, ()):
                return None
            join = self._sources[at].join if found else ""
            if found and join not in ("RIGHT JOIN", "FULL JOIN"):
                continue
            found = [at] if join == "RIGHT JOIN" else [*found, at]
        return self._first_of(found, name) if found else None

    def _first_of(self, sources: list[int], name: str) -> Expr:
        """Return the column `name` of the first of `sources` in which it isn't NULL."""
        columns = tuple(self._real(at, name) for at in sources)
        return columns[0] if len(columns) == 1 else Call("coalesce", columns)

    def _real(self, source: int, name: str) -> Column:
        real = self._tables[source].resolve(name)
        if real is None:
            raise Unplannable(f"no column {name} in {self._sources[source].alias}")
        return Column(self._first + source, real)

    def _stars(self, sources: Any, *, hide_using: bool) -> list[Output]:
        outputs: list[Output] = []

        def behind(source: int) -> range:
            return range(source + 1, len(self._tables))

        for source in sources:
            for column in self._tables[source].columns:
                name = column.name.lower()
                if hide_using and name in self._using.get(source, ()):
                    continue
                shown: Expr | None = Column(self._first + source, column.name)
                if hide_using and self._outer_joins and any(name in self._using.get(at, ()) for at in behind(source)):
                    shown = self._joined_by(column.name)
                if shown is None:
                    raise Unplannable(f"{column.name} is joined by USING and stands in another table, too")
                outputs.append(Output(shown, None if isinstance(shown, Column) else column.name))
        return outputs

    def _source_named(self, alias: str) -> int:
        found = [at for at, source in enumerate(self._sources) if source.alias.lower() == alias.lower()]
        if len(found) != 1:
            raise Unplannable(f"{alias} names {len(found)} tables of FROM")
        return found[0]

    def _naming(self, alias: str) -> Names:
        """Return the reader of the query nearest by that has a table called `alias`."""
        reader: Names = self
        while reader._outer is not None and not any(s.alias.lower() == alias.lower() for s in reader._sources):
            reader = reader._outer
        return reader

    def _named(self, name: str) -> Expr:
        """Return what a name without a table means, here or in the query around."""
        if self._using and (joined := self._joined_by(name)) is not None:
            return joined
        found = [at for at, table in enumerate(self._tables) if table.column(name)]
        if not found and name.lower() in self._aliases:
            return self._aliases[name.lower()]
        if not found:
            found = [at for at, table in enumerate(self._tables) if table.resolve(name)]
        if not found and self._outer is not None:
            return self._outer._named(name)
        if not found and name.lower() in ("current_date", "current_time", "current_timestamp"):
            raise Unplannable(f"{name} reads the clock")
        if len(found) != 1:
            raise Unplannable(f"{name} is no column of one table in FROM")
        return self._real(found[0], name)
