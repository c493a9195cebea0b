"""Relations: how rows of two models hang together, from either side.

    class Comment(Model):
        issue: Ref[Issue]                                Comment.issue           the one row it leads to

    class Issue(Model):
        comments: Many["Comment"] = many()               Issue.comments          the rows that lead here
        labels: Many["Label"] = many(through="Tagged")   Issue.labels            by rows of Tagged, which lead to both

    issue.comments              a query of these rows: fetch it, follow it, sort it
    Issue.comments.exists(...)  a condition of a query; .count(...) a value; .where(...) a query inside one

Nothing is stored on this side: the references are the truth. `relation_of(Issue, "comments")` is what is declared, as
data, for whoever follows relations by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from ..errors import ModelError
from ..query.builder import Query
from ..query.expr import Expr, Origin, count
from .ref import Ref, alias_at, imported, inside_of, key_column, model_in

if TYPE_CHECKING:
    from .base import ModelBase

__all__ = ["Many", "Relation", "many", "relation_of"]

M = TypeVar("M", bound="ModelBase")


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows of `owner` and of `target` belong together where the attribute `near` of one is `far` of the other.

    With a `link`: where a row of that model has them in `link_near` and `link_far`. `many`: there may be several.
    """

    owner: type[ModelBase]
    target: type[ModelBase]
    near: str
    far: str
    many: bool
    link: type[ModelBase] | None = None
    link_near: str = ""
    link_far: str = ""


def relation_of(model: type[ModelBase], name: str) -> Relation:
    """Return the relation that `model` calls `name`: a `Ref` or a `Many`. Raises `ModelError`."""
    found = model._relations.get(name, model._declared.get(name))
    if isinstance(found, Many):
        return found._relation()
    if isinstance(found, Ref):
        target = found._target()
        return Relation(model, target, name, key_column(target, found._name)._attribute, many=False)
    there = [*(one for one, column in model._declared.items() if isinstance(column, Ref)), *model._relations]
    raise ModelError(f"{model.__name__} has no relation {name!r}; it has: {', '.join(there) or 'none'}")


