"""A view as the rows of a list: what the page is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eddyline import Column, Database, Model, column, signal
from eddyline.bindings.browser import Event, Page, listen, mount, use_page
from eddyline.signals import ListSignal, selector

from .conftest import PlainPage


class Issue(Model):
    title: Column[str]
    state: Column[str] = column(default="open")


async def test_rows_of_a_view_become_rows_of_a_list(page: PlainPage) -> None:
    async with Database.open(":memory:", models=[Issue]) as db:
        crash = await db.write(lambda tx: tx.add(Issue(id="1", title="Crash")))
        view = await db.live(Issue.select(Issue.title, Issue.state).order_by(Issue.title))
        mount(view, "#issues", row="#issue", fields={"done": lambda row: row.state == "done"})
        assert page.next_frame() == [
            ["find", 1, "#issues"],
            ["list", 2, 1, "#issue", ["title", "state", "done"]],
            ["rows", 2, [["r", [1], [["Crash", "open", False]]]]],
        ]
        async with db.transaction() as tx:
            await tx.update(crash, state="done")
            await tx.add(Issue(title="Abc"))
        ((_, _, patches),) = page.next_frame()
        assert patches[-1] == ["u", 1, [[2, True]]]  # what fields make comes last, where its row is then
        assert sorted(patches[:-1]) == [["i", 0, 2, ["Abc", "open", False]], ["u", 0, [[1, "done"]]]]
        await db.execute("DELETE FROM issue WHERE title = 'Abc'")
        assert page.next_frame() == [["rows", 2, [["d", 0]]]]


async def test_event_in_a_row_brings_the_row_along_and_none_where_it_has_gone(page: PlainPage) -> None:
    heard: list[Any] = []
    issues = ListSignal(["a", "b"])
    mount(issues, "#issues", fields={"title": str})
    listen("click", "#issues .close", lambda event: heard.append(event.row))
    page.next_frame()
    said = {"type": "click", "id": "", "value": None, "checked": None, "list": 2, "key": 2}
    page.says("event", 3, said)
    issues.remove("b")
    page.says("event", 3, said)
    assert heard == ["b"]


def test_list_that_is_closed_takes_its_rows_along(page: PlainPage) -> None:
    issues = ListSignal(["a"])
    mounted = mount(issues, "#issues", fields={"title": str})
    page.next_frame()
    mounted.close()
    mounted.close()
    issues.append("b")
    assert page.next_frame() == [["unlist", 2], ["drop", 1]]


def test_patches_that_wait_for_a_frame_are_bounded(page: PlainPage) -> None:
    issues = ListSignal(["a", "b"])
    mount(issues, "#issues", fields={"title": str})
    page.next_frame()
    for _ in range(2000):
        issues.insert(0, "c")
        issues[0] += "!"
        issues.pop(0)
    assert page.next_frame() == [["rows", 2, [["r", [1, 2], [["a"], ["b"]]]]]]


def test_field_that_reads_a_signal_follows_it_in_the_rows_that_it_concerns(page: PlainPage) -> None:
    issues = ListSignal(["a", "b", "c"])
    chosen = signal("")
    is_chosen = selector(chosen)
    looked: list[str] = []

    def look(row: str) -> bool:
        looked.append(row)
        return is_chosen(row)

    mount(issues, "#issues", fields={"title": str, "chosen": look})
    assert page.next_frame()[1:] == [
        ["list", 2, 1, None, ["title", "chosen"]],
        ["rows", 2, [["r", [1, 2, 3], [["a", False], ["b", False], ["c", False]]]]],
    ]
    looked.clear()
    chosen.set("b")
    assert (page.next_frame(), looked) == ([["rows", 2, [["u", 1, [[1, True]]]]]], ["b"])
    chosen.set("c")
    issues[1] = "x"
    issues.move(2, 0)
    issues.insert(0, "d")
    assert page.next_frame() == [
        ["rows", 2, [["m", 2, 0], ["i", 0, 4, ["d", False]], ["u", 1, [[1, True]]], ["u", 3, [[0, "x"], [1, False]]]]]
    ]


def test_field_that_fails_leaves_its_value_out_and_is_reported(page: PlainPage) -> None:
    numbers = ListSignal([1, 0])
    mount(numbers, "#list", fields={"n": str, "share": lambda n: 10 // n})
    assert page.next_frame()[-1] == ["rows", 2, [["r", [1, 2], [["1", 10], ["0", None]]]]]
    assert [str(error) for error in page.errors] == ["integer division or modulo by zero"]
    page.errors.clear()
    numbers[1] = 5
    assert page.next_frame() == [["rows", 2, [["u", 1, [[0, "5"], [1, 2]]]]]]


class Reader:
    """What the page shows, by the ops alone."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, list[Any]]] = []

    def apply(self, text: str) -> None:
        for op in json.loads(text):
            if op[0] == "rows":
                for patch in op[2]:
                    self._patch(*patch)

    def _patch(self, kind: str, *rest: Any) -> None:
        match kind, rest:
            case "r", (ids, rows):
                self.shown = list(zip(ids, rows, strict=True))
            case "i", (at, number, cells):
                self.shown.insert(at, (number, cells))
            case "d", (at,):
                del self.shown[at]
            case "m", (at, to):
                self.shown.insert(to, self.shown.pop(at))
            case "u", (at, cells):
                for column_at, value in cells:
                    self.shown[at][1][column_at] = value


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 9), st.integers()),
        st.tuples(st.just("set"), st.integers(0, 9), st.integers()),
        st.tuples(st.just("del"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("sort"), st.just(0), st.just(0)),
        st.tuples(st.just("frame"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@given(st.lists(st.integers(), max_size=6), STEPS)
def test_page_shows_the_list_after_any_changes(start: list[int], steps: list[tuple[str, int, int]]) -> None:
    reader = Reader()
    frames: list[Callable[[], None]] = []
    with use_page(Page(reader.apply, frames.append)):
        numbers = ListSignal(start)
        mounted = mount(numbers, "#list", fields={"n": lambda n: n % 100})
        for kind, at, value in steps:
            match kind:
                case "insert":
                    numbers.insert(at, value)
                case "set" if at < len(numbers):
                    numbers[at] = value
                case "del" if at < len(numbers):
                    del numbers[at]
                case "sort":
                    numbers.sort()
                case "frame":
                    while frames:
                        frames.pop()()
        while frames:
            frames.pop()()
        assert [cells[0] for _, cells in reader.shown] == [n % 100 for n in numbers.peek()]
        ids = [number for number, _ in reader.shown]
        assert len(set(ids)) == len(ids)
        mounted.close()


def test_event_has_nothing_of_a_row_outside_of_lists() -> None:
    assert (Event("click").key, Event("click").row) == (None, None)
