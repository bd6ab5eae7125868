"""What an experience teaches: how well it paid, how much was given away, how new its state was.

    V = 0.5 s + 0.3 tanh(regret / s_u) + 0.2 novelty
    novelty = 1 - 1 / (1 + d), d = distance to the nearest of the last 1,000 states / median distance to them

Distances are Euclidean over the features of the state. Only earlier states of the same series count, so that
novelty is the same whenever it is computed. The first state of a series has novelty 1; a state that is
equal to an earlier one has 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cointrader.training.outcomes.score import finite
from models.candle_series import FloatArray
from models.compiled import kernel

MEMORY = 1_000
"""How many earlier states a new one is compared with."""


def experience_value(score: ArrayLike, regret: ArrayLike, novelty: ArrayLike, unit: float) -> FloatArray:
    """V of experiences; `regret` is a return, `unit` is s_u, both fractions."""
    return np.asarray(
        0.5 * finite("score", score)
        + 0.3 * np.tanh(finite("regret", regret) / unit)
        + 0.2 * finite("novelty", novelty)
    )


def novelty(states: NDArray[np.float32], first: int = 0, memory: int = MEMORY) -> FloatArray:
    """Novelty of rows `first` and later of `states` (n, features), oldest first; shape (n - first,).

    A row with a feature that is not known (NaN) has novelty 0 and is compared with nothing.
    """
    known = np.flatnonzero(np.isfinite(states).all(axis=1))
    result = np.zeros(len(states))
    start = int(np.searchsorted(known, first))
    if start < known.size:
        usable = np.ascontiguousarray(states[known], dtype=np.float64)
        result[known[start:]] = _novelty(usable, start, memory)
    return result[first:]


@kernel
def _novelty(states: FloatArray, first: int, memory: int) -> FloatArray:
    rows, features = states.shape
    result = np.empty(rows - first)
    distances = np.empty(memory)
    for row in range(first, rows):
        oldest = max(0, row - memory)
        nearest = np.inf
        for other in range(oldest, row):
            total = 0.0
            for feature in range(features):
                apart = states[row, feature] - states[other, feature]
                total += apart * apart
            distance = math.sqrt(total)
            distances[other - oldest] = distance
            nearest = min(nearest, distance)
        if row == oldest:
            result[row - first] = 1.0
        elif nearest == 0.0:
            result[row - first] = 0.0
        else:
            median = _median(distances, row - oldest)
            result[row - first] = 1.0 - 1.0 / (1.0 + nearest / median)
    return result


@kernel
def _median(values: FloatArray, count: int) -> float:
    """Median of the first `count` values, which are put into another order (Hoare's selection).

    NumPy's would be compiled ten times as long as all the rest here.
    """
    middle = count // 2
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if middle <= right:
            high = right
        elif middle >= left:
            low = left
        else:
            break
    upper: float = values[middle]
    if count % 2 == 1:
        return upper
    lower: float = values[0]
    for place in range(1, middle):
        lower = max(lower, values[place])
    return (lower + upper) / 2.0
