"""What an RL agent sees of a moment: twenty numbers in units that do not change with price.

Row t reads bars up to t only: recursions run forward from the first bar and windows end at t, so that a
shorter history gives the same bits, live as in a history of years.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.candle_series import CandleSeries, FloatArray, IntArray
from models.cnn.pivots import extremes
from models.indicators.bollinger_bands import bollinger
from models.indicators.directional_movement import adx
from models.indicators.moving_average import ema
from models.indicators.true_range import atr
from models.signal_classifier.features import FEATURE_NAMES, SMALLEST, WARM_UP_BARS, compute_features

STATE_NAMES: tuple[str, ...] = (
    *FEATURE_NAMES,
    "trend_55",
    "ema_gap_55",
    "adx_14",
    "range_96",
    "volatility",
    "extreme",
    "hour_sin",
    "hour_cos",
)
EXTREME_BARS = 5
LARGEST = 8.0
DAY_MINUTES = 1_440


def rl_states(series: CandleSeries) -> NDArray[np.float32]:
    """(n, 20) float32 in the order of STATE_NAMES, each within 8 of zero; NaN rows in the first 97 bars.

    The twelve features of `models.signal_classifier.features`, then: trend_55 = (c - EMA55)/(ATR sqrt(55));
    ema_gap_55 = (EMA21 - EMA55)/ATR; adx_14 = ADX/100 (Wilder, New Concepts in Technical Trading Systems,
    1978); range_96 = 2 (c - low96)/(high96 - low96) - 1; volatility = log10 of the deviation of the last 96
    log returns in units of 10 bps; extreme = +1 where the close is above the five before it, -1 where below
    them; hour_sin, hour_cos = the time of the UTC day on a circle. Raises BadCandles.
    """
    features = compute_features(series)
    bars = len(series.close)
    states = np.full((bars, len(STATE_NAMES)), np.nan, dtype=np.float32)
    if bars <= WARM_UP_BARS:
        return states
    log_close = np.log(series.close)
    band = bollinger(np.diff(log_close, prepend=log_close[:1]), 96, 1.0)
    deviation = np.maximum(band.upper - band.middle, SMALLEST)
    reach = np.maximum(atr(series.high, series.low, series.close, 14), SMALLEST)
    slow = ema(series.close, 55)
    hour_sin, hour_cos = _time_of_day(series.close_ms)
    columns = [
        *features.T,
        (series.close - slow) / (reach * np.sqrt(55.0)),
        (ema(series.close, 21) - slow) / reach,
        adx(series.high, series.low, series.close, 14) / 100.0,
        _place_in_range(series, 96),
        np.log10(deviation / 1e-3),
        extremes(series.close, EXTREME_BARS).astype(np.float64),
        hour_sin,
        hour_cos,
    ]
    states[WARM_UP_BARS:] = np.clip(np.column_stack(columns)[WARM_UP_BARS:], -LARGEST, LARGEST)
    return states


def _place_in_range(series: CandleSeries, bars: int) -> FloatArray:
    place = np.full_like(series.close, np.nan)
    lowest = sliding_window_view(series.low, bars).min(axis=1)
    highest = sliding_window_view(series.high, bars).max(axis=1)
    width = np.maximum(highest - lowest, SMALLEST)
    place[bars - 1 :] = 2.0 * (series.close[bars - 1 :] - lowest) / width - 1.0
    return place


def _time_of_day(close_ms: IntArray) -> tuple[FloatArray, FloatArray]:
    """Sine and cosine of the minute of the day, from a table: the same bits for a bar in any array."""
    minute = (close_ms // 60_000) % DAY_MINUTES
    angle = np.arange(DAY_MINUTES) * (2.0 * np.pi / DAY_MINUTES)
    return np.sin(angle)[minute], np.cos(angle)[minute]
