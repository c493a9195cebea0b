from __future__ import annotations

import asyncio
import inspect
import re
from contextvars import Context

import pytest
from textual.app import App, ComposeResult
from textual.scroll_view import ScrollView

from eddyline.bindings import live_table
from eddyline.bindings.textual import LiveColumn, LiveTable, SortMarker
from eddyline.signals import Insert, Move, Remove, Update

from .fake_view import FakeView
from .table_app import TableApp, first_cells, lines, shown

SIZE = (40, 12)  # a title and eleven rows


def numbered(count: int) -> FakeView:
    return FakeView(["id", "name"], [(i, f"row {i}") for i in range(count)])


async def test_rows_stand_below_their_titles_numbers_on_the_right() -> None:
    view = FakeView(["id", "name", "note"], [(1, "one", None), (20, "日本", "a\nb")])
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE):
        assert lines(app.table)[:4] == [" id  name  note", "  1  one   null", " 20  日本  a↵b", ""]


def test_table_refuses_what_is_no_view_and_a_cursor_that_it_has_not() -> None:
    for given in ("SELECT 1", 3):
        with pytest.raises(TypeError, match="LiveTable shows a view, as `await"):
            LiveTable(given)  # type: ignore[arg-type]  # the claim
        with pytest.raises(TypeError, match="LiveTable shows a view, as `await"):
            LiveTable().show(given)  # type: ignore[arg-type]  # the claim
    with pytest.raises(ValueError, match="cursor= is one of row, none, not 'cell'"):
        LiveTable(cursor="cell")  # type: ignore[arg-type]  # the claim


async def test_repaint_shows_what_the_columns_read_beside_the_row() -> None:
    names = {0: "before"}
    column = LiveColumn("id", value=lambda row: names[row[0]])
    app = TableApp(LiveTable(numbered(1), columns=[column]))
    async with app.run_test(size=SIZE) as pilot:
        names[0] = "after"
        app.table.refresh()
        await pilot.pause()
        assert lines(app.table)[1].strip() == "before"
        app.table.repaint()
        await pilot.pause()
        assert lines(app.table)[1].strip() == "after"


async def test_patches_change_what_is_shown() -> None:
    view = numbered(3)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        view.send(
            Insert(0, (9, "new"), 9),
            Remove(2, 1),
            Update(1, (0, "changed"), ("name",), 0),
            Move(2, 0, 2),
        )
        await pilot.pause()
        assert lines(app.table)[1:5] == ["  2  row 2", "  9  new", "  0  changed", ""]


async def test_cursor_stays_on_its_row_when_rows_come_and_go_above() -> None:
    view = numbered(5)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("down", "down")
        view.insert(0, (100, "above"), (101, "above"))
        view.remove(2)
        await pilot.pause()
        assert (app.table.cursor_key, app.table.cursor_index) == (2, 3)
        assert app.table.cursor_row == (2, "row 2")


async def test_cursor_whose_row_goes_says_where_it_went() -> None:
    view = numbered(3)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("down", "down")
        app.seen.clear()
        view.remove(2)
        await pilot.pause()
        view.remove(0, 2)
        await pilot.pause()
        assert app.seen == ["highlighted 1 at 1", "emptied"]


async def test_what_is_visible_stands_still_when_rows_come_and_go_above_it() -> None:
    view = numbered(1000)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        app.table.scroll_to(y=500, animate=False, force=True)
        await pilot.pause()
        before = lines(app.table)
        assert before[1].split() == ["500", "row", "500"]
        view.insert(0, (2000, "x"), (2001, "y"))
        view.insert(502, (2002, "z"))
        view.remove(10)
        await pilot.pause()
        assert lines(app.table) == before
        assert app.table.scroll_offset.y == 502


async def test_at_the_top_new_rows_come_into_sight() -> None:
    view = numbered(100)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        view.insert(0, (2000, "new"))
        await pilot.pause()
        assert first_cells(app.table)[:2] == ["2000", "0"]


async def test_cursor_that_was_placed_is_kept_in_sight() -> None:
    view = numbered(100)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("down")
        view.insert(0, *[(1000 + i, "new") for i in range(30)])
        await pilot.pause()
        assert "1" in first_cells(app.table)
        assert app.table.cursor_key == 1


async def test_rows_that_go_at_the_end_pull_the_view_up() -> None:
    view = numbered(100)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        app.table.scroll_to(y=89, animate=False, force=True)
        view.remove(20, 80)
        await pilot.pause()
        assert first_cells(app.table)[-1] == "19"
        assert len(first_cells(app.table)) == 11


