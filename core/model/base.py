"""Models: tables as classes. What users type first; the work is in schema/, query/ and write/.

    class Issue(Model):
        title: Column[str]
        state: Column[Literal["open", "done"]] = column(default="open")
        project: Ref[Project]

    Issue.state == "open"      an expression          Issue.project.to.name    through the reference
    issue.state                a value                issue.project            the key it holds

A row is a frozen tuple of its columns' values, in order, that also go by name: what `Row` is, with Python's types.
`Model` brings a key of its own, `id` (a ULID made by us), and its tables are made on open; `Existing` describes a table
that is already there, with the keys it has.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from keyword import iskeyword
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Never, Self, TypeVar, dataclass_transform
from weakref import WeakSet

from ..errors import ModelError, ParameterError, QueryError, ValidationError
from ..ids import new_id
from ..query.builder import Asks, Query, query_of, refuse_names
from ..query.expr import Expr, OrderBy, Origin, Readable
from ..row import Row
from ..schema.annotations import Place, annotations_of, place_of
from ..schema.merging import History, check_history, check_merging
from ..schema.table import MISSING, ColumnSpec, TableSpec, check_constraints, check_name, refusal
from ..values import SqlRow
from .column import Column, column, generated
from .ref import ref
from .relation import Many, many

if TYPE_CHECKING:
    from .watched import WatchedRow

__all__ = ["RESERVED", "Existing", "Model", "ModelBase"]

M = TypeVar("M", bound="ModelBase")

_tuple: Callable[..., Any] = tuple.__new__
"""Makes a row of a model, which is a tuple at run time though type checkers see none of tuple's methods."""

_equal: Callable[..., bool] = tuple.__eq__

RESERVED = frozenset(
    "columns as_dict where where_exists watch select join order_by group_by limit distinct all alias include "
    "with_deleted options".split()
)


if TYPE_CHECKING:

    class _Values:
        """What a type checker sees of `Row`: a column may have the name of a method of tuple."""

        columns: ClassVar[tuple[str, ...]]
        _positions: ClassVar[Mapping[str, int]]

        def __getitem__(self, item: int | str) -> Any: ...
        def __iter__(self) -> Any: ...
        def __len__(self) -> int: ...
        def as_dict(self) -> dict[str, Any]: ...
else:
    _Values = Row


class _Table:
    """`Issue.__table__`: the table, made when it is first asked for and every name can be looked up."""

    def __get__(self, row: object, owner: type[ModelBase]) -> TableSpec:
        spec = owner.__dict__.get("_made_table")
        if spec is None:
            spec = owner._made_table = owner._make_table()
        made: TableSpec = spec
        return made


