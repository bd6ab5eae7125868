"""How urgently a setup should be learned from.

    p = eps + 0.4 |2 s - 1| + 0.3 min(1, |delta| / delta95) + 0.2 rapid + 0.1 exp(-age / tau)

s is the profitability score (winners and losers of one size weigh the same), delta the newest TD error of an
RL agent and delta95 the 95th percentile of |delta| over all that have one (0 where none was measured), age
the time since the setup, measured from the newest candle. eps = 1e-3, tau = 30 days. Prioritised sampling is
that of Schaul et al. 2015, arXiv:1511.05952.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cointrader.training.outcomes.score import finite
from models.candle_series import FloatArray

EPSILON = 1e-3
TAU_MS = 30 * 86_400_000
QUANTILE = 95.0

_SCORE, _ERROR, _RAPID, _AGE = 0.4, 0.3, 0.2, 0.1


def training_priority(
    score: ArrayLike, error_share: ArrayLike, rapid: ArrayLike, age_ms: ArrayLike, tau_ms: float = TAU_MS
) -> FloatArray:
    """p of setups; `error_share` is |delta|/delta95, `rapid` 0 or 1, ages below 0 count as 0.

    s = .85, share .5, rapid, age tau ln 2 gives 0.681.
    """
    certainty = np.abs(2.0 * finite("score", score) - 1.0)
    error = np.minimum(1.0, np.abs(finite("error_share", error_share)))
    age = np.maximum(0.0, finite("age_ms", age_ms))
    return np.asarray(
        EPSILON
        + _SCORE * certainty
        + _ERROR * error
        + _RAPID * finite("rapid", rapid)
        + _AGE * np.exp(-age / tau_ms)
    )


def error_scale(errors: ArrayLike) -> float:
    """delta95: the 95th percentile of |delta|; 0 when there is none."""
    known = np.abs(finite("errors", errors))
    return float(np.percentile(known, QUANTILE)) if known.size else 0.0


def error_shares(errors: ArrayLike, scale: float) -> FloatArray:
    """|delta|/delta95 of TD errors, at most 1; NaN stands for one that was never measured and gives 0."""
    sizes = np.abs(np.nan_to_num(np.asarray(errors, dtype=np.float64), nan=0.0))
    return np.minimum(1.0, sizes / scale) if scale > 0.0 else np.zeros(sizes.shape)
