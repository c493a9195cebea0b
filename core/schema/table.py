"""Tables as models declare them: plain data, made once a model, read by DDL, queries and writes.

    class Issue(Model): ...  ->  TableSpec("issue", (ColumnSpec("id", TEXT, key), ColumnSpec("title", TEXT), ...))

A column has two names: `attribute`, what Python calls it, and `name`, what the table calls it; nearly always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

from ..errors import ModelError, ParameterError, ValidationError
from ..kinds import Kind
from ..values import SqlValue, has_lone_surrogate, shown
from .merging import History, Merge

__all__ = [
    "MISSING",
    "ColumnSpec",
    "OnDelete",
    "Reference",
    "TableSpec",
    "check_constraints",
    "check_name",
    "is_row",
    "refusal",
]

OnDelete: TypeAlias = Literal["restrict", "cascade", "set null"]


class _Missing(Enum):
    MISSING = "nothing was given"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing.MISSING
"""Stands where no default was given: None is one."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a column leads: to the key `column` of `table`; what happens to it when that row is deleted."""

    table: str
    column: str
    on_delete: OnDelete = "restrict"


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column of a model. `given_by_sqlite`: left out, or None, it is SQLite's to give: the one integer key.

    `merge`, `group` and `local` say what becomes of it where replicas meet: see merging.py. `validate` says whether a
    value that a model writes is one; `generated` is the SQL that SQLite computes the value by.
    """

    attribute: str
    name: str
    kind: Kind
    primary_key: bool = False
    default: Any = MISSING  # Any: a value of this column
    default_factory: Callable[[], Any] | None = None
    unique: bool = False
    check: str | None = None
    index: bool = False
    reference: Reference | None = None
    given_by_sqlite: bool = False
    merge: Merge = "last"
    group: str | None = None
    local: bool = False
    validate: Callable[[Any], object] | None = None
    generated: str = ""

    @property
    def checks(self) -> tuple[tuple[Callable[[Any], object], str], ...]:
        """What looks at each value that is written, and what is said of one that is refused."""
        meaning = self.kind.semantic
        said = [(meaning.check, f"no {meaning.name}")] if meaning is not None and meaning.check is not None else []
        return tuple(said if self.validate is None else [*said, (self.validate, "refused")])

    @property
    def has_default(self) -> bool:
        """Whether the column may be left out when a row is made."""
        return self.default is not MISSING or self.default_factory is not None


@dataclass(frozen=True)
class TableSpec:
    """One table of a model. `existing`: the table is somebody else's and is never made or changed.

    `history` is what the log keeps of it; a `local` table is in no log and on no other replica. `unique` are attributes
    that no two rows have in common, `checks` SQL conditions by name, `soft` the attribute that marks a deleted row.
    """

    name: str
    model: str
    columns: tuple[ColumnSpec, ...]
    existing: bool = False
    history: History = "full"
    local: bool = False
    unique: tuple[tuple[str, ...], ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict, hash=False)
    soft: str = ""

    @cached_property
    def key(self) -> tuple[ColumnSpec, ...]:
        """The columns of the primary key."""
        return tuple(column for column in self.columns if column.primary_key)

    @cached_property
    def written(self) -> tuple[ColumnSpec, ...]:
        """The columns that are written: all that SQLite doesn't compute."""
        return tuple(column for column in self.columns if not column.generated)

    @cached_property
    def by_attribute(self) -> dict[str, ColumnSpec]:
        """The columns by what Python calls them."""
        return {column.attribute: column for column in self.columns}

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """What Python calls the columns, in order."""
        return tuple(column.attribute for column in self.columns)

    @cached_property
    def uniques(self) -> tuple[tuple[ColumnSpec, ...], ...]:
        """The columns that no two rows have in common, beside the key: those of one column, then those of several."""
        single = [(column,) for column in self.columns if column.unique and not column.primary_key]
        return (*single, *(tuple(self.by_attribute[name] for name in names) for names in self.unique))

    @cached_property
    def groups(self) -> dict[str, tuple[ColumnSpec, ...]]:
        """The columns that merge as one, by the name of their group."""
        names = dict.fromkeys(column.group for column in self.columns if column.group is not None)
        return {name: tuple(column for column in self.columns if column.group == name) for name in names}

    def merged(self, column: ColumnSpec, mine: SqlValue, its: SqlValue) -> SqlValue:
        """Return what the column's own merge function makes of two values as SQLite holds them."""
        assert not isinstance(column.merge, str), "the column has a function"
        name = f"{self.model}.{column.attribute}"
        made = column.merge(column.kind.read(mine, name), column.kind.read(its, name))
        return self.encode(column, made)

    def encode(self, column: ColumnSpec, value: Any) -> SqlValue:  # Any: users pass what they have
        """Return `value` as SQLite holds it; a row of a model stands for its key. Raises `ParameterError`."""
        name = f"{self.model}.{column.attribute}"
        if value is None and column.generated:
            return None  # of a row that isn't written yet
        return column.kind.encode(self.key_in(column, value) if is_row(value) else value, name)

    @cached_property
    def validated(self) -> tuple[ColumnSpec, ...]:
        """The columns whose values are looked at when a model writes them."""
        return tuple(column for column in self.columns if column.checks)

    def validate(self, column: ColumnSpec, value: Any) -> None:  # Any: of the column's type
        """Raise `ValidationError` for a value that is of the right type and not what the column wants."""
        if value is None:
            return
        for check, refused in column.checks:
            reason = refusal(check, value, refused)
            if reason:
                name = f"{self.model}.{column.attribute}"
                message = f"{name} is {shown(value)}, which is {reason}"
                raise ValidationError(message, column=name, value=value, reason=reason)

    def key_in(self, column: ColumnSpec, row: Any) -> Any:  # Any: a row of a model, and its key
        """Return the key of `row`, which has to be of the model that `column` leads to, or is the key of.

        Raises `ParameterError` for another model's.
        """
        to = column.reference
        table = to.table if to is not None else self.name if column.primary_key else ""
        if row.__table__.name.lower() != table.lower():
            wanted = f"a row of {table}, or its key" if table else column.kind.python
            name = f"{self.model}.{column.attribute}"
            raise ParameterError(f"{name} takes {wanted}, not a row of {row.__table__.name}: {row!r:.40}")
        return row.__key__()


