"""What makes a single bar impossible: no time, no number, no price, or prices that contradict each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cointrader.data_feeds.raw_bars import RawBars
from cointrader.data_feeds.time_units import EARLIEST_MS, LATEST_MS

# So many rows of all columns fit into a core's cache; larger blocks are read from memory ten times.
_BLOCK = 16_384


def possible_rows(raw: RawBars, open_ms: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Which rows can be bars, shape (rows,); None when all can."""
    blocks = [slice(start, start + _BLOCK) for start in range(0, open_ms.size, _BLOCK)]
    if all(all(bool(each.all()) for each in _conditions(raw, open_ms, block)) for block in blocks):
        return None
    return np.concatenate([np.logical_and.reduce(_conditions(raw, open_ms, block)) for block in blocks])


def _conditions(raw: RawBars, open_ms: NDArray[np.int64], rows: slice) -> list[NDArray[np.bool_]]:
    """What must hold of a row. Every comparison with NaN is false, so that NaN is found too."""
    time, volume = open_ms[rows], raw.volume[rows]
    opened, high, low, close = raw.open[rows], raw.high[rows], raw.low[rows], raw.close[rows]
    return [
        time >= EARLIEST_MS,
        time < LATEST_MS,
        low > 0.0,
        low <= opened,
        low <= close,
        opened <= high,
        close <= high,
        high < np.inf,
        volume >= 0.0,
        volume < np.inf,
    ]


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
