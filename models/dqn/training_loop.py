"""The DQN's training loop: steps, validation on the inner slice, checkpoints, the journal of every step."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn
from torch.optim import Optimizer

from models.backprop.keeper import StepKeeper
from models.backprop.snapshots import WEIGHTS, weights_of
from models.base import CheckpointState, Dataset, Run
from models.candle_series import IntArray
from models.convergence import Convergence, judge
from models.digest import weights_digest
from models.dqn.batches import steps_of
from models.dqn.learner import Learner, StepOutcome, part_of
from models.dqn.network import load_weights
from models.dqn.params import DqnParams
from models.dqn.policy import choose_margin, earned, greedy, judged_setups
from models.errors import Diverged, Stopped

BEST = "best/"


@dataclass
class LoopState:
    """What changes from step to step beside the learner."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    best: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    convergence: Convergence = field(init=False)

    def __post_init__(self) -> None:
        self.convergence = judge(self.losses)

    def evaluated(self, loss: float) -> None:
        """Take in the loss of one more validation."""
        self.losses.append(loss)
        self.convergence = judge(self.losses)


class StepTaker(Protocol):
    """What takes the steps: ours is `models.dqn.learner.Learner`, see there.

    `network` is everything that has weights, `followers` the names of its tensors that are copies.
    """

    @property
    def network(self) -> nn.Module: ...
    @property
    def optimiser(self) -> Optimizer: ...
    @property
    def followers(self) -> Mapping[str, str]: ...

    def values(self, states: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def take_gradient(self, step: int) -> StepOutcome: ...
    def apply(self, step: int) -> bool: ...
    def state(self) -> dict[str, NDArray[Any]]: ...
    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None: ...


class TrainingLoop:
    """Trains on `train` rows and watches what the greedy policy earns on `inner` rows."""

    def __init__(
        self,
        dataset: Dataset,
        train: IntArray,
        inner: IntArray,
        params: DqnParams,
        run: Run,
        learner: StepTaker | None = None,
    ) -> None:
        self.params, self.run = params, run
        self.learner = learner or Learner(dataset, train, params, run.seed)
        self.network = self.learner.network
        self.steps = steps_of(len(train), params)
        self.judged = judged_setups(dataset, inner)
        self._judged_states = dataset.arrays["series_state"][self.judged.setup]
        self.state = LoopState()
        self._since = time.monotonic()

    def fit(self) -> LoopState:
        """Steps until the last one or until patience is spent; the best weights seen are put back.

        Raises Diverged for a loss or gradient that is not finite, Stopped when the run asks for it.
        """
        resumed = self.run.resume_state()
        if resumed is not None:
            self.learner.restore(resumed.arrays)
            best = part_of(resumed.arrays, BEST)
            self.state = LoopState(resumed.step, list(resumed.counters["losses"]), best)
        keeper = StepKeeper(self.run, self.network, self.learner.optimiser, self.learner.followers)
        while self.state.step < self.steps and not self._patience_spent():
            self._step(self.state.step + 1, keeper)
            self.run.progress(self.state.step, self.steps, self._message())
            if self.run.stop_requested:
                self.run.checkpoint(self._checkpoint, now=True)
                raise Stopped(self.state.step)
            self.run.checkpoint(self._checkpoint)
        if self.state.best:
            load_weights(self.network, self.state.best)
        return self.state

    def learn(self) -> tuple[float, str]:
        """`fit`, then the margin that trades have to beat, and how it ended in words."""
        state = self.fit()
        margin = choose_margin(self.judged, self.learner.values(self._judged_states))
        trades = "holds always" if math.isinf(margin) else f"trades from a gain of {margin:.4f} on"
        return margin, f"{state.convergence.words}; {state.step:,} of {self.steps:,} steps; {trades}"

    def _step(self, step: int, keeper: StepKeeper) -> None:
        outcome = self.learner.take_gradient(step)
        losses = {"losses/total": outcome.loss, **outcome.parts}
        if not (math.isfinite(outcome.loss) and math.isfinite(outcome.norm)):
            self.run.log(step, **losses)
            raise Diverged(step, f"the loss is {outcome.loss}, the gradient's norm {outcome.norm}")
        keeper.capture()
        synced = self.learner.apply(step)
        rate = float(self.learner.optimiser.param_groups[0]["lr"])
        keeper.keep(step, losses, outcome.rows, rate, outcome.priority, synced)
        self.state.step = step
        if step % 10 == 0 or step == 1:
            self._log(step, losses, outcome)
        if step % self.params.evaluate_every == 0 or step == self.steps:
            self._evaluate(step)

    def _evaluate(self, step: int) -> None:
        """What the policy earns on the inner slice, on average; the best weights so far are kept."""
        values = self.learner.values(self._judged_states)
        policies = {"mean_reward": choose_margin(self.judged, values), "mean_reward_without_margin": 0.0}
        scalars = {
            f"validation/{name}": float(earned(self.judged, greedy(values, margin)).mean())
            for name, margin in policies.items()
            if len(values)
        }
        # One minus the reward: a loss close to 0 would make every change of it look large.
        loss = 1.0 - scalars.get("validation/mean_reward", 0.0)
        self.run.log(step, **scalars, **{"validation/loss": loss})
        if not math.isfinite(loss) or not np.isfinite(values).all():
            raise Diverged(step, "the values of actions are not finite")
        self.state.evaluated(loss)
        if self.state.convergence.best_index == len(self.state.losses) - 1:
            self.state.best = weights_of(self.network)

    def _patience_spent(self) -> bool:
        return bool(self.state.losses) and self.state.convergence.patience_spent() >= self.params.patience

    def _message(self) -> str:
        return self.state.convergence.words if self.state.losses else "warming up"

    def _log(self, step: int, losses: dict[str, float], outcome: StepOutcome) -> None:
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        scalars = {
            **losses,
            "gradient_norm/total": outcome.norm,
            "charts/td_error": outcome.error,
            "charts/priority": outcome.priority,
        }
        if seconds > 0 and step > 1:
            scalars["charts/steps_per_second"] = 10.0 / seconds
        self.run.log(step, **scalars)

    def _checkpoint(self) -> CheckpointState:
        arrays = self.learner.state()
        digest = weights_digest(part_of(arrays, WEIGHTS))
        arrays |= {BEST + name: value for name, value in self.state.best.items()}
        return CheckpointState(self.state.step, arrays, {"losses": list(self.state.losses)}, digest)
