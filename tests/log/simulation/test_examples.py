"""The rules, one example each: two replicas write at the same time, tell each other, and show the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eddyline import BehindSealError, ForkError, MissingParentsError
from eddyline.core.clock import stamp_at
from eddyline.core.log.commit import Commit, CommitId, Move, Put, TextUpdate
from eddyline.core.log.dots import Dot
from eddyline.core.log.encoding import commit_hash
from eddyline.core.log.life import RowId
from eddyline.core.log.merge import check_chain, check_next, merge
from eddyline.core.log.vector import EMPTY, Lane, Vector
from eddyline.core.values import SqlValue

from . import script
from .author import Edit
from .replica import Replica
from .tables import FUNCTIONS
from .world import run

A, B = Lane("0" * 25 + "A"), Lane("0" * 25 + "B")
K1 = RowId("item", ("k1",))
NOW_MS = 1_000_000


def two(*, hub: bool = False) -> tuple[Replica, Replica]:
    return Replica(0, A, lambda: NOW_MS, hub), Replica(1, B, lambda: NOW_MS)


def tell(one: Replica, other: Replica) -> None:
    for _ in range(2):
        other.receive(one.message_to(other.number, 100))
        one.receive(other.message_to(one.number, 100))
    assert one.disk.dump() == other.disk.dump()


def write(replica: Replica, key: str = "k1", /, **columns: SqlValue) -> Commit:
    names = {"votes_more": "votes+", "tag": "tags+", "untag": "tags-"}
    commit = replica.write(
        [Edit("item", key, tuple((names.get(name, name), value) for name, value in columns.items()))]
    )
    assert commit is not None
    return commit


def end(replica: Replica, key: str = "k1", table: str = "item") -> Commit:
    commit = replica.write([Edit(table, key, (), "end")])
    assert commit is not None
    return commit


def item(replica: Replica, key: str = "k1") -> dict[str, SqlValue] | None:
    return replica.disk.row(RowId("item", (key,)))


def shown(replica: Replica, column: str, key: str = "k1") -> SqlValue:
    row = item(replica, key)
    assert row is not None
    return row[column]


def shared(**columns: SqlValue) -> tuple[Replica, Replica]:
    a, b = two()
    write(a, "k1", **columns)
    tell(a, b)
    return a, b


# --- Cells ---------------------------------------------------------------------------------------------------------


def test_of_two_writes_the_later_wins_and_other_columns_stay() -> None:
    a, b = shared()
    b.skew_ms = 5
    write(a, title="a", code="x")
    write(b, title="b")
    tell(a, b)
    assert (shown(a, "title"), shown(a, "code")) == ("b", "x")


def test_a_write_wins_against_all_that_its_author_had_seen_though_its_clock_is_hours_behind() -> None:
    a, b = two()
    a.skew_ms, b.skew_ms = 9_000, -9_000
    write(a, title="a")
    tell(a, b)
    write(b, title="b")
    tell(a, b)
    assert shown(a, "title") == "b"


def test_writes_of_one_stamp_are_ordered_by_their_lanes() -> None:
    a, b = shared()
    write(b, title="b")
    write(a, title="a")
    tell(b, a)
    assert shown(a, "title") == "b"


def test_a_group_is_never_mixed() -> None:
    a, b = shared(start=8, end=17)
    write(a, start=9)
    write(b, end=12)
    tell(a, b)
    assert (shown(a, "start"), shown(a, "end")) == (8, 12)


# --- Counters, sets, joined values ---------------------------------------------------------------------------------


def test_both_additions_count() -> None:
    a, b = shared(votes=10)
    write(a, votes_more=2)
    write(b, votes_more=5)
    tell(a, b)
    assert shown(a, "votes") == 17


def test_an_addition_to_what_another_has_set_anew_does_not_count() -> None:
    a, b = shared(votes=10)
    write(a, votes_more=2)
    write(b, votes=100)
    write(b, votes_more=1)
    tell(a, b)
    assert shown(a, "votes") == 101


def test_who_adds_an_element_wins_against_who_removes_it() -> None:
    a, b = shared(tag="x")
    write(a, untag="x")
    write(b, tag="x")
    tell(a, b)
    assert shown(a, "tags") == '["x"]'


def test_values_written_at_the_same_time_are_joined_and_those_seen_are_replaced() -> None:
    a, b = shared(top=1)
    write(a, top=3)
    write(b, top=5)
    tell(a, b)
    assert shown(a, "top") == 5
    write(a, top=2)
    tell(a, b)
    assert shown(a, "top") == 2


# --- Lives and conflicts -------------------------------------------------------------------------------------------


def test_an_edit_of_a_row_that_ended_is_lost_and_shown_as_a_conflict() -> None:
    a, b = shared(title="old")
    edit = write(a, title="new", code="x")
    ended = end(b)
    tell(a, b)
    assert item(a) is None
    (conflict,) = a.disk.conflicts.values()
    assert (conflict.row, conflict.columns, conflict.edits, conflict.ends) == (
        K1, ("code", "title"), (edit.id,), (ended.id,)
    )  # fmt: skip


def test_an_edit_that_was_seen_is_no_conflict() -> None:
    a, b = shared(title="old")
    end(b)
    tell(a, b)
    assert a.disk.conflicts == {}


@pytest.mark.parametrize(("how", "title"), [("restore", "new"), ("dismiss", None)])
def test_a_conflict_is_settled_everywhere_by_one_commit(how: str, title: str | None) -> None:
    a, b = shared(title="old", votes=7, tag="x", top=4)
    write(a, title="new", votes_more=1)
    end(b)
    tell(a, b)
    assert b.write([Edit("item", "k1", (), how)]) is not None
    tell(a, b)
    row = item(a)
    assert (row and row["title"], a.disk.conflicts) == (title, {})
    if row is not None:
        assert (row["votes"], row["tags"], row["top"]) == (8, '["x"]', 4)


def test_what_was_lost_is_restored_into_the_life_that_has_begun_since() -> None:
    a, b = shared(title="old", code="x")
    write(a, title="new")
    end(b)
    write(b, title="reborn", code="y")
    tell(a, b)
    assert shown(a, "title") == "reborn"
    a.write([Edit("item", "k1", (), "restore")])
    tell(a, b)
    assert (shown(a, "title"), shown(a, "code"), a.disk.conflicts) == ("new", "y", {})


def test_a_late_edit_does_not_leak_into_the_next_life() -> None:
    a, b = shared(title="old")
    a.skew_ms = 50_000
    write(a, code="late")
    end(b)
    write(b, title="reborn")
    tell(a, b)
    assert (shown(a, "title"), shown(a, "code")) == ("reborn", None)


# --- Trees ---------------------------------------------------------------------------------------------------------


def moved_at_once() -> tuple[Replica, Replica]:
    a, b = shared()
    write(a, "k2")
    tell(a, b)
    write(a, parent="k2")
    b.skew_ms = 5
    write(b, "k2", parent="k1")
    tell(a, b)
    return a, b


def test_the_move_that_would_close_a_circle_is_ignored_and_told() -> None:
    a, b = moved_at_once()
    assert (shown(a, "parent"), shown(a, "parent", "k2")) == ("k2", None)
    assert a.disk.dump()["violations"] == {("item.parent", RowId("item", ("k2",))): (("k1",), None)}
    write(b, "k2", parent="k3")
    tell(a, b)
    assert (shown(a, "parent", "k2"), a.disk.dump()["violations"]) == ("k3", {})


def test_a_move_ignored_then_is_not_done_later_when_the_way_is_free() -> None:
    a, b = moved_at_once()
    write(a, parent="k4")
    tell(a, b)
    assert (shown(a, "parent"), shown(a, "parent", "k2")) == ("k4", None)


def test_parent_and_child_may_swap_places_in_one_commit() -> None:
    a, b = shared()
    write(a, "k2", parent="k1")
    a.write([Edit("item", "k1", (("parent", "k2"),)), Edit("item", "k2", (("parent", None),))])
    tell(a, b)
    assert (shown(b, "parent"), shown(b, "parent", "k2")) == ("k2", None)


def test_a_row_that_ended_long_ago_still_decides_whether_another_may_move_below_it() -> None:
    tree = Edit("item", "k1", (("parent", "k2"),)), Edit("item", "k2", (("parent", "k1"),))
    forgets = script.Compact(1)
    run(script.Script(2, 0, (  # found by seed 1002834
        script.Write(1, tree[:1]), script.Write(1, (Edit("item", "k1", (), "end"),)), script.Talk(), forgets,
        script.Write(1, tree[1:]),
    )))  # fmt: skip


# --- Violations ----------------------------------------------------------------------------------------------------


def test_who_has_a_unique_value_for_longest_holds_it_until_it_goes() -> None:
    a, b = two()
    b.skew_ms = 5
    write(a, "k2", code="x")
    write(b, "k1", code="x")
    tell(a, b)
    assert a.disk.dump()["violations"] == {("item.code", K1): (("x",), ("k2",))}
    write(b, "k2", code="y")
    tell(a, b)
    assert a.disk.dump()["violations"] == {}


def test_a_row_whose_owner_is_gone_is_reported_until_it_is_back() -> None:
    a, b = two()
    a.write([Edit("person", "k1", (("name", "ann"),))])
    tell(a, b)
    end(a, table="person")
    write(b, owner="k1")
    tell(a, b)
    assert a.disk.dump()["violations"] == {("item.owner", K1): (("k1",), None)}
    a.write([Edit("person", "k1", (("name", "ann"),))])
    tell(a, b)
    assert a.disk.dump()["violations"] == {}


# --- Clamps --------------------------------------------------------------------------------------------------------


def test_a_clock_hours_ahead_wins_only_until_a_hub_has_its_word() -> None:
    hub, late = two(hub=True)
    write(hub)
    tell(hub, late)
    late.skew_ms = 3 * 3_600_000
    write(late, title="late")
    write(late, votes_more=3)
    hub.now_ms = late.now_ms = lambda: NOW_MS + 500
    write(hub, title="on time", votes=50)
    hub.now_ms = late.now_ms = lambda: NOW_MS + 400
    tell(hub, late)
    assert set(late.disk.clamps.values()) == {stamp_at(NOW_MS + 400)}
    assert (shown(late, "title"), shown(late, "votes")) == ("on time", 50)


# --- The door ------------------------------------------------------------------------------------------------------


def commit_of(seq: int, parents: Vector, previous: str = "") -> Commit:
    return Commit(A, seq, parents, 5, (Put("item", ("k1",), 1, {"title": "a"}),), previous=previous)


def test_a_commit_that_is_here_is_not_merged_again() -> None:
    assert check_next(commit_of(1, EMPTY), EMPTY) is True
    assert check_next(commit_of(1, EMPTY), Vector({A: 1})) is False


def test_a_commit_waits_for_its_parents_and_says_which() -> None:
    with pytest.raises(MissingParentsError) as caught:
        check_next(commit_of(3, Vector({A: 2, B: 1})), Vector({A: 1}))
    assert caught.value.missing == (f"{A}:2", f"{B}:1")


def test_a_commit_from_below_the_horizon_is_no_part_of_a_merge() -> None:
    with pytest.raises(BehindSealError, match="take it as a branch") as caught:
        check_next(commit_of(1, EMPTY), Vector({B: 2}), horizon=Vector({B: 1}))
    assert (caught.value.lane, caught.value.seq) == (A, 1)


def test_a_lane_that_was_written_twice_is_noticed_by_its_hashes() -> None:
    first = commit_of(1, EMPTY)
    check_chain(first, "")
    check_chain(commit_of(2, Vector({A: 1}), previous=commit_hash(first)), commit_hash(first))
    with pytest.raises(ForkError, match="its lane was written twice"):
        check_chain(commit_of(2, Vector({A: 1}), previous=commit_hash(first)), commit_hash(replace(first, hlc=6)))


# --- What an outcome says ------------------------------------------------------------------------------------------


def test_updates_of_texts_are_handed_on_and_their_authors_remembered() -> None:
    a, _ = shared()
    update = TextUpdate("item", ("k1",), 1, "body", 0, b"\1")
    commit = Commit(B, 1, a.disk.vector, 7, (update,))
    outcome = merge(a.disk, commit, (7, B), FUNCTIONS)
    assert outcome.texts == (update,)
    assert outcome.changes[K1].lives[0].dots["text", "body"] == (Dot(CommitId(B, 1), None),)


def test_an_outcome_has_the_row_before_and_after() -> None:
    a, _ = shared(title="old")
    commit = Commit(B, 1, a.disk.vector, 7, (Put(*K1, 1, {"title": "new"}), Move(*K1, 1, "parent", "k2")))
    change = merge(a.disk, commit, (stamp_at(NOW_MS) + 9, B), FUNCTIONS).changes[K1]
    assert change.old is not None
    assert change.new == {**change.old, "title": "new", "parent": "k2"}
