"""Rate of change: roc_t = 100 (x_t / x_{t-n} - 1), in percent; NaN in the first n bars."""

from __future__ import annotations

from collections import deque

import numpy as np

from models.indicators.series import FloatArray, finite_series, positive_period


def roc(values: FloatArray, period: int = 5) -> FloatArray:
    """Change over `period` bars in percent."""
    series = finite_series(values, "roc")
    period = positive_period(period)
    out = np.full_like(series, np.nan)
    out[period:] = 100.0 * (series[period:] / series[:-period] - 1.0)
    return out


class RocStream:
    """`roc`, one value at a time, with the same numbers."""

    def __init__(self, period: int = 5) -> None:
        self._window: deque[float] = deque(maxlen=positive_period(period) + 1)

    def update(self, value: float) -> float:
        """The change with `value` as the newest; NaN during warm-up."""
        self._window.append(value)
        if len(self._window) < (self._window.maxlen or 0):
            return float("nan")
        return 100.0 * (value / self._window[0] - 1.0)
