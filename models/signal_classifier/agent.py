"""The signal classifier: will the close be higher `horizon_bars` after a signal's bar?

Elastic-net logistic regression (Zou and Hastie 2005) over twelve causal features, judged by purged
walk-forward: in each of five folds the grid is searched again inside the training part, so that the score is
that of the whole recipe and not of a point chosen on the rows it is scored on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from models.base import Dataset, Duel, Metrics, Run, SignalRows, TrainingSource, TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.errors import NotEnoughRows, Stopped
from models.signal_classifier.features import FEATURE_NAMES, compute_features
from models.signal_classifier.grid import GridPoint, Trial, best_point, fit_path, grid_points, search_grid
from models.signal_classifier.model import LABELS, OutOfFold, SignalClassifier, load
from models.signal_classifier.params import SignalClassifierParams
from models.validation.folds import Fold, Split
from models.validation.intervals import Intervals
from models.validation.purged import PurgedWalkForward
from models.validation.scores import auc_standard_error, f1, f1_macro, log_loss, roc_auc

LEAST_ROWS = 2_000

__all__ = ["compare", "dataset", "evaluate", "fit", "learned_until_ms", "load", "split", "total_steps"]


def dataset(source: TrainingSource, params: SignalClassifierParams) -> Dataset:
    """Rows (features of bar t, close[t + H] > close[t]) of bars with a signal, or of all bars.

    Raises NotEnoughRows below 2,000.
    """
    candles = source.candles(params.symbols, params.timeframe_minutes)
    every = [labelled_bars(series, params.horizon_bars) for series in candles]
    chosen, sample = _choose(source, candles, every, params.sample)
    t0 = np.concatenate([s.close_ms[rows] for s, rows in zip(candles, chosen, strict=True)])
    if len(t0) < LEAST_ROWS:
        raise NotEnoughRows(len(t0), LEAST_ROWS, f"labelled bars ({sample})")
    horizon = params.horizon_bars
    t1 = np.concatenate([s.close_ms[rows + horizon] for s, rows in zip(candles, chosen, strict=True)])
    higher = np.concatenate(
        [s.close[rows + horizon] > s.close[rows] for s, rows in zip(candles, chosen, strict=True)]
    )
    features = np.concatenate([compute_features(s)[r] for s, r in zip(candles, chosen, strict=True)])
    symbol = np.concatenate([np.full(len(rows), place, np.int16) for place, rows in enumerate(chosen)])
    order = np.lexsort((symbol, t0))[-params.max_rows :]
    names = tuple(series.symbol for series in candles)
    return Dataset(
        agent="signal_classifier",
        arrays={"features": features[order]},
        label=higher[order].astype(np.int64),
        t0_ms=t0[order],
        t1_ms=t1[order],
        symbol=symbol[order],
        symbols=names,
        feature_names=FEATURE_NAMES,
        label_order=LABELS,
        horizon_bars=horizon,
        provenance=source.provenance,
        description=f"{sample} of {', '.join(names)}: close higher {horizon} bars later",
        constants={"timeframe_ms": float(candles[0].timeframe_ms)},
    )


def labelled_bars(series: CandleSeries, horizon: int) -> IntArray:
    """Bars whose features are all defined and whose horizon is complete, without a missing bar."""
    # A feature that is not defined makes its row's sum NaN.
    defined = np.isfinite(compute_features(series).sum(axis=1))
    bars = np.flatnonzero(defined[: max(0, len(defined) - horizon)])
    whole: IntArray = bars[
        series.close_ms[bars + horizon] - series.close_ms[bars] == horizon * series.timeframe_ms
    ]
    return whole


def _choose(
    source: TrainingSource, candles: Sequence[CandleSeries], every: list[IntArray], wanted: str
) -> tuple[list[IntArray], str]:
    if wanted == "bars":
        return every, "all bars"
    signals = source.signals()
    at_signals = [_with_signal(series, rows, signals) for series, rows in zip(candles, every, strict=True)]
    if wanted == "signals" or sum(map(len, at_signals)) >= LEAST_ROWS:
        return at_signals, "bars with a signal"
    return every, "all bars"


def _with_signal(series: CandleSeries, rows: IntArray, signals: SignalRows) -> IntArray:
    mine = np.fromiter((name == series.symbol for name in signals.symbol), np.bool_, len(signals.symbol))
    return rows[np.isin(series.close_ms[rows], signals.ts_ms[mine])]


def split(dataset: Dataset, params: SignalClassifierParams) -> Split:
    """Five walk-forward folds; training labels end before the test block begins."""
    return PurgedWalkForward(Intervals(dataset.t0_ms, dataset.t1_ms), params.folds).make()


def total_steps(dataset: Dataset, params: SignalClassifierParams) -> int:
    """Every fit inside every fold and for the final model is a step."""
    return (params.folds + 1) * params.inner_folds * sum(map(len, grid_points(params)))


class _Reporter:
    """Counts fits, logs each, and stops between two of them when the operator cancelled."""

    def __init__(self, run: Run, total: int) -> None:
        self._run, self._total, self.step, self.stage = run, total, 0, ""

    def __call__(self, point: GridPoint, auc: float, loss: float) -> None:
        self.step += 1
        self._run.log(
            self.step,
            **{
                "grid/roc_auc": auc,
                "grid/log_loss": loss,
                "grid/c": point.c,
                "grid/l1_ratio": point.l1_ratio,
            },
        )
        self._run.progress(self.step, self._total, self.stage)
        if self._run.stop_requested:
            raise Stopped(self.step)


def fit(dataset: Dataset, params: SignalClassifierParams, run: Run) -> SignalClassifier:
    """Score the recipe in every fold, then fit on all rows at the point that all rows choose."""
    features: FloatArray = dataset.arrays["features"]
    higher = dataset.label == 1
    intervals = Intervals(dataset.t0_ms, dataset.t1_ms)
    report = _Reporter(run, total_steps(dataset, params))
    folds = split(dataset, params).folds
    parts, trials = [], []
    for number, fold in enumerate(folds, start=1):
        report.stage = f"fold {number} of {len(folds)}"
        probability, tried = _score_fold(features, higher, intervals, fold, params, run.seed, report)
        trials += tried
        _log_fold(run, report.step, higher[fold.test], probability)
        majority = int(higher[fold.train].mean() >= 0.5)
        parts.append((fold.test, number, probability, majority))
    report.stage = "final model"
    final = _search(features, higher, intervals, params, run.seed, report)
    point = best_point(final)
    linear = fit_path(features, higher, [point], params.max_iterations, run.seed)[0]
    return SignalClassifier(
        params=params,
        point=point,
        linear=linear,
        out_of_fold=_joined(parts),
        trials=tuple(_tried(trial) for trial in trials + final),
        convergence=f"grid searched: C {point.c:g}, l1_ratio {point.l1_ratio:g}",
    )


def _score_fold(
    features: FloatArray,
    higher: NDArray[np.bool_],
    intervals: Intervals,
    fold: Fold,
    params: SignalClassifierParams,
    seed: int,
    report: Callable[[GridPoint, float, float], None],
) -> tuple[FloatArray, list[Trial]]:
    """P(higher) of the fold's test rows by a model chosen and fitted on its training rows alone."""
    part = Intervals(intervals.t0_ms[fold.train], intervals.t1_ms[fold.train])
    train, label = features[fold.train], higher[fold.train]
    trials = _search(train, label, part, params, seed, report)
    model = fit_path(train, label, [best_point(trials)], params.max_iterations, seed)[0]
    return model.probability(features[fold.test]), trials


