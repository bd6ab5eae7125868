"""The mutable state of a trading account, in memory that compiled code works on.

A `Book` is everything a decision may look at: the account, one record a symbol, the slots of accepted orders
and open positions, and two outboxes (closed trades, verdicts). Its arrays are allocated once; the kernel
writes into them and counts in `account`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cointrader.trading.position import SLOT, TRADE, Records

DAY_MS = 86_400_000

ACCOUNT = np.dtype(
    [
        ("balance", np.float64),  # start equity plus the net of every closed trade
        ("equity", np.float64),  # marked at the last closes
        ("exposure", np.float64),  # notional of open positions at the last closes
        ("day_start_equity", np.float64),
        ("day_end_ms", np.int64),  # a bar that closes at midnight belongs to the day that ends there
        ("entries_today", np.int64),
        ("active", np.int64),  # slots in use
        ("trades", np.int64),  # in the outbox
        ("wins", np.int64),
        ("verdicts", np.int64),  # in the outbox
        ("accepted", np.int64),  # verdicts that let a signal pass
        ("summary", np.int64),  # 1: nobody reads the outboxes, so excursions need not be followed
    ]
)

SYMBOL = np.dtype(
    [
        ("timeframe_ms", np.int64),
        ("asset", np.int64),  # symbols of one base currency share it
        ("close", np.float64),  # the last one, 0 before the first
        ("long_ms", np.int64),  # last fill of a long, entry or exit
        ("short_ms", np.int64),
    ]
)

# One wish to trade, at the close of a bar. NaN: price -> last close, spread -> unknown, distances -> none,
# quantity -> by the size rule. max_bars 0 -> no time exit. strategy -1 -> not registered.
SIGNAL = np.dtype(
    [
        ("ts_ms", np.int64),
        ("row", np.int64),  # its bar in the columns of a run; a feed has none
        ("symbol", np.int64),
        ("strategy", np.int64),
        ("side", np.int64),
        ("max_bars", np.int64),
        ("confidence", np.float64),
        ("price", np.float64),
        ("spread_bps", np.float64),
        ("stop_distance", np.float64),
        ("target_distance", np.float64),
        ("trail_distance", np.float64),
        ("quantity", np.float64),
    ]
)

# What became of a signal; exactly one a signal. `reason` 0 means that it was filled.
VERDICT = np.dtype(
    [
        ("signal", np.int64),
        ("ts_ms", np.int64),
        ("reason", np.int64),
        ("limit", np.float64),
        ("actual", np.float64),
    ]
)


class Market(NamedTuple):
    """Bars as columns, those of several symbols one after the other; `exits` is (strategies, bars).

    The bits of `exits` are those of `cointrader.strategies.base`.
    """

    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    exits: NDArray[np.uint8]


class Book(NamedTuple):
    """State and outboxes; `account` holds one record.

    An outbox that is full keeps its newest entry in its last place, and the account goes on counting.
    """

    account: Records
    symbols: Records
    slots: Records
    trades: Records
    verdicts: Records


def open_book(
    assets: list[str], timeframes_ms: list[int], start_equity: float, per_symbol: int, outbox: int | None
) -> Book:
    """A fresh book for symbols with these base assets and timeframes.

    `outbox` is the room for trades and for verdicts, None where only the counts and the equity are wanted.
    Raises ValueError for an equity that is not positive.
    """
    if not (np.isfinite(start_equity) and start_equity > 0.0):
        raise ValueError(f"start equity must be positive, got {start_equity}")
    account = np.zeros(1, ACCOUNT)
    account["balance"] = account["equity"] = account["day_start_equity"] = start_equity
    symbols = np.zeros(len(assets), SYMBOL)
    symbols["asset"] = [assets.index(name) for name in assets]
    symbols["timeframe_ms"] = timeframes_ms
    symbols["long_ms"] = symbols["short_ms"] = np.iinfo(np.int64).min // 2
    # In each symbol, every position may be about to leave while its successor is already ordered.
    slots = np.zeros(2 * len(assets) * per_symbol, SLOT)
    room = max(outbox or 0, 1)
    account["summary"] = outbox is None
    return Book(account, symbols, slots, np.zeros(room, TRADE), np.zeros(room, VERDICT))
