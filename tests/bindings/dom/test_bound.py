"""Elements that follow signals: what the page is sent, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from eddyline import PageError, Scope, signal
from eddyline.bindings.browser import bind, bind_input, current_page, listen, mount, show, when
from eddyline.bindings.dom.values import plain
from eddyline.signals import ListSignal

from .conftest import PlainPage


def test_text_of_an_element_follows_once_a_frame(page: PlainPage) -> None:
    count = signal(1)
    bind("#count", lambda: f"{count()} open")
    assert page.next_frame() == [["find", 1, "#count"], ["set", 1, "text", "", "1 open"]]
    for value in (2, 3, 4):
        count.set(value)
    assert page.next_frame() == [["set", 1, "text", "", "4 open"]]
    assert page.next_frame() == []


def test_attributes_properties_styles_and_classes_follow(page: PlainPage) -> None:
    wide, link = signal("40%"), signal("/a")
    bind("#a", link, attr="href")
    bind("#a", wide, style="width")
    bind("#a", lambda: wide() == "0", cls="empty")
    bind("#a", lambda: link() is None, prop="disabled")
    page.next_frame()
    wide.set("0")
    assert page.next_frame() == [["set", 2, "style", "width", "0"], ["set", 3, "class", "empty", True]]


def test_two_aims_are_refused() -> None:
    with pytest.raises(TypeError, match="one of attr=, prop=, style= and cls=, not 2"):
        bind("#a", signal(1), attr="href", prop="value")


def test_selector_that_nothing_matches_is_an_error_where_it_is_asked_for(page: PlainPage) -> None:
    page.missing.add("#cuont")
    with pytest.raises(PageError, match="no element of the page matches #cuont"):
        bind("#cuont", signal(1))


def test_what_is_bound_ends_with_its_scope(page: PlainPage) -> None:
    count = signal(1)
    with Scope("dialog"):
        bind("#count", count)
        page.next_frame()
    count.set(2)
    assert page.next_frame() == [["drop", 1]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: bind("#count", signal(1)),
        lambda: show("#count", signal(1)),
        lambda: bind_input("#count", signal("")),
        lambda: when("#details", signal(1)),
        lambda: listen("click", "#count", print),
        lambda: mount(ListSignal(["a"]), "#count", fields={"title": str}),
    ],
)
def test_what_is_bound_in_a_scope_that_is_closed_is_refused_and_leaves_nothing(
    page: PlainPage, make: Callable[[], object]
) -> None:
    scope = Scope("dialog")
    scope.close()
    with pytest.raises(RuntimeError, match="closed"):
        scope.run(make)
    assert page.next_frame()[-1][0] in ("drop", "shut", "off")
    assert page.next_frame() == []


def test_source_that_fails_later_is_reported_and_others_go_on(page: PlainPage) -> None:
    count = signal(1)
    bind("#share", lambda: 10 // count())
    bind("#count", count)
    page.next_frame()
    count.set(0)
    assert page.next_frame() == [["set", 2, "text", "", 0]]
    assert [str(error) for error in page.errors] == ["integer division or modulo by zero"]
    page.errors.clear()
    count.set(5)
    assert page.next_frame() == [["set", 1, "text", "", 2], ["set", 2, "text", "", 5]]


def test_block_comes_and_goes_with_what_it_bound(page: PlainPage) -> None:
    chosen, title = signal(""), signal("Crash")
    when("#details", chosen, lambda: bind("#title", lambda: title() + chosen()))
    assert page.next_frame() == []
    chosen.set("!")
    assert page.next_frame() == [["open", 1, "#details"], ["find", 2, "#title"], ["set", 2, "text", "", "Crash!"]]
    title.set("Typo")
    chosen.set("?")
    assert page.next_frame() == [["set", 2, "text", "", "Typo?"]]  # the block stays: only its text follows
    chosen.set("")
    assert page.next_frame() == [["drop", 2], ["shut", 1]]
    title.set("Slow")
    assert page.next_frame() == []


def test_element_is_hidden_while_the_source_is_false(page: PlainPage) -> None:
    there = signal([1])
    show("#list", there)
    there.set([])
    assert page.next_frame()[1:] == [["set", 1, "prop", "hidden", False], ["set", 1, "prop", "hidden", True]]


def test_there_is_no_page_outside_a_browser() -> None:
    with pytest.raises(PageError, match="there is no page here"):
        current_page()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**53, "9007199254740992"),
        (3.0, "3.0"),
        (0.5, 0.5),
        (float("inf"), "inf"),
        (Decimal("1.50"), "1.50"),
        (datetime(2026, 11, 21, tzinfo=UTC), "2026-11-21T00:00:00+00:00"),
        (("a", 1), ["a", 1]),
    ],
)
def test_values_that_json_would_lose_go_as_text(value: object, expected: object) -> None:
    assert plain(value) == expected