# not frozen_default: mypy would lose Issue.id
@dataclass_transform(kw_only_default=True, field_specifiers=(column, generated, ref, many))
class ModelBase(_Values):
    """What `Model` and `Existing` share."""

    __table__: ClassVar[_Table] = _Table()
    _place: ClassVar[Place]
    _table_name: ClassVar[str]
    _declared: ClassVar[dict[str, Column[Any]]] = {}
    _relations: ClassVar[dict[str, Many[Any]]] = {}
    _made_table: ClassVar[TableSpec]
    _abstract: ClassVar[bool] = True
    _history: ClassVar[History] = "full"
    _local: ClassVar[bool] = False
    _unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    _checks: ClassVar[dict[str, str]] = {}
    _soft: ClassVar[str] = ""
    _homes: ClassVar[WeakSet[Any]] = WeakSet()  # Any: the open databases that have the model, floors above
    __origin__: ClassVar[Any]

    def __init_subclass__(
        cls,
        *,
        table: str | None = None,
        abstract: bool = False,
        history: History | None = None,
        local: bool | None = None,
        unique: Sequence[Sequence[str]] = (),
        check: Mapping[str, str] = MappingProxyType({}),
        **options: Any,
    ) -> None:
        super().__init_subclass__(**options)
        check_constraints(unique, check, cls.__name__)
        cls._unique = (*cls._unique, *map(tuple, unique))
        cls._checks = {**cls._checks, **check}
        cls._history = cls._history if history is None else history
        cls._local = cls._local if local is None else local
        check_history(cls._history, cls._local, cls.__name__)
        cls._place = place_of(cls, sys._getframe(1))
        cls._abstract = abstract or cls.__module__ == __name__
        cls._table_name = table if table is not None else _snake(cls.__name__)
        cls.__origin__ = Origin(cls)
        cls._homes = WeakSet()
        _declare(cls)

    def __new__(cls, *wrong: Any, **values: Any) -> Self:
        """Make a row. Raises `ParameterError` for a column that is unknown, missing, or of another type."""
        spec = cls.__table__
        if wrong:
            raise ParameterError(f"{cls.__name__} takes its columns by name: {cls.__name__}({spec.attributes[-1]}=...)")
        given = frozenset(values)
        made = [_value(spec, one, values) for one in spec.columns]
        if values:
            raise ParameterError(
                f"{cls.__name__} has no column {', '.join(values)}; it has: {', '.join(spec.attributes)}"
            )
        row: Self = _tuple(cls, made)
        row.__dict__["_given"] = given
        if cls._validates():
            row._validate_whole()
        return row

    def __validate__(self) -> object:
        """Say no, by False or by a `ValueError` with the reason, to values that don't go together. Yours to define."""
        return None

    def __eq__(self, other: object) -> bool:
        """Say whether `other` has the same values, includes the same, and is no row of another model."""
        if isinstance(other, ModelBase) and (type(other) is not type(self) or other._included != self._included):
            return False
        return _equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __key__(self) -> Any:
        """Return the row's primary key; a tuple where that is several columns."""
        keys = [self[spec.attribute] for spec in type(self).__table__.key]
        return keys[0] if len(keys) == 1 else tuple(keys)

    @property
    def included(self) -> Any:  # Any: rows of other models, by the names that were included
        """What `include(...)` brought: `issue.included.comments`, a tuple; `issue.included.project`, a row or None.

        Raises `QueryError` where nothing was included.
        """
        if self._included is None:
            raise QueryError(f"this row of {type(self).__name__} was read without include(...)", sql="")
        return self._included

    def watch(self) -> WatchedRow[Self]:
        """Return the row as a signal that follows it, in the one open database that has its model.

        Raises `ParameterError` where there are none or several: then `db.watch(row)` says which.
        """
        watched: WatchedRow[Self] = self._home("db.watch(row)").watch(self)
        return watched

    def open_text(self, column: Column[str], **options: Any) -> Any:  # Any: an awaitable SharedText, floors above
        """Open a text column of the row for typing, in the one open database that has its model: `await` it.

        See `db.text`. Raises `ParameterError` where there are none or several: then `db.text(row, column)` says which.
        """
        return self._home("db.text(row, column)").text(self, column, **options)

    def _home(self, otherwise: str) -> Any:  # Any: a database, floors above
        homes = list(type(self)._homes)
        if len(homes) != 1:
            name = type(self).__name__
            raise ParameterError(f"{len(homes)} open databases have {name} in models=[...]; say which: {otherwise}")
        return homes[0]

    # -- queries

    @classmethod
    def where(cls, *conditions: Expr[bool], **columns: Never) -> Query[Self]:
        """Ask for the rows for which every condition is true; without one, for all."""
        refuse_names(columns, cls.__name__)
        return cls._query().where(*conditions)

    @classmethod
    def where_exists(cls, of: Asks, *conditions: Expr[bool]) -> Query[Self]:
        """Ask for the rows for which there is a row of `of`, a relation, a model or a query, that fits."""
        return cls._query().where_exists(of, *conditions)

    @classmethod
    def select(cls, *exprs: Expr[Any]) -> Query[Row]:
        """Ask for these columns and expressions instead of whole rows."""
        return cls._query().select(*exprs)

    @classmethod
    def order_by(cls, *terms: Expr[Any] | OrderBy) -> Query[Self]:
        """Ask for all rows, sorted."""
        return cls._query().order_by(*terms)

    @classmethod
    def join(cls, target: Any, on: Expr[bool], *, left: bool = False) -> Query[Self]:
        """Ask for the rows joined with another model's."""
        return cls._query().join(target, on, left=left)

    @classmethod
    def limit(cls, first: int | Readable[int], skip: int | Readable[int] | None = None) -> Query[Self]:
        """Ask for the first rows by key."""
        return cls._query().limit(first, skip)

    @classmethod
    def include(cls, *names: str, **queries: Query[Any]) -> Query[Self]:
        """Ask for all rows, each with rows that belong to it: `Issue.include("project", "comments.author")`."""
        return cls._query().include(*names, **queries)

    @classmethod
    def _query(cls) -> Query[Self]:
        if cls._abstract:
            raise ModelError(f"{cls.__name__} is abstract: it has no table")
        return query_of(cls.__origin__)

    @classmethod
    def _alive(cls, origin: Origin) -> Expr[bool] | None:
        """Return the condition under which a row at `origin` is one that queries are for; None for all."""
        return None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a row is frozen: await tx.update(row, {name}=...) writes, and returns the new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a row is frozen: {name} can't be taken out of it")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(type(self).columns, self, strict=True))
        return f"{type(self).__name__}({shown})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _row_again, (type(self), tuple(self), self.__dict__.get("_given"), self._included)

    # -- inside

    _included: ClassVar[Row | None] = None

    def _including(self, included: Row) -> Self:
        """Return this row with what it includes."""
        row: Self = _tuple(type(self), self)
        row.__dict__["_included"] = included
        return row

    def _said(self) -> Iterable[str]:
        """Return the columns that were spelled out when the row was made: all of them, of one that was read."""
        given: Iterable[str] = self.__dict__.get("_given", type(self).columns)
        return given

    @classmethod
    def _validates(cls) -> bool:
        """Say whether the class looks at its rows as a whole."""
        return cls.__validate__ is not ModelBase.__validate__

    def _validate_whole(self) -> None:
        """Raise `ValidationError` unless the values go together."""
        name = type(self).__name__
        reason = refusal(lambda row: row.__validate__(), self, "refused")
        if reason:
            raise ValidationError(
                f"this row of {name} is {reason}: {self!r:.200}", column=name, value=self, reason=reason
            )

    @classmethod
    def _make_table(cls) -> TableSpec:
        if cls._abstract:
            raise ModelError(f"{cls.__name__} is abstract: it has no table")
        existing = issubclass(cls, Existing)
        check_name(cls._table_name, f"the table of {cls.__name__}", existing=existing)
        if not existing and cls._table_name.lower().startswith("eddy_"):
            raise ModelError(
                f"the table of {cls.__name__} is called {cls._table_name!r}: eddy_* are the log's; choose another"
            )
        columns = tuple(column._spec() for column in cls._declared.values())
        taken: set[str] = set()
        for spec in columns:
            check_name(spec.name, f"{cls.__name__}.{spec.attribute}", existing=existing)
            if spec.name.lower() in taken:
                raise ModelError(f"{cls.__name__} has two columns called {spec.name}; their case makes no difference")
            taken.add(spec.name.lower())
        keys = [spec.attribute for spec in columns if spec.primary_key]
        if not existing and keys != ["id"]:
            raise ModelError(
                f"the key of {cls.__name__} is `id`, made by us: leave it out, and mark no other column primary_key; "
                "a table with other keys is described by `Existing`"
            )
        if not keys:
            raise ModelError(f"{cls.__name__} has no key: mark its columns by column(primary_key=True)")
        cls._decoders = tuple((at, spec) for at, spec in enumerate(columns) if spec.kind.decode is not None)
        made = TableSpec(
            cls._table_name,
            cls.__name__,
            columns,
            existing=existing,
            history=cls._history,
            local=cls._local,
            unique=cls._unique,
            checks=cls._checks,
            soft=cls._soft,
        )
        _check_unique(made)
        check_merging(made)
        return made

    _decoders: ClassVar[tuple[tuple[int, ColumnSpec], ...]] = ()

    @classmethod
    def _from_sql(cls, values: SqlRow) -> Self:
        """Return the row that SQLite holds as `values`. Raises `UnreadableError`."""
        if cls._decoders:
            made: list[Any] = list(values)
            for at, spec in cls._decoders:
                made[at] = spec.kind.read(made[at], f"{cls.__name__}.{spec.attribute}")
            values = tuple(made)
        row: Self = _tuple(cls, values)
        return row


