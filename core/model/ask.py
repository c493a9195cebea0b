"""What users hand to `db.live` and `db.fetch`, in the form that the engine takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeAlias

from ..errors import ModelError, ParameterError, QueryError
from ..query.asked import Asked
from ..query.builder import Query
from ..query.foreign import Compilable, QuerySetLike, foreign_query
from ..schema.table import TableSpec
from ..sqltext import check_text, parameter_names
from .base import ModelBase
from .include import levels_of
from .travel import LoadedQuery, dump_asked

__all__ = ["AnyQuery", "ask", "dump", "tables_of"]

AnyQuery: TypeAlias = str | Query[Any] | type[ModelBase] | LoadedQuery | Compilable | QuerySetLike
"""What can be asked: SQL text, a builder's query, a model for all its rows, a loaded one, SQLAlchemy's or Django's."""


def tables_of(models: Iterable[Any]) -> list[TableSpec]:  # Any: users pass what they have
    """Return the tables of `models`, each once. Raises `ModelError` for what is no model, and for two of one table."""
    specs: dict[str, TableSpec] = {}
    if isinstance(models, type) or not isinstance(models, Iterable):
        raise ModelError(f"models=[...] takes a list of model classes, not {models!r:.60}")
    models = list(dict.fromkeys(models))
    _introduce(models)
    for model in models:
        if not (isinstance(model, type) and issubclass(model, ModelBase)):
            raise ModelError(f"models=[...] takes model classes, not {model!r:.60}")
        spec: TableSpec = model.__table__
        if spec.name.lower() in specs:
            raise ModelError(f"{specs[spec.name.lower()].model} and {spec.model} have one table: {spec.name}")
        specs[spec.name.lower()] = spec
    return list(specs.values())


def _introduce(models: list[Any]) -> None:  # Any: as above
    """Tell each model of the others, for references whose model its module imports for type checkers only."""
    names = [getattr(model, "__name__", "") for model in models]
    known = {name: model for name, model in zip(names, models, strict=True) if names.count(name) == 1}
    for model in models:
        if isinstance(model, type) and issubclass(model, ModelBase):
            model._place.meet(known)


def ask(
    query: object, args: tuple[Any, ...], named: Mapping[str, Any]
) -> tuple[Asked, tuple[Any, ...], dict[str, Any]]:
    """Return what is asked, and its parameters: `Any` values, or signals of them."""
    if isinstance(query, type) and issubclass(query, ModelBase):
        query = query._query()
    if isinstance(query, str):
        _check_names(check_text(query), named)
        return Asked(query), args, dict(named)
    if isinstance(query, LoadedQuery):
        return _loaded(query, args, named)
    if not isinstance(query, Query):
        found = foreign_query(query, args, named)
        if found is None:
            raise QueryError(
                "a query is SQL text, a builder's query, a model, a SQLAlchemy select or a Django QuerySet, not "
                f"{type(query).__name__}",
                sql=repr(query),
            )
        return *found, {}
    if args:
        raise ParameterError("a builder's query takes no parameters by position; use param('name') and give it by name")
    if query.linked is not None:
        raise QueryError("query.on(...) says what rows belong to: it goes into include(name=query)", sql="")
    compiled = query.compiled
    _check_names(compiled.asked.sql, named, own=compiled.values)
    if not query.includes:
        return compiled.asked, (), {**compiled.values, **named}
    levels, values = levels_of(query)
    return replace(compiled.asked, levels=levels), (), {**compiled.values, **values, **named}


def dump(query: AnyQuery, /, *args: Any, **named: Any) -> str:
    """Return `query` and its parameters as one line of JSON, which `load` reads in another process.

    Signals go as the values that they have. Raises what `db.live` raises before it asks SQLite.
    """
    return dump_asked(*ask(query, args, named))


def _loaded(
    query: LoadedQuery, args: tuple[Any, ...], named: Mapping[str, Any]
) -> tuple[Asked, tuple[Any, ...], dict[str, Any]]:
    if args:
        raise ParameterError("a loaded query takes no parameters by position: it has brought its own")
    if not isinstance(query.values, Mapping):
        _check_names("", named)
        return query.asked, tuple(query.values), {}
    _check_names(query.asked.sql, named, own=query.values)
    return query.asked, (), {**query.values, **named}


def _check_names(sql: str, named: Mapping[str, Any], own: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Raise for a name that the text doesn't have, or that is one of the query's `own`."""
    if not named:
        return
    known = [name for name in parameter_names(sql) if name not in own]
    for name in named:
        if name not in known:
            there = ", ".join(f":{one}" for one in sorted(known)) or "none by name"
            raise ParameterError(f"the query takes no parameter :{name}; it takes {there}")
