"""One import from its call to its result: read once on a thread, then write in one job.

    loop       check the arguments     await                              await                         ImportResult
    thread                             survey: every row read once        |
    writer                                                                one transaction: read again, 500 rows a step

The second reading happens inside the write job: the transaction is held while the file is parsed, so writes of others
wait as long, in exchange for one commit, one batch for every view, and memory for 500 rows (JSON: for the file). That
the file didn't change between the readings is checked. Cancelled means that nothing is imported.
`progress` is told on the loop, at most ten times a second and once at the end.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol, TypeVar, cast

from ..errors import CommitError
from ..model.base import ModelBase
from ..schema.catalog import Catalog
from ..schema.table import TableSpec
from ..write.sync import SyncTransaction
from .files import Source, failure, source_of
from .load import insert, target_of
from .other import count_rows, import_tables
from .records import Records
from .result import ImportedTable, ImportResult, Progress
from .types import Survey, survey

__all__ = ["import_file"]

T = TypeVar("T")

_TOLD_EACH_S = 0.1


def _models_of(specs: Iterable[TableSpec], into: object) -> tuple[dict[str, TableSpec], str | None]:
    """Return the tables that models describe, by name in lower case, and the name of the table that `into` means."""
    models = {spec.name.lower(): spec for spec in specs}
    if isinstance(into, type) and issubclass(into, ModelBase):
        spec: TableSpec = into.__table__
        return {**models, spec.name.lower(): spec}, spec.name
    return models, cast(str | None, into)  # what is no text is refused with the other arguments


class Write(Protocol):
    """`db.write` as far as an import uses it."""

    async def __call__(self, job: Callable[[SyncTransaction], T], message: str, /) -> T: ...


class _Teller:
    """Tells the loop how far it is, now and then, from any thread; ends the work when nobody waits for it any more."""

    def __init__(self, progress: Progress | None, source: Source, now: Callable[[], float]) -> None:
        self._progress, self._now, self._due = progress, now, now() + _TOLD_EACH_S
        self._loop = asyncio.get_running_loop()
        self._bytes_total = source.size_bytes
        self.rows, self.bytes = 0, 0
        self.total: int | None = None
        self.stopped = False

    def read(self, bytes_: int) -> None:
        self.bytes = max(self.bytes, bytes_)
        self.look()

    def wrote(self, rows: int) -> None:
        self.rows = rows
        self.look()

    def look(self) -> None:
        if self.stopped:
            raise asyncio.CancelledError
        if self._progress is not None and self._now() >= self._due:
            self._due = self._now() + _TOLD_EACH_S
            with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
                self._loop.call_soon_threadsafe(self._progress, self.rows, self.total, self.bytes, self._bytes_total)

    async def end(self) -> None:
        """Tell the last figures, before the import returns. What `progress` raises is the loop's, as before."""
        if self._progress is not None:
            self._loop.call_soon(self._progress, self.rows, self.total, self._bytes_total, self._bytes_total)
            await asyncio.sleep(0)


async def import_file(
    file: object,
    into: object,
    options: dict[str, Any],
    *,
    models: Iterable[TableSpec],
    write: Write,
    catalog: Callable[[], Catalog],
    progress: Progress | None,
    now: Callable[[], float],
    database: str,
) -> ImportResult:
    """Import `file` through `write`; `options` are those of `source_of`. Raises `ImportFileError` with nothing done."""
    known, name = _models_of(models, into)
    source = source_of(file, into=name, models=known, **options)
    _refuse_itself(source, database)
    teller = _Teller(progress, source, now)
    try:
        before = source.state()
        records = Records(source, teller.read)
        found = await _beside(lambda: _survey(source, records, teller))
        teller.total, teller.bytes = found.rows, source.size_bytes
        tables = await write(lambda tx: _load(tx, catalog, source, records, found, teller, before), "import")
    except CommitError as error:
        raise failure(source.path, f"{error}: a row refers to one that is not there") from error
    except OSError as error:
        raise failure(source.path, f"it can't be read: {error}") from error
    finally:
        teller.stopped = True
    await teller.end()
    return ImportResult(tables)


def _refuse_itself(source: Source, database: str) -> None:
    if source.format == "sqlite" and os.path.exists(database) and os.path.samefile(database, source.path):
        raise failure(source.path, "this is the database itself; copy a table by INSERT INTO .. SELECT")


async def _beside(work: Callable[[], T]) -> T:
    """Run `work` on a thread, or here where there are none: in a browser."""
    if sys.platform == "emscripten":
        return work()
    return await asyncio.to_thread(work)


def _survey(source: Source, records: Records, teller: _Teller) -> Survey:
    if source.format == "sqlite":
        return Survey({}, count_rows(source, teller.read))
    return survey(records)


def _load(
    tx: SyncTransaction,
    catalog: Callable[[], Catalog],
    source: Source,
    records: Records,
    found: Survey,
    teller: _Teller,
    before: tuple[int, int, int],
) -> tuple[ImportedTable, ...]:
    """The write job. Foreign keys are looked at when all rows are there, at COMMIT."""
    tx.execute("PRAGMA defer_foreign_keys = 1")
    if source.format == "sqlite":
        return import_tables(tx, catalog, source, teller.wrote)
    assert source.into is not None, "the door named the table"
    target = target_of(tx, catalog, source, source.into, found.columns, is_text=records.is_text)
    rows = insert(tx, source, target, records, unit=records.unit, told=teller.wrote)
    if source.state() != before:
        raise failure(source.path, "another program wrote to the file meanwhile; try again when it is done")
    return (ImportedTable(target.info.name.name, rows, target.created, target.added),)
