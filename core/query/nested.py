"""Nested results: rows with the rows that belong to them, one query a level.

    Issue.include("project", "comments.author")

    rows of the query      ->  level project    WHERE project.id = v      v: what the rows hold in `project`
                           ->  level comments   WHERE comment.issue = v   v: the rows' keys
                                  `-> level author                        v: what those comments hold in `author`

The values `v` of all rows go into one statement, as a table beside the level's own; so SQLite says which row belongs to
which, by its own affinity and collation, and an order and a limit hold for each parent by itself.
`with_inner` writes what has changed inside a row as patches of its own, by the keys of the rows inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...signals.patch import Insert, Patch, Reset, Update, diff_keyed
from ..kinds import Kind
from ..row import Row, row_type
from ..schema.catalog import TableName
from ..store import Connection
from ..values import SqlValue
from .plan import Binary, Column, Expr, Order, Output, Select, Source, rewrite_select
from .render import render, render_expr, render_order
from .shown import Maker

__all__ = ["Level", "LevelReader", "diff_rows", "nest", "shown", "with_included", "with_inner"]

_WANTED = "_eddy_wanted"
_VALUES_MAX = 16_384
_WANTED_AT, _WANTED_VALUE = Column(0, "i"), Column(0, "v")


@dataclass(frozen=True)
class Level:
    """One name of `include`: rows of `plan` whose column `far` holds what the row of `owner` around holds at `near`.

    `plan` is that of the level's own query, without its limit; `key` are its root's key columns, `kind` is that of the
    value at `near`. `linked`: `far` belongs to a table between.
    """

    name: str
    many: bool
    owner: TableName
    near: int
    near_column: str
    kind: Kind
    plan: Select
    far: Column
    key: tuple[str, ...]
    limit: Expr | None
    make: Maker
    linked: bool
    levels: tuple[Level, ...]

    @property
    def wanted(self) -> Select:
        """The statement's plan: the wanted values are its first table."""
        moved = rewrite_select(self.plan, lambda e: Column(e.source + 1, e.name) if isinstance(e, Column) else None)
        first, *others = moved.sources
        sources = (Source(TableName("temp", _WANTED), _WANTED), replace(first, join=self._joined), *others)
        belongs = Binary("=", Column(self.far.source + 1, self.far.name), _WANTED_VALUE)
        keys = [Column(1, name) for name in self.key]
        known = {order.expr for order in moved.order_by}
        return replace(
            moved,
            sources=sources,
            outputs=(Output(_WANTED_AT, "_eddy_i"), *moved.outputs),
            order_by=(*moved.order_by, *(Order(key) for key in keys if key not in known)),
        ).with_where(belongs)

    @property
    def _joined(self) -> Any:  # Any: a JoinKind
        return "JOIN" if self.linked else "CROSS JOIN"

    def value(self, row: tuple[Any, ...]) -> SqlValue:
        """Return what the row around holds, as SQLite has it."""
        found: Any = tuple.__getitem__(row, self.near)  # Any: as the row's column has it
        if found is None or (self.kind.decode is None and type(found) in (str, int)):
            as_it_is: SqlValue = found
            return as_it_is
        return self.kind.encode(found, self.name)


