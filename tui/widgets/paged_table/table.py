"""The keys of the table, and what each does."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from tui.keys import key
from tui.remembered import TableArrangement
from tui.widgets.paged_table.body import HEADER_LINES, TableBody
from tui.widgets.paged_table.formats import plain_text
from tui.widgets.paged_table.layout import ColumnSpec
from tui.widgets.paged_table.pages import Row

NO_ROW = "there is no row under the cursor"
FALLING_FIRST = frozenset(
    {"time", "duration", "integer", "number", "price", "money", "percent", "reward", "bytes"}
)
"""Kinds of which the largest are wanted first."""


class PagedTable(TableBody):
    """A TableBody with its keys. Posts Selected on enter, and Rearranged when sort or columns change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key("table.down", "down,j", "move(1)", "down", "Next row"),
        key("table.up", "up,k", "move(-1)", "up", "Row before"),
        key("table.left", "left,h", "move_column(-1)", "column left", "Column to the left"),
        key("table.right", "right,l", "move_column(1)", "column right", "Column to the right; scrolls"),
        key("table.page_down", "pagedown", "page(1.0)", "page down", "A page down"),
        key("table.page_up", "pageup", "page(-1.0)", "page up", "A page up"),
        key("table.half_down", "ctrl+d", "page(0.5)", "half page down", "Half a page down"),
        key("table.half_up", "ctrl+u", "page(-0.5)", "half page up", "Half a page up"),
        key("table.first", "g,home", "first", "first row", "The first row"),
        key("table.last", "G,end", "last", "last row", "The last row, however many there are"),
        key("table.open", "enter", "open", "open", "Open the row", show=True),
        key(
            "table.sort",
            "o",
            "sort",
            "sort",
            "Sort by the column of the cursor; again: the other way",
            show=True,
        ),
        key("table.reverse", "O", "reverse", "reverse", "Turn the order round"),
        key(
            "table.next_match",
            "n",
            "match(False)",
            "next alike",
            "Next row with the same value in this column",
        ),
        key("table.previous_match", "N", "match(True)", "previous alike", "Row before with the same value"),
        key("table.view_cell", "v", "view_cell", "whole cell", "Show the whole cell"),
        key("table.copy_cell", "y", "copy_cell", "copy", "Copy the cell", show=True),
        key("table.copy_row", "Y", "copy_row", "copy row", "Copy the row"),
        key(
            "table.export",
            "e",
            "export",
            "export",
            "Write the whole filter to a CSV or JSONL file",
            show=True,
        ),
        key("table.columns", "c", "columns", "columns", "Choose which columns are shown"),
    ]

    class Selected(Message):
        """The operator opens a row."""

        def __init__(self, table: PagedTable, row: Row) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> PagedTable:
            """The table."""
            return self.table

    class Rearranged(Message):
        """Sort or columns were changed by the operator."""

        def __init__(self, table: PagedTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> PagedTable:
            """The table."""
            return self.table

    # Moving

    def action_move(self, rows: int) -> None:
        """Moves the cursor by some rows."""
        self.go_to(self.cursor + rows)

    def action_page(self, pages: float) -> None:
        """Moves the cursor by a part of what is on the screen."""
        first, last = self.visible_rows()
        self.go_to(self.cursor + round((last - first) * pages))

    def action_first(self) -> None:
        """Goes to the first row."""
        self.go_to(0)

    def action_last(self) -> None:
        """Goes to the last row, as soon as it is known which one that is."""
        self.when_settled(lambda: self.go_to(self.pages.at_least - 1))

    def action_move_column(self, columns: int) -> None:
        """Moves the cursor to another column; what is not on the screen is scrolled in."""
        if self.columns:
            self.cursor_column = max(0, min(self.cursor_column + columns, len(self.columns) - 1))
            self.place_columns()

    # Order and columns

    def action_sort(self) -> None:
        """Sorts the whole set by the column of the cursor."""
        column = self.current_column()
        if column is None:
            return
        descending = (
            not self.wish.descending if self.wish.sort == column.name else column.kind in FALLING_FIRST
        )
        self.sort_by(column.name, descending)

    def action_reverse(self) -> None:
        """Turns the order round."""
        self.sort_by(self.wish.sort, not self.wish.descending)

    def sort_by(self, name: str, descending: bool) -> None:
        """Sorts the whole set by a column."""
        self.begin(replace(self.wish, sort=name, descending=descending))
        self.post_message(self.Rearranged(self))

    def action_columns(self) -> None:
        """Lets the operator choose columns."""
        from tui.dialogs.columns import ColumnsDialog

        columns = [(item.name, item.label) for item in self.all_columns()]

        def chosen(hidden: tuple[str, ...] | None) -> None:
            if hidden is not None:
                self.hidden = hidden
                self.order_columns()
                self.post_message(self.Rearranged(self))

        if columns:
            self.app.push_screen(ColumnsDialog(columns, self.hidden), chosen)

    @property
    def arrangement(self) -> TableArrangement:
        """What is remembered of this table."""
        return TableArrangement(self.wish.sort, self.wish.descending, self.hidden)

    # Cells and rows

    def current_column(self) -> ColumnSpec | None:
        """The column of the cursor."""
        return self.columns[self.cursor_column] if self.columns else None

    def cell_text(self, row: Row, column: ColumnSpec) -> str:
        """A cell as it is stored, for other programs: times as ISO 8601, numbers with all their digits."""
        return plain_text(column.kind, row[column.index])

    def action_open(self) -> None:
        """Opens the row."""
        row = self.current_row()
        if row is not None:
            self.post_message(self.Selected(self, row))

    def action_view_cell(self) -> None:
        """Shows the whole cell."""
        from tui.dialogs.cell import CellDialog

        row, column = self.current_row(), self.current_column()
        if row is not None and column is not None:
            self.app.push_screen(CellDialog(column.label, row[column.index], self.cell_text(row, column)))

    def action_copy_cell(self) -> None:
        """Copies the cell."""
        row, column = self.current_row(), self.current_column()
        if row is not None and column is not None:
            self._copy(self.cell_text(row, column))

    def action_copy_row(self) -> None:
        """Copies the row: one line, columns separated by tabs."""
        row = self.current_row()
        if row is not None:
            self._copy("\t".join(self.cell_text(row, column) for column in self.columns))

    def _copy(self, text: str) -> None:
        from tui.clipboard import copy_text

        copy_text(self.app, text, self.console.workspace.root)

    def action_match(self, backward: bool) -> None:
        """Goes to the next row, or the one before, with the same value in the column of the cursor."""
        from tui.widgets.paged_table.alike import condition_for

        row, column = self.current_row(), self.current_column()
        if row is None or column is None or self.view is None:
            return
        condition = condition_for(self.view.column(column.name), row[column.index])
        if not condition:
            self.notify(f"No row can be looked for by {column.label}.", severity="warning", timeout=2)
            return
        where = "before" if backward else "after"
        self.find(
            condition,
            backward=backward,
            nothing=lambda: self.notify(f"No row {where} this one has {condition}", timeout=2, markup=False),
        )

    def action_export(self) -> None:
        """Writes every row that passes the filter to a file."""
        from tui.dialogs.export import ExportDialog

        self.app.push_screen(ExportDialog(self.wish, self.count_text))

    def why_not(self, action: str, _parameters: tuple[object, ...]) -> str:
        """Rows can be opened, copied and looked at only where there is one."""
        needs_row = action in {"open", "view_cell", "copy_cell", "copy_row", "match", "export"}
        return NO_ROW if needs_row and not self.pages.at_least else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Greys out what is impossible now."""
        return None if self.why_not(action, parameters) else True

    # Mouse

    def on_click(self, event: events.Click) -> None:
        """A row: put the cursor there, twice opens it. A label: sort by it."""
        column = next(
            (item for item in self.placed if item.left <= event.x < item.left + item.width + 2), None
        )
        if column is not None:
            names = [item.name for item in self.columns]
            self.cursor_column = names.index(column.name)
            self.place_columns()
        if event.y < HEADER_LINES:
            if column is not None:
                self.action_sort()
            return
        number = self.scroll_offset.y + event.y - HEADER_LINES
        if number < self.pages.at_least:
            self.go_to(number)
            if event.chain == 2:
                self.action_open()
