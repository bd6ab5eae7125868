"""Ridge logistic regression by Newton's method, and the choice of its penalty inside the training part.

Iteratively reweighted least squares (Hastie, Tibshirani and Friedman 2009, section 4.4.1) needs a handful of
solves of a small system, so that a training takes moments and the same rows give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.candle_series import FloatArray
from models.decision.params import DecisionParams
from models.validation.intervals import Intervals
from models.validation.purged import NoFold, PurgedWalkForward
from models.validation.scores import log_loss

ITERATIONS = 50
CLOSE_ENOUGH = 1e-10

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Logistic:
    """P(pays) = 1/(1 + exp(-(weights . (x - mean)/deviation + intercept)))."""

    mean: FloatArray
    deviation: FloatArray
    weights: FloatArray
    intercept: float

    def probability(self, features: FloatArray) -> FloatArray:
        """(n,) from raw features (n, k)."""
        return _sigmoid(((features - self.mean) / self.deviation) @ self.weights + self.intercept)


@dataclass(frozen=True)
class Penalty:
    """One inverse strength that was tried, with its mean log loss over the inner folds (NaN: none scored)."""

    c: float
    log_loss: float


def fit_logistic(features: FloatArray, pays: BoolArray, c: float) -> Logistic:
    """Minimises C sum log loss + |w|^2/2 over standardised features; the intercept is free.

    Rows of one class alone teach their share, drawn half a row from certainty, and no weights.
    """
    deviation = features.std(axis=0)
    mean, deviation = features.mean(axis=0), np.where(deviation > 1e-12, deviation, 1.0)
    share = (pays.sum() + 0.5) / (len(pays) + 1.0)
    start = np.append(np.zeros(features.shape[1]), np.log(share / (1.0 - share)))
    if 0 < pays.sum() < len(pays):
        scaled = np.column_stack([(features - mean) / deviation, np.ones(len(pays))])
        start = _newton(scaled, pays.astype(np.float64), c, start)
    return Logistic(mean, deviation, start[:-1], float(start[-1]))


def _newton(x: FloatArray, y: FloatArray, c: float, beta: FloatArray) -> FloatArray:
    ridge = np.append(np.ones(x.shape[1] - 1), 0.0)
    loss = _objective(x, y, c, ridge, beta)
    for _ in range(ITERATIONS):
        p = _sigmoid(x @ beta)
        gradient = c * (x.T @ (p - y)) + ridge * beta
        hessian = c * (x.T * (p * (1.0 - p))) @ x + np.diag(ridge + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while (reached := _objective(x, y, c, ridge, beta - size * step)) > loss and size > 1e-6:
            size /= 2.0
        if not reached < loss:
            break
        beta, gained, loss = beta - size * step, loss - reached, reached
        if gained < CLOSE_ENOUGH * (1.0 + abs(loss)):
            break
    return beta


def _objective(x: FloatArray, y: FloatArray, c: float, ridge: FloatArray, beta: FloatArray) -> float:
    score = x @ beta
    return float(c * (np.logaddexp(0.0, score) - y * score).sum() + 0.5 * (ridge * beta**2).sum())


def _sigmoid(score: FloatArray) -> FloatArray:
    made: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(score, -700.0, 700.0)))
    return made


def try_penalties(
    features: FloatArray, pays: BoolArray, intervals: Intervals, params: DecisionParams
) -> list[Penalty]:
    """Every penalty, the strongest first, with its log loss over purged folds inside these rows."""
    strengths = np.geomspace(params.c_low, max(params.c_low, params.c_high), params.c_points).tolist()
    try:
        folds = PurgedWalkForward(intervals, params.inner_folds).make().folds
    except NoFold:
        folds = ()
    tried = []
    for c in strengths:
        scores = [
            log_loss(
                pays[fold.test],
                fit_logistic(features[fold.train], pays[fold.train], c).probability(features[fold.test]),
            )
            for fold in folds
        ]
        tried.append(Penalty(c, float(np.mean(scores)) if scores else float("nan")))
    return tried


def best_penalty(tried: list[Penalty]) -> float:
    """The one with the lowest loss; of equals, and where none was scored, the strongest."""
    losses = [each.log_loss if np.isfinite(each.log_loss) else np.inf for each in tried]
    return tried[int(np.argmin(losses))].c
