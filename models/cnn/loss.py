"""The three parts of the CNN's loss, each logged under its own name."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.cnn.pivots import NONE

REGRESSION_WEIGHT = 0.5
CONFIDENCE_WEIGHT = 0.25


@dataclass(frozen=True)
class PivotLoss:
    """L = 1.0 classification + 0.5 regression + 0.25 confidence."""

    classification: Tensor
    regression: Tensor
    confidence: Tensor

    @property
    def total(self) -> Tensor:
        weighted = REGRESSION_WEIGHT * self.regression + CONFIDENCE_WEIGHT * self.confidence
        return self.classification + weighted

    def scalars(self) -> dict[str, float]:
        """Loss parts by the names of their curves."""
        return {
            "losses/classification": float(self.classification.item()),
            "losses/regression": float(self.regression.item()),
            "losses/confidence": float(self.confidence.item()),
            "losses/total": float(self.total.item()),
        }


def pivot_loss(
    logits: Tensor,
    distance: Tensor,
    trust: Tensor,
    label: Tensor,
    true_distance: Tensor,
    class_weights: Tensor,
    row_weights: Tensor | None = None,
    measured: Tensor | None = None,
) -> PivotLoss:
    """Class-weighted cross-entropy, Huber (delta 1) on the rows that are pivots, BCE on "class correct".

    logits (n, 3); distance, trust, true_distance (n,), distances in deviations over the label's span and
    ignored where the label is none; class_weights (3,). "Class correct" comes from the logits without
    gradient, so confidence learns to judge the classifier and does not push it. Each row's share of each
    part is multiplied by its importance weight, row_weights (n,), where there are any. A row that is not
    `measured` (n,) has a class and nothing else: its cross-entropy is all that counts of it.
    """
    if row_weights is not None:
        return _weighted(logits, distance, trust, label, true_distance, class_weights, row_weights, measured)
    classification = functional.cross_entropy(logits, label, weight=class_weights)
    is_pivot = label != NONE
    errors = functional.huber_loss(
        torch.where(is_pivot, distance, torch.zeros_like(distance)),
        torch.where(is_pivot, true_distance, torch.zeros_like(true_distance)),
        reduction="sum",
    )
    regression = errors / is_pivot.sum().clamp(min=1)
    correct = (logits.detach().argmax(dim=1) == label).to(trust.dtype)
    confidence = functional.binary_cross_entropy_with_logits(trust, correct)
    return PivotLoss(classification, regression, confidence)


def _weighted(
    logits: Tensor,
    distance: Tensor,
    trust: Tensor,
    label: Tensor,
    true_distance: Tensor,
    class_weights: Tensor,
    row_weights: Tensor,
    measured: Tensor | None,
) -> PivotLoss:
    """The same three means with weighted terms; divided by what the unweighted ones are divided by."""
    measured_weights = row_weights if measured is None else row_weights * measured
    surprise = functional.cross_entropy(logits, label, weight=class_weights, reduction="none")
    divisor = class_weights[label].sum().clamp(min=torch.finfo(torch.float32).tiny)
    classification = (row_weights * surprise).sum() / divisor
    is_pivot = label != NONE
    nothing = torch.zeros_like(distance)
    errors = functional.huber_loss(
        torch.where(is_pivot, distance, nothing),
        torch.where(is_pivot, true_distance, nothing),
        reduction="none",
    )
    regression = (measured_weights * errors).sum() / is_pivot.sum().clamp(min=1)
    correct = (logits.detach().argmax(dim=1) == label).to(trust.dtype)
    doubt = functional.binary_cross_entropy_with_logits(trust, correct, reduction="none")
    return PivotLoss(classification, regression, (measured_weights * doubt).mean())


def balanced_weights(label: Tensor, classes: int) -> Tensor:
    """n / (classes n_c) a class, of the training rows alone; 0 for a class that does not occur."""
    counts = torch.bincount(label, minlength=classes).to(torch.float32)
    weights = counts.sum() / (classes * counts.clamp(min=1.0))
    return torch.where(counts > 0, weights, torch.zeros_like(weights))
