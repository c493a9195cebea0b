"""SQLite's errors in our words: what was asked, where in the text, what there is instead.

SQLite says `near "FORM": syntax error`, but not which FORM. A prefix of the text that ends before the culprit can't
fail with a `near` message, one that holds it must: so the place is found by bisection over the tokens.
Cost: only after an error; about ten prepares.
"""

from __future__ import annotations

import re
import sqlite3
import traceback
from collections.abc import Sequence
from typing import Any

from ..errors import (
    ConstraintError,
    EddylineError,
    LockedError,
    ParameterError,
    QueryError,
    ReadOnlyError,
    SqlSyntaxError,
    StatementError,
    UnknownColumnError,
    UnknownTableError,
    is_busy,
)
from ..schema.catalog import Catalog, similar
from ..sqltext import first_word, parameter_names
from ..store import Connection
from .constraint import constraint_facts

__all__ = ["is_query_error", "tokens", "translate"]

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|\Z)|\s+            # passed over
    |'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`[^`]*`?|\[[^\]]*\]?
    |(?:[A-Za-z_$]|[^\x00-\x7f])[\w$]*|\d[\w.]*|.""",
    re.VERBOSE | re.DOTALL,
)
_NO_TABLE = re.compile(r"no such table: (?:(?P<schema>[^.]+)\.)?(?P<name>.+)")
_NO_COLUMN = re.compile(r"no such column: (?:.*\.)?(?P<name>.+)|has no column named (?P<other>.+)")
_COLUMNS_SHOWN_MAX = 30
_NO_FUNCTION = re.compile(r"no such function: (?P<name>.+)")
_PREPARE_FAULTS = (
    "no such",
    "ambiguous column",
    "wrong number of arguments",
    "misuse of",
    "has no column",
    "syntax error",
)


def is_query_error(error: sqlite3.Error) -> bool:
    """Say whether the text itself is at fault, not the run."""
    message = str(error)
    return isinstance(error, sqlite3.OperationalError) and (
        any(fault in message for fault in _PREPARE_FAULTS) or message == "incomplete input" or "unrecognized" in message
    )


def translate(error: BaseException, sql: str, conn: Connection) -> BaseException:
    """Return our error for SQLite's; what isn't SQLite's comes back as it is. Raise it `from error`.

    The frames that `error` came through let go of their cursors: a view keeps its error, and a half-read cursor in it
    would lock tables on this connection.
    """
    traceback.clear_frames(error.__traceback__)
    if isinstance(error, UnicodeEncodeError):
        return ParameterError(f"text with half a surrogate pair, which UTF-8 can't hold: {error.object!r:.60}")
    if isinstance(error, EddylineError) or not isinstance(error, sqlite3.Error | sqlite3.Warning):
        return error
    message = str(error)
    if isinstance(error, sqlite3.IntegrityError):
        return ConstraintError(f"{message}; the statement left nothing behind", sql=sql, **constraint_facts(error))
    if is_busy(error):
        return LockedError("the database is locked by another program; nothing was written", waited_s=0.0)
    if "readonly database" in message:
        return ReadOnlyError("this database was opened read-only; open it without readonly=True to write", sql=sql)
    if "null character" in message:
        return _placed(SqlSyntaxError, "a NUL character in the text", sql, sql.find("\0"))
    if "binding" in message.lower() or isinstance(error, sqlite3.InterfaceError):
        return ParameterError(_binding_message(message, sql))
    if "one statement at a time" in message:
        return QueryError("more than one statement; run them one by one", sql=sql)
    if isinstance(error, sqlite3.OperationalError):
        found = _query_error(message, sql, conn)
        if found is not None:
            return found
    return StatementError(f"{message}, while running: {_short(sql)}", sql=sql)


def _binding_message(message: str, sql: str) -> str:
    match = re.search(r"uses (\d+), and there (?:are|is) (\d+) supplied", message)
    if match:
        if match.group(2) == "0" and (names := parameter_names(sql)):
            return f"the query takes a parameter :{names[0]} that was not given"
        taken, given = match.groups()
        were = "was" if given == "1" else "were"
        return f"the query takes {taken} parameter{'' if taken == '1' else 's'}, {given} {were} given"
    match = re.search(r"binding parameter :?(\w+)", message)
    if match:
        return f"the query takes a parameter :{match.group(1)} that was not given"
    return message


def _query_error(message: str, sql: str, conn: Connection) -> QueryError | None:
    if message.endswith("syntax error") or "unrecognized token" in message:
        at = _syntax_offset(sql, conn)
        if "unrecognized token" in message and at is not None:  # SQLite shows the text to its end
            message = f"unrecognized token: {sql[at : at + 20].splitlines()[0]!r}"
        return _placed(SqlSyntaxError, message, sql, at)
    if message == "incomplete input":
        return _placed(SqlSyntaxError, "the text ends too early", sql, len(sql.rstrip()))
    if match := _NO_TABLE.match(message):
        name = match["name"]
        catalog = Catalog(conn)
        near = catalog.near(name)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are: {_listing(catalog)}"
        return _placed(UnknownTableError, f"no table {name!r}{hint}", sql, _find(sql, name), table=name, near=near)
    if match := _NO_COLUMN.search(message):
        name = match["name"] or match["other"]
        there = _columns_of_tables_in(sql, conn)
        near = tuple(one for one in similar(name, there) if one.lower() != name.lower())
        hint = f"; did you mean {' or '.join(near)}?" if near else _those_there(there)
        if name.lower() in map(str.lower, there):
            hint = "; a table of the statement has one, but not where it is asked for"
        return _placed(UnknownColumnError, f"no column {name!r}{hint}", sql, _find(sql, name), column=name, near=near)
    if match := _NO_FUNCTION.match(message):
        name = match["name"]
        return _placed(
            QueryError, f'{message}; register it: await db.register("{name}", function)', sql, _find(sql, name)
        )
    if any(fault in message for fault in _PREPARE_FAULTS):
        return _placed(QueryError, message, sql, None)
    return None


def _placed(kind: type[QueryError], message: str, sql: str, at: int | None, **facts: Any) -> QueryError:
    if at is None:
        return kind(f"{message}, in: {_short(sql)}", sql=sql, line=None, col=None, **facts)
    line, col = sql.count("\n", 0, at) + 1, at - (sql.rfind("\n", 0, at) + 1) + 1
    shown = sql.split("\n")[line - 1].rstrip("\r")
    place = f"\n  {shown}\n  {' ' * (col - 1)}^" if len(shown) <= 160 else ""
    return kind(f"{message} (line {line}, column {col}){place}", sql=sql, line=line, col=col, **facts)


def tokens(sql: str) -> list[tuple[int, str]]:
    """Return (offset, text) of each token of `sql`, blanks and comments left out."""
    return [
        (match.start(), match.group())
        for match in _TOKEN.finditer(sql)
        if not match.group().isspace() and not match.group().startswith(("--", "/*"))
    ]


def _syntax_offset(sql: str, conn: Connection) -> int | None:
    """Return where the first token stands that SQLite's parser can't take."""
    found = tokens(sql)
    explain = "" if first_word(sql) == "EXPLAIN" else "EXPLAIN "

    def fails(count: int) -> bool:
        start, text = found[count - 1]
        try:
            conn.execute(explain + sql[: start + len(text)])
        except sqlite3.Error as error:
            return str(error).endswith("syntax error") or "unrecognized token" in str(error)
        return False

    low, high = 1, len(found)
    if not found or not fails(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fails(middle) else (middle + 1, high)
    return found[low - 1][0]


def _find(sql: str, name: str) -> int | None:
    wanted = name.rsplit(".", maxsplit=1)[-1].lower()
    return next((at for at, text in tokens(sql) if text.strip('"`[]').lower() == wanted), None)


def _columns_of_tables_in(sql: str, conn: Connection) -> list[str]:
    catalog = Catalog(conn)
    words = {text.strip('"`[]').lower() for _, text in tokens(sql)}
    tables = [catalog.table(name) for name in catalog if name.name.lower() in words]
    return [column.name for table in tables for column in table.columns]


def _listing(catalog: Catalog) -> str:
    names: Sequence[str] = [str(name) for name in catalog.ordinary()]
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "no tables at all"


def _those_there(columns: Sequence[str]) -> str:
    """Return what may be named instead of an unknown column, where that is few."""
    return f"; there are: {', '.join(dict.fromkeys(columns))}" if 0 < len(columns) <= _COLUMNS_SHOWN_MAX else ""


def _short(sql: str) -> str:
    flat = " ".join(sql.split())
    return flat if len(flat) <= 100 else flat[:97] + "..."
