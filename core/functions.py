"""Functions of users in SQL: what SQLite calls, made out of a Python function.

    await db.register("slug", slug, deterministic=True)     SELECT slug(title) FROM issue     call("slug", Issue.title)

    await db.register_aggregate("median", Median)           SELECT state, median(hours) FROM issue GROUP BY state

It is defined on each connection of the database: the writer's, the readers', those that open later. What SQLite knows
as deterministic may stand in queries that are kept incrementally; a query that calls any other is run again.
Results become what SQLite holds as parameters do: bool, datetime, dict and the like.
Of an aggregate SQLite can't be told that it is deterministic: a function beside it, without arguments, is the mark.
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

__all__ = ["DETERMINISTIC", "aggregate_definition", "definition", "steady_aggregates"]

_NAME: Final = re.compile(r"[A-Za-z_]\w{0,254}")
_ANY_NUMBER: Final = -1
_STEADY: Final = "_eddy_steady_"
DETERMINISTIC: Final = 0x800
"""The flag of SQLite's that says so, in `PRAGMA function_list`."""


def definition(name: str, function: Callable[..., Any], *, deterministic: bool) -> Callable[[Connection], None]:
    """Return what defines `function` as `name` on a connection. Raises `ParameterError`."""
    _check_name(name)
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


def aggregate_definition(name: str, made: Callable[[], Any], *, deterministic: bool) -> Callable[[Connection], None]:
    """Return what defines the aggregate `name` on a connection, one of `made` for each group.

    Raises `ParameterError`.
    """
    _check_name(name)
    given: Any = made  # users pass what they have
    if not callable(given):
        raise ParameterError(f"register_aggregate takes a class with step() and finalize(), not {made!r:.60}")
    methods = {word for word in ("step", "finalize", "value", "inverse") if callable(getattr(given, word, None))}
    if inspect.isclass(given) and not methods >= {"step", "finalize"}:
        raise ParameterError(f"register_aggregate takes a class with step() and finalize(); {given.__name__} lacks one")
    step: Any = getattr(given, "step", None)  # of a class it takes the object itself, too
    count = max(_arguments(step) - 1, _ANY_NUMBER) if inspect.isclass(given) else _ANY_NUMBER
    what = f"what {name}() returned"

    class Group:
        """One group, with a result that SQLite takes."""

        def __init__(self) -> None:
            self._own = given()
            self.step = self._own.step
            self.inverse = getattr(self._own, "inverse", None)

        def value(self) -> SqlValue:
            return to_sql(self._own.value(), what)

        def finalize(self) -> SqlValue:
            return to_sql(self._own.finalize(), what)

    def define(conn: Connection) -> None:
        try:
            if methods >= {"value", "inverse"}:
                conn.create_window_function(name, count, Group)
            else:
                conn.create_aggregate(name, count, Group)
            conn.create_function(f"{_STEADY}{name.lower()}", 0, lambda: 1, deterministic=deterministic)
        except sqlite3.OperationalError as error:
            raise ParameterError(f"SQLite can't define {name}(): {error}") from error

    return define


def steady_aggregates(conn: Connection) -> frozenset[str]:
    """Return the aggregates of users, in lower case, that give the same for the same rows."""
    marks = "SELECT name FROM pragma_function_list WHERE name GLOB ? AND flags & ?"
    rows = conn.execute(marks, (f"{_STEADY}*", DETERMINISTIC)).fetchall()
    return frozenset(str(name).removeprefix(_STEADY) for (name,) in rows)


def _check_name(name: str) -> None:
    """Raise `ParameterError` where no function can have the name."""
    if not (type(name) is str and _NAME.fullmatch(name)):
        raise ParameterError(f"a function in SQL has a name of letters, digits and _, not {name!r:.60}")
    if name.lower().startswith("_eddy_"):
        raise ParameterError(f"{name}: names that begin with _eddy_ are taken; choose another")


def _arguments(function: Callable[..., Any]) -> int:
    """Return how many arguments `function` takes; -1 where that is no single number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions of C have none
        return _ANY_NUMBER
    if any(one.kind is one.VAR_POSITIONAL or one.default is not one.empty for one in parameters):
        return _ANY_NUMBER
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)
