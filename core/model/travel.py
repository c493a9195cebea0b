"""Travel: a query as JSON text, from one process to another, where it becomes the same template.

    dump(Issue.where(Issue.state == "open"))  ->  '{"eddyline":1,"plan":{...},"params":{"p1":"open"},"rows":{...}}'
    db.live(load(text))                       ->  a view, as if the query had been written there

A query of models travels as its plan: who loads it needs neither the models nor sqlglot. A text travels as it stands,
and so does what no plan holds. Signals go as the values that they have; a `param("name")` without one is given there.
What is loaded comes from outside: a SELECT, or it is refused. Limits: `LENGTH_MAX`, and those of plans.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import LoadError, ParameterError, QueryError
from ..kinds import Kind, kind_called, name_of_kind
from ..query.asked import Asked
from ..query.expr import read_once
from ..query.plan import Column, Compound, Select
from ..query.plan_json import read_plan, write_plan
from ..query.render import render
from ..query.shown import Decoder, Maker
from ..sqltext import check_text
from ..values import SqlValue, bind, shown, to_sql
from .base import ModelBase

__all__ = ["LENGTH_MAX", "LoadedQuery", "dump_asked", "load"]

Json: TypeAlias = Any  # Any: what json.loads gives
Values: TypeAlias = Sequence[SqlValue] | Mapping[str, SqlValue]

LENGTH_MAX = 1_000_000
"""How many characters a query may have on its way."""

_VERSION = 1
_FIELDS = frozenset({"eddyline", "plan", "sql", "params", "rows"})


@dataclass(frozen=True, slots=True)
class LoadedQuery:
    """A query that has come as JSON text: `db.live` and `db.fetch` take it. Its rows are those of `dump`'s query."""

    asked: Asked
    values: Values

    @property
    def sql(self) -> str:
        """Its text."""
        return self.asked.sql

    def __repr__(self) -> str:
        return f"<LoadedQuery {' '.join(self.asked.sql.split()):.60}>"


# --- out


def dump_asked(asked: Asked, args: tuple[Any, ...], named: Mapping[str, Any]) -> str:
    """Return what is asked as one line of JSON, signals read. Raises `ParameterError`, and `QueryError` if too long."""
    if asked.levels:
        raise QueryError("a query with include(...) doesn't travel: send the query of each level", sql=asked.sql)
    values = bind([*map(read_once, args)], {name: read_once(value) for name, value in named.items()})
    made: dict[str, Json] = {"eddyline": _VERSION}
    plan = None if asked.plan is None else write_plan(asked.plan)
    made |= {"sql": asked.sql} if plan is None else {"plan": plan}
    if values:
        if isinstance(values, dict):
            made["params"] = {name: _out(value) for name, value in values.items()}
        else:
            made["params"] = [*map(_out, values)]
    rows = _rows_out(asked.make, whole=plan is not None)
    if rows:
        made["rows"] = rows
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    if len(text) > LENGTH_MAX:
        raise QueryError(f"the query is {len(text)} characters as JSON; {LENGTH_MAX} may travel", sql=asked.sql[:200])
    return text


def _out(value: SqlValue) -> Json:
    if isinstance(value, bytes):
        return {"blob": base64.b64encode(value).decode()}
    if isinstance(value, float) and math.isinf(value):
        return {"real": str(value)}
    return value


def _rows_out(make: Maker | None, *, whole: bool) -> dict[str, Json]:
    """Return what makes the rows, as far as it has a name; `whole`: they may be rows of a model."""
    if isinstance(make, Decoder):
        kinds = [name_of_kind(kind) if isinstance(kind, Kind) else None for kind in make.kinds]
        return {"kinds": kinds} if any(kinds) else {}
    model = getattr(make, "__self__", None)
    if not (isinstance(model, type) and issubclass(model, ModelBase)):
        return {}
    kinds = [name_of_kind(column.kind) for column in model.__table__.columns]
    return ({"kinds": kinds} if any(kinds) else {}) | ({"model": model.__table__.name} if whole else {})


# --- in


