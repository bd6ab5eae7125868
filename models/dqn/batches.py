"""Which experiences a step learns from: by priority, or by the law that a replay put into the dataset.

    p_i = p0_i + 0.3 min(1, |error_i| / error95)

p0 is the stored training priority (how much was won or lost, how rare, how recent), the error that of the
last time the row was learned from, error95 the 95th percentile of the last 2,048 of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.base import Dataset
from models.candle_series import FloatArray, IntArray
from models.cnn.batches import PROBABILITY, ReplayBatches
from models.compiled import kernel
from models.dqn.params import DqnParams
from models.lessons.rows import LessonBatches, is_lesson
from models.replay_buffer.law import MOST_DRAWS, SMALLEST_PRIORITY, correction_at
from models.replay_buffer.priority_index import PriorityIndex, Rules

ERROR_SHARE = 0.3
REMEMBERED = 2_048
RENEWED_EVERY = 32


class Batches(Protocol):
    """Where the rows of each step come from; steps are asked for in order."""

    def draw(self, step: int) -> tuple[IntArray, FloatArray, float]:
        """Rows of the dataset (batch,), importance weights (batch,), mean training priority."""
        ...

    def learned(self, step: int, error: NDArray[np.float32]) -> None:
        """The errors of the rows that were drawn last, (batch,)."""
        ...

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that later draws depend on."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave."""
        ...


def steps_of(rows: int, params: DqnParams) -> int:
    """The steps of a session: no row is drawn more than 32 times."""
    return min(params.steps, rows * MOST_DRAWS // params.batch_size)


def batches_of(dataset: Dataset, train: IntArray, params: DqnParams, seed: int) -> Batches:
    """Closes where there are some to learn from, else replayed draws, else by priority."""
    if is_lesson(dataset):
        return TaughtBatches(dataset, train, params, seed)
    if PROBABILITY in dataset.arrays:
        return ReplayedBatches(dataset, train, params, seed)
    return PriorityBatches(dataset, train, params, seed)


@kernel
def remember(errors: FloatArray, seen: int, error: NDArray[np.float32]) -> None:
    """|error| into the ring `errors`, after the `seen` that came before."""
    for j in range(len(error)):
        errors[(seen + j) % len(errors)] = abs(error[j])


@kernel
def priority_of(base: FloatArray, rows: IntArray, error: NDArray[np.float32], scale: float) -> FloatArray:
    """base + 0.3 min(1, |error|/scale) of each of these rows."""
    priority = np.empty(len(rows))
    for j in range(len(rows)):
        priority[j] = base[rows[j]] + ERROR_SHARE * min(1.0, abs(error[j]) / scale)
    return priority


class PriorityBatches:
    """Rows by priority, at least half of them uniformly, each at most 32 times."""

    def __init__(self, dataset: Dataset, train: IntArray, params: DqnParams, seed: int) -> None:
        self._train, self._params, self._steps = train, params, steps_of(len(train), params)
        rules = Rules(exponent=params.priority_exponent, rapid_share=params.rapid_share, seed=seed)
        self.index = PriorityIndex(len(train), rules)
        arrays = dataset.arrays
        stored: FloatArray = np.asarray(arrays["priority"][train], np.float64)
        self._base = np.maximum(SMALLEST_PRIORITY, stored)
        profitable, rapid = arrays["reward"][train] > 0.0, arrays["rapid"][train] != 0
        self.index.insert(np.arange(len(train)), profitable, rapid, self._base)
        self._errors, self._seen = np.zeros(REMEMBERED), 0
        self._scale = 1.0
        self._drawn: IntArray = np.empty(0, np.int64)

    def draw(self, step: int) -> tuple[IntArray, FloatArray, float]:
        params = self._params
        correction = correction_at(step, self._steps, params.first_correction)
        drawn = self.index.draw(params.batch_size, params.prioritize_profitable, correction, step)
        self._drawn = drawn.rows
        priority = float(self.index.pools.priority[drawn.rows].mean())
        return self._train[drawn.rows], drawn.weight, priority

    def learned(self, step: int, error: NDArray[np.float32]) -> None:
        remember(self._errors, self._seen, error)
        self._seen += len(error)
        if step % RENEWED_EVERY == 0 or step == 1:
            known = self._errors[: min(self._seen, REMEMBERED)]
            place = int(0.95 * (len(known) - 1))
            self._scale = max(1e-12, float(np.partition(known, place)[place]))
        priority = priority_of(self._base, self._drawn, error, self._scale)
        self.index.update_checked(self._drawn, priority)

    def state(self) -> dict[str, NDArray[Any]]:
        numbers = np.array([self._seen, self._scale])
        return {**self.index.state(), "errors": self._errors.copy(), "numbers": numbers}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.index.restore(state)
        self._errors = state["errors"].copy()
        self._seen, self._scale = int(state["numbers"][0]), float(state["numbers"][1])


class ReplayedBatches:
    """Rows by the law of a replay; nothing that is learned changes it."""

    def __init__(self, dataset: Dataset, train: IntArray, params: DqnParams, seed: int) -> None:
        steps = steps_of(len(train), params)
        self._replay = ReplayBatches(dataset, train, params.batch_size, steps, seed)

    def draw(self, step: int) -> tuple[IntArray, FloatArray, float]:
        rows = self._replay.rows(step)
        return rows, self._replay.weights(rows, step).astype(np.float64), self._replay.priority(rows)

    def learned(self, step: int, error: NDArray[np.float32]) -> None:
        """A replay draws by what was chosen, not by what is learned."""

    def state(self) -> dict[str, NDArray[Any]]:
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Draws are made again from the first step on."""


class TaughtBatches:
    """A close and rows of the training part beside it; what is learned does not change the draws."""

    def __init__(self, dataset: Dataset, train: IntArray, params: DqnParams, seed: int) -> None:
        self._lessons = LessonBatches(dataset, train, params.batch_size, seed)

    def draw(self, step: int) -> tuple[IntArray, FloatArray, float]:
        rows = self._lessons.rows(step)
        return rows, np.ones(len(rows)), self._lessons.priority(rows)

    def learned(self, step: int, error: NDArray[np.float32]) -> None:
        """Each close is taught once, whatever its error was."""

    def state(self) -> dict[str, NDArray[Any]]:
        return {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Draws are functions of seed and step."""
