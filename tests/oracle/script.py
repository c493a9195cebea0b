"""A world as data: what is in the file, which queries are live, what happens. Repeatable, printable, shrinkable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .data import Value, literal
from .query import Query

__all__ = [
    "API", "Close", "Foreign", "Gather", "Nest", "Open", "Param", "Script", "Statement", "Step", "Storage",
    "Transaction", "Work",
]  # fmt: skip

API: TypeAlias = Literal["block", "write", "execute", "executemany"]
Storage: TypeAlias = Literal["memory", "delete", "wal"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `many` are the parameter sets of an executemany. `ddl`: it moves the schema."""

    sql: str
    args: tuple[Value, ...] = ()
    many: tuple[tuple[Value, ...], ...] | None = None
    ddl: bool = False

    def lines(self, indent: str = "") -> Iterator[str]:
        said = f"  -- {self.many or self.args}" if self.many or self.args else ""
        yield f"{indent}{self.sql};{said}"


@dataclass(frozen=True, slots=True)
class Nest:
    """A savepoint: by `tx.savepoint()`, by `db.transaction()` in the block, or as text. `undone`: rolled back."""

    work: tuple[Work, ...]
    undone: bool
    how: Literal["savepoint", "block", "text"]

    def lines(self, indent: str = "") -> Iterator[str]:
        yield f"{indent}SAVEPOINT;  -- {self.how}"
        for item in self.work:
            yield from item.lines(indent + "  ")
        yield f"{indent}{'ROLLBACK TO' if self.undone else 'RELEASE'};"


Work: TypeAlias = Statement | Nest


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction of ours. `beside` runs on the plain connection: begun before ours, committed while ours waits."""

    work: tuple[Work, ...]
    end: Literal["commit", "raise", "rollback"] = "commit"
    api: API = "block"
    beside: tuple[Statement, ...] = ()

    def lines(self) -> Iterator[str]:
        for statement in self.beside:
            yield from statement.lines("another connection, not committed yet: ")
        yield f"BEGIN;  -- {self.api}"
        for item in self.work:
            yield from item.lines("  ")
        yield {"commit": "COMMIT;", "raise": "ROLLBACK;  -- an exception", "rollback": "ROLLBACK;"}[self.end]

    @property
    def ddl(self) -> bool:
        return any(statement.ddl for statement in statements(self.work))


@dataclass(frozen=True, slots=True)
class Foreign:
    """A transaction of another connection; `settle`: we look before the next step."""

    work: tuple[Statement, ...]
    commit: bool
    settle: bool

    def lines(self) -> Iterator[str]:
        for statement in self.work:
            yield from statement.lines("another connection: ")
        yield f"another connection: {'COMMIT' if self.commit else 'ROLLBACK'};{'  -- settled()' if self.settle else ''}"


@dataclass(frozen=True, slots=True)
class Param:
    """A signal that is a parameter of query `query` gets a new value."""

    query: int
    name: str
    value: Value

    def lines(self) -> Iterator[str]:
        yield f"-- view {self.query}: {self.name} = {literal(self.value)}"


@dataclass(frozen=True, slots=True)
class Open:
    """`db.live` of query `query`, while `beside` runs."""

    query: int
    beside: tuple[Transaction, ...] = ()

    def lines(self) -> Iterator[str]:
        yield f"-- view {self.query} is opened"
        for transaction in self.beside:
            yield "-- meanwhile"
            yield from transaction.lines()


@dataclass(frozen=True, slots=True)
class Close:
    """View `query` is closed."""

    query: int

    def lines(self) -> Iterator[str]:
        yield f"-- view {self.query} is closed"


@dataclass(frozen=True, slots=True)
class Gather:
    """Transactions awaited side by side."""

    transactions: tuple[Transaction, ...]

    def lines(self) -> Iterator[str]:
        for transaction in self.transactions:
            yield "-- side by side"
            yield from transaction.lines()


Step: TypeAlias = Transaction | Foreign | Param | Open | Close | Gather


@dataclass(frozen=True, slots=True)
class Script:
    """A world. `setup` is run by plain sqlite3 where there is a file; `first` are the queries open from the start.

    `deferring`: whatever its cost, each view is now run behind the commits, now kept in them.
    """

    storage: Storage
    foreign_keys: bool
    setup: tuple[str, ...]
    queries: tuple[Query, ...]
    first: tuple[int, ...]
    steps: tuple[Step, ...]
    captured: bool = False
    deferring: bool = False

    def __str__(self) -> str:
        captured = ", persistent capture" if self.captured else ""
        captured += ", views deferred" if self.deferring else ""
        lines = [f"-- {self.storage}, foreign_keys = {self.foreign_keys}{captured}", *(f"{sql};" for sql in self.setup)]
        used = {*self.first, *(step.query for step in self.steps if isinstance(step, Open))}
        for at, query in enumerate(self.queries):
            if at in used:
                lines.append(
                    f"-- view {at}: {query.sql}  -- {dict(query.params)}{'' if at in self.first else ', later'}"
                )
        for step in self.steps:
            lines += step.lines()
        return "\n".join(lines)


def statements(work: tuple[Work, ...]) -> Iterator[Statement]:
    """Yield every statement in `work`, nested ones too."""
    for item in work:
        if isinstance(item, Statement):
            yield item
        else:
            yield from statements(item.work)
