"""What is drawn of many rows, held to the rows themselves: extremes, totals and counts are those of the whole."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from eddyline.bindings.notebook.bars import Total
from eddyline.bindings.notebook.bins import width
from eddyline.bindings.notebook.drawing import ChartKind, Drawing
from eddyline.bindings.notebook.points import OTHERS, time_ms
from eddyline.signals import Insert, Move, Patch, Remove, Reset, Update, apply_patches

Row = tuple[Any, ...]  # Any: x, ys, series
Value = Callable[[random.Random], Any]

FEW = 60  # marks, so that a hundred rows are many


class World:
    """Rows under random patches, and a drawing that follows them."""

    def __init__(self, seed: int, kind: ChartKind, ys: int, x: Value, y: Value, *, series: int = 0) -> None:
        self.random = random.Random(seed)
        self.rows: list[Row] = []
        self.keys: list[Any] = []
        self.ys, self.x, self.y, self.series = ys, x, y, series
        self.names = ("x", *[f"y{at}" for at in range(ys)], *(["s"] if series else []))
        self.drawing = Drawing(kind, range(len(self.names)), self.names, ys, marks_max=FEW * ys, bands_max=8)
        self.next = 0
        rows = [self.row() for _ in range(150)]
        self.send(Reset(tuple(rows), tuple(self.key() for _ in rows)))

    def send(self, *patches: Patch) -> None:
        self.drawing.apply(patches)
        apply_patches(patches, self.rows, self.keys)

    def row(self) -> Row:
        chance = self.random
        ys = [self.y(chance) if chance.random() > 0.05 else None for _ in range(self.ys)]
        return (self.x(chance), *ys, *([f"s{chance.randrange(self.series)}"] if self.series else []))

    def key(self) -> int:
        self.next += 1
        return self.next

    def steps(self, count: int) -> Iterator[None]:
        """Begin `count` steps, all but the first with a change."""
        yield
        for _ in range(count - 1):
            self.change()
            yield

    def change(self) -> None:
        """Change some of it, all in one go."""
        chance, size = self.random, len(self.rows)
        kind = chance.choices(["insert", "remove", "update", "move", "reset"], [8, 3, 4, 2, 0.3])[0]
        for _ in range(chance.choice([1, 5, 40])):
            size = len(self.rows)
            at = chance.randrange(size) if size else 0
            if kind == "insert" or not size:
                self.send(Insert(chance.choice([0, at, size]), self.row(), self.key()))
            elif kind == "remove":
                self.send(Remove(at, self.keys[at]))
            elif kind == "update":
                self.send(Update(at, self.row(), self.names, self.keys[at]))
            elif kind == "move":
                self.send(Move(at, chance.randrange(size), self.keys[at]))
            else:
                rows = [self.row() for _ in range(chance.choice([0, 20, 150]))]
                self.send(Reset(tuple(rows), tuple(self.key() for _ in rows)))
                return

    def by_series(self, rows: list[Row]) -> dict[str, list[Row]]:
        named: dict[str, list[Row]] = {}
        for row in rows:
            named.setdefault(row[-1] if self.series else "", []).append(row)
        return named


def numbers(chance: random.Random) -> float | int | None:
    return chance.choice(
        [chance.gauss(0, 1), chance.randrange(5), chance.uniform(-1e6, 1e6), chance.gauss(50, 0.001), None]
    )


def wild(chance: random.Random) -> Any:  # Any: whatever a column holds
    odd = [1e308, -1e308, 5e-324, 10**400, math.inf, "text", b"", True, Decimal("1.5"), None]
    return chance.choice([*odd, chance.gauss(0, 1), chance.randrange(10**6)])


def days(chance: random.Random) -> Any:  # Any: a date in one of its forms
    day = date(2020, 1, 1) + timedelta(chance.randrange(4000))
    return chance.choice([day.isoformat(), day, f"{day} 10:00:00Z"])


def mixed(chance: random.Random) -> Any:  # Any: as above
    return chance.choice([f"t{chance.randrange(300)}", 7, "2026-01-01"])


def finite(value: Any) -> bool:  # Any: a cell
    if not isinstance(value, int | float | Decimal):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


AXES = [numbers, wild, days, mixed]


@pytest.mark.parametrize("x", AXES)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("series", [0, 3])
def test_line_of_many_rows_has_the_extremes_and_the_ends_of_all(x: Value, seed: int, series: int) -> None:
    world = World(seed, "line", 1 if series else 2, x, wild, series=series)
    for _ in world.steps(40):
        drawn = world.drawing.rows()
        there = dict(zip(world.keys, world.rows, strict=True))
        assert all(cells == there[key[0] if isinstance(key, tuple) else key] for key, cells in drawn)
        assert len(drawn) <= max(FEW * world.ys, len(world.rows) if world.drawing.drawn.how == "all" else 0)
        kept = {id(there[key[0] if isinstance(key, tuple) else key]) for key, _ in drawn}
        for at in range(1, world.ys + 1):
            for of in world.by_series(world.rows):
                mine = [(x, row) for x, row in places(world) if finite(row[at]) and of in (row[-1], "")]
                shown = [(x, row) for x, row in mine if id(row) in kept]
                assert ends(x for x, _ in mine) == ends(x for x, _ in shown)
                assert ends(float(row[at]) for _, row in mine) == ends(float(row[at]) for _, row in shown)


def ends(values: Iterable[float]) -> set[float]:
    """Return the least and the greatest."""
    found = list(values)
    return {min(found), max(found)} if found else set()


def drawable(world: World, row: Row) -> bool:
    """Whether a row has an x and a number."""
    is_x = row[0] is not None and (finite(row[0]) or not isinstance(row[0], int | float | Decimal))
    return is_x and any(finite(y) for y in row[1 : world.ys + 1])


def places(world: World) -> list[tuple[float, Row]]:
    """Return the rows that are drawn and where: on an axis of texts that is the number of its text, as they come."""
    rows = [row for row in world.rows if drawable(world, row)]
    axis = world.drawing.drawn.axis
    if axis == "text":
        texts = list(dict.fromkeys(str(row[0]) for row in rows))
        return [(texts.index(str(row[0])), row) for row in rows]
    return [(float(row[0]) if axis == "number" else time_ms(row[0]), row) for row in rows]


@pytest.mark.parametrize("seed", range(10))
def test_line_draws_first_last_least_and_greatest_of_every_column_and_no_other_point(seed: int) -> None:
    world = World(seed, "line", 1, lambda chance: chance.gauss(0, 100), numbers)
    seen = 0
    for _ in world.steps(60):
        drawn = world.drawing.rows()
        if world.drawing.drawn.how == "all":
            continue
        seen += 1
        widths = world.drawing._bins.widths
        assert widths is not None
        columns: dict[float, list[tuple[float, int, float, Any]]] = {}
        for at, ((x, y), key) in enumerate(zip(world.rows, world.keys, strict=True)):
            if finite(y):
                columns.setdefault(x // widths[0], []).append((x, at, y, key))
        wanted = set()
        for points in columns.values():
            points.sort()
            ys = [point[2] for point in points]
            wanted |= {points[at][3] for at in (0, -1, ys.index(min(ys)), ys.index(max(ys)))}
        assert [cells for _, cells in drawn] == in_order(world, wanted)
    assert seen


def in_order(world: World, wanted: set[Any]) -> list[Row]:
    """Return the rows that are wanted from left to right, those of one place as the view has them."""
    rows = [row for row, key in zip(world.rows, world.keys, strict=True) if key in wanted]
    return sorted(rows, key=lambda row: row[0])


@pytest.mark.parametrize("x", AXES)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ys", [1, 2])
def test_dots_of_many_rows_count_all_of_them_and_show_the_outermost(x: Value, seed: int, ys: int) -> None:
    world = World(seed, "scatter", ys, x, (wild, numbers)[seed % 2])
    for _ in world.steps(40):
        drawn = world.drawing.rows()
        placed = [row for _, row in places(world)]
        where = {str(row[0]): x for x, row in places(world)}
        values = [(at, row[0], float(row[at])) for row in placed for at in range(1, ys + 1) if finite(row[at])]
        dots = [
            (at, cells[0], float(cells[at]), cells[-1])
            for _, cells in drawn
            for at in range(1, ys + 1)
            if finite(cells[at])
        ]
        if world.drawing.drawn.how == "all":
            assert Counter(values) == Counter(dot[:3] for dot in dots)
            continue
        assert len(dots) <= FEW * ys
        assert sum(dot[3] for dot in dots) == len(values)
        assert min(dot[3] for dot in dots) >= 1
        assert world.drawing.drawn.most == max(dot[3] for dot in dots)
        assert not Counter(dot[:3] for dot in dots) - Counter(values)  # each is a row that is there
        assert ends(dot[2] for dot in dots) == ends(value[2] for value in values)
        assert ends(where[str(dot[1])] for dot in dots) == ends(where[str(value[1])] for value in values)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("series", [0, 3])
def test_bars_add_up_to_all_rows_and_are_the_greatest(seed: int, series: int) -> None:
    ys = 1 if series else 2
    world = World(seed, "bar", ys, lambda chance: chance.choice([None, *"abcdefghijklmnop"]), numbers, series=series)
    for _ in world.steps(60):
        drawn = [cells for _, cells in world.drawing.rows()]
        for at in range(1, ys + 1):
            whole = sum(Fraction(row[at]) for row in world.rows if finite(row[at]))
            shown = sum(Fraction(cells[at]) for cells in drawn if cells[at] is not None)
            assert math.isclose(whole, shown, rel_tol=1e-12, abs_tol=1e-6)
        sums: dict[str, dict[tuple[Any, int], Fraction]] = {}
        for row in world.rows:
            for at in range(1, ys + 1):
                if finite(row[at]):
                    one = sums.setdefault("null" if row[0] is None else row[0], {})
                    which = (row[-1] if series else "", at)
                    one[which] = one.get(which, Fraction()) + Fraction(row[at])
        sizes = {label: sum(abs(value) for value in one.values()) for label, one in sums.items()}
        labels = {cells[0] for cells in drawn if not cells[0].endswith(" others")}
        assert len(labels) == min(8, len(sizes))
        least = min((sizes[label] for label in labels), default=Fraction())
        assert all(float(size) <= float(least) for label, size in sizes.items() if label not in labels)
        for label, *cells in drawn:
            if label in labels:
                for at in range(1, ys + 1):
                    found = sums[label].get((cells[-1] if series else "", at))
                    assert cells[at - 1] == (None if found is None else float(found))


def test_change_touches_the_cells_of_its_rows_alone() -> None:
    rows = [(i, i % 7) for i in range(20_000)]
    drawing = Drawing("line", (0, 1), ("x", "y"), 1)
    drawing.apply([Reset(tuple(rows), tuple(range(20_000)))])
    drawing.rows()
    drawing.apply([Update(9000, (9000, 500), ("y",), 9000), Update(9001, (9001, 400), ("y",), 9001)])
    assert len(drawing._bins._touched) == 1
    assert (9000, 500) in [cells for _, cells in drawing.rows()]


def test_series_without_end_are_drawn_as_one_after_the_first_twenty() -> None:
    drawing = Drawing("line", (0, 1, 2), ("x", "y", "s"), 1)
    drawing.apply([Reset(tuple((i, i, f"s{i}") for i in range(100)), tuple(range(100)))])
    assert Counter(cells[2] for _, cells in drawing.rows())[OTHERS] == 80
    assert drawing.series == [*[f"s{i}" for i in range(20)], OTHERS]
    assert drawing.drawn.caption == "80 series are drawn as one"
    drawing.apply([Remove(0, 0)])
    drawing.rows()
    assert drawing.series[-2:] == ["s20", OTHERS]


@pytest.mark.parametrize(
    ("kind", "caption"),
    [
        ("line", "9,998 rows by 2,346 of them: first, last, least and greatest of each column"),
        ("scatter", "9,998 rows as 1,560 dots: one stands for up to 8 close to it"),
        ("bar", "9,998 rows: the greatest bars, and in grey 9,498 others added up, cut off if higher"),
    ],
)
def test_caption_says_how_many_rows_are_drawn_by_what(kind: ChartKind, caption: str) -> None:
    drawing = Drawing(kind, (0, 1), ("x", "y"), 1)
    rows = [(i, i * 7919 % 10_007 if i > 1 else None) for i in range(10_000)]
    drawing.apply([Reset(tuple(rows), tuple(range(10_000)))])
    drawing.rows()
    assert drawing.drawn.caption == f"{caption} · 2 rows have no number to draw"


def test_chart_of_few_rows_draws_each_and_says_nothing() -> None:
    drawing = Drawing("area", (0, 1), ("x", "y"), 1)
    drawing.apply([Reset(((3, 1), (1, 2)), ("a", "b"))])
    assert drawing.rows() == [("a", (3, 1)), ("b", (1, 2))]
    assert (drawing.drawn.how, drawing.drawn.caption) == ("all", "")


def test_axis_is_of_numbers_times_or_texts() -> None:
    found = []
    for values in (
        (1, 2.5, None),
        ("2026-01-01", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-01", "soon"),
        (1, "2026-01-01"),
    ):
        drawing = Drawing("line", (0, 1), ("x", "y"), 1)
        drawing.apply([Reset(tuple((value, 1) for value in values), tuple(range(len(values))))])
        drawing.rows()
        found.append(drawing.drawn.axis)
    assert found == ["number", "time", "text", "text"]


def test_time_without_a_zone_is_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert [
        time_ms("2026-01-01 00:00:10"),
        time_ms("2026-01-01T00:00:10+00:00"),
        time_ms(datetime(2026, 1, 1, 2, 0, 10, tzinfo=east)),
        time_ms(date(2026, 1, 1)),
    ] == [1_767_225_610_000] * 3 + [1_767_225_600_000]
    assert all(math.isnan(time_ms(other)) for other in ("2026-13-01", "soon", 7, "2026-01-01 later"))


@pytest.mark.parametrize("seed", range(5))
def test_total_is_exact_whatever_is_added_and_taken_away(seed: int) -> None:
    chance = random.Random(seed)
    total, held = Total(), []
    for _ in range(300):
        value = chance.choice([1e308, -1e308, 0.1, 5e-324, 10**30, chance.gauss(0, 1), chance.randrange(9)])
        total.add(value)
        held.append(value)
        if chance.random() < 0.4:
            total.add(held.pop(chance.randrange(len(held))), -1)
    exact = sum(map(Fraction, held))
    assert Fraction(total.units, 1 << 1074) == exact
    for value in held:
        total.add(value, -1)
    assert (total.units, total.value) == (0, None)


def test_width_is_the_power_of_two_that_makes_half_as_many_steps_at_least() -> None:
    assert [width(0, 1024, 1024), width(0, 1000, 1024), width(-1e308, 1e308, 1024), width(5, 5, 1024)] == [
        2.0,
        1.0,
        2.0**1015,
        1.0,
    ]
