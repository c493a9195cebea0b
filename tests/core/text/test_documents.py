"""Documents: what every engine does alike, held to a real Yjs."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from eddyline import MalformedUpdateError, MissingLibraryError, ParameterError
from eddyline.core.text.document import TextChange, TextDocument, changed
from eddyline.core.text.engines import genesis, open_text

from .conftest import HAS_YPY, Make

WORDS = ["a", "xyz", "é", "😀", "👩‍🚀", "e\u0301", "\n", "日本", " "]


def test_an_edit_shows_and_its_update_makes_the_same_text_elsewhere(make: Make) -> None:
    one, other = make(1), make(2)
    updates = [one.insert(0, "hello"), one.insert(5, " world"), one.delete(0, 1), one.insert(0, "J")]
    assert [str(one), len(one)] == ["Jello world", 11]
    assert [other.apply(update) for update in updates] == [
        (TextChange(0, 0, "hello"),),
        (TextChange(5, 0, " world"),),
        (TextChange(0, 1, ""),),
        (TextChange(0, 0, "J"),),
    ]
    assert str(other) == "Jello world"


def test_indexes_count_code_points(make: Make) -> None:
    one, other = make(1), make(2)
    other.apply(one.insert(0, "aé😀e\u0301b"))
    assert other.apply(one.insert(3, "|")) == (TextChange(3, 0, "|"),)
    assert other.apply(one.delete(1, 3)) == (TextChange(1, 2, ""),)
    assert [str(one), len(one)] == [str(other), len(other)] == ["a|e\u0301b", 5]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (TextChange(99, 0, "!"), "héllo!"),
        (TextChange(-5, 0, "!"), "!héllo"),
        (TextChange(3, 99, ""), "hél"),
        (TextChange(99, 99, ""), "héllo"),
        (TextChange(2, -3, ""), "héllo"),
        (TextChange(0, 99, "x"), "x"),
    ],
)
def test_ranges_are_clamped_to_the_text(make: Make, change: TextChange, expected: str) -> None:
    document = make(1)
    document.insert(0, "héllo")
    document.edit([change])
    assert str(document) == expected


def test_nothing_changed_is_no_update(make: Make) -> None:
    document = make(1)
    document.insert(0, "x")
    assert [document.insert(0, ""), document.delete(1, 5), document.delete(1, 0), document.edit([])] == [b""] * 4


def test_several_changes_are_one_update(make: Make) -> None:
    one, other = make(1), make(2)
    other.apply(one.insert(0, "one two"))
    update = one.edit([TextChange(0, 3, "three"), TextChange(5, 0, " or"), TextChange(8, 4, "")])
    assert str(one) == "three or"
    assert changed("one two", other.apply(update)) == str(other) == "three or"


def test_an_update_that_comes_twice_or_too_soon_does_no_harm(make_whole: Make) -> None:
    one, other = make_whole(1), make_whole(2)
    first, second = one.insert(0, "ab"), one.insert(1, "-")
    assert [other.apply(second), str(other)] == [(), ""]
    assert other.apply(first) == (TextChange(0, 0, "a-b"),)
    assert [other.apply(first), other.apply(second), str(other)] == [(), (), "a-b"]


@pytest.mark.skipif(not HAS_YPY, reason="y-py has no wheel for this Python")
def test_what_y_py_got_too_soon_it_gets_again_by_its_state_vector() -> None:
    one, other = open_text(1), open_text(2, engine="y-py")
    first, second = one.insert(0, "ab"), one.insert(1, "-")
    other.apply(second)
    other.apply(first)
    assert str(other) == "ab"
    assert other.apply(one.update_since(other.state_vector())) == (TextChange(1, 0, "-"),)


def test_what_another_lacks_is_exchanged_by_state_vectors(make: Make) -> None:
    one, other = make(1), make(2)
    one.insert(0, "left ")
    other.insert(0, "right ")
    missing = one.update_since(other.state_vector()), other.update_since(one.state_vector())
    other.apply(missing[0])
    one.apply(missing[1])
    assert str(one) == str(other)
    assert sorted(str(one).split()) == ["left", "right"]
    assert one.state_vector() == other.state_vector()
    third = make(3)
    third.apply(one.update_since())
    assert str(third) == str(one)


@pytest.mark.parametrize(
    "bad", [b"", b"\x01", b"\xff" * 30, b"\x01\x01\x01\x00\x04\x01\x04text\xff\xff\xff\xff\xff\xff"]
)
def test_a_malformed_update_is_refused_and_changes_nothing(make: Make, bad: bytes) -> None:
    document = make(1)
    document.insert(0, "kept")
    with pytest.raises(MalformedUpdateError):
        document.apply(bad)
    assert document.insert(4, "!")
    assert str(document) == "kept!"


@pytest.mark.parametrize("bad", [b"", b"\x05", b"\xff" * 30])
def test_a_malformed_state_vector_is_refused(make: Make, bad: bytes) -> None:
    with pytest.raises(MalformedUpdateError):
        make(1).update_since(bad)


def test_half_a_surrogate_pair_is_refused_before_anything_is_changed() -> None:
    document = open_text(1)
    with pytest.raises(ParameterError, match="half a surrogate pair"):
        document.edit([TextChange(0, 0, "fine"), TextChange(0, 0, "\ud83d")])
    with pytest.raises(ParameterError, match="a text is inserted, not 5"):
        document.insert(0, 5)  # type: ignore[arg-type]  # on purpose
    assert str(document) == ""


# -- undo


def test_undo_takes_back_what_was_edited_here_and_leaves_what_came(make_whole: Make) -> None:
    one, other = make_whole(1), make_whole(2)
    other.apply(one.insert(0, "mine "))
    one.apply(other.insert(5, "theirs "))
    other.apply(one.insert(12, "and mine"))
    undone = one.undo()
    assert undone is not None
    assert [str(one), undone.changes] == ["mine theirs ", (TextChange(12, 8, ""),)]
    other.apply(undone.update)
    again = one.undo()
    assert again is not None
    other.apply(again.update)
    assert [str(one), str(other)] == ["theirs ", "theirs "]
    redone = one.redo()
    assert redone is not None
    other.apply(redone.update)
    assert [str(one), str(other)] == ["mine theirs ", "mine theirs "]


def test_undo_of_a_delete_brings_the_text_back(make_whole: Make) -> None:
    document = make_whole(1)
    document.insert(0, "a😀b")
    document.delete(0, 2)
    undone = document.undo()
    assert undone is not None
    assert [str(document), undone.changes] == ["a😀b", (TextChange(0, 0, "a😀"),)]


def test_with_nothing_to_undo_there_is_none(make_whole: Make) -> None:
    one, other = make_whole(1), make_whole(2)
    one.apply(other.insert(0, "theirs"))
    assert [one.undo(), one.redo(), str(one)] == [None, None, "theirs"]


def test_edits_that_follow_soon_are_one_step_unless_it_was_ended() -> None:
    now_ms = [1000]
    document = open_text(1, now_ms=lambda: now_ms[0])
    for at, letter in enumerate("abc"):
        now_ms[0] += 100
        document.insert(at, letter)
    document.end_step()
    document.insert(3, "d")
    now_ms[0] += 501
    document.insert(4, "e")
    texts = []
    while document.undo():
        texts.append(str(document))
    assert texts == ["abcd", "abc", ""]


# -- sticky positions


def test_a_sticky_position_stays_at_its_character(make_whole: Make) -> None:
    one, other = make_whole(1), make_whole(2)
    other.apply(one.insert(0, "aé😀b"))
    before_b, at_end, at_start = one.sticky(3), one.sticky(4), one.sticky(0)
    after_a = one.sticky(1, after=False)
    one.apply(other.insert(3, "日"))
    one.apply(other.insert(1, "-"))
    assert str(one) == "a-é😀日b"
    for document in (one, other):
        assert [document.index_of(place) for place in (before_b, at_end, at_start, after_a)] == [5, 6, 0, 1]
    one.apply(other.delete(0, 6))
    assert [one.index_of(place) for place in (before_b, at_end, at_start, after_a)] == [0, 0, 0, 0]


def test_a_place_that_was_not_seen_yet_is_none() -> None:
    one, other = open_text(1), open_text(2)
    one.insert(0, "x")
    assert other.index_of(one.sticky(0)) is None


@pytest.mark.parametrize(
    "bad", [b"", b"\x09", b"\x00\x01", b"\x01\x04nope\x00", b"\x00" + b"\xff" * 12, b"\x01\x02\xff\xff"]
)
def test_a_malformed_position_is_refused(bad: bytes) -> None:
    with pytest.raises(MalformedUpdateError):
        open_text(1).index_of(bad)


def test_sticky_positions_are_those_of_yjs(makers: dict[str, Make]) -> None:
    ours, theirs = makers["pycrdt"](1), makers["yjs"](2)
    theirs.apply(ours.insert(0, "hé😀llo"))
    ours.apply(theirs.insert(2, "wide "))
    for index in range(len(ours) + 1):
        for after in (True, False):
            place = theirs.sticky(index, after=after)
            assert [ours.index_of(place), ours.index_of(ours.sticky(index, after=after))] == [
                theirs.index_of(place)
            ] * 2
            assert theirs.index_of(ours.sticky(index, after=after)) == theirs.index_of(place)


# -- genesis


def test_equal_first_contents_merge_to_one_and_different_ones_both_survive() -> None:
    same = [genesis("01J", "body", 1, "First.") for _ in range(2)]
    other = genesis("01J", "body", 1, "Second.")
    document = open_text(1)
    for update in (*same, other):
        document.apply(update)
    assert same[0] == same[1] != other
    assert str(document) in ("First.Second.", "Second.First.")
    assert genesis("01J", "body", 1, "") == b""


def test_every_engine_makes_the_same_genesis(makers: dict[str, Make]) -> None:
    ours = genesis("01J", "body", 3, "hé😀")
    if HAS_YPY:
        assert genesis("01J", "body", 3, "hé😀", engine="y-py") == ours
    document = makers["yjs"](1)
    document.apply(ours)
    assert str(document) == "hé😀"


# -- all engines together


@pytest.mark.parametrize("seed", range(25))
def test_random_edits_on_pycrdt_and_yjs_converge_after_losses(makers: dict[str, Make], seed: int) -> None:
    rng = random.Random(seed)
    documents = [makers[name](number) for number, name in enumerate(["pycrdt", "yjs", "pycrdt", "yjs"], 1)]
    shown = [""] * len(documents)
    waiting: list[list[bytes]] = [[] for _ in documents]
    for _ in range(40):
        at = rng.randrange(len(documents))
        if rng.random() < 0.6:
            update, shown[at] = _random_edit(documents[at], shown[at], rng)
            for other, queue in enumerate(waiting):
                if other != at and update:
                    queue.append(update)
        else:
            shown[at] = _deliver(documents[at], shown[at], waiting[at], rng, lost=0.2)
    for at, one in enumerate(documents):
        while waiting[at]:
            shown[at] = _deliver(one, shown[at], waiting[at], rng, lost=0.0)
    for document in documents:  # what was lost
        for giver in documents:
            document.apply(giver.update_since(document.state_vector()))
    assert [str(one) for one in documents] == [str(documents[0])] * len(documents)
    _hold_positions_alike(documents, rng)
    fresh = open_text(99)
    fresh.apply(documents[-1].update_since())
    assert str(fresh) == str(documents[0])


def _hold_positions_alike(whole: Sequence[TextDocument], rng: random.Random) -> None:
    """Check that all give equal positions in equal documents, and read each other's after further edits."""
    places = [(rng.randint(0, len(whole[0])), rng.random() < 0.5) for _ in range(6)]
    stickies = [[one.sticky(index, after=after) for index, after in places] for one in whole]
    found = [[one.index_of(sticky) for sticky in stickies[0]] for one in whole]
    assert found == [[index for index, _ in places]] * len(whole)
    for editor in whole[:2]:
        update, _ = _random_edit(editor, str(editor), rng)
        for one in whole if update else ():
            one.apply(update)
    for one in whole:
        for other in whole:
            one.apply(other.update_since(one.state_vector()))
    moved = [[one.index_of(sticky) for sticky in own] for one in whole for own in stickies]
    assert all(one == moved[0] for one in moved)


