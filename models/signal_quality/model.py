"""The trained agent: a forest of boosted trees as text, and what it said out of fold while it was judged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.array_files import array_bytes, json_bytes, read_array, read_json
from models.base import TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.errors import ArtifactRefused, FeatureMismatch
from models.parameters import ParameterError, build
from models.signal_quality.features import FEATURE_NAMES, NOTHING_KNOWN, Freshness, Known, compute_features
from models.signal_quality.params import SignalQualityParams

LABELS = ("disagrees", "agrees")
FORMAT = "signal_quality/1"


@dataclass(frozen=True)
class OutOfFold:
    """What models said of rows they had not seen: row numbers, fold, P(agrees)."""

    rows: IntArray
    fold: IntArray
    probability: FloatArray


@dataclass(frozen=True)
class SignalQuality:
    """Fitted on all rows; `out_of_fold` is what judges it. `trees` is LightGBM's own text."""

    params: SignalQualityParams
    trees: str
    out_of_fold: OutOfFold
    trials: tuple[TriedPoint, ...] = ()
    convergence: str = ""

    @property
    def feature_names(self) -> tuple[str, ...]:
        return FEATURE_NAMES

    @property
    def label_order(self) -> tuple[str, ...]:
        return LABELS

    def predict(self, candles: CandleSeries, known: Mapping[str, Known] = NOTHING_KNOWN) -> FloatArray:
        """(n, 2) P(disagrees), P(agrees) a bar; NaN where there is no signal or too little history."""
        return self.predict_features(compute_features(candles, known, freshness_of(self.params)))

    def predict_features(self, features: FloatArray) -> FloatArray:
        """(n, 2) from features (n, 10); NaN where they have no signal."""
        agrees = np.full(len(features), np.nan)
        rows = np.isfinite(features[:, 0])
        if rows.any():
            agrees[rows] = booster_of(self.trees).predict(features[rows], num_threads=1)
        return np.column_stack([1.0 - agrees, agrees])

    def weights_sha256(self) -> str:
        return hashlib.sha256(self.trees.encode()).hexdigest()

    def save(self) -> dict[str, bytes]:
        record = {
            "format": FORMAT,
            "features": list(FEATURE_NAMES),
            "labels": list(LABELS),
            "params": vars(self.params),
        }
        judged = self.out_of_fold
        return {
            "model.json": json_bytes(record),
            "trees.txt": self.trees.encode(),
            "out_of_fold_rows.npy": array_bytes(np.column_stack([judged.rows, judged.fold]).astype(np.int64)),
            "out_of_fold_probability.npy": array_bytes(judged.probability),
        }


def freshness_of(params: SignalQualityParams) -> Freshness:
    """How long recorded values count as known."""
    return Freshness(params.sentiment_hours * 3_600_000.0, params.market_minutes * 60_000.0)


def booster_of(trees: str) -> Any:
    """LightGBM's forest of a text. Raises ArtifactRefused for one that is none."""
    import lightgbm

    try:
        return lightgbm.Booster(model_str=trees)
    except lightgbm.basic.LightGBMError as error:
        raise ArtifactRefused(f"trees.txt: {error}") from error


def load(files: Mapping[str, bytes]) -> SignalQuality:
    """The model that `save` wrote.

    Raises FeatureMismatch when it wants other features than this code computes, ArtifactRefused for files
    that are missing, damaged or of another shape.
    """
    record = read_json(files, "model.json")
    if record.get("format") != FORMAT:
        raise ArtifactRefused(f"model.json: format {record.get('format')!r}, expected {FORMAT!r}")
    if tuple(record.get("features", ())) != FEATURE_NAMES:
        raise FeatureMismatch(f"the model was trained on {record.get('features')}, not on {FEATURE_NAMES}")
    if "trees.txt" not in files:
        raise ArtifactRefused("trees.txt is missing")
    try:
        params = build(SignalQualityParams, record["params"])
        trees = files["trees.txt"].decode()
    except (KeyError, TypeError, ParameterError, UnicodeDecodeError) as error:
        raise ArtifactRefused(f"model.json and trees.txt: {error}") from error
    if booster_of(trees).num_feature() != len(FEATURE_NAMES):
        raise FeatureMismatch(f"trees.txt wants another number of features than {len(FEATURE_NAMES)}")
    table = read_array(files, "out_of_fold_rows.npy")
    probability = read_array(files, "out_of_fold_probability.npy")
    if table.ndim != 2 or table.shape[1] != 2 or len(table) != len(probability):
        raise ArtifactRefused("out_of_fold_rows.npy and out_of_fold_probability.npy do not belong together")
    return SignalQuality(params, trees, OutOfFold(table[:, 0], table[:, 1], probability))
