"""Soft delete: rows that are deleted for every query, and there for whoever asks for them.

    class Issue(SoftDeleted): ...      brings `deleted_at`: when it was deleted, None for a row that wasn't

    tx.delete(issue)                   sets it, and those of the rows that would go with it (on_delete="cascade")
    Issue.where(...)                   asks for rows that aren't deleted; so do get, relations, joins and include
    Issue.with_deleted().where(...)    asks for all
    tx.restore(issue)                  takes it back, and that of the rows that went with it
    tx.erase(issue)                    deletes it for good

Plain SQL sees all rows; a reference (`Comment.issue.to.title`) leads to a deleted row, too. A deleted row keeps its
unique values. The clock is `Issue._now`, to be given by tests.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, ClassVar, Self

from ..query.builder import Query
from ..query.expr import Expr, Origin
from .base import Model
from .column import Column, column

__all__ = ["SoftDeleted"]


def _utc() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class SoftDeleted(Model, abstract=True):
    """A model whose rows are deleted by a mark: `class Issue(SoftDeleted): ...`."""

    deleted_at: Column[dt.datetime | None] = column(default=None)

    _soft: ClassVar[str] = "deleted_at"
    _now: ClassVar[Callable[[], dt.datetime]] = staticmethod(_utc)

    @classmethod
    def with_deleted(cls) -> Query[Self]:
        """Ask for rows whether they are deleted or not."""
        return Query(cls.__origin__)

    @classmethod
    def _alive(cls, origin: Origin) -> Expr[bool] | None:
        found: Column[Any] = cls._declared[cls._soft]
        return found._from(origin).is_null()
