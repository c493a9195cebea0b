"""The oracle itself is tested: engines, each broken in one of the ways that matter, are caught by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from eddyline.core.changes import WEIGHT, Changes, Needs
from eddyline.core.ivm import classify, compound, delta, feeds, routing, subqueries
from eddyline.core.ivm import compile as compiling
from eddyline.core.ivm.classify import Compiler
from eddyline.core.ivm.derived import VERSIONS
from eddyline.core.ivm.operator import Pair
from eddyline.core.ivm.partitions import partition_key
from eddyline.core.query.plan import Expr, Select, has_window
from eddyline.core.schema import Catalog
from eddyline.core.sqltext import quote_name
from eddyline.core.store import Connection
from eddyline.core.values import SqlRow
from eddyline.core.write import capture, persistent, writer
from tests.shrinking import Mismatch

from . import author
from .compounds import Compounds
from .planned import Planned
from .query import Query
from .schema import Table
from .stages import Stages
from .windows import Windows
from .world import run_world

SEEDS = tuple(range(300))


def first_caught(hint: int = 0) -> int:
    """Return the first seed whose world catches the broken engine: by a view that is wrong, not by a crash.

    `hint` is where to begin: seeds that catch a rare fault are far apart.
    """
    for seed in (*SEEDS[hint:], *SEEDS[:hint]):
        try:
            run_world(seed, views=12)
        except Mismatch as caught:
            if caught.kind == "rows":
                return seed
    pytest.fail(f"none of {len(SEEDS)} worlds noticed the broken engine")


def only(monkeypatch: pytest.MonkeyPatch, kind: type[Planned | Compounds]) -> None:
    """Have worlds ask for one kind of query alone."""
    monkeypatch.setattr(author, "random_query", lambda rng, tables, others=(): kind(rng, tables).make())


def only_with(monkeypatch: pytest.MonkeyPatch, kind: type[Planned], feature: str) -> None:
    """Have worlds ask for queries of one kind with `feature` in nearly all of them."""

    def query(rng: Random, tables: Mapping[str, Table], others: Sequence[str] = ()) -> Query:
        for _ in range(60):
            made = kind(rng, tables).make()
            if feature in made.features:
                break
        return made

    monkeypatch.setattr(author, "random_query", query)


def test_an_engine_without_higher_order_terms_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def singletons(changed: Sequence[int]) -> list[tuple[int, ...]]:
        return [(one,) for one in changed]

    monkeypatch.setattr(delta, "changed_subsets", singletons)
    assert first_caught() in SEEDS


def test_an_engine_without_higher_order_terms_in_subqueries_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subqueries, "changed_subsets", lambda changed: [(one,) for one in changed])
    only(monkeypatch, Planned)
    assert first_caught(38) in SEEDS


def test_an_engine_that_does_not_follow_the_tables_of_subqueries_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subqueries.Reach, "statements", lambda *_: iter(()))
    assert first_caught() in SEEDS


def test_an_engine_that_forgets_nulls_under_not_in_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Compiler, "never_null", lambda *_: True)
    only(monkeypatch, Planned)
    assert first_caught(41) in SEEDS


def test_an_engine_that_meets_only_rows_which_a_subquery_in_a_left_joins_on_lets_through_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subqueries, "_up_to", lambda joined, at: joined)
    only_with(monkeypatch, Planned, "subquery in a left join")
    assert first_caught(63) in SEEDS


class FirstsOfOrders(Planned):
    """Asks in most queries for what is among the first rows of another table."""

    def _where(self, *, left: bool) -> str:
        for _ in range(20):
            if " IN (" in (found := self.lookup()):
                return found
        return super()._where(left=left)


def test_an_engine_that_looks_for_equal_values_behind_a_limit_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    matches = subqueries._Finder._matches

    def unlimited(self: Any, level: Any, first: int, node: Any, start: int, **how: Any) -> Any:  # Any: as it is there
        return matches(self, level, first, replace(node, select=replace(node.select, limit=None)), start, **how)

    monkeypatch.setattr(subqueries._Finder, "_matches", unlimited)
    only(monkeypatch, FirstsOfOrders)
    first_caught(17)


def test_an_engine_that_reads_only_the_partitions_that_rows_are_in_now_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    statement = delta.Delta.statement

    def only_new(self: Any, subset: Any, logs: Any) -> str:  # Any: as it is there
        sql = statement(self, subset, logs)
        return f"SELECT * FROM ({sql}) WHERE {WEIGHT} > 0"

    monkeypatch.setattr(delta.Delta, "statement", only_new)
    only(monkeypatch, Windows)
    assert first_caught() in SEEDS


def test_an_engine_that_leaves_it_to_sqlite_which_of_equal_rows_comes_first_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classify, "settled", lambda plan, key: plan)
    only(monkeypatch, Windows)
    assert first_caught() in SEEDS


def test_an_engine_that_takes_the_partitions_of_the_first_window_for_all_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of_first(plan: Select, *, first_only: bool) -> tuple[Expr, ...]:
        first = next(output for output in plan.outputs if has_window(output.expr))
        return partition_key(replace(plan, outputs=(first,), order_by=()), first_only=first_only)

    monkeypatch.setattr(classify, "partition_key", of_first)
    only(monkeypatch, Windows)
    assert first_caught() in SEEDS


def test_an_engine_that_trusts_tables_which_a_rollback_has_moved_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    step = feeds.DerivedOperator.step

    def trusting(self: feeds.DerivedOperator, conn: Connection, changes: Changes) -> list[Pair]:
        (self._version,) = conn.execute(
            f"SELECT version FROM {VERSIONS} WHERE operator = ?", (self._serial,)
        ).fetchone()
        return step(self, conn, changes)

    monkeypatch.setattr(feeds.DerivedOperator, "step", trusting)
    only(monkeypatch, Stages)
    assert first_caught(37) in SEEDS


def test_an_engine_that_keeps_what_has_left_the_first_rows_of_a_subquery_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = feeds.Feed._pairs

    def without_removals(self: feeds.Feed, conn: Connection, changes: Changes) -> list[Pair]:
        found = pairs(self, conn, changes)
        return found if self._window is None else [pair for pair in found if pair[1] is not None]

    monkeypatch.setattr(feeds.Feed, "_pairs", without_removals)
    only(monkeypatch, Stages)
    assert first_caught() in SEEDS


def test_an_engine_that_needs_a_row_beside_what_stands_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify, "_tables_in", lambda exprs: iter(()))
    only(monkeypatch, Planned)
    first_caught(92)


def test_an_engine_that_counts_no_rows_of_a_compound_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def once(member: Any, part: int, entry: SqlRow, weight: int) -> None:  # Any: a private class
        member.counts.pop((part, compound._typed(entry)), None)
        if weight > 0:
            member.counts[part, compound._typed(entry)] = [1, entry]

    monkeypatch.setattr(compound, "_count", once)
    only(monkeypatch, Compounds)
    first_caught()


def test_an_engine_that_compares_all_compounds_as_binary_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_compound_collations", lambda parts, **_: ["BINARY"] * len(parts[0].outputs))
    only(monkeypatch, Compounds)
    first_caught(8)


def test_an_engine_that_routes_by_new_values_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    log_sql, asking = routing.Route.log_sql, routing._Index.asking

    def asking_for_new(self: Any, rows: Sequence[SqlRow], names: Sequence[str]) -> Any:  # Any: of a private class
        return asking(self, [row for row in rows if row[1] == 1], names)

    monkeypatch.setattr(routing.Route, "log_sql", lambda self, log: f"{log_sql(self, log)} WHERE {WEIGHT} > 0")
    monkeypatch.setattr(routing._Index, "asking", asking_for_new)
    only(monkeypatch, Planned)
    first_caught(62)


def test_an_engine_that_routes_only_what_changed_in_the_table_asked_about_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routing.Route, "joined_sql", lambda *_: "SELECT 1 WHERE 0")
    only(monkeypatch, Planned)
    first_caught(113)


def test_an_engine_that_does_not_look_for_commits_of_others_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "foreign_moved", lambda seen, now: False)
    assert first_caught() in SEEDS


def test_an_engine_that_reads_notes_from_the_beginning_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistent.PersistentCapture, "keep", lambda *_: None)
    first_caught(12)


def test_an_engine_that_captures_by_callback_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "Capture", CallbackCapture)
    assert first_caught() in SEEDS


class CallbackCapture(capture.Capture):
    """Capture whose triggers call Python: what they said stays said when a savepoint or statement is undone."""

    def install(self, conn: Connection, catalog: Catalog, needs: Needs) -> None:
        super().install(conn, catalog, needs)
        self.said: list[tuple[str, tuple[object, ...]]] = []

        def say(log: str, *row: object) -> None:
            self.said.append((log, row))

        conn.create_function("_eddy_say", -1, say)
        for log in self._logs.values():
            if log.columns:
                for sql in self._calling(log):
                    conn.execute(sql)

    def _calling(self, log: capture.LogTable) -> Iterable[str]:
        """Yield the DDL that turns the triggers of one log into calls."""
        target = log.table.name.sql
        for event, sides in (
            ("insert", ((1, "NEW"),)),
            ("delete", ((-1, "OLD"),)),
            ("update", ((-1, "OLD"), (1, "NEW"))),
        ):
            yield f"DROP TRIGGER temp.{log.name}_{event}"
            calls = "; ".join(
                f"SELECT _eddy_say('{log.name}', {weight}, {', '.join(f'{side}.{quote_name(c)}' for c in log.columns)})"
                for weight, side in sides
            )
            yield f"CREATE TEMP TRIGGER {log.name}_{event} AFTER {event} ON {target} BEGIN {calls}; END"

    def changes(self, conn: Connection, changes: Changes, reached: list[capture.LogTable] | None = None) -> Changes:
        for name, row in self.said:
            log = next(log for log in self._logs.values() if log.name == name)
            columns = ", ".join((WEIGHT, *map(quote_name, log.columns)))
            marks = ", ".join("?" * len(row))
            conn.execute(f"INSERT INTO temp.{name} ({columns}) VALUES ({marks})", row)
        self.said.clear()
        return super().changes(conn, changes)
