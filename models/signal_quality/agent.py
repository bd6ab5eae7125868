"""Signal quality: will the price go the way of a feed signal within `horizon_bars`?

Gradient boosted trees (Friedman 2001; LightGBM) over what was known of each signal, judged by purged
walk-forward. In each fold the number of trees is chosen on the newest part of the training rows, never on the
rows that are scored; then all training rows are fitted with it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.base import Dataset, Duel, Metrics, Run, TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.errors import NotEnoughRows
from models.signal_quality.boosting import Boosting, Trees
from models.signal_quality.features import FEATURE_NAMES, RECORDED, compute_features
from models.signal_quality.feeds import FeedSource, known_of, recorded_prices
from models.signal_quality.model import LABELS, OutOfFold, SignalQuality, freshness_of, load
from models.signal_quality.params import SignalQualityParams
from models.validation.folds import Split
from models.validation.intervals import Intervals
from models.validation.purged import PurgedWalkForward
from models.validation.scores import auc_standard_error, f1, log_loss, roc_auc

LEAST_ROWS = 500
LOOSE_STEP = 1.5
"""Recorded prices come at no exact step: a label may take so much longer than its horizon."""

Moments = Mapping[str, Collection[int]]
"""By symbol, the moments (UTC ms) whose signals are to be learned from."""

__all__ = [
    "compare",
    "dataset",
    "dataset_of",
    "evaluate",
    "fit",
    "learned_until_ms",
    "load",
    "signals_with_outcome",
    "split",
    "total_steps",
]


def dataset(source: FeedSource, params: SignalQualityParams) -> Dataset:
    """Rows (what was known of a signal, whether the price went its way) of every signal.

    Raises NotEnoughRows below 500.
    """
    return dataset_of(source, params)


def dataset_of(source: FeedSource, params: SignalQualityParams, moments: Moments | None = None) -> Dataset:
    """`dataset` of the signals at some moments only. Raises NotEnoughRows below 500."""
    parts = signals_with_outcome(source, params, moments)
    t0 = _joined([part.series.close_ms[part.bars] for part in parts])
    if len(t0) < LEAST_ROWS:
        raise NotEnoughRows(len(t0), LEAST_ROWS, "signals with a known outcome")
    t1 = _joined([part.series.close_ms[part.bars + params.horizon_bars] for part in parts])
    features = np.concatenate([part.features for part in parts])
    agrees = np.concatenate([part.agrees for part in parts])
    symbol = np.concatenate([np.full(len(part.bars), place, np.int16) for place, part in enumerate(parts)])
    order = np.lexsort((symbol, t0))[-params.max_rows :]
    names = tuple(part.series.symbol for part in parts)
    return Dataset(
        agent="signal_quality",
        arrays={"features": features[order]},
        label=agrees[order].astype(np.int64),
        t0_ms=t0[order],
        t1_ms=t1[order],
        symbol=symbol[order],
        symbols=names,
        feature_names=FEATURE_NAMES,
        label_order=LABELS,
        horizon_bars=params.horizon_bars,
        provenance=source.provenance,
        description=f"signals of {', '.join(names)}: the price agrees {params.horizon_bars} bars later",
        constants={"timeframe_ms": float(parts[0].series.timeframe_ms)},
    )


@dataclass(frozen=True)
class SignalOutcomes:
    """The signals of one series whose outcome is known: bars (n,), features (n, 10), agrees (n,)."""

    series: CandleSeries
    bars: IntArray
    features: FloatArray
    agrees: np.ndarray[tuple[int], np.dtype[np.bool_]]


def signals_with_outcome(
    source: FeedSource, params: SignalQualityParams, moments: Moments | None = None
) -> list[SignalOutcomes]:
    """Signals over stored candles, or where there are none over recorded prices; series without one left out.

    Never over both: bars of candles and steps of records would give one horizon two meanings.
    """
    candles = [each for each in _candles(source, params) if moments is None or each.symbol in moments]
    recorded = [] if candles else recorded_prices(source)
    series = candles or [each for each in recorded if moments is None or each.symbol in moments]
    loose = 1.0 if candles else LOOSE_STEP
    known = known_of(source, {each.symbol for each in series})
    parts = []
    for each in series:
        features = compute_features(each, known[each.symbol], freshness_of(params))
        bars = _labelled(each, features, params.horizon_bars, loose)
        if moments is not None:
            bars = bars[np.isin(each.close_ms[bars], np.fromiter(moments[each.symbol], np.int64))]
        move = each.close[bars + params.horizon_bars] - each.close[bars]
        parts.append(SignalOutcomes(each, bars, features[bars], move * features[bars, 1] > 0.0))
    return [part for part in parts if len(part.bars)]


def _candles(source: FeedSource, params: SignalQualityParams) -> Sequence[CandleSeries]:
    try:
        return source.candles(params.symbols, params.timeframe_minutes)
    except NotEnoughRows:
        if params.symbols.strip().lower() != "all" or params.timeframe_minutes:
            raise
        # Without any candles there may still be recorded prices.
        return ()


def _labelled(series: CandleSeries, features: FloatArray, horizon: int, loose: float) -> IntArray:
    """Bars with a signal whose horizon is complete, without a missing bar."""
    bars = np.flatnonzero(np.isfinite(features[: max(0, len(features) - horizon), 0]))
    span = series.close_ms[bars + horizon] - series.close_ms[bars]
    whole: IntArray = bars[span <= loose * horizon * series.timeframe_ms]
    return whole


def _joined(parts: list[IntArray]) -> IntArray:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def split(dataset: Dataset, params: SignalQualityParams) -> Split:
    """Walk-forward folds; training labels end before the test block begins."""
    return PurgedWalkForward(Intervals(dataset.t0_ms, dataset.t1_ms), params.folds).make()


def total_steps(dataset: Dataset, params: SignalQualityParams) -> int:
    """Every tree inside every fold and for the final model is a step, at most."""
    return (params.folds + 1) * params.rounds


def fit(dataset: Dataset, params: SignalQualityParams, run: Run) -> SignalQuality:
    """Score the recipe in every fold, then fit on all rows."""
    features: FloatArray = dataset.arrays["features"]
    agrees = dataset.label == 1
    intervals = Intervals(dataset.t0_ms, dataset.t1_ms)
    boosting = Boosting(params, run, total_steps(dataset, params))
    folds = split(dataset, params).folds
    parts: list[tuple[IntArray, int, FloatArray]] = []
    trials: list[TriedPoint] = []
    for number, fold in enumerate(folds, start=1):
        part = Intervals(intervals.t0_ms[fold.train], intervals.t1_ms[fold.train])
        stage = f"fold {number} of {len(folds)}"
        trees = boosting.train(features[fold.train], agrees[fold.train], part, stage)
        probability = trees.probability(features[fold.test])
        score = roc_auc(agrees[fold.test], probability)
        run.log(boosting.step, **{"fold/roc_auc": score, "fold/trees": float(trees.count)})
        trials.append(TriedPoint(json.dumps({"fold": number, "trees": trees.count}), score))
        parts.append((fold.test, number, probability))
    final = boosting.train(features, agrees, intervals, "final model")
    return SignalQuality(
        params=params,
        trees=final.text,
        out_of_fold=_out_of_fold(parts),
        trials=tuple(trials),
        convergence=f"{final.count} trees, stopped by the inner slice" if _stopped(final, params) else "",
    )


def _stopped(trees: Trees, params: SignalQualityParams) -> bool:
    return trees.count < params.rounds


def _out_of_fold(parts: list[tuple[IntArray, int, FloatArray]]) -> OutOfFold:
    return OutOfFold(
        rows=np.concatenate([rows for rows, _, _ in parts]),
        fold=np.concatenate([np.full(len(rows), number, np.int64) for rows, number, _ in parts]),
        probability=np.concatenate([probability for _, _, probability in parts]),
    )


def evaluate(model: SignalQuality, dataset: Dataset) -> Metrics:
    """Mean out-of-fold ROC-AUC against 0.5; beside it accuracy, and the AUC of the signal's own strength."""
    judged = model.out_of_fold
    truth = dataset.label[judged.rows]
    features: FloatArray = dataset.arrays["features"][judged.rows]
    per_fold = _fold_aucs(truth, judged.probability, judged.fold)
    value = _mean_defined(per_fold)
    ones = float(truth.sum())
    error = auc_standard_error(ones, len(truth) - ones, dataset.horizon_bars)
    named = judged.probability >= 0.5
    shares = {
        f"recorded_{name}": float(np.isfinite(features[:, FEATURE_NAMES.index(name)]).mean())
        for name in RECORDED
    }
    return Metrics(
        name="roc_auc",
        value=value,
        baseline=0.5,
        others={
            "accuracy": float((named == (truth == 1)).mean()),
            "accuracy_majority": float(max(truth.mean(), 1.0 - truth.mean())),
            "f1": f1(truth, named),
            "log_loss": log_loss(truth, judged.probability),
            "roc_auc_pooled": roc_auc(truth, judged.probability),
            "roc_auc_standard_error": error,
            "roc_auc_of_strength": roc_auc(truth, features[:, 0]),
            "rows": float(len(truth)),
            **shares,
        },
        per_fold=per_fold,
        note=_verdict(value, error),
        standard_error=error,
    )


def learned_until_ms(dataset: Dataset, params: SignalQualityParams) -> int:
    """The end of the last label: the final model is fitted on all rows."""
    return int(dataset.t1_ms.max())


def compare(model: SignalQuality, incumbent: SignalQuality, dataset: Dataset, after_ms: int) -> Duel:
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
    distance = (value - 0.5) / error
    words = "within noise of 0.5" if abs(distance) < 3.0 else "beyond noise of 0.5"
    return f"{words}: {distance:+.1f} standard errors of overlapping labels"
