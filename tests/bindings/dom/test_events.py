"""What the user does on a page, heard in Python."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from eddyline import Scope, signal
from eddyline.bindings.browser import Event, bind_input, listen, on

from .conftest import PlainPage

CLICK = {"type": "click", "id": "add", "value": None, "checked": None, "modifiers": ["ctrl"], "data": {"n": "7"}}


def test_function_without_arguments_or_with_one_hears_an_event(page: PlainPage) -> None:
    heard: list[Any] = []

    @on("click", "#add")
    def plain() -> None:
        heard.append("plain")

    @on("click", "#add", prevent=True)
    def full(event: Event) -> None:
        heard.append((event.id, event.modifiers, event.data["n"]))

    assert page.next_frame() == [
        ["on", 1, "click", "#add", {"prevent": False, "stop": False}],
        ["on", 2, "click", "#add", {"prevent": True, "stop": False}],
    ]
    page.says("event", 1, CLICK)
    page.says("event", 2, CLICK)
    assert heard == ["plain", ("add", frozenset({"ctrl"}), "7")]


def test_form_is_taken_from_the_browser_and_its_fields_come_along(page: PlainPage) -> None:
    heard: list[Event] = []
    listen("submit", "#new", heard.append)
    assert page.next_frame() == [["on", 1, "submit", "#new", {"prevent": True, "stop": False}]]
    form = [["title", "Crash"], ["tag", "ui"], ["tag", "slow"]]
    page.says("event", 1, {"type": "submit", "id": "new", "value": None, "checked": None, "form": form})
    assert heard[0].form == {"title": "Crash", "tag": ["ui", "slow"]}


async def test_coroutine_runs_as_a_task_and_its_failure_is_reported(page: PlainPage) -> None:
    gate = asyncio.Event()

    @on("click")
    async def wait() -> None:
        await gate.wait()
        raise OSError("disk full")

    page.says("event", 1, CLICK)
    gate.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert [str(error) for error in page.errors] == ["disk full"]
    page.errors.clear()


def test_handler_that_fails_is_reported_and_the_next_event_is_heard(page: PlainPage) -> None:
    heard: list[str] = []

    @on("click")
    def picky(event: Event) -> None:
        heard.append(event.id)
        raise ValueError(event.id)

    page.says("event", 1, CLICK)
    page.says("event", 1, CLICK)
    assert heard == ["add", "add"]
    assert len(page.errors) == 2
    page.errors.clear()


def test_function_that_takes_two_arguments_is_refused_at_once(page: PlainPage) -> None:
    with pytest.raises(TypeError):
        listen("click", None, lambda first, second: None)


def test_listener_ends_with_its_scope_and_what_was_on_its_way_is_dropped(page: PlainPage) -> None:
    heard: list[str] = []
    with Scope("dialog"):
        listen("click", None, lambda: heard.append("click"))
        page.next_frame()
    assert page.next_frame() == [["off", 1]]
    page.says("event", 1, CLICK)
    assert heard == []


def test_box_and_signal_follow_each_other(page: PlainPage) -> None:
    search = signal("")
    bind_input("#search", search)
    assert page.next_frame()[1:] == [["input", 2, 1], ["show", 2, 0, ""]]
    page.says("input", 2, 1, "c")
    page.says("input", 2, 2, "cr")
    assert search() == "cr"
    assert {tuple(op) for op in page.next_frame()} == {("show", 2, 2, "cr")}
    search.set("crash")
    assert page.next_frame() == [["show", 2, 2, "crash"]]


def test_what_the_signal_makes_of_an_edit_is_shown_even_if_it_stays_the_same(page: PlainPage) -> None:
    number = signal(7)
    bind_input("#number", number, parse=lambda text: min(int(text), 7), format=str)
    page.next_frame()
    page.says("input", 2, 1, "9")
    assert page.next_frame() == [["show", 2, 1, "7"]]


def test_what_parse_refuses_stays_in_the_box_alone(page: PlainPage) -> None:
    number = signal(7)
    bind_input("#number", number, parse=int)
    page.next_frame()
    page.says("input", 2, 1, "")
    assert (number(), page.next_frame()) == (7, [])
