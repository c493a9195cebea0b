"""Django: a QuerySet, with `values(...)` or without, sliced, annotated, grouped, united.

    Issue.objects.filter(state="open").values("title", "project__name")
        -> SELECT "issue"."title" AS "title", "project"."name" AS "project__name" FROM ...      "open"

Rows have the names that `values()` gives them; without it those of the model's attributes (`project_id`), and of
`select_related` the path (`project__name`). Values go in and come out as Django's fields have it. A QuerySet takes its
values when it is made, so none of them can be a signal.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from ..errors import ParameterError, QueryError
from .asked import Asked
from .foreign import Converted, Foreign
from .shown import Decoder

__all__ = ["read_queryset"]

_PLACE = re.compile(r"(?<!%)%s")  # as Django's own backend finds them
_MADE = {
    "BooleanField": "bool", "DateField": "date", "DateTimeField": "datetime", "DecimalField": "Decimal",
    "JSONField": "dict", "TimeField": "time",
}  # fmt: skip


def read_queryset(given: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> Foreign:  # Any: of no known type
    """Return the QuerySet's text and its values. Raises `QueryError` or `ParameterError`."""
    kind = type(given).__name__
    if hasattr(given, "get_queryset"):
        raise QueryError(f"{kind} of Django is no QuerySet; give {kind.lower()}.all()", sql=kind)
    if not hasattr(getattr(given, "query", None), "get_compiler"):
        raise QueryError(f"{kind} of Django is no QuerySet; give Model.objects.filter(...), or SQL text", sql=kind)
    if args or named:
        raise ParameterError("a QuerySet has its values in it and takes no parameters")
    if getattr(given, "_prefetch_related_lookups", ()):
        raise QueryError("prefetch_related asks more than one query; follow each by a view of its own", sql=kind)
    try:
        compiler = given.query.get_compiler(using=given.db, elide_empty=False)
    except Exception as error:  # no such database, settings that aren't there
        raise QueryError(f"Django can't compile this QuerySet: {error}", sql=kind) from error
    if compiler.connection.vendor != "sqlite":
        raise QueryError(
            f"the QuerySet is one of the database {given.db!r}, which is {compiler.connection.vendor}; use "
            ".using(...) with the alias of a SQLite database",
            sql=kind,
        )
    return _compiled(compiler, kind)


def _compiled(compiler: Any, kind: str) -> Foreign:
    _name_columns(compiler)
    try:
        text, values = compiler.as_sql()
        selected = [one[0] for one in compiler.select[: compiler.col_count]]
        converters = compiler.get_converters(selected)
    except Exception as error:  # the library's own tree
        raise QueryError(f"Django can't write this QuerySet for SQLite: {error}", sql=kind) from error
    if any(hasattr(one, "get_cols") for one in selected):
        raise QueryError("the QuerySet selects a composite primary key; name its columns in values(...)", sql=text)
    make = Decoder(tuple(_converted(converters.get(at), compiler.connection) for at in range(len(selected))))
    sql = _PLACE.sub("?", text).replace("%%", "%")
    return Asked(sql, make=make if any(make.kinds) else None), tuple(map(_plain, values))


def _name_columns(compiler: Any) -> None:
    """Let the compiler's SELECT name each column as its reader knows it."""
    plain = compiler.get_select

    def get_select(*args: Any, **options: Any) -> Any:
        select, classes, annotations = plain(*args, **options)
        names = dict(_names(compiler.query, select, classes))
        named = [(expr, sql, alias or names.get(at)) for at, (expr, sql, alias) in enumerate(select)]
        return named, classes, annotations

    compiler.get_select = get_select


def _names(query: Any, select: Any, classes: Any) -> Iterator[tuple[int, str]]:
    """Yield position and name of the columns to which Django gives none."""
    if query.values_select:
        yield from enumerate(query.values_select, len(query.extra_select))
        return

    def of(info: Any, prefix: str) -> Iterator[tuple[int, str]]:
        for at in info["select_fields"]:
            if hasattr(select[at][0], "target"):
                yield at, prefix + select[at][0].target.attname
        for related in info.get("related_klass_infos", ()):
            field = related["field"]
            yield from of(related, f"{prefix}{field.related_query_name() if related['reverse'] else field.name}__")

    if classes is not None:
        yield from of(classes, "")


def _converted(found: Any, connection: Any) -> Converted | None:
    if found is None:
        return None
    converters, expression = found
    steps: list[Callable[[Any], Any]] = [partial(_call, one, expression, connection) for one in converters]
    field: Any = getattr(expression, "output_field", None)
    python = "" if field is None else _MADE.get(field.get_internal_type(), "")
    if python == "datetime" and connection.timezone is None:
        python = "datetime-naive"
    return Converted(expression, partial(_through, steps), python, getattr(field, "decimal_places", None))


def _call(converter: Callable[..., Any], expression: Any, connection: Any, value: Any) -> Any:
    return converter(value, expression, connection)


def _through(steps: list[Callable[[Any], Any]], value: Any) -> Any:
    for step in steps:
        value = step(value)
    return value


def _plain(value: Any) -> Any:
    """Return what Django hands to its driver as its driver's adapters write it."""
    match value:
        case Decimal():
            return str(value)
        case dt.datetime():
            return value.isoformat(" ")
    return value
