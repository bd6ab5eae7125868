"""A close teaches the DQN what its entry was worth: it ends its episode, so y = R.

    loss = mean_i w_i huber(Q(s_i, a_i) - y_i), w the share of the decision x the weight of small moves

The weight scales the loss of the close and never its reward. State and action are those of the entry. The
rest of each batch are experiences from memory; the target network is what the session begins with.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.optim import Optimizer

from models.base import Dataset, Run
from models.dqn.learner import Learner
from models.dqn.model import DqnModel
from models.dqn.params import DqnParams
from models.dqn.policy import choose_margin, judged_setups
from models.lessons.rows import lesson_count
from models.lessons.teaching import Taken, teach
from models.validation.folds import Fold


def taught(dataset: Dataset, early: Fold, params: DqnParams, run: Run) -> DqnModel:
    """The networks of the dataset after its closes; raises Diverged and Stopped."""
    teacher = DqnTeacher(Learner(dataset, early.train, params, run.seed))
    words = teach(run, teacher, lesson_count(dataset))
    judged = judged_setups(dataset, early.test)
    values = teacher.learner.values(dataset.arrays["series_state"][judged.setup])
    margin = choose_margin(judged, values)
    return DqnModel(params, teacher.learner.network, dataset.feature_names, margin, convergence=words)


class DqnTeacher:
    """Takes the steps of a learner whose batches begin with a close."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    @property
    def network(self) -> nn.Module:
        return self.learner.network

    @property
    def optimiser(self) -> Optimizer:
        return self.learner.optimiser

    @property
    def followers(self) -> Mapping[str, str]:
        return self.learner.followers

    def take(self, step: int) -> Taken:
        """The gradient of a step and its loss."""
        outcome = self.learner.take_gradient(step)
        losses = {"losses/total": outcome.loss, **outcome.parts}
        return Taken(losses, outcome.rows, outcome.norm)

    def apply(self, step: int) -> None:
        """Steps with the gradient that was taken; the target stays."""
        self.learner.apply(step)
