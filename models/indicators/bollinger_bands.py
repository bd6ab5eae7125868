"""Bollinger bands (John Bollinger, Bollinger on Bollinger Bands, 2001).

middle_t = mean of the last n values, upper and lower = middle +- width std0 of the same values (population
standard deviation). NaN in the first n - 1 bars.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from models.compiled import kernel
from models.indicators.series import RENEW, FloatArray, finite_series, positive_period


class Bands(NamedTuple):
    """Upper, middle and lower band, each as long as the series."""

    upper: FloatArray
    middle: FloatArray
    lower: FloatArray


@kernel
def _bollinger(x: FloatArray, n: int, width: float, renew: int, out: FloatArray) -> None:
    total = squares = base = 0.0
    share = 1.0 / n
    for i in range(x.size):
        if i % renew == 0:  # sums of x - base: little cancellation, and the base follows the price
            first = max(0, i - n + 1)
            base = x[first]
            total = squares = 0.0
            for j in range(first, i + 1):
                y = x[j] - base
                total += y
                squares += y * y
        else:
            y = x[i] - base
            total += y
            squares += y * y
            if i >= n:
                y = x[i - n] - base
                total -= y
                squares -= y * y
        if i >= n - 1:
            mean = total * share
            variance = squares * share - mean * mean
            reach = width * math.sqrt(variance) if variance > 0.0 else 0.0
            middle = mean + base
            out[0, i], out[1, i], out[2, i] = middle + reach, middle, middle - reach
        else:
            out[0, i] = out[1, i] = out[2, i] = np.nan


def bollinger(values: FloatArray, period: int = 20, width: float = 2.0) -> Bands:
    """Bands of `width` standard deviations around the mean of `period` values."""
    series = finite_series(values, "bollinger")
    out = np.empty((3, series.size))
    _bollinger(series, positive_period(period), float(width), RENEW, out)
    return Bands(out[0], out[1], out[2])


class BollingerStream:
    """`bollinger`, one value at a time, with the same numbers."""

    def __init__(self, period: int = 20, width: float = 2.0) -> None:
        self._window: deque[float] = deque(maxlen=positive_period(period))
        self._share = 1.0 / period
        self._width = float(width)
        self._total = self._squares = self._base = 0.0
        self._seen = 0

    def update(self, value: float) -> tuple[float, float, float]:
        """(upper, middle, lower) with `value` as the newest; NaN during warm-up."""
        window = self._window
        full = len(window) == window.maxlen
        oldest = window[0] if full else 0.0
        window.append(value)
        if self._seen % RENEW == 0:
            self._base = window[0]
            self._total = self._squares = 0.0
            for item in window:
                self._add(item - self._base)
        else:
            self._add(value - self._base)
            if full:
                y = oldest - self._base
                self._total -= y
                self._squares -= y * y
        self._seen += 1
        if len(window) < (window.maxlen or 0):
            return (float("nan"),) * 3
        mean = self._total * self._share
        variance = self._squares * self._share - mean * mean
        reach = self._width * math.sqrt(variance) if variance > 0.0 else 0.0
        middle = mean + self._base
        return middle + reach, middle, middle - reach

    def _add(self, y: float) -> None:
        self._total += y
        self._squares += y * y
