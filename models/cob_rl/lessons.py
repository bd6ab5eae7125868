"""A close teaches COB RL by actor-critic: its action in the book of the entry, and what that earned.

    w (-log pi(a|s) (R - V) + 0.5 (R - V)^2 - 0.01 entropy), R - V a number in the first term

w is the share of the decision x the weight of small moves. The rest of each batch are snapshots from memory,
on which the policy acts as it does in training.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.base import Dataset, Run
from models.candle_series import IntArray
from models.cob_rl.learner import Learner
from models.cob_rl.model import CobRlModel
from models.cob_rl.params import CobRlParams
from models.device import probe_device
from models.lessons.rows import lesson_count
from models.lessons.teaching import LESSON_RATE, Taken, teach


def taught(dataset: Dataset, train: IntArray, params: CobRlParams, run: Run) -> CobRlModel:
    """The network of the dataset after its closes; raises Diverged and Stopped."""
    teacher = CobRlTeacher(dataset, train, params, run.seed)
    words = teach(run, teacher, lesson_count(dataset))
    step_ms = int(dataset.constants["step_ms"])
    return CobRlModel(params, teacher.learner.network, teacher.learner.scale, step_ms, convergence=words)


class CobRlTeacher:
    """Takes the steps with AdamW, at a tenth of the largest rate of a training from scratch."""

    followers: Mapping[str, str] = {}

    def __init__(self, dataset: Dataset, train: IntArray, params: CobRlParams, seed: int) -> None:
        device = probe_device(params.device).torch_name
        self.learner = Learner(dataset, train, params, seed, device)
        self.network: nn.Module = self.learner.network
        self.optimiser: torch.optim.Optimizer = self.learner.optimiser
        for group in self.optimiser.param_groups:
            group["lr"] = params.learning_rate * LESSON_RATE

    def take(self, step: int) -> Taken:
        """The gradient of a step and its loss in parts."""
        outcome = self.learner.take_gradient(step)
        return Taken(outcome.losses, outcome.rows, outcome.norm)

    def apply(self, step: int) -> None:
        """Steps with the gradient that was taken."""
        self.optimiser.step()