async def test_keys_move_the_cursor_and_scroll_it_into_sight() -> None:
    app = TableApp(LiveTable(numbered(100)))
    async with app.run_test(size=SIZE) as pilot:
        places = []
        for key in ("down", "up", "pagedown", "pagedown", "pageup", "end", "up", "home"):
            await pilot.press(key)
            places.append(app.table.cursor_key)
            assert str(app.table.cursor_key) in first_cells(app.table), key
        assert places == [1, 0, 11, 22, 11, 99, 98, 0]


async def test_enter_and_a_click_on_the_row_under_the_cursor_select_it() -> None:
    app = TableApp(LiveTable(numbered(5)))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("enter")
        await pilot.click(LiveTable, offset=(3, 4))
        await pilot.click(LiveTable, offset=(3, 4))
        await pilot.click(LiveTable, offset=(3, 9))
        assert app.seen == ["highlighted 0 at 0", "selected 0 at 0", "highlighted 3 at 3", "selected 3 at 3"]


async def test_click_on_a_title_says_which_column_also_when_scrolled_sideways() -> None:
    view = FakeView(["id", "a", "b"], [(1, "x" * 40, "y" * 40)])
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.click(LiveTable, offset=(6, 0))
        await pilot.press("right", "right", "right", "right", "right", "right")
        await pilot.click(LiveTable, offset=(30, 0))
        assert app.seen[1:] == ["header a at 1", "header b at 2"]


async def test_titles_scroll_sideways_with_the_body_and_keep_their_place_when_it_scrolls_down() -> None:
    view = FakeView(["id", "first", "second"], [(i, "x" * 40, f"<{i}>") for i in range(50)])
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("end", "right", "right")
        shown = lines(app.table)
        assert app.table.scroll_offset.x > 0
        assert shown[0].index("second") == shown[1].index("<")
        assert shown[-1].endswith("<49>")


async def test_sort_marker_stands_beside_the_title_and_leaves_it_whole() -> None:
    app = TableApp(LiveTable(FakeView(["id", "n"], [(1, 2)])))
    async with app.run_test(size=SIZE) as pilot:
        app.table.sort_marker = ("n", True)
        await pilot.pause()
        assert lines(app.table)[:2] == [" id  n ▼", "  1    2"]
        assert app.table.sort_marker == SortMarker("n", descending=True)
        app.table.sort_marker = SortMarker("id")
        await pilot.pause()
        assert lines(app.table)[0] == " id ▲    n"
        app.table.sort_marker = None
        assert "▲" not in lines(app.table)[0]


async def test_widths_grow_for_what_comes_and_never_shrink() -> None:
    view = FakeView(["id", "name", "z"], [(1, "a", "|")])
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        view.update(0, (1, "a longer one", "|"))
        await pilot.pause()
        assert lines(app.table)[1] == "  1  a longer one  |"
        view.update(0, (1, "a", "|"))
        await pilot.pause()
        assert lines(app.table)[1] == "  1  a             |"


async def test_row_scrolled_into_sight_widens_its_column() -> None:
    rows = [(i, "short", "|") for i in range(1000)]
    rows[900] = (900, "a longer one", "|")
    app = TableApp(LiveTable(FakeView(["id", "name", "z"], rows)))
    async with app.run_test(size=SIZE) as pilot:
        app.table.move_cursor(900)
        await shown(pilot, lambda: " 900  a longer one  |" in lines(app.table))


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("live", None, " no rows"),
        ("filling", None, " …"),
        ("failed", ValueError("no such table: x\nsorry"), " no such table: x sorry"),
    ],
)
async def test_table_without_rows_says_why(status: str, error: BaseException | None, expected: str) -> None:
    view = FakeView(["id"], status=status)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        view.now(status, error)
        await pilot.pause()
        assert lines(app.table)[1] == expected


async def test_failed_view_keeps_its_rows_and_shows_the_error_below() -> None:
    view = numbered(50)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        view.now("failed", RuntimeError("malformed JSON"))
        await pilot.press("end")
        assert lines(app.table)[-1] == " malformed JSON"
        assert lines(app.table)[-2] == " 49  row 49"
        view.now("live")
        await pilot.pause()
        assert lines(app.table)[-1] == " 49  row 49"


async def test_cursor_on_the_last_line_stays_in_sight_when_the_error_takes_that_line() -> None:
    view = numbered(50)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("end")
        view.now("failed", RuntimeError("malformed JSON"))
        await pilot.pause()
        assert lines(app.table)[-2:] == [" 49  row 49", " malformed JSON"]


async def test_stale_view_dims_the_titles() -> None:
    view = numbered(1)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        live = app.table.render_line(0)
        view.now("stale")
        await pilot.pause()
        stale = app.table.render_line(0)
        assert stale.text == live.text
        assert list(stale) != list(live)