class Many(Generic[M]):
    """The rows of another model that lead here: `comments: Many["Comment"] = many()`.

    On the class it makes conditions and queries inside a query, on a row it is a query of its rows.
    """

    def __init__(self, back: str | None = None, through: str | type[ModelBase] | None = None) -> None:
        self._back, self._through = back, through
        self._owner: type[ModelBase]
        self._attribute = ""
        self._hint: Any = None
        self._origin: Origin
        self._found: Relation | None = None

    @overload
    def __get__(self, row: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, row: object, owner: Any) -> Query[M]: ...
    def __get__(self, row: Any, owner: Any) -> Any:
        if row is None:
            return self
        relation = self._relation()
        return relation.target.where(self._belongs(relation.target, row[relation.near]))

    def __set__(self, row: object, value: object) -> None:
        raise AttributeError(f"{self._name} follows the references that lead here: write those, or tx.link(...)")

    # -- inside a query of its owner

    @property
    def to(self) -> type[M]:
        """What stands for its rows: the other model; for one's own, an alias with the name of the relation."""
        return self._stand_in()  # type: ignore[no-any-return]  # stands for the model M

    def where(self, *conditions: Expr[bool]) -> Query[M]:
        """Ask for its rows, of the row that the enclosing query is at."""
        relation, to = self._relation(), self._stand_in()
        near = relation.owner._declared[relation.near]._from(self._origin)
        query: Query[M] = to.where(self._belongs(to, near), *conditions)
        return query

    def exists(self, *conditions: Expr[bool]) -> Expr[bool]:
        """Whether there is one: `Issue.where(Issue.comments.exists(Comment.author == ada))`."""
        return self.where(*conditions).exists()

    def count(self, *conditions: Expr[bool]) -> Expr[int]:
        """How many there are: `Issue.select(Issue.title, Issue.comments.count())`."""
        number = self.where(*conditions).select(count()).scalar()
        return Expr(number._node, count()._kind)

    def __repr__(self) -> str:
        return f"<Many {self._name}>" if self._attribute else "<Many, not of a model yet>"

    # -- inside

    @property
    def _name(self) -> str:
        return f"{self._owner.__name__}.{self._attribute}"

    def _again(self) -> Many[M]:
        """Return the same declaration for another owner."""
        return Many(self._back, self._through)

    def _bind(self, owner: type[ModelBase], attribute: str, hint: Any) -> None:  # Any: an annotation
        self._owner, self._attribute, self._hint = owner, attribute, hint
        self._origin = owner.__origin__

    def _from(self, origin: Origin) -> Many[M]:
        """Return this relation of another occurrence of its table."""
        made = self._again()
        made._bind(self._owner, self._attribute, self._hint)
        made._origin = origin
        return made

    def _stand_in(self) -> Any:  # Any: the model, or an alias that stands for it
        target = self._relation().target
        return alias_at(Origin(target, alias=self._attribute)) if target is self._owner else target

    def _belongs(self, to: Any, near: Any) -> Expr[bool]:  # Any: a model or its alias; a key or a column
        """Return the condition under which a row of `to` belongs to the one with `near`."""
        relation = self._relation()
        far: Expr[Any] = getattr(to, relation.far)
        if relation.link is None:
            return far == near  # type: ignore[no-any-return]  # any Expr's comparison
        link = relation.link
        by: Expr[Any] = link._declared[relation.link_near]
        return far.in_(link.where(by == near).select(link._declared[relation.link_far]))

    def _relation(self) -> Relation:
        if self._found is None:
            self._found = self._find()
        return self._found

    def _find(self) -> Relation:
        owner, name = self._owner, self._name
        target = model_in(inside_of(owner, self._hint, name), name, "Many", self._hint)
        key = key_column(owner, name)._attribute
        if self._through is None:
            back = _leading(target, owner, self._back, name, "say which, many({!r})")
            return Relation(owner, target, key, back, many=True)
        link = self._link(self._through)
        near = _leading(link, owner, self._back, name, "say which leads here, many({!r}, through=...)")
        others = {attribute: one for attribute, one in _refs(link).items() if attribute != near}
        far = [attribute for attribute, one in others.items() if one._target() is target]
        if len(far) != 1:
            raise ModelError(
                f"{name}: {len(far)} references of {link.__name__} lead on to {target.__name__}; it takes one"
            )
        other_key = key_column(target, name)._attribute
        return Relation(owner, target, key, other_key, many=True, link=link, link_near=near, link_far=far[0])

    def _link(self, through: str | type[ModelBase]) -> type[ModelBase]:
        found: Any = through  # Any: what users pass
        if isinstance(through, str):
            try:
                found = imported(through, self._name) if "." in through else self._owner._place.read(through)
            except (NameError, SyntaxError) as error:
                raise ModelError(
                    f"{self._name}: through={through!r} isn't known in {self._owner.__module__}; say where it is, "
                    f'through="its_module.{through}", or open the database with it in models=[...]'
                ) from error
        if not (isinstance(found, type) and hasattr(found, "_declared")):
            raise ModelError(f"{self._name}: through= takes a model, or its name, not {through!r:.40}")
        link: type[ModelBase] = found
        return link


def many(
    back: str | None = None,
    *,
    through: str | type[ModelBase] | None = None,
    init: Literal[False] = False,
) -> Any:
    """Declare the rows that lead here: `comments: Many["Comment"] = many()`.

    `back` is the reference of theirs that does, where there are several; `through` is the model whose rows link both.
    `init` is for type checkers: a row is made without its relations.
    """
    if not (back is None or isinstance(back, str)):
        raise ModelError(f"many takes the name of the reference that leads here, not {back!r:.40}")
    return Many(back, through)


def _refs(model: type[ModelBase]) -> dict[str, Ref[Any]]:
    return {name: column for name, column in model._declared.items() if isinstance(column, Ref)}


def _leading(model: type[ModelBase], owner: type[ModelBase], named: str | None, who: str, hint: str) -> str:
    """Return the attribute of the one reference of `model` that leads to `owner`."""
    leading = [name for name, one in _refs(model).items() if one._target() is owner]
    if named is not None:
        if named not in leading:
            there = ", ".join(leading) or "none"
            raise ModelError(f"{who}: {model.__name__}.{named} doesn't lead to {owner.__name__}; what does: {there}")
        return named
    if len(leading) != 1:
        more = (
            hint.format(leading[0]) if leading else f"{model.__name__} takes a column like `x: Ref[{owner.__name__}]`"
        )
        raise ModelError(
            f"{who}: {len(leading)} references of {model.__name__} lead to {owner.__name__}"
            f"{': ' if leading else ''}{', '.join(leading)}; {more}"
        )
    return leading[0]
