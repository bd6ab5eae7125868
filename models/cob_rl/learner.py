"""One step of learning: look at books, act, see the reward, and take the gradient of the actor-critic loss.

Nothing here draws from a generator that remembers: the rows of step n and the numbers that its actions are
drawn with are functions of (seed, n). A step is a function of (weights, seed, n), which is what lets a killed
session go on with the same bits, and a recorded step be computed again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.base import Dataset
from models.candle_series import FloatArray, IntArray
from models.cnn.batches import batches_of
from models.cob_rl.loss import ActorCriticLoss, actor_critic_loss, draw_actions
from models.cob_rl.network import BookTransformer, new_network
from models.cob_rl.params import CobRlParams
from models.cob_rl.snapshots import FeatureScale, fit_scale, window_positions
from models.errors import Diverged
from models.lessons.rows import base_weights, is_lesson

CHUNK = 1_024
WARM_UP_SHARE = 0.05
ACTION = "close_action"
"""Of each row of a dataset with closes: what was done, -1 for an ordinary row."""

SCALE = ("scale.mean", "scale.deviation")
"""The scale of the features among the weights that lessons begin with."""


@dataclass(frozen=True)
class StepOutcome:
    """What a step saw: loss parts, rows of the dataset, norm before clipping, mean reward of its actions."""

    losses: Mapping[str, float]
    rows: IntArray
    norm: float
    reward: float


def learning_rate(step: int, params: CobRlParams) -> float:
    """A linear rise over the first 5 % of the steps, then a cosine to zero (Loshchilov and Hutter 2017)."""
    warm_up = max(1, round(params.steps * WARM_UP_SHARE))
    if step <= warm_up:
        return params.learning_rate * step / warm_up
    done = (step - warm_up) / max(1, params.steps - warm_up)
    return params.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


def action_numbers(count: int, seed: int, step: int) -> FloatArray:
    """Numbers in [0, 1) to draw the actions of a step with; a function of (seed, step) alone."""
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, step, 1])))
    return generator.random(count)


def answer_windows(network: BookTransformer, windows: Tensor) -> tuple[FloatArray, FloatArray]:
    """Probabilities (n, 3) and values (n,) of windows, without a gradient."""
    network.eval()
    with torch.no_grad():
        logits, value = network(windows)
        probability = torch.softmax(logits.double(), dim=1)
    return probability.cpu().numpy(), value.double().cpu().numpy()


def _scale_of(dataset: Dataset, train: IntArray, params: CobRlParams) -> FeatureScale:
    """That of the snapshots trained on; lessons keep the one that the network was trained with."""
    if is_lesson(dataset):
        known = base_weights(dataset)
        return FeatureScale(*(known[name] for name in SCALE))
    seen = np.unique(window_positions(dataset.arrays["position"][train], params.window))
    return fit_scale(dataset.arrays["series_book"][seen])


class Learner:
    """A network, its optimiser, and the books and rewards that it learns from, all on one device."""

    def __init__(
        self, dataset: Dataset, train: IntArray, params: CobRlParams, seed: int, device: str = "cpu"
    ) -> None:
        self.dataset, self.train, self.params, self.seed, self.device = dataset, train, params, seed, device
        book = dataset.arrays["series_book"]
        self.position: IntArray = dataset.arrays["position"]
        self._forced: IntArray | None = dataset.arrays[ACTION] if is_lesson(dataset) else None
        self.scale: FeatureScale = _scale_of(dataset, train, params)
        self.batches = batches_of(dataset, train, params.batch_size, params.steps, seed)
        self.book = torch.from_numpy(self.scale.apply(book)).to(device)
        made = new_network(params.shape, book.shape[1], params.window, seed)
        if is_lesson(dataset):
            weights = {name: each for name, each in base_weights(dataset).items() if name not in SCALE}
            made.load_state_dict({name: torch.from_numpy(np.array(each)) for name, each in weights.items()})
        self.network = made.to(device)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, foreach=True
        )

    def windows(self, rows: IntArray) -> Tensor:
        """(n, window, features) of rows of the dataset."""
        places = window_positions(self.position[rows], self.params.window)
        return self.book[torch.from_numpy(places).to(self.device)]

    def take_gradient(self, step: int) -> StepOutcome:
        """Leaves the clipped gradient of a step on the parameters; raises Diverged if it is not finite."""
        rows = self.batches.rows(step)
        self.network.train()
        self.optimiser.zero_grad(set_to_none=True)
        loss, reward = self._act(rows, step)
        losses = loss.scalars()
        if not math.isfinite(losses["losses/total"]):
            raise Diverged(step, f"the loss is {losses['losses/total']}")
        loss.total.backward()
        clip = self.params.gradient_clip
        norm = float(torch.nn.utils.clip_grad_norm_(self.network.parameters(), clip, foreach=True))
        if not math.isfinite(norm):
            raise Diverged(step, f"the gradient's norm is {norm}")
        return StepOutcome(losses, rows, norm, reward)

    def _act(self, rows: IntArray, step: int) -> tuple[ActorCriticLoss, float]:
        """The loss of one action a row, drawn from the policy, and the mean reward of these actions."""
        logits, value = self.network(self.windows(rows))
        probability = torch.softmax(logits.detach().double(), dim=1).cpu().numpy()
        if not np.isfinite(probability).all():
            raise Diverged(step, "the policy gives probabilities that are no numbers")
        action = draw_actions(probability, action_numbers(len(rows), self.seed, step))
        if self._forced is not None:
            # A close has its action behind it; the other rows act now.
            forced = self._forced[rows]
            action = np.where(forced >= 0, forced, action)
        reward = self.dataset.arrays["reward"][rows, action]
        weight = self.batches.weights(rows, step)
        loss = actor_critic_loss(
            logits,
            value,
            self._tensor(action),
            self._tensor(reward.astype(np.float32)),
            self._tensor(np.ones(len(rows), np.float32) if weight is None else weight),
            self.params.entropy_weight,
        )
        return loss, float(reward.mean())

    def apply(self, step: int) -> float:
        """Steps the optimiser with the gradient that is there; the learning rate of the step."""
        rate = learning_rate(step, self.params)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        return rate

    def probabilities(self, rows: IntArray) -> FloatArray:
        """The policy at rows of the dataset, (n, 3), in chunks so that memory stays small."""
        parts = [
            answer_windows(self.network, self.windows(rows[start : start + CHUNK]))[0]
            for start in range(0, len(rows), CHUNK)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 3))

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
