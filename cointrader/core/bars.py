"""Columns of bars and of signals, checked and laid out as the decision kernel wants them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cointrader.trading.position import Records
from models.compiled import kernel

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]


@kernel
def fill_records(
    records: Records,
    symbol: int,
    strategy: int,
    offset: int,
    close_ms: IndexArray,
    index: IndexArray,
    side: IndexArray,
    max_bars: IndexArray,
    confidence: FloatArray,
    stop_distance: FloatArray,
    target_distance: FloatArray,
    trail_distance: FloatArray,
) -> None:
    """Columns into SIGNAL records; price and spread are unknown, the quantity follows the size rule."""
    for k in range(index.size):
        record = records[k]
        record.ts_ms = close_ms[offset + index[k]]
        record.row = offset + index[k]
        record.symbol = symbol
        record.strategy = strategy
        record.side = side[k]
        record.max_bars = max_bars[k]
        record.confidence = confidence[k]
        record.price = np.nan
        record.spread_bps = np.nan
        record.stop_distance = stop_distance[k]
        record.target_distance = target_distance[k]
        record.trail_distance = trail_distance[k]
        record.quantity = np.nan


@kernel
def first_impossible(opened: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray) -> int:
    """The first bar that is not high >= open, close >= low > 0, all finite; or how many there are."""
    for i in range(opened.size):
        top, bottom = max(opened[i], close[i]), min(opened[i], close[i])
        # max and min pass over a NaN in one of the two: each must be a price by itself.
        both = opened[i] > 0.0 and close[i] > 0.0
        if not (both and np.inf > high[i] >= top and bottom >= low[i] > 0.0):
            return i
    return opened.size
