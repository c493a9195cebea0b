"""`LiveTable`: a table of any length that follows a view, patch by patch.

    view --[patches]--> waiting list --(the next frame)--> LiveRows --> virtual size, scroll, lines that differ
                                                              |
     header, fixed        | title          |  n ▼ |                +-------> render_line, visible lines only
     body, from `top`     | ...            |    3 |
     status, when failed  | no such table: issue  |

Own ScrollView on the line API: DataTable can't insert at an index, and takes 14 ms for a removal at 10,000 rows. The
cursor stays on its row by key and goes to the neighbour when the row goes. What is visible stands still when rows
come or go above it. The patches between two frames (frame.py) are one redraw of the lines that differ. Widths grow and
never shrink while one view is shown. What changed flashes once (`flash=False`, or animations switched off in Textual,
for none). Nothing is drawn or subscribed before the widget is mounted and after it is unmounted; a view given with
`own=True` ends with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self, get_args

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import TRANSPARENT, Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style as VisualStyle

from ..signals import Patch, Scope, effect
from .cell_text import cell_text, fit
from .frame import Frame
from .live_column import ColumnLayout, LiveColumn, place_columns
from .live_rows import Changes, LiveRows
from .row_painter import NO_COLUMNS, Looks, RowPainter
from .widget_scope import widget_scope

__all__ = ["LiveSource", "LiveTable", "SortMarker"]

Cursor = Literal["row", "none"]
Key = Hashable

ROWS_MEASURED = 200  # of a fresh list
FLASH_S = 0.3
SCROLL_X = 8  # cells for one press of left or right
AUTO = frozenset({"$text", "$text-muted", "$text-disabled"})  # "auto 60%": a style by name loses the percentage


class LiveSource(Protocol):
    """What a table can show: a view, or any keyed list with patches.

    `columns` (names), `status` and `error` are used if they are there.
    """

    def subscribe(self, fn: Callable[[list[Patch]], object], /) -> Callable[[], object]:
        """Call `fn` with one Reset now and with the patches of each commit; return what ends it."""


def _check_view(view: object) -> None:
    if view is not None and not callable(getattr(view, "subscribe", None)):
        raise TypeError(f"LiveTable shows a view, as `await db.live(...)` gives it, not {view!r:.60}")


class SortMarker(NamedTuple):
    """The column whose header shows an arrow."""

    column: str
    descending: bool = False


class _Line(NamedTuple):
    """What a visible line of the body looks like."""

    row: Any  # Any: as the view has it
    cursor: bool
    odd: bool
    lit: frozenset[str] | None


@dataclass(slots=True)
class _Shown:
    """The view of a table."""

    view: LiveSource | None = None
    own: bool = False
    scope: Scope | None = None
    names: tuple[str, ...] = ()
    status: str = "live"
    error: BaseException | None = None


class LiveTable(ScrollView, can_focus=True):
    """A table that follows a view."""

    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Select", show=False),
        Binding("up", "cursor_up", "Cursor up", show=False),
        Binding("down", "cursor_down", "Cursor down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home,ctrl+home", "cursor_first", "First row", show=False),
        Binding("end,ctrl+end", "cursor_last", "Last row", show=False),
        Binding("left", "table_left", "Scroll left", show=False),
        Binding("right", "table_right", "Scroll right", show=False),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "livetable--header",
        "livetable--header-hover",
        "livetable--header-stale",
        "livetable--cursor",
        "livetable--hover",
        "livetable--odd-row",
        "livetable--even-row",
        "livetable--flash",
        "livetable--flash-cursor",
        "livetable--null",
        "livetable--bytes",
        "livetable--cell-error",
        "livetable--note",
        "livetable--failed",
    }

    DEFAULT_CSS = """
    LiveTable {
        background: $surface;
        color: $foreground;
        height: 1fr;

        & > .livetable--header { background: $panel; color: $foreground; text-style: bold; }
        & > .livetable--header-hover { background: $accent 30%; color: $foreground; text-style: bold; }
        & > .livetable--header-stale { background: $panel; color: $text-disabled; text-style: italic; }
        & > .livetable--odd-row { background: $surface; }
        & > .livetable--even-row { background: $foreground 4%; }
        & > .livetable--hover { background: $block-hover-background; }
        & > .livetable--cursor {
            background: $block-cursor-blurred-background;
            color: $block-cursor-blurred-foreground;
            text-style: $block-cursor-blurred-text-style;
        }
        & > .livetable--flash { background: $accent 25%; }
        & > .livetable--flash-cursor { background: $accent 60%; }
        & > .livetable--null { text-style: dim italic; }
        & > .livetable--bytes { text-style: dim; }
        & > .livetable--cell-error { color: $text-error; text-style: italic; }
        & > .livetable--note { color: $text-muted; text-style: italic; }
        & > .livetable--failed { background: $error-muted; color: $text-error; }

        &:focus {
            background-tint: $foreground 5%;
            & > .livetable--header { background-tint: $foreground 5%; }
            & > .livetable--cursor {
                background: $block-cursor-background;
                color: $block-cursor-foreground;
                text-style: $block-cursor-text-style;
            }
        }
    }
    """

    class RowMessage(Message):
        """About one row of a table."""

        def __init__(self, table: LiveTable, key: Key, row: Any, index: int) -> None:  # Any: as the view has it
            super().__init__()
            self.table = table
            self.key = key
            self.row = row
            self.index = index

        @property
        def control(self) -> LiveTable:
            """The table, for `@on(..., "#id")`."""
            return self.table

    class RowHighlighted(RowMessage):
        """The cursor stands on another row, by key."""

    class RowSelected(RowMessage):
        """Enter was pressed on the row under the cursor, or that row was clicked."""

    class HeaderSelected(Message):
        """The title of a column was clicked."""

        def __init__(self, table: LiveTable, column: str, index: int) -> None:
            super().__init__()
            self.table = table
            self.column = column
            self.index = index

        @property
        def control(self) -> LiveTable:
            """The table, for `@on(..., "#id")`."""
            return self.table

    class Emptied(Message):
        """The last row has gone: no row is highlighted."""

        def __init__(self, table: LiveTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> LiveTable:
            """The table, for `@on(..., "#id")`."""
            return self.table

    def __init__(
        self,
        view: LiveSource | None = None,
        *,
        columns: Sequence[str | LiveColumn] | None = None,
        own: bool = False,
        zebra: bool = False,
        cursor: Cursor = "row",
        header: bool = True,
        flash: bool = True,
        empty_text: str = "no rows",
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        _check_view(view)
        if cursor not in get_args(Cursor):
            raise ValueError(f"cursor= is one of {', '.join(get_args(Cursor))}, not {cursor!r}")
        self._looks: dict[str, Looks] = {}  # by the name of a style
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self.zebra = zebra
        self.cursor = cursor
        self.header = header
        self.flash = flash
        self.empty_text = empty_text
        self._column_specs = columns
        self._shown = _Shown(view, own)
        self._live = self._rows_of(view)
        self._columns = ColumnLayout(())
        self._painter = RowPainter(self._resolve_style)
        self._sort_marker: SortMarker | None = None
        self._waiting: list[Patch] = []
        self._frame = Frame(self, self._sync)
        self._drawn: list[_Line] = []  # the visible rows as the last frame left them
        self._redraw = False
        self._cursor_placed = False  # by the user: from then on it is kept in sight
        self._stripe = 0
        self._flashing: dict[Key, frozenset[str] | None] = {}  # None: the whole row
        self._fading: dict[Key, frozenset[str] | None] = {}
        self._hover_y: int | None = None
        self._hover_column: int | None = None

    def _rows_of(self, view: LiveSource | None) -> LiveRows:
        """Return what holds the rows of `view`."""
        return LiveRows()

    # -- what it shows

    @property
    def view(self) -> LiveSource | None:
        """The view that is shown."""
        return self._shown.view

    def show(
        self, view: LiveSource | None, *, columns: Sequence[str | LiveColumn] | None = None, own: bool = False
    ) -> None:
        """Show another view (None: nothing) from its first row; `own`: close it with the table or the next `show`."""
        _check_view(view)
        self._disconnect()
        self._column_specs = columns
        self._shown = _Shown(view, own)
        self._live = self._rows_of(view)
        self._columns = ColumnLayout(())
        self._painter.forget()
        self._sort_marker = None
        self._cursor_placed = False
        self._stripe = 0
        self._flashing.clear()
        self._fading.clear()
        if self.is_mounted and self.is_running:
            self._connect()
            self.scroll_to(0, 0, animate=False, force=True, immediate=True)

    @property
    def row_count(self) -> int:
        """How many rows are shown."""
        return len(self._live.keys)

    @property
    def cursor_key(self) -> Key | None:
        """The key of the row under the cursor; None if there is no row."""
        return self._live.cursor_key

    @property
    def cursor_row(self) -> Any:  # Any: as the view has it
        """The row under the cursor; None if there is no row."""
        return self._live.rows[self._live.cursor] if self._live.cursor >= 0 else None

    @property
    def cursor_index(self) -> int:
        """The index of the row under the cursor; -1 if there is no row."""
        return self._live.cursor

    @property
    def sort_marker(self) -> SortMarker | None:
        """The column whose title has an arrow. It only shows: the order is the view's."""
        return self._sort_marker

    @sort_marker.setter
    def sort_marker(self, marker: SortMarker | tuple[str, bool] | None) -> None:
        self._sort_marker = None if marker is None else SortMarker(*marker)
        self._want_marker()
        if self.is_mounted and self._place_columns():
            self._resize_body()
        self.refresh()

    def move_cursor(self, index: int | None = None, *, key: Key | None = None) -> None:
        """Put the cursor on the row at `index` (clamped) or with `key`, in sight. An unknown key changes nothing."""
        if index is None:
            index = self._live.index_of(key)
        if index is None or not self._live.keys:
            return
        before = self._live.cursor
        self._live.cursor = max(0, min(index, len(self._live.keys) - 1))
        self._cursor_placed = True
        self._bring_into_sight(self._live.cursor)
        self._refresh_rows((before, self._live.cursor), self._body_height)
        if before != self._live.cursor:
            self._say_highlighted()

    def repaint(self) -> None:
        """Draw every cell anew: what the functions of the columns read beside the row has changed."""
        self._painter.forget()
        self.refresh()

    # -- life

    def _on_mount(self, _: events.Mount) -> None:
        widget_scope(self).add(self._disconnect)
        self._connect()

    def _connect(self) -> None:
        """Subscribe to the view and draw what it has."""
        shown = self._shown
        view = shown.view
        if view is not None:
            shown.scope = scope = Scope("LiveTable view", parent=widget_scope(self))
            if shown.own and (close := getattr(view, "close", None)) is not None:
                scope.add(close)
            scope.run(lambda: effect(partial(self._follow_status, shown), name="LiveTable status"))
            scope.add(view.subscribe(partial(self._receive, shown)))
        self._sync()

    def _disconnect(self) -> None:
        """Let go of the view; close it if it is ours."""
        shown, self._shown = self._shown, _Shown()
        self._waiting.clear()
        if shown.scope is not None:
            shown.scope.close()
        elif shown.own and (close := getattr(shown.view, "close", None)) is not None:
            close()

    def _follow_status(self, shown: _Shown) -> None:
        """Note how the view is."""
        status, error = (getattr(shown.view, "status", "live"), getattr(shown.view, "error", None))
        if (status, error) != (shown.status, shown.error):
            shown.status, shown.error = status, error
            self._redraw_soon()

    def _receive(self, shown: _Shown, patches: list[Patch]) -> None:
        """Keep patches for the next turn. Never raises, whatever state the widget is in."""
        if shown is self._shown:
            self._waiting.extend(patches)
            if self.is_running:
                self._frame.request()

    def _redraw_soon(self) -> None:
        """Have everything drawn again in the next frame."""
        self._redraw = True
        if self.is_running:
            self._frame.request()

    # -- patches

    def _sync(self) -> None:
        """Apply all patches that wait, put cursor, widths, size and scroll in order, have drawn what differs."""
        live, patches, redraw = self._live, self._waiting, self._redraw
        self._waiting, self._redraw = [], False
        top, before = self.scroll_offset.y, live.cursor_key
        height = self._body_height
        kept_in_sight = self._cursor_placed and top <= live.cursor < top + max(height, len(self._drawn))
        changes = live.apply(patches, top=top)
        wider = self._fit_columns(changes, height)
        self._resize_body()
        self._scroll_after(changes, top, height if kept_in_sight else 0)
        self._start_flash(changes, height)
        if changes.reset or wider or redraw or not live.keys:
            self._drawn = self._visible_lines()
            self.refresh()
        else:
            self._refresh_changed(changes.touched)
        if live.cursor_key != before:
            self._say_highlighted()

    def _fit_columns(self, changes: Changes, height: int) -> bool:
        """Place the columns if they are new, and widen them for what came; return whether a width has changed."""
        live, top, end = self._live, changes.top, changes.top + height
        fresh = (changes.reset or not self._columns.columns) and self._name_columns()
        wider = fresh
        if changes.reset:
            wider |= self._columns.measure(live.rows[:ROWS_MEASURED])
            wider |= self._columns.measure(live.rows[top:end])
        elif changes.touched:
            for key, row in zip(live.keys[top:end], live.rows[top:end], strict=True):
                if key in changes.touched:
                    wider |= self._columns.measure((row,))
        return (wider and self._place_columns()) or fresh

    def _name_columns(self) -> bool:
        """Take the columns from the view or its first row; return whether they are others than before."""
        rows, shown = self._live.rows, self._shown
        names = tuple(getattr(shown.view, "columns", None) or ())
        if names == shown.names and self._columns.columns:
            return False
        shown.names = names
        self._columns = place_columns(self._column_specs, names, rows[0] if rows else None)
        self._painter.forget()
        self._want_marker()
        return True

    def _place_columns(self) -> bool:
        """Hand the room of the widget to the columns; return whether a width has changed."""
        return self._columns.place(room=self.scrollable_content_region.width)

    def _resize_body(self) -> None:
        """Tell Textual how large all of it is, if that is new."""
        lines = len(self._live.keys) + self._header_height + self._bar_height
        size = Size(self._columns.width, lines)
        if size == self.virtual_size:
            return
        if self.styles.is_auto_height or self.styles.is_auto_width:
            self.virtual_size = size
        else:  # its room doesn't hang on its rows: a layout of the whole screen would change nothing but the bars
            self.set_reactive(LiveTable.virtual_size, size)
            self._scroll_update(size)

    def _scroll_after(self, changes: Changes, top: int, height_for_cursor: int) -> None:
        """Keep what was visible where it was; a height keeps the cursor in sight within so many rows."""
        target, cursor = changes.top, self._live.cursor
        if changes.shift:
            self._stripe ^= changes.shift & 1
        if height_for_cursor and cursor >= 0:
            target = min(max(target, cursor - height_for_cursor + 1), cursor)
        target = min(target, self.max_scroll_y)
        if target != top:
            ahead = 0 if changes.reset else round(self.scroll_target_y - self.scroll_y)  # a scroll that is under way
            self.scroll_to(y=target + ahead, animate=False, force=True, immediate=True)

    # -- flash

    def _start_flash(self, changes: Changes, height: int) -> None:
        """Light up what changed, if it is visible and the table isn't just being filled. It is drawn anyway."""
        if not self.flash or changes.reset or not changes.touched or self.app.animation_level == "none":
            return
        top = self.scroll_offset.y
        idle = not self._flashing and not self._fading
        for key in self._live.keys[top : top + height]:
            if key in changes.touched:
                self._flashing[key] = changes.touched[key]
        if idle and self._flashing:
            self.set_timer(FLASH_S, self._fade)

    def _fade(self) -> None:
        """Put out what was lit a period ago. The timer is the widget's and ends with it."""
        self._fading, self._flashing = self._flashing, {}
        self._frame.request()
        if self._fading:
            self.set_timer(FLASH_S, self._fade)

    # -- geometry

    @property
    def _header_height(self) -> int:
        return 1 if self.header else 0

    @property
    def _bar_height(self) -> int:
        """One line at the bottom while the view is failed and rows are kept."""
        return 1 if self._shown.status == "failed" and self._live.keys else 0

    @property
    def _body_height(self) -> int:
        """How many rows are visible."""
        return max(self.scrollable_content_region.height - self._header_height - self._bar_height, 1)

    def _on_resize(self, _: events.Resize) -> None:
        self._place_columns()
        self._resize_body()
        if self._cursor_placed:
            self._bring_into_sight(self._live.cursor)
        self._drawn = self._visible_lines()
        self.refresh()

    def _bring_into_sight(self, index: int) -> None:
        """Scroll by as little as shows the row."""
        top, height = self.scroll_offset.y, self._body_height
        target = min(max(top, index - height + 1), index)
        if target != top and target >= 0:
            self.scroll_to(y=target, animate=False, force=True, immediate=True)

    def _want_marker(self) -> None:
        """Have the column with the arrow so wide that its title stays whole."""
        marker = self._sort_marker
        for column in self._columns.columns:
            if marker is not None and column.spec.name == marker.column:
                column.want(cell_len(column.label) + 2)

    def _visible_lines(self) -> list[_Line]:
        """Return what the visible lines look like."""
        live, top = self._live, self.scroll_offset.y
        end = min(top + self._body_height, len(live.keys))
        return [
            _Line(live.rows[index], index == live.cursor, bool((index + self._stripe) & 1), self._lit(live.keys[index]))
            for index in range(top, end)
        ]

    def _refresh_changed(self, touched: Collection[Key]) -> None:
        """Have those lines drawn again that look otherwise than the last frame left them, or whose row was touched."""
        before, self._drawn = self._drawn, self._visible_lines()
        keys, top, width = self._live.keys, self.scroll_offset.y, self.size.width
        changed = [
            place
            for place, (old, new) in enumerate(zip_longest(before, self._drawn))
            if old is None
            or new is None
            or old.row is not new.row
            or old[1:] != new[1:]
            or keys[top + place] in touched
        ]
        if changed:
            self.refresh(*[Region(0, place + self._header_height, width, 1) for place in changed])

    def _refresh_rows(self, indexes: Iterable[int], height: int) -> None:
        """Have those of the rows drawn again that are visible."""
        top, width = self.scroll_offset.y, self.size.width
        places = [index - top for index in indexes if top <= index < top + height]
        if places:
            self.refresh(*[Region(0, place + self._header_height, width, 1) for place in places])

    # -- drawing

    def notify_style_update(self) -> None:
        """Styles have changed: what was painted with them is forgotten."""
        self._painter.forget()
        self._looks.clear()
        super().notify_style_update()

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Have all or some of it drawn again. All: what lies below it may have another colour, too."""
        if not regions:
            self._looks.clear()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def render_line(self, y: int) -> Strip:
        """Return line `y` of what is visible."""
        left, top = self.scroll_offset
        width = self.scrollable_content_region.width or self.size.width
        strip, base = self._line(y, top, width)
        return strip.crop_extend(left, left + width, base) if strip.cell_length else Strip.blank(width, base)

    def _line(self, y: int, top: int, width: int) -> tuple[Strip, Style]:
        """Return the whole of a visible line, and the style of what is right of it."""
        live = self._live
        if y < self._header_height:
            return self._header_line()
        if self._bar_height and y == self.scrollable_content_region.height - 1:
            return self._note_line(self._error_text(), "livetable--failed", width)
        index = top + y - self._header_height
        if index < len(live.keys):
            return self._row_line(index, y)
        if not live.keys:
            return self._empty_line(y - self._header_height, width)
        return Strip([]), self.rich_style

    def _header_line(self) -> tuple[Strip, Style]:
        stale = self._shown.status == "stale"
        base = self.get_component_rich_style("livetable--header-stale" if stale else "livetable--header")
        hover = self.get_component_rich_style("livetable--header-hover")
        marker = self._sort_marker
        markers = {} if marker is None else {marker.column: "▼" if marker.descending else "▲"}
        return self._painter.header(self._columns, base, hover, self._hover_column, markers), base

    def _row_line(self, index: int, y: int) -> tuple[Strip, Style]:
        key = self._live.keys[index]
        if index == self._live.cursor and self.cursor == "row":
            name = "livetable--cursor"
        elif y == self._hover_y and self.cursor == "row":
            name = "livetable--hover"
        elif self.zebra:
            name = "livetable--odd-row" if (index + self._stripe) % 2 else "livetable--even-row"
        else:
            name = ""
        looks = self._looks.get(name)
        if looks is None:
            looks = self._looks[name] = self._looks_of(name)
        strip = self._painter.row(self._columns, key, self._live.rows[index], looks, self._lit(key))
        if self._painter.wider:
            self._painter.wider = False
            self.call_later(self._widen)
        return strip, looks.base

    def _widen(self) -> None:
        """Hand the columns what a row that came into sight wants."""
        if self._place_columns():
            self._resize_body()
            self.refresh()

    def _lit(self, key: Key) -> frozenset[str] | None:
        """Return the columns of a row that flash; None is all of them."""
        return self._flashing.get(key, self._fading.get(key, NO_COLUMNS))

    def _looks_of(self, name: str) -> Looks:
        """Return the styles of a line of this kind."""
        get = self.get_component_rich_style
        flash = "livetable--flash-cursor" if name == "livetable--cursor" else "livetable--flash"
        return Looks(
            base=get(name) if name else self.rich_style,
            null=get("livetable--null", partial=True),
            bytes=get("livetable--bytes", partial=True),
            error=get("livetable--cell-error", partial=True),
            flash=Style(bgcolor=get(flash).bgcolor),
            coloured=name != "livetable--cursor",
        )

    def _empty_line(self, line: int, width: int) -> tuple[Strip, Style]:
        """Return a line of what stands where no rows are."""
        shown = self._shown
        if shown.status == "failed":
            text = self._error_text()
            part = text[line * (width - 2) : (line + 1) * (width - 2)] if width > 2 else ""
            return self._note_line(part, "livetable--failed", width) if part else (Strip([]), self.rich_style)
        if line or shown.view is None:
            return Strip([]), self.rich_style
        return self._note_line("…" if shown.status == "filling" else self.empty_text, "livetable--note", width)

    def _note_line(self, text: str, name: str, width: int) -> tuple[Strip, Style]:
        """Return a line of our own words. It doesn't scroll sideways."""
        style = self.get_component_rich_style(name)
        left = self.scroll_offset.x
        return Strip([Segment(" " * left + fit(f" {text}", width), style)]), style

    def _error_text(self) -> str:
        """Return what went wrong on one line."""
        error = self._shown.error
        return cell_text(" ".join(str(error).split()) or type(error).__name__)[0] if error is not None else "failed"

    def _resolve_style(self, name: str, below: Style) -> Style:
        """Return the style that a column chose, over what lies below it."""
        variables = self.app.theme_variables
        words = [
            variables.get(word[1:], word).replace("auto", "$foreground") if word in AUTO else word
            for word in name.split()
        ]
        ground = TRANSPARENT if below.bgcolor is None else Color.from_rich_color(below.bgcolor)
        return below + (VisualStyle(background=ground) + VisualStyle.parse(" ".join(words))).rich_style

    # -- mouse

    def _on_mouse_move(self, event: events.MouseMove) -> None:
        place = event.get_content_offset(self)
        if place is None:
            self._hover(None, None)
        elif place.y < self._header_height:
            self._hover(None, self._columns.at(place.x + self.scroll_offset.x))
        else:
            self._hover(place.y, None)

    def _on_leave(self, _: events.Leave) -> None:
        self._hover(None, None)

    def _hover(self, y: int | None, column: int | None) -> None:
        """Note what is under the mouse: a line of the screen, whatever row comes to stand there, or a title."""
        if (y, column) == (self._hover_y, self._hover_column):
            return
        lines = {self._hover_y, y} - {None}
        if column != self._hover_column:
            lines.add(0)
        self._hover_y, self._hover_column = y, column
        for line in lines:
            assert line is not None
            self.refresh_line(line + self.scroll_offset.y)

    async def _on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            return
        if place.y < self._header_height:
            index = self._columns.at(place.x + self.scroll_offset.x)
            if index is not None:
                self.post_message(self.HeaderSelected(self, self._columns.columns[index].spec.name, index))
            return
        index = self.scroll_offset.y + place.y - self._header_height
        if self.cursor == "row" and index < len(self._live.keys):
            again = index == self._live.cursor
            self.move_cursor(index)
            if again:
                self.action_select_cursor()
            event.stop()

    # -- keys

    def _step(self, rows: int) -> None:
        """Move the cursor; without one, scroll."""
        if self.cursor == "row":
            self._hover(None, None)
            self.move_cursor(self._live.cursor + rows)
        else:
            self.scroll_relative(y=rows, animate=False, force=True)

    def action_cursor_up(self) -> None:
        """Go one row up."""
        self._step(-1)

    def action_cursor_down(self) -> None:
        """Go one row down."""
        self._step(1)

    def action_page_up(self) -> None:
        """Go up by what is visible."""
        self._page(-1)

    def action_page_down(self) -> None:
        """Go down by what is visible."""
        self._page(1)

    def _page(self, direction: int) -> None:
        rows = direction * self._body_height
        self.scroll_relative(y=rows, animate=False, force=True, immediate=True)
        if self.cursor == "row":
            self._step(rows)

    def action_cursor_first(self) -> None:
        """Go to the first row."""
        self._step(-len(self._live.keys))

    def action_cursor_last(self) -> None:
        """Go to the last row."""
        self._step(len(self._live.keys))

    def action_table_left(self) -> None:
        """Scroll to the left."""
        self.scroll_relative(x=-SCROLL_X, animate=False, force=True)

    def action_table_right(self) -> None:
        """Scroll to the right."""
        self.scroll_relative(x=SCROLL_X, animate=False, force=True)

    def action_select_cursor(self) -> None:
        """Select the row under the cursor."""
        live = self._live
        if live.cursor >= 0 and self.cursor == "row":
            self.post_message(self.RowSelected(self, live.keys[live.cursor], live.rows[live.cursor], live.cursor))

    def _say_highlighted(self) -> None:
        """Post where the cursor is now."""
        live = self._live
        if self.cursor == "none":
            return
        if live.cursor < 0:
            self.post_message(self.Emptied(self))
        else:
            self.post_message(self.RowHighlighted(self, live.keys[live.cursor], live.rows[live.cursor], live.cursor))