async def test_other_view_can_be_shown_and_the_first_is_let_go() -> None:
    first, second = numbered(50), FakeView(["word"], [("hello",)])
    app = TableApp(LiveTable(first))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("end")
        app.table.show(second)
        await pilot.pause()
        first.insert(0, (99, "late"))
        await pilot.pause()
        assert lines(app.table)[:3] == [" word", " hello", ""]
        assert (first.listeners, second.listeners, first.watched) == (0, 1, False)
        assert app.table.view is second
        app.table.show(None)
        await pilot.pause()
        assert lines(app.table)[:3] == ["", "", ""]


async def test_reset_finds_cursor_and_what_was_visible_again() -> None:
    view = numbered(100)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        app.table.move_cursor(key=50)
        await pilot.pause()
        before = lines(app.table)
        view.reset([(1000 + i, "new") for i in range(7)] + [(i, f"row {i}") for i in range(100)])
        await pilot.pause()
        assert app.table.cursor_key == 50
        assert [line.strip() for line in lines(app.table)[1:]] == [line.strip() for line in before[1:]]


async def test_many_patches_between_two_turns_are_one_redraw() -> None:
    view = numbered(100)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:
        drawn = 0
        render_line = app.table.render_line

        def count(y: int) -> object:
            nonlocal drawn
            drawn += 1
            return render_line(y)

        app.table.render_line = count  # type: ignore[method-assign, assignment]
        for i in range(200):
            view.insert(0, (1000 + i, "new"))
        await pilot.pause()
        assert 0 < drawn <= 2 * SIZE[1]
        assert first_cells(app.table)[0] == "1199"


async def test_one_changed_row_redraws_one_line() -> None:
    view = numbered(100)
    app = TableApp(LiveTable(view, flash=False))
    async with app.run_test(size=SIZE) as pilot:
        drawn = []
        render_line = app.table.render_line
        app.table.render_line = lambda y: (drawn.append(y), render_line(y))[1]  # type: ignore[method-assign, func-returns-value]
        await pilot.pause()
        drawn.clear()
        view.update(4, (4, "new"))
        view.update(80, (80, "out of sight"))
        await pilot.pause()
        assert drawn == [5]


async def test_rows_that_come_go_and_move_out_of_sight_redraw_nothing() -> None:
    view = numbered(100)
    app = TableApp(LiveTable(view, zebra=True))
    async with app.run_test(size=SIZE) as pilot:
        drawn: list[int] = []
        render_line = app.table.render_line
        app.table.render_line = lambda y: (drawn.append(y), render_line(y))[1]  # type: ignore[method-assign, func-returns-value]
        await pilot.pause()
        drawn.clear()
        view.insert(50, (1000, "new"))
        view.remove(70)
        view.move(60, 90)
        await pilot.pause()
        assert drawn == []
        view.move(9, 7)
        await pilot.pause()
        assert drawn == [8, 9, 10]


async def test_row_that_is_changed_in_place_is_drawn_anew() -> None:
    row = [1, "old"]
    view = FakeView(["id", "name"], [row])  # type: ignore[list-item]  # a source may hold what it likes
    app = TableApp(LiveTable(view, flash=False, columns=[LiveColumn("name", value=lambda row: row[1])]))
    async with app.run_test(size=SIZE) as pilot:
        drawn: list[str] = []
        render_line = app.table.render_line
        app.table.render_line = lambda y: (drawn.append(str(y)), render_line(y))[1]  # type: ignore[method-assign, func-returns-value]
        await pilot.pause()
        drawn.clear()
        row[1] = "new"
        view.send(Update(0, row, ("name",), 1))
        await pilot.pause()
        assert drawn == ["1"]


async def test_patches_before_mounting_and_after_removal_do_nothing_and_nothing_stays_subscribed() -> None:
    view = numbered(3)
    table = LiveTable(view)
    view.insert(0, (9, "early"))
    assert view.listeners == 0
    app = TableApp(table)
    async with app.run_test(size=SIZE) as pilot:
        assert view.listeners == 1
        removal = table.remove()
        view.insert(0, (10, "while it goes"))
        await removal
        view.insert(0, (11, "late"))
        await pilot.pause()
        assert (view.listeners, view.watched, view.closed) == (0, False, False)


async def test_owned_view_is_closed_with_the_table_and_with_the_next_show() -> None:
    first, second, third = numbered(1), numbered(2), numbered(3)
    app = TableApp(LiveTable(first, own=True))
    async with app.run_test(size=SIZE):
        app.table.show(second)
        assert first.closed
        app.table.show(third, own=True)
        assert not second.closed
    assert third.closed
    assert not second.closed


async def test_patches_from_a_task_that_knows_no_app_arrive() -> None:
    view = numbered(3)
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE) as pilot:

        async def write() -> None:
            view.insert(0, (9, "from outside"))
            view.now("stale")

        await asyncio.create_task(write(), context=Context())
        await pilot.pause()
        assert first_cells(app.table)[0] == "9"


