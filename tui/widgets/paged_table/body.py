"""The table on the screen: the rows around the cursor as lines, the columns that fit, and the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from tui.symbols import UNICODE, Symbols
from tui.widgets.paged_table import layout, paint
from tui.widgets.paged_table.layout import ColumnSpec, Placed
from tui.widgets.paged_table.loading import LoadingTable
from tui.widgets.paged_table.pages import Row

HEADER_LINES = 1
CACHED_STRIPS = 600


class TableBody(LoadingTable):
    """Any number of rows of a view, read as they are looked at; keys are the subclass's.

    `order` names columns that come first, `narrow_order` those that come first on a narrow terminal;
    `empty` is what an empty table says. Posts Highlighted when the cursor comes to another row.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--header-sorted",
        "table--header-cursor",
        "table--stripe",
        "table--cursor",
        "table--cursor-blurred",
        "table--cell-cursor",
        "table--message",
        *(f"table--{tone}" for tone in paint.TONES),
    }
    DEFAULT_CSS = """
    TableBody {
        background: $background;
        color: $foreground;
        overflow-x: hidden;
        overflow-y: scroll;
        & > .table--header { color: $quiet; background: $surface; }
        & > .table--header-sorted { color: $accent; background: $surface; text-style: bold; }
        & > .table--header-cursor { text-style: underline; }
        & > .table--stripe { background: $stripe; }
        & > .table--cursor { background: $cursor-background; text-style: bold; }
        & > .table--cursor-blurred { background: $cursor-blurred; }
        & > .table--cell-cursor { text-style: underline; }
        & > .table--message { color: $quiet; }
        & > .table--gain { color: $gain; }
        & > .table--loss { color: $loss; }
        & > .table--long { color: $long; }
        & > .table--short { color: $short; }
        & > .table--good { color: $gain; }
        & > .table--bad { color: $loss; }
        & > .table--busy { color: $accent; }
        & > .table--quiet { color: $quiet; }
    }
    """

    class Highlighted(Message):
        """The cursor stands on another row, or on none."""

        def __init__(self, table: TableBody, row: Row | None) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> TableBody:
            """The table."""
            return self.table

        def can_replace(self, message: Message) -> bool:
            """Only the last place of a cursor that runs matters."""
            return isinstance(message, TableBody.Highlighted)

    def __init__(
        self,
        view: str,
        *,
        order: Sequence[str] = (),
        narrow_order: Sequence[str] = (),
        hidden: Sequence[str] = (),
        sort: str = "",
        descending: bool = True,
        empty: str = "Nothing here yet.",
        id: str | None = None,
    ) -> None:
        super().__init__(view, sort=sort, descending=descending, id=id)
        self.order = tuple(order)
        self.narrow_order = tuple(narrow_order) or self.order
        self.hidden = tuple(hidden)
        self.empty = empty
        self.cursor = 0
        self.cursor_column = 0
        self._first_column = 1
        self._marked: set[int] = set()
        self._columns: list[ColumnSpec] = []
        self._placed: list[Placed] = []
        self._placed_width = 0
        self._palette: paint.Palette | None = None
        self._strips: dict[int, Strip] = {}
        self._highlighted: Row | None = None
        self._symbols: Symbols = UNICODE

    def on_mount(self) -> None:
        """Takes the characters of the application and asks for the first page."""
        self._symbols = getattr(self.app, "symbols", UNICODE)
        self.begin(self.wish)

    # Rows

    def current_row(self) -> Row | None:
        """The row at the cursor, or None when it is not in memory."""
        return self.pages.row(self.cursor)

    def visible_rows(self) -> tuple[int, int]:
        """The numbers of the first and the last row on the screen."""
        first = self.scroll_offset.y
        return first, max(first, first + self._row_lines() - 1)

    def rows_replaced(self, *, keep_cursor: bool) -> None:
        """Another wish is shown."""
        if not self._columns:
            self.order_columns()
        if not keep_cursor:
            self.cursor = 0
            self.scroll_to(y=0, animate=False, immediate=True)
        self.rows_added()

    def rows_added(self) -> None:
        """More is in memory."""
        self._strips.clear()
        self.virtual_size = Size(self.text_width, self.pages.at_least + HEADER_LINES)
        self._clamp()
        self.refresh()
        self._tell()

    def go_to(self, number: int) -> None:
        """Puts the cursor on a row and scrolls just enough to see it."""
        before = self.cursor
        self.cursor = max(0, min(number, self.pages.at_least - 1))
        first, last = self.visible_rows()
        if self.cursor < first:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor > last:
            top = self.cursor - self._row_lines() + 1
            self.scroll_to(y=top, animate=False, immediate=True)
        self._refresh_row(before)
        self._refresh_row(self.cursor)
        self.read_wanted()
        self._tell()

    def _clamp(self) -> None:
        self.cursor = max(0, min(self.cursor, self.pages.at_least - 1))

    @property
    def text_width(self) -> int:
        """The cells of a line beside the scroll bar."""
        return self.scrollable_content_region.width

    def _row_lines(self) -> int:
        return max(1, self.size.height - HEADER_LINES)

    def _tell(self) -> None:
        row = self.current_row()
        if row is not self._highlighted:
            self._highlighted = row
            self.post_message(self.Highlighted(self, row))

    def _refresh_row(self, number: int) -> None:
        y = number - self.scroll_offset.y + HEADER_LINES
        if HEADER_LINES <= y < self.size.height:
            self.refresh(Region(0, y, self.text_width, 1))

    # Marks

    @property
    def marked(self) -> frozenset[int]:
        """The ids of the rows that are marked; they stay marked whatever the filter and the order."""
        return frozenset(self._marked)

    def mark(self, row: Row) -> bool:
        """Marks a row, or takes its mark away; whether it is marked now."""
        self._marked ^= {row[-1]}
        self._strips.clear()
        self.refresh()
        return row[-1] in self._marked

    def clear_marks(self) -> None:
        """Takes every mark away."""
        self._marked.clear()
        self._strips.clear()
        self.refresh()

    # Columns

    @property
    def columns(self) -> Sequence[ColumnSpec]:
        """The columns in their order on the screen, hidden ones left out."""
        return self._columns

    def all_columns(self) -> list[ColumnSpec]:
        """Every column of the view."""
        if self.view is None:
            return []
        return [
            ColumnSpec(number, item.name, item.label, str(item.kind), item.width, item.align == "right")
            for number, item in enumerate(self.view.columns)
        ]

    def order_columns(self) -> None:
        """Puts the columns in order for this width."""
        current = self._columns[self.cursor_column].name if self._columns else ""
        order = self.narrow_order if self.text_width < 110 else self.order
        self._columns = layout.arrange(self.all_columns(), order, self.hidden)
        names = [column.name for column in self._columns]
        self.cursor_column = names.index(current) if current in names else 0
        self.place_columns()

    @property
    def placed(self) -> Sequence[Placed]:
        """The columns on the screen, and the cells they cover."""
        return self._placed

    def place_columns(self) -> None:
        """Lays the columns out so that the one of the cursor is seen."""
        width = self._placed_width = self.text_width
        self._first_column = layout.first_to_show(
            self._columns, width, self._first_column, self.cursor_column
        )
        self._placed = layout.place(self._columns, width, self._first_column)
        self._strips.clear()
        self.refresh()

    @property
    def hidden_to_the_right(self) -> int:
        """How many columns do not fit any more."""
        shown = {item.index for item in self._placed}
        right = [number for number, column in enumerate(self._columns) if column.index in shown]
        return len(self._columns) - 1 - max(right, default=0)

    # Painting

    def notify_style_update(self) -> None:
        """The theme or the focus changed: every strip is stale."""
        super().notify_style_update()
        self._palette = None
        self._strips.clear()

    def palette(self) -> paint.Palette:
        """The styles of the theme, resolved once."""
        if self._palette is None:
            part = self.get_component_rich_style
            plain = self.rich_style
            self._palette = paint.Palette(
                plain=plain,
                stripe=plain + part("table--stripe", partial=True),
                cursor=plain + part("table--cursor", partial=True),
                blurred=plain + part("table--cursor-blurred", partial=True),
                header=part("table--header"),
                header_sorted=part("table--header-sorted"),
                header_cursor=part("table--header-cursor", partial=True),
                tones={tone: part(f"table--{tone}", partial=True) for tone in paint.TONES},
                cell_cursor=part("table--cell-cursor", partial=True),
            )
        return self._palette

    def render_line(self, y: int) -> Strip:
        """A line of the widget: the labels, then the rows from the scrolled one on."""
        width = self.text_width
        if width != self._placed_width:
            # The scroll bar came or went, which is no resize.
            self.place_columns()
        palette = self.palette()
        if y < HEADER_LINES:
            return self._header(width, palette)
        if not self.pages.at_least:
            return self._message(y - HEADER_LINES, width, palette)
        number = self.scroll_offset.y + y - HEADER_LINES
        if number >= self.pages.at_least:
            return Strip.blank(width, palette.plain)
        return self._row(number, width, palette)

    def _row(self, number: int, width: int, palette: paint.Palette) -> Strip:
        at_cursor = number == self.cursor
        strip = None if at_cursor else self._strips.get(number)
        if strip is not None:
            return strip
        ground = palette.ground(at_cursor=at_cursor, focused=self.has_focus, odd=bool(number & 1))
        row = self.pages.row(number)
        if row is None:
            return paint.paint_unread(width, palette, self._symbols, ground=ground, at_cursor=at_cursor)
        column = self._columns[self.cursor_column].index if at_cursor and self._columns else -1
        strip = paint.paint_row(
            row,
            self._placed,
            width,
            palette,
            self._symbols,
            ground=ground,
            at_cursor=at_cursor,
            cursor_column=column,
            marked=row[-1] in self._marked,
        )
        if not at_cursor:
            if len(self._strips) >= CACHED_STRIPS:
                self._strips.clear()
            self._strips[number] = strip
        return strip

    def _header(self, width: int, palette: paint.Palette) -> Strip:
        if not self._columns:
            return Strip.blank(width, palette.header)
        return paint.paint_header(
            self._placed,
            width,
            palette,
            self._symbols,
            sort=self.wish.sort,
            descending=self.wish.descending,
            cursor_column=self._columns[self.cursor_column].index,
            more=self.hidden_to_the_right > 0,
        )

    def _message(self, y: int, width: int, palette: paint.Palette) -> Strip:
        lines = self._message_lines()
        quiet = palette.plain + self.get_component_rich_style("table--message", partial=True)
        styles = [palette.plain + Style(bold=True), quiet]
        return paint.paint_message(lines, y, width, self._row_lines(), styles)

    def _message_lines(self) -> list[str]:
        if self.failure:
            return ["The rows could not be read.", self.failure, "r tries again; the log has the whole of it"]
        if self.is_loading_rows:
            return ["", "" if not self.is_slow else f"reading{self._symbols.ellipsis}"]
        if self.wish.filter:
            return ["No row passes this filter.", self.wish.filter, "/ changes it, escape there clears it"]
        return self.empty.split("\n")

    def on_resize(self, _event: events.Resize) -> None:
        """Another width has other columns, another height other rows."""
        if self._columns:
            self.order_columns()
        self.virtual_size = Size(self.text_width, self.pages.at_least + HEADER_LINES)
        self.go_to(self.cursor)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """What is scrolled to is asked for."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.read_wanted()