def _check_unique(spec: TableSpec) -> None:
    """Raise `ModelError` for what can't be unique together."""
    for names in spec.unique:
        wrong = [name for name in names if name not in spec.by_attribute]
        if wrong:
            there = ", ".join(spec.attributes)
            raise ModelError(f"{spec.model}: unique names {', '.join(wrong)}, which is no column; it has: {there}")
    if spec.existing and (spec.unique or spec.checks):
        raise ModelError(f"{spec.model} describes a table that stays as it is: unique= and check= are for Model")


def _value(spec: TableSpec, one: ColumnSpec, values: dict[str, Any]) -> Any:  # Any: of the column's type
    """Return the value of one column, taken out of `values` or by default, as the database will give it back."""
    if one.generated:
        if one.attribute in values:
            raise ParameterError(f"{spec.model}.{one.attribute} is computed by SQLite: leave it out")
        return None
    if one.attribute in values:
        value = values.pop(one.attribute)
    elif one.given_by_sqlite:
        return None
    elif one.default is not MISSING:
        value = one.default
    elif one.default_factory is not None:
        value = one.default_factory()
    else:
        raise ParameterError(f"{spec.model} needs {one.attribute}: it has no default")
    if value is None and one.given_by_sqlite:
        return None
    made = one.kind.read(spec.encode(one, value), one.attribute)
    if one.checks:
        spec.validate(one, made)
    return made


