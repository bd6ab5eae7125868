"""The loop of a session of lessons: one step a close, each of them journalled.

There is no validation on the way and nothing is put back: what a close taught stays, and whether the version
that comes of it may decide is judged in the end. Sessions take seconds, so they leave no checkpoints: one
that was killed begins again with the weights that its dataset pins, and computes the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import nn
from torch.optim import Optimizer

from models.backprop.keeper import StepKeeper
from models.base import Run
from models.candle_series import IntArray
from models.errors import Diverged, Stopped

LESSON_RATE = 0.1
"""Of the largest learning rate of the training from scratch: a lesson changes little."""


@dataclass(frozen=True)
class Taken:
    """A gradient that lies on the parameters: loss and its parts, rows of the batch, norm before clipping."""

    losses: Mapping[str, float]
    rows: IntArray
    norm: float


class Teacher(Protocol):
    """What takes the steps: `followers` are tensors of the network that are copies of others."""

    @property
    def network(self) -> nn.Module: ...
    @property
    def optimiser(self) -> Optimizer: ...
    @property
    def followers(self) -> Mapping[str, str]: ...

    def take(self, step: int) -> Taken:
        """Leaves the clipped gradient of a step on the parameters."""
        ...

    def apply(self, step: int) -> None:
        """Steps with it."""
        ...


def teach(run: Run, teacher: Teacher, steps: int) -> str:
    """Take `steps` steps; returns in words how it went. Raises Diverged and Stopped."""
    keeper = StepKeeper(run, teacher.network, teacher.optimiser, teacher.followers)
    for step in range(1, steps + 1):
        if run.stop_requested:
            raise Stopped(step - 1)
        taken = teacher.take(step)
        run.log(step, **taken.losses, **{"gradient_norm/total": taken.norm})
        loss = taken.losses["losses/total"]
        if not (math.isfinite(loss) and math.isfinite(taken.norm)):
            raise Diverged(step, f"the loss is {loss}, the gradient's norm {taken.norm}")
        keeper.capture()
        teacher.apply(step)
        rate = float(teacher.optimiser.param_groups[0]["lr"])
        keeper.keep(step, taken.losses, taken.rows, rate)
        run.progress(step, steps, f"close {step:,} of {steps:,}")
    return f"taught {steps:,} closes, one step each among rows drawn evenly; priorities count in trainings"
