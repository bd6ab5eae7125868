"""The gradient of one step of the CNN: rows, dropout and loss as functions of (seed, step) alone.

Training and recomputing both take it from here, so what was recorded can be computed again to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.base import Dataset
from models.candle_series import IntArray
from models.cnn.batches import batches_of
from models.cnn.loss import PivotLoss, balanced_weights, pivot_loss
from models.cnn.network import dropout_mask, new_network
from models.cnn.params import CnnParams
from models.cnn.pivots import LABELS
from models.cnn.windows import cut_windows
from models.lessons.rows import POSITION, base_weights, is_lesson


@dataclass(frozen=True)
class Batch:
    """Rows as tensors: windows (scales, n, channels, window), label (n,), distance in deviations (n,).

    `weight` is the importance weight of each, (n,); None where all count the same. `measured` (n,) is 0 for
    a row of which only the class is known.
    """

    windows: Tensor
    label: Tensor
    distance: Tensor
    weight: Tensor | None = None
    measured: Tensor | None = None


@dataclass(frozen=True)
class StepLoss:
    """The loss of a step before its backward pass, and the rows it is of."""

    loss: PivotLoss
    rows: IntArray
    priority: float


class StepGradients:
    """A network, and the gradient of any step of its training on the `train` rows of a dataset.

    The network is ours, with first weights from `seed`, or one that the caller brings.
    """

    def __init__(
        self,
        dataset: Dataset,
        train: IntArray,
        params: CnnParams,
        seed: int,
        device: str = "cpu",
        network: nn.Module | None = None,
    ) -> None:
        self._dataset, self._params, self._seed, self._device = dataset, params, seed, device
        made = new_network(params.channels, params.hidden, seed) if network is None else network
        if is_lesson(dataset):
            weights = base_weights(dataset)
            made.load_state_dict({name: torch.from_numpy(np.array(each)) for name, each in weights.items()})
        self.network: nn.Module = made.to(device)
        self._begin_step: Callable[[int, int], None] | None = getattr(made, "begin_step", None)
        self._batches = batches_of(dataset, train, params.batch_size, params.steps, seed)
        self._class_weights = balanced_weights(torch.from_numpy(dataset.label[train]), len(LABELS)).to(device)

    def forward(self, step: int) -> StepLoss:
        """The loss of the rows of `step`, with its dropout."""
        rows = self._batches.rows(step)
        weights = self._batches.weights(rows, step)
        batch = load_batch(self._dataset, rows, self._params, self._device, weights)
        generator = step_generator(self._seed, step)
        mask = dropout_mask(len(rows), self._params.hidden, self._params.dropout, generator)
        self.network.train()
        if self._begin_step is not None:
            self._begin_step(self._seed, step)
        loss = self.loss_of(batch, None if mask is None else mask.to(self._device))
        return StepLoss(loss, rows, self._batches.priority(rows))

    def backward(self, found: StepLoss) -> float:
        """Leaves the clipped gradient on the parameters; returns its norm before that."""
        for parameter in self.network.parameters():
            parameter.grad = None
        found.loss.total.backward()
        clip = self._params.gradient_clip
        return float(torch.nn.utils.clip_grad_norm_(self.network.parameters(), clip, foreach=True))

    def loss_of(self, batch: Batch, mask: Tensor | None) -> PivotLoss:
        """The loss of the network as it is now."""
        logits, distance, trust = self.network(batch.windows, mask)
        return pivot_loss(
            logits,
            distance,
            trust,
            batch.label,
            batch.distance,
            self._class_weights,
            batch.weight,
            batch.measured,
        )


def load_batch(
    dataset: Dataset,
    rows: IntArray,
    params: CnnParams,
    device: str,
    weights: NDArray[np.float32] | None = None,
) -> Batch:
    """The rows as the network sees them; a true distance is kept within 10 deviations."""
    windows, deviation = cut_windows(dataset.arrays, rows, params.window_bars)
    unit = deviation * math.sqrt(params.pivot_bars)
    distance = np.clip(np.nan_to_num(dataset.arrays["distance"][rows] / unit), -10.0, 10.0)
    return Batch(
        torch.from_numpy(windows).to(device),
        torch.from_numpy(dataset.label[rows]).to(device),
        torch.from_numpy(distance.astype(np.float32)).to(device),
        None if weights is None else torch.from_numpy(weights).to(device),
        torch.from_numpy(dataset.arrays[POSITION][rows] == 0).to(device) if is_lesson(dataset) else None,
    )


def step_generator(seed: int, step: int) -> torch.Generator:
    """A generator of the step's own, for masks."""
    mixed = np.random.SeedSequence([seed, step, 1]).generate_state(1, dtype=np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) >> 1)
