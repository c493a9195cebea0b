"""The judge: says what a view must show, and whether it and its patches do.

The defining text is run where the engine has no hand in it: on a plain connection to the file. A memory database has
one connection only, so there `db.fetch` runs it.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eddyline import Database, EddylineError, Reset, Signal, Update, View
from eddyline.signals import apply_patches
from tests.shrinking import Mismatch

from .alike import alike, identical, order
from .query import KEY, KEY_ORDER, Query
from .schema import Table, quote, read_schema

__all__ = ["Judge", "Steps", "Watched"]

Steps = Counter[str]


@dataclass(frozen=True, slots=True)
class Truth:
    """What the defining text gives: rows and keys, or SQLite's error."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    error: str | None = None


@dataclass
class Watched:
    """A view, with what its subscriber was told and how our keys go with the engine's."""

    at: int
    query: Query
    view: View
    values: dict[str, Any]
    signals: dict[str, Signal[Any]]
    rule: str = ""
    deferred: bool = False
    rows: list[Any] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    told: list[list[Any]] = field(default_factory=list)
    known: dict[Any, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> bool:
        """Whether it is right as soon as a write has returned."""
        return self.rule != "re-run" and not self.deferred and self.filled

    @property
    def filled(self) -> bool:
        """Whether the rows are those of the wanted parameters: refused ones are tried again after a commit."""
        args, named = self.query.arguments(self.values)
        return repr(self.view.params) == repr(named or args) or not (named or args)

    def __str__(self) -> str:
        return f"view {self.at} ({self.rule}): {self.query.sql} {self.values or ''}"


class Judge:
    """Compares. `steps` counts what was compared, by rule, shape and feature."""

    def __init__(self, db: Database, path: Path, reads: sqlite3.Connection | None) -> None:
        self.db, self.path, self.reads = db, path, reads
        self.steps: Steps = Counter()
        self._tables: dict[str, Table] = {}
        self._version: object = None
        self._disturbed = False

    async def look(self) -> None:
        """Read the schema anew if it has moved."""
        if self.reads is not None:
            version = self.reads.execute("PRAGMA schema_version").fetchone()[0]
            if version != self._version:
                self._version, self._tables = version, read_schema(self.reads)
            return
        rows = await self.db.fetch("SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL")
        ddl = tuple(str(row[0]) for row in rows)
        if ddl != self._version:
            with closing(sqlite3.connect(":memory:")) as copy:
                for sql in ddl:
                    with suppress(sqlite3.Error):
                        copy.execute(sql)
                self._version, self._tables = ddl, read_schema(copy)

    async def truth(self, query: Query, values: Any) -> Truth:
        """Run the defining text where the engine has no hand in it."""
        sql, key_count = query.defining(self._tables)
        args, named = query.arguments(values)
        try:
            if self.reads is not None:
                cursor = self.reads.execute(sql, named or args)
                rows = cursor.fetchall()
                columns = tuple(str(column[0]) for column in cursor.description)
            else:
                fetched = await self.db.fetch(sql, *args, **named)
                rows, columns = [tuple(row) for row in fetched], type(fetched[0]).columns if fetched else ()
        except (sqlite3.Error, EddylineError) as error:
            return Truth(error=str(error))
        cut = len(rows[0]) - key_count if rows else 0
        return Truth([row[:cut] for row in rows], [row[cut:] for row in rows], columns[: len(columns) - key_count])

    async def compare(self, watched: Sequence[Watched], where: str, *, at_most: int | None) -> None:
        """Compare views with the state that is committed now. Raises `Mismatch`.

        What they show is looked at first, before anything is awaited. `at_most`: how often they may have been told.
        """
        shown = [(one, [tuple(row) for row in one.view.peek()], one.view.keys(), one.view.status) for one in watched]
        await self.look()
        for one, rows, keys, status in shown:
            self._replay(one, rows, keys, where, at_most)
            await self._compare(one, rows, keys, status, await self.truth(one.query, one.values), where)
            self.steps["steps"] += 1
            self.steps["deferred" if one.deferred else f"rule {one.rule}"] += 1
            self.steps[f"shape {one.query.shape}"] += 1
            for feature in one.query.features:
                self.steps[f"feature {feature}"] += 1

    def _replay(self, one: Watched, rows: list[Any], keys: list[Any], where: str, at_most: int | None) -> None:
        """Apply what the subscriber was told; the result must be what the view shows."""
        if at_most is not None and len(one.told) > at_most and not self._disturbed:
            raise Mismatch("told often", f"{where}: {len(one.told)} calls for one commit: {one}")
        for patches in one.told:
            if not patches:
                raise Mismatch("told nothing", f"{where}: {one}")
            for patch in patches:
                if isinstance(patch, Update):
                    self._look_at_update(one, patch, where)
                elif isinstance(patch, Reset):
                    self.steps["patch Reset"] += 1
                    one.known.clear()
                apply_patches([patch], one.rows, one.keys)
                self.steps[f"patch {type(patch).__name__}"] += 1
        one.told.clear()
        replayed = [tuple(row) for row in one.rows]
        if not identical(replayed, rows) or one.keys != keys:
            raise Mismatch(
                "patches", f"{where}: {one}\n  replayed {replayed}\n  shown    {rows}\n  keys {one.keys} {keys}"
            )
        if len(set(keys)) != len(keys) or len(keys) != len(rows):
            raise Mismatch("keys", f"{where}: {one}\n  {len(rows)} rows, keys {keys}")

    def _look_at_update(self, one: Watched, patch: Update, where: str) -> None:
        before, names = one.rows[patch.index], one.view.columns
        differ = tuple(
            name
            for name, old, new in zip(names, before, patch.row, strict=True)
            if type(old) is not type(new) or old != new
        )
        if differ != patch.columns or not differ:
            raise Mismatch("columns of Update", f"{where}: {patch} of {before}, differing in {differ}: {one}")
        if patch.key != one.keys[patch.index]:
            raise Mismatch("key of Update", f"{where}: {patch}, but there is {one.keys[patch.index]}: {one}")

    async def _compare(
        self, one: Watched, rows: list[Any], keys: list[Any], status: str, truth: Truth, where: str
    ) -> None:
        if truth.error is not None:
            if status != "failed":
                raise Mismatch("should be failed", f"{where}: {status}, but {truth.error}: {one}")
            if one.view.error is None:
                raise Mismatch("no error", f"{where}: {one}")
            self.steps["failed view"] += 1
            return
        if status != "live":
            raise Mismatch("should be live", f"{where}: {status} {one.view.error!r}: {one}")
        names = zip(one.view.columns, truth.columns, strict=bool(truth.columns))
        if any(shown != name for shown, name in names):
            raise Mismatch("columns", f"{where}: {one.view.columns} for {truth.columns}: {one}")
        self.steps["rows"] += len(rows)
        expected, loose = truth.rows, one.query.loose
        has_ties = bool(one.query.keys or one.query.groups or one.query.parts)
        if one.rule == "re-run" and (
            KEY in one.query.body or KEY_ORDER in one.query.body or (one.query.limit and has_ties)
        ):
            expected = await self._as_it_stands(one)
        if not one.query.total or (one.rule == "re-run" and has_ties):
            rows, expected = sorted(rows, key=order), sorted(expected, key=order)
        if not alike(rows, expected, loose):
            if await self._unsteady(one, expected):
                self.steps["SQLite disagrees with itself"] += 1
                return
            raise Mismatch("rows", f"{where}: {one}\n  defined by {one.query.defining(self._tables)[0]}\n"
                                   f"  shown    {rows}\n  expected {expected}")  # fmt: skip
        program = one.view._shared.program
        if program.repairs and re.search(r"\be\d.* JOIN |JOIN .*\be\d", one.query.sql):  # RTRIM, docs/architecture.md
            self.steps["SQLite disagrees with itself"] += program.repairs
            program.repairs = 0
        if program.repairs:
            raise Mismatch("repaired", f"{where}: a step contradicted what is held, {program.last_repair!r}: {one}")
        if one.query.keys and one.rule != "re-run":
            await self._look_at_keys(one, keys, truth.keys, where)

    async def _as_it_stands(self, one: Watched) -> list[tuple[Any, ...]]:
        """Run a re-run text itself: under LIMIT its own order, if not total, decides which rows there are."""
        args, named = one.query.arguments(one.values)
        if self.reads is not None:
            return self.reads.execute(one.query.sql, named or args).fetchall()
        return [tuple(row) for row in await self.db.fetch(one.query.sql, *args, **named)]

    async def _look_at_keys(self, one: Watched, keys: list[Any], ours: list[Any], where: str) -> None:
        """A key stays with its row while the row lives."""
        known = {}
        for key, our in zip(keys, ours, strict=True):
            if one.known.get(our, key) != key and not await self._unsteady(one, ours, by_key=True):
                raise Mismatch("key moved", f"{where}: row {our} was {one.known[our]}, is {key}: {one}")
            known[our] = key
        one.known = known

    async def _unsteady(self, one: Watched, expected: list[Any], *, by_key: bool = False) -> bool:
        """Say whether SQLite itself answers otherwise without indexes, or when nothing may stand in for an order term.

        docs/architecture.md names such faults of SQLite 3.40; a copy of the database is asked.
        """
        copy = sqlite3.connect(":memory:")
        try:
            await self._copy_to(copy)
            sql, key_count = one.query.defining(self._tables)
            args, named = one.query.arguments(one.values)
            for text in (sql, one.query.turned(self._tables)):
                found = copy.execute(text, named or args).fetchall()
                rows = [row[len(row) - key_count :] if by_key else row[: len(row) - key_count] for row in found]
                if not one.query.total:
                    rows = sorted(rows, key=order)
                if not alike(rows, expected, () if by_key else one.query.loose):
                    return True
        except sqlite3.Error:
            return False
        finally:
            copy.close()
        return False

    async def _copy_to(self, copy: sqlite3.Connection) -> None:
        """Copy what is committed, without its indexes; and let SQLite make none."""
        if self.reads is not None:
            self.reads.backup(copy)
        else:
            self._disturbed = True  # every view is planned anew after a VACUUM, and told once more
            target = self.path.with_suffix(".copy")
            target.unlink(missing_ok=True)
            await self.db.execute(f"VACUUM INTO '{target}'")
            with closing(sqlite3.connect(target)) as written:
                written.backup(copy)
        for (name,) in copy.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall():
            copy.execute(f"DROP INDEX {quote(name)}")
        copy.execute("PRAGMA automatic_index = 0")
