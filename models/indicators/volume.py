"""Indicators of price and volume: rolling VWAP and on-balance volume.

vwap_t = sum(p v) / sum(v) over the last n bars, p = (high + low + close)/3; NaN in the first n - 1 bars,
and the typical price itself where nothing traded.
obv_t = obv_{t-1} + sign(close_t - close_{t-1}) volume_t, obv_0 = 0 (Joseph Granville, 1963).
"""

from __future__ import annotations

from collections import deque

import numpy as np

from models.compiled import kernel
from models.indicators.series import RENEW, FloatArray, finite_series, positive_period, same_length


@kernel
def _vwap(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    n: int,
    renew: int,
    out: FloatArray,
) -> None:
    money = traded = 0.0
    for i in range(close.size):
        price = (high[i] + low[i] + close[i]) / 3.0
        if i % renew == 0:
            money = traded = 0.0
            for j in range(max(0, i - n + 1), i + 1):
                money += (high[j] + low[j] + close[j]) / 3.0 * volume[j]
                traded += volume[j]
        else:
            money += price * volume[i]
            traded += volume[i]
            if i >= n:
                money -= (high[i - n] + low[i - n] + close[i - n]) / 3.0 * volume[i - n]
                traded -= volume[i - n]
        if i >= n - 1:
            out[i] = money / traded if traded > 0.0 else price
        else:
            out[i] = np.nan


def vwap(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, period: int = 14
) -> FloatArray:
    """Volume-weighted average of the typical price over `period` bars."""
    high, low = finite_series(high, "high"), finite_series(low, "low")
    close, volume = finite_series(close, "close"), finite_series(volume, "volume")
    same_length(high, low, close, volume)
    out = np.empty_like(close)
    _vwap(high, low, close, volume, positive_period(period), RENEW, out)
    return out


def obv(close: FloatArray, volume: FloatArray) -> FloatArray:
    """On-balance volume, from zero at the first bar."""
    close, volume = finite_series(close, "close"), finite_series(volume, "volume")
    same_length(close, volume)
    out = np.zeros_like(close)
    np.cumsum(np.sign(np.diff(close)) * volume[1:], out=out[1:])
    return out


class VwapStream:
    """`vwap`, one bar at a time, with the same numbers."""

    def __init__(self, period: int = 14) -> None:
        self._window: deque[tuple[float, float]] = deque(maxlen=positive_period(period))
        self._money = self._traded = 0.0
        self._seen = 0

    def update(self, high: float, low: float, close: float, volume: float) -> float:
        """The average with this bar as the newest; NaN during warm-up."""
        window = self._window
        full = len(window) == window.maxlen
        oldest = window[0] if full else (0.0, 0.0)
        price = (high + low + close) / 3.0
        window.append((price * volume, volume))
        if self._seen % RENEW == 0:
            self._money = self._traded = 0.0
            for money, traded in window:
                self._money += money
                self._traded += traded
        else:
            self._money += price * volume
            self._traded += volume
            if full:
                self._money -= oldest[0]
                self._traded -= oldest[1]
        self._seen += 1
        if len(window) < (window.maxlen or 0):
            return float("nan")
        return self._money / self._traded if self._traded > 0.0 else price


class ObvStream:
    """`obv`, one bar at a time, with the same numbers."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._level = 0.0

    def update(self, close: float, volume: float) -> float:
        """The balance with this bar as the newest."""
        if self._last is not None:
            change = close - self._last
            self._level += (float(change > 0.0) - float(change < 0.0)) * volume
        self._last = close
        return self._level
