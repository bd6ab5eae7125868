"""What a greedy policy earns on setups whose every action has a known reward, and how sure that is.

A policy trades where its trade is worth more to it than holding, by a margin, and the margin is chosen on the
slice for early stopping. It does two things. A network that has learned nothing is kept from trading: on that
slice, too, no finite margin earns more than holding. And where trades pay, the margin may be below zero: what
holding is worth to the network is the best trade that is still to come, as if there were only one, while what
is scored is what every setup brings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.base import Dataset
from models.candle_series import FloatArray, IntArray
from models.setup_rows import BUY, HOLD, SELL

MARGIN_QUANTILES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
LEAST_TRADES = 10
SURE_ERRORS = 1.0


@dataclass(frozen=True)
class Judged:
    """Setups with their rewards: place in `series_state` (n,), reward of each action (n, 3), [t0, t1]."""

    setup: IntArray
    reward: FloatArray
    t0_ms: IntArray
    t1_ms: IntArray

    @property
    def independent(self) -> float:
        """How many independent outcomes they are worth."""
        return independent_outcomes(self.t0_ms, self.t1_ms)


def judged_setups(dataset: Dataset, rows: IntArray) -> Judged:
    """Those setups for which `rows` hold buying and selling; rewards of closed positions are not used."""
    arrays = dataset.arrays
    mine = rows[arrays["from_close"][rows] == 0]
    setups, place = np.unique(arrays["setup"][mine], return_inverse=True)
    reward = np.full((len(setups), 3), np.nan)
    reward[:, HOLD] = 0.0
    traded = arrays["action"][mine] != HOLD
    reward[place[traded], arrays["action"][mine][traded]] = arrays["reward"][mine][traded]
    t0, t1 = np.zeros(len(setups), np.int64), np.zeros(len(setups), np.int64)
    t0[place[traded]], t1[place[traded]] = dataset.t0_ms[mine][traded], dataset.t1_ms[mine][traded]
    known = np.flatnonzero(np.isfinite(reward).all(axis=1))
    known = known[np.argsort(t0[known], kind="stable")]
    return Judged(setups[known], reward[known], t0[known], t1[known])


def independent_outcomes(t0_ms: IntArray, t1_ms: IntArray) -> float:
    """sum 1/c_i with c_i the outcomes open at the beginning of the i-th, itself included.

    Outcomes that overlap H-fold are worth n/H (Lopez de Prado 2018, ch. 4: average uniqueness).
    """
    if not len(t0_ms):
        return 0.0
    begun = np.searchsorted(np.sort(t0_ms), t0_ms, side="right")
    ended = np.searchsorted(np.sort(t1_ms), t0_ms, side="right")
    return float((1.0 / np.maximum(1, begun - ended)).sum())


def greedy(values: NDArray[np.float32], margin: float) -> IntArray:
    """The action of each row of Q (n, 3): the best trade where it beats holding by more than `margin`."""
    trade = np.where(values[:, BUY] >= values[:, SELL], BUY, SELL)
    gain = values[np.arange(len(values)), trade] - values[:, HOLD]
    chosen: IntArray = np.where(gain > margin, trade, HOLD).astype(np.int64)
    return chosen


def earned(judged: Judged, actions: IntArray) -> FloatArray:
    """The reward of each action, (n,)."""
    rewards: FloatArray = judged.reward[np.arange(len(actions)), actions]
    return rewards


def standard_error(rewards: FloatArray, independent: float) -> float:
    """std/sqrt(n_eff); NaN with fewer than 2 rewards."""
    if len(rewards) < 2 or independent <= 0.0:
        return math.nan
    return float(rewards.std(ddof=1)) / math.sqrt(max(1.0, independent))


def choose_margin(judged: Judged, values: NDArray[np.float32]) -> float:
    """The margin whose policy earns most, a standard error less; infinity where none earns more than 0.

    Tried are quantiles of the gains that the network sees over holding, and 0, from 10 trades on.
    """
    gain = values[:, :HOLD].max(axis=1) - values[:, HOLD]
    best, margin = 0.0, math.inf
    if len(gain) < LEAST_TRADES:
        return margin
    for tried in (0.0, *np.quantile(gain, MARGIN_QUANTILES).tolist()):
        actions = greedy(values, tried)
        if np.count_nonzero(actions != HOLD) < LEAST_TRADES:
            continue
        rewards = earned(judged, actions)
        sure = float(rewards.mean()) - SURE_ERRORS * standard_error(rewards, judged.independent)
        if sure > best:
            best, margin = sure, float(tried)
    return margin
