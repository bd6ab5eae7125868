"""What makes a single bar impossible: no time, no number, no price, or prices that contradict each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cointrader.data_feeds.raw_bars import RawBars
from cointrader.data_feeds.time_units import EARLIEST_MS, LATEST_MS


def possible_rows(raw: RawBars, open_ms: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Which rows can be bars, shape (rows,); None when all can, which costs one pass a column.

    Every comparison with NaN is false, so that asking what must hold finds NaN too.
    """
    conditions = [
        open_ms >= EARLIEST_MS,
        open_ms < LATEST_MS,
        raw.low > 0.0,
        raw.low <= raw.open,
        raw.low <= raw.close,
        raw.open <= raw.high,
        raw.close <= raw.high,
        raw.high < np.inf,
        raw.volume >= 0.0,
        raw.volume < np.inf,
    ]
    if all(bool(each.all()) for each in conditions):
        return None
    possible: NDArray[np.bool_] = np.logical_and.reduce(conditions)
    return possible


def why_impossible(raw: RawBars, open_ms: NDArray[np.int64], row: int) -> tuple[str, str]:
    """The field at fault and the reason, for a row that `possible_rows` rejects."""
    if not EARLIEST_MS <= open_ms[row] < LATEST_MS:
        return "time", f"{raw.time[row]} is no time between 2009 and 2100"
    prices = {name: float(getattr(raw, name)[row]) for name in ("open", "high", "low", "close")}
    volume = float(raw.volume[row])
    for name, value in {**prices, "volume": volume}.items():
        if not np.isfinite(value):
            return name, "is not a finite number" if np.isinf(value) else "is empty or NaN"
    for name, price in prices.items():
        if price <= 0.0:
            return name, f"{price:.10g} is not a price; prices are above zero"
    if volume < 0.0:
        return "volume", f"{volume:.10g} is negative"
    return _contradiction(**prices)


def _contradiction(open: float, high: float, low: float, close: float) -> tuple[str, str]:
    if high < low:
        return "high", f"{high:.10g} is below the low {low:.10g}"
    if high < max(open, close):
        name = "open" if open > close else "close"
        return "high", f"{high:.10g} is below the {name} {max(open, close):.10g}"
    name = "open" if open < close else "close"
    return "low", f"{low:.10g} is above the {name} {min(open, close):.10g}"
