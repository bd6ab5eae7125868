"""Relative strength index (J. Welles Wilder, New Concepts in Technical Trading Systems, 1978).

rsi_t = 100 g / (g + d), with g and d Wilder averages of the gains and the losses from close to close: the
plain mean of the first n changes, then g_t = g_{t-1} + (gain_t - g_{t-1})/n. 50 where nothing moved.
"""

from __future__ import annotations

import numpy as np

from models.compiled import kernel
from models.indicators.series import FloatArray, finite_series, positive_period


@kernel
def strength(gain: float, loss: float) -> float:
    """100 gain/(gain + loss), 50 when both are zero."""
    both = gain + loss
    return 100.0 * gain / both if both > 0.0 else 50.0


@kernel
def _rsi(x: FloatArray, n: int, out: FloatArray) -> None:
    gain = loss = 0.0
    share = 1.0 / n
    for i in range(x.size):
        if i:
            change = x[i] - x[i - 1]
            up = change if change > 0.0 else 0.0
            down = -change if change < 0.0 else 0.0
            if i <= n:
                gain += up * share
                loss += down * share
            else:
                gain += (up - gain) * share
                loss += (down - loss) * share
        out[i] = strength(gain, loss) if i >= n else np.nan


def rsi(close: FloatArray, period: int = 14) -> FloatArray:
    """Wilder's index in 0..100; NaN in the first `period` bars."""
    series = finite_series(close, "close")
    out = np.empty_like(series)
    _rsi(series, positive_period(period), out)
    return out


class RsiStream:
    """`rsi`, one close at a time, with the same numbers."""

    def __init__(self, period: int = 14) -> None:
        self._period = positive_period(period)
        self._share = 1.0 / self._period
        self._gain = self._loss = 0.0
        self._last: float | None = None
        self._changes = 0

    def update(self, close: float) -> float:
        """The index with `close` as the newest; NaN during warm-up."""
        if self._last is not None:
            change = close - self._last
            up = change if change > 0.0 else 0.0
            down = -change if change < 0.0 else 0.0
            self._changes += 1
            if self._changes <= self._period:
                self._gain += up * self._share
                self._loss += down * self._share
            else:
                self._gain += (up - self._gain) * self._share
                self._loss += (down - self._loss) * self._share
        self._last = close
        if self._changes < self._period:
            return float("nan")
        both = self._gain + self._loss
        return 100.0 * self._gain / both if both > 0.0 else 50.0
