"""Result types: what a plan's columns hold, as far as it can be known without a row.

    SELECT id, title, count(*), sum(hours), total(hours), lower(title), x ->> '$.a'        with `hours` REAL
        -> int, str, int,       float,      float,        str,          None

SQLite's columns may hold anything: this is what they are declared for, a hint for whoever makes typed columns of an
empty result. None where nothing is declared, or where the value decides (NUMERIC, JSON, parameters).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

from ..schema.catalog import Affinity, Catalog, TableInfo, affinity_of
from .plan import (
    Between,
    Binary,
    Call,
    Case,
    Cast,
    Collate,
    Column,
    Compound,
    Const,
    Exists,
    Expr,
    InEach,
    InList,
    InSelect,
    Over,
    Scalar,
    Select,
    Source,
    Unary,
)

__all__ = ["ResultType", "result_types"]

ResultType: TypeAlias = Literal["int", "float", "str", "bytes"] | None

_BY_AFFINITY: Final[dict[Affinity, ResultType]] = {"INTEGER": "int", "REAL": "float", "TEXT": "str"}
_TRUTH = frozenset("= == != <> < <= > >= IS AND OR LIKE GLOB REGEXP MATCH".split()) | {"IS NOT", "NOT LIKE", "NOT GLOB"}
_WHOLE = frozenset({"&", "|", "<<", ">>"})
_ARITHMETIC = frozenset("+ - * / %".split())
_CALLS: Final[dict[str, ResultType]] = {
    **dict.fromkeys(("count", "length", "octet_length", "instr", "unicode", "sign", "json_array_length"), "int"),
    **dict.fromkeys(("total", "avg", "round", "julianday", "sqrt", "power", "exp", "ln", "log10"), "float"),
    **dict.fromkeys(
        "lower upper trim ltrim rtrim substr substring replace printf format hex typeof quote char group_concat"
        " string_agg date time datetime strftime json json_array json_object json_group_array"
        " json_group_object".split(),
        "str",
    ),
}  # fmt: skip
_WINDOW_CALLS: Final[dict[str, ResultType]] = {
    **dict.fromkeys(("row_number", "rank", "dense_rank", "ntile"), "int"),
    **dict.fromkeys(("percent_rank", "cume_dist"), "float"),
}  # fmt: skip
_LIKE_A_ROW = frozenset({"first_value", "last_value", "nth_value"})
_LIKE_ITS_ARGUMENTS = frozenset({"min", "max", "coalesce", "ifnull", "nullif"})


def result_types(plan: Select | Compound, catalog: Catalog) -> tuple[ResultType, ...]:
    """Return the type of each column of the result; of a compound where all parts agree."""
    if isinstance(plan, Compound):
        columns = zip(*(_Types(part, catalog, ()).outputs() for part in plan.parts), strict=True)
        return tuple(types[0] if len(set(types)) == 1 else None for types in columns)
    return _Types(plan, catalog, ()).outputs()


_Table: TypeAlias = TableInfo | dict[str, ResultType]


def _table(source: Source, catalog: Catalog) -> _Table:
    """Return a table, or the types of a subquery's columns by name."""
    if source.select is None:
        return catalog.table(source.table)
    first = source.select if isinstance(source.select, Select) else source.select.parts[0]
    names = [o.alias or (o.expr.name if isinstance(o.expr, Column) else "") for o in first.outputs]
    return dict(zip(map(str.lower, names), result_types(source.select, catalog), strict=True))


class _Types:
    """The types of one SELECT's expressions; `outer` are the tables of those that it stands in."""

    def __init__(self, plan: Select, catalog: Catalog, outer: Sequence[_Table]) -> None:
        self._plan, self._catalog = plan, catalog
        self._tables = [*outer, *(_table(source, catalog) for source in plan.sources)]

    def outputs(self) -> tuple[ResultType, ...]:
        return tuple(self.of(output.expr) for output in self._plan.outputs)

    def of(self, expr: Expr) -> ResultType:
        match expr:
            case Column(source, name):
                table = self._tables[source]
                if not isinstance(table, TableInfo):
                    return table.get(name.lower())
                column = table.key_column(name)
                return "bytes" if column.type.upper() == "BLOB" else _BY_AFFINITY.get(column.affinity)
            case Cast(_, kind):
                return "bytes" if affinity_of(kind) == "BLOB" else _BY_AFFINITY.get(affinity_of(kind))
            case Const(sql):
                return _literal(sql)
            case Collate(arg, _) | Unary("+", arg):
                return self.of(arg)
            case Unary("-", arg):
                return _number(self.of(arg))
            case Unary() | InList() | InEach() | InSelect() | Exists() | Between():
                return "int"
            case Binary(op, left, right):
                return self._binary(op, left, right)
            case Case(_, whens, otherwise):
                return self._common([then for _, then in whens] + ([] if otherwise is None else [otherwise]))
            case Call("sum", (arg,)):
                return _number(self.of(arg))
            case Call("iif" | "if", (_, *values)):
                return self._common(values)
            case Call(name, args) if name in _LIKE_ITS_ARGUMENTS:
                return self._common(args)
            case Call(name):
                return _CALLS.get(name)
            case Over(Call(name, (arg, *_))) if name in _LIKE_A_ROW:
                return self.of(arg)
            case Over(call):
                return _WINDOW_CALLS.get(call.name) or self.of(call)
            case Scalar(select):
                return _Types(select, self._catalog, self._tables).outputs()[0]
        return None

    def _binary(self, op: str, left: Expr, right: Expr) -> ResultType:
        if op.upper() in _TRUTH:
            return "int"
        if op == "||":
            return "str"
        if op in _WHOLE:
            return "int"
        if op in _ARITHMETIC:
            sides = {self.of(left), self.of(right)}
            return "int" if sides == {"int"} else "float" if sides in ({"float"}, {"int", "float"}) else None
        return None

    def _common(self, exprs: Iterable[Expr]) -> ResultType:
        """Return the one type of all of `exprs`, NULL literals aside."""
        types = {self.of(expr) for expr in exprs if not (isinstance(expr, Const) and expr.sql.upper() == "NULL")}
        return types.pop() if len(types) == 1 else None


def _number(kind: ResultType) -> ResultType:
    return kind if kind in ("int", "float") else None


def _literal(sql: str) -> ResultType:
    if sql[:1] == "'":
        return "str"
    if sql[:2].lower() == "x'":
        return "bytes"
    if sql.isdigit() or sql.upper() in ("TRUE", "FALSE"):
        return "int"
    return "float" if sql[:1].isdigit() or sql[:1] == "." else None
