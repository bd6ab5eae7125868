"""How likely a row is drawn, and what that makes its loss count: the formulas on whole arrays.

P_i = p_i^a / sum p^a with a = 0.6, and w_i = (N Q_i)^-b / max w (Schaul et al. 2015, arXiv:1511.05952). At
least half of each batch is drawn uniformly, so the law is Q = 0.5/N + 0.5 P, and the weights follow Q, not P:
those of P would recover only three quarters of a true mean at b = 1. The compiled draws follow the same
formulas; `models.replay_buffer.draws` says how pools, caps and shares change them.
"""

from __future__ import annotations

import numpy as np

from models.candle_series import FloatArray

PRIORITY_EXPONENT = 0.6
FIRST_CORRECTION = 0.4
MOST_DRAWS = 32
RAPID_SHARE = 0.2
PROFITABLE_FOCUS = 0.5
SMALLEST_PRIORITY = 1e-3


def probabilities(priority: FloatArray, exponent: float = PRIORITY_EXPONENT) -> FloatArray:
    """P of each row, (n,); priorities must be positive."""
    raised = np.power(priority, exponent)
    shares: FloatArray = raised / raised.sum()
    return shares


def draw_law(priority: FloatArray, exponent: float = PRIORITY_EXPONENT, uniform: float = 0.5) -> FloatArray:
    """Q of each row, (n,), with `uniform` the share of a batch that is drawn uniformly."""
    law: FloatArray = uniform / len(priority) + (1.0 - uniform) * probabilities(priority, exponent)
    return law


def importance_weights(chance: FloatArray, rows: int, correction: float) -> FloatArray:
    """w of draws whose chance was Q, (n,), out of `rows` rows; the largest is 1. `correction` is b."""
    weights = np.power(rows * chance, -correction)
    scaled: FloatArray = weights / weights.max()
    return scaled


def correction_at(step: int, steps: int, first: float = FIRST_CORRECTION) -> float:
    """b rises linearly from `first` to 1 over the `steps` of a session."""
    return first + (1.0 - first) * min(1.0, max(0, step) / max(1, steps))
