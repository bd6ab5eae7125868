"""What is known at every bar of a series, computed once for all of them, from bars up to that one only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cointrader.settings import RapidSettings
from cointrader.training.collecting.rapid import RapidColumns, rapid_changes
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.cnn.pivots import HIGH, LOW, extremes, turning_points
from models.indicators.fused import rsi_vwap_bollinger_atr
from models.indicators.moving_average import ema
from models.indicators.rate_of_change import roc
from models.indicators.volume import obv
from models.rl_state import EXTREME_BARS, STATE_NAMES, rl_states

WINDOW_BARS = 48
BAR_NAMES = ("close_ms", "open", "high", "low", "close", "volume")
INDICATOR_NAMES = (
    *("rsi_14", "vwap_14", "bollinger_upper", "bollinger_middle", "bollinger_lower"),
    *("atr_14", "ema_8", "ema_21", "roc_5", "obv"),
)
PIVOT_NAMES = ("bars_since_high", "from_high", "bars_since_low", "from_low")
CONTEXT_NAMES = ("day_sin", "day_cos", "week_sin", "week_cos", "bar_minutes", "velocity", "spike")
NO_PIVOT = -1.0
DAY_MS, WEEK_MS = 86_400_000, 604_800_000


@dataclass(frozen=True)
class SeriesColumns:
    """One row a bar: `bars` (n, 6), `indicators` (n, 10), `pivots` (n, 4), `rl_state` (n, 20) float32,
    `context` (n, 7), in the order of the names beside each; `extreme` is +1, -1 or 0.
    """

    symbol: str
    timeframe_ms: int
    close_ms: IntArray
    bars: FloatArray
    indicators: FloatArray
    pivots: FloatArray
    rl_state: NDArray[np.float32]
    context: FloatArray
    extreme: NDArray[np.int8]
    rapid: RapidColumns


def series_columns(series: CandleSeries, settings: RapidSettings) -> SeriesColumns:
    """Everything at once; NaN where history is short. Raises BadCandles."""
    states = rl_states(series)
    rapid = rapid_changes(series, settings)
    values = (series.close_ms, series.open, series.high, series.low, series.close, series.volume)
    return SeriesColumns(
        symbol=series.symbol,
        timeframe_ms=series.timeframe_ms,
        close_ms=series.close_ms,
        bars=np.column_stack([each.astype(np.float64) for each in values]),
        indicators=_indicators(series),
        pivots=known_pivots(series.close),
        rl_state=states,
        context=_context(series, rapid),
        extreme=extremes(series.close, EXTREME_BARS),
        rapid=rapid,
    )


def known_pivots(close: FloatArray) -> FloatArray:
    """(n, 4) in the order of PIVOT_NAMES: how many bars ago the last pivot high and low of the window were,
    and the log distance of the close from each.

    Only pivots that were confirmed by then count; -1 and 0 where the window has none.
    """
    turns = turning_points(close, EXTREME_BARS)
    columns = []
    for label in (HIGH, LOW):
        chosen = turns.label == label
        columns += _since(close, turns.index[chosen], turns.known_at[chosen])
    return np.column_stack(columns)


def _since(close: FloatArray, index: IntArray, known_at: IntArray) -> list[FloatArray]:
    bars = np.arange(len(close))
    last = np.searchsorted(known_at, bars, side="right") - 1
    since, distance = np.full(len(close), NO_PIVOT), np.zeros(len(close))
    at = np.flatnonzero(last >= 0)
    pivot = index[last[at]]
    inside = at - pivot < WINDOW_BARS
    at, pivot = at[inside], pivot[inside]
    since[at] = at - pivot
    distance[at] = np.log(close[at] / close[pivot])
    return [since, distance]


def _indicators(series: CandleSeries) -> FloatArray:
    fused = rsi_vwap_bollinger_atr(series.high, series.low, series.close, series.volume)
    return np.column_stack(
        [
            *(fused.rsi, fused.vwap, fused.upper, fused.middle, fused.lower, fused.atr),
            *(ema(series.close, 8), ema(series.close, 21), roc_of(series), obv(series.close, series.volume)),
        ]
    )


def roc_of(series: CandleSeries) -> FloatArray:
    """The change over five bars in percent; NaN where there are fewer."""
    return roc(series.close, 5) if len(series.close) > 5 else np.full(len(series.close), np.nan)


def _context(series: CandleSeries, rapid: RapidColumns) -> FloatArray:
    day, week = series.close_ms % DAY_MS / DAY_MS, series.close_ms % WEEK_MS / WEEK_MS
    minutes = np.full(len(series.close_ms), series.timeframe_ms / 60_000)
    angles = [turn(2.0 * np.pi * part) for part in (day, week) for turn in (np.sin, np.cos)]
    return np.column_stack([*angles, minutes, rapid.velocity, rapid.spike])


SIZES = {
    "indicators": len(INDICATOR_NAMES),
    "pivots": len(PIVOT_NAMES),
    "rl_state": len(STATE_NAMES),
    "context": len(CONTEXT_NAMES),
}
"""How many numbers each array field of a package has."""
