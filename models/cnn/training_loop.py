"""The CNN's training loop: AdamW, one function of (seed, step) for all randomness, resumable anywhere.

No gradient depends on a generator that remembers (see `models.cnn.gradients`). A loop that was killed and
goes on from its last checkpoint therefore computes the same weights, bit for bit, as one that never stopped,
given the same number of threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.backprop.keeper import StepKeeper
from models.backprop.snapshots import weights_of
from models.base import CheckpointState, Dataset, Run
from models.candle_series import IntArray
from models.cnn.gradients import StepGradients, load_batch
from models.cnn.params import CnnParams
from models.convergence import Convergence, judge
from models.digest import weights_digest
from models.errors import Diverged, Stopped

WARM_UP_SHARE = 0.05


@dataclass
class LoopState:
    """What changes from step to step beside weights and optimiser."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    best: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def convergence(self) -> Convergence:
        return judge(self.losses)


def learning_rate(step: int, params: CnnParams) -> float:
    """A linear rise over the first 5 % of the steps, then a cosine to zero (Loshchilov and Hutter 2017)."""
    warm_up = max(1, round(params.steps * WARM_UP_SHARE))
    if step <= warm_up:
        return params.learning_rate * step / warm_up
    done = (step - warm_up) / max(1, params.steps - warm_up)
    return params.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


class TrainingLoop:
    """Trains a network on `train` rows and watches its loss on `inner` rows."""

    def __init__(
        self,
        dataset: Dataset,
        train: IntArray,
        inner: IntArray,
        params: CnnParams,
        run: Run,
        device: str = "cpu",
        network: nn.Module | None = None,
    ) -> None:
        self.dataset, self.params, self.run, self.device = dataset, params, run, device
        self.gradients = StepGradients(dataset, train, params, run.seed, device, network)
        self.network: nn.Module = self.gradients.network
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, foreach=True
        )
        every = max(1, len(inner) // params.evaluate_rows)
        self.inner = inner[::every][: params.evaluate_rows]
        self.state = LoopState()
        self._since = time.monotonic()

    def fit(self) -> LoopState:
        """Steps until the last one or until patience is spent; the best weights seen are put back.

        Raises Diverged for a loss or gradient that is not finite, Stopped when the run asks for it.
        """
        resumed = self.run.resume_state()
        if resumed is not None:
            self._restore(resumed)
        keeper = StepKeeper(self.run, self.network, self.optimiser)
        while self.state.step < self.params.steps and not self._patience_spent():
            self._step(self.state.step + 1, keeper)
            self.run.progress(self.state.step, self.params.steps, self._message())
            if self.run.stop_requested:
                self.run.checkpoint(self._checkpoint, now=True)
                raise Stopped(self.state.step)
            self.run.checkpoint(self._checkpoint)
        if self.state.best:
            load_weights(self.network, self.state.best)
        return self.state

    def _step(self, step: int, keeper: StepKeeper) -> None:
        found = self.gradients.forward(step)
        scalars = found.loss.scalars()
        self.run.log(step, **scalars)
        if not math.isfinite(scalars["losses/total"]):
            raise Diverged(step, f"the loss is {scalars['losses/total']}")
        norm = self.gradients.backward(found)
        if not math.isfinite(norm):
            self.run.log(step, **{"gradient_norm/total": norm})
            raise Diverged(step, f"the gradient's norm is {norm}")
        rate = learning_rate(step, self.params)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        keeper.capture()
        self.optimiser.step()
        keeper.keep(step, scalars, found.rows, rate, found.priority)
        self.state.step = step
        if step % 10 == 0:
            self._log_pace(step, rate, norm)
        if step % self.params.evaluate_every == 0 or step == self.params.steps:
            self._evaluate(step)

    def _evaluate(self, step: int) -> None:
        """Loss on the inner slice; the best weights so far are kept."""
        self.network.eval()
        with torch.no_grad():
            batch = load_batch(self.dataset, self.inner, self.params, self.device)
            loss = self.gradients.loss_of(batch, None)
        total = loss.scalars()["losses/total"]
        self.run.log(step, **{"validation/loss": total})
        if not math.isfinite(total):
            raise Diverged(step, f"the validation loss is {total}")
        self.state.losses.append(total)
        convergence = self.state.convergence
        if convergence.word == "diverging":
            raise Diverged(step, f"the validation loss is {total:.4g}, its best was {convergence.best:.4g}")
        if convergence.best_index == len(self.state.losses) - 1:
            self.state.best = weights_of(self.network)

    def _patience_spent(self) -> bool:
        return bool(self.state.losses) and self.state.convergence.patience_spent() >= self.params.patience

    def _message(self) -> str:
        return self.state.convergence.words if self.state.losses else "warming up"

    def _log_pace(self, step: int, rate: float, norm: float) -> None:
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        scalars = {"charts/learning_rate": rate, "gradient_norm/total": norm}
        if seconds > 0:
            scalars["charts/steps_per_second"] = 10.0 / seconds
        self.run.log(step, **scalars)

    def _checkpoint(self) -> CheckpointState:
        weights = weights_of(self.network)
        arrays: dict[str, NDArray[Any]] = {f"weights/{name}": value for name, value in weights.items()}
        arrays |= {f"best/{name}": value for name, value in self.state.best.items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimiser.state[parameter].items():
                arrays[f"adam/{name}/{key}"] = value.detach().cpu().numpy().copy()
        return CheckpointState(
            self.state.step, arrays, {"losses": list(self.state.losses)}, weights_digest(weights)
        )

    def _restore(self, saved: CheckpointState) -> None:
        load_weights(self.network, part_of(saved.arrays, "weights/"))
        for name, parameter in self.network.named_parameters():
            moments = part_of(saved.arrays, f"adam/{name}/")
            # The step count of Adam lives on the CPU, its moments beside the parameter.
            self.optimiser.state[parameter] = {
                key: torch.from_numpy(value.copy()).to("cpu" if key == "step" else self.device)
                for key, value in moments.items()
            }
        self.state = LoopState(saved.step, list(saved.counters["losses"]), part_of(saved.arrays, "best/"))


def part_of(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose name starts with `prefix`, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def load_weights(network: nn.Module, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Put weights into a network; names and shapes must be exactly its own."""
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
