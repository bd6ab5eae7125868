"""The trained DQN: weights as safetensors, the margin its trades have to beat, and what both mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.array_files import json_bytes, read_json
from models.backprop.snapshots import weights_of
from models.base import TriedPoint
from models.candle_series import CandleSeries, FloatArray, IntArray
from models.digest import weights_digest
from models.dqn.cross_features import CROSS_NAMES
from models.dqn.network import ACTIONS, DoubleQNetwork, load_weights, new_network, q_values
from models.dqn.params import DqnParams
from models.dqn.policy import greedy
from models.errors import ArtifactRefused, FeatureMismatch
from models.parameters import ParameterError, build
from models.rl_state import STATE_NAMES, rl_states

FORMAT = "dqn/1"


@dataclass(frozen=True)
class DqnModel:
    """Networks with what is needed to ask them; `margin` is infinite where holding is best, always."""

    params: DqnParams
    network: DoubleQNetwork
    feature_names: tuple[str, ...]
    margin: float = 0.0
    trials: tuple[TriedPoint, ...] = ()
    convergence: str = ""

    @property
    def label_order(self) -> tuple[str, ...]:
        return ACTIONS

    def values(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Q of each action, (n, 3), in states (n, features)."""
        values: NDArray[np.float32] = q_values(self.network.online, states)
        return values

    def actions(self, states: NDArray[np.float32]) -> IntArray:
        """The action of the greedy policy in each state, (n,)."""
        return greedy(self.values(states), self.margin)

    def act(self, states: NDArray[np.float32], step: int, seed: int = 0) -> IntArray:
        """Actions (n,) of a policy that still explores: at random in a share `epsilon(step)` of states."""
        generator = np.random.Generator(np.random.Philox(key=np.array([seed, step], dtype=np.uint64)))
        at_random = generator.random(len(states)) < epsilon(self.params, step)
        drawn = generator.integers(0, len(ACTIONS), len(states))
        chosen: IntArray = np.where(at_random, drawn, self.actions(states)).astype(np.int64)
        return chosen

    def predict(self, candles: CandleSeries, cross: NDArray[np.float32] | None = None) -> FloatArray:
        """(n, 3) softmax of Q of buying, selling and holding at each bar; NaN where history is too short.

        `cross` (n, 4) is what the CNN says of the bars, see `models.dqn.experiences`; without it the model
        is told that nothing is known. Raises FeatureMismatch for a model of other states than `rl_states`.
        """
        return probabilities_of(self.values, self.feature_names, candles, cross)

    def weights_sha256(self) -> str:
        return weights_digest(weights_of(self.network))

    def save(self) -> dict[str, bytes]:
        from safetensors.numpy import save as save_tensors

        record = {
            "format": FORMAT,
            "features": list(self.feature_names),
            "labels": list(ACTIONS),
            "margin": None if math.isinf(self.margin) else self.margin,
            "params": vars(self.params),
        }
        return {
            "model.json": json_bytes(record),
            "weights.safetensors": save_tensors(weights_of(self.network)),
        }


def probabilities_of(
    values: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    feature_names: tuple[str, ...],
    candles: CandleSeries,
    cross: NDArray[np.float32] | None = None,
) -> FloatArray:
    """`DqnModel.predict` of anything that says what actions are worth in states."""
    if feature_names[: len(STATE_NAMES)] != STATE_NAMES:
        raise FeatureMismatch(f"the model reads states of {feature_names}, not of {STATE_NAMES}")
    states = rl_states(candles)
    if feature_names != STATE_NAMES:
        nothing = np.zeros((len(states), len(CROSS_NAMES)), np.float32)
        states = np.hstack([states, nothing if cross is None else cross.astype(np.float32)])
    known = np.isfinite(states).all(axis=1)
    probability = np.full((len(states), len(ACTIONS)), np.nan)
    probability[known] = softmax(values(states[known]))
    return probability


def epsilon(params: DqnParams, step: int) -> float:
    """The share of random actions at a step: linear from the first share to the last."""
    done = min(1.0, max(0, step) / params.epsilon_steps)
    return params.epsilon_start + (params.epsilon_end - params.epsilon_start) * done


def softmax(values: NDArray[np.float32]) -> FloatArray:
    """exp(q_a) / sum exp(q) of each row."""
    raised = np.exp(values.astype(np.float64) - values.max(axis=1, keepdims=True, initial=-np.inf))
    shares: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    return shares


def load(files: Mapping[str, bytes]) -> DqnModel:
    """The model that `save` wrote; ArtifactRefused for files that are missing, damaged or of another shape.

    Raises FeatureMismatch for a model of other actions.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_tensors

    record = read_json(files, "model.json")
    if record.get("format") != FORMAT:
        raise ArtifactRefused(f"model.json: format {record.get('format')!r}, expected {FORMAT!r}")
    if tuple(record.get("labels", ())) != ACTIONS:
        raise FeatureMismatch(f"the model answers with {record.get('labels')}, not with {list(ACTIONS)}")
    if "weights.safetensors" not in files:
        raise ArtifactRefused("weights.safetensors is missing")
    try:
        params = build(DqnParams, record["params"])
        names = tuple(str(name) for name in record["features"])
        margin = math.inf if record["margin"] is None else float(record["margin"])
        network = new_network(len(names), params.hidden, seed=0)
        load_weights(network, load_tensors(files["weights.safetensors"]))
    except (KeyError, TypeError, ValueError, ParameterError) as error:
        raise ArtifactRefused(f"model.json: {error}") from error
    except (SafetensorError, RuntimeError) as error:
        raise ArtifactRefused(f"weights.safetensors: {error}") from error
    return DqnModel(params, network, names, margin)
