"""Order books around a random walk: nothing in them tells what comes next, unless it is planted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.base import SignalRows
from models.candle_series import CandleSeries, FloatArray
from models.setup_rows import BookRows

MINUTE = 60_000


def walking_book(
    snapshots: int, seed: int, levels: int = 5, deviation: float = 1e-3, symbol: str = "BTC/USD"
) -> BookRows:
    """Minutes of independent symmetric returns; sizes, distances and flow are drawn apart from them."""
    generator = np.random.default_rng(seed)
    middle = 100.0 * np.exp(np.cumsum(generator.normal(0.0, deviation, snapshots)))
    sides = [
        np.stack(
            [
                np.cumsum(generator.exponential(1.0, (snapshots, levels)) + 0.1, axis=1),
                generator.lognormal(8.0, 1.0, (snapshots, levels)),
            ],
            axis=2,
        ).astype(np.float32)
        for _ in range(2)
    ]
    return BookRows(
        symbol=symbol,
        ts_ms=MINUTE * np.arange(1, snapshots + 1, dtype=np.int64),
        middle=middle,
        bids=sides[0],
        asks=sides[1],
        flow=generator.lognormal(9.0, 1.0, (snapshots, 2)).astype(np.float32),
    )


def planted_book(snapshots: int, seed: int, horizon: int, levels: int = 5) -> BookRows:
    """A walk whose best bid is large exactly where the price will rise, and small where it will fall."""
    book = walking_book(snapshots, seed, levels)
    future = np.zeros(snapshots)
    future[:-horizon] = np.log(book.middle[horizon:] / book.middle[:-horizon])
    bids = book.bids.copy()
    bids[:, 0, 1] = np.exp(8.0 + 500.0 * future)
    return BookRows(book.symbol, book.ts_ms, book.middle, bids, book.asks, book.flow)


class BooksAtHand:
    """A source over books at hand; a trade is rewarded with its net return in units of 50 bps."""

    provenance = "import"

    def __init__(self, *books: BookRows) -> None:
        self._books = books

    def books(self, symbols: str) -> Sequence[BookRows]:
        return self._books

    def trade_rewards(self, net_return: FloatArray, hold_minutes: float) -> FloatArray:
        return np.tanh(net_return / 0.005)

    def candles(self, symbols: str, timeframe_minutes: int) -> Sequence[CandleSeries]:
        return ()

    def signals(self) -> SignalRows:
        return SignalRows(np.empty(0, dtype=np.int64), ())
