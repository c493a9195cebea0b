"""Rows of examples: as many as are asked for, fitting types, references, uniqueness, checks and validators.

    each column has dice of its own, thrown by (seed, table, column)      a new column moves no other's values
    row number `at`, from how many are there  ->  values  ->  unique? checks? validators?  no: thrown again
    references lead to rows that are there, or were made just before; where none are, some are made first

Keys are ULIDs of the year before 2026, made of the same dice. The second call with one seed goes on where the first
has ended. Cost: some 10 us a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final, Protocol, TypeVar

from ..errors import ParameterError, ValidationError
from ..ids import Ids
from ..model.base import Model, ModelBase
from ..model.column import Text
from ..model.ref import Ref
from ..row import Row
from ..schema.table import ColumnSpec, TableSpec, is_row
from ..sqltext import quote_name
from ..values import SqlRow, SqlValue, shown
from .dice import pick
from .samples import NOW, Sample, sample_for

__all__ = ["seed_rows"]

M = TypeVar("M", bound=ModelBase)

_THROWS_MAX: Final = 500
_POOL: Final = 400
_NONE_SHARE: Final = 0.25
_NEEDED_EACH: Final = 10  # rows to one that they lead to, where none is there


class _Ran(Protocol):
    @property
    def rows(self) -> list[Row]: ...


class Writes(Protocol):
    """The open transaction, as far as it is needed here."""

    def execute(self, sql: str, /, *args: Any, **named: Any) -> _Ran: ...
    def executemany(self, sql: str, many: Iterable[Any], /) -> object: ...


def seed_rows(tx: Writes, model: type[M], n: int, seed: int, values: Mapping[str, Any]) -> list[M]:
    """Write `n` example rows of `model`; return them. `values`: by column, or made of (random, number of the row).

    Raises `ParameterError` where no row can be made that fits.
    """
    given: object = model
    if not (isinstance(given, type) and issubclass(given, ModelBase)):
        raise ParameterError(f"seed takes a model, not {model!r:.60}")
    if type(n) is not int or n < 0:
        raise ParameterError(f"seed makes n rows, a whole number, not {n!r:.40}")
    unknown = [name for name in values if name not in model.__table__.by_attribute]
    if unknown:
        there = ", ".join(model.__table__.attributes)
        raise ParameterError(f"{model.__name__} has no column {', '.join(unknown)}; it has: {there}")
    return _Seeding(tx, model, seed, values, ()).rows(n)


class _Seeding:
    """The making of rows of one model; `above` are those whose rows lead to it and wait."""

    def __init__(
        self, tx: Writes, model: type[Any], seed: int, values: Mapping[str, Any], above: tuple[type[ModelBase], ...]
    ) -> None:
        self.tx, self.model, self.seed, self.values = tx, model, seed, values
        self.above = (*above, model)
        self.spec: TableSpec = model.__table__
        self.table = quote_name(self.spec.name)
        self.start = int(tx.execute(f"SELECT count(*) FROM {self.table}").rows[0][0])
        self.dice = {
            one.attribute: Random(f"{seed}/{self.spec.name}/{one.name}/{self.start}") for one in self.spec.columns
        }
        groups = [*self.spec.uniques, self.spec.key]
        self.unique = {columns: set(self._there(columns)) for columns in groups}
        self.single = {column.attribute for columns in groups for column in columns}
        self._mine: dict[str, list[SqlValue]] = {}  # keys of this table that references to itself pick among

    def rows(self, n: int) -> list[Any]:  # Any: of the model
        """Write and return `n` rows."""
        samples = {column.attribute: self._sample(column, n) for column in self.spec.columns}
        fits = self._fits()
        held: list[SqlRow] = []
        for at in range(self.start, self.start + n):
            row = self._row(at, samples, fits)
            held.append(row)
            for attribute, made in self._mine.items():
                made.append(row[self.spec.attributes.index(attribute)])
        names = ", ".join(quote_name(column.name) for column in self.spec.written)
        marks = ", ".join("?" * len(self.spec.written))
        self.tx.executemany(f"INSERT INTO {self.table} ({names}) VALUES ({marks})", map(self._written, held))
        if len(self.spec.written) == len(self.spec.columns):
            return [self.model._from_sql(row) for row in held]
        return [self._again(row) for row in held]

    def _written(self, held: SqlRow) -> SqlRow:
        return self._values(self.spec.written, held)

    def _again(self, held: SqlRow) -> Any:
        """Return the row as SQLite has it, with what it has computed."""
        every = ", ".join(quote_name(column.name) for column in self.spec.columns)
        where = " AND ".join(f"{quote_name(column.name)} = ?" for column in self.spec.key)
        sql = f"SELECT {every} FROM {self.table} WHERE {where}"
        return self.model._from_sql(tuple(self.tx.execute(sql, *self._values(self.spec.key, held)).rows[0]))

    def _dice(self, column: ColumnSpec, salt: object) -> Random:
        return Random(f"{self.seed}/{self.spec.name}/{column.name}/{salt}")

    def _there(self, columns: tuple[ColumnSpec, ...]) -> Iterator[SqlRow]:
        names = ", ".join(quote_name(column.name) for column in columns)
        return (tuple(row) for row in self.tx.execute(f"SELECT {names} FROM {self.table}").rows)

    # -- one row

    def _row(self, at: int, samples: Mapping[str, Sample], fits: Callable[[list[SqlValue]], bool]) -> SqlRow:
        reason = ""
        for _ in range(_THROWS_MAX):
            made = [samples[one.attribute](self.dice[one.attribute], at) for one in self.spec.columns]
            held = [self.spec.encode(one, value) for one, value in zip(self.spec.columns, made, strict=True)]
            reason = self._twice(held) or self._refused(held) or ("" if fits(held) else "it fails a check")
            if not reason:
                self._note(held)
                return tuple(held)
        raise ParameterError(
            f"no row {at} of {self.spec.model} can be made: {reason}; say values of it, "
            f"db.seed({self.spec.model}, column=function of (random, number of the row))"
        )

    def _twice(self, held: list[SqlValue]) -> str:
        for columns, seen in self.unique.items():
            values = self._values(columns, held)
            if values in seen and None not in values:
                names = ", ".join(column.attribute for column in columns)
                return f"{names} is unique, and {', '.join(map(shown, values))} is there already"
        return ""

    def _note(self, held: list[SqlValue]) -> None:
        for columns, seen in self.unique.items():
            seen.add(self._values(columns, held))

    def _values(self, columns: tuple[ColumnSpec, ...], held: Sequence[SqlValue]) -> SqlRow:
        return tuple(held[self.model._positions[column.attribute]] for column in columns)

    def _refused(self, held: list[SqlValue]) -> str:
        if not self.spec.validated and not self.model._validates():
            return ""
        row = self.model._from_sql(tuple(held))
        try:
            for column in self.spec.validated:
                self.spec.validate(column, row[column.attribute])
            if self.model._validates():
                row._validate_whole()
        except ValidationError as error:
            return str(error)
        return ""

    def _fits(self) -> Callable[[list[SqlValue]], bool]:
        """Return what asks SQLite whether a row fits the checks of the table."""
        checks = [column.check for column in self.spec.columns if column.check] + list(self.spec.checks.values())
        if not checks:
            return lambda held: True
        sql = f"SELECT {' AND '.join(f'({check}) IS NOT 0' for check in checks)} FROM ({self._given()})"
        return lambda held: bool(self.tx.execute(sql, *held).rows[0][0])

    def _given(self) -> str:
        given = ", ".join(f"? AS {quote_name(column.name)}" for column in self.spec.columns)
        return f"SELECT {given}"

    # -- one column

    def _sample(self, column: ColumnSpec, n: int) -> Sample:
        if column.attribute in self.values:
            value = self.values[column.attribute]
            return value if callable(value) and not is_row(value) else lambda random, at: value
        if column.attribute == self.spec.soft or column.generated:
            return lambda random, at: None
        if column.primary_key and issubclass(self.model, Model):
            return _new_id
        if column.given_by_sqlite:
            first = max((int(key[0] or 0) for key in self.unique[self.spec.key]), default=0) + 1
            return lambda random, at: first + at - self.start
        declared = self.model._declared[column.attribute]
        if isinstance(declared, Ref):
            return self._reference(column, declared, n)
        hint = str if isinstance(declared, Text) else declared._owner._place.read_inside(declared._hint)
        unique = column.attribute in self.single
        sample = sample_for(column, hint, unique=unique)
        return sample if unique or column.check is None else self._pool(column, sample)

    def _pool(self, column: ColumnSpec, sample: Sample) -> Sample:
        """Return what picks among values that fit the column's own check, where it speaks of nothing else."""
        random = self._dice(column, "pool")
        made = [sample(random, at) for at in range(_POOL)]
        sql = f"SELECT ({column.check}) IS NOT 0 FROM (SELECT ? AS {quote_name(column.name)})"
        try:
            good = [one for one in made if self.tx.execute(sql, self.spec.encode(column, one)).rows[0][0]]
        except Exception:  # it speaks of other columns: the row as a whole is held against it
            return sample
        if not good and column.has_default:
            good = [column.default if column.default_factory is None else column.default_factory()]
        return (lambda random, at: pick(random, good)) if good else sample

    def _reference(self, column: ColumnSpec, declared: Ref[Any], n: int) -> Sample:
        to = column.reference
        assert to is not None, "a Ref leads somewhere"
        target = declared._target()
        optional = column.kind.optional
        own = target is self.model
        sql = f"SELECT {quote_name(to.column)} FROM {quote_name(to.table)} ORDER BY {quote_name(to.column)}"
        keys: list[Any] = [row[0] for row in self.tx.execute(sql).rows]
        taken = next((seen for columns, seen in self.unique.items() if columns == (column,)), None)
        free = keys if taken is None else [key for key in keys if (key,) not in taken]
        lack = n - len(free) if taken is not None else -(-n // _NEEDED_EACH) if not keys else 0
        if lack > 0 and not optional:
            if target in self.above:
                chain = " -> ".join(model.__name__ for model in (*self.above, target))
                raise ParameterError(f"no first row can be made: each leads to another, {chain}; add one by hand")
            free += [row.__key__() for row in _Seeding(self.tx, target, self.seed, {}, self.above).rows(lack)]
        if taken is not None:
            return _each_once(free, self._dice(column, "order"), self.start)
        if own and self._mine.setdefault(self.spec.key[0].attribute, free) is not free:
            free = self._mine[self.spec.key[0].attribute]  # two references to the own table: one list

        def sample(random: Random, at: int) -> Any:
            skip = optional and random.random() < _NONE_SHARE
            return None if skip or not free else pick(random, free)

        return sample


def _each_once(keys: list[Any], random: Random, start: int) -> Sample:
    """Return what gives each of `keys` to one row, and to further rows None."""
    order = sorted(keys, key=lambda key: (random.random(), key))
    return lambda _, at: order[at - start] if at - start < len(order) else None


def _new_id(random: Random, at: int) -> str:
    """Return a ULID of the year before `NOW`, a minute later for each row."""
    started_ms = int(NOW.timestamp() * 1000) - 365 * 24 * 3600 * 1000
    return Ids(lambda: started_ms + at * 60_000, lambda bits: int(random.random() * (1 << bits))).new()
