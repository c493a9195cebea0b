"""Edits that cross on the way between two sides: equal texts, whatever crosses; the page's half does the same."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline import TextChange
from eddyline.bindings.dom.transform import TOLD_EVERY, Edit, Side, as_changes, as_edit, transformed

SCRIPT = Path(__file__).resolve().parents[3] / "bindings" / "web" / "transform.mjs"


def after(text: str, edit: Edit) -> str:
    """Return `text` after `edit`."""
    for change in as_changes(edit):
        assert change.start + change.removed <= len(text)
        text = text[: change.start] + change.inserted + text[change.start + change.removed :]
    return text


@st.composite
def edits(draw: st.DrawFn, length: int) -> Edit:
    """Draw an edit of a text of `length`, in any number of places."""
    made = list[int | str]()
    while length and draw(st.booleans()):
        kept = draw(st.integers(0, length))
        removed = draw(st.integers(0, length - kept))
        inserted = draw(st.text(alphabet="xy😀", max_size=2))
        made += [part for part in (kept, inserted, -removed) if part]
        length -= kept + removed
    return made


@given(st.data())
def test_either_edit_after_the_other_makes_the_same_text(data: st.DataObject) -> None:
    text = data.draw(st.text(alphabet="ab😀", max_size=8))
    one, other = data.draw(edits(len(text))), data.draw(edits(len(text)))
    moved, back = transformed(one, other, first=True), transformed(other, one, first=False)
    assert after(after(text, other), moved) == after(after(text, one), back)


@pytest.mark.parametrize(
    ("one", "other", "moved"),
    [
        ([3, "x"], ["ab"], [5, "x"]),
        ([3, "x"], [3, "ab"], [3, "x"]),  # the first side's stands in front
        ([1, -4], [2, "ab"], [1, -1, 2, -3]),  # what came into a range that goes stays
        ([1, -4], [3, -4], [1, -2]),  # nothing goes twice
        ([2, "x"], [1, -4], [1, "x"]),
        ([], [1, -4], []),
    ],
)
def test_an_edit_moves_with_what_it_crosses(one: Edit, other: Edit, moved: Edit) -> None:
    assert transformed(one, other, first=True) == moved


def test_changes_and_edits_say_the_same() -> None:
    assert as_edit(TextChange(4, 5, "two")) == [4, "two", -5]
    assert as_changes([4, "two", -5, 3, -1]) == [TextChange(4, 5, "two"), TextChange(10, 1, "")]


class Ours:
    """A side in this Python, with its text."""

    def __init__(self, text: str, *, first: bool) -> None:
        self.text, self.side = text, Side(first=first)

    def make(self, change: TextChange) -> list[Any]:
        edit = as_edit(change)
        self.text = after(self.text, edit)
        return list(self.side.made(edit))

    def take(self, message: list[Any]) -> int | None:
        self.text = after(self.text, self.side.take(*message))
        return self.side.tells()

    def hear(self, heard: int) -> None:
        self.side.hear(heard)


class Theirs:
    """A side in the page's script, run by node."""

    def __init__(self, node: Node, text: str) -> None:
        self.node = node
        self.node.ask("begin", text)

    @property
    def text(self) -> str:
        return str(self.node.ask("text"))

    def make(self, change: TextChange) -> list[Any]:
        made: list[Any] = self.node.ask("make", change.start, change.removed, change.inserted)
        return made

    def take(self, message: list[Any]) -> int | None:
        told: int | None = self.node.ask("take", *message)
        return told

    def hear(self, heard: int) -> None:
        self.node.ask("hear", heard)


def play(rng: random.Random, page: Ours | Theirs, python: Ours, steps: int) -> None:
    """Let both sides edit, and messages be late, until all is heard."""
    sides = (page, python)
    lines: tuple[deque[Any], deque[Any]] = deque(), deque()  # to the page, to Python

    def deliver(to: int) -> None:
        message = lines[to].popleft()
        if isinstance(message, int):
            sides[to].hear(message)
            return
        told = sides[to].take(message)
        if told is not None:
            lines[1 - to].append(told)

    talkative = rng.random()  # one of the two may say nearly nothing
    for _ in range(steps):
        if rng.random() < 0.5:
            at = int(rng.random() < talkative)
            length = len(sides[at].text)
            start = rng.randrange(length + 1)
            removed = min(rng.randrange(4), length - start) if rng.random() < 0.5 else 0
            lines[1 - at].append(sides[at].make(TextChange(start, removed, rng.choice(["", "a", "b😀", "30"]))))
        else:
            ready = [to for to in (0, 1) if lines[to]]
            if ready:
                deliver(rng.choice(ready))
    while any(lines):
        deliver(0 if lines[0] else 1)


@pytest.mark.parametrize("seed", range(30))
def test_two_sides_are_equal_when_all_is_heard(seed: int) -> None:
    rng = random.Random(seed)
    page, python = Ours("one 😀 three", first=True), Ours("one 😀 three", first=False)
    play(rng, page, python, 200)
    assert page.text == python.text, f"seed {seed}"


def test_a_side_that_only_hears_says_so_now_and_then_and_nothing_piles_up() -> None:
    page, python = Ours("", first=True), Ours("", first=False)
    for _ in range(10 * TOLD_EVERY):
        told = python.take(page.make(TextChange(0, 0, "a")))
        if told is not None:
            page.hear(told)
    assert len(page.side._unheard) < TOLD_EVERY
    assert python.text == page.text


class Node:
    """The page's script in node: a line asks, a line answers."""

    CODE = """
import { asChanges, asEdit, makeSide, points } from SCRIPT
import { createInterface } from "node:readline"
let text, side
const make = (edit) => {
  for (const [start, removed, inserted] of asChanges(edit)) {
    const all = [...text]
    all.splice(start, removed, inserted)
    text = all.join("")
  }
}
const acts = {
  begin(first) { text = first; side = makeSide(true) },
  text: () => text,
  make(...change) { const edit = asEdit(...change); make(edit); return side.made(edit) },
  take(heard, edit) { make(side.take(heard, edit)); return side.tells() },
  hear: (heard) => side.hear(heard),
  points,
}
for await (const line of createInterface({ input: process.stdin })) {
  const [act, ...said] = JSON.parse(line)
  process.stdout.write(JSON.stringify(acts[act](...said) ?? null) + "\\n")
}
"""

    def __init__(self) -> None:
        code = self.CODE.replace("SCRIPT", json.dumps(SCRIPT.as_uri()))
        command = ["node", "--input-type=module", "-e", code]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def ask(self, *said: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        with self._process:
            pass


def test_the_pages_half_is_equal_to_pythons_when_all_is_heard() -> None:
    if shutil.which("node") is None:
        pytest.skip("node isn't installed: the page's half can't be run")
    node = Node()
    try:
        assert [node.ask("points", text) for text in ("", "aé", "a😀b")] == [0, 2, 3]
        for seed in range(20):
            rng = random.Random(seed)
            page, python = Theirs(node, "one 😀 three"), Ours("one 😀 three", first=False)
            play(rng, page, python, 120)
            assert page.text == python.text, f"seed {seed}"
    finally:
        node.close()
