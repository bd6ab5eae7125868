"""How well a setup paid, as a number from 0 to 1, and what would have been the best thing to do.

r = ln(exit / entry) is the return of the price over the horizon, c the cost of the round trip, s_u a unit.

    net return of a side       o(BUY) = r - c, o(SELL) = -r - c, o(HOLD) = 0
    profitability score        s = 1 / (1 + exp(-net / s_u))
    optimal action             argmax o, known only in hindsight: never a feature
    regret                     max o - o(taken)

With s_u = 50 bps: s(0) = 0.5, s(+42.4 bps) = 0.70, s(-109.9 bps) = 0.10. Returns are fractions, not bps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.candle_series import FloatArray, IntArray
from models.setup_rows import BUY, HOLD, SELL

BPS = 1e-4
SIDES = {"long": 1, "short": -1}


def finite(name: str, values: ArrayLike) -> FloatArray:
    """`values` as float64; raises ValueError naming the first that is not finite."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        at = int(np.argmin(np.isfinite(array).ravel()))
        raise ValueError(f"{name}[{at}] is {array.ravel()[at]}: only finite numbers can be scored")
    return array


def profitability_score(net_return: ArrayLike, unit: float) -> FloatArray:
    """s of net returns; `unit` is s_u as a fraction (0.005 for 50 bps)."""
    if not unit > 0.0:
        raise ValueError(f"the unit of a score must be above 0, not {unit}")
    steps = finite("net_return", net_return) / unit
    tail = np.exp(-np.abs(steps))  # never overflows
    return np.asarray(np.where(steps >= 0.0, 1.0, tail) / (1.0 + tail))


def return_of_score(score: float, unit: float) -> float:
    """The net return at which a score is reached: thresholds are shown in bps beside their number."""
    if not 0.0 < score < 1.0:
        raise ValueError(f"a score that can be reached lies between 0 and 1, not at {score}")
    return float(unit * np.log(score / (1.0 - score)))


def hindsight_values(price_return: ArrayLike, cost: float) -> FloatArray:
    """o for each action, (n, 3) in the order BUY, SELL, HOLD; `cost` is a fraction."""
    moved = np.atleast_1d(finite("price_return", price_return))
    values = np.zeros((moved.size, 3))
    values[:, BUY], values[:, SELL] = moved - cost, -moved - cost
    return values


def optimal_action(values: FloatArray) -> IntArray:
    """The best action of each row of `hindsight_values`; HOLD where trading pays nothing more."""
    best = np.where(values[:, BUY] >= values[:, SELL], BUY, SELL)
    pays = np.maximum(values[:, BUY], values[:, SELL]) > values[:, HOLD]
    return np.where(pays, best, HOLD).astype(np.int64)


def regret(values: FloatArray, taken: NDArray[Any]) -> FloatArray:
    """What was given away against the best action, never below 0."""
    return np.asarray(values.max(axis=1) - values[np.arange(len(values)), taken])
