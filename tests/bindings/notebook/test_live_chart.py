"""Charts: what goes to the page, and the scales by which the page draws it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, ParameterError
from eddyline.bindings.jupyter import LiveChart
from eddyline.bindings.notebook.assets import asset
from eddyline.signals import ManualClock

from ..fake_view import FakeView
from .fake_comm import FakeComm


def a_chart(view: FakeView, **options: Any) -> tuple[LiveChart, ManualClock]:
    clock = ManualClock()
    chart = LiveChart(view, clock=clock, **options)  # type: ignore[arg-type]  # as much of a view as it uses
    clock.advance(1)
    return chart, clock


def sales(rows: int = 3) -> FakeView:
    return FakeView(["id", "day", "note", "n"], [(i, f"2026-01-{i + 1:02}", "x" * 500, i * 10) for i in range(rows)])


def test_only_the_columns_that_are_drawn_go_to_the_page(comms: list[FakeComm]) -> None:
    a_chart(sales(), x="day", y="n")
    snapshot = comms[0].data["state"]["snapshot"]
    assert [column["name"] for column in snapshot["columns"]] == ["day", "n"]
    assert snapshot["rows"] == [["2026-01-01", 0], ["2026-01-02", 10], ["2026-01-03", 20]]


def test_patches_reach_the_page_as_cells_of_the_chart(comms: list[FakeComm]) -> None:
    view = sales()
    _, clock = a_chart(view, x="day", y="n")
    comms[0].say(op="want", id="a", first=0, size=10**6)
    comms[0].sent.clear()
    view.update(1, (1, "2026-01-02", "another note", 99))
    view.insert(3, (3, "2026-01-04", "", 5))
    clock.advance(0.04)
    (message,) = comms[0].heard()
    assert message["windows"]["a"]["ops"] == [["i", 3, 3, ["2026-01-04", 5], False], ["u", 1, {"1": 99}]]


def test_change_of_a_column_that_is_not_drawn_is_not_told(comms: list[FakeComm]) -> None:
    view = sales()
    _, clock = a_chart(view, x="day", y="n")
    comms[0].say(op="want", id="a", first=0, size=10**6)
    clock.advance(1)
    comms[0].sent.clear()
    view.update(1, (1, "2026-01-02", "another note", 10))
    clock.advance(0.04)
    assert comms[0].heard() == []


@pytest.mark.parametrize(
    ("options", "drawn", "spec"),
    [
        ({}, ("id", "day"), {"kind": "line", "y": 1, "color": False}),
        ({"x": "day", "y": ["n", "id"]}, ("day", "n", "id"), {"kind": "line", "y": 2, "color": False}),
        (
            {"kind": "bar", "x": "day", "y": "n", "color": "note"},
            ("day", "n", "note"),
            {"kind": "bar", "y": 1, "color": True},
        ),
    ],
)
def test_columns_are_x_then_y_then_colour(
    options: dict[str, Any], drawn: tuple[str, ...], spec: dict[str, Any], comms: list[FakeComm]
) -> None:
    chart, _ = a_chart(sales(), **options)
    assert (chart._drawing.columns, chart.spec) == (drawn, spec)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"x": "week"}, "live_chart: no column 'week'; the view has: id, day, note, n"),
        ({"kind": "pie"}, "live_chart: kind is one of line, bar, scatter, area, not 'pie'"),
        ({"x": "day", "y": ["n", "id"], "color": "note"}, "color= makes the series, so y= is one column then"),
    ],
)
def test_chart_that_can_not_be_drawn_says_why(options: dict[str, Any], why: str, comms: list[FakeComm]) -> None:
    with pytest.raises(ParameterError, match=why):
        a_chart(sales(), **options)


def test_chart_of_a_hundred_thousand_rows_tells_the_page_a_few_thousand_and_how(comms: list[FakeComm]) -> None:
    view = FakeView(["x", "y"], [(i, i * 7919 % 100_003) for i in range(100_000)])
    chart, clock = a_chart(view)
    comms[0].say(op="want", id="a", first=0, size=10**6)
    (message,) = comms[0].heard()
    assert len(message["rows"]) == chart.drawn.marks < 4000
    assert message["facts"]["drawn"] | {"marks": 0} == {
        "rows": 100_000,
        "marks": 0,
        "how": "extremes",
        "axis": "number",
        "left_out": 0,
        "folded": 0,
        "most": 1,
        "together": 0,
    }
    assert message["facts"]["caption"] == chart.drawn.caption
    view.update(50_000, (50_000, 10**6))
    clock.advance(1)
    (told,) = comms[0].heard()
    assert [op[3] for op in told["windows"]["a"]["ops"] if op[0] == "i"] == [[50_000, 1_000_000]]


async def test_chart_of_a_window_of_a_list_says_so(comms: list[FakeComm]) -> None:
    async with Database.open(":memory:") as db:
        await db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        await db.executemany("INSERT INTO t VALUES (?, ?)", [(i, i) for i in range(50)])
        view = await db.live("SELECT id, a FROM t ORDER BY id")
        await view.window(0, 10)
        chart = LiveChart(view, clock=ManualClock())
        assert comms[0].data["state"]["snapshot"]["facts"]["caption"] == "10 of 50 rows: those that the view shows"
        chart.close()


# --- the page's side, in node

ASKED = """
const found = JSON.parse(process.argv[2]).map(([name, ...given]) => exported[name](...given));
console.log(JSON.stringify(found));
"""
DAY = 86_400_000


def scales(folder: Path, *calls: list[Any]) -> Any:  # Any: JSON
    """Return what functions of chart_scales.js give."""
    if shutil.which("node") is None:
        pytest.skip("node isn't installed: the page's side can't be run here")
    script = folder / "scales.mjs"
    names = "{ extent, niceTicks, numberOf, tickText, timeOf, timeTicks, valueOf }"
    script.write_text(
        f"{asset('feed_rows.js', 'chart_scales.js')}\nconst exported = {names};\n{ASKED}", encoding="utf-8"
    )
    ran = subprocess.run(["node", script, json.dumps(calls)], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(ran.stdout)


def test_ticks_are_round_and_inside(tmp_path: Path) -> None:
    found = scales(
        tmp_path,
        ["niceTicks", 0, 97, 5],
        ["niceTicks", -0.3, 0.3, 4],
        ["niceTicks", 1_000_000, 9_000_000, 4],
        ["niceTicks", 5, 5, 4],
        ["timeTicks", 0, 10 * DAY, 5],
    )
    assert found == [
        [0, 20, 40, 60, 80],
        [-0.2, 0, 0.2],
        [2_000_000, 4_000_000, 6_000_000, 8_000_000],
        [5],
        [0, 2 * DAY, 4 * DAY, 6 * DAY, 8 * DAY, 10 * DAY],
    ]


def test_cells_are_read_as_their_axis_is(tmp_path: Path) -> None:
    found = scales(
        tmp_path,
        ["timeOf", "2026-01-01 00:00:10"],
        ["valueOf", {"k": "date", "t": "2026-01-01 10:00:00+00:00"}, "time"],
        ["valueOf", {"k": "number", "t": "3.0"}, "number"],
        ["valueOf", {"k": "number", "t": "3.0"}, "text"],
    )
    assert found == [1_767_225_610_000, 1_767_261_600_000, 3, "3.0"]


def test_extent_has_room_for_one_value_and_for_none(tmp_path: Path) -> None:
    found = scales(
        tmp_path,
        ["extent", [3, 3], False],
        ["extent", [], False],
        ["extent", [None, 5, 2], True],
        ["extent", [-4, -2], True],
    )
    assert found == [[2.5, 3.5], [0, 1], [0, 5], [-4, 0]]


def test_labels_are_as_fine_as_the_span(tmp_path: Path) -> None:
    at = 1_767_225_610_000
    found = scales(
        tmp_path,
        ["tickText", at, "time", 60_000],
        ["tickText", at, "time", 5 * 3_600_000],
        ["tickText", at, "time", 30 * DAY],
        ["tickText", at, "time", 900 * DAY],
        ["tickText", 12_345.5, "number"],
        ["tickText", 25_000_000, "number"],
    )
    assert found == ["00:00:10", "00:00", "01-01", "2026-01", "12,345.5", "2.5e7"]
