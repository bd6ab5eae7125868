"""The trained agent: weights and feature scale as safetensors, and the record that says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from models.array_files import json_bytes, read_json
from models.backprop.snapshots import weights_of
from models.base import TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.cob_rl.learner import CHUNK, answer_windows
from models.cob_rl.network import BookTransformer, new_network
from models.cob_rl.params import CobRlParams
from models.cob_rl.rewards import ACTIONS
from models.cob_rl.snapshots import (
    Features,
    FeatureScale,
    book_features,
    feature_names,
    usable_snapshots,
    window_positions,
)
from models.cob_rl.training_loop import load_weights
from models.digest import weights_digest
from models.errors import ArtifactRefused, FeatureMismatch
from models.parameters import ParameterError, build
from models.setup_rows import BookRows

FORMAT = "cob_rl/1"


@dataclass(frozen=True)
class Policy:
    """Of each row: probabilities of BUY, SELL and HOLD (n, 3), and the reward expected of acting (n,)."""

    probability: FloatArray
    value: FloatArray

    @property
    def greedy(self) -> IntArray:
        """The likeliest action of each row."""
        actions: IntArray = self.probability.argmax(axis=1)
        return actions


@dataclass(frozen=True)
class CobRlModel:
    """A network with what is needed to ask it; `step_ms` is the usual time between its snapshots."""

    params: CobRlParams
    network: BookTransformer
    scale: FeatureScale
    step_ms: int
    trials: tuple[TriedPoint, ...] = ()
    convergence: str = ""

    @property
    def feature_names(self) -> tuple[str, ...]:
        return feature_names(self.params.levels)

    @property
    def label_order(self) -> tuple[str, ...]:
        return ACTIONS

    def answer(self, features: Features, last: IntArray) -> Policy:
        """What the network says of the windows that end at the snapshots `last` of (m, features)."""
        device = next(self.network.parameters()).device
        scaled = self.scale.apply(features)
        parts = []
        for start in range(0, len(last), CHUNK):
            places = window_positions(last[start : start + CHUNK], self.params.window)
            parts.append(answer_windows(self.network, torch.from_numpy(scaled[places]).to(device)))
        if not parts:
            return Policy(np.empty((0, len(ACTIONS))), np.empty(0))
        probability, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Policy(probability, value)

    def policy(self, book: BookRows) -> Policy:
        """At each snapshot of a book; NaN where the window before it is incomplete or has a gap."""
        usable = usable_snapshots(book.ts_ms, self.params.window, self.step_ms)
        asked = np.flatnonzero(usable)
        said = self.answer(book_features(book, self.params.levels), asked)
        whole = Policy(np.full((len(book.ts_ms), len(ACTIONS)), np.nan), np.full(len(book.ts_ms), np.nan))
        whole.probability[asked], whole.value[asked] = said.probability, said.value
        return whole

    def predict(self, candles: CandleSeries) -> FloatArray:
        """(n, 3), all NaN: candles hold no order book, and without one this agent has no opinion."""
        return np.full((len(candles.close_ms), len(ACTIONS)), np.nan)

    def weights_sha256(self) -> str:
        return weights_digest(weights_of(self.network))

    def save(self) -> dict[str, bytes]:
        from safetensors.numpy import save as save_tensors

        record = {
            "format": FORMAT,
            "features": list(self.feature_names),
            "actions": list(ACTIONS),
            "step_ms": self.step_ms,
            "params": vars(self.params),
        }
        scale = {"mean": self.scale.mean, "deviation": self.scale.deviation}
        return {
            "model.json": json_bytes(record),
            "scale.safetensors": save_tensors(scale),
            "weights.safetensors": save_tensors(weights_of(self.network)),
        }


def load(files: Mapping[str, bytes]) -> CobRlModel:
    """The model that `save` wrote.

    Raises FeatureMismatch when it wants other features than this code computes, ArtifactRefused for files
    that are missing, damaged or of another shape.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_tensors

    record = read_json(files, "model.json")
    if record.get("format") != FORMAT:
        raise ArtifactRefused(f"model.json: format {record.get('format')!r}, expected {FORMAT!r}")
    missing = [name for name in ("scale.safetensors", "weights.safetensors") if name not in files]
    if missing:
        raise ArtifactRefused(f"{missing[0]} is missing")
    try:
        params = build(CobRlParams, record["params"])
        step_ms = int(record["step_ms"])
    except (KeyError, TypeError, ValueError, ParameterError) as error:
        raise ArtifactRefused(f"model.json: {error}") from error
    names = feature_names(params.levels)
    if tuple(record.get("features", ())) != names or tuple(record.get("actions", ())) != ACTIONS:
        raise FeatureMismatch(f"the model was trained on {record.get('features')}, not on {list(names)}")
    network = new_network(params.shape, len(names), params.window, seed=0)
    try:
        load_weights(network, load_tensors(files["weights.safetensors"]))
        scale = load_tensors(files["scale.safetensors"])
        found = FeatureScale(scale["mean"], scale["deviation"])
    except (SafetensorError, RuntimeError, KeyError) as error:
        raise ArtifactRefused(f"the tensors do not fit model.json: {error}") from error
    if not found.mean.shape == found.deviation.shape == (len(names),):
        raise ArtifactRefused(f"scale.safetensors: expected {len(names)} features, got {found.mean.shape}")
    return CobRlModel(params, network, found, step_ms)
