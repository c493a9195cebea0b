"""Errors: one tree, drawn at its head, facts as attributes."""

from __future__ import annotations

import re
import sqlite3

import pytest

import eddyline
from eddyline.core import errors
from eddyline.core.errors import EddylineError, LockedError, UnknownTableError, is_busy


def classes() -> list[type[EddylineError]]:
    return [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, EddylineError)]


def test_the_tree_at_the_head_is_the_tree_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    (?P<lead>[ |`-]*)(?P<name>[A-Z]\w+Error)\b", line)
        if found:
            depth = len(found["lead"]) // 3
            path[depth:] = [found["name"]]
            drawn[found["name"]] = path[depth - 1] if depth else "Exception"
    assert drawn == {kind.__name__: kind.__bases__[0].__name__ for kind in classes()}


def test_every_error_is_on_the_public_face() -> None:
    assert {kind.__name__ for kind in classes()} <= set(eddyline.__all__)


def test_facts_are_attributes() -> None:
    error = UnknownTableError("no table 'x'", sql="SELECT * FROM x", table="x", near=("y",))
    assert (str(error), error.sql, error.table, error.near, error.line) == (
        "no table 'x'",
        "SELECT * FROM x",
        "x",
        ("y",),
        None,
    )


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_error_says_when_it_is_raised(kind: type[EddylineError]) -> None:
    assert kind.__doc__


def test_only_sqlites_lock_errors_are_busy() -> None:
    with sqlite3.connect(":memory:") as conn, pytest.raises(sqlite3.OperationalError) as caught:
        conn.execute("SELECT * FROM nowhere")
    assert not is_busy(caught.value)
    assert not is_busy(LockedError("ours"))
    conn.close()
