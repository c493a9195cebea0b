"""`watch` prints what a view shows and how it changes."""

from __future__ import annotations

from io import StringIO
from typing import Any

from eddyline.bindings.watching import watch
from eddyline.signals import Scope

from .fake_view import FakeView


def test_rows_are_printed_then_each_patch() -> None:
    view: Any = FakeView(["id", "title"], [(1, "Slow"), (2, "Typo")])
    out = StringIO()
    stop = watch(view, out)
    view.insert(2, (3, "Crash"))
    view.update(0, (1, "Slow start"))
    view.move(2, 0)
    view.remove(1)
    stop()
    view.remove(0)
    assert out.getvalue().splitlines() == [
        "2 rows",
        "  0  id=1  title='Slow'",
        "  1  id=2  title='Typo'",
        "+ 2  id=3  title='Crash'",
        "~ 0  title: 'Slow' -> 'Slow start'",
        "> 2 -> 0",
        "- 1  id=1  title='Slow start'",
    ]


def test_long_list_is_printed_by_its_begin() -> None:
    view: Any = FakeView(["id"], [(i,) for i in range(2000)])
    out = StringIO()
    watch(view, out)
    assert out.getvalue().splitlines()[-1] == "  … 1,980 more"


def test_scope_ends_it() -> None:
    view: Any = FakeView(["id"], [(1,)])
    with Scope("cell"):
        watch(view, StringIO())
    assert view.listeners == 0
