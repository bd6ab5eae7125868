"""What a rejected signal would have earned: the same entry, the same exits, on the candles that followed.

Each signal is followed by itself through the fills of the decision kernel: in at the next open, out by stop,
target, trailing stop, time, the strategy's leave rule or its signal to the other side, with fees and
slippage, at the default size of its run. It is known only once the trade would have ended and no bar is
missing on the way; a rejected signal is never a loss, and its hindsight is never part of what was earned.
"""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.core.bars import fill_records
from cointrader.core.book import SIGNAL, Book, Market, open_book
from cointrader.core.decide import meet_bar
from cointrader.core.limits import Rules
from cointrader.strategies.base import SignalArrays
from cointrader.trading.position import ExitReason, Phase, Records
from models.compiled import kernel_in_place
from storage.candles import Candles

ORDERED, OPEN = int(Phase.ORDERED), int(Phase.OPEN)
NONE, OPPOSITE = int(ExitReason.NONE), int(ExitReason.OPPOSITE)
LONG_WISH, SHORT_WISH = 1, 2


class Fate(enum.IntEnum):
    """How far a signal could be followed."""

    ENDED = 1
    WAITING = 2  # the candles end before the trade does
    BROKEN = 3  # a bar is missing before the trade ends


ENDED, WAITING, BROKEN = int(Fate.ENDED), int(Fate.WAITING), int(Fate.BROKEN)


@kernel_in_place
def order(slot: Any, signal: Any, number: int, notional: float, price: float, equity: float) -> None:
    """The order that the signal would have become."""
    slot.signal = number
    slot.entry_ms = signal.ts_ms
    slot.phase = ORDERED
    slot.symbol = 0
    slot.strategy = 0
    slot.max_bars = signal.max_bars
    slot.exit_reason = NONE
    slot.side = float(signal.side)
    slot.quantity = notional / price
    slot.notional = notional
    slot.equity = equity
    slot.stop_distance = signal.stop_distance
    slot.target_distance = signal.target_distance
    slot.trail_distance = signal.trail_distance


@kernel_in_place
def follow_one(
    rules: Rules, book: Book, market: Market, close_ms: NDArray[np.int64], wishes: NDArray[np.uint8], row: int
) -> int:
    """Follow the order in the first slot from the bar after `row`; an ended trade is in the outbox."""
    slot, bar_ms = book.slots[0], book.symbols[0].timeframe_ms
    against = SHORT_WISH if slot.side > 0.0 else LONG_WISH
    for at in range(row + 1, close_ms.size):
        if close_ms[at] - close_ms[at - 1] != bar_ms:
            return BROKEN
        if not meet_bar(rules, book, slot, market, at, close_ms[at]):
            return ENDED
        if wishes[at] & against and slot.phase == OPEN and slot.exit_reason == NONE:
            slot.exit_reason = OPPOSITE
    return WAITING


@kernel_in_place
def follow(
    rules: Rules,
    book: Book,
    market: Market,
    close_ms: NDArray[np.int64],
    wishes: NDArray[np.uint8],
    signals: Records,
    equity: float,
    fates: NDArray[np.int64],
) -> None:
    """Follow each signal by itself; `wishes` says at which bars the strategy wants which side."""
    for k in range(signals.size):
        row = signals[k].row
        order(book.slots[0], signals[k], k, rules.size * equity, market.close[row], equity)
        fates[k] = follow_one(rules, book, market, close_ms, wishes, row)


def follow_signals(
    candles: Candles, found: SignalArrays, chosen: NDArray[np.int64], rules: Rules, equity: float
) -> tuple[NDArray[np.int64], Records]:
    """(fates, trades) of the signals at these places of `found`, every one at the size of `equity`.

    The trades are TRADE records of those that ended, whose `signal` is the place within `chosen`. The bars
    must be possible ones.
    """
    book = open_book([candles.symbol], [candles.timeframe_ms], equity, 1, max(int(chosen.size), 1))
    market = Market(
        candles.open, candles.high, candles.low, candles.close, np.ascontiguousarray(found.exits)[np.newaxis]
    )
    signals = np.empty(chosen.size, SIGNAL)
    fill_records(
        signals,
        0,
        0,
        0,
        candles.close_ms,
        *(found.index[chosen], found.side[chosen], found.max_bars[chosen], found.confidence[chosen]),
        *(found.stop_distance[chosen], found.target_distance[chosen], found.trail_distance[chosen]),
    )
    wishes = np.zeros(len(candles), np.uint8)
    for side, bit in ((1, LONG_WISH), (-1, SHORT_WISH)):
        wishes[found.index[found.side == side]] |= bit
    fates = np.zeros(chosen.size, np.int64)
    follow(rules, book, market, candles.close_ms, wishes, signals, float(equity), fates)
    return fates, book.trades[: int(book.account[0]["trades"])].copy()
