"""Decision: would this signal pay, net of costs?

Ridge logistic regression over what was known of each signal, judged by purged walk-forward over its label,
which lasts from the signal to the close of its position. In each fold the penalty is chosen again inside the
training part. A position that pays little counts as one that pays: size is the business of other rules.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.base import Dataset, Duel, Metrics, Run, TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.decision.closed_signals import ClosedSignals, DecisionSource
from models.decision.features import FEATURE_NAMES, compute_features
from models.decision.logistic import best_penalty, fit_logistic, try_penalties
from models.decision.model import LABELS, Decision, OutOfFold, load
from models.decision.params import DecisionParams
from models.errors import NotEnoughRows, Stopped
from models.validation.folds import Split
from models.validation.intervals import Intervals
from models.validation.purged import PurgedWalkForward
from models.validation.scores import auc_standard_error, log_loss, roc_auc

LEAST_ROWS = 200

__all__ = [
    "compare",
    "dataset",
    "dataset_of",
    "evaluate",
    "fit",
    "learned_until_ms",
    "load",
    "split",
    "total_steps",
]


def dataset(source: DecisionSource, params: DecisionParams) -> Dataset:
    """Rows (what was known of a signal, whether its position paid) of every closed signal.

    Raises NotEnoughRows below 200.
    """
    return dataset_of(source, params, source.closed_signals(params.symbols))


def dataset_of(source: DecisionSource, params: DecisionParams, closed: ClosedSignals) -> Dataset:
    """`dataset` of these closes, which know nothing of any other. Raises NotEnoughRows below 200."""
    if len(closed) < LEAST_ROWS:
        raise NotEnoughRows(len(closed), LEAST_ROWS, "signals with a closed position")
    features = compute_features(closed.asked, closed, _candles(source, params), params.trailing_closes)
    rows = np.arange(len(closed))[-params.max_rows :]
    symbols = tuple(sorted(set(closed.asked.symbol)))
    place = {name: number for number, name in enumerate(symbols)}
    t0, t1 = closed.asked.ts_ms[rows], closed.ends_ms[rows]
    strategies = ", ".join(sorted(set(closed.asked.strategy)))
    return Dataset(
        agent="decision",
        arrays={"features": features[rows], "net_return": closed.net_return[rows]},
        label=closed.pays[rows].astype(np.int64),
        t0_ms=t0,
        t1_ms=t1,
        symbol=np.array([place[name] for name in closed.asked.symbol], dtype=np.int16)[rows],
        symbols=symbols,
        feature_names=FEATURE_NAMES,
        label_order=LABELS,
        horizon_bars=_overlap(t0, t1),
        provenance=source.provenance,
        description=f"closed signals of {strategies} on {', '.join(symbols)}: the position paid, net",
    )


def _candles(source: DecisionSource, params: DecisionParams) -> Sequence[CandleSeries]:
    try:
        return source.candles("all", params.timeframe_minutes)
    except NotEnoughRows:
        if params.timeframe_minutes:
            raise
        # Without any candles the volatility is not known, and is told as such.
        return ()


def _overlap(t0: IntArray, t1: IntArray) -> int:
    """How many positions were open at once when a signal came, on average, itself included; rounded up."""
    begun = np.searchsorted(t0, t0, side="right")
    ended = np.searchsorted(np.sort(t1), t0, side="left")
    return max(1, int(np.ceil((begun - ended).mean())))


def split(dataset: Dataset, params: DecisionParams) -> Split:
    """Walk-forward folds; every position that is trained on had closed before the test block begins."""
    return PurgedWalkForward(Intervals(dataset.t0_ms, dataset.t1_ms), params.folds).make()


def total_steps(dataset: Dataset, params: DecisionParams) -> int:
    """Every fold and the final model is a step."""
    return params.folds + 1


def fit(dataset: Dataset, params: DecisionParams, run: Run) -> Decision:
    """Score the recipe in every fold, then fit on all rows with the penalty that all rows choose."""
    features: FloatArray = dataset.arrays["features"]
    pays = dataset.label == 1
    intervals = Intervals(dataset.t0_ms, dataset.t1_ms)
    folds, total = split(dataset, params).folds, total_steps(dataset, params)
    trials: list[TriedPoint] = []
    parts: list[tuple[IntArray, int, FloatArray, float]] = []
    for number, fold in enumerate(folds, start=1):
        part = Intervals(intervals.t0_ms[fold.train], intervals.t1_ms[fold.train])
        train, label = features[fold.train], pays[fold.train]
        c = best_penalty(try_penalties(train, label, part, params))
        probability = fit_logistic(train, label, c).probability(features[fold.test])
        score = roc_auc(pays[fold.test], probability)
        loss = log_loss(pays[fold.test], probability)
        run.log(number, **{"fold/roc_auc": score, "validation/loss": loss, "fold/c": c})
        trials.append(TriedPoint(json.dumps({"fold": number, "c": c}), score))
        parts.append((fold.test, number, probability, float(label.mean())))
        _go_on(run, number, total, f"fold {number} of {len(folds)}")
    tried = try_penalties(features, pays, intervals, params)
    c = best_penalty(tried)
    made = Decision(
        params=params,
        c=c,
        logistic=fit_logistic(features, pays, c),
        out_of_fold=_joined(parts),
        trials=(*trials, *(TriedPoint(json.dumps({"c": each.c}), -each.log_loss) for each in tried)),
        convergence=f"penalties tried: C {c:g}",
    )
    run.progress(total, total, "final model")
    return made


def _go_on(run: Run, step: int, total: int, stage: str) -> None:
    run.progress(step, total, stage)
    if run.stop_requested:
        raise Stopped(step)


def _joined(parts: list[tuple[IntArray, int, FloatArray, float]]) -> OutOfFold:
    return OutOfFold(
        rows=np.concatenate([rows for rows, _, _, _ in parts]),
        fold=np.concatenate([np.full(len(rows), number, np.int64) for rows, number, _, _ in parts]),
        probability=np.concatenate([probability for _, _, probability, _ in parts]),
        base_rate=np.concatenate([np.full(len(rows), rate) for rows, _, _, rate in parts]),
    )


def evaluate(model: Decision, dataset: Dataset) -> Metrics:
    """Mean out-of-fold ROC-AUC against 0.5, which is what saying the base rate of every signal scores.

    Beside it the loss of the base rate itself, and the mean net return of all signals and of those that were
    said to pay more often than usual.
    """
    judged = model.out_of_fold
    truth = dataset.label[judged.rows]
    per_fold = _fold_aucs(truth, judged.probability, judged.fold)
    value = _mean_defined(per_fold)
    ones = float(truth.sum())
    error = auc_standard_error(ones, len(truth) - ones, dataset.horizon_bars)
    features: FloatArray = dataset.arrays["features"][judged.rows]
    return Metrics(
        name="roc_auc",
        value=value,
        baseline=0.5,
        others={
            "accuracy": float(((judged.probability >= 0.5) == (truth == 1)).mean()),
            "accuracy_majority": float(max(truth.mean(), 1.0 - truth.mean())),
            "base_rate": float(truth.mean()),
            "log_loss": log_loss(truth, judged.probability),
            "log_loss_base_rate": log_loss(truth, judged.base_rate),
            "roc_auc_pooled": roc_auc(truth, judged.probability),
            "roc_auc_standard_error": error,
            "roc_auc_of_confidence": roc_auc(truth, features[:, FEATURE_NAMES.index("confidence")]),
            "rows": float(len(truth)),
            **_returns(dataset.arrays["net_return"][judged.rows], judged.probability >= judged.base_rate),
        },
        per_fold=per_fold,
        note=_verdict(value, error),
        standard_error=error,
    )


def _returns(net_return: FloatArray, chosen: NDArray[np.bool_]) -> dict[str, float]:
    """Mean net return in bps of all and of the chosen, where it is known, and how many were chosen."""
    known = np.isfinite(net_return)
    parts = {"net_bps_all": known, "net_bps_chosen": known & chosen}
    means = {name: 1e4 * float(net_return[rows].mean()) for name, rows in parts.items() if rows.any()}
    return {"share_chosen": float(chosen.mean()), **means}


def learned_until_ms(dataset: Dataset, params: DecisionParams) -> int:
    """The end of the last label: the final model is fitted on all rows."""
    return int(dataset.t1_ms.max())


def compare(model: Decision, incumbent: Decision, dataset: Dataset, after_ms: int) -> Duel:
    """Mean AUC over the folds, of the recipe's out-of-fold answers and of the incumbent's own answers."""
    judged = model.out_of_fold
    later = dataset.t0_ms[judged.rows] > after_ms
    rows, fold = judged.rows[later], judged.fold[later]
    truth = dataset.label[rows]
    theirs = incumbent.predict_features(dataset.arrays["features"][rows])[:, 1]
    return Duel(
        value=_mean_defined(_fold_aucs(truth, judged.probability[later], fold)),
        incumbent=_mean_defined(_fold_aucs(truth, theirs, fold)),
        rows=len(rows),
        scored=len(judged.rows),
    )


def _fold_aucs(truth: IntArray, probability: FloatArray, fold: IntArray) -> tuple[float, ...]:
    return tuple(roc_auc(truth[fold == number], probability[fold == number]) for number in np.unique(fold))


def _mean_defined(scores: Sequence[float]) -> float:
    """The mean over the folds in which both classes occur; NaN when there is none."""
    defined = [score for score in scores if np.isfinite(score)]
    return float(np.mean(defined)) if defined else float("nan")


def _verdict(value: float, error: float) -> str:
    if not (np.isfinite(value) and np.isfinite(error)):
        return "not defined: every close was of one kind"
    distance = (value - 0.5) / error
    words = "within noise of 0.5" if abs(distance) < 3.0 else "beyond noise of 0.5"
    return f"{words}: {distance:+.1f} standard errors of overlapping labels"
