"""Turning points of closes, and when each became known.

A pivot high at bar i is a close above the k closes before it and not below the k after it; a pivot low is
the mirror image. It is known only at bar i + k, so a label made of it carries that time and no training
sample may use it earlier.

Closes, not highs and lows: a bar that closed far below its own high is already half confirmed as a pivot of
highs, and an agent would show an AUC well above 0.5 on a pure random walk. With closes, whether the last
extreme holds depends on the k returns to come and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.candle_series import FloatArray, IntArray

NONE, HIGH, LOW = 0, 1, 2
LABELS = ("none", "high", "low")


@dataclass(frozen=True)
class TurningPoints:
    """Every bar that was the extreme of the last k closes, and whether the next k confirmed it.

    `index` is the bar t; `side` +1 for an extreme high, -1 low; `label` none, high or low (indexes of
    LABELS); `known_at` = t + k; `distance` = log(close[t]/close[t + k]), the way back to the pivot from
    where it became known: positive for a high, negative for a low, NaN where none.
    """

    index: IntArray
    side: NDArray[np.int8]
    label: IntArray
    known_at: IntArray
    distance: FloatArray


def extremes(close: FloatArray, k: int) -> NDArray[np.int8]:
    """+1 where a close is above the k before it, -1 where below them, else 0; causal, (n,)."""
    side = np.zeros(len(close), dtype=np.int8)
    if len(close) <= k:
        return side
    before = sliding_window_view(close, k)[:-1]
    now = close[k:]
    side[k:][now > before.max(axis=1)] = 1
    side[k:][now < before.min(axis=1)] = -1
    return side


def turning_points(close: FloatArray, k: int) -> TurningPoints:
    """All extremes whose outcome is known by the last bar."""
    side = extremes(close, k)
    index = np.flatnonzero(side)
    index = index[index + k < len(close)]
    if not len(index):
        empty = np.empty(0, dtype=np.int64)
        return TurningPoints(empty, empty.astype(np.int8), empty, empty, empty.astype(np.float64))
    after = sliding_window_view(close, k)[index + 1]
    is_high = (side[index] > 0) & (close[index] >= after.max(axis=1))
    is_low = (side[index] < 0) & (close[index] <= after.min(axis=1))
    label = np.where(is_high, HIGH, np.where(is_low, LOW, NONE)).astype(np.int64)
    distance = np.where(label == NONE, np.nan, np.log(close[index] / close[index + k]))
    return TurningPoints(index, side[index], label, index + k, distance)
