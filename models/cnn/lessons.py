"""A close teaches the CNN a class: was there a turning point in the direction that would have paid?

    target = the pivot that agrees with the profitable side, none for a move within its costs
    loss = cross-entropy x (share of the decision) x min(1, |net| / cost)

Distance and confidence learn nothing from a close: it says which way was right, not how far it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.base import Dataset, Run
from models.candle_series import IntArray
from models.cnn.gradients import StepGradients
from models.cnn.model import CnnModel
from models.cnn.params import CnnParams
from models.cnn.pivots import HIGH, LOW, NONE
from models.device import probe_device
from models.lessons.rows import lesson_count
from models.lessons.teaching import LESSON_RATE, Taken, teach
from models.setup_rows import BUY


def class_target(action: int, net_return: float, move_weight: float) -> int:
    """LOW where a buy paid or a sell lost, HIGH the other way, NONE where the move was within its costs.

    `move_weight` is min(1, |net return| / cost).
    """
    if move_weight < 1.0:
        return NONE
    up = (action == BUY) == (net_return > 0.0)
    return LOW if up else HIGH


def taught(dataset: Dataset, train: IntArray, params: CnnParams, run: Run) -> CnnModel:
    """The network of the dataset after its closes; raises Diverged and Stopped."""
    teacher = CnnTeacher(dataset, train, params, run.seed)
    words = teach(run, teacher, lesson_count(dataset))
    return CnnModel(params, teacher.network, convergence=words)


class CnnTeacher:
    """Takes the steps with AdamW, at a tenth of the largest rate of a training from scratch."""

    followers: Mapping[str, str] = {}

    def __init__(self, dataset: Dataset, train: IntArray, params: CnnParams, seed: int) -> None:
        device = probe_device(params.device).torch_name
        self._gradients = StepGradients(dataset, train, params, seed, device)
        self.network: nn.Module = self._gradients.network
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            lr=params.learning_rate * LESSON_RATE,
            weight_decay=params.weight_decay,
            foreach=True,
        )

    def take(self, step: int) -> Taken:
        """The gradient of a step and its loss in parts."""
        found = self._gradients.forward(step)
        losses = found.loss.scalars()
        return Taken(losses, found.rows, self._gradients.backward(found))

    def apply(self, step: int) -> None:
        """Steps with the gradient that was taken."""
        self.optimiser.step()
