"""`store`: nested plain data, followed place by place."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.signals import ListStore, MapStore, batch, computed, effect, history, store, watch

DATA: dict[str, Any] = {"name": "Tea & Co", "goods": [{"title": "tea", "price": 3}, {"title": "milk", "price": 2}]}


def test_effect_follows_the_places_it_has_read_and_no_others() -> None:
    shop, seen = store(DATA), []
    log = effect(lambda: seen.append(shop.goods[0].price))
    shop.name = "Coffee"
    shop.goods[1].price = 9
    shop.goods[0].title = "green tea"
    shop.goods.append({"title": "rice", "price": 1})
    assert seen == [3]
    shop.goods[0].price = 4
    shop["goods"][0]["price"] += 1
    assert seen == [3, 4, 5]
    log.close()


def test_replaced_part_wakes_who_has_read_through_it_and_the_old_one_is_followed_no_more() -> None:
    shop, seen = store(DATA), []
    log = effect(lambda: seen.append(shop.goods[0].price))
    old = shop.goods[0]
    shop.goods[0] = {"title": "oil", "price": 7}
    old.price = 100
    shop.goods[0].price = 8
    shop.goods = [{"price": 1}]
    assert seen == [3, 7, 8, 1]
    log.close()


def test_set_changes_only_what_differs_however_deep() -> None:
    state = store({"a": {"x": 1, "y": 2}, "b": [1, 2]})
    part, seen = state.a, []
    logs = [effect(lambda: seen.append(("x", state.a.x))), effect(lambda: seen.append(("y", state.a.y)))]
    seen.clear()
    state.set({"a": {"x": 1, "y": 3}, "b": [1, 2]})
    assert seen == [("y", 3)]
    assert state.a is part
    for log in logs:
        log.close()


def test_data_is_copied_both_ways() -> None:
    data = {"list": [1, {"n": 2}]}
    state = store(data)
    state.list[1].n = 3
    state.list.append(4)
    assert data == {"list": [1, {"n": 2}]}
    plain = state.snapshot()
    assert plain == {"list": [1, {"n": 3}, 4]}
    assert [type(plain["list"]), type(plain["list"][1])] == [list, dict]
    plain["list"].clear()
    assert state.peek() == {"list": [1, {"n": 3}, 4]}


def test_snapshot_follows_every_leaf_and_peek_none() -> None:
    state = store({"a": {"b": [{"c": 1}]}})
    copy, runs = computed(state.snapshot), []
    log = effect(lambda: runs.append(state.peek()))
    assert copy() == {"a": {"b": [{"c": 1}]}}
    state.a.b[0].c = 2
    assert copy() == {"a": {"b": [{"c": 2}]}} == state()
    assert len(runs) == 1
    log.close()


def test_missing_place_says_what_is_there_and_is_followed() -> None:
    state, seen = store({"a": 1, "b": 2}), []
    with pytest.raises(AttributeError, match="no 'c' in this part of the store; it has: a, b"):
        state.c  # noqa: B018  # raises
    log = effect(lambda: seen.append(getattr(state, "c", None)))
    state.c = 3
    del state.c
    assert seen == [None, 3, None]
    log.close()


def test_key_with_the_name_of_a_method_is_written_as_an_item() -> None:
    state = store({"items": 1})
    with pytest.raises(AttributeError, match=r"'items' is a member of stores; write store\['items'\] = "):
        state.items = 2  # type: ignore[method-assign, assignment]  # refused
    state["items"] = 2
    assert state.snapshot() == {"items": 2}


def test_write_in_an_effect_follows_nothing_that_it_compares_with() -> None:
    state, other, runs = store({"a": {"n": 1}}), store({"go": 0}), []

    def write() -> None:
        runs.append(other.go)
        state.a = {"n": 5}
        state.set({"a": {"n": 5}, "list": [{"m": 1}]})

    log = effect(write)
    state.a.n = 7
    state.list[0].m = 8
    assert runs == [0]
    log.close()


def test_history_of_a_store_undoes_what_was_written_anywhere_in_it() -> None:
    state = store({"a": {"n": 1}, "list": [1]})
    with history(state) as steps:
        state.a.n = 2
        with batch():
            state.list.append(2)
            state.a.n = 3
        steps.undo()
        assert state.snapshot() == {"a": {"n": 2}, "list": [1]}
        steps.undo()
        assert state.snapshot() == {"a": {"n": 1}, "list": [1]}
        steps.redo()
        assert state.a.n == 2


def test_lists_of_a_store_have_the_operators_and_patches_of_lists() -> None:
    shop = store(DATA)
    cheap = shop.goods.filter(lambda each: each.price < 3).map(lambda each: each.title)
    assert cheap == ["milk"]
    shop.goods[0].price = 1
    assert cheap == ["tea", "milk"]


def test_store_takes_a_dict_or_a_list() -> None:
    assert isinstance(store([1, {"a": 1}])[1], MapStore)
    assert isinstance(store({"a": []}).a, ListStore)
    with pytest.raises(TypeError, match="a dict or a list, not int; use signal"):
        store(3)  # type: ignore[call-overload]  # refused


def test_list_gives_plain_data_followed_to_the_last_leaf_as_a_map_does() -> None:
    goods = store([{"price": 3, "tags": ["a"]}])
    copy, runs = computed(goods), []
    log = effect(lambda: runs.append(goods.peek()))
    assert copy() == goods() == goods.get() == goods.value == ({"price": 3, "tags": ["a"]},)
    assert [type(copy()[0]), type(copy()[0]["tags"])] == [dict, list]
    goods[0].tags.append("b")
    assert copy() == goods.peek() == ({"price": 3, "tags": ["a", "b"]},)
    assert [runs, goods.rows()[0] is goods[0]] == [[({"price": 3, "tags": ["a"]},)], True]
    log.close()


def test_history_of_a_list_undoes_what_was_written_anywhere_in_it() -> None:
    goods = store([{"price": 3}, {"price": 1}])
    with history(goods) as steps:
        goods[0].price = 4
        goods.value = [{"price": 4}]
        assert [steps.undo(), goods.snapshot()] == [True, [{"price": 4}, {"price": 1}]]
        assert [steps.undo(), goods.snapshot()] == [True, [{"price": 3}, {"price": 1}]]
        assert [steps.redo(), steps.redo(), goods.snapshot()] == [True, True, [{"price": 4}]]


async def test_watch_of_a_list_gives_what_changes_anywhere_in_it() -> None:
    goods = store([{"price": 3}])
    async with watch(goods) as values:
        assert await anext(values) == ({"price": 3},)
        goods[0].price = 4
        assert await anext(values) == ({"price": 4},)


def nested(depth: int, leaf: object) -> dict[str, Any]:
    data: dict[str, Any] = {"leaf": leaf}
    for _ in range(depth):
        data = {"in": [data]}
    return data


def leaf_of(data: Any) -> object:
    while "in" in data:
        data = data["in"][0]
    return data["leaf"]


def test_data_may_be_nested_deeper_than_python_recurses() -> None:
    state = store(nested(3_000, 1))
    assert [leaf_of(state.snapshot()), leaf_of(state.peek())] == [1, 1]
    state.copy = nested(3_000, 2)
    assert leaf_of(state.copy) == 2
    maps: dict[str, Any] = {"leaf": 3}
    for _ in range(3_000):
        maps = {"in": maps}
    state.maps = maps
    part, maps = state.maps, {"leaf": 4}
    for _ in range(3_000):
        maps = {"in": maps}
    state.set({"maps": maps})
    while "in" in part:
        part = part["in"]
    assert part.leaf == 4
    assert repr(state) == "<MapStore: {'maps': {'in': {'in': {...}}}}>"


def test_data_that_contains_itself_is_refused() -> None:
    around: dict[str, Any] = {"list": []}
    around["list"].append(around)
    with pytest.raises(ValueError, match="data that contains itself can't be a store"):
        store(around)
    with pytest.raises(ValueError, match="data that contains itself"):
        store(around["list"])
    state = store({"a": {"list": [1]}})
    for write in (
        lambda: state.set({"a": around}),
        lambda: state.a.list.append(around),
        lambda: state.update(b=around),
    ):
        with pytest.raises(ValueError, match="data that contains itself"):
            write()
    assert state.snapshot() == {"a": {"list": [1]}}


def test_write_that_would_make_a_store_contain_itself_is_refused() -> None:
    state = store({"a": {"list": [1]}, "b": 1})
    writes = (
        lambda: setattr(state.a, "up", state),
        lambda: state.a.update(up={"far": [state]}),
        lambda: state.a.list.append(state.a),
        lambda: state.a.list.set([state.a]),
        lambda: state.set({"a": {"list": [state]}}),
        lambda: state.a.setdefault("up", state.a),
    )
    for write in writes:
        with pytest.raises(ValueError, match=r"a store can't contain itself; write a copy: snapshot\(\)"):
            write()
    state.b = state.a  # twice in one store is no circle
    state.a.list.append(2)
    assert state.snapshot() == {"a": {"list": [1, 2]}, "b": {"list": [1, 2]}}


def test_repr_of_a_store_shows_plain_data() -> None:
    state = store({"goods": [{"title": "tea"}]}, name="shop")
    assert repr(state) == "<MapStore shop: {'goods': [{'title': 'tea'}]}>"
    assert [repr(state.goods), repr(state.goods[0])] == [
        "<ListStore: [{'title': 'tea'}]>",
        "<MapStore: {'title': 'tea'}>",
    ]


JSON = st.recursive(
    st.integers(0, 2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=6,
)


@given(start=st.dictionaries(st.sampled_from("ab"), JSON), data=st.data())
@settings(deadline=None)
def test_any_writes_at_any_place_do_what_they_do_to_plain_data(start: dict[str, Any], data: st.DataObject) -> None:
    state, plain = store(start), _copied(start)
    copy = computed(state.snapshot)
    for _ in range(data.draw(st.integers(0, 6))):
        at, there = state, plain
        while True:
            keys = list(there) if isinstance(there, dict) else list(range(len(there)))
            inner = [key for key in keys if isinstance(there[key], dict | list)]
            if not inner or data.draw(st.booleans()):
                break
            key = data.draw(st.sampled_from(inner))
            at, there = at[key], there[key]
        value = data.draw(JSON)
        if isinstance(there, dict):
            key = data.draw(st.sampled_from("ab"))
            at[key] = value
            there[key] = _copied(value)
        elif there and data.draw(st.booleans()):
            key = data.draw(st.integers(0, len(there) - 1))
            at[key] = value
            there[key] = _copied(value)
        else:
            at.append(value)
            there.append(_copied(value))
        assert copy() == plain
    after = data.draw(st.dictionaries(st.sampled_from("ab"), JSON))
    state.set(after)
    assert copy() == state.peek() == after


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def test_key_named_value_is_not_mixed_up_with_the_whole_store() -> None:
    row = store({"name": "a", "value": 3})
    with pytest.raises(AttributeError, match=r"'value' is a member of stores; write store\['value'\] = "):
        row.value = {"x": 1}
    row["value"] = 4
    assert row.snapshot() == {"name": "a", "value": 4}


def test_store_does_not_become_what_is_no_dict() -> None:
    with pytest.raises(TypeError):
        store({"a": 1}).set(cast(Any, 5))  # what no type checker lets pass