def _search(
    features: FloatArray,
    higher: NDArray[np.bool_],
    intervals: Intervals,
    params: SignalClassifierParams,
    seed: int,
    report: Callable[[GridPoint, float, float], None],
) -> list[Trial]:
    inner = PurgedWalkForward(intervals, params.inner_folds).make()
    return search_grid(features, higher, inner, params, seed, report)


def _log_fold(run: Run, step: int, higher: NDArray[np.bool_], probability: FloatArray) -> None:
    scores = {
        "fold/roc_auc": roc_auc(higher, probability),
        "fold/f1": f1(higher, probability >= 0.5),
        "validation/loss": log_loss(higher, probability),
    }
    run.log(step, **scores)


def _joined(parts: list[tuple[IntArray, int, FloatArray, int]]) -> OutOfFold:
    return OutOfFold(
        rows=np.concatenate([rows for rows, _, _, _ in parts]),
        fold=np.concatenate([np.full(len(rows), number, np.int64) for rows, number, _, _ in parts]),
        probability=np.concatenate([probability for _, _, probability, _ in parts]),
        majority=np.concatenate([np.full(len(rows), majority, np.int64) for rows, _, _, majority in parts]),
    )


def _tried(trial: Trial) -> TriedPoint:
    return TriedPoint(json.dumps(asdict(trial.point), sort_keys=True), trial.roc_auc)


