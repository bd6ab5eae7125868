"""Average directional index (J. Welles Wilder, New Concepts in Technical Trading Systems, 1978).

up = high_t - high_{t-1}, down = low_{t-1} - low_t; +DM is `up` where it is the larger and positive, -DM the
mirror. With Wilder sums of +DM, -DM and the true range, dx = 100 |P - M| / (P + M); adx is the Wilder
average of dx: the plain mean of the first n, then adx_t = adx_{t-1} + (dx_t - adx_{t-1})/n.
"""

from __future__ import annotations

import numpy as np

from models.compiled import kernel
from models.indicators.series import FloatArray, finite_series, positive_period, same_length
from models.indicators.true_range import true_range


@kernel
def adx_step(state: FloatArray, n: int, high: float, low: float, close: float) -> float:
    """One bar; `state` is [bars seen, last high, last low, last close, P, M, TR, adx]."""
    seen = state[0]
    value = np.nan
    if seen > 0:
        up, down = high - state[1], state[2] - low
        plus = up if up > down and up > 0.0 else 0.0
        minus = down if down > up and down > 0.0 else 0.0
        spread = true_range(high, low, state[3])
        fade = 1.0 / n if seen > n else 0.0
        state[4] += plus - state[4] * fade
        state[5] += minus - state[5] * fade
        state[6] += spread - state[6] * fade
        if seen >= n:
            both = state[4] + state[5]
            index = 100.0 * abs(state[4] - state[5]) / both if both > 0.0 else 0.0
            if seen < 2 * n:
                state[7] += index / n
            else:
                state[7] += (index - state[7]) / n
            if seen >= 2 * n - 1:
                value = state[7]
    state[0], state[1], state[2], state[3] = seen + 1, high, low, close
    return value


@kernel
def _adx(high: FloatArray, low: FloatArray, close: FloatArray, n: int, out: FloatArray) -> None:
    state = np.zeros(8)
    for i in range(close.size):
        out[i] = adx_step(state, n, high[i], low[i], close[i])


def adx(high: FloatArray, low: FloatArray, close: FloatArray, period: int = 14) -> FloatArray:
    """Wilder's index in 0..100; NaN in the first `2 period - 1` bars."""
    high, low, close = (
        finite_series(high, "high"),
        finite_series(low, "low"),
        finite_series(close, "close"),
    )
    same_length(high, low, close)
    out = np.empty_like(close)
    _adx(high, low, close, positive_period(period), out)
    return out


class AdxStream:
    """`adx`, one bar at a time, with the same numbers."""

    def __init__(self, period: int = 14) -> None:
        self._period = positive_period(period)
        self._state = np.zeros(8)

    def update(self, high: float, low: float, close: float) -> float:
        """The index with this bar as the newest; NaN during warm-up."""
        return adx_step(self._state, self._period, float(high), float(low), float(close))
