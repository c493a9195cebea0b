"""Plans as JSON: the form they take, and what is refused because no plan of ours says it."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from eddyline import EddylineError
from eddyline.core.errors import LoadError
from eddyline.core.ivm.compile import Shapes, compile_template
from eddyline.core.query.asked import Asked, shape_of
from eddyline.core.query.parse import parse
from eddyline.core.query.plan import InCompound, Output, Select, Source, Unplannable
from eddyline.core.query.plan_json import DEPTH_MAX, NODES_MAX, read_plan, write_plan
from eddyline.core.query.render import render
from eddyline.core.schema.catalog import Catalog, TableName
from tests.oracle.author import random_script

TEXT = (
    "SELECT i.id, i.n * 2 AS twice FROM issue i LEFT JOIN project p ON p.id = i.project "
    "WHERE i.n > ? ORDER BY p.name DESC"
)
JSON = {
    "sources": [
        {"table": ["main", "issue"], "alias": "i"},
        {
            "table": ["main", "project"], "alias": "p", "join": "LEFT JOIN",
            "on": ["binary", "=", ["column", 1, "id"], ["column", 0, "project"], None],
        },
    ],
    "outputs": [
        {"expr": ["column", 0, "id"]},
        {"expr": ["binary", "*", ["column", 0, "n"], ["const", "2"], None], "alias": "twice"},
    ],
    "where": ["binary", ">", ["column", 0, "n"], ["param", "p1"], None],
    "order_by": [{"expr": ["column", 1, "name"], "desc": True, "nulls_first": False}],
}  # fmt: skip
ID: Any = ["column", 0, "id"]
ONE: Any = {"sources": [{"table": ["main", "issue"], "alias": "i"}], "outputs": [{"expr": ID}]}
CALL: Any = ["call", "rank", [], False, False, None, False]
HERE: Any = {"word": "CURRENT ROW"}
TWICE = [*ONE["sources"], {"table": ["main", "issue"], "alias": "I", "join": ","}]


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript("CREATE TABLE issue (id INTEGER PRIMARY KEY, n INT, project INT);"
                       "CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT)")  # fmt: skip
    yield made
    made.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_plan_is_written_as_lists_and_objects_without_what_is_usual(conn: sqlite3.Connection) -> None:
    plan = parse(TEXT, Catalog(conn), conn)
    assert write_plan(plan) == JSON
    assert read_plan(JSON) == plan


def test_what_has_no_form_is_not_written() -> None:
    table = (Source(TableName("main", "issue"), "i"),)
    plan = Select(table, (Output(InCompound("exists", None, read_plan({"parts": [ONE, ONE], "words": ["UNION"]}))),))  # type: ignore[arg-type]  # a compound
    assert write_plan(plan) is None


@pytest.mark.parametrize(
    ("changed", "path", "said"),
    [
        (5, "plan", "has to be an object with sources"),
        ({"outputs": [{"expr": ID}]}, "plan", "lacks 'sources'"),
        ({**ONE, "from": []}, "plan", "has to be an object with"),
        ({**ONE, "outputs": []}, "plan", "has no columns"),
        ({**ONE, "where": ["raw", "1; DROP TABLE issue"]}, "plan.where", "the kind of an expression"),
        ({**ONE, "where": ["const", "1) OR (1"]}, "plan.where.1", "has to be a literal"),
        ({**ONE, "where": ["const", "'it''s' --'"]}, "plan.where.1", "has to be a literal"),
        ({**ONE, "where": ["param", "p1 OR 1"]}, "plan.where.1", "has to be a parameter's name"),
        ({**ONE, "where": ["cast", ID, "TEXT) OR (1"]}, "plan.where.2", "has to be a type"),
        ({**ONE, "where": ["binary", "OR 1 =", ID, ID, None]}, "plan.where.1", "has to be one of"),
        ({**ONE, "where": ["binary", "=", ID, ID, ID]}, "plan.where", "an ESCAPE without LIKE"),
        ({**ONE, "where": ["unary", "EXISTS", ID]}, "plan.where.1", "has to be one of"),
        ({**ONE, "where": ["column", 1, "id"]}, "plan.where", "speaks of no table"),
        ({**ONE, "where": ["column", -1, "id"]}, "plan.where.1", "has to be a whole number"),
        ({**ONE, "where": ["column", True, "id"]}, "plan.where.1", "has to be a whole number"),
        ({**ONE, "where": ["column", 0, "i\0d"]}, "plan.where.2", "has to be a name"),
        ({**ONE, "where": ["column", 0, "\ud800"]}, "plan.where.2", "has to be a name"),
        ({**ONE, "where": ["call", "COUNT", [], False, True, None, False]}, "plan.where.1", "in lower case"),
        ({**ONE, "where": ["call", "count", [ID], False, True, None, False]}, "plan.where", "arguments beside *"),
        ({**ONE, "where": ["case", None, [], None]}, "plan.where", "has no WHEN"),
        ({**ONE, "where": ["row", [ID]]}, "plan.where", "fewer than two values"),
        ({**ONE, "where": ["exists", {**ONE, "outputs": []}]}, "plan.where.1", "has no columns"),
        ({**ONE, "where": ["over", ID, [], [], None]}, "plan.where.1", "has to be a call"),
        (
            {**ONE, "where": ["over", CALL, [], [], {"unit": "ROWS", "start": {"word": "PRECEDING"}, "end": HERE}]},
            "plan.where.4.start",
            "a number of rows",
        ),
        ({**ONE, "distinct": 1}, "plan.distinct", "has to be true or false"),
        ({**ONE, "offset": ["const", "1"]}, "plan", "an offset without a limit"),
        ({**ONE, "order_by": [{"expr": ["const", "2"]}]}, "plan", "takes for a position"),
        ({**ONE, "group_by": [["collate", ["unary", "+", ["const", "1"]], "NOCASE"]]}, "plan", "takes for a position"),
        ({**ONE, "sources": [*ONE["sources"], {"table": ["main", "b"], "alias": "b"}]}, "plan", "another that isn't"),
        ({"sources": TWICE, "outputs": [{"expr": ["column", 1, "id"]}]}, "plan", "two tables under one alias"),
        ({"sources": TWICE, "outputs": [{"expr": ID}]}, "plan.outputs.0.expr", "speaks of no table"),
        ({**ONE, "sources": [{"table": ["main", "issue"], "alias": "i", "on": ID}]}, "plan.sources.0", "doesn't take"),
        ({**ONE, "sources": [{"table": "issue", "alias": "i"}]}, "plan.sources.0.table", "a schema and a table"),
        ({"parts": [ONE], "words": []}, "plan", "a word between"),
        ({"parts": [ONE, ONE], "words": ["MINUS"]}, "plan.words.0", "has to be one of"),
        ({"parts": [ONE, {**ONE, "outputs": [{"expr": ID}] * 2}], "words": ["UNION"]}, "plan", "different numbers"),
        ({"parts": [ONE, {**ONE, "limit": ["const", "1"]}], "words": ["UNION"]}, "plan", "of its own"),
        ({"parts": [ONE, ONE], "words": ["UNION"], "order_by": [{"at": 1}]}, "plan", "isn't there"),
    ],
)  # fmt: skip
def test_what_no_plan_says_is_refused_with_the_place(changed: Any, path: str, said: str) -> None:
    with pytest.raises(LoadError) as caught:
        read_plan(changed)
    assert caught.value.path == path
    assert said in str(caught.value)


def test_inner_table_of_the_same_alias_hides_the_outer_one() -> None:
    inner = {"sources": ONE["sources"], "outputs": [{"expr": ["column", 1, "id"]}], "where": ID}
    with pytest.raises(LoadError, match=r"plan\.where\.1\.where speaks of no table that can be named here"):
        read_plan({**ONE, "where": ["exists", inner]})


def test_depth_and_number_of_parts_are_limited() -> None:
    def deep(levels: int) -> Any:
        expr = ID
        for _ in range(levels):
            expr = ["unary", "NOT", expr]
        return {**ONE, "where": expr}

    read_plan(deep(DEPTH_MAX - 2))
    with pytest.raises(LoadError, match=f"beyond the limits: {NODES_MAX} parts, {DEPTH_MAX} deep"):
        read_plan(deep(DEPTH_MAX - 1))
    with pytest.raises(LoadError, match="beyond the limits"):
        read_plan({**ONE, "where": ["in", ID, [ID] * NODES_MAX]})


def test_plan_of_tables_that_are_not_so_here_is_re_run_or_refused_by_sqlite(conn: sqlite3.Connection) -> None:
    conn.execute("CREATE VIEW busy AS SELECT id FROM issue")

    def rule(table: str, column: str) -> str:
        plan = read_plan({
            "sources": [{"table": ["main", table], "alias": "i"}], "outputs": [{"expr": ["column", 0, column]}],
        })  # fmt: skip
        found = compile_template(conn, Asked(render(plan), plan, from_afar=True), Catalog(conn)).template
        return f"{found.rule}: {found.reason}"

    assert rule("issue", "id") == "delta: rows of base tables by inner joins"
    assert rule("busy", "id") == "re-run: busy is a view"
    assert rule("Issue", "id") == "re-run: Issue is called issue here"
    assert rule("issue", "ID") == "re-run: issue has no column ID"
    with pytest.raises(EddylineError, match="nothing"):
        rule("nothing", "id")


# --- properties over the oracle's queries

Made = tuple[sqlite3.Connection, Catalog, str, Any]


def plans(seeds: range, stack: ExitStack) -> list[Made]:
    """Return the plans that the texts of these worlds have, as JSON; `stack` closes their databases."""
    made: list[Made] = []
    for seed in seeds:
        script = random_script(seed, views=12, steps=0)
        conn = stack.enter_context(closing(sqlite3.connect(":memory:", isolation_level=None)))
        for sql in script.setup:
            conn.execute(sql)
        catalog = Catalog(conn)
        for query in script.queries:
            try:
                plan = parse(query.sql, catalog, conn)
            except Unplannable:
                continue
            form = write_plan(plan)
            if form is None:  # a subquery in FROM
                continue
            written = json.loads(json.dumps(form))
            assert read_plan(written) == plan, query.sql
            made.append((conn, catalog, query.sql, written))
    return made


def test_plans_of_the_oracles_queries_come_back_and_share_the_texts_template(stack: ExitStack) -> None:
    shared = 0
    for conn, catalog, sql, written in (made := plans(range(10), stack)):
        shapes: Shapes = {}
        plan = read_plan(written)
        of_text = compile_template(conn, Asked(sql), catalog, shapes).template
        of_plan = compile_template(conn, Asked(render(plan), plan, from_afar=True), catalog, shapes).template
        assert (of_plan.rule, of_plan.reason, of_plan.plan) == (of_text.rule, of_text.reason, of_text.plan), sql
        assert of_plan is of_text or of_plan.columns != of_text.columns or of_text.rule == "re-run", sql
        shared += of_plan is of_text
    assert shared > len(made) / 2 > 40


def test_any_plan_that_is_read_means_what_its_text_means(stack: ExitStack) -> None:
    rng = random.Random(7)
    made = plans(range(20, 30), stack)
    pool = [node for _, _, _, written in made for _, node in nodes(written)]
    kept = 0
    for conn, catalog, _, written in made:
        for _ in range(6):
            plan = mutated(rng, written, pool)
            if plan is None:
                continue
            asked = Asked(render(plan), plan, from_afar=True)
            try:
                rule = compile_template(conn, asked, catalog).template.rule
            except EddylineError:
                continue
            if rule == "re-run":
                continue
            read = parse(asked.sql, catalog, conn)
            without_on = asked.sql.count("\nJOIN ") > asked.sql.count(" ON ")  # to sqlglot that is ON TRUE
            assert without_on or shape_of(read)[0] == shape_of(plan)[0], asked.sql
            kept += 1
    assert kept > 20


def mutated(rng: random.Random, written: Any, pool: list[Any]) -> Any:
    """Return a plan like `written` with one part replaced, None where it is refused."""
    path, old = rng.choice([*nodes(written)][1:])
    alike = [node for node in pool if type(node) is type(old)]
    copy = json.loads(json.dumps(written))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = rng.choice([*rng.choices(alike, k=8), None, 0, True, "x", [], {}])
    try:
        return read_plan(copy)
    except LoadError:
        return None


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    found = [(path, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        found += nodes(part, (*path, key))
    return found
