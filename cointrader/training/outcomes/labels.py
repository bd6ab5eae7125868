"""What the price did after a bar: returns at fixed times, the best and the worst on the way.

Everything is a log return, signed so that above 0 is a gain of the side. A time that no bar of the series
closes at is not known: it gives no label, never one that was interpolated.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.candle_series import CandleSeries, FloatArray, IntArray
from models.compiled import kernel

LABEL_MINUTES = (1, 5, 15)
MINUTE_MS = 60_000


def bars_of(horizon_ms: int, timeframe_ms: int) -> int:
    """Whole bars until the first close at or after the horizon; 0 where the horizon is within one bar."""
    return -(-horizon_ms // timeframe_ms) if horizon_ms >= timeframe_ms else 0


def label_bars(timeframe_ms: int) -> dict[int, int]:
    """Bars until each label, by its minutes; only those at which a bar closes."""
    exact = {minutes: minutes * MINUTE_MS for minutes in LABEL_MINUTES}
    return {
        minutes: length // timeframe_ms for minutes, length in exact.items() if length % timeframe_ms == 0
    }


def is_whole(close_ms: IntArray, rows: IntArray, bars: int, timeframe_ms: int) -> NDArray[np.bool_]:
    """Whether the `bars` bars after each of `rows` are all there."""
    last = rows + bars
    inside = last < close_ms.size
    there = close_ms[np.minimum(last, close_ms.size - 1)] - close_ms[rows]
    return np.asarray(inside & (there == bars * timeframe_ms), dtype=np.bool_)


def returns_after(series: CandleSeries, rows: IntArray, side: IntArray, bars: int) -> FloatArray:
    """ln(close[row + bars] / close[row]) x side; NaN where a bar on the way is missing."""
    whole = is_whole(series.close_ms, rows, bars, series.timeframe_ms)
    result = np.full(rows.size, math.nan)
    at = rows[whole]
    result[whole] = side[whole] * np.log(series.close[at + bars] / series.close[at])
    return result


def excursions(
    series: CandleSeries, rows: IntArray, side: IntArray, bars: int
) -> tuple[FloatArray, FloatArray]:
    """(mae, mfe) of a position opened at the close of each row and held for `bars` bars, all of them there.

    Maximum adverse and favourable excursion (Sweeney 1996): worst and best unrealised return by lows and
    highs of the bars after the entry; the entry itself counts, so mae <= 0 <= mfe.
    """
    lowest, highest = np.empty(rows.size), np.empty(rows.size)
    if not rows.size:
        return lowest, highest
    low, high = np.ascontiguousarray(series.low), np.ascontiguousarray(series.high)
    _extremes(low, high, rows, bars, lowest, highest)
    down = np.minimum(0.0, np.log(lowest / series.close[rows]))
    up = np.maximum(0.0, np.log(highest / series.close[rows]))
    long = side > 0
    return np.where(long, down, -up), np.where(long, up, -down)


@kernel
def _extremes(
    low: FloatArray, high: FloatArray, rows: IntArray, bars: int, lowest: FloatArray, highest: FloatArray
) -> None:
    for place in range(rows.size):
        first = rows[place] + 1
        worst, best = low[first], high[first]
        for bar in range(first + 1, first + bars):
            worst = min(worst, low[bar])
            best = max(best, high[bar])
        lowest[place], highest[place] = worst, best
