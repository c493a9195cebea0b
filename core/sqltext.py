"""Small truths about SQL text: names, and what kind of statement a text is.

Statements fall into kinds by their first word; SQLite stays the judge of everything else.

| kind | first word | why it matters |
|---|---|---|
| control | BEGIN COMMIT END ROLLBACK | refused: the block itself begins and ends |
| savepoint | SAVEPOINT RELEASE, ROLLBACK TO | taken as they are |
| ddl | CREATE ALTER DROP REINDEX ANALYZE | capture is taken off before and made anew after |
| session | VACUUM ATTACH DETACH PRAGMA | run outside a transaction |
| read | SELECT VALUES EXPLAIN | capture can't be touched by it |
| write | INSERT REPLACE UPDATE DELETE WITH | |
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count
from typing import Literal, NamedTuple, TypeAlias

from .errors import QueryError
from .values import has_lone_surrogate

__all__ = [
    "Statement", "StatementKind", "check_text", "first_word", "look", "may_replace", "parameter_names", "quote_name",
    "statement_kind", "uncached",
]  # fmt: skip

StatementKind: TypeAlias = Literal["control", "savepoint", "ddl", "session", "read", "write"]

_BLANK = r"[\s\ufeff]+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$)"
_GAP = re.compile(f"(?:{_BLANK})*", re.DOTALL)
_SKIP = re.compile(f"(?:{_BLANK}|;)*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_REPLACE = re.compile(r"\breplace\b(?!\s*\()", re.IGNORECASE)
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_PARAMETER = re.compile(r"[:@$]([^\W\d]\w*)")

_REMEMBERED_MAX = 4_000  # characters: longer texts hold values, and come once

_KINDS: dict[str, StatementKind] = {
    **dict.fromkeys(("BEGIN", "COMMIT", "END", "ROLLBACK"), "control"),
    **dict.fromkeys(("SAVEPOINT", "RELEASE"), "savepoint"),
    **dict.fromkeys(("CREATE", "ALTER", "DROP", "REINDEX", "ANALYZE"), "ddl"),
    **dict.fromkeys(("VACUUM", "ATTACH", "DETACH", "PRAGMA"), "session"),
    **dict.fromkeys(("SELECT", "VALUES", "EXPLAIN"), "read"),
}

# SQLite's keywords: a name among them is quoted.
_KEYWORDS = frozenset(
    """ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY CASCADE
    CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME
    CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE END ESCAPE
    EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FALSE FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB
    GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL
    JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER
    OTHERS OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX
    RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET TABLE TEMP TEMPORARY THEN
    TIES TO TRANSACTION TRIGGER TRUE UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW
    WITH WITHIN WITHOUT""".split()
)


_serial = count(1)


def uncached(sql: str) -> str:
    """Return `sql` under a text of its own, so that no statement in the driver's cache stands in for it.

    For EXPLAIN: it never looks at the schema when it runs, so a cached one goes on to describe an older schema.
    """
    return f"{sql}\n/* {next(_serial)} */"


@lru_cache(maxsize=4096)
def quote_name(name: str) -> str:
    """Return `name` as it stands in SQL: bare where that is safe, else in double quotes."""
    if _BARE.match(name) and name.upper() not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def check_text(sql: object) -> str:
    """Return `sql`, which has to be a text that holds a statement. Raises `QueryError`."""
    if not isinstance(sql, str):
        raise QueryError(f"SQL is a text, not {type(sql).__name__}", sql=repr(sql))
    if has_lone_surrogate(sql):
        raise QueryError("the text holds half a surrogate pair, which UTF-8 can't hold", sql=ascii(sql))
    if (blank := _SKIP.match(sql)) is not None and blank.end() == len(sql):
        raise QueryError("the text holds no statement", sql=sql)
    return sql


def first_word(sql: str) -> str:
    """Return the first word of `sql` in upper case, comments skipped; "" if there is none."""
    return next(iter(_words(sql, 1)), "")


def _words(sql: str, most: int) -> list[str]:
    """Return up to `most` words that `sql` begins with, in upper case, comments between them skipped."""
    words: list[str] = []
    skipped = _SKIP.match(sql)
    while skipped and len(words) < most and (word := _WORD.match(sql, skipped.end())):
        words.append(word.group().upper())
        skipped = _GAP.match(sql, word.end())
    return words


def statement_kind(sql: str) -> StatementKind:
    """Return the kind of the statement; what no other kind claims is a write."""
    word = first_word(sql)
    if word == "ROLLBACK" and "TO" in _words(sql, 4):
        return "savepoint"
    return _KINDS.get(word, "write")


def parameter_names(sql: str) -> list[str]:
    """Return the names of the parameters in `sql`; what looks like one inside a text counts, too."""
    return _PARAMETER.findall(sql)


def may_replace(sql: str) -> bool:
    """Say whether `sql` holds the word REPLACE other than as the function."""
    return _REPLACE.search(sql) is not None


class Statement(NamedTuple):
    """What is to be known of a text before it runs."""

    kind: StatementKind
    may_replace: bool
    names_own: bool
    """Whether it may write to a table of ours: it says `_eddy_`."""


def look(sql: object) -> Statement:
    """Return what `sql` is; remembered for texts of usual length. Raises `QueryError` as `check_text` does."""
    if type(sql) is str and len(sql) <= _REMEMBERED_MAX:
        return _look(sql)
    return _look.__wrapped__(check_text(sql))


@lru_cache(maxsize=4096)
def _look(sql: str) -> Statement:
    kind = statement_kind(check_text(sql))
    return Statement(kind, may_replace(sql), kind in ("write", "ddl") and "_eddy_" in sql.lower())
