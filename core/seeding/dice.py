"""Dice: choices out of `Random.random` alone, whose values Python promises for a seed, on every platform."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

__all__ = ["number", "pick", "some", "words"]

T = TypeVar("T")

_WORDS = (
    "amber", "anchor", "basin", "beacon", "birch", "bridge", "cedar", "channel", "clover", "copper", "delta", "drift",
    "ember", "estuary", "fern", "ferry", "flint", "garnet", "harbor", "hazel", "heron", "island", "juniper", "kelp",
    "lantern", "linden", "maple", "marsh", "meadow", "mill", "moss", "oak", "opal", "orchard", "otter", "pebble",
    "pine", "quarry", "reed", "ridge", "river", "rowan", "sage", "shore", "slate", "spruce", "stream", "summit",
    "thicket", "thistle", "tide", "timber", "valley", "walnut", "weir", "willow", "wren", "yarrow",
)  # fmt: skip


def pick(random: Random, among: Sequence[T]) -> T:
    """Return one of `among`."""
    return among[int(random.random() * len(among))]


def number(random: Random, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`, both possible."""
    return low + int(random.random() * (high - low + 1))


def some(random: Random, among: Sequence[T], most: int) -> list[T]:
    """Return up to `most` of `among`, each once, in their order there."""
    chosen = {pick(random, range(len(among))) for _ in range(number(random, 0, most))}
    return [among[at] for at in sorted(chosen)]


def words(random: Random, count: int) -> str:
    """Return some words."""
    return " ".join(pick(random, _WORDS) for _ in range(count))
