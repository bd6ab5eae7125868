"""One step of double DQN: draw, gradient, Adam, and every so many steps a new target.

The randomness of a step is a function of (seed, step); everything else that a step depends on is in `state`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.backprop.snapshots import WEIGHTS, weights_of
from models.base import Dataset
from models.candle_series import IntArray
from models.dqn.batches import batches_of
from models.dqn.gradient import Experiences, new_room, step_gradient
from models.dqn.network import DoubleQNetwork, load_weights, new_network, q_values
from models.dqn.params import DqnParams
from models.dqn.quick_adam import QuickAdam
from models.lessons.rows import base_weights, is_lesson

ADAM, DRAWS = "adam/", "draws/"


@dataclass(frozen=True)
class StepOutcome:
    """Rows, loss and its parts by the name of their curve, norm of the gradient before clipping, mean |error|
    and mean priority of a step."""

    rows: IntArray
    loss: float
    parts: Mapping[str, float]
    norm: float
    error: float
    priority: float


class Learner:
    """Networks and optimiser, learning from the `train` rows of a dataset."""

    def __init__(self, dataset: Dataset, train: IntArray, params: DqnParams, seed: int) -> None:
        arrays = dataset.arrays
        self.params = params
        self._columns = Experiences(
            series=np.ascontiguousarray(arrays["series_state"], np.float32),
            setup=np.ascontiguousarray(arrays["setup"], np.int64),
            following=np.ascontiguousarray(arrays["following"], np.int64),
            action=np.ascontiguousarray(arrays["action"], np.int64),
            reward=np.ascontiguousarray(arrays["reward"], np.float32),
            terminated=np.ascontiguousarray(arrays["terminated"], np.float32),
            scale=np.ascontiguousarray(arrays["model_weight"], np.float32),
        )
        features = self._columns.series.shape[1]
        self.network: DoubleQNetwork = new_network(features, params.hidden, seed)
        self._is_taught = is_lesson(dataset)
        if self._is_taught:
            load_weights(self.network, base_weights(dataset))
            self.network.sync()
        self.optimiser = torch.optim.Adam(
            self.network.online.parameters(), lr=params.learning_rate, foreach=True
        )
        self._adam = QuickAdam(self.optimiser)
        self.batches = batches_of(dataset, train, params, seed)
        self._room = new_room(params.batch_size, features, params.hidden)
        self._flat, self._gradients = _gradients_of(self.network)
        self._online, self._target = self.network.online.matrices(), self.network.target.matrices()

    def take_gradient(self, step: int) -> StepOutcome:
        """Draw the rows of a step and leave their clipped gradient in the parameters' `grad`."""
        rows, weight, priority = self.batches.draw(step)
        loss, norm, error = step_gradient(
            rows,
            weight,
            self._columns,
            self.params.gamma,
            self.params.gradient_clip,
            self._online,
            self._target,
            self._room,
            self._gradients,
            self._flat,
        )
        parts = {"losses/td_loss": loss}
        return StepOutcome(rows, loss, parts, norm, error, priority)

    def apply(self, step: int) -> bool:
        """Step with the gradient that was taken; whether the target was renewed after it.

        Lessons keep the target that they began with: their sessions are shorter than its renewal.
        """
        self._adam.step()
        self.batches.learned(step, self._room.error)
        synced = not self._is_taught and step % self.params.target_update == 0
        if synced:
            self.network.sync()
        return synced

    def values(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Q of each action in each state, (n, 3)."""
        return q_values(self.network.online, states)

    @property
    def followers(self) -> Mapping[str, str]:
        return self.network.followers

    @property
    def gradient(self) -> NDArray[np.float32]:
        """The flat gradient that was taken last; a copy."""
        return self._flat.copy()

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights, moments of the optimiser, and what the draws depend on; copies."""
        arrays = {WEIGHTS + name: value for name, value in weights_of(self.network).items()}
        arrays |= {DRAWS + name: value for name, value in self.batches.state().items()}
        for name, parameter in self.network.online.named_parameters():
            for key, value in self.optimiser.state[parameter].items():
                arrays[f"{ADAM}{name}/{key}"] = value.detach().numpy().copy()
        return arrays

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""
        load_weights(self.network, part_of(arrays, WEIGHTS))
        self.batches.restore(part_of(arrays, DRAWS))
        for name, parameter in self.network.online.named_parameters():
            moments = part_of(arrays, f"{ADAM}{name}/")
            self.optimiser.state[parameter] = {
                key: torch.from_numpy(value.copy()) for key, value in moments.items()
            }
        self._adam.forget()


def _gradients_of(
    network: DoubleQNetwork,
) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
    """One flat vector that the gradients of all layers are parts of, and those parts."""
    layers = list(network.online.parameters())
    flat = torch.zeros(sum(layer.numel() for layer in layers))
    pieces = flat.split([layer.numel() for layer in layers])
    for layer, piece in zip(layers, pieces, strict=True):
        layer.grad = piece.view(layer.shape)
    views = tuple(piece.view(layer.shape).numpy() for layer, piece in zip(layers, pieces, strict=True))
    return flat.numpy(), views


def part_of(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose name starts with `prefix`, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
