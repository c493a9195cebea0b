from __future__ import annotations

import asyncio
from collections.abc import Hashable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.bindings.textual import LiveColumn, LiveTable
from eddyline.signals import Insert, Move, Patch, Remove, Reset, Update, apply_patches

from .fake_view import FakeView
from .table_app import TableApp, lines

WORDS = ["", "a", "日本語", "🎉 party", "two\nlines", "\x1b[31m", "long " * 20, "[/x]"]
COLUMNS = [LiveColumn("id", width=5), LiveColumn("word", width=12), LiveColumn("n", width=6, align="right")]
NAMES = ("id", "word", "n")

Row = tuple[int, str, int | None]


def random_row(rng: Random, key: int) -> Row:
    return key, rng.choice(WORDS), rng.choice([None, 1, -(10**9)])


def random_batch(rng: Random, view: FakeView, fresh: list[int]) -> list[Patch]:
    """Some patches that are right one after the other; now and then a Reset."""
    rows, keys = list(view.rows()), view.keys()
    batch: list[Patch] = []
    for _ in range(rng.randint(1, 6)):
        kind = rng.choice("iiiirrmmuuR") if keys else "i"
        at = rng.randrange(len(keys) + (kind == "i"))
        patch: Patch
        if kind == "i":
            fresh[0] += 1
            patch = Insert(at, random_row(rng, fresh[0]), fresh[0])
        elif kind == "r":
            patch = Remove(at, keys[at])
        elif kind == "m":
            patch = Move(at, rng.randrange(len(keys)), keys[at])
        elif kind == "u":
            patch = Update(at, random_row(rng, rows[at][0]), NAMES, keys[at])
        else:
            order: list[Hashable] = rng.sample(keys, len(keys))
            patch = Reset([rows[keys.index(key)] for key in order], order)
        apply_patches([patch], rows, keys)
        batch.append(patch)
    return batch


async def replay(seed: int) -> None:
    rng = Random(seed)
    view = FakeView(NAMES, [random_row(rng, i) for i in range(rng.randint(0, 30))])
    fresh = [1000]
    app = TableApp(LiveTable(view, columns=COLUMNS, zebra=True, cursor="none"))
    async with app.run_test(size=(40, 10)) as pilot:
        for _ in range(8):
            for _ in range(rng.randint(1, 4)):
                view.send(*random_batch(rng, view, fresh))
                if rng.random() < 0.3:
                    app.table.scroll_to(y=rng.randrange(40), animate=False, force=True)
            await pilot.pause()
            anew = LiveTable(FakeView(NAMES, view.rows()), columns=COLUMNS, cursor="none")
            top = app.table.scroll_offset.y
            assert top <= max(0, len(view.keys()) - 9), seed
            shown = lines(app.table)
            await app.mount(anew)
            app.table.display = False
            await pilot.pause()
            anew.scroll_to(y=top, animate=False, force=True)
            assert lines(anew) == shown, seed
            app.table.display = True
            await anew.remove()
            await pilot.pause()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_table_under_patches_looks_like_one_freshly_filled(seed: int) -> None:
    asyncio.run(replay(seed))
