"""The simulation itself is tested: merges, each broken in one of the ways that matter, are caught by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from eddyline.core.log import conflicts, counters, envelopes, joins, merge, rows, seal, sets, stamps, tree
from eddyline.core.log.commit import Add, Commit, CommitId, End, Op, SetUpdate
from eddyline.core.log.dots import Dot, covers, ordered
from eddyline.core.log.life import Cell, Life, RowId
from eddyline.core.log.vector import Lane, Vector
from eddyline.core.values import SqlValue
from tests.shrinking import Mismatch, fault, smallest

from . import author, replica, store, world
from . import script as s
from .generate import random_script
from .shrink import candidates, repeat

SEEDS = 4_000


def first_caught(*kinds: str, hint: int = 0) -> int:
    """Return the first seed whose script shows a fault of one of `kinds`. `hint` is where to begin."""
    for seed in chain(range(hint, SEEDS), range(hint)):
        if fault(world.run, random_script(seed)) in kinds:
            return seed
    pytest.fail(f"none of {SEEDS} scripts noticed the broken merge")


Patch = pytest.MonkeyPatch


def test_order_by_the_clock_alone_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(store, "effective", lambda header, eff_of: header.hlc)
    first_caught("own write", "state")


def test_equal_stamps_in_the_order_in_which_they_came_are_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(store.Disk, "stamp", lambda self, commit: (self._next.effs[commit], ""))
    first_caught("state", "convergence")


def test_causality_first_and_else_the_clock_is_caught(monkeypatch: Patch) -> None:
    def put(rows: Any, commit: Commit, life: Life, column: str, value: SqlValue) -> None:  # Any: a private class
        cell = life.cells.get(column)
        logged = rows.reader.log
        if cell is None or covers(commit, cell.by) or (commit.hlc, commit.lane) > (logged[cell.by].hlc, cell.by.lane):
            life.cells[column] = Cell(value, commit.id)
            life.dots.pop((counters.KIND, column), None)

    monkeypatch.setattr(merge, "_put", put)
    first_caught("state")


def test_the_last_to_arrive_winning_is_caught(monkeypatch: Patch) -> None:
    def put(rows: Any, commit: Commit, life: Life, column: str, value: SqlValue) -> None:  # Any: a private class
        life.cells[column] = Cell(value, commit.id)
        life.dots.pop((counters.KIND, column), None)

    monkeypatch.setattr(merge, "_put", put)
    first_caught("state")


def broken_rule(monkeypatch: Patch, kind: type, rule: Callable[[Commit, Any, Life], object]) -> None:
    """Have ops of one kind merged by `rule`."""
    apply = merge._apply

    def applied(rows: Any, commit: Commit, op: Op, life: Life) -> None:  # Any: a private class
        if isinstance(op, kind):
            rule(commit, op, life)
        else:
            apply(rows, commit, op, life)

    monkeypatch.setattr(merge, "_apply", applied)


def test_a_late_edit_that_revives_a_row_is_caught(monkeypatch: Patch) -> None:
    put = merge._put

    def revive(rows: Any, commit: Commit, life: Life, column: str, value: SqlValue) -> None:  # Any: a private class
        put(rows, commit, life, column, value)
        life.ends = ()

    monkeypatch.setattr(merge, "_put", revive)
    first_caught("state")


def test_a_late_edit_that_leaks_into_the_next_life_is_caught(monkeypatch: Patch) -> None:
    life_of = rows.Rows.life

    def newest(self: rows.Rows, op: Op) -> Life:
        lives = self.of(RowId(op.table, op.key))
        newest = max([op.incarnation, *(life.incarnation for life in lives)])
        return life_of(self, op if isinstance(op, End) else replace(op, incarnation=newest))

    monkeypatch.setattr(rows.Rows, "life", newest)
    first_caught("state")


def test_a_delete_that_loses_to_an_edit_made_at_the_same_time_is_caught(monkeypatch: Patch) -> None:
    def end(commit: Commit, op: End, life: Life) -> None:
        if all(by in commit.parents for _, by in life.written_by()):
            life.ends = tuple(sorted({*life.ends, commit.id}))

    broken_rule(monkeypatch, End, end)
    first_caught("state")


def test_a_counter_that_adds_to_whatever_is_there_is_caught(monkeypatch: Patch) -> None:
    def add(commit: Commit, op: Add, life: Life) -> None:
        at = (counters.KIND, op.column)
        life.dots[at] = counters.added(life.dots.get(at, ()), commit.id, op.delta)

    broken_rule(monkeypatch, Add, add)
    first_caught("state")


def test_a_counter_whose_last_writer_wins_is_caught(monkeypatch: Patch) -> None:
    added = counters.added
    monkeypatch.setattr(counters, "added", lambda dots, by, delta: added((), by, delta))
    first_caught("state")


def test_a_counter_that_goes_on_counting_after_it_was_set_is_caught(monkeypatch: Patch) -> None:
    def put(rows: Any, commit: Commit, life: Life, column: str, value: SqlValue) -> None:  # Any: a private class
        cell = life.cells.get(column)
        if cell is None or covers(commit, cell.by) or rows.stamp(commit.id) > rows.stamp(cell.by):
            life.cells[column] = Cell(value, commit.id)

    monkeypatch.setattr(merge, "_put", put)
    first_caught("state", "own write")


def test_a_removal_that_takes_what_its_author_had_not_seen_is_caught(monkeypatch: Patch) -> None:
    def update(commit: Commit, op: SetUpdate, life: Life) -> None:
        at = (sets.KIND, op.column)
        kept = [dot for dot in life.dots.get(at, ()) if dot.value not in (*op.added, *op.removed)]
        life.dots[at] = ordered([*kept, *(Dot(commit.id, element) for element in op.added)])

    broken_rule(monkeypatch, SetUpdate, update)
    first_caught("state")


def test_joined_values_of_which_only_the_latest_is_kept_are_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(joins, "put", lambda dots, commit, op: (Dot(commit.id, op.value),))
    first_caught("state")


def test_a_tree_that_takes_every_move_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(tree, "closes_circle", lambda *_: False)
    first_caught("state", "AssertionError")


def test_a_tree_that_takes_moves_as_they_come_is_caught(monkeypatch: Patch) -> None:
    redo = tree.Tree._redo

    def as_they_come(self: tree.Tree, undone: Sequence[tree.Moved], done: Sequence[tree.Moved]) -> None:
        redo(self, (), [moved for moved in done if moved not in set(undone)])

    monkeypatch.setattr(tree.Tree, "_redo", as_they_come)
    first_caught("state")


def test_a_tree_that_takes_the_moves_of_a_commit_one_by_one_is_caught(monkeypatch: Patch) -> None:
    take = tree.Tree._take

    def one_by_one(self: tree.Tree, group: Sequence[tree.Moved]) -> None:
        for moved in group:
            take(self, [moved])

    monkeypatch.setattr(tree.Tree, "_take", one_by_one)
    first_caught("state", hint=82)


def test_conflicts_that_are_shown_although_the_edit_was_seen_are_caught(monkeypatch: Patch) -> None:
    conflict_of = conflicts.conflict_of
    monkeypatch.setattr(rows, "conflict_of", lambda row, life, parents: conflict_of(row, life, lambda _: Vector()))
    first_caught("state")


def test_groups_that_are_torn_are_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(author, "with_groups", lambda changed, row, groups: dict(changed))
    first_caught("torn group")


def test_a_unique_value_held_by_whoever_came_last_is_caught(monkeypatch: Patch) -> None:
    claims = store.Disk.claims
    monkeypatch.setattr(
        store.Disk,
        "claims",
        lambda self, *asked: [claim._replace(stamp=(-claim.stamp[0], Lane(""))) for claim in claims(self, *asked)],
    )
    first_caught("state")


def test_children_that_are_not_looked_at_when_their_parent_ends_are_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(store.Disk, "children", lambda *_: [])
    first_caught("state")


def test_a_commit_merged_twice_is_caught(monkeypatch: Patch) -> None:
    check = merge.check_next
    monkeypatch.setattr(
        replica, "check_next", lambda commit, vector, horizon: check(commit, Vector(), Vector()) or True
    )
    monkeypatch.setattr(store, "check_chain", lambda *_: None)
    first_caught("convergence", "state")


def test_a_commit_merged_before_its_parents_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(replica, "check_next", lambda commit, vector, horizon: commit.id not in vector)
    monkeypatch.setattr(store, "check_chain", lambda *_: None)
    first_caught("causal order", "KeyError", hint=275)


def test_half_a_transaction_is_caught(monkeypatch: Patch) -> None:
    whole = merge.merge
    monkeypatch.setattr(
        store,
        "merge",
        lambda reader, commit, *rest: whole(reader, replace(commit, ops=commit.ops[: len(commit.ops) // 2 + 1]), *rest),
    )
    first_caught("state")


def test_an_acknowledgment_before_the_disk_is_caught(monkeypatch: Patch) -> None:
    def start(self: replica.Replica) -> None:
        begin(self)
        own = self.disk.vector[self.lane]
        if own:  # what was acknowledged last had not been written
            self.disk = before.pop((self.number, own), self.disk)

    def write(self: replica.Replica, edits: Sequence[author.Edit]) -> Commit | None:
        disk = self.disk.copy()
        commit = done(self, edits)
        if commit is not None:
            before[self.number, commit.seq] = disk
        return commit

    begin, done = replica.Replica.start, replica.Replica.write
    before: dict[tuple[int, int], store.Disk] = {}
    monkeypatch.setattr(replica.Replica, "start", start)
    monkeypatch.setattr(replica.Replica, "write", write)
    first_caught("lost write", "ForkError")


def test_a_restored_backup_that_writes_on_in_its_lane_is_caught(monkeypatch: Patch) -> None:
    def restore(self: world.World, replica: replica.Replica) -> None:
        lane = replica.lane
        restored(self, replica)
        replica.lane = lane

    restored = world.World._restore
    monkeypatch.setattr(world.World, "_restore", restore)
    first_caught("ForkError", "convergence", hint=653)


def test_a_clamp_that_does_not_reach_what_follows_is_caught(monkeypatch: Patch) -> None:
    def restamp(headers: Any, eff_of: Callable[[CommitId], int]) -> dict[CommitId, int]:  # Any: an iterable
        moved = stamps.restamp(headers, eff_of)
        return dict(list(moved.items())[:1])

    monkeypatch.setattr(store, "restamp", restamp)
    first_caught("state", hint=58)


def test_a_clamp_that_leaves_the_winners_as_they_are_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(merge, "_elect", lambda rows, row: None)
    first_caught("state")


def test_a_clamp_that_leaves_the_tree_as_it_is_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(tree.Tree, "retake", lambda self, stamp_of: None)
    first_caught("state", "IndexError", "AssertionError")


def test_a_clamp_that_leaves_the_counts_of_another_epoch_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(merge, "_count", lambda *_: None)
    first_caught("state", hint=109)


def test_ops_dropped_while_a_clamp_may_ask_for_them_are_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(world, "may_drop_ops", lambda *_: True)
    first_caught("StateError", "state", hint=111)


def test_lives_forgotten_before_everybody_has_seen_their_end_are_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(store, "compact_lives", lambda row, lives, *_: tuple(life for life in lives if not life.ends))
    first_caught("state")


def test_places_in_a_tree_forgotten_with_their_rows_are_caught(monkeypatch: Patch) -> None:
    kept = seal.compact_lives
    monkeypatch.setattr(store, "compact_lives", lambda *args: kept(*args[:-1]))
    first_caught("state", hint=3107)


def test_a_number_that_is_forgotten_with_its_life_is_caught(monkeypatch: Patch) -> None:
    kept = seal.compact_lives
    written, ended = (author.Edit("person", "k1", how=how) for how in ("write", "end"))
    script = s.Script(2, 0, (
        s.Write(0, (written,)), s.Write(0, (ended,)), s.Talk(), s.Talk(), s.Compact(1), s.Write(1, (written,)),
    ))  # fmt: skip
    assert fault(world.run, script) is None
    monkeypatch.setattr(
        store, "compact_lives", lambda *args: tuple(life for life in kept(*args) if life.cells or life.dots)
    )
    assert fault(world.run, script) in {"state", "convergence"}


def test_moves_forgotten_out_of_their_order_are_caught(monkeypatch: Patch) -> None:
    def compact(moves: Sequence[tree.Moved], *_: object) -> Sequence[tree.Moved]:
        return moves[-1:]

    monkeypatch.setattr(store, "compact_moves", compact)
    first_caught("state")


def test_a_rejection_that_leaves_the_winners_as_they_are_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(store, "without", lambda *_: rows.Outcome({}, {}))
    first_caught("state")


def test_a_rejection_that_leaves_the_tree_as_it_is_is_caught(monkeypatch: Patch) -> None:
    retake = tree.Tree.retake
    monkeypatch.setattr(tree.Tree, "retake", lambda self, stamp_of, without=(): retake(self, stamp_of))
    first_caught("state")


def test_a_rejected_row_whose_edits_go_on_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(store, "built_on", lambda *_: None)
    first_caught("rejected", "state", "KeyError")


def test_a_row_that_is_written_again_and_rejected_with_the_first_try_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(envelopes, "_begins_anew", lambda *_: False)
    first_caught("own write", "rejected", "IndexError")


def test_a_rejected_commit_that_takes_no_place_is_caught(monkeypatch: Patch) -> None:
    merged = replica.Replica._merge

    def merge_some(self: replica.Replica, commit: Commit) -> None:
        if not (self.is_hub and commit.lane not in self.lanes and replica.is_refused(self.number, commit)):
            merged(self, commit)

    monkeypatch.setattr(replica.Replica, "_merge", merge_some)
    first_caught("convergence", "MissingParentsError")


def test_a_rejection_that_nobody_is_told_of_is_caught(monkeypatch: Patch) -> None:
    told = replica.Replica.message_to
    monkeypatch.setattr(
        replica.Replica, "message_to", lambda self, other, most: replace(told(self, other, most), rejected={})
    )
    first_caught("convergence", "state")


def test_a_snapshot_on_which_nothing_can_be_rejected_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(store.Disk, "base", lambda *_: [])
    first_caught("state", "IndexError", "KeyError")


def test_a_snapshot_in_place_of_what_its_taker_has_written_is_caught(monkeypatch: Patch) -> None:
    def install(self: store.Disk, source: store.Disk) -> None:
        self._now = self._next = source.copy()._now

    monkeypatch.setattr(store.Disk, "install", install)
    first_caught("lost write", "ForkError", "convergence")


def test_a_snapshot_of_what_may_still_be_rejected_is_caught(monkeypatch: Patch) -> None:
    def install(self: world.World, one: replica.Replica, source: replica.Replica) -> None:
        if source is not one and one.disk.horizon <= source.disk.vector:
            one.disk.install(source.disk)
            one.start()

    monkeypatch.setattr(world.World, "_install", install)
    first_caught("state", "StateError")


def test_what_is_caught_shrinks_to_a_few_steps_and_says_its_seed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(joins, "put", lambda dots, commit, op: (Dot(commit.id, op.value),))
    seed = first_caught("state")
    with pytest.raises(Mismatch) as caught:
        repeat(seed, seconds=20)
    (note,) = caught.value.__notes__
    assert f"--simulation-seed {seed}\n" in note
    assert 2 <= note.count("\n    ") <= 5, note


def test_shrinking_ends_when_time_is_over() -> None:
    script = random_script(0)
    ticks = iter(range(100))
    assert smallest(script, lambda _: True, candidates, seconds=0, now=lambda: next(ticks)) == script
