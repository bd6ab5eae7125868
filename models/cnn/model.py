"""The trained CNN: weights as safetensors, and the record that says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.array_files import json_bytes, read_json
from models.backprop.snapshots import weights_of
from models.base import TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.cnn.network import new_network
from models.cnn.params import CnnParams
from models.cnn.pivots import HIGH, LABELS, LOW, NONE, extremes
from models.cnn.training_loop import load_weights
from models.cnn.windows import FEATURE_NAMES, cut_windows, series_arrays, usable_bars
from models.digest import weights_digest
from models.errors import ArtifactRefused, FeatureMismatch
from models.parameters import ParameterError, build

FORMAT = "cnn/1"
CHUNK = 2_048


@dataclass(frozen=True)
class Answers:
    """Of each row: class probabilities (n, 3), distance in deviations (n,), confidence (n,)."""

    probability: FloatArray
    distance: FloatArray
    confidence: FloatArray


@dataclass(frozen=True)
class CnnModel:
    """A network with what is needed to ask it."""

    params: CnnParams
    network: nn.Module
    trials: tuple[TriedPoint, ...] = ()
    convergence: str = ""

    @property
    def feature_names(self) -> tuple[str, ...]:
        return FEATURE_NAMES

    @property
    def label_order(self) -> tuple[str, ...]:
        return LABELS

    def answer(self, arrays: Mapping[str, NDArray[Any]], rows: IntArray) -> Answers:
        """What the network says of dataset rows, in chunks so that memory stays small."""
        device = next(self.network.parameters()).device
        self.network.eval()
        parts: list[tuple[FloatArray, ...]] = []
        for start in range(0, len(rows), CHUNK):
            windows, _ = cut_windows(arrays, rows[start : start + CHUNK], self.params.window_bars)
            with torch.no_grad():
                logits, distance, trust = self.network(torch.from_numpy(windows).to(device))
            answers = (torch.softmax(logits, dim=1), distance, torch.sigmoid(trust))
            parts.append(tuple(part.cpu().numpy().astype(np.float64) for part in answers))
        if not parts:
            return Answers(np.empty((0, len(LABELS))), np.empty(0), np.empty(0))
        probability, length, confidence = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Answers(probability, length, confidence)

    def predict(self, candles: CandleSeries) -> FloatArray:
        """(n, 3) P(none), P(high), P(low) of each bar; NaN where a window is incomplete.

        A bar that is not the extreme of the closes before it cannot be a pivot, whatever follows: there
        P(none) is 1 and the network is not asked.
        """
        probability = np.full((len(candles.close_ms), len(LABELS)), np.nan)
        arrays, positions = series_arrays(candles)
        usable = usable_bars(candles, positions, self.params.window_bars)
        side = extremes(candles.close, self.params.pivot_bars)
        probability[usable & (side == 0)] = np.eye(len(LABELS))[NONE]
        asked = np.flatnonzero(usable & (side != 0))
        named = {f"position_x{scale}": position[asked] for scale, position in positions.items()}
        said = self.answer({**arrays, **named}, np.arange(len(asked))).probability
        said[side[asked] > 0, LOW] = 0.0
        said[side[asked] < 0, HIGH] = 0.0
        probability[asked] = said / said.sum(axis=1, keepdims=True)
        return probability

    def predict_last(self, candles: CandleSeries) -> FloatArray:
        """(3,) what `predict` says of the last bar, without asking about the others."""
        arrays, positions = series_arrays(candles)
        last = len(candles.close_ms) - 1
        if last < 0 or not usable_bars(candles, positions, self.params.window_bars)[last]:
            return np.full(len(LABELS), np.nan)
        side = int(extremes(candles.close, self.params.pivot_bars)[last])
        if side == 0:
            return np.asarray(np.eye(len(LABELS))[NONE])
        named = {f"position_x{scale}": position[last:] for scale, position in positions.items()}
        said: FloatArray = self.answer({**arrays, **named}, np.zeros(1, np.int64)).probability[0]
        said[LOW if side > 0 else HIGH] = 0.0
        return np.asarray(said / said.sum())

    def weights_sha256(self) -> str:
        return weights_digest(weights_of(self.network))

    def save(self) -> dict[str, bytes]:
        from safetensors.numpy import save as save_tensors

        record = {
            "format": FORMAT,
            "features": list(FEATURE_NAMES),
            "labels": list(LABELS),
            "params": vars(self.params),
        }
        return {
            "model.json": json_bytes(record),
            "weights.safetensors": save_tensors(weights_of(self.network)),
        }


def load(files: Mapping[str, bytes]) -> CnnModel:
    """The model that `save` wrote.

    Raises FeatureMismatch when it wants other features than this code computes, ArtifactRefused for files
    that are missing, damaged or of another shape.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_tensors

    record = read_json(files, "model.json")
    if record.get("format") != FORMAT:
        raise ArtifactRefused(f"model.json: format {record.get('format')!r}, expected {FORMAT!r}")
    if tuple(record.get("features", ())) != FEATURE_NAMES or tuple(record.get("labels", ())) != LABELS:
        raise FeatureMismatch(
            f"the model was trained on {record.get('features')}, not on {list(FEATURE_NAMES)}"
        )
    if "weights.safetensors" not in files:
        raise ArtifactRefused("weights.safetensors is missing")
    try:
        params = build(CnnParams, record["params"])
        network = new_network(params.channels, params.hidden, seed=0)
        load_weights(network, load_tensors(files["weights.safetensors"]))
    except (KeyError, TypeError, ParameterError) as error:
        raise ArtifactRefused(f"model.json: {error}") from error
    except (SafetensorError, RuntimeError) as error:
        raise ArtifactRefused(f"weights.safetensors: {error}") from error
    return CnnModel(params, network)
