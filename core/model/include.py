"""Include: the names and queries of `query.include(...)` as levels, by the relations that the models declare.

    Issue.include("project", "comments.author")                         a Ref, a Many, one behind the other
    Issue.include(comments=Comment.order_by(Comment.made).limit(3))     order, conditions and limit for each issue
    Genre.include(tracks=Track.where().on(Track.Genre == Genre.Name))   by hand: what belongs together, without a Ref

A query under a name that isn't declared takes the one reference by which its model leads to the owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from ..errors import ModelError, QueryError
from ..query.builder import Join, Query
from ..query.compiled import compile_query
from ..query.expr import Reached
from ..query.nested import Level
from ..query.plan import Binary, Column, Open, Select
from ..schema.catalog import TableName
from .base import ModelBase
from .ref import Ref, key_column
from .relation import Relation, relation_of

__all__ = ["levels_of"]


def levels_of(query: Query[Any]) -> tuple[tuple[Level, ...], dict[str, Any]]:
    """Return the levels that `query` includes, and their parameters. Raises `QueryError`, `ModelError`."""
    values: dict[str, Any] = {}
    return _levels(query, count(1), values), values


def _levels(query: Query[Any], serial: Iterator[int], values: dict[str, Any]) -> tuple[Level, ...]:
    if not query.includes:
        return ()
    if query.outputs is not None or query.groups:
        raise QueryError("include goes with whole rows of a model, not with select or group_by", sql="")
    queries: dict[str, Query[Any] | None] = {}
    paths: dict[str, list[str]] = {}
    for path, given in query.includes:
        name, _, rest = path.partition(".")
        if given is not None and queries.get(name) is not None:
            raise QueryError(f"include says twice what {name} is", sql="")
        queries[name] = given if given is not None else queries.get(name)
        paths.setdefault(name, []).extend([rest] if rest else [])
    owner: type[ModelBase] = query.root.model
    return tuple(_level(owner, name, queries[name], paths[name], serial, values) for name in queries)


def _level(
    owner: type[ModelBase],
    name: str,
    given: Query[Any] | None,
    paths: list[str],
    serial: Iterator[int],
    values: dict[str, Any],
) -> Level:
    relation = _relation(owner, name, given)
    query: Query[Any] = relation.target._query() if given is None else given
    _check(query, relation, f"{owner.__name__}.include({name})")
    levels = _levels(query.include(*paths) if paths else query, serial, values)
    if relation.link is not None:
        link, far = relation.link, relation.target._declared[relation.far]
        on = relation.link._declared[relation.link_far] == far
        query = replace(query, joins=(Join(link.__origin__, on._node, False), *query.joins))
    bare = replace(query, includes=(), linked=None)
    compiled = compile_query(bare, prefix=f"n{next(serial)}_")
    values.update(compiled.values)
    if not isinstance(compiled.asked.plan, Select):
        raise QueryError(f"{name} can't be included: {compiled.asked.no_plan}", sql=compiled.asked.sql)
    plan = compiled.asked.plan
    assert compiled.asked.make is not None, "whole rows of a model are made"
    spec, table = owner.__table__, relation.target.__table__
    return Level(
        name=name,
        many=relation.many,
        owner=TableName("main", spec.name),
        near=spec.attributes.index(relation.near),
        near_column=spec.by_attribute[relation.near].name,
        kind=spec.by_attribute[relation.near].kind.or_none(),
        plan=replace(plan, limit=None),
        far=_far(relation, plan),
        key=tuple(column.name for column in table.key),
        limit=plan.limit,
        make=compiled.asked.make,
        linked=relation.link is not None,
        levels=levels,
    )


def _far(relation: Relation, plan: Select) -> Column:
    """Return the column of the level's own tables that holds what its owner has."""
    if relation.link is None:
        return Column(0, relation.target.__table__.by_attribute[relation.far].name)
    link = relation.link.__table__
    at = next(at for at, source in enumerate(plan.sources) if at and source.table.name == link.name)
    return Column(at, link.by_attribute[relation.link_near].name)


def _relation(owner: type[ModelBase], name: str, given: Query[Any] | None) -> Relation:
    if given is not None and given.linked is not None:
        return _by_hand(owner, name, given)
    if given is None or name in owner._relations or isinstance(owner._declared.get(name), Ref):
        return relation_of(owner, name)
    target: type[ModelBase] = given.root.model
    leading = [at for at, one in target._declared.items() if isinstance(one, Ref) and one._target() is owner]
    if len(leading) != 1:
        raise QueryError(
            f"{owner.__name__}.include({name}=...): {len(leading)} references of {target.__name__} lead to "
            f"{owner.__name__}{': ' if leading else ''}{', '.join(leading)}; say what belongs together: "
            f"query.on({target.__name__}.x == {owner.__name__}.y)",
            sql="",
        )
    return Relation(owner, target, key_column(owner, name)._attribute, leading[0], many=True)


def _by_hand(owner: type[ModelBase], name: str, given: Query[Any]) -> Relation:
    """Return what `query.on(...)` says."""
    target = given.root.model
    match given.linked:
        case Binary("=", Open(Reached() as left), Open(Reached() as right)):
            for far, near in ((left, right), (right, left)):
                its = near.origin.model is owner and near.origin.via is None and near.origin != given.root
                if its and far.origin == given.root:
                    return Relation(owner, target, near.attribute, far.attribute, many=True)
    raise QueryError(
        f"{owner.__name__}.include({name}=...): on(...) takes {target.__name__}.x == {owner.__name__}.y, a column of "
        "each; of one model twice, an alias(...) of it is included",
        sql="",
    )


def _check(query: Query[Any], relation: Relation, what: str) -> None:
    if query.root.model is not relation.target:
        raise QueryError(f"{what} takes a query of {relation.target.__name__}, not {query.root.model.__name__}", sql="")
    if query.outputs is not None or query.groups or query.is_distinct or query.others or query.skip is not None:
        raise QueryError(f"{what} takes whole rows: no select, group_by, distinct, union or offset", sql="")
    if relation.far not in relation.target._declared or relation.near not in relation.owner._declared:
        raise ModelError(f"{what}: {relation.near} and {relation.far} are no columns")
