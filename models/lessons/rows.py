"""Closes as rows of a dataset, beside the rows that the network learned from before.

Such a dataset pins everything a session of lessons depends on: the weights it begins with (`series_base.*`),
the closes with their order, and the ordinary rows. Step n teaches the n-th close; the rest of its batch are
ordinary rows of the training part, so that a network does not forget what it knew over what it is told
(experience replay: Lin 1992; a reservoir of old regimes beside few new rows).

Nothing is scored that a lesson has seen: ordinary rows of the scored slice whose label interval meets that
of a close learned from, now or in an earlier session, are left out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.base import Dataset
from models.candle_series import IntArray
from models.validation.folds import Fold, Split
from models.validation.intervals import Intervals
from models.validation.purged import purged_holdout

POSITION = "close_position"
"""Of each row: the position that it is the close of, 0 for an ordinary row."""

ORDER = "close_order"
"""Of each row: the step that teaches it, 0 for an ordinary row."""

WEIGHT = "close_weight"
"""Of each row: what its loss is multiplied by, 1 for an ordinary row."""

SEEN = "series_seen_ms"
"""(n, 2): [t0, t1] of every close that the network has learned from when the session is over."""

BASE = "series_base."
LEARNED_UNTIL, BASE_VERSION, ROOT_VERSION = "base_learned_until_ms", "base_version", "root_version"
LESSON_BATCH = 32
LEAST_SCORED = 30
"""Rows that a judgement needs; with fewer left, lessons are learned and not judged."""


@dataclass(frozen=True)
class Close:
    """What is common to the closes that teach any network. `weight` multiplies the loss, never the reward."""

    position_id: int
    symbol: str
    t0_ms: int
    t1_ms: int
    weight: float
    label: int


@dataclass(frozen=True)
class Beginning:
    """The version that lessons go on from, by its weights, and what it has learned from.

    `root` is the version that learned from no closes and that this one came from by lessons alone.
    """

    version: int
    root: int
    weights: Mapping[str, NDArray[Any]]
    learned_until_ms: int
    seen_ms: IntArray


def is_lesson(dataset: Dataset) -> bool:
    """Whether closes are to be learned from here."""
    return POSITION in dataset.arrays


def lesson_count(dataset: Dataset) -> int:
    """Closes, and steps of the session."""
    return int(np.count_nonzero(dataset.arrays[ORDER]))


def base_weights(dataset: Dataset) -> dict[str, NDArray[Any]]:
    """The weights that the session begins with, by name."""
    return {name.removeprefix(BASE): array for name, array in dataset.arrays.items() if name.startswith(BASE)}


def with_closes(
    ordinary: Dataset,
    closes: Sequence[Close],
    columns: Mapping[str, NDArray[Any]],
    beginning: Beginning,
    *,
    provenance: str,
    extra: Mapping[str, NDArray[Any]] | None = None,
) -> Dataset:
    """The rows of `ordinary` and a row for every close, by time; closes are taught in the order given.

    `columns` hold what the closes are in the arrays of the rows, `extra` arrays that are shared by rows, in
    the place of those of `ordinary` where they have the same name.
    """
    count, rows = len(closes), ordinary.rows
    names = tuple(dict.fromkeys([*ordinary.symbols, *(close.symbol for close in closes)]))
    t0 = np.concatenate([ordinary.t0_ms, [close.t0_ms for close in closes]]).astype(np.int64)
    t1 = np.concatenate([ordinary.t1_ms, [close.t1_ms for close in closes]]).astype(np.int64)
    order = np.argsort(t0, kind="stable")
    added = {
        **columns,
        POSITION: np.array([close.position_id for close in closes], np.int64),
        ORDER: np.arange(1, count + 1, dtype=np.int64),
        WEIGHT: np.array([close.weight for close in closes], np.float32),
    }
    of_ordinary = {
        **ordinary.arrays,
        POSITION: np.zeros(rows, np.int64),
        ORDER: np.zeros(rows, np.int64),
        WEIGHT: np.ones(rows, np.float32),
    }
    arrays = {
        name: array if name.startswith("series_") else np.concatenate([array, added[name]])[order]
        for name, array in of_ordinary.items()
    }
    arrays |= {BASE + name: array for name, array in beginning.weights.items()}
    now = np.array([(close.t0_ms, close.t1_ms) for close in closes], np.int64).reshape(count, 2)
    arrays[SEEN] = np.concatenate([beginning.seen_ms.reshape(-1, 2), now])
    labels = np.concatenate([ordinary.label, np.array([close.label for close in closes])])
    symbols = np.concatenate([ordinary.symbol, [names.index(close.symbol) for close in closes]])
    return replace(
        ordinary,
        arrays={**arrays, **(extra or {})},
        label=labels[order].astype(ordinary.label.dtype),
        t0_ms=t0[order],
        t1_ms=t1[order],
        symbol=symbols[order].astype(np.int16),
        symbols=names,
        provenance=provenance,
        description=f"{count:,} closes taught to v{beginning.version}, among {ordinary.description}",
        constants={
            **ordinary.constants,
            LEARNED_UNTIL: float(beginning.learned_until_ms),
            BASE_VERSION: float(beginning.version),
            ROOT_VERSION: float(beginning.root),
        },
    )


def lesson_split(dataset: Dataset, inner: float, outer: float) -> Split:
    """The hold-out of the ordinary rows; what a close has shown is not scored.

    The inner slice chooses nothing but a margin of the DQN, the training part is what lessons are mixed with.
    A row is left out of the scored slice when its interval meets that of a close, longer by H at its end.
    """
    rows = np.flatnonzero(dataset.arrays[POSITION] == 0)
    intervals = Intervals(dataset.t0_ms[rows], dataset.t1_ms[rows])
    early, scored = purged_holdout(intervals, inner, outer).folds
    told = _meets_any(intervals, dataset.arrays[SEEN], intervals.horizon_ms)
    fresh = scored.test[~told[scored.test]]
    folds = (
        Fold(rows[early.train], rows[early.test], early.blocks),
        Fold(rows[scored.train], rows[fresh], scored.blocks),
    )
    numbers = (("inner_permille", round(inner * 1000)), ("outer_permille", round(outer * 1000)))
    return Split("lessons", (*numbers, ("closes", lesson_count(dataset))), folds)


def _meets_any(intervals: Intervals, seen_ms: IntArray, embargo_ms: int) -> NDArray[np.bool_]:
    """Which intervals share a moment with one of these, each longer by the embargo."""
    start = np.sort(seen_ms[:, 0])
    end = np.sort(seen_ms[:, 1] + embargo_ms)
    begun = np.searchsorted(start, intervals.t1_ms, side="right")
    ended = np.searchsorted(end, intervals.t0_ms, side="left")
    return np.asarray(begun > ended, dtype=np.bool_)


def learned_until(dataset: Dataset, early: Fold) -> int:
    """The end of the last label that the version has learned from when the session is over."""
    known = dataset.t1_ms[np.concatenate([early.train, early.test])].max()
    return int(max(known, dataset.arrays[SEEN][:, 1].max(), dataset.constants[LEARNED_UNTIL]))


class LessonBatches:
    """The rows of each step: its close first, then rows of the training part, a function of (seed, step)."""

    def __init__(self, dataset: Dataset, train: IntArray, batch: int, seed: int) -> None:
        order = dataset.arrays[ORDER]
        rows = np.flatnonzero(order)
        self._closes: IntArray = rows[np.argsort(order[rows])]
        self._weight: NDArray[np.float32] = dataset.arrays[WEIGHT]
        self._train, self._batch, self._seed = train, batch, seed

    def rows(self, step: int) -> IntArray:
        """(batch,) rows of the dataset; step n has the n-th close."""
        key = np.array([self._seed, step], dtype=np.uint64)
        drawn = np.random.Generator(np.random.Philox(key=key)).integers(0, len(self._train), self._batch - 1)
        return np.concatenate([self._closes[step - 1 : step], self._train[drawn]])

    def weights(self, rows: IntArray, step: int) -> NDArray[np.float32]:
        """What the loss of each row is multiplied by."""
        weight: NDArray[np.float32] = self._weight[rows]
        return weight

    def priority(self, rows: IntArray) -> float:
        """Every close matters as much as any other; its weight says how much it counts."""
        return 1.0
