"""Queries of other libraries: a SQLAlchemy `select(...)` and a Django QuerySet as SQL text, by what they can do.

    statement --from_sqlalchemy / from_django--> Asked(text with ?, what makes its rows), the values of its ?

Neither library is needed, and neither is imported unless an object of it is given. What the library's own types do to a
value on its way in and out, they do here: a date goes in as the text that the library writes, and comes out as a date.
A value may be a signal; then what its type makes of it is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from ...signals import computed
from ..errors import EddylineError, ParameterError, UnreadableError
from ..values import SqlValue
from .asked import Asked
from .expr import is_readable

__all__ = ["Compilable", "Converted", "Foreign", "QuerySetLike", "convert_parameter", "foreign_query"]

Foreign: TypeAlias = tuple[Asked, tuple[Any, ...]]  # Any: values, or signals of them


class Compilable(Protocol):
    """A statement that writes itself as SQL, as SQLAlchemy's do."""

    def compile(self, bind: Any = None, dialect: Any = None, **options: Any) -> Any:
        """Return the compiled statement."""


class QuerySetLike(Protocol):
    """A QuerySet of Django's, as far as it is looked at."""

    @property
    def query(self) -> Any:
        """What it asks."""

    @property
    def db(self) -> str:
        """The alias of its database."""


@dataclass(frozen=True)
class Converted:
    """A column whose values the library's type makes. Equal `by` means equal values.

    `python` names what it makes where that is known, as `Kind.python` does; `scale` is that of a Decimal.
    """

    by: object
    convert: Callable[[Any], Any] = field(compare=False)  # Any: what SQLite holds, and what the type makes of it
    python: str = ""
    scale: int | None = None

    def read(self, value: SqlValue, name: str) -> Any:  # Any: as above
        """Return `value` as the library gives it. Raises `UnreadableError` about `name`."""
        try:
            return self.convert(value)
        except Exception as error:  # the library's, or a type's of the user
            raise UnreadableError(
                f"{name} holds {value!r:.60}, which its type can't read: {error}", column=name
            ) from error


def foreign_query(query: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> Foreign | None:
    """Return the query of another library and its parameters; None if it is none.

    Raises `QueryError` for what belongs to one of the libraries and is no query, or can't be one of SQLite's.
    """
    of = {base.__module__.partition(".")[0] for base in type(query).__mro__}
    if "sqlalchemy" in of or hasattr(query, "__visit_name__"):
        from .from_sqlalchemy import read_statement

        return read_statement(query, args, named)
    if "django" in of:
        from .from_django import read_queryset

        return read_queryset(query, args, named)
    return None


def convert_parameter(value: Any, convert: Callable[[Any], Any] | None, name: str) -> Any:  # Any: users pass anything
    """Return `value` as `convert` makes it; of a signal, a signal of that. Raises `ParameterError` about `name`."""
    if convert is None:
        return value

    def converted(value: Any) -> Any:
        try:
            return convert(value)
        except EddylineError:
            raise
        except Exception as error:  # the library's, or a type's of the user
            raise ParameterError(f"parameter :{name} is {value!r:.60}, which its type refuses: {error}") from error

    if not is_readable(value):
        return converted(value)
    return computed(lambda: converted(value.get()))
