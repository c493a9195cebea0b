"""Advice: the indexes that the statements of a live query would use, if they were there.

    statements of the query   fill, delta, key and routing, as they run
    candidates                filters; the columns of a join; filters + ORDER BY under LIMIT
        |
    an empty copy of the schema in memory  --EXPLAIN QUERY PLAN, without and with-->  what SQLite takes, and needs

SQLite itself is the judge: a candidate is advised only if a statement then reads fewer rows or sorts none, so what an
index or key that is there serves already is never advised. What no statement misses is left out in the end.
An index ends in the row's key without saying so, ascending: an order that ends in the key descending is served by the
index of the opposite order, read backwards.
What isn't seen: the file's own statistics (ANALYZE). Nothing is advised where the schema or a statement needs functions
or collations of the program's own.
Cost: some milliseconds, when it is asked for; the database isn't read.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..changes import TOUCH, WEIGHT, Changes
from ..query.plan import (
    Between,
    Binary,
    Collate,
    Column,
    Compound,
    Const,
    Exists,
    Expr,
    InEach,
    InList,
    InSelect,
    Param,
    Scalar,
    Select,
    columns_of,
    conjuncts,
    walk,
)
from ..query.render import render, render_expr
from ..query.verdict import explain
from ..schema.catalog import Catalog, TableInfo, TableName
from ..sqltext import quote_name
from .layout import Layout
from .program import Program
from .subqueries import levels
from .template import Template

__all__ = ["advice", "missing"]

_LOG = "_eddy_log_"
_LOG_ALIAS = re.compile(_LOG + r'\d+(?: AS (\w+|"(?:[^"]|"")*"))?')
_LOOP = re.compile(r"(SCAN|SEARCH) (?:TABLE )?(.+?)(?: USING (.+?))?(?: LEFT-JOIN)?\Z", re.DOTALL)
_RANGES = frozenset({"<", "<=", ">", ">="})
_ROUNDS_MAX = 8
_ANY_LIMIT = 100


@dataclass(frozen=True, slots=True)
class _Statement:
    """One text that runs for the query. `limited`: it reads the first rows of an order; `step`: it follows a change."""

    sql: str
    limited: bool = False
    step: bool = False


@dataclass(frozen=True, slots=True)
class _Index:
    """One candidate: `terms` as they stand in CREATE INDEX, `names` of what is in them."""

    table: TableName
    terms: tuple[str, ...]
    names: tuple[str, ...]


def advice(program: Program) -> tuple[str, ...]:
    """Return the CREATE INDEX statements that would help `program`, in a lasting order; none if it is re-run."""
    return tuple(sql for _, sql in missing(program, None, prefix="ix"))


def missing(program: Program, tables: frozenset[str] | None, *, prefix: str) -> tuple[tuple[TableName, str], ...]:
    """Return the CREATE INDEX statements that would help `program`: all, or those on `tables` of main (lower case)."""
    template = program.template
    if template is None or program.rule == "re-run" or not template.ddl:
        return ()
    conn = sqlite3.connect(":memory:", isolation_level=None)
    try:
        return _missing(conn, program, template, tables, prefix)
    except sqlite3.Error:  # the schema needs what only the program has
        return ()
    finally:
        conn.close()


def _missing(
    conn: sqlite3.Connection, program: Program, template: Template, tables: frozenset[str] | None, prefix: str
) -> tuple[tuple[TableName, str], ...]:
    logs = _copy_schema(conn, template)
    statements = list(dict.fromkeys(_statements(program, template, logs)))
    candidates = list(dict.fromkeys(_candidates(program, template, Catalog(conn))))
    if tables is not None:
        candidates = [one for one in candidates if one.table.schema == "main" and one.table.name.lower() in tables]
    judge = _Judge(conn, _sought(template))
    chosen: list[_Index] = []
    for statement in statements:
        _choose(judge, statement, candidates, chosen)
    total = sum(map(judge.cost, statements))
    for index in list(chosen):  # a later one may have made it needless
        judge.drop(index)
        if sum(map(judge.cost, statements)) <= total:
            chosen.remove(index)
        else:
            judge.make(index)
    taken = {str(row[0]).lower() for schema in {t.schema for t in template.needs} for row in _names(conn, schema)}
    return tuple(
        (one.table, _create(one, _name(one, prefix, taken)))
        for one in sorted(chosen, key=lambda one: (one.table, one.terms))
    )


def _choose(judge: _Judge, statement: _Statement, candidates: Sequence[_Index], chosen: list[_Index]) -> None:
    """Add to `chosen`, and make, the candidates that `statement` gains by, the best first."""
    cost = judge.cost(statement)
    for _ in range(_ROUNDS_MAX):
        if not cost:
            return
        best: tuple[int, int, int] | None = None
        for n, index in enumerate(candidates):
            if index in chosen or not judge.make(index):
                continue
            found = (judge.cost(statement), len(index.terms), n)
            if found[0] < cost and (best is None or found < best):
                best = found
            judge.drop(index)
        if best is None:
            return
        cost = best[0]
        chosen.append(candidates[best[2]])
        judge.make(chosen[-1])


def _names(conn: sqlite3.Connection, schema: str) -> list[tuple[str]]:
    return conn.execute(f"SELECT name FROM {quote_name(schema)}.sqlite_schema").fetchall()


def _name(index: _Index, prefix: str, taken: set[str]) -> str:
    """Return a name for `index` that is free, and take it."""
    base = name = "_".join([prefix, index.table.name, *index.names])
    n = 2
    while name.lower() in taken:
        name, n = f"{base}_{n}", n + 1
    taken.add(name.lower())
    return name


def _create(index: _Index, name: str) -> str:
    schema = "" if index.table.schema == "main" else f"{quote_name(index.table.schema)}."
    return f"CREATE INDEX {schema}{quote_name(name)} ON {quote_name(index.table.name)} ({', '.join(index.terms)})"


# -- the copy


def _copy_schema(conn: sqlite3.Connection, template: Template) -> dict[TableName, str]:
    """Make the tables, their indexes and their logs, all empty; return the names of the logs."""
    for schema in sorted({name.schema for name in template.needs} - {"main", "temp"}):
        conn.execute(f"ATTACH ':memory:' AS {quote_name(schema)}")
    for name in sorted(template.needs):
        for sql in template.ddl[name]:
            conn.execute(re.sub(r"(TABLE|INDEX) ", rf"\1 {quote_name(name.schema)}.", sql, count=1))
    catalog = Catalog(conn)
    logs: dict[TableName, str] = {}
    for n, name in enumerate(sorted(template.needs)):
        table, columns = catalog.table(name), sorted(template.needs[name] - TOUCH)
        declared = "".join(f", {quote_name(column)}{table.key_column(column).declared}" for column in columns)
        conn.execute(f"CREATE TEMP TABLE {_LOG}{n} (_eddy_seq INTEGER PRIMARY KEY, {WEIGHT} INTEGER{declared})")
        logs[name] = f"temp.{_LOG}{n}"
    if not logs:
        return logs
    conn.execute("ANALYZE temp")
    conn.executemany("INSERT INTO temp.sqlite_stat1 VALUES (?, NULL, '1')", [(f"{_LOG}{n}",) for n in range(len(logs))])
    conn.execute("ANALYZE temp.sqlite_schema")
    return logs


def _parts(template: Template) -> Iterator[Template]:
    """Yield the templates of single SELECTs over base tables in `template`: parts, and what feeds derived tables."""
    if template.parts:
        for part in template.parts:
            yield from _parts(part)
    elif template.inners:
        for inner in template.inners:
            yield from _parts(inner.template)
    else:
        yield template


# -- what runs


def _statements(program: Program, template: Template, logs: Mapping[TableName, str]) -> Iterator[_Statement]:
    for part in _parts(template):
        assert isinstance(part.plan, Select), "a part is one SELECT"
        assert isinstance(part.layout, Layout), "a part has a layout"
        if part.groups is not None:
            yield _Statement(part.groups.fill_sql)
            if any(call.name in ("min", "max") for call in part.plan.aggregates):
                yield _Statement(part.groups.one_sql, step=True)
        else:
            limited = (part.plan.limit is not None or program.scrolls) and not part.plan.grouped
            yield _Statement(render(part.layout.plan(_ANY_LIMIT if limited else None)), limited=limited)
    for table, log in logs.items():
        for sql in program.delta_sql(Changes(logs={table: log}, counts={table: 1})):
            yield _Statement(sql, step=True)
        if template.route is not None and table in template.route.beside:
            yield _Statement(template.route.joined_sql(table, log), step=True)


# -- what might help


def _candidates(program: Program, template: Template, catalog: Catalog) -> Iterator[_Index]:
    for part in _parts(template):
        if isinstance(part.plan, Compound) or part.plan is None:
            continue
        tables: dict[int, TableInfo] = {}
        for first, plan in levels(part.plan):  # enclosing ones come first, so `tables` is right for each level
            tables |= {at: catalog.table(source.table) for at, source in enumerate(plan.sources, first)}
            limited = (plan.limit is not None or program.scrolls) and not plan.grouped
            layout = part.layout if plan is part.plan and limited else None
            for at in range(first, first + len(plan.sources)):
                yield from _Wanted(tables, part.plan, plan, at).candidates(layout)


class _Wanted:
    """What one occurrence of a table is asked by."""

    def __init__(self, tables: Mapping[int, TableInfo], top: Select, plan: Select, at: int) -> None:
        self._at, self._table, self._tables, self._plan = at, tables[at], tables, plan
        self.equal: list[Expr] = []
        self.ranges: list[Expr] = []
        self.tied: dict[frozenset[int], list[Expr]] = {}
        for part in _conditions(plan):
            self._take(part)
        for _, other in levels(top):
            for part in _conditions(other):
                self._take_in(part, other)
        groups = [expr for expr in plan.group_by if _of(expr) == {at}] if plan is top else []
        if groups:
            self.tied[frozenset({-1})] = groups

    def candidates(self, layout: object) -> Iterator[_Index]:
        """Yield the indexes that may help, the shorter first."""
        for tied in self.tied.values():
            yield from self._index(tied)
            if self.equal:
                yield from self._index([*tied, *self.equal])
        if self.equal:
            yield from self._index(self.equal)
        if isinstance(layout, Layout):
            yield from self._ordered(layout)
        for expr in self.ranges:
            yield from self._index([*self.equal, expr])

    def _ordered(self, layout: Layout) -> Iterator[_Index]:
        """Yield filters, then the order, as far as it is this table's own."""
        fixed = [_bare(expr) for expr in self.equal]
        terms: list[tuple[Expr, bool]] = []
        for order in layout.order:
            if _of(order.expr) != {self._at}:
                break
            if order.expr not in fixed:
                terms.append((order.expr, order.desc))
        key = {Column(self._at, name) for name in self._table.key}
        plain = [(expr, desc) for expr, desc in terms if expr not in key]
        for flip in (False, True):
            if plain:
                yield from self._index(self.equal, [(expr, desc != flip) for expr, desc in plain])
        if any(desc for _, desc in terms):
            yield from self._index(self.equal, terms)

    def _index(self, exprs: Sequence[Expr], order: Sequence[tuple[Expr, bool]] = ()) -> Iterator[_Index]:
        exprs = list(dict.fromkeys(exprs))
        bare = {_bare(expr) for expr in exprs}
        terms = [(expr, False) for expr in exprs] + [(expr, desc) for expr, desc in order if expr not in bare]
        if all(map(_indexable, (expr for expr, _ in terms))):
            yield _Index(
                self._table.name,
                tuple(render_expr(expr, ()) + (" DESC" if desc else "") for expr, desc in terms),
                tuple(_word(expr, desc=desc) for expr, desc in terms),
            )

    def _take(self, part: Expr) -> None:
        match part:
            case Binary("=" | "IS", left, right) if not _selects(part):
                explicit_first = sorted((left, right), key=lambda operand: not isinstance(operand, Collate))
                name = next(filter(None, map(self._collation, explicit_first)), None)
                for mine, other in ((left, right), (right, left)):
                    if _of(mine) == {self._at} and self._at not in _of(other):
                        term = self._under(mine, name)
                        partners = frozenset(_of(other))
                        (self.tied.setdefault(partners, []) if partners else self.equal).append(term)
            case Binary(op, left, right) if op in _RANGES and not _selects(part):
                for mine, other in ((left, right), (right, left)):
                    if _of(mine) == {self._at} and not _of(other):
                        self.ranges.append(mine)
            case Between(arg, _, _) if _of(arg) == {self._at}:
                self.ranges.append(arg)
            case InList(arg, _) | InEach(arg, _) if _of(arg) == {self._at}:
                self.equal.append(arg)

    def _take_in(self, part: Expr, plan: Select) -> None:
        """Take `x IN (SELECT y ...)`: x and y are joined."""
        for node in walk(part):
            if not isinstance(node, InSelect):
                continue
            if _of(node.arg) == {self._at} and plan is self._plan:
                self.tied.setdefault(frozenset({-2}), []).append(node.arg)
            if node.select is self._plan and len(self._plan.outputs) == 1:
                expr = self._plan.outputs[0].expr
                if _of(expr) == {self._at}:
                    self.tied.setdefault(frozenset({-3}), []).append(expr)

    def _collation(self, expr: Expr) -> str | None:
        """Return the collation that an operand brings into a comparison."""
        if isinstance(expr, Collate):
            return expr.name
        return self._tables[expr.source].key_column(expr.name).collation if isinstance(expr, Column) else None

    def _under(self, expr: Expr, name: str | None) -> Expr:
        """Return `expr` as an index has to hold it to serve a comparison under the collation `name`."""
        if name is None or not isinstance(expr, Column) or self._collation(expr) == name:
            return expr
        return Collate(expr, name)


