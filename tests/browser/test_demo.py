"""The tracker as a web page, in a real Chromium: what a user does there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .chromium import Browser, Page


@pytest.fixture(scope="module")
def tracker(browser: Browser, tracker_url: str) -> Iterator[Page]:
    page = browser.tab()
    page.call(lambda page: page.set_viewport_size({"width": 1200, "height": 800}))
    page.call(lambda page: page.goto(tracker_url))
    page.call(lambda page: page.wait_for_selector("#issues li"))
    yield page
    page.close()


TITLES = "[...document.querySelectorAll('#issues .grow')].map(e => e.textContent)"


def wait(page: Page, condition: str) -> None:
    page.call(lambda page: page.wait_for_function(condition))


def test_projects_and_issues_are_there(tracker: Page) -> None:
    wait(tracker, "document.querySelectorAll('#issues li').length == 100")
    wait(tracker, "document.querySelectorAll('#projects li').length == 12")
    wait(tracker, "counts.textContent == '1676 open · 577 doing · 2747 done'")
    wait(tracker, "!document.querySelector('main').hidden && more.textContent == 'These are the first 100.'")


def test_what_is_typed_into_search_is_found(tracker: Page) -> None:
    tracker.call(lambda page: page.fill("#search", "guide to printing"))
    wait(tracker, "(n => 0 < n && n < 40)(document.querySelectorAll('#issues li').length)")
    wait(tracker, f"{TITLES}.every(title => title == 'Write a guide to printing')")
    tracker.call(lambda page: page.fill("#search", "no such title"))
    wait(tracker, "!none.hidden")
    tracker.call(lambda page: page.fill("#search", ""))
    wait(tracker, "document.querySelectorAll('#issues li').length == 100")


def test_project_is_picked_and_left_by_a_click(tracker: Page) -> None:
    tracker.call(lambda page: page.click("#projects li:nth-of-type(1) button"))
    wait(tracker, "document.querySelector('#projects [aria-current=true] .grow')?.textContent == 'Compass'")
    wait(tracker, "more.textContent == 'These are the first 100.'")
    tracker.call(lambda page: page.click("#projects li:nth-of-type(1) button"))
    wait(tracker, "document.querySelector('#projects [aria-current=true]') == null")


def test_issue_is_added_edited_closed_and_undone_with_the_keyboard(tracker: Page) -> None:
    tracker.call(lambda page: page.focus("#new input"))
    tracker.call(lambda page: page.keyboard.type("Written in the page"))
    tracker.call(lambda page: page.keyboard.press("Enter"))
    wait(tracker, "document.querySelector('#title')?.value == 'Written in the page'")
    tracker.call(lambda page: page.fill("#search", "written in"))
    wait(tracker, "document.querySelectorAll('#issues li').length == 1")
    tracker.call(lambda page: page.focus("#title"))
    tracker.call(lambda page: page.keyboard.press("End"))
    tracker.call(lambda page: page.keyboard.type(", 😀 too"))
    wait(tracker, "document.querySelector('#issues .grow')?.textContent == 'Written in the page, 😀 too'")
    tracker.call(lambda page: page.select_option("#state", "done"))
    wait(tracker, "document.querySelectorAll('#issues li').length == 0")
    wait(tracker, "document.querySelector('#history')?.textContent.includes('done')")
    tracker.call(lambda page: page.click("#undo"))
    wait(tracker, "document.querySelector('#state').value == 'open'")
    wait(tracker, "document.querySelectorAll('#issues [aria-current=true]').length == 1")


def test_what_a_column_refuses_is_said_and_stays_in_the_box(tracker: Page) -> None:
    tracker.call(lambda page: page.fill("#title", ""))
    wait(tracker, "document.querySelector('#error').textContent != ''")
    tracker.call(lambda page: page.fill("#title", "Written again"))
    wait(tracker, "document.querySelector('#error').textContent == ''")
    wait(tracker, "document.querySelector('#title').value == 'Written again'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_has_no_serious_fault_of_accessibility(
    tracker: Page, node_packages: Callable[..., Path], scheme: str
) -> None:
    axe = node_packages("axe-core@4.14.1") / "node_modules" / "axe-core" / "axe.min.js"
    tracker.call(lambda page: page.emulate_media(color_scheme=scheme))
    tracker.call(lambda page: page.add_script_tag(path=axe))
    found = tracker.js("async () => (await axe.run()).violations.map(v => [v.impact, v.id, v.nodes[0].html])")
    assert [fault for fault in found if fault[0] in ("serious", "critical")] == []


def test_narrow_page_has_no_sideways_scroll(tracker: Page) -> None:
    tracker.call(lambda page: page.set_viewport_size({"width": 360, "height": 740}))
    tracker.js("() => new Promise(done => requestAnimationFrame(done))")
    wide = "() => [...document.all].filter(e => e.getBoundingClientRect().right > 360).map(e => e.tagName)"
    assert (tracker.js("() => document.documentElement.scrollWidth"), tracker.js(wide)) == (360, [])
    tracker.call(lambda page: page.set_viewport_size({"width": 1200, "height": 800}))


def test_page_said_nothing_on_its_console(tracker: Page) -> None:
    fine = ("404", "slow live query")  # there is no favicon, and a loaded machine is slow
    assert [line for line in tracker.said if not any(word in line for word in fine)] == []
