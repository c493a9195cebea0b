"""A text as sqlglot has to see it: its parameters by name, in a dialect that leaves functions as they were called.

    ... WHERE a = ? AND b = @c      -->      ... WHERE a = :p1 AND b = :c      -->      tree

A parameter's number is its place in the text, as SQLite counts it. Nothing here knows what a name means.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from ..diagnose import tokens
from ..plan import Unplannable

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect

__all__ = ["as_named", "as_numbered", "as_tree", "described", "is_star", "is_tree", "unwrapped", "view_text"]

T = TypeVar("T", bound="exp.Expr")


def as_tree(sql: str, what: str) -> exp.Expr:
    """Return what sqlglot makes of `sql`. Raises `Unplannable` where it can't read `what`."""
    try:
        from sqlglot import parse_one
        from sqlglot.errors import SqlglotError
    except ModuleNotFoundError as error:
        raise Unplannable("sqlglot, which reads texts, isn't installed; queries of models need no text") from error

    try:
        return parse_one(as_named(sql), dialect=_dialect())
    except (SqlglotError, RecursionError) as error:
        raise Unplannable(f"sqlglot can't read {what}") from error


def as_named(sql: str) -> str:
    """Return `sql` with ?, ?1, @name and $name as :p1, :p1, :name: the names under which a plan takes parameters.

    What stands behind its last word, a semicolon and comments, is left out. A bare ? has the number after the largest
    one so far, as in SQLite.
    """
    found = tokens(sql)
    while found and found[-1][1] == ";":
        found.pop()
    sql = sql[: found[-1][0] + len(found[-1][1])] if found else ""
    made, done, largest, named = "", 0, 0, False
    for (at, token), (after, word) in pairwise([*found, (len(sql), "")]):
        joined = after == at + len(token)
        if token == "?":
            number = int(word) if joined and word.isdigit() else largest + 1
            made += f"{sql[done:at]}:p{number}"
            largest = max(largest, number)
            done = after + len(word) if joined and word.isdigit() else at + 1
        elif token in ("@", ":") and joined:
            made += f"{sql[done:at]}:{word}"
            done, named = after + len(word), True
        elif token[0] == "$" and len(token) > 1:
            made += f"{sql[done:at]}:{token[1:]}"
            done, named = at + len(token), True
    if named and largest:
        raise Unplannable("parameters by name and by place in one text")
    return made + sql[done:]


def as_numbered(sql: str, text: str) -> str:
    """Return the plan's `text` with its parameters by number where those of `sql` are: :p2 is ?2."""
    if not any(token == "?" for _, token in tokens(sql)):
        return text
    made, done = "", 0
    found = tokens(text)
    for (at, token), (_, word) in pairwise([*found, (len(text), "")]):
        if token == ":" and word[1:].isdigit():
            made, done = f"{made}{text[done:at]}?{word[1:]}", at + 1 + len(word)
    return made + text[done:]


def view_text(sql: str) -> str:
    """Return the SELECT in the text of a CREATE VIEW."""
    depth = 0
    for at, token in tokens(sql):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if not depth and token.upper() == "AS":
            return as_named(sql[at + 2 :])
    raise Unplannable("a view whose text isn't known")


def described(tree: exp.Expr) -> str:
    """Return what a tree is called in SQL, or by sqlglot."""
    return {"Union": "UNION", "Intersect": "INTERSECT", "Except": "EXCEPT"}.get(
        type(tree).__name__, type(tree).__name__
    )


def unwrapped(tree: T) -> T:
    """Return what stands in the parentheses of a subquery without a name."""
    from sqlglot import exp

    while isinstance(tree, exp.Subquery) and not tree.args.get("alias"):
        tree = tree.this
    return tree


def is_star(tree: exp.Expression) -> bool:
    """Say whether a tree is `*` or `table.*`."""
    from sqlglot import exp

    return isinstance(tree, exp.Star) or (isinstance(tree, exp.Column) and isinstance(tree.this, exp.Star))


def is_tree(on: Any) -> bool:
    """Say whether this is a tree of sqlglot's, not a word or a plan's expression."""
    from sqlglot import exp

    return isinstance(on, exp.Expression)


@cache
def _dialect() -> type[Dialect]:
    """SQLite's dialect, but functions stay what they were called."""
    from sqlglot import TokenType, exp
    from sqlglot.dialects.sqlite import SQLite

    class Verbatim(SQLite):
        class Parser(SQLite.Parser):  # type: ignore[misc, valid-type]  # sqlglot binds its parsers at run time
            FUNCTIONS: dict[str, Any] = {}  # noqa: RUF012  # sqlglot's own way
            NO_PAREN_FUNCTIONS: dict[Any, Any] = {}  # noqa: RUF012
            FUNCTION_PARSERS = {"CAST": lambda self: self._cast()}  # noqa: RUF012
            NO_PAREN_FUNCTION_PARSERS = {"CASE": SQLite.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]}  # noqa: RUF012
            UNARY_PARSERS = {  # noqa: RUF012  # a unary + takes a column's affinity and index away
                **SQLite.Parser.UNARY_PARSERS,
                TokenType.PLUS: lambda self: exp.Anonymous(this="+", expressions=[self._parse_unary()]),
            }
            COLUMN_OPERATORS = {  # noqa: RUF012
                **SQLite.Parser.COLUMN_OPERATORS,
                TokenType.ARROW: lambda self, this, path: exp.Anonymous(this="->", expressions=[this, path]),
                TokenType.DARROW: lambda self, this, path: exp.Anonymous(this="->>", expressions=[this, path]),
            }

            def _cast(self) -> exp.Expr:
                """Read `x AS type)` with the type as it stands: its affinity is SQLite's affair."""
                this = self._parse_assignment()
                self._match(TokenType.ALIAS)
                start, depth = self._index, 0
                while self._curr and (depth or self._curr.token_type != TokenType.R_PAREN):
                    depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(self._curr.token_type, 0)
                    self._advance()
                words = [token.text for token in self._tokens[start : self._index]]
                return exp.Cast(this=this, to=exp.Var(this=" ".join(words)))

            def _parse_join(self, *args: Any, **named: Any) -> Any:  # Any: sqlglot's own
                comma = bool(self._curr) and self._curr.token_type == TokenType.COMMA
                join = super()._parse_join(*args, **named)
                if join is not None and comma:
                    join.meta["comma"] = True
                return join

    return Verbatim
