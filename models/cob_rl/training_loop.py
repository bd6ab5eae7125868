"""COB RL's training loop: steps, validation on the inner slice, checkpoints, the journal of every step."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.backprop.keeper import StepKeeper
from models.backprop.snapshots import weights_of
from models.base import CheckpointState, Dataset, Run
from models.candle_series import IntArray
from models.cob_rl.learner import Learner, StepOutcome
from models.cob_rl.network import BookTransformer
from models.cob_rl.params import CobRlParams
from models.convergence import Convergence, judge
from models.digest import weights_digest
from models.errors import Diverged, Stopped
from models.step_journal import FULL, JournalRefused


@dataclass
class LoopState:
    """What changes from step to step beside weights and optimiser."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    best: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def convergence(self) -> Convergence:
        return judge(self.losses)


class TrainingLoop:
    """Trains on `train` rows and watches the reward of the policy on `inner` rows."""

    def __init__(
        self,
        dataset: Dataset,
        train: IntArray,
        inner: IntArray,
        params: CobRlParams,
        run: Run,
        device: str = "cpu",
    ) -> None:
        self.params, self.run, self.dataset = params, run, dataset
        self.learner = Learner(dataset, train, params, run.seed, device)
        self.network: BookTransformer = self.learner.network
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
        keeper = StepKeeper(self.run, self.network, self.learner.optimiser)
        self._refuse_whole_gradients(keeper.journal.mode)
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

    def _refuse_whole_gradients(self, mode: str) -> None:
        # A gradient of a billion parameters is 4 GB: the second step would cost more than all other journals.
        if mode == FULL and self.params.shape.recompute:
            raise JournalRefused(
                f"the steps of size {self.params.size} are kept as digests only: "
                "set journal.mode to auto or digest"
            )

    def _step(self, step: int, keeper: StepKeeper) -> None:
        outcome = self.learner.take_gradient(step)
        self.run.log(step, **outcome.losses, **{"charts/mean_reward": outcome.reward})
        keeper.capture()
        rate = self.learner.apply(step)
        keeper.keep(step, outcome.losses, outcome.rows, rate, self.learner.batches.priority(outcome.rows))
        self.state.step = step
        if step % 10 == 0:
            self._log_pace(step, rate, outcome)
        if step % self.params.evaluate_every == 0 or step == self.params.steps:
            self._evaluate(step)

    def _evaluate(self, step: int) -> None:
        """What the policy would earn on the inner slice, on average; the best weights so far are kept."""
        probability = self.learner.probabilities(self.inner)
        reward = self.dataset.arrays["reward"][self.inner]
        earned = float((probability * reward).sum(axis=1).mean())
        # One minus the reward: a loss close to 0 would make every change of it look large.
        loss = 1.0 - earned
        self.run.log(step, **{"validation/loss": loss, "validation/mean_reward": earned})
        if not math.isfinite(loss):
            raise Diverged(step, f"the validation loss is {loss}")
        self.state.losses.append(loss)
        convergence = self.state.convergence
        if convergence.word == "diverging":
            raise Diverged(step, f"the validation loss is {loss:.4g}, its best was {convergence.best:.4g}")
        if convergence.best_index == len(self.state.losses) - 1:
            self.state.best = weights_of(self.network)

    def _patience_spent(self) -> bool:
        return bool(self.state.losses) and self.state.convergence.patience_spent() >= self.params.patience

    def _message(self) -> str:
        return self.state.convergence.words if self.state.losses else "warming up"

    def _log_pace(self, step: int, rate: float, outcome: StepOutcome) -> None:
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        scalars = {"charts/learning_rate": rate, "gradient_norm/total": outcome.norm}
        if seconds > 0:
            scalars["charts/steps_per_second"] = 10.0 / seconds
        self.run.log(step, **scalars)

    def _checkpoint(self) -> CheckpointState:
        weights = weights_of(self.network)
        arrays: dict[str, NDArray[Any]] = {f"weights/{name}": value for name, value in weights.items()}
        arrays |= {f"best/{name}": value for name, value in self.state.best.items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.learner.optimiser.state[parameter].items():
                arrays[f"adam/{name}/{key}"] = value.detach().cpu().numpy().copy()
        return CheckpointState(
            self.state.step, arrays, {"losses": list(self.state.losses)}, weights_digest(weights)
        )

    def _restore(self, saved: CheckpointState) -> None:
        load_weights(self.network, part_of(saved.arrays, "weights/"))
        for name, parameter in self.network.named_parameters():
            moments = part_of(saved.arrays, f"adam/{name}/")
            # The step count of Adam lives on the CPU, its moments beside the parameter.
            self.learner.optimiser.state[parameter] = {
                key: torch.from_numpy(value.copy()).to("cpu" if key == "step" else self.learner.device)
                for key, value in moments.items()
            }
        self.state = LoopState(saved.step, list(saved.counters["losses"]), part_of(saved.arrays, "best/"))


def part_of(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose name starts with `prefix`, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def load_weights(network: BookTransformer, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Put weights into a network; names and shapes must be exactly its own."""
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
