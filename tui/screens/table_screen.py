"""What Signals, Rejections and Positions have in common: a title, a filter, a table, and a pane beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from tui.keys import key
from tui.screens.base import ConsoleScreen
from tui.widgets.filter_bar import FilterBar, FilterInput
from tui.widgets.paged_table.loading import LoadingTable
from tui.widgets.paged_table.table import PagedTable
from tui.widgets.title_line import TitleLine

if TYPE_CHECKING:
    from tui.phrases import Part
    from tui.widgets.paged_table.pages import Row


class TableScreen(ConsoleScreen):
    """A screen over one view. Subclasses give the order of columns, the pane, and what a row opens."""

    VIEW: ClassVar[str] = ""
    TITLE_TEXT: ClassVar[str] = ""
    ORDER: ClassVar[tuple[str, ...]] = ()
    NARROW_ORDER: ClassVar[tuple[str, ...]] = ()
    EMPTY: ClassVar[str] = ""
    PRESETS: ClassVar[tuple[tuple[str, str], ...]] = ()
    KEY_WIDGETS: ClassVar[tuple[type[Widget], ...]] = (PagedTable, FilterInput)
    AUTO_FOCUS = "PagedTable"
    DETAIL_SECONDS: ClassVar[float] = 0.05
    BINDINGS: ClassVar[list[BindingType]] = [
        key("screen.filter", "slash", "filter", "filter", "Show only rows that pass a filter", show=True),
        key("screen.clear_filter", "backspace", "clear_filter", "all rows", "Show all rows again"),
    ]

    def compose_body(self) -> ComposeResult:
        """Title, filter, then the table with its pane."""
        kept = self.console.remembered.tables.get(self.VIEW)
        yield TitleLine(self.TITLE_TEXT, id="title")
        yield FilterBar(self.VIEW, id="filter")
        yield from self.compose_above()
        with Container(id="content"):
            table = PagedTable(
                self.VIEW,
                order=self.ORDER,
                narrow_order=self.NARROW_ORDER,
                hidden=kept.hidden if kept else (),
                sort=kept.sort if kept else "",
                descending=kept.descending if kept else True,
                empty=self.EMPTY,
                id="table",
            )
            # Before its first question: a filter that came later would race with the count of all rows.
            table.wish = replace(table.wish, filter=self.first_filter())
            yield table
            yield from self.compose_pane()

    def first_filter(self) -> str:
        """The filter that the table begins with."""
        return ""

    def compose_above(self) -> Iterator[Widget]:
        """What stands over the table."""
        yield from ()

    def compose_pane(self) -> Iterator[Widget]:
        """The pane under or beside the table."""
        yield from ()

    def show_row(self, row: Row | None) -> None:
        """The cursor came to another row."""

    def open_row(self, row: Row) -> None:
        """The operator opens a row."""

    @property
    def table(self) -> PagedTable:
        """The table of the screen."""
        return self.query_one(PagedTable)

    def cell(self, row: Row, name: str) -> object:
        """A value of a row by the name of its column."""
        view = self.table.view
        return None if view is None else row[view.names.index(name)]

    def refresh_data(self) -> None:
        """The operator wants the newest rows, or comes back to the screen."""
        if self.table.view is None:
            return
        self.table.look_for_news()

    def action_refresh_data(self) -> None:
        """Takes a new stable view with everything that arrived."""
        self.table.reload()

    def on_data_changed(self) -> None:
        """Rows that arrived are counted; they are shown when the operator says so."""
        table = self.table
        if table.view is None or (not table.pages.at_least and not table.wish.filter):
            table.reload()
        else:
            self.table.look_for_news()

    # Filter

    def action_filter(self) -> None:
        """Opens the filter."""
        self.query_one(FilterBar).open(self.table.wish.filter)

    def action_clear_filter(self) -> None:
        """Shows all rows."""
        self.table.filter_by("")

    def filter_by(self, text: str) -> None:
        """Shows the rows that pass a filter; the palette and panels call this."""
        self.table.filter_by(text)
        self.table.focus()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """There is nothing to clear without a filter."""
        if action == "clear_filter" and not self.table.wish.filter:
            return "all rows are shown"
        return super().why_not(action, parameters)

    @on(FilterBar.Edited)
    def _filter_edited(self, event: FilterBar.Edited) -> None:
        self.table.filter_by(event.text)

    @on(FilterBar.Closed)
    def _filter_closed(self) -> None:
        self.table.focus()

    @on(LoadingTable.Refused)
    def _filter_refused(self, event: LoadingTable.Refused) -> None:
        bar = self.query_one(FilterBar)
        position, length = getattr(event.error, "position", 0), getattr(event.error, "length", 1)
        if bar.is_open:
            bar.show_error(str(event.error), position, length)
        else:
            self.notify(
                f"{event.error}. The rows are those of the last good filter.",
                severity="warning",
                markup=False,
            )

    # Table

    @on(LoadingTable.Changed)
    def _table_changed(self, event: LoadingTable.Changed) -> None:
        self.say_title()
        self.refresh_bindings()
        if not event.table.failure and not event.table.is_loading_rows:
            self.query_one(FilterBar).show_good(event.table.wish.filter)

    def say_title(self) -> None:
        """Count, filter, news and sort."""
        table, symbols = self.table, self.console.symbols
        wish = table.wish
        news = f"{table.arrived:,} new {symbols.middle} r shows" if table.arrived else ""
        busy = f"counting{symbols.ellipsis}" if table.waits_for_count else ""
        busy = f"reading{symbols.ellipsis}" if table.is_loading_rows and table.is_slow else busy
        arrow = symbols.down if wish.descending else symbols.up
        label = self._label(wish.sort)
        more = table.hidden_to_the_right if table.columns else 0
        self.query_one("#title", TitleLine).say(
            [
                (table.count_text, "$foreground"),
                (f"filter: {wish.filter}" if wish.filter else "", "$primary"),
                *self.title_parts(),
                (news, "bold $gain"),
                (busy, "$warning"),
                (table.failure[:60], "$error"),
            ],
            [
                (f"{more} more {symbols.arrow} l" if more else "", "$quiet"),
                (f"sort: {label} {arrow}" if label else "", "$quiet"),
            ],
        )

    def title_parts(self) -> list[Part]:
        """What else the title says."""
        return []

    def _label(self, name: str) -> str:
        view = self.table.view
        if view is None or name not in view.names:
            return ""
        return view.column(name).label

    @on(PagedTable.Rearranged)
    def _rearranged(self, event: PagedTable.Rearranged) -> None:
        self.console.remember_table(self.VIEW, event.table.arrangement)

    @on(PagedTable.Highlighted)
    def _highlighted(self, event: PagedTable.Highlighted) -> None:
        self.show_row(event.row)

    @on(PagedTable.Selected)
    def _selected(self, event: PagedTable.Selected) -> None:
        self.open_row(event.row)

    def palette(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """Ready filters, and every column to sort by."""
        for title, text in self.PRESETS:
            yield f"Filter: {title}", text, partial(self.filter_by, text)
        view = self.table.view
        if view is not None:
            for column in view.columns:
                if column.sortable:
                    yield (
                        f"Sort by {column.label}",
                        column.help or column.label,
                        partial(self.table.sort_by, column.name, True),
                    )
