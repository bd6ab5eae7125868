"""Candles as an agent sees them: arrays, whoever holds them, checked before anything is learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import BadCandles

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class CandleSeries(Protocol):
    """Candles of one symbol and timeframe: ordered, unique, each array of the same length n.

    `close_ms` are UTC milliseconds at the close of the bar, int64; prices and volume are float64.
    """

    @property
    def symbol(self) -> str: ...
    @property
    def timeframe_ms(self) -> int: ...
    @property
    def close_ms(self) -> IntArray: ...
    @property
    def open(self) -> FloatArray: ...
    @property
    def high(self) -> FloatArray: ...
    @property
    def low(self) -> FloatArray: ...
    @property
    def close(self) -> FloatArray: ...
    @property
    def volume(self) -> FloatArray: ...


@dataclass(frozen=True)
class PlainCandles:
    """The plainest `CandleSeries`: what an agent needs when no storage is behind it."""

    symbol: str
    timeframe_ms: int
    close_ms: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


def truncate(series: CandleSeries, bars: int) -> PlainCandles:
    """The first `bars` bars of a series: what was known when that many had closed."""
    return PlainCandles(
        symbol=series.symbol,
        timeframe_ms=series.timeframe_ms,
        close_ms=series.close_ms[:bars],
        open=series.open[:bars],
        high=series.high[:bars],
        low=series.low[:bars],
        close=series.close[:bars],
        volume=series.volume[:bars],
    )


def check_candles(series: CandleSeries) -> None:
    """Raises BadCandles unless prices are finite and above 0, and volumes finite and not below 0."""
    for name in ("open", "high", "low", "close", "volume"):
        values: FloatArray = getattr(series, name)
        bad = ~np.isfinite(values) | ((values < 0.0) if name == "volume" else (values <= 0.0))
        if bad.any():
            bar = int(np.argmax(bad))
            raise BadCandles(series.symbol, name, bar, float(values[bar]))