async def test_changed_cells_flash_and_stop() -> None:
    view = numbered(3)
    app = TableApp(LiveTable(view, cursor="none"))
    async with app.run_test(size=SIZE) as pilot:
        plain = list(app.table.render_line(2))
        view.update(1, (1, "row 2"))
        await pilot.pause()
        lit = list(app.table.render_line(2))
        assert {segment.style.bgcolor for segment in plain if segment.style} < {s.style.bgcolor for s in lit if s.style}
        app.table._fade()
        app.table._fade()
        await pilot.pause()
        assert {s.style.bgcolor for s in app.table.render_line(2) if s.style} == {
            segment.style.bgcolor for segment in plain if segment.style
        }


@pytest.mark.parametrize("flash", [True, False])
async def test_nothing_flashes_when_told_so(flash: bool) -> None:
    view = numbered(3)
    app = TableApp(LiveTable(view, flash=flash, cursor="none"))
    app.animation_level = "none" if flash else "full"
    async with app.run_test(size=SIZE) as pilot:
        view.insert(0, (9, "new"))
        await pilot.pause()
        assert (
            len({segment.style.bgcolor for y in (1, 2) for segment in app.table.render_line(y) if segment.style}) == 1
        )


async def test_stripes_stand_still_when_rows_come_in_above_what_is_visible() -> None:
    view = numbered(100)
    app = TableApp(LiveTable(view, zebra=True, cursor="none", flash=False))
    async with app.run_test(size=SIZE) as pilot:
        app.table.scroll_to(y=50, animate=False, force=True)
        await pilot.pause()
        before = [list(app.table.render_line(y)) for y in range(12)]
        view.insert(0, (1000, "x"))
        await pilot.pause()
        assert [segments[0].style for segments in before] == [
            next(iter(app.table.render_line(y))).style for y in range(12)
        ]


async def test_column_styles_follow_the_value_and_failing_ones_are_ignored() -> None:
    def style(value: object) -> str:
        return {"open": "$success", "closed": "$text-muted"}[str(value)]

    view = FakeView(["state"], [("x",), ("open",), ("closed",), ("other",)])
    app = TableApp(LiveTable(view, columns=[LiveColumn("state", style=style)]))
    async with app.run_test(size=SIZE):
        colours = [next(iter(app.table.render_line(y))).style for y in (2, 3, 4)]
        assert len({style.color for style in colours if style}) == 3


async def test_row_without_end_and_markup_in_data_break_nothing() -> None:
    view = FakeView(["[/x]", "b"], [("[/boom]", "x" * 1_000_000), ("\x1b[2J", b"\x00" * 1_000_000)])
    app = TableApp(LiveTable(view))
    async with app.run_test(size=SIZE):
        assert lines(app.table)[1].startswith(" [/boom]  xxxx")
        assert lines(app.table)[2].startswith(" ␛[2J     0x00000000… 1.0 MB")


async def test_table_too_small_for_anything_draws() -> None:
    view = numbered(100)
    view.now("failed", RuntimeError("x"))
    app = TableApp(LiveTable(view))
    async with app.run_test(size=(1, 1)) as pilot:
        view.insert(0, (1000, "x"))
        await pilot.press("down", "end", "pageup")
        await pilot.resize_terminal(60, 20)
        await shown(pilot, lambda: str(app.table.cursor_key) in first_cells(app.table))


async def test_table_in_a_popped_screen_lets_go() -> None:
    from textual.screen import Screen

    view = numbered(3)

    class Second(Screen[None]):
        def compose(self) -> ComposeResult:
            yield LiveTable(view)

    class Main(App[None]):
        pass

    app = Main()
    async with app.run_test(size=SIZE) as pilot:
        await app.push_screen(Second())
        assert view.listeners == 1
        app.pop_screen()
        await pilot.pause()
        assert (view.listeners, view.watched) == (0, False)


def test_own_attributes_shadow_none_of_textual() -> None:
    """`_size` and `_data` of a subclass would silently replace Textual's own."""
    ours = set(re.findall(r"self\.(\w+)(?:: [^=\n]+)? = ", inspect.getsource(live_table)))
    bases = [base for base in ScrollView.__mro__ if base.__module__.startswith("textual.")]
    theirs = set(dir(ScrollView)) | set(vars(ScrollView()))
    theirs |= {name for base in bases for name in re.findall(r"self\.(\w+)", inspect.getsource(base))}
    assert "_live" in ours
    assert "_size" in theirs
    assert ours & theirs == {"virtual_size"}
    methods = {name for name, value in vars(LiveTable).items() if callable(value) and name in theirs}
    assert methods == {
        "__init__",
        "_on_click",
        "_on_leave",
        "_on_mount",
        "action_page_down",
        "action_page_up",
        "notify_style_update",
        "refresh",
        "render_line",
    }
