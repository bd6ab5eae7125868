"""Order books as the network sees them: one row of numbers a snapshot, and windows of consecutive ones.

Every number of a snapshot is known at its moment; only `move_bps` looks back, to the snapshot before. What a
book does not tell (a level it lacks, a tape nobody recorded) is NaN here and counts as the usual value once
features are in units of their deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.candle_series import IntArray
from models.setup_rows import BookRows

SUMMARY_NAMES = (
    "spread_bps",
    "micro_price_bps",
    "imbalance_1",
    "imbalance_5",
    "imbalance_all",
    "bought_log",
    "sold_log",
    "flow_imbalance",
    "move_bps",
)
WIDE_STEP = 1.5
"""A step longer than so many usual ones is a gap: no window crosses it."""

FARTHEST = 8.0
"""A standardised feature is kept within so many deviations."""

Features = NDArray[np.float32]


def feature_names(levels: int) -> tuple[str, ...]:
    """The names of the columns of `book_features`: ladders of both sides, the best level first."""
    ladders = (
        f"{side}_{part}_{place}"
        for side in ("bid", "ask")
        for part in ("bps", "size_log")
        for place in range(levels)
    )
    return (*ladders, *SUMMARY_NAMES)


def book_features(book: BookRows, levels: int) -> Features:
    """(n, 4 levels + 9) float32 in the order of `feature_names`.

    Distances in bps from the middle, sizes and flow as log(1 + quote currency). Imbalance of sizes B (bids)
    and A (asks) of the first levels = (B - A)/(B + A); micro-price in bps from the middle, weighting each
    best price with the size of the other side (Gatheral and Oomen 2010); flow imbalance = (bought -
    sold)/(bought + sold); move = 1e4 log(middle/middle before), NaN in the first row.
    """
    bids, asks = _ladder(book.bids, levels), _ladder(book.asks, levels)
    bid_bps, ask_bps = bids[:, 0, 0], asks[:, 0, 0]
    bid_size, ask_size = np.nan_to_num(bids[:, :, 1]), np.nan_to_num(asks[:, :, 1])
    flow = book.flow.astype(np.float64)
    move = np.full(len(book.ts_ms), np.nan)
    move[1:] = 1e4 * np.diff(np.log(book.middle))
    # The sizes stand crosswise: a heavy bid pushes the micro-price towards the ask.
    micro = _ratio(ask_bps * bid_size[:, 0] - bid_bps * ask_size[:, 0], bid_size[:, 0] + ask_size[:, 0])
    columns = [bids[:, :, 0], np.log1p(bids[:, :, 1]), asks[:, :, 0], np.log1p(asks[:, :, 1])]
    summary = [
        bid_bps + ask_bps,
        micro,
        *(_imbalance(bid_size[:, :depth], ask_size[:, :depth]) for depth in (1, 5, levels)),
        *np.log1p(flow).T,
        _ratio(flow[:, 0] - flow[:, 1], flow.sum(axis=1)),
        move,
    ]
    features: Features = np.column_stack([*columns, *summary]).astype(np.float32)
    return features


def _ladder(side: NDArray[np.float32], levels: int) -> NDArray[np.float64]:
    """Exactly `levels` levels, NaN where the book has no such level."""
    padded = np.full((len(side), levels, 2), np.nan)
    there = min(levels, side.shape[1])
    padded[:, :there] = side[:, :there]
    return padded


def _imbalance(bids: NDArray[np.float64], asks: NDArray[np.float64]) -> NDArray[np.float64]:
    bought, sold = bids.sum(axis=1), asks.sum(axis=1)
    return _ratio(bought - sold, bought + sold)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """above/below; 0 where below is 0, NaN where it is not known."""
    return np.divide(above, below, out=np.where(np.isnan(below), np.nan, 0.0), where=below > 0.0)


def usual_step_ms(ts_ms: IntArray) -> int:
    """The median time between two snapshots; 0 for fewer than two."""
    return int(np.median(np.diff(ts_ms))) if len(ts_ms) > 1 else 0


def usable_snapshots(ts_ms: IntArray, window: int, step_ms: int) -> NDArray[np.bool_]:
    """(n,) whether `window` snapshots end there without a gap between them."""
    unbroken = np.ones(len(ts_ms), dtype=np.int64)
    unbroken[1:] = np.diff(ts_ms) <= WIDE_STEP * step_ms
    unbroken[:1] = 0
    joined = np.concatenate([[0], np.cumsum(unbroken)])
    usable = np.zeros(len(ts_ms), dtype=np.bool_)
    last = np.arange(window - 1, len(ts_ms))
    # The first snapshot of a window may follow a gap, the others may not.
    usable[last] = joined[last + 1] - joined[last - window + 2] == window - 1
    return usable


@dataclass(frozen=True)
class FeatureScale:
    """Mean and deviation of every feature over the snapshots that training saw; float32 (features,)."""

    mean: Features
    deviation: Features

    def apply(self, features: Features) -> Features:
        """In units of the deviation, kept within 8 of them; what is not known counts as the mean."""
        scaled = np.nan_to_num((features - self.mean) / self.deviation, nan=0.0)
        clipped: Features = np.clip(scaled, -FARTHEST, FARTHEST).astype(np.float32)
        return clipped


def fit_scale(features: Features) -> FeatureScale:
    """The scale of snapshots (n, features); a column that never changes, or is never known, gets 0 and 1."""
    known = np.isfinite(features)
    count = np.maximum(known.sum(axis=0), 1)
    values = np.where(known, features, 0.0).astype(np.float64)
    mean = values.sum(axis=0) / count
    deviation = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
    deviation = np.where(deviation > 1e-9 * np.maximum(1.0, np.abs(mean)), deviation, 1.0)
    return FeatureScale(mean.astype(np.float32), deviation.astype(np.float32))


def window_positions(last: IntArray, window: int) -> IntArray:
    """(n, window) places of the snapshots of the windows that end at `last`, oldest first."""
    places: IntArray = last[:, None] + np.arange(1 - window, 1)
    return places
