"""Every position: what it brought and cost, how long it was held, why it ended, and its reward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.screens.chain_table import ChainTableScreen

if TYPE_CHECKING:
    from tui.widgets.paged_table.pages import Row


class PositionsScreen(ChainTableScreen):
    """The table of positions; enter opens the chain of one."""

    ID = "positions"
    VIEW = "positions"
    TITLE_TEXT = "Positions"
    HELP = (
        "Closed and open positions: net result after fees, funding and slippage, reward by the training "
        "formula, time held, why it was closed, and how far it ran against and with the position (worst, "
        "best). Enter opens the chain: signal, decision, fills, reward parts, what learned from it.\n"
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

    def subject(self, row: Row) -> tuple[str, int]:
        """The position itself."""
        return "position", row[-1]
