"""Fit of an Ornstein-Uhlenbeck process, on one sample and rolling.

dX = theta (mu - X) dt + sigma dW, sampled every D. Its exact transition is X_{t+D} = a + b X_t + e with
b = exp(-theta D), so least squares on that line gives everything in closed form:

    b = Cov(X_t, X_{t+D}) / Var(X_t)      theta = -ln(b)/D       mu = a/(1 - b)
    sigma = std(e) sqrt(-2 ln b / (D (1 - b^2)))                 half-life = ln 2 / theta

valid only for 0 < b < 1. (An Euler step would estimate (1 - b)/D instead of theta: 0.39 for a true 0.5 at
D = 1.) The least-squares b is biased by -(1 + 3b)/n (Kendall, Note on bias in the estimation of
autocorrelation, 1954); the corrected value and an interval stand beside it.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

FloatArray = NDArray[np.float64]

RENEW = 1024
NORMAL_975 = 1.959963984540054


class OuStatus(enum.StrEnum):
    """Whether the sample looks like a process that comes back to a mean."""

    VALID = "valid"
    NOT_MEAN_REVERTING = "not_mean_reverting"


@dataclass(frozen=True)
class OuFit:
    """One fit with its diagnostics; what has no meaning for this sample is None.

    `a`, `b`, `residual_std` and `b_error` (standard error) are always there. `theta`, `sigma` and
    `half_life` are in units of `step`; `stationary_std` is sigma/sqrt(2 theta). `theta_corrected` follows
    from b without its bias and is None where that b reaches 1; `theta_low` and `theta_high` are the 95 %
    interval around it, 0 below where the interval holds b = 1.
    """

    status: OuStatus
    pairs: int
    step: float
    a: float
    b: float
    b_error: float
    b_corrected: float
    residual_std: float
    theta: float | None = None
    mu: float | None = None
    sigma: float | None = None
    half_life: float | None = None
    stationary_std: float | None = None
    theta_corrected: float | None = None
    theta_low: float | None = None
    theta_high: float | None = None


def fit_ou(values: FloatArray, step: float = 1.0) -> OuFit:
    """Closed-form fit of evenly spaced `values`, `step` apart.

    Raises ValueError for fewer than 4 values, a value that is not finite, or a constant series.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size < 4:
        raise ValueError(f"an Ornstein-Uhlenbeck fit needs one series of at least 4 values, got {x.shape}")
    if not np.isfinite(x).all() or not (math.isfinite(step) and step > 0):
        raise ValueError("an Ornstein-Uhlenbeck fit needs finite values and a positive step")
    now, after = x[:-1], x[1:]
    spread = now - now.mean()
    variance = float(spread @ spread)
    if variance <= 0.0:
        raise ValueError("the series is constant: there is nothing to fit")
    pairs = now.size
    b = float(spread @ (after - after.mean())) / variance
    a = float(after.mean() - b * now.mean())
    residual = after - a - b * now
    squares = float(residual @ residual)
    error = math.sqrt(squares / (pairs - 2) / variance)
    corrected = (b + 1.0 / pairs) / (1.0 - 3.0 / pairs)
    known = (pairs, step, a, b, error, corrected, math.sqrt(squares / pairs))
    if not 0.0 < b < 1.0:
        return OuFit(OuStatus.NOT_MEAN_REVERTING, *known)
    theta = -math.log(b) / step
    sigma = known[-1] * math.sqrt(2.0 * theta / (1.0 - b * b))
    return OuFit(
        OuStatus.VALID,
        *known,
        theta=theta,
        mu=a / (1.0 - b),
        sigma=sigma,
        half_life=math.log(2.0) / theta,
        stationary_std=sigma / math.sqrt(2.0 * theta),
        theta_corrected=_theta(corrected, step) if corrected < 1.0 else None,
        theta_low=_theta(corrected + NORMAL_975 * error, step),
        theta_high=_theta(corrected - NORMAL_975 * error, step),
    )


def _theta(b: float, step: float) -> float:
    """-ln(b)/step with b held inside (0, 1]."""
    return -math.log(min(max(b, 1e-12), 1.0)) / step + 0.0


class RollingOu(NamedTuple):
    """Fit of every window, in bars; NaN where the window is short or b lies outside (0, 1).

    `score` = clip(-(x - mu)/stationary_std, -3, 3): positive when the price lies below its mean.
    """

    b: FloatArray
    mu: FloatArray
    stationary_std: FloatArray
    half_life: FloatArray
    score: FloatArray


def rolling_ou(values: FloatArray, window: int) -> RollingOu:
    """`fit_ou` over the last `window` values at every bar, in one compiled pass.

    Raises ValueError for a value that is not finite or a window below 4.
    """
    x = np.ascontiguousarray(values, dtype=np.float64)
    if window < 4:
        raise ValueError(f"a window holds at least 4 values, got {window}")
    if not np.isfinite(x).all():
        raise ValueError("rolling fit: a value is not finite")
    out = np.full((5, x.size), np.nan)
    _rolling_ou(x, window, RENEW, out)
    return RollingOu(*out)


@kernel
def _rolling_ou(x: FloatArray, window: int, renew: int, out: FloatArray) -> None:
    """Sums over the pairs (x[i], x[i+1]) of a window, both less a base that is renewed with the sums."""
    pairs = window - 1
    s = np.zeros(5)
    base = 0.0
    for last in range(window - 1, x.size):
        first = last - pairs
        if (last - window + 1) % renew == 0:
            base = x[first]
            s[:] = 0.0
            for i in range(first, last):
                _add_pair(s, x[i] - base, x[i + 1] - base, 1.0)
        else:
            _add_pair(s, x[last - 1] - base, x[last] - base, 1.0)
            _add_pair(s, x[first - 1] - base, x[first] - base, -1.0)
        variance = s[2] - s[0] * s[0] / pairs
        covariance = s[3] - s[0] * s[1] / pairs
        if not variance > 0.0:
            continue
        b = covariance / variance
        out[0, last] = b
        if not (b > 0.0 and b < 1.0):
            continue
        mu = (s[1] - b * s[0]) / pairs / (1.0 - b)
        squares = s[4] - s[1] * s[1] / pairs - b * covariance
        if not squares > 0.0:
            continue
        spread = math.sqrt(squares / pairs / (1.0 - b * b))
        score = (mu + base - x[last]) / spread
        out[1, last] = mu + base
        out[2, last] = spread
        out[3, last] = -math.log(2.0) / math.log(b)
        out[4, last] = min(max(score, -3.0), 3.0)


@kernel
def _add_pair(s: FloatArray, now: float, after: float, sign: float) -> None:
    s[0] += sign * now
    s[1] += sign * after
    s[2] += sign * now * now
    s[3] += sign * now * after
    s[4] += sign * after * after
