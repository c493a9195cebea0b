"""SQLAlchemy 2: `select(...)`, Core and ORM, unions of them, `text(...)`, and the older `session.query(...)`.

    select(Issue).where(Issue.due < today, Issue.state.in_(["open", "doing"]))
        -> SELECT issue.id, ... FROM issue WHERE issue.due < ? AND issue.state IN (?, ?)
           "2026-11-21", "open", "doing"

The statement is compiled for SQLite; lists are written out, one `?` for each value. A value in the statement may be a
signal (`Issue.state == state`), and so may one that is given by name for a `bindparam`. A list can't be: its length is
part of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from ..errors import EddylineError, ParameterError, QueryError
from ..sqltext import check_text
from .asked import Asked
from .expr import is_readable
from .foreign import Converted, Foreign, convert_parameter
from .shown import Decoder

__all__ = ["read_statement"]

_TAKES = "give the statement itself: select(...), a union of them, or text(...)"


def read_statement(given: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> Foreign:  # Any: of no known type
    """Return the statement and its values. Raises `QueryError` or `ParameterError`."""
    statement = _statement(given)
    if args:
        raise ParameterError("a SQLAlchemy statement takes no parameters by position; use bindparam('name')")
    dialect = _sqlite()
    try:
        compiled = statement.compile(dialect=dialect)
    except Exception as error:  # the library's own tree, or an error of a construct of the user's
        raise _cannot(statement, error) from error
    _check_names(compiled, named)
    _check_lists(compiled, named)
    try:
        state = compiled.construct_expanded_state(dict(named))
    except Exception as error:
        raise _refused(error) from error
    called = compiled.escaped_bind_names
    values = tuple(
        convert_parameter(state.parameters[called.get(name, name)], _into(compiled, state, name, dialect), name)
        for name in state.positiontup
    )
    return Asked(check_text(state.statement), make=_maker(statement, compiled, dialect)), values


@lru_cache(maxsize=1)
def _sqlite() -> Any:
    """Return SQLAlchemy's dialect of SQLite. Who gives a statement has the library."""
    return import_module("sqlalchemy.dialects.sqlite").dialect(paramstyle="qmark")


def _statement(given: Any) -> Any:
    """Return what can be compiled. Raises `QueryError` for all else of the library."""
    kind = type(given).__name__
    if getattr(given, "is_dml", False):
        raise QueryError(
            f"{kind} writes: a query is a select(...); write with db.execute or db.transaction()", sql=kind
        )
    if getattr(given, "is_select", False) or getattr(given, "_is_text_clause", False):
        return given
    if getattr(given, "is_from_statement", False) or type(given).__name__ == "FromStatement":
        return given
    if hasattr(given, "session") and hasattr(given, "statement"):
        return given.statement
    if hasattr(given, "construct_params") and hasattr(given, "dialect"):
        raise QueryError(f"the statement is compiled for {given.dialect.name} already; {_TAKES}", sql=str(given))
    raise QueryError(f"{kind} of SQLAlchemy is no statement; {_TAKES}", sql=kind)


def _cannot(statement: Any, error: Exception) -> EddylineError:
    return QueryError(f"SQLAlchemy can't write this statement for SQLite: {_short(error)}", sql=repr(statement))


def _refused(error: Exception) -> EddylineError:
    key = str(error).partition("bind parameter '")[2].partition("'")[0]
    if key:
        return ParameterError(f"the query takes a parameter :{key} that was not given")
    return ParameterError(f"the parameters don't fit: {_short(error)}")


def _short(error: Exception) -> str:
    return str(error).partition(" (Background on")[0] or type(error).__name__


def _check_names(compiled: Any, named: Mapping[str, Any]) -> None:
    known = {name for bind, name in compiled.bind_names.items()} | {bind.key for bind in compiled.bind_names}
    for name in named:
        if name not in known:
            own = sorted(bind.key for bind in compiled.bind_names if bind.required)
            there = ", ".join(f":{one}" for one in own) or "none by name"
            raise ParameterError(f"the query takes no parameter :{name}; it takes {there}")


def _check_lists(compiled: Any, named: Mapping[str, Any]) -> None:
    """Refuse a signal where the value is part of the text."""
    for bind in compiled.post_compile_params | compiled.literal_execute_params:
        name = compiled.bind_names[bind]
        value = named.get(bind.key, named.get(name, bind.value))
        if is_readable(value) or (isinstance(value, list | tuple) and any(map(is_readable, value))):
            raise ParameterError(
                f"parameter :{name} is a list, and its length is part of the text: it can't be a signal; ask for a "
                "new view when it changes"
            )


def _into(compiled: Any, state: Any, name: str, dialect: Any) -> Callable[[Any], Any] | None:
    """Return what the parameter's type does to a value on its way into SQLite."""
    bind = compiled.binds.get(name)
    if bind is None:  # one value of a list
        found: Callable[[Any], Any] | None = state.processors.get(name)
        return found
    made: Callable[[Any], Any] | None = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return made


def _maker(statement: Any, compiled: Any, dialect: Any) -> Decoder | None:
    """Return what makes the rows; None where the values come out as they lie there, as those of `text(...)` do."""
    if getattr(statement, "is_text", False) or not getattr(statement, "is_select", False):
        return None
    types = [entry.type for entry in compiled._result_columns]
    convert = [type_.dialect_impl(dialect).result_processor(dialect, None) for type_ in types]
    if not any(convert):
        return None
    return Decoder(tuple(one and _converted(type_, one) for type_, one in zip(types, convert, strict=True)))


def _converted(type_: Any, convert: Callable[[Any], Any]) -> Converted:
    try:
        python: str = type_.python_type.__name__
    except NotImplementedError:
        python = ""
    if python == "datetime":
        python = "datetime-naive"  # as SQLite's dialect makes them
    return Converted(type_, convert, python, getattr(type_, "scale", None))
