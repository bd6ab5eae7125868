"""The trained classifier: twelve weights, and what it said out of fold while it was judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.array_files import array_bytes, json_bytes, read_array, read_json
from models.base import TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.digest import weights_digest
from models.errors import ArtifactRefused, FeatureMismatch
from models.parameters import ParameterError, build
from models.signal_classifier.features import FEATURE_NAMES, compute_features
from models.signal_classifier.grid import GridPoint, LinearModel, Scaler
from models.signal_classifier.params import SignalClassifierParams

LABELS = ("not_higher", "higher")
FORMAT = "signal_classifier/1"


@dataclass(frozen=True)
class OutOfFold:
    """What models said of rows they had not seen: row numbers, fold, P(higher), majority in training."""

    rows: IntArray
    fold: IntArray
    probability: FloatArray
    majority: IntArray


@dataclass(frozen=True)
class SignalClassifier:
    """Fitted on all rows at the chosen point; `out_of_fold` is what judges it."""

    params: SignalClassifierParams
    point: GridPoint
    linear: LinearModel
    out_of_fold: OutOfFold
    trials: tuple[TriedPoint, ...] = ()
    convergence: str = ""

    @property
    def feature_names(self) -> tuple[str, ...]:
        return FEATURE_NAMES

    @property
    def label_order(self) -> tuple[str, ...]:
        return LABELS

    def predict(self, candles: CandleSeries) -> FloatArray:
        """(n, 2) P(not higher), P(higher) after the horizon; NaN in the first 97 bars."""
        return self.predict_features(compute_features(candles))

    def predict_features(self, features: FloatArray) -> FloatArray:
        """(n, 2) from raw features (n, 12)."""
        higher = self.linear.probability(features)
        return np.column_stack([1.0 - higher, higher])

    def weights_sha256(self) -> str:
        return weights_digest(self._arrays())

    def save(self) -> dict[str, bytes]:
        record = {
            "format": FORMAT,
            "features": list(FEATURE_NAMES),
            "labels": list(LABELS),
            "params": vars(self.params),
            "c": self.point.c,
            "l1_ratio": self.point.l1_ratio,
        }
        files = {f"{name}.npy": array_bytes(array) for name, array in self._arrays().items()}
        judged = self.out_of_fold
        table = np.column_stack([judged.rows, judged.fold, judged.majority]).astype(np.int64)
        return files | {
            "model.json": json_bytes(record),
            "out_of_fold_rows.npy": array_bytes(table),
            "out_of_fold_probability.npy": array_bytes(judged.probability),
        }

    def _arrays(self) -> dict[str, FloatArray]:
        return {
            "weights": self.linear.weights,
            "intercept": np.array([self.linear.intercept]),
            "scaler_mean": self.linear.scaler.mean,
            "scaler_deviation": self.linear.scaler.deviation,
        }


def load(files: Mapping[str, bytes]) -> SignalClassifier:
    """The model that `save` wrote.

    Raises FeatureMismatch when it wants other features than this code computes, ArtifactRefused for files
    that are missing, damaged or of another shape.
    """
    record = read_json(files, "model.json")
    if record.get("format") != FORMAT:
        raise ArtifactRefused(f"model.json: format {record.get('format')!r}, expected {FORMAT!r}")
    if tuple(record.get("features", ())) != FEATURE_NAMES:
        raise FeatureMismatch(f"the model was trained on {record.get('features')}, not on {FEATURE_NAMES}")
    width = len(FEATURE_NAMES)
    shapes = {"weights": width, "intercept": 1, "scaler_mean": width, "scaler_deviation": width}
    arrays = {name: _checked(files, name, size) for name, size in shapes.items()}
    try:
        params = build(SignalClassifierParams, record["params"])
        point = GridPoint(float(record["c"]), float(record["l1_ratio"]))
    except (KeyError, TypeError, ParameterError) as error:
        raise ArtifactRefused(f"model.json: {error}") from error
    table = read_array(files, "out_of_fold_rows.npy")
    probability = read_array(files, "out_of_fold_probability.npy")
    if table.ndim != 2 or table.shape[1] != 3 or len(table) != len(probability):
        raise ArtifactRefused("out_of_fold_rows.npy and out_of_fold_probability.npy do not belong together")
    scaler = Scaler(arrays["scaler_mean"], arrays["scaler_deviation"])
    linear = LinearModel(scaler, arrays["weights"], float(arrays["intercept"][0]))
    return SignalClassifier(
        params, point, linear, OutOfFold(table[:, 0], table[:, 1], probability, table[:, 2])
    )


def _checked(files: Mapping[str, bytes], name: str, size: int) -> FloatArray:
    array = read_array(files, f"{name}.npy")
    if array.shape != (size,) or array.dtype != np.float64 or not np.isfinite(array).all():
        raise ArtifactRefused(f"{name}.npy: expected {size} finite float64 numbers, got {array.shape}")
    return array
