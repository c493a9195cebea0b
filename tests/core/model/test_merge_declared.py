"""What models declare about merging, as data: what the log reads, and what is refused."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from eddyline import Column, Model, ModelError, Ref, Text, column, ref, semantic
from eddyline.core.schema.table import TableSpec


def longer(mine: str, its: str) -> str:
    return max(mine, its, key=lambda text: (len(text), text))


class Folder(Model, history="last"):
    name: Column[str]
    place: Column[str] = column(merge="order")
    parent: Ref[Folder | None] = ref(default=None, merge="tree")
    votes: Column[int] = column(default=0, merge="counter")
    hours: Column[float] = column(default=0.0, merge="counter")
    labels: Column[frozenset[str]] = column(default=frozenset(), merge="set")
    motto: Column[str] = column(default="", merge=longer)
    start: Column[int] = column(default=0, group="span")
    end: Column[int] = column(default=1, group="span")
    draft: Column[str | None] = column(default=None, local=True)
    body: Text = Text()


class Window(Model, local=True):
    width: Column[int]


def test_table_says_how_each_column_merges() -> None:
    spec: TableSpec = Folder.__table__
    assert {column.name: column.merge for column in spec.columns} == {
        "id": "last",
        "name": "last",
        "place": "order",
        "parent": "tree",
        "votes": "counter",
        "hours": "counter",
        "labels": "set",
        "motto": longer,
        "start": "last",
        "end": "last",
        "draft": "last",
        "body": "text",
    }
    assert {name: [column.name for column in columns] for name, columns in spec.groups.items()} == {
        "span": ["start", "end"]
    }
    assert [column.name for column in spec.columns if column.local] == ["draft"]
    assert (spec.history, spec.local, Window.__table__.history, Window.__table__.local) == ("last", False, "full", True)


def test_merge_function_is_called_with_python_values_and_its_result_is_checked() -> None:
    class Tagged(Model):
        tags: Column[frozenset[str]] = column(merge=lambda mine, its: mine & its)
        level: Column[int] = column(merge=lambda mine, its: max(mine, its) if mine < 100 else "high")

    spec: TableSpec = Tagged.__table__
    assert spec.merged(spec.by_attribute["tags"], '["a","b"]', '["b","c"]') == '["b"]'
    with pytest.raises(Exception, match=r"Tagged\.level takes int, not 'high'"):
        spec.merged(spec.by_attribute["level"], 100, 200)


def test_merge_function_that_breaks_a_law_is_told_by_which_values() -> None:
    class Summed(Model):
        total: Column[int] = column(merge=lambda mine, its: mine + its)

    with pytest.raises(ModelError, match=r"Summed\.total: merge= takes .* isn't idempotent: <lambda>\(-3, -3\) is -6"):
        Summed.__table__  # noqa: B018  # asking is the act


def test_merge_function_of_a_column_that_may_be_none_takes_none() -> None:
    class Best(Model):
        top: Column[int | None] = column(default=None, merge=max)

    with pytest.raises(ModelError, match=r"Best\.top: .* max\(None, None\) fails"):
        Best.__table__  # noqa: B018  # asking is the act


def test_merge_function_of_a_semantic_type_is_tried_with_its_samples() -> None:
    class Rated(Model):
        stars: Column[Annotated[int, semantic("Stars", sample=lambda rng, number: number)]] = column(
            merge=lambda mine, its: mine
        )

    with pytest.raises(ModelError, match=r"isn't commutative: of 0, 1 it makes 0"):
        Rated.__table__  # noqa: B018  # asking is the act


def test_options_of_an_abstract_class_are_those_of_its_subclasses() -> None:
    class Noted(Model, abstract=True, history="none"):
        votes: Column[int] = column(default=0, merge="counter")

    class Entry(Noted):
        title: Column[str]

    class Draft(Noted, history="full"):
        title: Column[str]

    assert (Entry.__table__.history, Draft.__table__.history) == ("none", "full")
    assert Entry.__table__.by_attribute["votes"].merge == "counter"


@pytest.mark.parametrize(
    ("hint", "options", "message"),
    [
        (Column[str], {"merge": "counter"}, "is for int and float, not for str"),
        (Column[int | None], {"merge": "counter"}, r"is for int and float, not for int \| None"),
        (Column[list[str]], {"merge": "set"}, "is for frozenset, not for list"),
        (Column[int], {"merge": "order"}, "is for str, not for int"),
        (Column[int], {"merge": "counter", "unique": True}, "a unique column takes its last writer's"),
        (Column[int], {"merge": "counter", "group": "g"}, "the columns of the group 'g' are one"),
        (Column[int], {"local": True}, "needs a default"),
        (Column[int | None], {"local": True, "group": "g"}, "says that it never merges"),
        (Column[int], {"group": "g"}, "is the only column of the group 'g'"),
        (Column[str], {"merge": "tree"}, r"is for a reference to the row above, Ref\[Odd \| None\]"),
    ],
)
def test_declaration_that_can_not_merge_is_refused(hint: Any, options: dict[str, Any], message: str) -> None:
    space = {"__annotations__": {"value": hint}, "value": column(**options), "__module__": __name__}
    odd: Any = type("Odd", (Model,), space)
    with pytest.raises(ModelError, match=rf"Odd\.value.*{message}"):
        _ = odd.__table__


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"merge": "sum"}, "merge is 'last', 'counter', 'set', 'order', 'tree' or a function of two values"),
        ({"merge": "text"}, "merge is 'last'"),
        ({"group": 3}, "group is the name that columns have in common"),
        ({"local": "yes"}, "local is True or False"),
    ],
)
def test_option_of_another_kind_is_refused_where_it_is_written(options: dict[str, Any], message: str) -> None:
    for declare in (column, ref):
        with pytest.raises(ModelError, match=message):
            declare(**options)


def test_option_of_a_class_of_another_kind_is_refused_where_it_is_written() -> None:
    with pytest.raises(ModelError, match="Odd: history is 'full', 'last' or 'none', not 'some'"):

        class Odd(Model, history="some"):  # type: ignore[arg-type]  # what is tested
            name: Column[str]

    with pytest.raises(ModelError, match="Strange: local is True or False"):

        class Strange(Model, local="yes"):  # type: ignore[arg-type]  # what is tested
            name: Column[str]
