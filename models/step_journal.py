"""The words of the backprop journal: what a training loop hands over of every step, and in which layout.

A step is kept as the gradient that the optimiser consumed, in one flat vector, with what changed beside it:
an optimiser is a function of (state, gradient), so weights can be stepped to again from a snapshot. An absent
gradient is not a gradient of zero (decay and momentum go on under the second), so it is marked.

NumPy only. The side that knows torch is `models.backprop`; what writes files is behind `StepJournal`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.candle_series import IntArray
from models.errors import ModelError

PARAMETER, FOLLOWER, BUFFER, TIED, FIXED = "parameter", "follower", "buffer", "tied", "fixed"
KINDS = (PARAMETER, FOLLOWER, BUFFER, TIED, FIXED)
FULL, DIGEST, OFF = "full", "digest", "off"
TOTAL_LOSS = "losses/total"


class JournalRefused(ModelError):
    """A network or an optimiser whose steps could not be rebuilt from what would be kept."""


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a network's state, by its name there.

    `kind` is parameter (the optimiser changes it), follower (a copy of the tensor `follows`, made when a step
    says `synced`), buffer (kept whole with every step), tied (the same memory as `follows`) or fixed (nothing
    changes it). `dtype` is NumPy's name; bfloat16 stands as the uint16 of its bits. `layer` is the module.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: str
    layer: str
    follows: str = ""

    @property
    def size(self) -> int:
        """Elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class JournalLayout:
    """The tensors of a network in the order of the flat vectors; parameters stand first.

    The flat gradient holds the parameters, the flat state the bytes of all tensors, packed without gaps.
    `obstacle` says why the steps of this network could not be rebuilt; empty when they can.
    """

    tensors: tuple[TensorSpec, ...]
    obstacle: str = ""

    @cached_property
    def parameters(self) -> tuple[TensorSpec, ...]:
        """The tensors that have a gradient, in its order."""
        return tuple(tensor for tensor in self.tensors if tensor.kind == PARAMETER)

    @cached_property
    def gradient_size(self) -> int:
        """Elements of the flat gradient."""
        return sum(tensor.size for tensor in self.parameters)

    @cached_property
    def state_bytes(self) -> int:
        """Bytes of the flat state."""
        return sum(tensor.nbytes for tensor in self.tensors)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Modules that have parameters, in the order of the first one of each."""
        return tuple(dict.fromkeys(tensor.layer for tensor in self.parameters))

    def to_json(self) -> str:
        """The tensors as JSON; the same layout gives the same text."""
        return json.dumps({"tensors": [asdict(tensor) for tensor in self.tensors]}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> JournalLayout:
        """The inverse of `to_json`."""
        records = json.loads(text)["tensors"]
        return cls(tuple(TensorSpec(**{**record, "shape": tuple(record["shape"])}) for record in records))

    def gradients(self, flat: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Views into a flat gradient by name, each in its shape."""
        views: dict[str, NDArray[np.float32]] = {}
        start = 0
        for tensor in self.parameters:
            views[tensor.name] = flat[start : start + tensor.size].reshape(tensor.shape)
            start += tensor.size
        return views

    def tensors_of(self, state: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Views into a flat state by name, each in its type and shape."""
        views: dict[str, NDArray[Any]] = {}
        start = 0
        for tensor in self.tensors:
            piece = state[start : start + tensor.nbytes]
            views[tensor.name] = piece.view(np.dtype(tensor.dtype)).reshape(tensor.shape)
            start += tensor.nbytes
        return views

    def layer_norms(self, flat: NDArray[np.float32]) -> dict[str, float]:
        """The Euclidean norm of each layer's part of a flat gradient, summed in float64."""
        squares = dict.fromkeys(self.layers, 0.0)
        for tensor, part in zip(self.parameters, self.gradients(flat).values(), strict=True):
            squares[tensor.layer] += float(np.square(part, dtype=np.float64).sum())
        return {layer: math.sqrt(value) for layer, value in squares.items()}


@dataclass(frozen=True)
class OptimiserFacts:
    """An optimiser as far as its steps depend on it to the bit, and where it runs.

    `settings` are {"implementation": foreach | fused | loop, "groups": [{"parameters": [names], ...}]}, JSON
    values; the learning rate is kept with every step. `obstacle` says why its steps could not be made again.
    """

    name: str
    settings: Mapping[str, Any]
    torch_version: str
    capability: str
    onednn_isa: str
    threads: int
    obstacle: str = ""


@dataclass(frozen=True)
class StepFacts:
    """What is known of a step beside its tensors.

    `losses` hold "losses/total" and its parts; `batch` are rows of the session's dataset; `priority` is the
    mean training priority of the batch; `synced` says that the followers were copied after the step.
    """

    step: int
    losses: Mapping[str, float]
    batch: IntArray
    learning_rate: float
    priority: float = 1.0
    synced: bool = False


class Recomputes(Protocol):
    """What an agent module may offer beside its others: the gradient of any step, computed anew."""

    def recompute(
        self, dataset: Any, params: Any, seed: int, step: int, state: Mapping[str, NDArray[Any]]
    ) -> NDArray[np.float32]:
        """The flat gradient (P,) that `step` consumed, from the weights before it by name; absent is zero.

        To the bit on the same machine, with the same threads and instructions.
        """
        ...


class JournalSlot(Protocol):
    """Room for one step: gradient (P,) float32, absent (parameters,) bool, state (state_bytes,) uint8.

    `state` is empty where nobody wants it.
    """

    @property
    def gradient(self) -> NDArray[np.float32]: ...

    @property
    def absent(self) -> NDArray[np.bool_]: ...

    @property
    def state(self) -> NDArray[np.uint8]: ...


class StepJournal(Protocol):
    """Where a training loop leaves its steps."""

    @property
    def mode(self) -> str:
        """full, digest or off; full may become digest while a session runs."""
        ...

    def slot(self) -> JournalSlot:
        """Room for the next step; waits for it, and raises what the writing of earlier steps met."""
        ...

    def keep(self, slot: JournalSlot, facts: StepFacts) -> None:
        """Takes a filled slot over; the caller does not touch it any more."""
        ...

    def snapshot_due(self, step: int) -> bool:
        """Whether everything should be kept after this step."""
        ...

    def snapshot(self, step: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keeps weights and optimiser state as they are after this step; takes the arrays over."""
        ...
