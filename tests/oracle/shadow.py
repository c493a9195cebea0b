"""The shadow: a plain memory database on which a script is tried as it is written.

It says which tables, columns and keys there are at each point, so that most statements hit something, and the script
itself needs no luck to be repeated.
"""

from __future__ import annotations

import sqlite3
from random import Random

from .data import Value
from .schema import Table, read_schema
from .script import Statement

__all__ = ["Shadow"]


class Shadow:
    """A database with what a script has done to it so far, and the script's dice."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.shadow = sqlite3.connect(":memory:", isolation_level=None)
        self.tables: dict[str, Table] = {}
        self.number = 0
        self.dropped: dict[str, str] = {}
        self.tried = self.worked = 0

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def run(self, sql: str, args: tuple[Value, ...] = ()) -> bool:
        self.tried += 1
        try:
            self.shadow.execute(sql, args)
        except (sqlite3.Error, OverflowError):
            return False
        self.worked += 1
        return True

    def look(self) -> None:
        self.tables = read_schema(self.shadow)

    def keep(self, sql: str, args: tuple[Value, ...] = (), *, ddl: bool = False) -> Statement:
        """Try a statement and return it."""
        self.run(sql, args)
        if ddl:
            self.look()
        return Statement(sql, args, ddl=ddl)
