"""The trained agent: a weight a feature, and what it said out of fold while it was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.array_files import array_bytes, json_bytes, read_array, read_json
from models.base import TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.decision.closed_signals import AskedSignals, ClosedSignals
from models.decision.features import FEATURE_NAMES, compute_features
from models.decision.logistic import Logistic
from models.decision.params import DecisionParams
from models.digest import weights_digest
from models.errors import ArtifactRefused, FeatureMismatch
from models.parameters import ParameterError, build

LABELS = ("does_not_pay", "pays")
FORMAT = "decision/1"


@dataclass(frozen=True)
class OutOfFold:
    """What models said of rows they had not seen: row numbers, fold, P(pays), base rate of the training."""

    rows: IntArray
    fold: IntArray
    probability: FloatArray
    base_rate: FloatArray


@dataclass(frozen=True)
class Decision:
    """Fitted on all rows with the penalty that they chose; `out_of_fold` is what judges it."""

    params: DecisionParams
    c: float
    logistic: Logistic
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
        """(n, 2), all NaN: a bar is no signal, and only of signals this agent has an opinion."""
        return np.full((len(candles.close_ms), len(LABELS)), np.nan)

    def predict_signals(
        self, asked: AskedSignals, past: ClosedSignals, candles: Sequence[CandleSeries]
    ) -> FloatArray:
        """(n, 2) P(does not pay), P(pays) of signals, given the closes before them and the candles."""
        return self.predict_features(compute_features(asked, past, candles, self.params.trailing_closes))

    def predict_features(self, features: FloatArray) -> FloatArray:
        """(n, 2) from features (n, 18)."""
        pays = self.logistic.probability(features)
        return np.column_stack([1.0 - pays, pays])

    def weights_sha256(self) -> str:
        return weights_digest(self._arrays())

    def save(self) -> dict[str, bytes]:
        record = {
            "format": FORMAT,
            "features": list(FEATURE_NAMES),
            "labels": list(LABELS),
            "params": vars(self.params),
            "c": self.c,
        }
        files = {f"{name}.npy": array_bytes(array) for name, array in self._arrays().items()}
        judged = self.out_of_fold
        return files | {
            "model.json": json_bytes(record),
            "out_of_fold_rows.npy": array_bytes(np.column_stack([judged.rows, judged.fold]).astype(np.int64)),
            "out_of_fold_probability.npy": array_bytes(
                np.column_stack([judged.probability, judged.base_rate])
            ),
        }

    def _arrays(self) -> dict[str, FloatArray]:
        return {
            "weights": self.logistic.weights,
            "intercept": np.array([self.logistic.intercept]),
            "scaler_mean": self.logistic.mean,
            "scaler_deviation": self.logistic.deviation,
        }


def load(files: Mapping[str, bytes]) -> Decision:
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
    if not (arrays["scaler_deviation"] > 0.0).all():
        raise ArtifactRefused("scaler_deviation.npy: a deviation must be above 0")
    try:
        params, c = build(DecisionParams, record["params"]), float(record["c"])
    except (KeyError, TypeError, ValueError, ParameterError) as error:
        raise ArtifactRefused(f"model.json: {error}") from error
    table = read_array(files, "out_of_fold_rows.npy")
    said = read_array(files, "out_of_fold_probability.npy")
    if table.ndim != 2 or table.shape[1:] != (2,) or said.shape != table.shape:
        raise ArtifactRefused("out_of_fold_rows.npy and out_of_fold_probability.npy do not belong together")
    logistic = Logistic(
        arrays["scaler_mean"], arrays["scaler_deviation"], arrays["weights"], float(arrays["intercept"][0])
    )
    return Decision(params, c, logistic, OutOfFold(table[:, 0], table[:, 1], said[:, 0], said[:, 1]))


def _checked(files: Mapping[str, bytes], name: str, size: int) -> FloatArray:
    array = read_array(files, f"{name}.npy")
    if array.shape != (size,) or array.dtype != np.float64 or not np.isfinite(array).all():
        raise ArtifactRefused(f"{name}.npy: expected {size} finite float64 numbers, got {array.shape}")
    return array