def refusal(check: Callable[[Any], object], value: Any, refused: str) -> str:  # Any: what is looked at
    """Return why `check` says no, by False or by a `ValueError`; "" where it doesn't."""
    try:
        return refused if check(value) is False else ""
    except ValueError as error:
        return f"{refused}: {error}" if str(error) else refused


def is_row(value: object) -> bool:
    """Say whether `value` is a row of a model."""
    return hasattr(type(value), "__table__")


def check_constraints(unique: object, checks: object, who: str) -> None:
    """Raise `ModelError` for what the class `who` can't say of its rows."""
    lists = unique if isinstance(unique, list | tuple) else (None,)
    if any(not isinstance(names, list | tuple) or len(names) < 2 for names in lists):
        raise ModelError(
            f'{who}: unique is a list of columns that go together, [("project", "number")], not {unique!r:.60}'
        )
    if not isinstance(checks, Mapping) or any(
        not isinstance(text, str) or not text for text in [*checks, *checks.values()]
    ):
        raise ModelError(
            f'{who}: check is conditions in SQL by name, {{"in order": "start <= end"}}, not {checks!r:.60}'
        )


def check_name(name: object, who: str, *, existing: bool) -> None:
    """Raise `ModelError` for what can't be the name of a table or column, or is kept for SQLite's and our own."""
    if not isinstance(name, str) or not (name or existing) or "\0" in name or has_lone_surrogate(name):
        raise ModelError(f"{who} is called {name!a:.60}, which is no name in SQL; choose another")
    if not existing and name.lower().startswith(("sqlite_", "_eddy_")):
        raise ModelError(f"{who} is called {name!r}: names that begin with sqlite_ or _eddy_ are taken; choose another")
