"""What each action at a snapshot would have been rewarded with: its position is closed after the horizon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.candle_series import FloatArray, IntArray
from models.cob_rl.snapshots import WIDE_STEP
from models.setup_rows import BUY, HOLD, SELL, BookRows

ACTIONS = ("BUY", "SELL", "HOLD")

Rewarding = Callable[[FloatArray, float], FloatArray]
"""Net returns of trades, and the minutes that each was held, to rewards."""


@dataclass(frozen=True)
class ActionRewards:
    """Snapshots (n,) with a known outcome, where it was known (n,), and the reward of each action (n, 3)."""

    index: IntArray
    known_at: IntArray
    reward: FloatArray


def action_rewards(
    book: BookRows, horizon_ms: int, step_ms: int, cost: float, rewarding: Rewarding
) -> ActionRewards:
    """The known outcomes of a book: r = middle(t + H)/middle(t) - 1, BUY nets r - cost, SELL -r - cost.

    The outcome is read from the first snapshot at or after t + H; where that comes later than one and a half
    usual steps after it, it is not known. HOLD earns 0.
    """
    due = book.ts_ms + horizon_ms
    later = np.searchsorted(book.ts_ms, due, side="left")
    index = np.flatnonzero(later < len(book.ts_ms))
    late = book.ts_ms[later[index]] - due[index]
    index = index[late <= WIDE_STEP * step_ms]
    known_at = later[index]
    change = book.middle[known_at] / book.middle[index] - 1.0
    minutes = horizon_ms / 60_000.0
    reward = np.zeros((len(index), len(ACTIONS)))
    reward[:, BUY] = rewarding(change - cost, minutes)
    reward[:, SELL] = rewarding(-change - cost, minutes)
    reward[:, HOLD] = 0.0
    return ActionRewards(index, known_at, reward)
