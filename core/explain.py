"""Explain: how a live query is kept, by which rule and why, as data and as text.

rule       delta: groups kept by accumulators
state      25 rows and groups
costs      810 steps in 12.4 ms (mean 15 us, worst 402 us): 1620 changed rows in, 37 patches out
last cost  41 us
when Track changes:
    SELECT ...
plan       SCAN t
advice     CREATE INDEX ix_Track_GenreId ON Track (GenreId)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .changes import TOUCH, Changes
from .ivm.advice import advice
from .ivm.program import Program

__all__ = ["Explanation", "explain_program"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `explain()` returns.

    `data` holds sql, rule, reason, tables, routed (the columns whose values say whether a change reaches the view, or
    None), defining_sql, delta_sql, plan, advice (CREATE INDEX statements: what its statements miss), state_size,
    window (the places (from, to) of the rows that are held of a list that scrolls, and its length, or None),
    steps, read_anew, reruns, rows_in, rows_out (patches), total_us, mean_us and worst_us (as in `QueryStats`),
    last_cost_us, repairs (how often a step contradicted what was held, so that the query was read anew) and last_repair
    (by which error).
    """

    data: dict[str, Any]

    def __str__(self) -> str:
        data = self.data
        lines = [f"rule       {data['rule']}: {data['reason']}", f"tables     {', '.join(data['tables']) or 'none'}"]
        if data["routed"]:
            lines.append(f"reached by {', '.join(data['routed'])}")
        if data["rule"] != "re-run":
            lines.append(f"state      {data['state_size']} rows and groups")
        if data["window"] is not None:
            lines.append("window     rows {:,} to {:,} of {:,} are held, the others in SQLite".format(*data["window"]))
        if data["steps"] or data["reruns"]:
            times = f"{data['total_us'] / 1e3:.1f} ms (mean {data['mean_us']:.0f} us, worst {data['worst_us']:.0f} us)"
            runs = f", run again {data['reruns']} times" if data["reruns"] else ""
            rows = f"{data['rows_in']} changed rows in, {data['rows_out']} patches out"
            lines.append(f"costs      {data['steps']} steps{runs} in {times}: {rows}")
        if data["last_cost_us"] is not None:
            lines.append(f"last cost  {data['last_cost_us']:.0f} us")
        if data["repairs"]:
            lines.append(f"repairs    {data['repairs']} times read anew, last after: {data['last_repair']}")
        for table, statements in data["delta_sql"].items():
            lines.append(f"when {table} changes:")
            lines += [f"    {line}" for sql in statements for line in [*sql.splitlines(), ""]][:-1]
        for line in data["plan"]:
            lines.append(f"plan       {line}")
        lines += [f"advice     {statement}" for statement in data["advice"]]
        return "\n".join(lines)


def explain_program(program: Program, cost_us: float | None) -> Explanation:
    """Return the explanation of `program`, whose last step cost `cost_us` microseconds."""
    template = program.template
    needs, meter = program.needs(), program.meter
    delta: dict[str, list[str]] = {}
    for table in sorted(needs):
        if not needs[table] <= TOUCH:
            log = f"temp.changes_of_{table.name}"
            delta[str(table)] = program.delta_sql(Changes(logs={table: log}, counts={table: 1}))
    route = template.route if template is not None and program.rule != "re-run" else None
    if program.reads_inside(route):
        route = None
    return Explanation(
        {
            "sql": program.sql,
            "rule": program.rule,
            "reason": program.reason,
            "tables": [str(table) for table in sorted(needs)],
            "routed": [f"{route.table}.{column.name}" for column in route.columns] if route is not None else None,
            "defining_sql": program.defining or program.sql,
            "delta_sql": delta,
            "plan": list(template.index_use) if template is not None else [],
            "advice": list(advice(program)),
            "state_size": program.state_size,
            "window": program.held,
            "steps": meter.steps,
            "read_anew": meter.read_anew,
            "reruns": meter.reruns,
            "rows_in": meter.rows_in,
            "rows_out": meter.patches,
            "total_us": meter.total_us,
            "mean_us": meter.mean_us,
            "worst_us": meter.worst_us,
            "last_cost_us": cost_us,
            "repairs": program.repairs,
            "last_repair": repr(program.last_repair) if program.repairs else None,
        }
    )
