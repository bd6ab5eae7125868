"""How likely each row is to be drawn in a replay, and the weight that keeps the mean of the loss honest.

    P(i) = p_i^a / sum p^a over the chosen rows, a = 0.6
    Q(i) = 0.5 / N + 0.5 P(i)                 N rows that may be drawn at all
    w(i) = (N Q(i))^-1 / max w                raised to b = 0.4 -> 1 while training goes on

Prioritised replay after Schaul et al. 2015, arXiv:1511.05952, with at least half of each batch uniform. The
weights follow Q, the law that draws; weights made from P alone would undo another law than the one used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.candle_series import FloatArray, IntArray
from models.replay_buffer.law import RAPID_SHARE, importance_weights, probabilities

UNIFORM_SHARE = 0.5


@dataclass(frozen=True)
class DrawLaw:
    """Of every row of a dataset: Q (sums to 1, 0 for rows that are not drawn) and w at b = 1 (largest 1)."""

    probability: FloatArray
    weight: NDArray[np.float32]


def draw_law(
    rows: int,
    drawn: IntArray,
    chosen: IntArray,
    priority: FloatArray,
    rapid: NDArray[np.bool_] | None = None,
    rapid_share: float = RAPID_SHARE,
) -> DrawLaw:
    """The law over `rows` rows: uniform over `drawn`, mixed with one by `priority` over `chosen`.

    `chosen` is part of `drawn`; `priority` (> 0) and `rapid` have an entry for every row of the dataset.
    Where rapid rows would come to more than `rapid_share` of the draws, they are scaled down to it and the
    others up. p = [1, 2, 4], all drawn and all chosen: Q = [.2705, .3241, .4053], w = [1, .8346, .6674].
    """
    probability = np.zeros(rows)
    probability[drawn] = UNIFORM_SHARE / len(drawn)
    probability[chosen] += (1.0 - UNIFORM_SHARE) * probabilities(priority[chosen])
    probability /= probability.sum()
    if rapid is not None:
        probability = _with_few_rapid(probability, rapid, rapid_share)
    weight = np.zeros(rows, dtype=np.float32)
    possible = probability > 0.0
    weight[possible] = importance_weights(probability[possible], len(drawn), correction=1.0)
    return DrawLaw(probability, weight)


def _with_few_rapid(probability: FloatArray, rapid: NDArray[np.bool_], share: float) -> FloatArray:
    mass, others = float(probability[rapid].sum()), float(probability[~rapid].sum())
    # Not `mass >= 1`: a sum of all there is may be rounded to less.
    if mass <= share or others <= 0.0:
        return probability
    scaled: FloatArray = np.where(rapid, probability * (share / mass), probability * ((1 - share) / others))
    return scaled
