"""`COBRLModelInterface`: a trained COB RL under the name and in the terms that bots of this family know.

They speak of directions, 0 DOWN, 1 SIDEWAYS and 2 UP, where this system speaks of actions, BUY 0, SELL 1 and
HOLD 2: a policy that buys expects UP, one that sells DOWN, one that holds SIDEWAYS. Nothing is invented: a
window that is too short, has a gap or holds numbers that are no book gives no prediction, but an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.cob_rl.model import CobRlModel, Policy, load
from models.errors import FeatureMismatch, NotEnoughRows
from models.setup_rows import BUY, HOLD, SELL, BookRows

DIRECTIONS = ("DOWN", "SIDEWAYS", "UP")
_ACTION_OF_DIRECTION = (SELL, HOLD, BUY)


@dataclass(frozen=True)
class CobPrediction:
    """One answer: the likeliest direction, its probability, the reward expected, and all probabilities.

    `probabilities` stand in the order DOWN, SIDEWAYS, UP; `action` is 0 BUY, 1 SELL or 2 HOLD.
    """

    predicted_direction: int
    confidence: float
    value: float
    probabilities: tuple[float, float, float]
    action: int

    @property
    def direction(self) -> str:
        return DIRECTIONS[self.predicted_direction]


class COBRLModelInterface:
    """Asks a trained model about the present, one window of snapshots at a time."""

    def __init__(self, model: CobRlModel) -> None:
        self.model = model

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> COBRLModelInterface:
        """Over the files of a stored version; raises ArtifactRefused and FeatureMismatch."""
        return cls(load(files))

    @property
    def window(self) -> int:
        """Snapshots that a prediction is based on."""
        return self.model.params.window

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of `cob_features`."""
        return self.model.feature_names

    def predict(self, cob_features: NDArray[np.float32]) -> CobPrediction:
        """The answer to (window, features) numbers in the order of `feature_names`, the newest last.

        More rows than the window are allowed, the last ones count; NaN stands for what a book does not tell.
        Raises NotEnoughRows for fewer, FeatureMismatch for another number of columns.
        """
        features = np.asarray(cob_features, dtype=np.float32)
        if features.ndim != 2 or features.shape[1] != len(self.feature_names):
            raise FeatureMismatch(
                f"cob_features has the shape {features.shape}; expected ({self.window}, "
                f"{len(self.feature_names)}), the columns that `feature_names` lists"
            )
        if len(features) < self.window:
            raise NotEnoughRows(len(features), self.window, "snapshots in the window")
        return _prediction(self.model.answer(features, np.array([len(features) - 1])), 0)

    def predict_book(self, book: BookRows) -> CobPrediction:
        """The answer to the newest snapshot; NotEnoughRows when its window is short or has a gap."""
        policy = self.model.policy(book)
        if not len(policy.value) or np.isnan(policy.value[-1]):
            raise NotEnoughRows(len(policy.value), self.window, f"snapshots of {book.symbol} without a gap")
        return _prediction(policy, len(policy.value) - 1)


def _prediction(policy: Policy, row: int) -> CobPrediction:
    down, sideways, up = (float(policy.probability[row, action]) for action in _ACTION_OF_DIRECTION)
    action = int(policy.greedy[row])
    return CobPrediction(
        predicted_direction=_ACTION_OF_DIRECTION.index(action),
        confidence=float(policy.probability[row, action]),
        value=float(policy.value[row]),
        probabilities=(down, sideways, up),
        action=action,
    )
