"""Which rows a step learns from: drawn uniformly, or by the law that a replay put into the dataset.

Every batch is a function of (seed, step): a session that was killed draws what it would have drawn.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.base import Dataset
from models.candle_series import FloatArray, IntArray
from models.errors import NotEnoughRows
from models.lessons.rows import LESSON_BATCH, LessonBatches, is_lesson
from models.replay_buffer.law import MOST_DRAWS, RAPID_SHARE, correction_at

PROBABILITY, WEIGHT = "replay_probability", "replay_weight"
PRIORITY, RAPID, SETUP = "replay_priority", "replay_rapid", "replay_setup"


class Batches(Protocol):
    """The rows of each step, their weights in its loss, and how much they mattered."""

    def rows(self, step: int) -> IntArray:
        """Rows of the dataset, (batch,)."""
        ...

    def weights(self, rows: IntArray, step: int) -> NDArray[np.float32] | None:
        """Importance weights of these rows, (batch,); None where all are 1."""
        ...

    def priority(self, rows: IntArray) -> float:
        """Mean training priority of these rows; 1 where none has one."""
        ...


def batches_of(dataset: Dataset, train: IntArray, batch: int, steps: int, seed: int) -> Batches:
    """Closes where there are some to learn from, replayed draws where the dataset says how, else uniform."""
    if is_lesson(dataset):
        return LessonBatches(dataset, train, LESSON_BATCH, seed)
    if PROBABILITY not in dataset.arrays:
        return UniformBatches(train, batch, seed)
    return ReplayBatches(dataset, train, batch, steps, seed)


def batch_rows(train: IntArray, batch: int, seed: int, step: int) -> IntArray:
    """Rows of one batch, drawn uniformly with replacement; a function of (seed, step) alone."""
    drawn: IntArray = train[_generator(seed, step).integers(0, len(train), size=batch)]
    return drawn


def steps_within_cap(probability: FloatArray, batch: int, steps: int) -> int:
    """At most `steps`, and no more than it takes to draw every row that can be drawn 32 times."""
    return min(steps, int(np.count_nonzero(probability)) * MOST_DRAWS // batch)


def steps_until_cap(probability: FloatArray, batch: int, steps: int) -> int:
    """At most `steps`, and no more than it takes to draw the likeliest row 32 times on average.

    Up to there the law decides what is drawn, and not the cap.
    """
    return min(steps, int(MOST_DRAWS / (batch * float(probability.max()))))


class UniformBatches:
    """Every training row is as likely as any other, however often it was drawn."""

    def __init__(self, train: IntArray, batch: int, seed: int) -> None:
        self._train, self._batch, self._seed = train, batch, seed

    def rows(self, step: int) -> IntArray:
        return batch_rows(self._train, self._batch, self._seed, step)

    def weights(self, rows: IntArray, step: int) -> None:
        return None

    def priority(self, rows: IntArray) -> float:
        return 1.0


class ReplayBatches:
    """Rows drawn by `replay_probability`, each at most 32 times a session, weighted by `replay_weight`.

    The weights of the dataset undo the law wholly (b = 1, largest 1); at step t of T they are raised to
    b = 0.4 + 0.6 t / T (Schaul et al. 2015, arXiv:1511.05952). A row that has reached its cap leaves the law
    of the others as it was but for a factor that they share, so their weights stay. At most a fifth of a
    batch (`replay_rapid_share`) are rapid rows, as long as others are left; how many are is what the law
    expects of them, rounded up or down at random, so that this cap takes nothing away from the law.

    Raises NotEnoughRows when a batch cannot be filled within the caps (see `steps_within_cap`).
    """

    def __init__(self, dataset: Dataset, train: IntArray, batch: int, steps: int, seed: int) -> None:
        arrays = dataset.arrays
        self._train, self._batch, self._steps, self._seed = train, batch, steps, seed
        self._law: FloatArray = np.asarray(arrays[PROBABILITY][train], dtype=np.float64)
        self._weight: NDArray[np.float32] = np.asarray(arrays[WEIGHT], dtype=np.float32)
        nothing = np.zeros(dataset.rows)
        self._priority: FloatArray = arrays.get(PRIORITY, nothing + 1.0)
        self._rapid: NDArray[np.bool_] = np.asarray(arrays.get(RAPID, nothing)[train], dtype=np.bool_)
        share = dataset.constants.get("replay_rapid_share", RAPID_SHARE)
        self._few_rapid = int(batch * share + 1e-9)  # 49 (1/49) is a little under 1
        self._order: IntArray = np.argsort(self._rapid, kind="stable")  # rapid rows last
        self._others = len(train) - int(np.count_nonzero(self._rapid))
        self._cumulative: FloatArray = np.cumsum(self._law[self._order])
        self._counts: IntArray = np.zeros(len(train), dtype=np.int64)
        self._rows, self._step = np.empty(0, dtype=np.int64), 0

    def rows(self, step: int) -> IntArray:
        if step < self._step:
            self._counts[:], self._step = 0, 0
            self._cumulative = np.cumsum(self._law[self._order])
        while self._step < step:
            self._step += 1
            self._rows = self._drawn(self._step)
        return self._train[self._rows]

    def weights(self, rows: IntArray, step: int) -> NDArray[np.float32]:
        correction = np.float32(correction_at(step, self._steps))
        raised: NDArray[np.float32] = np.power(self._weight[rows], correction)
        return raised

    def priority(self, rows: IntArray) -> float:
        return float(self._priority[rows].mean())

    def draws(self, steps: int) -> tuple[IntArray, IntArray]:
        """The rows that the first `steps` steps drew, and how often each."""
        if steps > 0:
            self.rows(steps)
        else:
            self._counts[:], self._step = 0, 0
        drawn = np.flatnonzero(self._counts)
        return self._train[drawn], self._counts[drawn].copy()

    def _drawn(self, step: int) -> IntArray:
        """Places in `train`; what a cap forbids is drawn again from what is left."""
        generator = _generator(self._seed, step)
        kept = np.empty(0, dtype=np.int64)
        cumulative = self._cumulative
        while True:
            if cumulative[-1] <= 0.0:
                got = int(self._counts.sum()) + len(kept)
                raise NotEnoughRows(got, step * self._batch, f"draws at {MOST_DRAWS} a row at most")
            kept = np.concatenate([kept, self._places(generator, cumulative, self._batch - len(kept))])
            kept = kept[self._within_caps(kept)]
            if len(kept) == self._batch:
                break
            cumulative = np.cumsum(self._left(kept)[self._order])
        np.add.at(self._counts, kept, 1)
        if (self._counts[kept] >= MOST_DRAWS).any():
            left = np.where(self._counts < MOST_DRAWS, self._law, 0.0)
            self._cumulative = np.cumsum(left[self._order])
        return kept

    def _places(self, generator: np.random.Generator, cumulative: FloatArray, count: int) -> IntArray:
        """`count` places in `train`, by the sums of a law in `_order`."""
        whole = float(cumulative[-1])
        others = float(cumulative[self._others - 1]) if self._others else 0.0
        rapid = min(count, int(count * (whole - others) / whole + generator.random()))
        chances, start = generator.random(count), count - rapid
        chances[:start] *= others
        chances[start:] = others + chances[start:] * (whole - others)
        found = np.searchsorted(cumulative, chances, side="right")
        # A chance may be rounded up to the whole of its part.
        found[:start] = np.minimum(found[:start], np.searchsorted(cumulative, others))
        found[start:] = np.minimum(found[start:], np.searchsorted(cumulative, whole))
        return self._order[found]

    def _within_caps(self, places: IntArray) -> NDArray[np.bool_]:
        """Which of these draws are within the cap of their row and that of rapid rows."""
        order = np.argsort(places, kind="stable")
        ordered = places[order]
        first = np.searchsorted(ordered, ordered, side="left")
        earlier = np.empty(len(places), dtype=np.int64)
        earlier[order] = np.arange(len(places)) - first
        rapid = self._rapid[places]
        fine: NDArray[np.bool_] = self._counts[places] + earlier < MOST_DRAWS
        if np.count_nonzero(rapid) > self._few_rapid:
            fine &= ~rapid | (np.cumsum(rapid) <= self._most_rapid())
        return fine

    def _left(self, kept: IntArray) -> FloatArray:
        """The law of what may still be drawn into a batch that holds `kept`."""
        counts = self._counts + np.bincount(kept, minlength=len(self._counts))
        law = np.where(counts < MOST_DRAWS, self._law, 0.0)
        rapid = np.count_nonzero(self._rapid[kept])
        if rapid >= self._few_rapid and rapid >= self._most_rapid():
            law = np.where(self._rapid, 0.0, law)
        return law

    def _most_rapid(self) -> int:
        """A fifth of the batch, or as many as it takes where too few others can still be drawn."""
        others = (self._law > 0.0) & ~self._rapid
        room = int(np.minimum(MOST_DRAWS - self._counts[others], self._batch).sum())
        return max(self._few_rapid, self._batch - room)


def _generator(seed: int, step: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, step], dtype=np.uint64)))
