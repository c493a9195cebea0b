"""References: columns that hold the key of another model's row.

    project: Ref[Project]                 Issue.project == core      Issue.project.to.name == "Core"
    parent: Ref[Issue | None]             issue.parent               a key, or None

`.to` stands for the other model, reached from this one: its columns bring the join into the query.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from ..errors import ModelError
from ..kinds import Kind
from ..query.builder import Query, query_of
from ..query.expr import Expr, Origin, Readable
from ..query.plan import Open
from ..schema.merging import Merge, check_merge
from ..schema.table import MISSING, ColumnSpec, OnDelete, Reference
from .column import Assignment, Column, said

if TYPE_CHECKING:
    from .base import Existing, Model, ModelBase

__all__ = ["Ref", "alias", "alias_at", "imported", "inside_of", "key_column", "model_in", "ref"]

M = TypeVar("M", bound="ModelBase")
R_co = TypeVar("R_co", bound="ModelBase | None", covariant=True)


class Ref(Column[Any], Generic[R_co]):
    """A reference to a row of another model: `project: Ref[Project]`, `parent: Ref[Issue | None] = ref(default=None)`.

    It holds the other row's key; a row may be given for it. `.to` gives the other model's columns in a query.
    """

    if TYPE_CHECKING:

        @overload
        def __get__(self, row: None, owner: Any) -> Self: ...
        @overload
        def __get__(self: Ref[Existing], row: object, owner: Any) -> Any: ...
        @overload
        def __get__(self: Ref[Model], row: object, owner: Any) -> str: ...
        @overload
        def __get__(self: Ref[Model | None], row: object, owner: Any) -> str | None: ...
        @overload
        def __get__(self, row: object, owner: Any) -> Any: ...
        def __get__(self, row: Any, owner: Any) -> Any: ...
        def __set__(self, row: object, value: R_co | str | int) -> None: ...
        def __eq__(self, other: R_co | str | int | Expr[Any] | Readable[Any]) -> Expr[bool]: ...  # type: ignore[override]
        def __ne__(self, other: R_co | str | int | Expr[Any] | Readable[Any]) -> Expr[bool]: ...  # type: ignore[override]
        def set(self, value: R_co | str | int | Expr[Any]) -> Assignment: ...

    __hash__ = Expr.__hash__

    @property
    def to(self: Ref[M | None]) -> type[M]:
        """The columns of the row it leads to: `Issue.project.to.name`."""
        reached = self._node
        assert isinstance(reached, Open), "a column's node is open"
        return alias_at(Origin(self._target(), via=reached.what))  # type: ignore[no-any-return]  # stands for the class

    def _target(self) -> type[ModelBase]:
        hint, to = inside_of(self._owner, self._hint, self._name, self._options.get("to")), self._options.get("to")
        target = model_in(hint, self._name, "Ref", hint)
        if to is not None and imported(to, self._name) is not target:
            raise ModelError(f"{self._name}: it is Ref[{target.__name__}], and ref({to!r}) is another model")
        return target

    def _read_kind(self) -> Kind:
        hint = inside_of(self._owner, self._hint, self._name, self._options.get("to"))
        kind = key_column(self._target(), self._name)._kind
        assert kind is not None, "a bound column has a kind"
        return kind.or_none() if type(None) in getattr(hint, "__args__", ()) else kind

    def _is_only_key(self) -> bool:
        return False  # a reference is never SQLite's to give

    def _reference(self) -> Reference:
        target = self._target()
        key = key_column(target, self._name)
        return Reference(target._table_name, key._options.get("name") or key._attribute, self._options["on_delete"])

    def _spec(self) -> ColumnSpec:
        self._options.setdefault("on_delete", "restrict")
        self._options.setdefault("index", True)
        spec = super()._spec()
        if self._options["on_delete"] == "set null" and not spec.kind.optional:
            raise ModelError(f'{self._name}: on_delete="set null" needs Ref[{self._target().__name__} | None]')
        return spec


def ref(
    to: str | None = None,
    *,
    default: Any = MISSING,
    on_delete: OnDelete = "restrict",
    unique: bool = False,
    index: bool = True,
    primary_key: bool = False,
    name: str | None = None,
    merge: Merge | None = None,
    group: str | None = None,
    local: bool = False,
) -> Any:
    """Say more about a reference: `default=None`, `on_delete="cascade"`, `unique`, `index=False`, `name`.

    `merge`, `group` and `local` are those of `column`; `merge="tree"` is for a reference to the row above, in one
    table: no move closes a circle.

    `to` says where the other model is, "app.projects.Project", when its class is imported for type checkers only.
    """
    if to is not None and "." not in (to.strip(".") if type(to) is str else ""):
        raise ModelError(f'ref takes the place of a model, "app.projects.Project", not {to!r:.60}')
    check_merge(merge, group, local)
    if on_delete not in ("restrict", "cascade", "set null"):
        raise ModelError(f'on_delete is "restrict", "cascade" or "set null", not {on_delete!r}')
    return Ref(**said(locals()))


def inside_of(owner: type[ModelBase], hint: Any, name: str, to: str | None = None) -> Any:  # Any: an annotation
    """Return what stands in the brackets of Ref[...] or Many[...]; `to` is where that is. Raises `ModelError`."""
    place = owner._place
    try:
        return place.read_inside(hint)
    except NameError as error:
        if to is None:
            raise ModelError(
                f"{name}: {error.name} isn't known in {owner.__module__}; if it is imported there for "
                f'type checkers only, say where it is, ref("its_module.{error.name}"), or open the database with '
                f"both: models=[{owner.__name__}, {error.name}]"
            ) from error
        place.meet({error.name or "": imported(to, name)})
        return place.read_inside(hint)


def model_in(hint: Any, name: str, word: str, said: Any) -> type[ModelBase]:  # Any: annotations
    """Return the one model of `hint`, which stands in the brackets of `word`. Raises `ModelError`."""
    targets = [part for part in getattr(hint, "__args__", (hint,)) if part is not type(None)]
    if len(targets) != 1 or not (isinstance(targets[0], type) and hasattr(targets[0], "_declared")):
        more = " or Ref[Project | None]" if word == "Ref" else ""
        raise ModelError(f"{name}: {word} leads to one model: {word}[Project]{more}, not {said}")
    target: type[ModelBase] = targets[0]
    return target


def imported(to: str, who: str) -> type[ModelBase]:
    """Return the model that `to` names, its module imported. Raises `ModelError`."""
    module, _, name = to.rpartition(".")
    try:
        found: Any = getattr(import_module(module), name, None)  # Any: whatever has that name
    except ImportError as error:
        raise ModelError(f"{who}: ref({to!r}) can't be imported: {error}") from error
    if not (isinstance(found, type) and hasattr(found, "_declared")):
        raise ModelError(f"{who}: ref({to!r}) names no model: {module} has no model {name}")
    target: type[ModelBase] = found
    return target


def key_column(model: type[ModelBase], who: str) -> Column[Any]:
    keys = [column for column in model._declared.values() if column._options.get("primary_key")]
    if len(keys) != 1:
        raise ModelError(f"{who}: {model.__name__} has {len(keys)} key columns; a reference leads to one")
    return keys[0]


_VERBS = frozenset(("where", "where_exists", "select", "order_by", "join", "limit", "include"))


class _Alias:
    """A model under another name, or reached by a reference: its columns belong to that occurrence."""

    def __init__(self, origin: Origin) -> None:
        self.__origin__ = origin

    def __getattr__(self, name: str) -> Any:  # Any: a column, or a verb of a query
        model = self.__origin__.model
        if name in _VERBS and self.__origin__.via is None:
            return getattr(query_of(self.__origin__), name)
        if name == "with_deleted" and model._soft and self.__origin__.via is None:
            return lambda: Query(self.__origin__)
        found: Any = model._declared.get(name, model._relations.get(name))  # Any: a column or a relation
        if found is None:
            raise AttributeError(f"{model.__name__} has no column {name!r}; it has: {', '.join(model._declared)}")
        return found._from(self.__origin__)


def alias_at(origin: Origin) -> Any:  # Any: stands for the class
    """Return what stands for the model at `origin`."""
    return _Alias(origin)


def _check_alias(model: object, name: object) -> None:
    if not (isinstance(model, type) and hasattr(model, "_declared")):
        raise ModelError(f"alias takes a model and a name, not {model!r:.60}")
    if not (isinstance(name, str) and name.isidentifier()):
        raise ModelError(f"alias({model.__name__}, ...) takes a name like 'child', not {name!r:.40}")


def alias(model: type[M], name: str) -> type[M]:
    """Return `model` under another name, to speak of a table twice: `child = alias(Issue, "child")`.

    It has the columns of `model`, and asks as it does: `child.where(child.parent == Issue.id).exists()`.
    """
    _check_alias(model, name)
    return _Alias(Origin(model, alias=name))  # type: ignore[return-value]  # stands for the class
