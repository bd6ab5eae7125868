"""What a training loop says to the journal: the gradient before a step, everything else after it.

keeper = StepKeeper(run, network, optimiser)        # after the loop's own state was restored
loss.backward(); clip_grad_norm_(...)
keeper.capture()
optimiser.step()
keeper.keep(step, losses, rows, learning_rate)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from models.backprop.layout import layout_of, names_of, unkept_tensors
from models.backprop.optimisers import facts_of, settings_of
from models.backprop.snapshots import take_snapshot
from models.backprop.tensors import array_of
from models.base import Run
from models.candle_series import IntArray
from models.step_journal import FOLLOWER, FULL, JournalRefused, JournalSlot, StepFacts


class StepKeeper:
    """Copies each step of `network` into the journal of `run`.

    `followers` maps tensors that are copies (of a target network) to those they are copied from, both by
    their name in `network.state_dict()`; a step that copies says `synced`. Raises JournalRefused.
    """

    def __init__(
        self, run: Run, network: nn.Module, optimiser: Optimizer, followers: Mapping[str, str] | None = None
    ) -> None:
        self.network, self.optimiser = network, optimiser
        self._names = names_of(network, optimiser)
        self.layout = layout_of(network, optimiser, followers or {})
        facts = facts_of(optimiser, self._names)
        self._settings = [settings_of(group) for group in optimiser.param_groups]
        by_name = dict(network.named_parameters())
        self._parameters = [by_name[spec.name] for spec in self.layout.parameters]
        self._watched = _versions(unkept_tensors(network, self.layout))
        self.journal = run.journal(self.layout, facts, self._snapshot)
        self._slot: JournalSlot | None = None

    def capture(self) -> None:
        """Copy the gradient that the optimiser is about to consume: after clipping, before its step.

        Waits for room, and raises what the writing of earlier steps met (a full disk, a newer attempt).
        """
        slot = self.journal.slot()
        start = 0
        for place, parameter in enumerate(self._parameters):
            end = start + parameter.numel()
            gradient = parameter.grad
            slot.absent[place] = gradient is None
            slot.gradient[start:end] = 0.0 if gradient is None else _flat(gradient)
            start = end
        self._slot = slot

    def keep(
        self,
        step: int,
        losses: Mapping[str, float],
        batch: IntArray,
        learning_rate: float,
        priority: float = 1.0,
        synced: bool = False,
    ) -> None:
        """Hand the step over: after the optimiser's step, and after the target was copied if it was.

        `batch` are rows of the session's dataset. Raises JournalRefused in mode full when something changed
        that is not kept (a setting of the optimiser, a frozen tensor, a buffer outside of the state), and
        RuntimeError when `capture` was not called before the step.
        """
        slot, self._slot = self._slot, None
        if slot is None:
            raise RuntimeError("StepKeeper.keep without capture: call capture before the optimiser's step")
        if self.journal.mode == FULL:
            self._check_unchanged(learning_rate, synced)
        if slot.state.size:
            self._copy_state(slot.state)
        self.journal.keep(slot, StepFacts(step, losses, batch, learning_rate, priority, synced))
        if self.journal.snapshot_due(step):
            self.journal.snapshot(step, self._snapshot())

    def _snapshot(self) -> dict[str, NDArray[Any]]:
        return take_snapshot(self.network, self.optimiser, self._names)

    def _copy_state(self, flat: NDArray[np.uint8]) -> None:
        state = self.network.state_dict()
        start = 0
        for spec in self.layout.tensors:
            end = start + spec.nbytes
            flat[start:end] = array_of(state[spec.name]).reshape(-1).view(np.uint8)
            start = end

    def _check_unchanged(self, learning_rate: float, synced: bool) -> None:
        groups = self.optimiser.param_groups
        if any(float(group["lr"]) != learning_rate for group in groups):
            raise JournalRefused(f"the optimiser did not step with the learning rate {learning_rate:g}")
        if [settings_of(group) for group in groups] != self._settings:
            raise JournalRefused("a setting of the optimiser changed between two steps; only its rate may")
        now = unkept_tensors(self.network, self.layout)
        versions = _versions(now)
        if versions == self._watched:
            return
        followers = {spec.name: spec.follows for spec in self.layout.tensors if spec.kind == FOLLOWER}
        for name in versions.keys() | self._watched.keys():
            if versions.get(name) != self._watched.get(name) and not (synced and name in followers):
                raise JournalRefused(f"{name} changed in a step, and such a change is not kept")
        self._watched = versions
        state = self.network.state_dict()
        for name, source in followers.items():
            if synced and not torch.equal(state[name], state[source]):
                raise JournalRefused(f"{name} is no copy of {source} after a step that says it was copied")


def _versions(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, int]]:
    """What tells a tensor that nobody wrote to: its identity and torch's count of the writes to it."""
    return {name: (id(tensor), int(tensor._version)) for name, tensor in tensors.items()}


def flat_gradient(parameters: Iterable[Tensor]) -> NDArray[np.float32]:
    """The gradients that lie on `parameters`, in one vector; zeros where there is none."""
    parts = [
        np.zeros(each.numel(), np.float32) if each.grad is None else _flat(each.grad) for each in parameters
    ]
    return np.concatenate(parts)


def _flat(gradient: Tensor) -> NDArray[np.float32]:
    if gradient.dtype is not torch.float32 or gradient.device.type != "cpu":
        gradient = gradient.to(torch.float32).cpu()
    flat: NDArray[np.float32] = gradient.detach().numpy().reshape(-1)
    return flat
