"""Causal windows over three timeframes: the bars themselves, and three and twelve of them put together.

A coarse bar enters a window only after it has closed, so the last coarse bar may be up to eleven bars old;
the price it is compared with is the close of the newest bar at every scale, so what happened since is seen.
Windows are cut out when a batch needs them: stored whole they would be a hundred times the candles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.candle_series import CandleSeries, FloatArray, IntArray, check_candles

SCALES = (1, 3, 12)
CHANNELS = ("open", "high", "low", "close", "return", "volume")
FEATURE_NAMES = tuple(f"x{scale}_{channel}" for scale in SCALES for channel in CHANNELS)
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
SMALLEST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Bars:
    """Log prices and volume of one scale, (n, 5) float64; `close_ms` is when each bar was complete."""

    close_ms: IntArray
    columns: FloatArray


def bars_at_scale(series: CandleSeries, scale: int) -> Bars:
    """`scale` bars put together, aligned to UTC; with missing bars inside, of those that exist."""
    prices = [np.log(series.open), np.log(series.high), np.log(series.low), np.log(series.close)]
    if scale == 1:
        return Bars(series.close_ms, np.column_stack([*prices, series.volume]))
    length = scale * series.timeframe_ms
    group = (series.close_ms - series.timeframe_ms) // length
    first = np.flatnonzero(np.diff(group, prepend=group[:1] - 1))
    last = np.append(first[1:], len(group)) - 1
    columns = np.column_stack(
        [
            prices[OPEN][first],
            np.maximum.reduceat(prices[HIGH], first),
            np.minimum.reduceat(prices[LOW], first),
            prices[CLOSE][last],
            np.add.reduceat(series.volume, first),
        ]
    )
    return Bars((group[first] + 1) * length, columns)


def last_closed(bars: Bars, moments_ms: IntArray) -> IntArray:
    """Index of the newest bar complete at each moment; -1 where there is none."""
    return np.searchsorted(bars.close_ms, moments_ms, side="right").astype(np.int64) - 1


def usable_bars(series: CandleSeries, positions: Mapping[int, IntArray], window: int) -> NDArray[np.bool_]:
    """Bars with a whole window at every scale and no gap (> 1.5 bars) inside the finest one."""
    count = len(series.close_ms)
    enough = np.ones(count, dtype=np.bool_)
    for scale in SCALES:
        enough &= positions[scale] >= window
    jump = np.diff(series.close_ms, prepend=series.close_ms[:1]) * 2 > 3 * series.timeframe_ms
    jumps = np.cumsum(jump)
    earlier = np.concatenate([np.full(min(window, count), -1), jumps[:-window] if count > window else []])
    unbroken: NDArray[np.bool_] = jumps == earlier
    return enough & unbroken


def cut_windows(
    arrays: Mapping[str, NDArray[Any]], rows: IntArray, window: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Windows (scales, rows, channels, window) and the deviation of the finest returns, (rows,), float32.

    Prices are log(price / close now) over (deviation sqrt(window)), returns over the deviation and kept
    within 8 of it, volume is log(1 + volume / mean volume of the window) - log 2; the deviation is that of
    the window's close-to-close log returns at that scale, so that a window looks the same at any price.
    """
    now = arrays["series_x1"][arrays["position_x1"][rows], CLOSE]
    made = np.empty((len(SCALES), len(rows), len(CHANNELS), window), dtype=np.float32)
    finest = np.empty(len(rows), dtype=np.float32)
    for place, scale in enumerate(SCALES):
        position = arrays[f"position_x{scale}"][rows]
        index = position[:, None] + np.arange(-window, 1)
        cut = arrays[f"series_x{scale}"][index]
        returns = np.diff(cut[:, :, CLOSE], axis=1)
        deviation = np.maximum(np.sqrt(np.mean(np.square(returns), axis=1)), SMALLEST_DEVIATION)
        unit = (deviation * np.sqrt(window))[:, None]
        bars = cut[:, 1:]
        for channel in (OPEN, HIGH, LOW, CLOSE):
            made[place, :, channel] = (bars[:, :, channel] - now[:, None]) / unit
        made[place, :, 4] = np.clip(returns / deviation[:, None], -8.0, 8.0)
        volume = bars[:, :, VOLUME]
        mean = np.maximum(np.mean(np.ascontiguousarray(volume), axis=1), 1e-12)[:, None]
        made[place, :, 5] = np.log1p(volume / mean) - np.log(2.0)
        if scale == 1:
            finest[:] = deviation
    return made, finest


def series_arrays(series: CandleSeries) -> tuple[dict[str, NDArray[Any]], dict[int, IntArray]]:
    """The shared columns of one symbol by scale, and for every bar the newest complete bar of each scale.

    Raises BadCandles.
    """
    check_candles(series)
    arrays: dict[str, NDArray[Any]] = {}
    positions: dict[int, IntArray] = {}
    for scale in SCALES:
        bars = bars_at_scale(series, scale)
        arrays[f"series_x{scale}"] = bars.columns
        positions[scale] = last_closed(bars, series.close_ms)
    return arrays, positions