def _conditions(plan: Select) -> list[Expr]:
    conditions = [*(source.on for source in plan.sources), plan.where]
    return [part for condition in conditions for part in conjuncts(condition)]


def _of(expr: Expr) -> set[int]:
    """Return the occurrences that `expr` reads."""
    return {column.source for column in columns_of(expr)}


def _selects(expr: Expr) -> bool:
    return any(isinstance(node, Exists | InSelect | Scalar) for node in walk(expr))


def _bare(expr: Expr) -> Expr:
    return _bare(expr.arg) if isinstance(expr, Collate) else expr


def _word(expr: Expr, *, desc: bool) -> str:
    """Return what a term of an index gives to its name."""
    bare = _bare(expr)
    words = [bare.name if isinstance(bare, Column) else "expr"]
    if isinstance(expr, Collate):
        words.append(expr.name.lower())
    return "_".join([*words, "desc"] if desc else words)


def _indexable(expr: Expr) -> bool:
    return (
        not isinstance(_bare(expr), Const) and not _selects(expr) and not any(isinstance(n, Param) for n in walk(expr))
    )


def _sought(template: Template) -> frozenset[str]:
    """Return the columns, in lower case, by which rows are looked up: those of joins, correlations and groups."""
    found: set[str] = set()
    for part in _parts(template):
        if not isinstance(part.plan, Select):
            continue
        for _, plan in levels(part.plan):
            tied = [c for c in _conditions(plan) if len(_of(c)) > 1]
            tied += [node.arg for c in _conditions(plan) for node in walk(c) if isinstance(node, InSelect)]
            tied += [output.expr for output in plan.outputs] if plan is not part.plan else []
            found.update(column.name.lower() for expr in (*tied, *plan.group_by) for column in columns_of(expr))
    return frozenset(found)


