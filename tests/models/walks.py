"""Candles made by a coin: a random walk in which nobody can know what comes next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.base import SignalRows
from models.candle_series import CandleSeries, PlainCandles

MINUTES_5 = 300_000


def random_walk(bars: int, seed: int, symbol: str = "BTC/USDT", deviation: float = 1e-3) -> PlainCandles:
    """Independent symmetric returns; highs, lows and volumes are drawn apart from them."""
    generator = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, deviation, bars)))
    opened = np.concatenate([[100.0], close[:-1]])
    reach = np.exp(np.abs(generator.normal(0.0, deviation, (2, bars))))
    return PlainCandles(
        symbol=symbol,
        timeframe_ms=MINUTES_5,
        close_ms=MINUTES_5 * np.arange(1, bars + 1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * reach[0],
        low=np.minimum(opened, close) / reach[1],
        close=close,
        volume=generator.lognormal(0.0, 0.5, bars),
    )


class CandleSource:
    """A training source over candles at hand; every bar can also be said to carry a signal."""

    provenance = "import"

    def __init__(self, *candles: CandleSeries, signals: SignalRows | None = None) -> None:
        self._candles = candles
        self._signals = signals or SignalRows(np.empty(0, dtype=np.int64), ())

    def candles(self, symbols: str, timeframe_minutes: int) -> Sequence[CandleSeries]:
        return self._candles

    def signals(self) -> SignalRows:
        return self._signals
