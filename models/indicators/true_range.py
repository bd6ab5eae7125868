"""Average true range (J. Welles Wilder, New Concepts in Technical Trading Systems, 1978).

tr_t = max(high_t, close_{t-1}) - min(low_t, close_{t-1}); atr is its Wilder average: the plain mean of the
first n true ranges (the first bar has none), then atr_t = atr_{t-1} + (tr_t - atr_{t-1})/n. In price units.
"""

from __future__ import annotations

import numpy as np

from models.compiled import kernel
from models.indicators.series import FloatArray, finite_series, positive_period, same_length


@kernel
def true_range(high: float, low: float, before: float) -> float:
    """Distance between the extremes of a bar, the close before it included."""
    top = high if high > before else before
    bottom = low if low < before else before
    return top - bottom


@kernel
def _atr(high: FloatArray, low: FloatArray, close: FloatArray, n: int, out: FloatArray) -> None:
    level = 0.0
    share = 1.0 / n
    for i in range(close.size):
        if i:
            spread = true_range(high[i], low[i], close[i - 1])
            if i <= n:
                level += spread * share
            else:
                level += (spread - level) * share
        out[i] = level if i >= n else np.nan


def atr(high: FloatArray, low: FloatArray, close: FloatArray, period: int = 14) -> FloatArray:
    """Wilder's average true range; NaN in the first `period` bars."""
    high, low, close = (
        finite_series(high, "high"),
        finite_series(low, "low"),
        finite_series(close, "close"),
    )
    same_length(high, low, close)
    out = np.empty_like(close)
    _atr(high, low, close, positive_period(period), out)
    return out


class AtrStream:
    """`atr`, one bar at a time, with the same numbers."""

    def __init__(self, period: int = 14) -> None:
        self._period = positive_period(period)
        self._share = 1.0 / self._period
        self._level = 0.0
        self._last: float | None = None
        self._ranges = 0

    def update(self, high: float, low: float, close: float) -> float:
        """The average with this bar as the newest; NaN during warm-up."""
        if self._last is not None:
            spread = max(high, self._last) - min(low, self._last)
            self._ranges += 1
            if self._ranges <= self._period:
                self._level += spread * self._share
            else:
                self._level += (spread - self._level) * self._share
        self._last = close
        return self._level if self._ranges >= self._period else float("nan")
