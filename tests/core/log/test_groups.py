"""Column groups: where one column changes, all are put."""

from __future__ import annotations

from eddyline.core.log.groups import with_groups
from eddyline.core.values import SqlValue

ROW: dict[str, SqlValue] = {"title": "a", "start": 8, "end": 17, "x": 1, "y": 2}
GROUPS = [("start", "end"), ("x", "y")]


def test_the_others_of_a_group_come_along_as_they_are() -> None:
    assert with_groups({"start": 9, "title": "b"}, ROW, GROUPS) == {"start": 9, "title": "b", "end": 17}


def test_what_is_in_no_group_comes_alone() -> None:
    assert with_groups({"title": "b"}, ROW, GROUPS) == {"title": "b"}
