"""The rewards of many closes at once, in order of their close: the formulas of `reward`, as columns."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cointrader.trading.position import Records
from cointrader.trading.reward import FLOOR, FREE_MINUTES, HISTORY, LEAST_HISTORY, LEAST_WEIGHT
from models.compiled import kernel

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]


@dataclass(frozen=True)
class RewardColumns:
    """One entry a trade, with the weighted terms of both formulas; rows of terms add up to the totals.

    `normalized_terms` (trades, 5): return, notional, consistency, time, streak.
    `comprehensive_terms` (trades, 5): pnl, time, risk, consistency, streak.
    """

    normalized: FloatArray
    normalized_terms: FloatArray
    comprehensive: FloatArray
    comprehensive_terms: FloatArray
    weight: FloatArray


def reward_columns(trades: Records, round_trip_cost: float, streak_weight: float = 0.0) -> RewardColumns:
    """Both rewards of every trade; `trades` are ordered by their close.

    A trade's history are the trades whose close is not after its entry.
    """
    pnl, equity, notional = trades["net"], trades["equity"], trades["notional"]
    minutes = np.maximum((trades["exit_ms"] - trades["entry_ms"]) / 60_000.0 - FREE_MINUTES, 0.0)
    on_account, on_notional = pnl / equity, pnl / notional
    known = np.searchsorted(trades["exit_ms"], trades["entry_ms"], side="right")
    history, recent, streak = np.empty((3, pnl.size))
    _memory(np.ascontiguousarray(on_account), np.ascontiguousarray(pnl), known, history, recent, streak)
    terms = np.empty((pnl.size, 5))
    terms[:, 0] = np.tanh(on_account / 0.005)
    terms[:, 1] = 0.20 * np.tanh(on_notional / 0.01)
    terms[:, 2] = 0.05 * np.tanh(on_account / np.maximum(history, FLOOR))
    terms[:, 3] = -np.minimum(0.25, 0.001 * minutes)
    terms[:, 4] = streak_weight * streak
    money = np.empty((pnl.size, 5))
    money[:, 0] = pnl * 10.0
    money[:, 1] = -0.001 * minutes
    money[:, 2] = 2.0 * pnl / (trades["quantity"] * trades["entry_price"] / equity + 0.01)
    money[:, 3] = 0.5 * np.where(np.arange(pnl.size) >= 1, pnl / (recent + 0.001), 0.0)
    money[:, 4] = streak
    if round_trip_cost > 0.0:
        weight = np.clip(np.abs(on_notional) / round_trip_cost, LEAST_WEIGHT, 1.0)
    else:
        weight = np.ones(pnl.size)
    return RewardColumns(terms.sum(axis=1), terms, money.sum(axis=1), money, weight)


@kernel
def _std(values: FloatArray, first: int, stop: int) -> float:
    mean = 0.0
    for i in range(first, stop):
        mean += values[i]
    mean /= stop - first
    squares = 0.0
    for i in range(first, stop):
        squares += (values[i] - mean) * (values[i] - mean)
    return math.sqrt(squares / (stop - first))


@kernel
def _memory(
    on_account: FloatArray,
    pnl: FloatArray,
    known: IndexArray,
    history: FloatArray,
    recent: FloatArray,
    streak: FloatArray,
) -> None:
    """Spread of the returns known at entry, spread of the last profits, and the streak of each close."""
    wins = losses = 0
    for i in range(pnl.size):
        first = max(0, known[i] - HISTORY)
        enough = known[i] - first >= LEAST_HISTORY
        history[i] = _std(on_account, first, known[i]) if enough else 0.0
        recent[i] = _std(pnl, max(0, i + 1 - HISTORY), i + 1)
        wins = wins + 1 if pnl[i] > 0.0 else 0
        losses = losses + 1 if pnl[i] < 0.0 else 0
        streak[i] = min(0.1, 0.02 * wins) if pnl[i] > 0.0 else -min(0.2, 0.05 * losses)
