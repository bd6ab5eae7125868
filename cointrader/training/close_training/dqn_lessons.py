"""Lessons of the DQN: a terminal transition of every close, from the state and the side of its entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.close_training.entries import ACTIONS, EntryBar
from cointrader.training.close_training.made import Made, Material, close_of, weakest
from models.dqn import agent
from models.errors import FeatureMismatch
from models.lessons.rows import with_closes
from models.rl_state import STATE_NAMES, rl_states
from storage.outbox import WaitingLesson


def dqn_lessons(material: Material, waiting: Sequence[WaitingLesson]) -> Made:
    """The dataset; raises NotEnoughRows ("waiting n/200") and FeatureMismatch."""
    model = material.known.model
    ordinary = agent.dataset(material.source, model.params)
    if ordinary.feature_names != model.feature_names:
        raise FeatureMismatch(
            f"v{material.known.beginning.version} reads states of {len(model.feature_names)} numbers, and "
            f"experiences have {len(ordinary.feature_names)} now; train it anew: cointrader train dqn"
        )
    states = EntryStates(len(ordinary.feature_names))
    taught: list[tuple[WaitingLesson, NDArray[np.float32]]] = []
    refused: dict[int, str] = {}
    for lesson in waiting:
        bar = material.bars.at(lesson.symbol, lesson.signal_ms)
        state = None if bar is None else states.at(bar)
        if state is None:
            refused[lesson.id] = "the state at its entry is not known: candles before it are missing"
        else:
            taught.append((lesson, state))
    if not taught:
        return Made(None, (), refused)
    lessons = tuple(lesson for lesson, _ in taught)
    actions = [ACTIONS[lesson.side] for lesson in lessons]
    known = ordinary.arrays["series_state"]
    dataset = with_closes(
        ordinary,
        [close_of(lesson, action) for lesson, action in zip(lessons, actions, strict=True)],
        _columns(lessons, actions, len(known)),
        material.known.beginning,
        provenance=weakest(ordinary, material.known, lessons),
        extra={"series_state": np.vstack([known, *(state[None] for _, state in taught)])},
    )
    return Made(dataset, lessons, refused)


def _columns(
    lessons: Sequence[WaitingLesson], actions: Sequence[int], states: int
) -> dict[str, NDArray[Any]]:
    count = len(lessons)
    weights = [lesson.weight * lesson.reward_weight for lesson in lessons]
    return {
        "setup": np.arange(states, states + count, dtype=np.int64),
        "following": np.full(count, -1, np.int64),
        "action": np.array(actions, np.int64),
        "reward": np.array([lesson.reward for lesson in lessons], np.float64),
        "terminated": np.ones(count, np.uint8),
        "from_close": np.ones(count, np.uint8),
        "rapid": np.zeros(count, np.uint8),
        "priority": np.ones(count, np.float64),
        "model_weight": np.array(weights, np.float32),
    }


class EntryStates:
    """States at entries; those of a series are computed once."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._known: dict[tuple[str, int], NDArray[np.float32]] = {}

    def at(self, bar: EntryBar) -> NDArray[np.float32] | None:
        """(features,), None in the first bars of a series. What the CNN said then is not known: zeros."""
        series = bar.series
        key = (series.symbol, series.timeframe_ms)
        if key not in self._known or len(self._known[key]) != len(series):
            self._known[key] = rl_states(series)
        state = np.zeros(self._width, np.float32)
        state[: len(STATE_NAMES)] = self._known[key][bar.row]
        return state if np.isfinite(state).all() else None
