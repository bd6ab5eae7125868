"""Twelve features of the bar that just closed, in units that do not change with price or volatility.

The same function serves training and prediction. Feature t reads bars up to t only: recursions run forward
from the first bar and windows end at t, so a shorter history gives the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from models.candle_series import CandleSeries, FloatArray, check_candles
from models.indicators.bollinger_bands import bollinger
from models.indicators.moving_average import ema, sma
from models.indicators.relative_strength import rsi
from models.indicators.true_range import atr

FEATURE_NAMES = (
    "return_1",
    "return_6",
    "return_24",
    "return_96",
    "ema_gap",
    "rsi_14",
    "bollinger_20",
    "range_48",
    "volatility_ratio",
    "volume_ratio",
    "body",
    "wick_balance",
)
WARM_UP_BARS = 97
SMALLEST = 1e-9


def compute_features(series: CandleSeries) -> FloatArray:
    """(n, 12) in the order of FEATURE_NAMES; NaN in the first 97 bars.

    With r the log return of a close, s96 the deviation of the last 96 r and ATR that of 14 bars:
    return_k = log(c/c_k bars ago)/(s96 sqrt(k)); ema_gap = (EMA8 - EMA21)/ATR; rsi_14 = (RSI - 50)/50;
    bollinger_20 = (c - mean20)/(2 deviation20); range_48 = 2 (c - low48)/(high48 - low48) - 1;
    volatility_ratio = log(s12/s96); volume_ratio = log(1 + v/mean48 v) - log 2; body = (c - o)/ATR;
    wick_balance = (upper wick - lower wick)/ATR. Raises BadCandles.
    """
    check_candles(series)
    bars = len(series.close)
    features = np.full((bars, len(FEATURE_NAMES)), np.nan)
    if bars <= WARM_UP_BARS:
        return features
    log_close = np.log(series.close)
    returns = np.diff(log_close, prepend=log_close[:1])
    slow = np.maximum(_deviation(returns, 96), SMALLEST)
    fast = np.maximum(_deviation(returns, 12), SMALLEST)
    reach = np.maximum(atr(series.high, series.low, series.close, 14), SMALLEST)
    bands = bollinger(series.close, 20, 2.0)
    half_width = np.maximum(bands.upper - bands.middle, SMALLEST)
    lowest, highest = _rolling_range(series, 48)
    columns = [
        *(_past_return(log_close, lag) / (slow * np.sqrt(lag)) for lag in (1, 6, 24, 96)),
        (ema(series.close, 8) - ema(series.close, 21)) / reach,
        (rsi(series.close, 14) - 50.0) / 50.0,
        (series.close - bands.middle) / half_width,
        2.0 * (series.close - lowest) / np.maximum(highest - lowest, SMALLEST) - 1.0,
        np.log(fast / slow),
        np.log1p(series.volume / np.maximum(sma(series.volume, 48), SMALLEST)) - np.log(2.0),
        (series.close - series.open) / reach,
        _wick_balance(series) / reach,
    ]
    features[WARM_UP_BARS:] = np.column_stack(columns)[WARM_UP_BARS:]
    return features


def _past_return(log_close: FloatArray, lag: int) -> FloatArray:
    past = np.full_like(log_close, np.nan)
    past[lag:] = log_close[lag:] - log_close[:-lag]
    return past


def _deviation(values: FloatArray, bars: int) -> FloatArray:
    band = bollinger(values, bars, 1.0)
    return band.upper - band.middle


def _rolling_range(series: CandleSeries, bars: int) -> tuple[FloatArray, FloatArray]:
    lowest, highest = np.full_like(series.low, np.nan), np.full_like(series.high, np.nan)
    lowest[bars - 1 :] = sliding_window_view(series.low, bars).min(axis=1)
    highest[bars - 1 :] = sliding_window_view(series.high, bars).max(axis=1)
    return lowest, highest


def _wick_balance(series: CandleSeries) -> FloatArray:
    upper = series.high - np.maximum(series.open, series.close)
    lower = np.minimum(series.open, series.close) - series.low
    return upper - lower
