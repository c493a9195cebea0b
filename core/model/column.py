"""Columns of models: on the class an expression, on a row a value.

    state: Column[str] = column(default="open")

    Issue.state == "open"     Expr[bool]                  issue.state     "open"
    Issue.state.set("done")   what `tx.update` takes

A column is declared by its annotation; what it holds is read off that when it is first needed, so an annotation may
name a class that is declared later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Never, Self, TypeVar, overload

from ..errors import ModelError, ParameterError
from ..kinds import Kind, kind_of
from ..query.expr import Expr, Followed, Origin, column_of, is_readable
from ..query.plan import Expr as Node
from ..query.plan import Open
from ..schema.merging import Merge, check_merge
from ..schema.table import MISSING, ColumnSpec, Reference, is_row

if TYPE_CHECKING:
    from .base import ModelBase

__all__ = ["Assignment", "Column", "Text", "column", "generated", "key_of", "refuse_position", "said"]

T = TypeVar("T")


class Assignment:
    """`Issue.state.set("closed")`: a column and what it is set to."""

    def __init__(self, column: Column[Any], node: Node) -> None:
        self.column, self.node = column, node


class Column(Expr[T]):
    """A column: on the class an expression, on a row a value. Declared as `name: Column[str] = column(...)`."""

    def __init__(self, **options: Any) -> None:  # Any: what `column` and `ref` take
        super().__init__(Open(None))
        self._options = options
        self._owner: type[ModelBase]
        self._attribute = ""
        self._at = -1
        self._hint: Any = None
        self._found: Kind | None = None

    @overload
    def __get__(self, row: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, row: object, owner: Any) -> T: ...
    def __get__(self, row: Any, owner: Any) -> Any:
        return self if row is None else tuple.__getitem__(row, self._at)

    def __set__(self, row: object, value: T) -> None:
        raise AttributeError(
            f"a row is frozen: await tx.update(row, {self._attribute}=...) writes, and returns the new one"
        )

    def set(self, value: T | Expr[T]) -> Assignment:
        """Say what the column becomes: `tx.update(issue, Issue.priority.set(Issue.priority + 1))`."""
        if is_readable(value):
            return Assignment(self, Open(Followed(value, self._kind, self._name, or_none=False, key_of=self._key_of)))
        if value is None and self._kind is not None:
            self._kind.encode(None, self._name)  # says which column takes no None
        return Assignment(self, self._operand(value))

    def __repr__(self) -> str:
        return f"<Column {self._name}>" if self._attribute else "<Column, not of a model yet>"

    # -- inside

    @property
    def _name(self) -> str:
        return f"{self._owner.__name__}.{self._attribute}" if self._attribute else "a column"

    @property
    def _kind(self) -> Kind | None:
        if self._found is None and self._attribute:
            self._found = self._read_kind()
        return self._found

    def _read_kind(self) -> Kind:
        try:
            hint = self._owner._place.read_inside(self._hint)
            return kind_of(hint, scale=self._options.get("scale"))
        except (NameError, ModelError) as error:
            raise ModelError(f"{self._name}: {error}") from error

    def _key_of(self, row: Any) -> Any:  # Any: as in Expr
        table = self._owner.__table__
        return table.key_in(table.by_attribute[self._attribute], row)

    def _bind(self, owner: type[ModelBase], attribute: str, hint: Any, at: int) -> None:
        self._owner, self._attribute, self._hint, self._at = owner, attribute, hint, at
        self._node = column_of(Origin(owner), attribute)

    def _again(self) -> Column[T]:
        """Return the same declaration for another owner."""
        return type(self)(**self._options)

    def _from(self, origin: Origin) -> Column[T]:
        """Return this column of another occurrence of its table."""
        made = self._again()
        made._bind(self._owner, self._attribute, self._hint, self._at)
        made._node = column_of(origin, self._attribute)
        return made

    def _reference(self) -> Reference | None:
        return None

    def _is_only_key(self) -> bool:
        keys = [one for one in self._owner._declared.values() if one._options.get("primary_key")]
        return len(keys) == 1 and keys[0] is self

    def _spec(self) -> ColumnSpec:
        kind = self._kind
        assert kind is not None, "a bound column has a kind"
        options = self._options
        default = options.get("default", MISSING)
        if isinstance(default, list | dict | set | bytearray):
            factory = type(default).__name__
            raise ModelError(f"{self._name}: all rows would share this default; write default_factory={factory}")
        spec = ColumnSpec(
            attribute=self._attribute,
            name=options.get("name") or self._attribute,
            kind=kind,
            primary_key=options.get("primary_key", False),
            default=default,
            default_factory=options.get("default_factory"),
            unique=options.get("unique", False),
            check=options.get("check"),
            index=options.get("index", False),
            reference=self._reference(),
            given_by_sqlite=self._is_only_key() and kind.sql == "INTEGER" and not isinstance(default, int),
            merge=options.get("merge") or (kind.semantic and kind.semantic.merge) or "last",
            validate=options.get("validate"),
            generated=options.get("generated", ""),
            group=options.get("group"),
            local=options.get("local", False),
        )
        if default is not MISSING and not (default is None and spec.given_by_sqlite):
            if spec.default_factory is not None:
                raise ModelError(f"{self._name}: either default or default_factory, not both")
            try:
                held = kind.encode(key_of(default), self._name)
            except ParameterError as error:
                raise ModelError(f"the default of {error}") from error
            if isinstance(held, str) and "\0" in held:
                raise ModelError(f"the default of {self._name} holds a NUL character, which no SQL text can say")
        return spec


class Text(Column[str]):
    """A text that several people may edit at once; "" at first. `body: Text`, or `body: Text = column(...)`.

    A `local` one never leaves this replica, so nobody else edits it.
    """

    def _read_kind(self) -> Kind:
        return kind_of(str)

    def _spec(self) -> ColumnSpec:
        options = self._options
        if options.get("default", MISSING) is MISSING and options.get("default_factory") is None:
            options["default"] = ""
        options["merge"] = options.get("merge") or ("last" if options.get("local") else "text")
        if options["merge"] not in ("text", "last"):
            raise ModelError(f"{self._name}: a Text merges letter by letter; merge= is for Column[str]")
        return super()._spec()


def column(
    *wrong: Never,
    default: Any = MISSING,
    default_factory: Callable[[], Any] | None = None,
    unique: bool = False,
    check: str | None = None,
    index: bool = False,
    primary_key: bool = False,
    name: str | None = None,
    scale: int | None = None,
    merge: Merge | None = None,
    group: str | None = None,
    local: bool = False,
    validate: Callable[[Any], object] | None = None,
) -> Any:
    """Say more about a column than its type.

    `default` goes into the table, too, `default_factory` is called for each row that is made here; `check` is SQL;
    `primary_key` is for tables of others (`Existing`); `name` is the column's name in the table where Python calls it
    otherwise; `scale` is how many digits a Decimal has behind the point.

    `validate` looks at each value that a model writes, and says no by False, or by a `ValueError` with the reason.

    Where replicas meet, `merge` says what becomes of changes that were made at once: the last one stays, "counter" adds
    them up, "set" goes by element, "order" keeps a place among neighbours, a function of two values makes one of them.
    Columns of one `group` merge as one; a `local` one never leaves this replica.
    """
    refuse_position("column", wrong)
    check_merge(merge, group, local)
    if not (default_factory is None or callable(default_factory)):
        raise ModelError(f"default_factory takes a function without arguments, not {default_factory!r:.40}")
    if not (validate is None or callable(validate)):
        raise ModelError(f"validate takes a function of a value, not {validate!r:.40}")
    if not (check is None or isinstance(check, str)):
        raise ModelError(f"check takes SQL as a text, not {check!r:.40}")
    return Column(**said(locals()))


def generated(
    sql: str, *, index: bool = False, name: str | None = None, scale: int | None = None, init: Literal[False] = False
) -> Any:
    """Declare a column that SQLite computes: `total: Column[int] = generated("price * count")`, of the row's others.

    It is computed when it is read, or once for its `index`. `init` is for type checkers: a row is made without it.
    """
    if not (type(sql) is str and sql.strip()):
        raise ModelError(f"generated takes SQL as a text, not {sql!r:.40}")
    return Column(generated=sql, index=index, name=name, scale=scale)


def refuse_position(call: str, wrong: Sequence[object]) -> None:
    """Raise `ModelError` for what was given without a name."""
    if wrong:
        raise ModelError(f"{call} takes its options by name: {call}(default={wrong[0]!r:.40})")


def said(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were spelled out."""
    return {name: value for name, value in options.items() if value is not MISSING and name != "wrong"}


def key_of(value: Any) -> Any:  # Any: a row of a model, or a key itself
    """Return the key of a row; anything else as it is."""
    return value.__key__() if is_row(value) else value