# -- what SQLite says


class _Judge:
    """Says what a statement costs with the indexes that are there."""

    def __init__(self, conn: sqlite3.Connection, sought: frozenset[str]) -> None:
        self._conn, self._sought = conn, sought
        self._tried: dict[_Index, str] = {}

    def make(self, index: _Index) -> bool:
        """Make `index`; False where SQLite refuses it: the rowid, a function that isn't deterministic."""
        try:
            self._conn.execute(_create(index, self._tried.setdefault(index, f"_eddy_try_{len(self._tried)}")))
        except sqlite3.Error:
            return False
        return True

    def drop(self, index: _Index) -> None:
        """Take `index` off."""
        self._conn.execute(f"DROP INDEX {quote_name(index.table.schema)}.{self._tried[index]}")

    def cost(self, statement: _Statement) -> int:
        """Return how far `statement` is from what indexes could make of it: 0 where each row is found by one."""
        logs = {(found[1] or "").strip('"').replace('""', '"') for found in _LOG_ALIAS.finditer(statement.sql)}
        try:
            lines = explain(self._conn, statement.sql, "EXPLAIN QUERY PLAN")
        except sqlite3.Error:
            return 0
        total, outermost = 0, not statement.step
        for line in map(str, (row[3] for row in lines)):
            loop = _LOOP.match(line)
            if loop is None:
                total += _sorting(line) if statement.limited else 0
            elif loop[2] not in logs and not loop[2].startswith(("CONSTANT ROW", "(")) and "VIRTUAL" not in line:
                total += self._reading(loop[1], loop[3] or "", outermost=outermost, step=statement.step)
                outermost = False
        return total

    def _reading(self, how: str, using: str, *, outermost: bool, step: bool) -> int:
        if how == "SCAN":
            return 1 if outermost else 3
        if using.startswith("AUTOMATIC"):
            return 3
        terms = re.findall(r"(?:\(| AND )(.+?)[=<>]\?", using)
        rowid = "PRIMARY KEY" in using
        return int(step and not rowid and not any(t == "<expr>" or t.lower() in self._sought for t in terms))


def _sorting(line: str) -> int:
    if not line.startswith("USE TEMP B-TREE") or not line.endswith("ORDER BY"):
        return 0
    return 4 if line == "USE TEMP B-TREE FOR ORDER BY" else 2
