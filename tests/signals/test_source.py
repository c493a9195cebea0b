"""`Source`: the seam for what is a signal without holding a value."""

from __future__ import annotations

import pytest

from eddyline.signals import Source, batch, computed, effect, signal, untracked


class Rows(Source):
    """A list that tells when it changes, as a view does."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[int] = []

    def rows(self) -> tuple[int, ...]:
        self.track()
        return tuple(self._rows)

    def add(self, row: int) -> None:
        self._rows.append(row)
        self.changed()


def test_source_wakes_effects_and_recomputes_computeds() -> None:
    rows, seen = Rows(), []
    count = computed(lambda: len(rows.rows()))
    effect(lambda: seen.append(count()))
    rows.add(7)
    assert [seen, count()] == [[0, 1], 1]


def test_two_sources_changed_in_a_batch_wake_an_effect_once() -> None:
    left, right, seen = Rows(), Rows(), []
    effect(lambda: seen.append((left.rows(), right.rows())))
    with batch():
        left.add(1)
        right.add(2)
    assert seen == [((), ()), ((1,), (2,))]


def test_source_knows_whether_it_is_watched() -> None:
    rows = Rows()
    assert not rows.watched
    log = effect(rows.rows)
    assert rows.watched
    log.close()
    assert not rows.watched


def test_untracked_read_of_a_source_is_not_followed() -> None:
    rows = Rows()
    effect(lambda: untracked(rows.rows))
    assert not rows.watched


def test_change_without_an_effective_difference_stops_at_the_computed_behind_it() -> None:
    rows, runs = Rows(), []
    empty = computed(lambda: not rows.rows())
    effect(lambda: runs.append(empty()))
    rows.add(1)
    rows.add(2)
    assert runs == [True, False]


def test_errors_of_effects_reach_the_hook_of_a_commit() -> None:
    rows, seen = Rows(), []
    errors: list[Exception] = []
    effect(lambda: 1 / (len(rows.rows()) - 1))
    effect(lambda: seen.append(rows.rows()))
    with batch(on_error=errors.append):
        rows.add(1)
    assert [[type(error) for error in errors], seen] == [[ZeroDivisionError], [(), (1,)]]


def test_error_of_an_effect_is_raised_by_a_plain_change() -> None:
    rows, one = Rows(), signal(1)
    effect(lambda: one() / (len(rows.rows()) - 1))
    with pytest.raises(ZeroDivisionError):
        rows.add(1)
