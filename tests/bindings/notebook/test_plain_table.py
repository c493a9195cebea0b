"""What a view is where nothing can be live, and how single values go to a page."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from eddyline import signal
from eddyline.bindings.notebook.cell_json import cell_json, kind_of
from eddyline.bindings.notebook.display import Display
from eddyline.bindings.notebook.plain_table import html_table, html_value, text_table

from ..fake_view import FakeView


class Peeked(FakeView):
    """A view as plain tables read it."""

    __slots__ = ()

    def peek(self) -> tuple[Any, ...]:
        return self.rows()


def test_text_has_numbers_on_the_right_and_values_on_one_line() -> None:
    view = Peeked(["id", "title"], [(7, "two\nlines"), (1234, None)])
    assert text_table(view) == "  id  title\n----  ---------\n   7  two lines\n1234  null\n2 rows"


def test_html_shows_markup_of_the_data_as_text() -> None:
    view = Peeked(["<b>id</b>"], [("<script>alert(1)</script>",)])
    html = html_table(view)
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert html_value(signal("<i>")) == "<code>&#x27;&lt;i&gt;&#x27;</code>"


def test_long_view_is_shown_by_its_first_rows_and_a_failed_one_says_why() -> None:
    view = Peeked(["id"], [(i,) for i in range(3000)])
    assert text_table(view).splitlines()[-1] == "3,000 rows, the first 50 shown"
    view.now("failed", ValueError("no such table: issue"))
    assert text_table(view).splitlines()[-1].endswith(", failed: no such table: issue")


def test_object_without_a_kernel_is_text_and_html() -> None:
    assert Display().mimebundle(signal(3)) == {"text/plain": "<Signal: 3>", "text/html": "<code>3</code>"}
    assert set(Display().mimebundle(Peeked(["id"]))) == {"text/plain", "text/html"}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (2.5, 2.5),
        (3.0, {"k": "number", "t": "3.0"}),
        (float("inf"), {"k": "number", "t": "inf"}),
        (2**60, {"k": "number", "t": "1152921504606846976"}),
        (Decimal("1.50"), {"k": "number", "t": "1.50"}),
        ("text", "text"),
        ("x" * 1001, {"k": "text", "t": "x" * 1000, "cut": 1001}),
        (b"\x89PNG", {"k": "bytes", "t": "0x89504e47", "size": 4}),
        (b"x" * 17, {"k": "bytes", "t": "0x" + "78" * 16 + "…", "size": 17}),
        (dt.date(2026, 11, 21), {"k": "date", "t": "2026-11-21"}),
        ({"a": [1, None]}, {"k": "json", "t": '{"a":[1,null]}'}),
    ],
)
def test_value_keeps_what_it_is_on_its_way_to_a_page(value: object, cell: object) -> None:
    assert cell_json(value) == cell
    json.dumps(cell_json(value), allow_nan=False)


def test_column_of_one_kind_has_it_and_a_mixed_one_is_text() -> None:
    assert [kind_of([1, 2.5, None]), kind_of([None]), kind_of([1, "a"]), kind_of([b""])] == [
        "number",
        "null",
        "text",
        "bytes",
    ]