def load(text: str, models: Iterable[type[ModelBase]] = ()) -> LoadedQuery:
    """Return the query that `dump` wrote. Raises `LoadError` for anything else.

    Rows of a model are instances of that of `models` whose table it is, else `Row`s with the same types of values.
    """
    value = _json(text)
    if not isinstance(value, dict) or value.get("eddyline") != _VERSION or isinstance(value["eddyline"], bool):
        raise LoadError(f"no query as dump writes it: it begins {shown(text)}", path="")
    unknown = value.keys() - _FIELDS
    if unknown or ("plan" in value) == ("sql" in value):
        raise LoadError(f"a query has a plan or an sql, params and rows, not {', '.join(sorted(value))}", path="")
    values = _values_in(value.get("params", {}))
    if "sql" in value:
        make = _make_in(value.get("rows", {}), None, {})
        return LoadedQuery(Asked(_sql_in(value["sql"]), make=make), values)
    plan = read_plan(value["plan"])
    make = _make_in(value.get("rows", {}), plan, {model.__table__.name.lower(): model for model in models})
    if not isinstance(values, Mapping):
        raise LoadError("the parameters of a plan go by name", path="params")
    return LoadedQuery(Asked(render(plan), plan, make=make, from_afar=True), values)


def _json(text: object) -> Json:
    if not isinstance(text, str):
        raise LoadError(f"load takes the text that dump wrote, not {type(text).__name__}", path="")
    if len(text) > LENGTH_MAX:
        raise LoadError(f"the text has {len(text)} characters; {LENGTH_MAX} may travel", path="")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise LoadError(f"no JSON: {error}", path="") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _sql_in(sql: Json) -> str:
    try:
        return check_text(sql)
    except QueryError as error:
        raise LoadError(f"sql is no statement: {error}", path="sql") from error


def _values_in(params: Json) -> Values:
    if isinstance(params, list):
        return tuple(_in(value, f"params.{at}") for at, value in enumerate(params))
    if not isinstance(params, dict):
        raise LoadError(f"params is a list or an object, not {shown(params)}", path="params")
    return {name: _in(value, f"params.{name:.40}") for name, value in params.items()}


def _in(value: Json, path: str) -> SqlValue:
    match value:
        case {"blob": str(blob), **rest} if not rest:
            try:
                return base64.b64decode(blob, validate=True)
            except (binascii.Error, ValueError) as error:
                raise LoadError(f"{path} is no base64: {error}", path=path) from error
        case {"real": "inf" | "-inf" as real, **rest} if not rest:
            return float(real)
        case None | int() | float() | str() if not isinstance(value, bool):
            try:
                return to_sql(value, path)
            except ParameterError as error:
                raise LoadError(str(error), path=path) from error
    raise LoadError(f"{path} is no value of a parameter: {shown(value)}", path=path)


def _make_in(rows: Json, plan: Select | Compound | None, models: Mapping[str, type[ModelBase]]) -> Maker | None:
    """Return what makes the rows of `plan`; of a text, None, they are not told apart by model."""
    if not isinstance(rows, dict) or rows.keys() - {"kinds", "model"}:
        raise LoadError(f"rows has kinds and a model, it is {shown(rows)}", path="rows")
    name = rows.get("model")
    if name is not None and (plan is None or not isinstance(name, str)):
        raise LoadError(f"rows.model is the table of a model, for a plan, not {shown(name)}", path="rows.model")
    if plan is not None and name is not None and name.lower() in models:
        return _instances(models[name.lower()], plan)
    kinds = rows.get("kinds")
    if kinds is None:
        return None
    first = plan.parts[0] if isinstance(plan, Compound) else plan
    if not isinstance(kinds, list) or (first is not None and len(kinds) != len(first.outputs)):
        raise LoadError(f"rows.kinds has one entry for each column, it is {shown(kinds)}", path="rows.kinds")
    return Decoder(tuple(None if kind is None else _kind(kind) for kind in kinds))


def _kind(name: Json) -> Kind:
    found = kind_called(name) if isinstance(name, str) else None
    if found is None:
        raise LoadError(f"rows.kinds names no kind of value: {shown(name)}", path="rows.kinds")
    return found


def _instances(model: type[ModelBase], plan: Select | Compound) -> Maker:
    """Return what makes rows of `model`, whose columns `plan` has to give."""
    first = plan.parts[0] if isinstance(plan, Compound) else plan
    given = [output.expr.name if isinstance(output.expr, Column) else "?" for output in first.outputs]
    wanted = [column.name for column in model.__table__.columns]
    if given != wanted:
        raise LoadError(
            f"the query gives {', '.join(given)}, but {model.__name__} has {', '.join(wanted)}: the models of both "
            "sides differ; load it without this model for plain rows",
            path="rows.model",
        )
    made: Maker = model._from_sql
    return made
