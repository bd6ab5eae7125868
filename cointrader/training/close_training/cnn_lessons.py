"""Lessons of the CNN: the window before each entry, and the turning point that would have paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.close_training.entries import ACTIONS, EntryBar
from cointrader.training.close_training.made import Made, Material, close_of, weakest
from models.base import Dataset
from models.cnn import agent
from models.cnn.lessons import class_target
from models.cnn.pivots import HIGH, LOW
from models.cnn.windows import SCALES, series_arrays, usable_bars
from models.lessons.rows import with_closes
from storage.outbox import WaitingLesson

SIDES = {HIGH: 1, LOW: -1}

Pieces = dict[int, NDArray[np.float64]]


def cnn_lessons(material: Material, waiting: Sequence[WaitingLesson]) -> Made:
    """The dataset; raises NotEnoughRows while there are too few ordinary rows."""
    params = material.known.model.params
    ordinary = agent.dataset(material.source, params)
    timeframe_ms = int(ordinary.constants["timeframe_ms"])
    windows = _Windows(params.window_bars)
    taught: list[tuple[WaitingLesson, Pieces]] = []
    refused: dict[int, str] = {}
    for lesson in waiting:
        bar = material.bars.at(lesson.symbol, lesson.signal_ms, timeframe_ms)
        pieces = None if bar is None else windows.before(bar)
        if pieces is None:
            refused[lesson.id] = f"no whole window of {params.window_bars} bars ends at its entry"
        else:
            taught.append((lesson, pieces))
    if not taught:
        return Made(None, (), refused)
    lessons = tuple(lesson for lesson, _ in taught)
    labels = [
        class_target(ACTIONS[lesson.side], lesson.net_return, lesson.reward_weight) for lesson in lessons
    ]
    shared, positions = _appended(ordinary, [pieces for _, pieces in taught])
    dataset = with_closes(
        ordinary,
        [close_of(lesson, label) for lesson, label in zip(lessons, labels, strict=True)],
        {
            **positions,
            "distance": np.full(len(lessons), np.nan),
            "side": np.array([SIDES.get(label, 0) for label in labels], np.int8),
        },
        material.known.beginning,
        provenance=weakest(ordinary, material.known, lessons),
        extra=shared,
    )
    return Made(dataset, lessons, refused)


class _Windows:
    """Bars up to an entry at every scale; each series is put together once."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._known: dict[tuple[str, int, int], tuple[dict[str, NDArray[Any]], Any, Any]] = {}

    def before(self, bar: EntryBar) -> Pieces | None:
        """(window + 1, 5) bars of each scale, the newest last; None where they are not all there."""
        series = bar.series
        key = (series.symbol, series.timeframe_ms, len(series))
        if key not in self._known:
            shared, positions = series_arrays(series)
            self._known[key] = (shared, positions, usable_bars(series, positions, self._window))
        shared, positions, usable = self._known[key]
        if not usable[bar.row]:
            return None
        ends = {scale: int(positions[scale][bar.row]) for scale in SCALES}
        return {
            scale: shared[f"series_x{scale}"][end - self._window : end + 1] for scale, end in ends.items()
        }


def _appended(
    ordinary: Dataset, pieces: Sequence[Pieces]
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """The shared bars with the windows of the closes behind them, and where those end."""
    shared: dict[str, NDArray[Any]] = {}
    positions: dict[str, NDArray[Any]] = {}
    for scale in SCALES:
        name = f"series_x{scale}"
        parts = [ordinary.arrays[name], *(each[scale] for each in pieces)]
        ends = np.cumsum([len(part) for part in parts])[1:] - 1
        shared[name], positions[f"position_x{scale}"] = np.concatenate(parts), ends.astype(np.int64)
    return shared, positions
