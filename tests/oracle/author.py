"""The author of scripts: a schema, rows, queries, then steps of every kind."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from random import Random

from .data import Value
from .ddl import SchemaChanges
from .queries import random_query
from .query import Query
from .schema import random_schema
from .script import API, Close, Foreign, Gather, Nest, Open, Param, Script, Statement, Step, Storage, Transaction, Work

__all__ = ["random_script"]


def random_script(seed: int, views: int = 12, steps: int = 24) -> Script:
    """Return the world of `seed`."""
    return Author(Random(seed)).script(views, steps)


class Author(SchemaChanges):
    """Writes one script."""

    def script(self, views: int, steps: int) -> Script:
        rng = self.rng
        storages: list[Storage] = ["memory", "delete", "wal"]
        storage = rng.choices(storages, [25, 30, 45])[0]
        foreign_keys = self.chance(0.8)
        self.shadow.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
        ddl, later = random_schema(rng)
        setup = [sql for sql in ddl if self.run(sql)]
        self.look()
        for table in self.tables.values():
            for _ in range(rng.choice([0, 6, 12, 20])):
                sql = self._plain_insert(table)
                if self.run(sql):
                    setup.append(sql)
        setup += [sql for sql in later if self.run(sql)]
        self.look()
        others = ["seen"] if any("CREATE VIEW" in sql for sql in setup) else []
        with_ddl = self.chance(0.4)
        queries = [self.query(others) for _ in range(views)]
        first = tuple(range(views))
        live = set(first)
        made: list[Step] = [
            self.step(queries, live, storage=storage, with_ddl=with_ddl, others=others) for _ in range(steps)
        ]
        self.shadow.close()
        captured = storage != "memory" and self.chance(0.5)
        deferring = self.chance(0.25)
        return Script(storage, foreign_keys, tuple(setup), tuple(queries), first, tuple(made), captured, deferring)

    def query(self, others: list[str]) -> Query:
        """Return a query that SQLite accepts."""
        for left in reversed(range(50)):
            query = random_query(self.rng, self.tables, others)
            args, named = query.arguments(query.params)
            with suppress(sqlite3.Error):
                self.shadow.execute(f"EXPLAIN {query.sql}", named or args)
                rows = self.shadow.execute(query.defining(self.tables)[0], named or args).fetchall()
                if rows or not left or self.chance(0.25):
                    return query
        return Query("fallback", "SELECT 1", "SELECT 1", total=True)

    def step(self, queries: list[Query], live: set[int], *, storage: str, with_ddl: bool, others: list[str]) -> Step:
        rng = self.rng
        draw = rng.random()
        signals = [(at, name) for at in sorted(live) for name in sorted(queries[at].signals)]
        if draw < 0.12 and storage != "memory":
            return self._foreign(with_ddl=with_ddl)
        if draw < 0.18 and signals:
            at, name = rng.choice(signals)
            old = queries[at].params[name]
            new: Value = (
                rng.choice([1, 2, 3, 5]) if isinstance(old, int) else rng.choice([old, 1, "a", "A", None, 2.5, "b"])
            )
            if f"LIMIT :{name}" in queries[at].body + queries[at].limit:
                new = rng.choice([1, 2, 4, 7, -1])
            return Param(at, name, new)
        if draw < 0.21 and len(live) > 3:
            at = rng.choice(sorted(live))
            live.discard(at)
            return Close(at)
        if draw < 0.26 and self.tables:
            queries.append(self.query(others))
            live.add(len(queries) - 1)
            beside = tuple(self.transaction(with_ddl=False, storage="memory") for _ in range(rng.choice([0, 1, 1, 2])))
            return Open(len(queries) - 1, beside)
        if draw < 0.30:
            return Gather(tuple(self.transaction(with_ddl=False, storage="memory") for _ in range(rng.choice([2, 3]))))
        return self.transaction(with_ddl=with_ddl, storage=storage)

    def _foreign(self, *, with_ddl: bool) -> Foreign:
        commit = self.chance(0.85)
        self.shadow.execute("BEGIN")
        work = tuple(self.statement() for _ in range(self.rng.randint(1, 3)))
        if with_ddl and self.chance(0.2):
            work += tuple(self.ddl())
        self._end(commit=commit)
        return Foreign(work, commit, self.chance(0.5))

    def _end(self, *, commit: bool) -> None:
        if self.shadow.in_transaction and not (commit and self.run("COMMIT")) and self.shadow.in_transaction:
            self.shadow.execute("ROLLBACK")
        self.look()

    def transaction(self, *, with_ddl: bool, storage: str) -> Transaction:
        rng = self.rng
        apis: list[API] = ["block", "write", "execute", "executemany"]
        api = rng.choices(apis, [55, 15, 22, 8])[0]
        beside: tuple[Statement, ...] = ()
        if storage != "memory" and self.chance(0.06):
            beside = tuple(self.statement() for _ in range(rng.randint(1, 2)))
        if api == "execute":
            self.shadow.execute("BEGIN")
            made = self.ddl()[:1] if with_ddl and self.chance(0.12) else [self.statement()]
            self._end(commit=True)
            return Transaction(tuple(made), "commit", api, beside)
        if api == "executemany":
            self.shadow.execute("BEGIN")
            many = self.many()
            self._end(commit=True)
            return Transaction((many,), "commit", api, beside)
        end = rng.choices(["commit", "raise", "rollback"], [84, 9, 7 if api == "block" else 0])[0]
        self.shadow.execute("BEGIN")
        work = self.work(rng.randint(1, 6), with_ddl=with_ddl, api=api)
        self._end(commit=end == "commit")
        return Transaction(work, end, api, beside)  # type: ignore[arg-type]  # one of three words

    def work(self, count: int, *, with_ddl: bool, api: str, depth: int = 0) -> tuple[Work, ...]:
        made: list[Work] = []
        for _ in range(count):
            draw = self.rng.random()
            if draw < 0.12 and depth < 3:
                made.append(self.nest(with_ddl=with_ddl, api=api, depth=depth))
            elif draw < 0.18:
                made.append(self.many())
            elif draw < 0.26 and with_ddl:
                made += self.ddl()
            elif draw < 0.36:
                made += self.story()
            else:
                made.append(self.statement())
        return tuple(made)

    def nest(self, *, with_ddl: bool, api: str, depth: int) -> Nest:
        undone = self.chance(0.55)
        how = self.rng.choice(["savepoint", "block", "text"] if api == "block" else ["savepoint", "text"])
        name = f"n{depth}"
        alive = self.shadow.in_transaction
        if alive:
            self.shadow.execute(f"SAVEPOINT {name}")
        work = self.work(self.rng.randint(1, 3), with_ddl=with_ddl, api=api, depth=depth + 1)
        with suppress(sqlite3.Error):
            if undone:
                self.shadow.execute(f"ROLLBACK TO {name}")
            self.shadow.execute(f"RELEASE {name}")
        self.look()
        return Nest(work, undone, how)  # type: ignore[arg-type]  # one of three words
