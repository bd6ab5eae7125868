"""What a trade history of another program comes down to: trades, their fills, and what could not be read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.quarantine import QuarantineRow

LONG, SHORT = "long", "short"
BUY, SELL = "buy", "sell"
ENTRY, EXIT = "entry", "exit"
UNSAID = "not stated"
"""The exit reason of a trade whose history gives none."""


@dataclass(frozen=True)
class ImportedFill:
    """One execution. `fee` is money in the quote currency."""

    ts_ms: int
    kind: str  # entry, exit
    side: str  # buy, sell
    qty: float
    price: float
    fee: float
    reason: str = ""


@dataclass(frozen=True)
class KnownSignal:
    """What a history tells of the wish to trade that stands behind a trade."""

    ts_ms: int
    confidence: float
    price: float
    tag: str = ""


@dataclass(frozen=True)
class ImportedTrade:
    """One position, open while `closed_ms` is None.

    `pair` is spelled as the file spells it. `qty` is all that was entered, prices are means weighted by
    quantity. Money is in the quote currency: pnl = gross - fees - funding, booked so far while it is
    open. `mae` and `mfe` are the worst and best returns on the entry price (0 where unknown).
    """

    line: int
    pair: str
    strategy: str
    side: str
    opened_ms: int
    closed_ms: int | None
    qty: float
    entry_price: float
    exit_price: float | None
    exit_reason: str
    gross: float
    fees: float
    funding: float
    fills: tuple[ImportedFill, ...]
    stop_price: float | None = None
    mae: float = 0.0
    mfe: float = 0.0
    signal: KnownSignal | None = None

    @property
    def pnl(self) -> float:
        """What the account gained, or has gained so far."""
        return self.gross - self.fees - self.funding

    @property
    def notional(self) -> float:
        """What was put in, in the quote currency."""
        return self.qty * self.entry_price


@dataclass(frozen=True)
class TradeHistory:
    """A whole history: `rows` were read, `refused` of these could not be used.

    `trades` are in an order that never changes when the history grows: a later reading has the same
    trades at the same places. `start_equity` is None where the file does not say it.
    """

    program: str
    rows: int
    trades: tuple[ImportedTrade, ...]
    refused: tuple[QuarantineRow, ...] = ()
    start_equity: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def open_trades(self) -> int:
        """How many trades have not ended."""
        return sum(trade.closed_ms is None for trade in self.trades)

    @property
    def closed_trades(self) -> int:
        """How many trades have ended."""
        return len(self.trades) - self.open_trades


def direction(side: str) -> int:
    """+1 for a long, -1 for a short."""
    return 1 if side == LONG else -1


def mean_price(fills: Iterable[ImportedFill]) -> float | None:
    """The price of fills weighted by quantity; None without any."""
    parts = [(fill.qty, fill.price) for fill in fills]
    quantity = math.fsum(qty for qty, _ in parts)
    return math.fsum(qty * price for qty, price in parts) / quantity if quantity > 0.0 else None


def booked_gross(side: str, fills: Sequence[ImportedFill]) -> float:
    """What exits have earned before costs: direction * sum of quantity * (exit price - mean entry price)."""
    entry = mean_price(fill for fill in fills if fill.kind == ENTRY)
    if entry is None:
        return 0.0
    exits = [fill for fill in fills if fill.kind == EXIT]
    return direction(side) * math.fsum(fill.qty * (fill.price - entry) for fill in exits)


def peak_exposure(trades: Sequence[ImportedTrade]) -> float:
    """The most that was in the market at once, in the quote currency; 0 without trades."""
    steps: list[tuple[int, float]] = []
    for trade in trades:
        steps.append((trade.opened_ms, trade.notional))
        if trade.closed_ms is not None:
            # What is closed and what is opened in the same millisecond did not lie side by side.
            steps.append((trade.closed_ms, -trade.notional))
    held = peak = 0.0
    for _, change in sorted(steps):
        held += change
        peak = max(peak, held)
    # A trade that began and ended in one millisecond is summed in the wrong order above.
    return max([peak, *(trade.notional for trade in trades)], default=0.0)