def _random_edit(document: TextDocument, text: str, rng: random.Random) -> tuple[bytes, str]:
    changes = []
    for _ in range(rng.randint(1, 3)):
        start = rng.randint(0, len(text))
        removed = rng.randint(0, min(4, len(text) - start)) if rng.random() < 0.4 else 0
        change = TextChange(start, removed, rng.choice(WORDS) if rng.random() < 0.8 else "")
        changes.append(change)
        text = changed(text, [change])
    update = document.edit(changes)
    assert str(document) == text
    return update, text


def _deliver(document: TextDocument, text: str, queue: list[bytes], rng: random.Random, *, lost: float) -> str:
    """Apply a waiting update, out of order, perhaps twice or never; check that the changes say what happened."""
    if not queue:
        return text
    update = queue.pop(rng.randrange(len(queue)))
    if rng.random() < lost:
        return text
    for _ in range(rng.choice([1, 1, 2])):
        text = changed(text, document.apply(update))
    assert str(document) == text
    return text


@pytest.mark.skipif(not HAS_YPY, reason="y-py has no wheel for this Python")
def test_y_py_says_what_it_lacks_and_what_has_it() -> None:
    document = open_text(1, engine="y-py")
    calls: Sequence[object] = (document.undo, document.redo, lambda: document.sticky(0), lambda: document.index_of(b""))
    for call in calls:
        with pytest.raises(MissingLibraryError, match="install pycrdt"):
            call()  # type: ignore[operator]  # functions all


@pytest.mark.parametrize("client_id", [-1, 2**32, 1.5, "a"])
def test_a_client_id_is_a_number_of_32_bits(client_id: int) -> None:
    with pytest.raises(ParameterError, match="a client id is a number from 0 to 4294967295"):
        open_text(client_id)


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="'pycrdt', 'y-py' or 'yjs', not 'automerge'"):
        open_text(1, engine="automerge")  # type: ignore[arg-type]  # on purpose
