"""Elastic-net logistic regression over a grid of penalties, chosen by purged folds inside the training part.

scikit-learn's saga solver fits each point; along a path of weakening penalties each fit starts from the one
before (Friedman, Hastie and Tibshirani 2010), which saves most of the iterations. Everything that is learned,
the scaler too, is learned from the training rows of the fold at hand.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.candle_series import FloatArray
from models.signal_classifier.params import SignalClassifierParams
from models.validation.folds import Split
from models.validation.scores import log_loss, roc_auc

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class GridPoint:
    """C is the inverse strength of the penalty, l1_ratio its mix: 0 ridge, 1 lasso."""

    c: float
    l1_ratio: float


@dataclass(frozen=True)
class Scaler:
    """(x - mean)/deviation, of the training rows; a constant column is left as zeros."""

    mean: FloatArray
    deviation: FloatArray

    def apply(self, features: FloatArray) -> FloatArray:
        return (features - self.mean) / self.deviation


@dataclass(frozen=True)
class LinearModel:
    """P(higher) = 1/(1 + exp(-(scaled x . weights + intercept)))."""

    scaler: Scaler
    weights: FloatArray
    intercept: float

    def probability(self, features: FloatArray) -> FloatArray:
        """(n,) from raw features (n, 12)."""
        score = self.scaler.apply(features) @ self.weights + self.intercept
        made: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(score, -700.0, 700.0)))
        return made


@dataclass(frozen=True)
class Trial:
    """One grid point and its mean score over the inner folds."""

    point: GridPoint
    roc_auc: float
    log_loss: float


def grid_points(params: SignalClassifierParams) -> list[list[GridPoint]]:
    """One path a mix of penalties, each from the strongest penalty to the weakest."""
    strengths = np.geomspace(params.c_low, max(params.c_low, params.c_high), params.c_points)
    mixes = np.linspace(0.0, 1.0, params.l1_points) if params.l1_points > 1 else np.array([0.5])
    return [[GridPoint(float(c), float(mix)) for c in strengths] for mix in mixes]


def fit_scaler(features: FloatArray) -> Scaler:
    deviation = features.std(axis=0)
    return Scaler(features.mean(axis=0), np.where(deviation > 0.0, deviation, 1.0))


def fit_path(
    features: FloatArray, higher: BoolArray, path: list[GridPoint], iterations: int, seed: int
) -> list[LinearModel]:
    """A model a point of the path, each started from the one before."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    scaler = fit_scaler(features)
    scaled = np.ascontiguousarray(scaler.apply(features))
    solver = LogisticRegression(
        solver="saga", l1_ratio=0.0, max_iter=iterations, tol=1e-4, warm_start=True, random_state=seed
    )
    models = []
    for point in path:
        solver.set_params(C=point.c, l1_ratio=point.l1_ratio)
        with warnings.catch_warnings():
            # A fit that ran out of passes is still scored on held-out rows like any other.
            warnings.simplefilter("ignore", ConvergenceWarning)
            solver.fit(scaled, higher)
        weights = np.array(solver.coef_[0], dtype=np.float64)
        models.append(LinearModel(scaler, weights, float(solver.intercept_[0])))
    return models


def search_grid(
    features: FloatArray,
    higher: BoolArray,
    inner: Split,
    params: SignalClassifierParams,
    seed: int,
    report: Callable[[GridPoint, float, float], None],
) -> list[Trial]:
    """Every grid point with its mean score over the inner folds; `report` hears each fit as it is scored."""
    trials = []
    for path in grid_points(params):
        scores: list[list[tuple[float, float]]] = [[] for _ in path]
        for fold in inner.folds:
            if len(np.unique(higher[fold.train])) < 2:
                continue
            models = fit_path(features[fold.train], higher[fold.train], path, params.max_iterations, seed)
            for place, (point, model) in enumerate(zip(path, models, strict=True)):
                probability = model.probability(features[fold.test])
                score = (roc_auc(higher[fold.test], probability), log_loss(higher[fold.test], probability))
                scores[place].append(score)
                report(point, *score)
        trials += [
            Trial(point, _mean(found, 0), _mean(found, 1)) for point, found in zip(path, scores, strict=True)
        ]
    return trials


def best_point(trials: list[Trial]) -> GridPoint:
    """The point with the highest ROC-AUC; of equals the first, which has the strongest penalty."""
    scores = [trial.roc_auc if np.isfinite(trial.roc_auc) else -np.inf for trial in trials]
    return trials[int(np.argmax(scores))].point


def _mean(scores: list[tuple[float, float]], place: int) -> float:
    values: Any = [score[place] for score in scores if np.isfinite(score[place])]
    return float(np.mean(values)) if values else float("nan")
