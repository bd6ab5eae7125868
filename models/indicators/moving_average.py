"""Simple and exponential moving averages.

sma_t = (x_t + ... + x_{t-n+1}) / n, NaN before n values.
ema_t = ema_{t-1} + a (x_t - ema_{t-1}), a = 2/(n+1), ema_0 = x_0.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from models.compiled import kernel
from models.indicators.series import RENEW, FloatArray, finite_series, positive_period


@kernel
def _sma(x: FloatArray, n: int, renew: int, out: FloatArray) -> None:
    total = 0.0
    for i in range(x.size):
        if i % renew == 0:
            total = 0.0
            for j in range(max(0, i - n + 1), i + 1):
                total += x[j]
        else:
            total += x[i]
            if i >= n:
                total -= x[i - n]
        out[i] = total / n if i >= n - 1 else np.nan


@kernel
def _ema(x: FloatArray, a: float, out: FloatArray) -> None:
    level = x[0] if x.size else 0.0
    for i in range(x.size):
        level += a * (x[i] - level)
        out[i] = level


def sma(values: FloatArray, period: int) -> FloatArray:
    """Simple moving average over `period` bars; NaN in the first `period - 1`."""
    series = finite_series(values, "sma")
    out = np.empty_like(series)
    _sma(series, positive_period(period), RENEW, out)
    return out


def ema(values: FloatArray, period: int) -> FloatArray:
    """Exponential moving average with a = 2/(period + 1), started at the first value."""
    series = finite_series(values, "ema")
    out = np.empty_like(series)
    _ema(series, 2.0 / (positive_period(period) + 1.0), out)
    return out


class SmaStream:
    """`sma`, one value at a time, with the same numbers."""

    def __init__(self, period: int) -> None:
        self._window: deque[float] = deque(maxlen=positive_period(period))
        self._total = 0.0
        self._seen = 0

    def update(self, value: float) -> float:
        """The average with `value` as the newest; NaN during warm-up."""
        window = self._window
        full = len(window) == window.maxlen
        oldest = window[0] if full else 0.0
        window.append(value)
        if self._seen % RENEW == 0:
            self._total = 0.0
            for item in window:
                self._total += item
        else:
            self._total += value
            if full:
                self._total -= oldest
        self._seen += 1
        return self._total / len(window) if len(window) == window.maxlen else float("nan")


class EmaStream:
    """`ema`, one value at a time, with the same numbers."""

    def __init__(self, period: int) -> None:
        self._a = 2.0 / (positive_period(period) + 1.0)
        self._level: float | None = None

    def update(self, value: float) -> float:
        """The average with `value` as the newest."""
        level = value if self._level is None else self._level
        self._level = level + self._a * (value - level)
        return self._level
