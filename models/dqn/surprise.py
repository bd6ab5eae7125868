"""How wrong a trained DQN still is about its experiences: what surprises is drawn more often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.base import Dataset
from models.candle_series import FloatArray, IntArray
from models.dqn.model import DqnModel

EXPERIENCE = "experience"
"""The array of a dataset that holds the number of each row's experience."""

NO_EXPERIENCE = -1
"""The number of a row that is a lesson of a close and no stored experience."""


@dataclass(frozen=True)
class Lessons:
    """Of rows of a dataset: the number of the experience, and the TD error of the trained network."""

    rows: IntArray
    experience: IntArray
    td_error: FloatArray


def lessons_of(model: DqnModel, dataset: Dataset, rows: IntArray) -> Lessons:
    """delta = r + gamma (1 - terminated) max_a Q(s', a) - Q(s, a), with one network for both.

    Rows that are no experiences are left out.
    """
    arrays = dataset.arrays
    rows = rows[arrays[EXPERIENCE][rows] != NO_EXPERIENCE]
    worth = model.values(arrays["series_state"]).astype(np.float64)
    setup, following = arrays["setup"][rows], arrays["following"][rows]
    later = np.where(following >= 0, worth[np.maximum(following, 0)].max(axis=1), 0.0)
    ended = arrays["terminated"][rows].astype(bool)
    wanted = arrays["reward"][rows] + model.params.gamma * np.where(ended, 0.0, later)
    error = wanted - worth[setup, arrays["action"][rows]]
    return Lessons(rows, np.asarray(arrays[EXPERIENCE][rows], np.int64), np.asarray(error))
