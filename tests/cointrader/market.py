"""Candles for tests of trading: the bundled sample, a walk with a gap, and bars written by hand."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from cointrader.data_feeds.candle_reading import read_candle_file
from cointrader.data_feeds.sample import sample_files
from storage.candles import Candles

MINUTES_5 = 300_000
START_MS = 1_704_067_200_000  # 2024-01-01 00:00 UTC


def walk(
    bars: int, seed: int = 1, symbol: str = "BTC/USDT", deviation: float = 2e-3, keep: float = 0.995
) -> Candles:
    """A walk whose log price keeps this share of its distance from the start, as 5-minute bars."""
    generator = np.random.default_rng(seed)
    level = np.empty(bars)
    last = 0.0
    for i, shock in enumerate(generator.normal(0.0, deviation, bars)):
        last = keep * last + shock
        level[i] = last
    close = 100.0 * np.exp(level)
    opened = np.concatenate(([100.0], close[:-1]))
    reach = 1.0 + np.abs(generator.normal(0.0, deviation / 2, (2, bars)))
    return Candles(
        symbol=symbol,
        timeframe_ms=MINUTES_5,
        close_ms=START_MS + MINUTES_5 * np.arange(1, bars + 1, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * reach[0],
        low=np.minimum(opened, close) / reach[1],
        close=close,
        volume=generator.lognormal(0.0, 0.5, bars),
    )


def without(candles: Candles, first: int, count: int) -> Candles:
    """The same candles with `count` bars missing from bar `first` on."""
    kept = np.r_[0:first, first + count : len(candles)]
    return part(candles, kept)


def head(candles: Candles, bars: int) -> Candles:
    """The first bars of a series: what was known then."""
    return part(candles, np.arange(bars))


def part(candles: Candles, at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Candles:
    """The bars at these positions."""
    columns = {name: values[at] for name, values in candles.columns.items()}
    return dataclasses.replace(candles, close_ms=candles.close_ms[at], **columns)


def by_hand(bars: Sequence[tuple[float, float, float, float]], symbol: str = "BTC/USDT") -> Candles:
    """Bars as (open, high, low, close), five minutes each from 2024 on."""
    table = np.array(bars, dtype=np.float64)
    return Candles(
        symbol=symbol,
        timeframe_ms=MINUTES_5,
        close_ms=START_MS + MINUTES_5 * np.arange(1, len(bars) + 1, dtype=np.int64),
        open=table[:, 0].copy(),
        high=table[:, 1].copy(),
        low=table[:, 2].copy(),
        close=table[:, 3].copy(),
        volume=np.ones(len(bars)),
    )


@functools.cache
def sample() -> tuple[Candles, ...]:
    """The bundled BTC/USDT and ETH/USDT candles of 2024, whole."""
    return tuple(read_candle_file(path).candles for path in sample_files())
