"""Every signal: what the strategies wished, how sure they were, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.lazy_classes import LazyClasses
from tui.screens.chain_table import ChainTableScreen
from tui.screens.trading_keys import OrderKey

if TYPE_CHECKING:
    from tui.widgets.paged_table.pages import Row


class SignalsScreen(OrderKey, ChainTableScreen):
    """The table of signals; enter opens the chain of one."""

    ID = "signals"
    VIEW = "signals"
    TITLE_TEXT = "Signals"
    OPENS = LazyClasses("tui.screens.chain:ChainScreen", "tui.screens.order_form:OrderForm")
    HELP = (
        "Every wish to trade: the strategy, the side, how sure it was, the price, and what became of it: "
        "the rule that rejected it or how its position ended. Times are UTC, at the close of the bar.\n"
        'Filter: symbol:btc side:long status:rejected confidence>0.6 since:7d !strategy:grid "text" a | b'
    )
    ORDER = ("time", "symbol", "strategy", "side", "confidence", "price", "status", "became", "pnl", "models")
    NARROW_ORDER = ("time", "symbol", "side", "confidence", "status", "became", "pnl", "price", "strategy")
    EMPTY = (
        "No signal yet.\nSignals appear when a backtest, a playback or a bot writes them.\n"
        "1 Overview offers the bundled candles; cointrader backtest runs a strategy over your own."
    )
    PRESETS = (
        ("accepted", "status:accepted"),
        ("rejected", "status:rejected"),
        ("long", "side:long"),
        ("short", "side:short"),
        ("the last 7 days of data", "since:7d"),
        ("those that lost", "pnl<0"),
    )

    def subject(self, row: Row) -> tuple[str, int]:
        """The signal itself."""
        return "signal", row[-1]

    def symbol_at_cursor(self) -> str:
        """An order is likeliest for the symbol of the row."""
        row = self.table.current_row()
        return "" if row is None else str(self.cell(row, "symbol") or "")
