"""What a patch to a table of 10,000 rows costs: `LiveTable` beside Textual's `DataTable`, in one run.

    call      from the patch to the end of what it causes in the widget (cursor, widths, size, scroll), nothing drawn
    burst     the same, a mean over some without a painting between them: what a stream of patches costs
    settled   until the screen has been painted, less what an idle `pilot.pause()` takes

`DataTable` has no insert at an index: `add_row` and one `sort` stand for it. Medians of some rounds, in ms.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import DataTable

from eddyline.bindings.textual import LiveTable
from eddyline.signals import Insert, Move, Patch, Remove, Reset, Update

NAMES = ("id", "title", "state", "priority")
Row = tuple[int, str, str, int]


class Source:
    """A view as far as a table needs it."""

    columns = NAMES

    def __init__(self) -> None:
        self.send: Callable[[list[Patch]], object] = lambda patches: None

    def subscribe(self, fn: Callable[[list[Patch]], object], /) -> Callable[[], None]:
        self.send = fn
        fn([Reset((), ())])
        return lambda: None


class Bench(App[None]):
    """One widget."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


def row(i: int) -> Row:
    return i, f"issue number {i} of many", ("open", "closed")[i % 2], i % 5


Figures = tuple[float, float, float]


async def timed(pilot: Pilot[None], rounds: int, act: Callable[[int], object]) -> Figures:
    """Return call, burst and settled, in ms."""
    idle, calls, settled = [], [], []
    for _ in range(5):
        start = perf_counter()
        await pilot.pause()
        idle.append(perf_counter() - start)
    for i in range(rounds):
        start = perf_counter()
        act(i)
        calls.append(perf_counter() - start)
        await pilot.pause()
        settled.append(perf_counter() - start)
    start = perf_counter()
    for i in range(rounds):
        act(rounds + i)
    burst = (perf_counter() - start) / rounds
    await pilot.pause()
    return median(calls) * 1000, burst * 1000, max(median(settled) - median(idle), 0.0) * 1000


async def live_table(count: int, rounds: int) -> dict[str, Figures]:
    """Measure `LiveTable`; its waiting work is done at once, so that `call` holds all of it."""
    source, keys = Source(), list(range(count))
    table = LiveTable(source)

    def send(*patches: Patch) -> None:
        source.send(list(patches))
        table._sync()

    def fresh(i: int, n: int = 0) -> Insert:
        return Insert(0, row(count + i * 100 + n), count + i * 100 + n)

    async with Bench(table).run_test(size=(120, 40)) as pilot:
        rows = [row(i) for i in keys]
        result = {"fill": await timed(pilot, 5, lambda _: send(Reset(rows, keys)))}
        table.move_cursor(50)
        result["insert at 0"] = await timed(pilot, rounds, lambda i: send(fresh(i)))
        result["remove at 0"] = await timed(pilot, rounds, lambda i: send(Remove(0, None)))
        result["100 inserts"] = await timed(pilot, rounds, lambda i: send(*[fresh(i, n) for n in range(100)]))
        result["100 removes"] = await timed(pilot, rounds, lambda i: send(*[Remove(0, None) for _ in range(100)]))
        result["move 9000 -> 0"] = await timed(pilot, rounds, lambda i: send(Move(9000, 0, None)))
        top = table.scroll_offset.y
        result["update 1"] = await timed(
            pilot, rounds, lambda i: send(Update(top + 5, row(10**6 + i), ("id", "title"), table._live.keys[top + 5]))
        )
        result["update 100"] = await timed(
            pilot,
            rounds,
            lambda i: send(*[Update(top + n, row(10**6 + i), ("id",), table._live.keys[top + n]) for n in range(100)]),
        )
    return result


async def data_table(count: int, rounds: int) -> dict[str, Figures]:
    """Measure `DataTable`."""
    table: DataTable[object] = DataTable(cursor_type="row")

    def fill(_: int) -> None:
        table.clear()
        for i in range(count):
            table.add_row(*row(i), key=str(i))

    def insert(i: int, n: int = 1) -> None:
        for k in range(n):
            table.add_row(-(i * 100 + k) - 1, "new", "open", 1, key=f"new {i} {k}")
        table.sort("id")

    def remove(i: int, n: int = 1) -> None:
        for k in range(n):
            table.remove_row(f"new {i} {k}")

    def update(i: int, n: int) -> None:
        for k in range(n):
            table.update_cell(str(k), "title", f"now {i}")

    async with Bench(table).run_test(size=(120, 40)) as pilot:
        for name in NAMES:
            table.add_column(name, key=name)
        result = {"fill": await timed(pilot, 2, fill)}
        few = max(rounds // 5, 3)
        result["insert at 0"] = await timed(pilot, few, insert)
        result["remove at 0"] = await timed(pilot, few, remove)
        result["100 inserts"] = await timed(pilot, 2, lambda i: insert(1000 + i, 100))
        result["100 removes"] = await timed(pilot, 2, lambda i: remove(1000 + i, 100))
        result["update 1"] = await timed(pilot, rounds, lambda i: update(i, 1))
        result["update 100"] = await timed(pilot, rounds, lambda i: update(i, 100))
    return result


async def main(count: int, rounds: int) -> None:
    ours, theirs = await live_table(count, rounds), await data_table(count, rounds)
    print(f"{count:,} rows, ms".ljust(18) + "LiveTable call    burst  settled    DataTable call    burst  settled")
    for name, (call, burst, settled) in ours.items():
        line = f"{name:18}{call:14.3f}{burst:9.3f}{settled:9.1f}"
        if name in theirs:
            call, burst, settled = theirs[name]
            line += f"{call:18.3f}{burst:9.3f}{settled:9.1f}"
        print(line)


if __name__ == "__main__":
    asyncio.run(main(*(int(arg) for arg in sys.argv[1:3]) if len(sys.argv) > 2 else (10_000, 20)))
