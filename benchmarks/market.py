"""Bars for benchmarks: a seeded geometric random walk of one-minute candles."""

from __future__ import annotations

import numpy as np

from storage.candles import Candles

MINUTE = 60_000
START_MS = 1_600_000_000_000 // MINUTE * MINUTE


def candles_of(bars: int, seed: int = 7, deviation: float = 5e-4) -> Candles:
    """A walk that starts at 100; every bar opens at the close before it."""
    generator = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, deviation, bars)))
    opened = np.concatenate(([100.0], close[:-1]))
    reach = 1.0 + np.abs(generator.normal(0.0, deviation, (2, bars)))
    return Candles(
        symbol="BTC/USDT",
        timeframe_ms=MINUTE,
        close_ms=START_MS + MINUTE * np.arange(1, bars + 1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * reach[0],
        low=np.minimum(opened, close) / reach[1],
        close=close,
        volume=generator.lognormal(0.0, 1.0, bars),
    )