class LevelReader:
    """The statement of one level."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.width = len(level.plan.outputs)
        plan = level.wanted
        order = plan.order_by
        if level.limit is None:
            self._body = render(replace(plan, order_by=(Order(_WANTED_AT), *order)), {0: _WANTED})
        else:
            terms = ", ".join(render_order(term, [source.alias for source in plan.sources]) for term in order)
            number = f"row_number() OVER (PARTITION BY {_WANTED}.i ORDER BY {terms}) AS _eddy_n"
            inner = render(replace(plan, order_by=()), {0: _WANTED}, [number])
            most = render_expr(level.limit, ())
            self._body = (
                f"SELECT *\nFROM (\n{inner}\n)\nWHERE _eddy_n <= {most} OR {most} < 0\nORDER BY _eddy_i, _eddy_n"
            )
        self._texts: dict[int, str] = {}

    def sql(self, count: int) -> str:
        """Return the statement for `count` values."""
        count = 1 << max(count - 1, 0).bit_length()
        text = self._texts.get(count)
        if text is None:
            values = ", ".join(f"({at}, :{_WANTED}{at})" for at in range(count))
            text = self._texts[count] = f"WITH {_WANTED}(i, v) AS (VALUES {values})\n{self._body}"
        return text

    def read(self, conn: Connection, values: Sequence[SqlValue], params: Mapping[str, SqlValue]) -> list[list[Any]]:
        """Return the rows that belong to each of `values`, in their order."""
        found: list[list[Any]] = [[] for _ in values]
        make, end = self.level.make, self.width + 1
        for start in range(0, len(values), _VALUES_MAX):
            part = values[start : start + _VALUES_MAX]
            sql = self.sql(len(part))
            bound: dict[str, SqlValue] = {
                f"{_WANTED}{at}": None for at in range(1 << max(len(part) - 1, 0).bit_length())
            }
            bound.update((f"{_WANTED}{at}", value) for at, value in enumerate(part))
            bound.update(params)
            for row in conn.execute(sql, bound).fetchall():
                found[start + row[0]].append(make(row[1:end]))
        return found


def with_included(row: Any, names: tuple[str, ...], values: Sequence[Any]) -> Any:  # Any: rows of a model
    """Return `row` with what it includes."""
    return row._including(row_type(names)(values))


def nest(conn: Connection, levels: Sequence[Level], rows: Sequence[Any], params: Mapping[str, SqlValue]) -> list[Any]:
    """Return `rows` with what `levels` say read anew: one statement a level."""
    if not levels or not rows:
        return list(rows)
    columns = []
    for level in levels:
        wanted = [level.value(row) for row in rows]
        values: list[SqlValue] = [value for value in dict.fromkeys(wanted) if value is not None]
        read = LevelReader(level).read(conn, values, params) if values else []
        flat = iter(nest(conn, level.levels, [child for children in read for child in children], params))
        belong = {value: tuple(next(flat) for _ in part) for value, part in zip(values, read, strict=True)}
        columns.append([shown(level, belong.get(value, ())) for value in wanted])
    names = tuple(level.name for level in levels)
    return [with_included(row, names, values) for row, *values in zip(rows, *columns, strict=True)]


def shown(level: Level, rows: tuple[Any, ...]) -> Any:  # Any: rows of a model, one or None
    """Return what stands under the level's name."""
    if level.many:
        return rows
    return rows[0] if rows else None


# --- what has changed inside


def diff_rows(
    old_keys: Sequence[Any],
    keys: Sequence[Any],
    old_rows: Sequence[Any],
    rows: Sequence[Any],
    columns: Sequence[str],
) -> list[Patch]:
    """Return the patches from the old rows to the new ones, and of what they include."""
    patches = diff_keyed(old_keys, keys, old_rows, rows, columns)
    if not rows or getattr(rows[0], "_included", None) is None:
        return patches
    return with_inner(patches, old_keys, old_rows, keys, rows)


def with_inner(
    patches: list[Patch],
    old_keys: Sequence[Any],
    old_rows: Sequence[Any],
    keys: Sequence[Any],
    rows: Sequence[Any],
) -> list[Patch]:
    """Return `patches`, with an Update for each row that stayed and includes something else: it has `inside`.

    A row whose own columns differ has one Update for both; one that comes in, whole, has none.
    """
    if any(isinstance(patch, Reset) for patch in patches):
        return patches
    told = list(patches)
    came = {patch.key for patch in told if isinstance(patch, Insert)}
    updates = {patch.key: place for place, patch in enumerate(told) if isinstance(patch, Update)}
    before = dict(zip(old_keys, old_rows, strict=True))
    for at, (key, row) in enumerate(zip(keys, rows, strict=True)):
        old = before.get(key)
        if old is None or old is row or key in came:
            continue
        inside = _differences(old.included, row.included)
        if not inside:
            continue
        own = told[updates[key]] if key in updates else None
        if isinstance(own, Update):
            told[updates[key]] = Update(own.index, row, (*own.columns, *inside), key, inside)
        else:
            told.append(Update(at, row, tuple(inside), key, inside))
    return told


def _differences(old: Row, new: Row) -> dict[str, tuple[Patch, ...]]:
    """Return by name how what a row includes has changed, as patches of the list under that name."""
    found = {}
    for name, before, after in zip(new.columns, old, new, strict=True):
        if before is after:
            continue
        old_rows, rows = _listed(before), _listed(after)
        old_keys, keys = list(_keys(old_rows)), list(_keys(rows))
        columns = (rows or old_rows)[0].columns if rows or old_rows else ()
        patches = diff_rows(old_keys, keys, old_rows, rows, columns)
        if patches:
            found[name] = tuple(patches)
    return found


def _listed(value: Any) -> tuple[Any, ...]:  # Any: what `shown` gives
    if value is None:
        return ()
    return value if type(value) is tuple else (value,)


def _keys(rows: Sequence[Any]) -> Iterator[Any]:
    """Yield the key of each row; of one that a table between brings several times, which of them it is, too."""
    seen: dict[Any, int] = {}
    for row in rows:
        key = row.__key__()
        seen[key] = count = seen.get(key, 0) + 1
        yield key if count == 1 else (key, count)
