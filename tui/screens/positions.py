"""Every position: what it brought and cost, how long it was held, why it ended, and its reward."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.widget import Widget

from tui.lazy_classes import LazyClasses
from tui.screens.chain import ChainScreen
from tui.screens.chain_table import ChainTableScreen
from tui.screens.table_screen import TableScreen
from tui.screens.trading_keys import ClosingKeys
from tui.widgets.paged_table.loading import LoadingTable
from tui.widgets.record_list import RecordList

if TYPE_CHECKING:
    from storage.paper_desk import OpenPosition, Trading
    from tui.widgets.paged_table.pages import Row


class PositionsScreen(ClosingKeys, ChainTableScreen):
    """The table of positions, and over it those that are open now; enter opens the chain of one."""

    ID = "positions"
    VIEW = "positions"
    TITLE_TEXT = "Positions"
    CSS_PATH: ClassVar[str | PurePath | list[str | PurePath] | None] = ["table_screen.tcss", "positions.tcss"]
    OPENS = LazyClasses("tui.screens.chain:ChainScreen", "tui.screens.order_form:OrderForm")
    KEY_WIDGETS: ClassVar[tuple[type[Widget], ...]] = (*TableScreen.KEY_WIDGETS, RecordList)
    HELP = (
        "Closed and open positions: net result after fees, funding and slippage, reward by the training "
        "formula, time held, why it was closed, and how far it ran against and with the position (worst, "
        "best). Enter opens the chain: signal, decision, fills, reward parts, what learned from it. What is "
        "open now stands over the table, at the last close of its run: tab goes there, x closes it, b orders "
        "by hand.\n"
        "Filter: symbol:btc pnl<0 reason:stop hold>2h since:30d state:open reward>0.2"
    )
    ORDER = (
        "closed", "symbol", "side", "quantity", "entry", "exit", "pnl", "reward", "hold", "reason", "return",
        "models", "strategy", "fees", "mae", "mfe", "state", "opened",
    )  # fmt: skip
    NARROW_ORDER = (
        "closed", "symbol", "side", "pnl", "reward", "hold", "reason", "return", "entry", "exit", "quantity",
    )  # fmt: skip
    EMPTY = (
        "No position yet.\nPositions appear when a signal is accepted: by a backtest, a playback or a bot.\n"
        "1 Overview offers the bundled candles."
    )
    PRESETS = (
        ("losers", "pnl<0"),
        ("winners", "pnl>0"),
        ("open", "state:open"),
        ("closed by their stop", "reason:stop"),
        ("closed by their target", "reason:target"),
        ("the last 30 days of data", "since:30d"),
    )

    _first = ""

    def first_filter(self) -> str:
        """What was asked for before the table was there."""
        return self._first

    def show_only(self, words: str) -> None:
        """Shows the rows that pass a filter, also where this screen was not shown before."""
        self._first = words
        if self.query(LoadingTable):
            self.filter_by(words)

    def subject(self, row: Row) -> tuple[str, int]:
        """The position itself."""
        return "position", row[-1]

    def compose_above(self) -> Iterator[Widget]:
        """What is open now."""
        yield RecordList("open now", id="open")

    # What is open

    def show_trading(self, trading: Trading) -> None:
        """The list is there while something is open."""
        from tui.screens import position_rows as rows

        listed, symbols = self.query_one("#open", RecordList), self.console.symbols
        listed.set_class(bool(trading.positions), "-held")
        if not trading.positions and listed.has_focus:
            self.table.focus()
        width = (listed.content_size.width or self.size.width) - 2
        listed.show(
            rows.positions_head(width, symbols),
            [rows.position_record(position, width, symbols) for position in trading.positions],
            title=rows.positions_title(trading.positions, symbols),
        )

    @on(RecordList.Moved, "#open")
    def another_position(self, message: RecordList.Moved) -> None:
        """What can be closed follows the cursor."""
        message.stop()
        self.refresh_bindings()

    @on(RecordList.Chosen, "#open")
    def to_chain(self, message: RecordList.Chosen) -> None:
        """The chain of an open position."""
        message.stop()
        if isinstance(message.key, int):
            self.app.push_screen(ChainScreen("position", message.key, self.ID))

    def on_descendant_focus(self) -> None:
        """The list and the table have cursors of their own."""
        self.refresh_bindings()

    def show_row(self, row: Row | None) -> None:
        """The pane follows the cursor, and so does what can be closed."""
        super().show_row(row)
        if self.trading is not None and self.trading.positions:
            self.refresh_bindings()

    def on_resize(self) -> None:
        """Columns come and go with the width."""
        super().on_resize()
        if self.trading is not None:
            self.call_after_refresh(self.show_trading, self.trading)

    def position_at_cursor(self) -> OpenPosition | None:
        """The open position under the cursor of the table, else the one under the cursor of the list."""
        listed = self.query_one("#open", RecordList)
        row = self.table.current_row()
        held = {} if self.trading is None else {one.id: one for one in self.trading.positions}
        at_table = None if row is None or listed.has_focus else held.get(row[-1])
        return at_table or next((held[number] for number in held if number == listed.current), None)

    def symbol_at_cursor(self) -> str:
        """An order is likeliest for the symbol of the row."""
        row = self.table.current_row()
        return "" if row is None else str(self.cell(row, "symbol") or "")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that close are there while something is open."""
        nothing = self.trading is None or not self.trading.positions
        if action in ("close_position", "close_all") and nothing:
            return False
        return super().check_action(action, parameters)
