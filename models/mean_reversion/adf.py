"""Augmented Dickey-Fuller test with a constant, its lag chosen by AIC, compiled.

dx_t = c + g x_{t-1} + sum_{j=1..k} f_j dx_{t-j} + e; the statistic is the t value of g, its p value comes
from the response surface of MacKinnon (Approximate Asymptotic Distribution Functions for Unit-Root and
Cointegration Tests, JBES 12.2, 1994). k is the lag of 0..K with the smallest AIC, K = ceil(12 (n/100)^(1/4))
(Schwert 1989), all of them compared on the same n - 1 - K observations; the chosen regression is then run on
the longest sample it allows. These are the conventions of statsmodels' `adfuller(x, regression="c",
autolag="AIC")`, and the numbers are the same.

The regressions of all lags are nested, so one Cholesky factor of the largest gives every sum of squares.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]

TINY = 1e-300  # a perfect fit leaves nothing, or a rounding error below it


class AdfResult(NamedTuple):
    """Statistic, p value, the chosen lag and the observations of the final regression."""

    statistic: float
    p_value: float
    lags: int
    observations: int


def largest_lag(length: int) -> int:
    """The largest lag that is tried for a series of `length` values."""
    return min(length // 2 - 2, math.ceil(12.0 * math.sqrt(math.sqrt(length / 100.0))))


def adf(values: FloatArray) -> AdfResult:
    """Test one series for a unit root; a small p value speaks for stationarity.

    Raises ValueError for a value that is not finite, a constant series, or fewer than 10 values.
    """
    x = np.ascontiguousarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size < 10:
        raise ValueError(f"the test needs one series of at least 10 values, got {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError("the test needs finite values")
    if x.max() == x.min():
        raise ValueError("the series is constant: the test is not defined")
    out = np.empty((1, 3))
    _adf_at(x, np.array([x.size - 1]), x.size, largest_lag(x.size), out)
    lags = int(out[0, 2])
    return AdfResult(float(out[0, 0]), float(out[0, 1]), lags, x.size - 1 - lags)


def adf_p_values(values: FloatArray, bars: IndexArray, window: int) -> FloatArray:
    """p value of the window of `window` values that ends at each of `bars`; 1 for a constant window.

    Raises ValueError when a window would begin before the series or a value is not finite.
    """
    x = np.ascontiguousarray(values, dtype=np.float64)
    at = np.ascontiguousarray(bars, dtype=np.int64)
    if window < 10:
        raise ValueError(f"a window holds at least 10 values, got {window}")
    if at.size and (at.min() < window - 1 or at.max() >= x.size):
        raise ValueError("a window lies outside the series")
    if not np.isfinite(x).all():
        raise ValueError("the test needs finite values")
    out = np.empty((at.size, 3))
    _adf_at(x, at, window, largest_lag(window), out)
    return np.ascontiguousarray(out[:, 1])


@kernel
def _adf_at(x: FloatArray, bars: IndexArray, window: int, most: int, out: FloatArray) -> None:
    gram = np.empty((most + 2, most + 2))
    z = np.empty(most + 2)
    row = np.empty(most + 2)
    for k in range(bars.size):
        part = x[bars[k] - window + 1 : bars[k] + 1]
        statistic, lags = _adf(part, most, gram, z, row)
        out[k, 0], out[k, 1], out[k, 2] = statistic, mackinnon_p(statistic), lags


@kernel
def _adf(x: FloatArray, most: int, gram: FloatArray, z: FloatArray, row: FloatArray) -> tuple[float, int]:
    """(t value of the level, chosen lag); a constant series gives (+inf, 0)."""
    used = x.size - 1 - most
    squares = _normal_equations(x, most, most, False, gram, z, row)
    if not _solve_lower(gram, z, most + 2):
        return np.inf, 0
    squares -= z[0] * z[0] + z[1] * z[1]
    best, lags = used * math.log(max(squares, TINY) / used), 0
    for lag in range(1, most + 1):
        squares -= z[lag + 1] * z[lag + 1]
        criterion = used * math.log(max(squares, TINY) / used) + 2.0 * lag
        if criterion < best:
            best, lags = criterion, lag
    used = x.size - 1 - lags
    squares = _normal_equations(x, lags, lags, True, gram, z, row)
    if not _solve_lower(gram, z, lags + 2):
        return np.inf, 0
    for i in range(lags + 2):
        squares -= z[i] * z[i]
    return z[lags + 1] / math.sqrt(max(squares, TINY) / (used - lags - 2)), lags


@kernel
def _normal_equations(
    x: FloatArray,
    lags: int,
    first: int,
    level_last: bool,
    gram: FloatArray,
    z: FloatArray,
    row: FloatArray,
) -> float:
    """X'X (lower triangle) into `gram`, X'y into `z`; returns y'y.

    Columns are the constant, the level less its mean, and the lagged differences; the level comes second,
    or last where its t value is wanted (then that is z_last over the residual deviation).
    """
    columns = lags + 2
    centre = x.mean()
    for i in range(columns):
        z[i] = 0.0
        for j in range(i + 1):
            gram[i, j] = 0.0
    row[0] = 1.0
    level, shift = (columns - 1, 0) if level_last else (1, 1)
    squares = 0.0
    for t in range(first, x.size - 1):
        y = x[t + 1] - x[t]
        row[level] = x[t] - centre
        for j in range(1, lags + 1):
            row[j + shift] = x[t - j + 1] - x[t - j]
        squares += y * y
        for i in range(columns):
            z[i] += row[i] * y
            scale = row[i]
            for j in range(i + 1):
                gram[i, j] += scale * row[j]
    return squares


@kernel
def _solve_lower(gram: FloatArray, z: FloatArray, columns: int) -> bool:
    """Cholesky factor of `gram` in place and z <- L^-1 z; False when the columns are not independent."""
    for i in range(columns):
        whole = gram[i, i]
        for j in range(i):
            total = gram[i, j]
            for k in range(j):
                total -= gram[i, k] * gram[j, k]
            gram[i, j] = total / gram[j, j]
            gram[i, i] -= gram[i, j] * gram[i, j]
            z[i] -= gram[i, j] * z[j]
        if not gram[i, i] > 1e-13 * whole:
            return False
        gram[i, i] = math.sqrt(gram[i, i])
        z[i] /= gram[i, i]
    return True


@kernel
def mackinnon_p(statistic: float) -> float:
    """p value of a Dickey-Fuller statistic with a constant (MacKinnon 1994, tables 3 and 4)."""
    if statistic > 2.74:
        return 1.0
    if statistic < -18.83:
        return 0.0
    if statistic <= -1.61:
        q = 2.1659 + statistic * (1.4412 + statistic * 0.038269)
    else:
        q = 1.7339 + statistic * (0.93202 + statistic * (-0.12745 + statistic * -0.010368))
    return 0.5 * math.erfc(-q / math.sqrt(2.0))
