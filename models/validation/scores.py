"""Scores of out-of-sample predictions: ROC-AUC, F1, calibration error, and how noisy an AUC is.

Plain NumPy, because scikit-learn costs more than a second to import in a process that only trains a network.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def roc_auc(truth: NDArray[Any], score: NDArray[Any]) -> float:
    """P(a positive scores above a negative) + half the ties (Mann, Whitney 1947); NaN with one class."""
    positive = np.asarray(truth).astype(bool)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if ones == 0 or zeros == 0:
        return math.nan
    _, inverse, counts = np.unique(
        np.asarray(score, dtype=np.float64), return_inverse=True, return_counts=True
    )
    mean_rank = np.cumsum(counts) - (counts - 1) / 2.0
    rank_sum = float(mean_rank[inverse][positive].sum())
    return (rank_sum - ones * (ones + 1) / 2.0) / (ones * zeros)


def auc_standard_error(ones: float, zeros: float, horizon_bars: float = 1.0) -> float:
    """Standard error of an AUC of 0.5 when labels overlap `horizon_bars`-fold.

    sqrt((n1 + n0 + 1)/(12 n1 n0)) with n1/H and n0/H: overlapping labels carry n/H independent outcomes.
    """
    one, zero = ones / horizon_bars, zeros / horizon_bars
    if one <= 0 or zero <= 0:
        return math.nan
    return math.sqrt((one + zero + 1.0) / (12.0 * one * zero))


def auc_difference_error(
    truth: NDArray[Any], one: NDArray[Any], other: NDArray[Any], horizon_bars: float = 1.0
) -> float:
    """Standard error of the difference of two AUCs on the same rows; NaN with fewer than two of a class.

    DeLong, DeLong and Clarke-Pearson 1988: each row's placement is its share of the other class that it is
    ranked above; the variance is that of the difference of placements over the rows of each class. Labels
    that overlap `horizon_bars`-fold carry n/H independent outcomes.
    """
    positive = np.asarray(truth).astype(bool)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if min(ones, zeros) < 2:
        return math.nan
    apart = _placements(positive, one) - _placements(positive, other)
    variance = apart[positive].var(ddof=1) / ones + apart[~positive].var(ddof=1) / zeros
    return math.sqrt(float(variance) * horizon_bars)


def _placements(positive: NDArray[np.bool_], score: NDArray[Any]) -> NDArray[np.float64]:
    """Share of the other class that each row stands on the right side of, ties counting half."""
    score = np.asarray(score, dtype=np.float64)
    shares = np.empty(len(score))
    for members, sign in ((positive, 1.0), (~positive, -1.0)):
        rivals = np.sort(sign * score[~members])
        mine = sign * score[members]
        below = np.searchsorted(rivals, mine, side="left") + np.searchsorted(rivals, mine, side="right")
        shares[members] = below / (2.0 * len(rivals))
    return shares


def f1(truth: NDArray[Any], predicted: NDArray[Any], positive: int = 1) -> float:
    """2 TP / (2 TP + FP + FN) of one class; 0 when the class neither occurs nor is predicted."""
    is_true, is_predicted = np.asarray(truth) == positive, np.asarray(predicted) == positive
    hits = int((is_true & is_predicted).sum())
    misses = int((is_true ^ is_predicted).sum())
    return 2.0 * hits / (2.0 * hits + misses) if hits or misses else 0.0


def f1_macro(truth: NDArray[Any], predicted: NDArray[Any], classes: int) -> float:
    """The mean F1 of all classes, each counting the same however rare."""
    return float(np.mean([f1(truth, predicted, positive=label) for label in range(classes)]))


def log_loss(truth: NDArray[Any], probability: NDArray[Any]) -> float:
    """Mean of -log(probability of what happened), for two classes; probabilities kept 1e-12 off 0 and 1."""
    p = np.clip(np.asarray(probability, dtype=np.float64), 1e-12, 1.0 - 1e-12)
    return float(-np.mean(np.where(np.asarray(truth).astype(bool), np.log(p), np.log1p(-p))))


def expected_calibration_error(correct: NDArray[Any], confidence: NDArray[Any], bins: int = 15) -> float:
    """sum over equal bins of (n_bin/n) |accuracy - mean confidence| (Guo et al. 2017, arXiv:1706.04599)."""
    confidence = np.asarray(confidence, dtype=np.float64)
    hit = np.asarray(correct, dtype=np.float64)
    if not len(confidence):
        return math.nan
    place = np.clip((confidence * bins).astype(np.int64), 0, bins - 1)
    gap = np.bincount(place, hit - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(confidence))
