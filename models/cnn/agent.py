"""The CNN: will the extreme that just closed hold as a turning point?

A row is a bar t whose close is above (or below) the k closes before it. Its class is high (low) when the k
closes after it stay on the other side, else none; that is known at t + k, which is where its label interval
ends. On a random walk no window can tell, so an AUC beyond 0.5 has to be earned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.backprop.keeper import flat_gradient
from models.base import Dataset, Duel, Metrics, Run, TrainingSource
from models.candle_series import CandleSeries
from models.cnn.gradients import StepGradients
from models.cnn.lessons import taught
from models.cnn.model import CnnModel, load
from models.cnn.params import CnnParams
from models.cnn.pivots import LABELS, NONE, TurningPoints, turning_points
from models.cnn.training_loop import TrainingLoop, load_weights
from models.cnn.windows import FEATURE_NAMES, SCALES, series_arrays, usable_bars
from models.device import probe_device
from models.errors import FeatureMismatch, NotEnoughRows
from models.lessons.rows import LEAST_SCORED, is_lesson, learned_until, lesson_count, lesson_split
from models.lessons.unjudged import unjudged
from models.validation.folds import Split
from models.validation.intervals import Intervals
from models.validation.purged import purged_holdout
from models.validation.scores import (
    auc_difference_error,
    auc_standard_error,
    expected_calibration_error,
    f1_macro,
    roc_auc,
)

LEAST_ROWS = 100

__all__ = [
    "compare", "dataset", "evaluate", "fit", "learned_until_ms", "load", "recompute", "split", "total_steps",
]  # fmt: skip


def dataset(source: TrainingSource, params: CnnParams) -> Dataset:
    """Rows are extremes with a window before and k bars after them, unbroken; NotEnoughRows below 100."""
    candles = source.candles(params.symbols, params.timeframe_minutes)
    parts = [_rows_of(series, params) for series in candles]
    rows = sum(len(part["label"]) for part, _ in parts)
    if rows < LEAST_ROWS:
        raise NotEnoughRows(rows, LEAST_ROWS, "extremes of closes with a whole window around them")
    arrays: dict[str, NDArray[Any]] = {}
    for scale in SCALES:
        name, place = f"series_x{scale}", f"position_x{scale}"
        lengths = [len(shared[name]) for _, shared in parts]
        starts = np.cumsum([0, *lengths[:-1]])
        arrays[name] = np.concatenate([shared[name] for _, shared in parts])
        arrays[place] = np.concatenate(
            [p[place] + start for (p, _), start in zip(parts, starts, strict=True)]
        )
    for name in ("distance", "side", "label", "t0_ms", "t1_ms"):
        arrays[name] = np.concatenate([part[name] for part, _ in parts])
    arrays["symbol"] = np.concatenate(
        [np.full(len(part["label"]), place, np.int16) for place, (part, _) in enumerate(parts)]
    )
    order = np.lexsort((arrays["symbol"], arrays["t0_ms"]))[-params.max_rows :]
    by_row = {name: array if name.startswith("series_") else array[order] for name, array in arrays.items()}
    names = tuple(series.symbol for series in candles)
    return Dataset(
        agent="cnn",
        arrays={name: array for name, array in by_row.items() if name not in _OWN_FIELDS},
        label=by_row["label"],
        t0_ms=by_row["t0_ms"],
        t1_ms=by_row["t1_ms"],
        symbol=by_row["symbol"],
        symbols=names,
        feature_names=FEATURE_NAMES,
        label_order=LABELS,
        horizon_bars=params.pivot_bars,
        provenance=source.provenance,
        description=f"extremes of closes of {', '.join(names)}, confirmed {params.pivot_bars} bars later",
        constants={"timeframe_ms": float(candles[0].timeframe_ms)},
    )


_OWN_FIELDS = ("label", "t0_ms", "t1_ms", "symbol")


def _rows_of(
    series: CandleSeries, params: CnnParams
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """The rows of one symbol, and the columns they share."""
    shared, positions = series_arrays(series)
    points = turning_points(series.close, params.pivot_bars)
    usable = usable_bars(series, positions, params.window_bars)[points.index]
    span = series.close_ms[points.known_at] - series.close_ms[points.index]
    kept = usable & (span == params.pivot_bars * series.timeframe_ms)
    return _columns(series, points, positions, kept), shared


def _columns(
    series: CandleSeries,
    points: TurningPoints,
    positions: dict[int, NDArray[np.int64]],
    kept: NDArray[np.bool_],
) -> dict[str, NDArray[Any]]:
    index = points.index[kept]
    columns: dict[str, NDArray[Any]] = {
        "label": points.label[kept],
        "distance": points.distance[kept],
        "side": points.side[kept],
        "t0_ms": series.close_ms[index],
        "t1_ms": series.close_ms[points.known_at[kept]],
    }
    return columns | {f"position_x{scale}": positions[scale][index] for scale in SCALES}


def split(dataset: Dataset, params: CnnParams) -> Split:
    """Train, an inner slice for early stopping, and the last slice, which is scored; purged and embargoed."""
    if is_lesson(dataset):
        return lesson_split(dataset, params.inner_share, params.test_share)
    intervals = Intervals(dataset.t0_ms, dataset.t1_ms)
    return purged_holdout(intervals, params.inner_share, params.test_share)


def total_steps(dataset: Dataset, params: CnnParams) -> int:
    """The most steps a session may take; early stopping may take fewer."""
    return lesson_count(dataset) if is_lesson(dataset) else params.steps


def fit(dataset: Dataset, params: CnnParams, run: Run, network: nn.Module | None = None) -> CnnModel:
    """Train until the inner loss stops falling; raises Diverged and Stopped.

    With a `network` that one is trained in place (`models.cnn.own_network` says what it has to answer).
    A dataset with closes in it is taught, one step a close, from the weights that it pins.
    """
    early = split(dataset, params).folds[0]
    if is_lesson(dataset):
        return taught(dataset, early.train, params, run)
    if len(early.train) < params.batch_size:
        raise NotEnoughRows(len(early.train), params.batch_size, "training rows for one batch")
    device = probe_device(params.device)
    loop = TrainingLoop(dataset, early.train, early.test, params, run, device.torch_name, network)
    state = loop.fit()
    convergence = state.convergence
    words = f"{convergence.words}; {state.step:,} of {params.steps:,} steps"
    return CnnModel(params, loop.network, convergence=words)


def recompute(
    dataset: Dataset, params: CnnParams, seed: int, step: int, state: Mapping[str, NDArray[Any]]
) -> NDArray[np.float32]:
    """The flat gradient that `step` consumed, from the weights before it."""
    early = split(dataset, params).folds[0]
    gradients = StepGradients(dataset, early.train, params, seed, probe_device(params.device).torch_name)
    load_weights(gradients.network, state)
    gradients.backward(gradients.forward(step))
    return flat_gradient(gradients.network.parameters())


def evaluate(model: CnnModel, dataset: Dataset) -> Metrics:
    """On the last slice: AUC of "pivot" against 0.5, F1-macro against the most frequent class, ECE."""
    scored = split(dataset, model.params).folds[1]
    if is_lesson(dataset) and len(scored.test) < LEAST_SCORED:
        return unjudged("pivot_auc", 0.5, len(scored.test))
    answers = model.answer(dataset.arrays, scored.test)
    truth = dataset.label[scored.test]
    is_pivot = truth != NONE
    named = answers.probability.argmax(axis=1)
    majority = int(np.bincount(dataset.label[scored.train], minlength=len(LABELS)).argmax())
    value = roc_auc(is_pivot, 1.0 - answers.probability[:, NONE])
    pivots = float(is_pivot.sum())
    error = auc_standard_error(pivots, len(truth) - pivots, dataset.horizon_bars)
    return Metrics(
        name="pivot_auc",
        value=value,
        baseline=0.5,
        others={
            "pivot_auc_standard_error": error,
            "f1_macro": f1_macro(truth, named, len(LABELS)),
            "f1_macro_class_prior": f1_macro(truth, np.full_like(truth, majority), len(LABELS)),
            "ece": expected_calibration_error(named == truth, answers.confidence),
            "pivot_share": pivots / len(truth),
            "rows": float(len(truth)),
        },
        per_fold=(value,),
        note=f"{(value - 0.5) / error:+.1f} standard errors of overlapping labels from 0.5",
        standard_error=error,
    )


def learned_until_ms(dataset: Dataset, params: CnnParams) -> int:
    """The end of the last label that training or early stopping has seen; what follows is only scored."""
    early = split(dataset, params).folds[0]
    if is_lesson(dataset):
        return learned_until(dataset, early)
    return int(dataset.t1_ms[np.concatenate([early.train, early.test])].max())


def compare(model: CnnModel, incumbent: CnnModel, dataset: Dataset, after_ms: int) -> Duel:
    """AUC of "pivot" of both networks on the last slice.

    A row is only known to have an unbroken history as long as the session's own window.
    """
    if incumbent.params.window_bars > model.params.window_bars:
        raise FeatureMismatch(
            f"it looks at {incumbent.params.window_bars} bars, and these rows hold {model.params.window_bars}"
        )
    scored = split(dataset, model.params).folds[1].test
    rows = scored[dataset.t0_ms[scored] > after_ms]
    is_pivot = dataset.label[rows] != NONE
    mine, theirs = (
        roc_auc(is_pivot, 1.0 - each.answer(dataset.arrays, rows).probability[:, NONE])
        for each in (model, incumbent)
    )
    return Duel(mine, theirs, rows=len(rows), scored=len(scored))


def difference_error(model: CnnModel, other: CnnModel, dataset: Dataset) -> float:
    """Standard error of the difference of both networks' AUC of "pivot" on the last slice."""
    rows = split(dataset, model.params).folds[1].test
    mine, theirs = (1.0 - each.answer(dataset.arrays, rows).probability[:, NONE] for each in (model, other))
    return auc_difference_error(dataset.label[rows] != NONE, mine, theirs, dataset.horizon_bars)
