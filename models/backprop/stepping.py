"""Stepping to the same weights again: bare tensors, the optimiser of that time, and the stored gradients.

No class of the network is needed, and no forward or backward pass is made, which is what makes this several
times faster than training.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer

from models.backprop.optimisers import KNOWN
from models.backprop.snapshots import OPTIMISER, WEIGHTS
from models.backprop.tensors import array_of, tensor_of
from models.digest import weights_digest
from models.step_journal import FOLLOWER, TIED, JournalLayout, JournalRefused, OptimiserFacts


class ShapesDiffer(JournalRefused):
    """Weights that are not those of the network whose steps were kept."""


class Stepper:
    """Weights and optimiser as a snapshot has them, to be stepped with what the journal holds.

    `snapshot` is what `take_snapshot` made. Raises ShapesDiffer, and JournalRefused for an optimiser that is
    not known here.
    """

    def __init__(
        self,
        layout: JournalLayout,
        optimiser: OptimiserFacts,
        snapshot: Mapping[str, NDArray[Any]],
        device: str = "cpu",
    ) -> None:
        self.layout = layout
        check_shapes(layout, {name: snapshot[WEIGHTS + name] for name in _names(snapshot)})
        self._tensors: dict[str, Tensor] = {}
        for spec in layout.tensors:
            if spec.kind == TIED:
                self._tensors[spec.name] = self._tensors[spec.follows]
            else:
                self._tensors[spec.name] = tensor_of(snapshot[WEIGHTS + spec.name]).to(device)
        self._parameters = [self._tensors[spec.name].requires_grad_() for spec in layout.parameters]
        self._gradient = torch.zeros(layout.gradient_size, device=device)
        pieces = self._gradient.split([spec.size for spec in layout.parameters])
        self._pieces = [piece.view(spec.shape) for piece, spec in zip(pieces, layout.parameters, strict=True)]
        self._followers = [(spec.name, spec.follows) for spec in layout.tensors if spec.kind == FOLLOWER]
        self._device = device
        self._optimiser = self._optimiser_as_it_was(optimiser, snapshot)

    def apply(
        self,
        gradient: NDArray[np.float32],
        absent: NDArray[np.bool_],
        learning_rate: float,
        buffers: Mapping[str, NDArray[Any]],
        synced: bool,
    ) -> None:
        """One step: gradient (P,), absent (parameters,), buffers after it, whether followers were copied."""
        if self._gradient.device.type == "cpu":
            np.copyto(self._gradient.numpy(), gradient)
        else:
            self._gradient.copy_(tensor_of(gradient))
        for parameter, piece, missing in zip(self._parameters, self._pieces, absent.tolist(), strict=True):
            parameter.grad = None if missing else piece
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
        self._optimiser.step()
        with torch.no_grad():
            for name, values in buffers.items():
                self._tensors[name].copy_(tensor_of(values))
            if synced:
                for name, source in self._followers:
                    self._tensors[name].copy_(self._tensors[source])

    def weights(self) -> dict[str, NDArray[Any]]:
        """The whole state as it is now; views where the tensors lie on the CPU, valid until the next step."""
        arrays = {spec.name: array_of(self._tensors[spec.name]) for spec in self.layout.tensors}
        # The bits of a bfloat16 are stepped as int16 and known as uint16.
        return {spec.name: arrays[spec.name].view(np.dtype(spec.dtype)) for spec in self.layout.tensors}

    def digest(self) -> str:
        """The digest of the whole state, as training records it."""
        return weights_digest(self.weights())

    def _optimiser_as_it_was(self, facts: OptimiserFacts, snapshot: Mapping[str, NDArray[Any]]) -> Optimizer:
        if facts.name not in KNOWN:
            raise JournalRefused(
                f"steps of {facts.name} cannot be made again; those of {', '.join(KNOWN)} can"
            )
        groups = []
        for group in facts.settings["groups"]:
            settings = {key: tuple(value) if key == "betas" else value for key, value in group.items()}
            parameters = [self._tensors[name] for name in settings.pop("parameters")]
            # Only this implementation is ever stepped here; another one's steps are not comparable.
            groups.append({**settings, "params": parameters, "foreach": True, "fused": None})
        optimiser = KNOWN[facts.name](groups, lr=0.0)
        for spec, parameter in zip(self.layout.parameters, self._parameters, strict=True):
            prefix = f"{OPTIMISER}{spec.name}/"
            state = {
                name.removeprefix(prefix): tensor_of(array)
                for name, array in snapshot.items()
                if name.startswith(prefix)
            }
            if state:
                # The step count of Adam lives on the CPU, its moments beside the parameter.
                optimiser.state[parameter] = {
                    key: value if key == "step" else value.to(self._device) for key, value in state.items()
                }
        return optimiser


def check_shapes(layout: JournalLayout, weights: Mapping[str, NDArray[Any]]) -> None:
    """Raises ShapesDiffer unless `weights` are tensors of this layout, all of them and no others."""
    wanted = {spec.name: (spec.shape, spec.dtype) for spec in layout.tensors}
    found = {name: (array.shape, array.dtype.name) for name, array in weights.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            mine, theirs = _words(wanted.get(name)), _words(found.get(name))
            raise ShapesDiffer(f"{name}: the journal has {mine} and these weights {theirs}")


def _words(kind: tuple[tuple[int, ...], str] | None) -> str:
    return "none" if kind is None else f"{kind[1]} {list(kind[0])}"


def _names(snapshot: Mapping[str, NDArray[Any]]) -> list[str]:
    return [name.removeprefix(WEIGHTS) for name in snapshot if name.startswith(WEIGHTS)]
