"""Functions of users in SQL: what SQLite calls, made out of a Python function.

    await db.register("slug", slug, deterministic=True)     SELECT slug(title) FROM issue     call("slug", Issue.title)

It is defined on each connection of the database: the writer's, the readers', those that open later. What SQLite knows
as deterministic may stand in queries that are kept incrementally; a query that calls any other is run again.
Results become what SQLite holds as parameters do: bool, datetime, dict and the like.
"""

from __future__ import annotations

import inspect
import re
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from .errors import ParameterError
from .store import Connection
from .values import SqlValue, to_sql

__all__ = ["definition"]

_NAME: Final = re.compile(r"[A-Za-z_]\w{0,254}")
_ANY_NUMBER: Final = -1


def definition(name: str, function: Callable[..., Any], *, deterministic: bool) -> Callable[[Connection], None]:
    """Return what defines `function` as `name` on a connection. Raises `ParameterError`."""
    if not (type(name) is str and _NAME.fullmatch(name)):
        raise ParameterError(f"a function in SQL has a name of letters, digits and _, not {name!r:.60}")
    if name.lower().startswith("_eddy_"):
        raise ParameterError(f"{name}: names that begin with _eddy_ are taken; choose another")
    given: object = function
    if not callable(given) or inspect.iscoroutinefunction(given):
        raise ParameterError(f"register takes a function that SQLite can call, synchronous, not {function!r:.60}")
    count = _arguments(function)

    def called(*args: SqlValue) -> SqlValue:
        return to_sql(function(*args), f"what {name}() returned")

    def define(conn: Connection) -> None:
        try:
            conn.create_function(name, count, called, deterministic=deterministic)
        except sqlite3.OperationalError as error:
            raise ParameterError(f"SQLite can't define {name}(): {error}") from error

    return define


def _arguments(function: Callable[..., Any]) -> int:
    """Return how many arguments `function` takes; -1 where that is no single number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions of C have none
        return _ANY_NUMBER
    if any(one.kind is one.VAR_POSITIONAL or one.default is not one.empty for one in parameters):
        return _ANY_NUMBER
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)
