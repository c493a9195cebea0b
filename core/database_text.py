"""Texts that are open for typing, as the database serves them: read, written and told of on the writer's thread.

    db.text(issue, Issue.body)  --one job-->  the document as it is, and the row is watched
    typed                       --one job-->  staged in the document, UPDATE of the row: one commit, as of any writer
    every other commit          --news---->   the update, or "read it anew"

Wiring; what an open text does is `shared_text.py`, how documents are kept `log/texts.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from ..signals import Clock
from .errors import ClosedError, LogError, MissingRowError, ParameterError
from .log.drafts import TextId, new_client
from .log.encoding import key_text
from .log.tables import LoggedColumn, LoggedTable, cells_of
from .log.texts import TextNews
from .model.base import ModelBase
from .model.column import Column
from .model.named import named_row
from .origin import Origin
from .shared_text import Loaded, SharedText, Written
from .sqltext import quote_name
from .store import Store
from .text.document import TextDocument
from .text.engines import best_engine, genesis, open_text
from .values import SqlRow, shown
from .write.queue import WriteQueue
from .write.sync import SyncTransaction

__all__ = ["TextDatabase"]

T = TypeVar("T")


class TextDatabase:
    """The part of `Database` that opens texts."""

    _queue: WriteQueue
    _store: Store
    _open_texts: dict[_Home, SharedText | None]

    def _check_open(self) -> None:
        raise NotImplementedError

    def _origin(self, message: str = "", command: str = "", args: str = "") -> Origin:
        raise NotImplementedError

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        raise NotImplementedError

    async def text(
        self,
        row: ModelBase | tuple[str, Any],
        column: Column[str] | str,
        *,
        window_s: float = 0.1,
        clock: Clock | None = None,
    ) -> SharedText:
        """Open a text column of `row` for typing: `await db.text(issue, Issue.body)`, or of (table, key) by its name.

        What is typed within `window_s` is one commit. Closed by the Scope that is current here. Raises `LogError` where
        the column isn't logged, `MissingRowError`, and `MissingLibraryError` where no text engine is installed.
        """
        self._check_open()
        self._queue.refuse_inside("text")
        if not window_s >= 0:
            raise ParameterError(f"window_s is seconds, 0 or more, not {shown(window_s)}")
        home = _Home(self, *_place(self._queue, row, column))
        self._queue.writer.logging().texts.on_news = lambda news: self._store.post(lambda: self._tell(news))
        self._open_texts[home] = None
        try:
            loaded = await home.open_watch()
        except BaseException:
            del self._open_texts[home]
            raise
        loop = clock or asyncio.get_running_loop()
        text = self._open_texts[home] = SharedText(home, loaded, window_s=window_s, clock=loop, spawn=self._spawn)
        early, home.early = home.early, []
        home.tell(text, early)
        return text

    def _tell(self, news: Sequence[TextNews]) -> None:
        """Hand on what became of texts."""
        for home, text in list(self._open_texts.items()):
            mine = [one for one in news if (one.at.table, one.at.key) == (home.table.id, home.key)]
            if text is None:
                home.early += mine
            elif mine:
                home.tell(text, mine)

    def _look_at_texts(self) -> None:
        """Another program has written: read all open texts anew."""
        for text in self._open_texts.values():
            if text is not None:
                self._spawn(text.look())

    def _close_texts(self) -> None:
        for text in list(self._open_texts.values()):
            if text is not None:
                text.close()


class _Home:
    """One text column of one row: see `TextHome`."""

    def __init__(self, db: TextDatabase, table: LoggedTable, key: SqlRow, column: LoggedColumn) -> None:
        self._db, self.table, self.key, self.column = db, table, key, column
        self.early: list[TextNews] = []
        same = " AND ".join(f"s.{own} = ?" for own in table.keys)
        name = quote_name(column.name)
        self._read = (
            f"SELECT s.life, s.stamp, s.cells, d.{name} FROM {table.rows} AS s "
            f"JOIN {table.name.sql} AS d ON {table.on('s', 'd')} WHERE {same}"
        )
        where = " AND ".join(f"{quote_name(one)} = ?" for one in table.key)
        self._update = f"UPDATE {table.name.sql} SET {name} = ? WHERE {where}"

    def tell(self, text: SharedText, news: Iterable[TextNews]) -> None:
        """Hand on what became of the row's texts."""
        own = [one for one in news if one.update is None or one.at.column == self.column.id]
        if any(one.update is None or not text.holds(one.at.incarnation, one.epoch) for one in own):
            self._db._spawn(text.look())
            return
        for one in own:
            if one.source is not text and one.update:
                text.hear(one.update)

    def open(self) -> TextDocument:
        """See `TextHome`."""
        return open_text(new_client(), engine=best_engine())

    async def open_watch(self) -> Loaded:
        """Return the text, which is watched from then on. Raises `MissingRowError`."""

        def job(tx: SyncTransaction) -> Loaded:
            loaded = self._loaded()
            if not loaded.incarnation:
                raise self._missing()
            self._texts.watch(self.table.id, self.key)
            return loaded

        return await self._db._queue.run(self._db._origin(), job)

    async def load(self) -> Loaded:
        """See `TextHome`."""
        return await self._db._queue.run(self._db._origin(), lambda tx: self._loaded())

    async def write(self, loaded: Loaded, update: bytes, source: object) -> Written:
        """See `TextHome`."""
        return await self._db._queue.run(self._db._origin(), lambda tx: self._write(tx, loaded, update, source))

    def leave(self, text: SharedText) -> None:
        """See `TextHome`."""
        if self._db._open_texts.pop(self, None) is not None:
            with suppress(ClosedError):
                self._db._queue.submit(lambda conn: self._texts.unwatch(self.table.id, self.key))

    # -- on the thread

    @property
    def _texts(self) -> Any:
        return self._db._queue.writer.logging().texts

    def _row(self) -> tuple[int, int, str] | None:
        """Return life, the commit that wrote the cell and the text of the row, None if it is gone."""
        found = self._db._queue.writer.conn.execute(self._read, self.key).fetchone()
        if found is None or found[0] % 2 == 0:
            return None
        life, stamp, cells, text = found
        return life, cells_of(cells).get(self.column.id, stamp), text if isinstance(text, str) else ""

    def _loaded(self) -> Loaded:
        row = self._row()
        if row is None:
            return Loaded(0)
        life, _, content = row
        at = TextId(self.table.id, self.key, life, self.column.id)
        draft = self._texts.find(at)
        if draft is not None:
            return Loaded(life, draft.epoch, draft.document.update_since(None))
        return Loaded(life, 0, genesis(key_text(self.key), at.column, life, content, engine=best_engine()))

    def _write(self, tx: SyncTransaction, loaded: Loaded, update: bytes, source: object) -> Written:
        row = self._row()
        if row is None:
            raise self._missing()
        life, put, content = row
        if life != loaded.incarnation:
            return "other"
        at, texts = TextId(self.table.id, self.key, life, self.column.id), self._texts
        text = texts.stage(at, loaded.epoch, update, content, put, source)
        if text is None:
            return "other"
        if text == content:
            texts.unstage(at)
            return "same"
        tx.execute(self._update, text, *self.key)
        return "kept"

    def _missing(self) -> MissingRowError:
        return MissingRowError(
            f"no row of {self.table.name} has the key {shown(self.key[0])}: its text can't be typed into",
            table=self.table.name.name,
            id=self.key[0] if len(self.key) == 1 else self.key,
        )


def _place(
    queue: WriteQueue, row: ModelBase | tuple[str, Any], column: Column[str] | str
) -> tuple[LoggedTable, SqlRow, LoggedColumn]:
    """Return table, key and column of a text. Raises `LogError` where it isn't logged, `ParameterError` for no text."""
    name, key = named_row(row)
    if isinstance(column, Column):
        spec = column._owner.__table__
        if spec.name != name:
            raise ParameterError(f"{column!r} is no column of {name}")
        wanted = spec.by_attribute[column._attribute]
        if wanted.merge != "text" and not wanted.local:
            raise ParameterError(f"{column._name} isn't declared as Text: what two people type at once wouldn't merge")
        column = wanted.name
    journal = queue.writer.journal
    logged = {one.name.name: one for one in (journal.tables.values() if journal is not None else ())}
    table = logged.get(name)
    if table is None:
        raise LogError(
            f"{name} isn't logged, and what several people type meets in the log: open the database without "
            f"log=False, or call db.enable_log({name!r}); tx.update writes a text without"
        )
    for one in table.columns:
        if one.name == column:
            return table, key, one
    raise LogError(f"{name}.{column} isn't in the log (it is local, part of the key, or not there): use tx.update")