def _declare(cls: type[ModelBase]) -> None:
    """Make the columns and relations of `cls`, those of abstract bases first."""
    declared: dict[str, tuple[Column[Any] | Many[Any], Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        if issubclass(base, ModelBase) and base is not ModelBase:
            if not base._abstract:
                raise ModelError(f"{cls.__name__} is made of {base.__name__}, which has a table; declare that abstract")
            inherited: dict[str, Column[Any] | Many[Any]] = {
                **base.__dict__["_declared"],
                **base.__dict__["_relations"],
            }
            declared |= {name: (found._again(), base._place.known(found._hint)) for name, found in inherited.items()}
    for name, hint in _hints(cls).items():
        made = _declared_by(cls, name, hint)
        if made is not None:
            declared[name] = (made, hint)
    if "id" in declared:
        declared = {"id": declared.pop("id"), **declared}
    cls._declared, cls._relations = {}, {}
    for name, (found, hint) in declared.items():
        if isinstance(found, Many):
            found._bind(cls, name, hint)
            cls._relations[name] = found
        else:
            found._bind(cls, name, hint, len(cls._declared))
            cls._declared[name] = found
        setattr(cls, name, found)
    cls.columns = tuple(cls._declared)
    cls._positions = {name: at for at, name in enumerate(cls.columns)}


def _hints(cls: type[ModelBase]) -> dict[str, Any]:  # Any: annotations
    """Return the annotations of `cls` itself. Raises `ModelError` for a column that has none."""
    hints = annotations_of(cls)
    for name, given in cls.__dict__.items():
        if isinstance(given, Column | Many) and name not in hints:
            raise ModelError(f"{cls.__name__}.{name} has no type; write {name}: Column[str] = column(...)")
    return hints


def _declared_by(cls: type[ModelBase], name: str, hint: Any) -> Column[Any] | Many[Any] | None:  # Any: an annotation
    """Return the column or relation that one annotation declares; None if it declares none."""
    given = cls.__dict__.get(name)
    try:
        origin = cls._place.origin(hint)
    except NameError:
        origin = None
    if not (isinstance(origin, type) and issubclass(origin, Column | Many)):
        if isinstance(given, Column):
            raise ModelError(f"{cls.__name__}.{name}: column() goes with Column[...], Ref[...] or Text, not {hint}")
        if isinstance(given, Many):
            raise ModelError(f"{cls.__name__}.{name}: many() goes with Many[...], not {hint}")
        if origin is ClassVar or name.startswith("_"):
            return None
        raise ModelError(f"{cls.__name__}.{name}: a column is Column[...], Ref[...] or Text, not {hint}")
    if name in RESERVED or name.startswith("_") or iskeyword(name):
        raise ModelError(f"{cls.__name__}.{name}: that name is taken; choose one, with column(name={name!r})")
    if given is None:
        return origin()
    if issubclass(origin, Many) or isinstance(given, Many):
        if not (isinstance(given, Many) and issubclass(origin, Many)):
            raise ModelError(
                f"{cls.__name__}.{name}: Many[...] goes with many(...), and {hint} was given {given!r:.40}"
            )
        return given
    if not isinstance(given, Column):
        raise ModelError(f"{cls.__name__}.{name} = {given!r}: write column(default={given!r})")
    return given if isinstance(given, origin) else origin(**given._options)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _row_again(model: type[M], values: Iterable[Any], given: frozenset[str] | None, included: Row | None = None) -> M:
    """Return the row that was pickled or copied."""
    row: M = _tuple(model, values)
    if given is not None:
        row.__dict__["_given"] = given
    return row if included is None else row._including(included)


class Model(ModelBase):
    """A table of ours: `class Issue(Model): title: Column[str]`. Its key is `id`, a ULID.

    `class Issue(Model, table="issues")` names the table; `abstract=True` declares columns for subclasses to share.
    `unique=[("project", "number")]` are columns that no two rows have in common, `check={"in order": "start <= end"}`
    conditions in SQL that each row fits. `history` is what the log keeps of it: "full", "last" or "none"; `local=True`
    keeps it out of the log and on this replica.
    """

    id: Column[str] = column(default_factory=new_id, primary_key=True)


class Existing(ModelBase):
    """A table that is already there and stays as it is: `class Track(Existing, table="Track"): ...`.

    Its key is what `column(primary_key=True)` marks, one column or several; one int key that is left out
    (`column(primary_key=True, default=None)`) is SQLite's to give. Columns of the table that aren't declared
    are left alone.
    """
