"""What the engine asks of a database connection, and what it asks of a store.

The engine is synchronous code over `Connection` (Python's own `sqlite3.Connection` fits); only a `Store` knows whether
a job runs on a thread (natively) or in the loop (in the browser).

    Database --write(job)--> [ one writer connection: jobs one after the other ]
             --read(job)---> [ reader connections beside it, each job one snapshot ]
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

__all__ = ["Connection", "Cursor", "Store"]

T = TypeVar("T")


class Cursor(Protocol):
    """The part of a DB-API cursor that the engine uses."""

    @property
    def description(self) -> Any: ...  # Any: DB-API's tuple of 7-tuples, or None
    @property
    def rowcount(self) -> int: ...
    @property
    def lastrowid(self) -> int | None: ...
    def fetchone(self) -> Any: ...  # Any: a row is a tuple of SQLite's values, or None
    def fetchall(self) -> list[Any]: ...
    def fetchmany(self, size: int = ..., /) -> list[Any]: ...
    def close(self) -> None: ...


class Connection(Protocol):
    """The part of `sqlite3.Connection` that the engine uses."""

    text_factory: Any  # Any: what makes a value of a text's bytes

    @property
    def in_transaction(self) -> bool: ...
    @property
    def total_changes(self) -> int: ...
    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ..., /) -> Cursor: ...
    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Cursor: ...
    def create_function(
        self, name: str, narg: int, func: Callable[..., Any] | None, /, *, deterministic: bool = ...
    ) -> None: ...
    def create_aggregate(self, name: str, n_arg: int, aggregate_class: Any, /) -> None: ...
    def create_window_function(self, name: str, num_params: int, aggregate_class: Any, /) -> None: ...
    def set_authorizer(self, authorizer_callback: Callable[..., int] | None) -> None: ...


class Store(Protocol):
    """A durable home with one writer connection and readers beside it."""

    @property
    def readers(self) -> bool:
        """Whether `read` has connections of its own; if not, the caller must keep reads out of open blocks."""

    @property
    def shared(self) -> bool:
        """Whether others may write to it, too: it has to be looked at."""

    @property
    def goes_on(self) -> bool:
        """Whether it can neither be copied nor fall back behind what others have seen of it: no lane has to end."""

    @property
    def readonly(self) -> bool:
        """Whether every write is refused."""

    def write(self, job: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Queue `job` on the writer connection at once; jobs run in the order of the calls, also when cancelled."""

    def post(self, call: Callable[[], None]) -> None:
        """From inside a write job: run `call` on the loop before the job's outcome arrives there.

        It also runs if the job fails afterwards, or if nobody waits for the job any more.
        """

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run `job` on a reader connection, inside one read transaction."""

    def on_readers(self, job: Callable[[Connection], object]) -> None:
        """Run `job` (an ATTACH, a function's definition) on every reader, also later ones, before its next job."""

    async def pause(self, seconds: float) -> None:
        """Wait until others may have written: `seconds`, or until the store hears of it."""

    async def saved(self) -> None:
        """Wait until what is committed now outlasts this program. Raises `NotSavedError`."""

    async def close(self) -> None:
        """Finish queued jobs and close every connection. May be called twice."""