def evaluate(model: SignalClassifier, dataset: Dataset) -> Metrics:
    """Mean out-of-fold ROC-AUC against 0.5; F1 against always naming the training majority."""
    judged = model.out_of_fold
    truth = dataset.label[judged.rows]
    named = judged.probability >= 0.5
    per_fold = _fold_aucs(truth, judged.probability, judged.fold)
    value = _mean_defined(per_fold)
    ones = float(truth.sum())
    error = auc_standard_error(ones, len(truth) - ones, dataset.horizon_bars)
    return Metrics(
        name="roc_auc",
        value=value,
        baseline=0.5,
        others={
            "roc_auc_pooled": roc_auc(truth, judged.probability),
            "roc_auc_standard_error": error,
            "f1": f1(truth, named),
            "f1_majority": f1(truth, judged.majority),
            "f1_macro": f1_macro(truth, named, 2),
            "f1_macro_majority": f1_macro(truth, judged.majority, 2),
            "log_loss": log_loss(truth, judged.probability),
            "rows": float(len(truth)),
        },
        per_fold=per_fold,
        note=_verdict(value, error),
        standard_error=error,
    )


def learned_until_ms(dataset: Dataset, params: SignalClassifierParams) -> int:
    """The end of the last label: the final model is fitted on all rows."""
    return int(dataset.t1_ms.max())


def compare(model: SignalClassifier, incumbent: SignalClassifier, dataset: Dataset, after_ms: int) -> Duel:
    """Mean AUC over the folds, of the recipe's out-of-fold answers and of the incumbent's own answers."""
    judged = model.out_of_fold
    later = dataset.t0_ms[judged.rows] > after_ms
    rows, fold = judged.rows[later], judged.fold[later]
    truth, theirs = dataset.label[rows], incumbent.linear.probability(dataset.arrays["features"][rows])
    return Duel(
        value=_mean_defined(_fold_aucs(truth, judged.probability[later], fold)),
        incumbent=_mean_defined(_fold_aucs(truth, theirs, fold)),
        rows=len(rows),
        scored=len(judged.rows),
    )


def _fold_aucs(truth: NDArray[np.int64], probability: FloatArray, fold: IntArray) -> tuple[float, ...]:
    return tuple(roc_auc(truth[fold == number], probability[fold == number]) for number in np.unique(fold))


def _mean_defined(scores: Sequence[float]) -> float:
    """The mean over the folds in which both classes occur; NaN when there is none."""
    defined = [score for score in scores if np.isfinite(score)]
    return float(np.mean(defined)) if defined else float("nan")


def _verdict(value: float, error: float) -> str:
    distance = (value - 0.5) / error
    words = "within noise of 0.5" if abs(distance) < 3.0 else "beyond noise of 0.5"
    return f"{words}: {distance:+.1f} standard errors of overlapping labels"
