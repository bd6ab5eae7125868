"""What an indicator takes and gives: float64 arrays in time order, NaN where it is not defined yet.

An input that is not finite is refused here, so that no NaN of the input is mistaken for a warm-up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

# Rolling sums are added up afresh from their window every so many bars: their rounding error then stays
# that of a thousand additions, however long the series is.
RENEW = 1024


def finite_series(values: ArrayLike, name: str) -> FloatArray:
    """`values` as one contiguous float64 array; raises ValueError for one that is not finite."""
    series = np.ascontiguousarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"{name}: one dimension expected, got {series.ndim}")
    if not np.isfinite(series).all():
        bad = int(np.flatnonzero(~np.isfinite(series))[0])
        raise ValueError(f"{name}: value {series[bad]} at position {bad} is not finite")
    return series


def same_length(*series: FloatArray) -> None:
    """Raises ValueError unless all series have the same length."""
    lengths = {item.size for item in series}
    if len(lengths) > 1:
        raise ValueError(f"series of different lengths: {sorted(lengths)}")


def positive_period(period: int) -> int:
    """`period` itself; raises ValueError below 1."""
    if period < 1:
        raise ValueError(f"a period is at least 1 bar, got {period}")
    return int(period)
