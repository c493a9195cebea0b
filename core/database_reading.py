"""What a database offers for reading: live queries, and rows as they are now.

    live, live_window, live_many    views, which follow
    fetch, get                      rows, once: on a snapshot beside the writer where there is one
    tables, indexes, model_source   what is in the file

Wiring, as `database.py` is, which it is a part of; views are filled and followed by `live.py`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

from .errors import LockedError, QueryError, ReadOnlyError, StatementError, UnknownTableError, is_busy
from .ivm.part import Part
from .ivm.view import View
from .live import LiveQueries
from .model.ask import AnyQuery, ask
from .model.base import ModelBase
from .model.travel import LoadedQuery
from .query.asked import Asked
from .query.builder import Query
from .query.diagnose import translate
from .query.expr import read_once
from .query.foreign import Compilable, QuerySetLike
from .query.nested import Level, nest
from .query.shown import Maker, maker_for
from .row import Row
from .schema.catalog import Catalog
from .sqltext import first_word, statement_kind
from .store import Connection, Cursor, Store
from .values import bind
from .write.queue import WriteQueue
from .write.rows import select_row

__all__ = ["ReadingDatabase"]

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound=ModelBase)

WINDOW_SIZE = 100


class ReadingDatabase:
    """The part of `Database` that reads."""

    path: str
    _store: Store
    _queue: WriteQueue
    _live: LiveQueries

    def _check_open(self) -> None:
        raise NotImplementedError

    @overload
    async def live(self, query: str, /, *args: Any, **named: Any) -> View[Row]: ...
    @overload
    async def live(self, query: Query[R], /, **named: Any) -> View[R]: ...
    @overload
    async def live(self, query: type[M], /, **named: Any) -> View[M]: ...
    @overload
    async def live(self, query: LoadedQuery, /, **named: Any) -> View[Any]: ...
    @overload
    async def live(self, query: Compilable | QuerySetLike, /, **named: Any) -> View[Row]: ...
    async def live(self, query: AnyQuery, /, *args: Any, **named: Any) -> View[Any]:
        """Return a view that follows `query`, filled: SQL text, a query, or a model. Parameters may be signals.

        A `select(...)` of SQLAlchemy and a Django QuerySet are queries, too; their rows are `Row`s.

        Raises `QueryError` with the place if SQLite refuses the text. The view is closed by the Scope current here.
        """
        self._check_open()
        self._queue.refuse_inside("live")
        return await self._filled(query, args, named)

    @overload
    async def live_window(self, query: str, /, *args: Any, **named: Any) -> View[Row]: ...
    @overload
    async def live_window(self, query: Query[R], /, **named: Any) -> View[R]: ...
    @overload
    async def live_window(self, query: type[M], /, **named: Any) -> View[M]: ...
    @overload
    async def live_window(self, query: Compilable | QuerySetLike, /, **named: Any) -> View[Row]: ...
    async def live_window(self, query: AnyQuery, /, *args: Any, **named: Any) -> View[Any]:
        """Return a view of the first 100 rows of a list that may be endless: `await view.window(first, size)` scrolls.

        Rows of inner joins in any order are kept as far as they are shown; of other queries all rows are kept.
        """
        self._check_open()
        self._queue.refuse_inside("live_window")
        return await self._filled(query, args, named, Part(0, WINDOW_SIZE))

    async def live_many(self, *queries: AnyQuery | tuple[Any, ...]) -> list[View[Any]]:
        """Return a view of each query; if one of them fails, none stays open.

        One with parameters is a tuple: `(text, 1, 2)`, or `(text, {"state": signal})`. Queries of one text are filled
        together, hundreds by one statement where their parameters are compared with columns.
        """
        self._check_open()
        self._queue.refuse_inside("live_many")
        texts: dict[str, Asked] = {}
        asked = [_question(query, texts) for query in queries]  # a bad one is refused before any is filled
        return await self._while_open(self._live.open_many(asked))

    @overload
    async def fetch(self, query: str, /, *args: Any, **named: Any) -> list[Row]: ...
    @overload
    async def fetch(self, query: Query[R], /, **named: Any) -> list[R]: ...
    @overload
    async def fetch(self, query: type[M], /, **named: Any) -> list[M]: ...
    @overload
    async def fetch(self, query: LoadedQuery, /, **named: Any) -> list[Any]: ...
    @overload
    async def fetch(self, query: Compilable | QuerySetLike, /, **named: Any) -> list[Row]: ...
    async def fetch(self, query: AnyQuery, /, *args: Any, **named: Any) -> list[Any]:
        """Return the rows of `query` as they are now."""
        self._check_open()
        self._queue.refuse_inside("fetch")
        asked, args, named = ask(query, args, named)
        bound = bind([*map(read_once, args)], {name: read_once(value) for name, value in named.items()})
        return await self._fetch(asked.sql, bound, asked.make, asked.levels)

    async def get(self, model: type[M], key: Any) -> M | None:
        """Return the row of `model` with the key `key`, or None."""
        self._check_open()
        self._queue.refuse_inside("get")
        sql, values = select_row(model, key)
        rows = await self._fetch(sql, values, model._from_sql)
        return rows[0] if rows else None

    async def _fetch(
        self, query: str, bound: Any, make: Maker | None, levels: Sequence[Level] = ()
    ) -> list[Any]:  # Any: what `bind` gives
        if statement_kind(query) not in ("read", "write") and first_word(query) != "PRAGMA":
            raise QueryError(f"db.fetch reads; {first_word(query)} is for db.execute", sql=query)

        def job(conn: Connection) -> list[Any]:
            conn.execute("PRAGMA query_only = 1")
            try:
                return nest(conn, levels, _rows(conn.execute(query, bound), make), bound)
            except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as error:
                if is_busy(error):
                    raise
                failure = translate(error, query, conn)
                if isinstance(failure, ReadOnlyError):
                    failure = QueryError("db.fetch only reads; write with db.execute or in a transaction", sql=query)
                raise failure from error
            finally:
                if conn is self._queue.writer.conn:
                    conn.execute("PRAGMA query_only = 0")

        try:
            return await self._read(job)
        except UnknownTableError:
            if not self._store.readers:
                raise
        return await self._queue.quiet(job)  # TEMP tables and attached memory databases are the writer's own

    async def tables(self) -> list[str]:
        """Return the names of the user's tables, in order."""
        rows = await self.fetch(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_eddy\\_%' ESCAPE '\\' ORDER BY name"
        )
        return [str(row[0]) for row in rows]

    async def indexes(self) -> list[str]:
        """Return the names of the indexes that models and live queries have made, in order."""
        rows = await self.fetch(
            "SELECT name FROM main.sqlite_schema WHERE type = 'index' AND name GLOB '_eddy_[iu]x_*' ORDER BY name"
        )
        return [str(row[0]) for row in rows]

    async def model_source(self, *tables: str) -> str:
        """Return Python that declares `tables`, or every table, as models: what `eddyline models FILE` prints."""
        self._check_open()
        self._queue.refuse_inside("model_source")
        from .model.describe import model_source

        title = Path(self.path).name
        return await self._read(lambda conn: model_source(conn, Catalog(conn), tables, title))

    # -- inside

    async def _filled(
        self, query: AnyQuery, args: tuple[Any, ...], named: dict[str, Any], part: Part | None = None
    ) -> View[Any]:
        return await self._while_open(self._live.open(*ask(query, args, named), part))

    async def _while_open(self, opening: Awaitable[T]) -> T:
        """Return what is opened; if the database is closed meanwhile, that is no cancellation of the caller's."""
        try:
            return await opening
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                self._check_open()
            raise

    async def _read(self, job: Callable[[Connection], T]) -> T:
        """Run `job` on a snapshot; an error of SQLite's that it left as it was becomes ours."""
        try:
            result: T = await self._live.read(job)
        except sqlite3.Error as error:
            if is_busy(error):
                raise LockedError(
                    f"another program has held the database's lock for {self._queue.busy_timeout_s} s; try again or "
                    "raise busy_timeout_s",
                    waited_s=self._queue.busy_timeout_s,
                ) from error
            raise StatementError(f"{self.path!r} can't be read: {error}", sql="") from error
        return result


def _rows(cursor: Cursor, make: Maker | None) -> list[Any]:
    columns = tuple(str(column[0]) for column in cursor.description or ())
    return list(map(maker_for(make, columns), cursor.fetchall()))


def _question(
    query: Any, texts: dict[str, Asked]
) -> tuple[Asked, Sequence[Any], Mapping[str, Any]]:  # Any: users pass what they have
    """Return what one of many queries asks; `texts` holds those that were looked at."""
    if not isinstance(query, tuple) or not query:
        return ask(query, (), {})
    text, *args = query
    if len(args) == 1 and isinstance(args[0], Mapping):
        return ask(text, (), args[0])
    known = texts.get(text) if isinstance(text, str) else None
    if known is not None:
        return known, args, {}
    asked, found, named = ask(text, tuple(args), {})
    if isinstance(text, str):
        texts[text] = asked
    return asked, found, named
