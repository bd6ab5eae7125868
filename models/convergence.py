"""Is a training session still getting better? One answer from the validation losses so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SMOOTHING = 0.9
WINDOW = 20
SLOPE_FRACTION = 1e-3
DIVERGENCE_FRACTION = 0.5


@dataclass(frozen=True)
class Convergence:
    """`word` is warming_up, converging, plateau, worsening or diverging; `slope` is loss an evaluation."""

    word: str
    slope: float
    best: float
    best_index: int
    evaluations: int

    @property
    def words(self) -> str:
        """A sentence for the operator."""
        if self.evaluations == 0:
            return "not evaluated yet"
        best = (
            f"best validation loss {self.best:.4f} at evaluation {self.best_index + 1} of {self.evaluations}"
        )
        return f"{self.word.replace('_', ' ')}; {best}"

    def patience_spent(self) -> int:
        """Evaluations since the best one."""
        return max(0, self.evaluations - 1 - self.best_index)


def judge(losses: Sequence[float]) -> Convergence:
    """Convergence of validation losses, oldest first (of a metric where higher is better, pass the negative).

    The losses are smoothed with an exponential average, ema = 0.9 ema + 0.1 loss; the slope is that of a
    least-squares line through the last 20 averages. converging: slope < -0.001 |L|; plateau: within;
    worsening: above. diverging: the last loss is not finite, or exceeds the best by more than
    0.5 max(|best|, spread of the last 20 losses). Fewer than 3 losses that did not:
    warming_up.
    """
    count = len(losses)
    if count == 0:
        return Convergence("warming_up", 0.0, math.inf, -1, 0)
    values = np.asarray(losses, dtype=np.float64)
    finite = np.isfinite(values)
    best_index = int(np.argmin(np.where(finite, values, np.inf)))
    best = float(values[best_index]) if finite.any() else math.inf
    if not finite.all():
        return Convergence("diverging", math.nan, best, best_index, count)
    recent = values[-WINDOW:]
    spread = float(recent.max() - recent.min())
    slope = _slope(_smoothed(values)[-WINDOW:])
    if _has_diverged(values, best, spread):
        return Convergence("diverging", slope, best, best_index, count)
    if count < 3:
        return Convergence("warming_up", slope, best, best_index, count)
    level = SLOPE_FRACTION * abs(float(values[-1]))
    word = "converging" if slope < -level else "plateau" if slope <= level else "worsening"
    return Convergence(word, slope, best, best_index, count)


def _has_diverged(values: np.ndarray, best: float, spread: float) -> bool:
    return float(values[-1]) - best > DIVERGENCE_FRACTION * max(abs(best), spread)


def _smoothed(values: np.ndarray) -> np.ndarray:
    smoothed = np.empty_like(values)
    average = float(values[0])
    for index, value in enumerate(values):
        average = SMOOTHING * average + (1.0 - SMOOTHING) * float(value)
        smoothed[index] = average
    return smoothed


def _slope(values: np.ndarray) -> float:
    if len(values) < 2:
        return 0.0
    x = np.arange(len(values), dtype=np.float64)
    x -= x.mean()
    return float(x @ values / (x @ x))
