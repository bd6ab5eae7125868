"""Lessons of the DQN: a terminal transition of every close, from the state and the side of its entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.close_training.entries import ACTIONS
from cointrader.training.close_training.entry_states import EntryStates
from cointrader.training.close_training.made import Made, Material, close_of, weakest
from models.base import Dataset
from models.dqn import agent
from models.dqn.surprise import EXPERIENCE, NO_EXPERIENCE
from models.errors import FeatureMismatch
from models.lessons.rows import with_closes
from storage.outbox import WaitingLesson


def dqn_lessons(material: Material, waiting: Sequence[WaitingLesson]) -> Made:
    """The dataset; raises NotEnoughRows ("waiting n/200") and FeatureMismatch."""
    model = material.known.model
    states = EntryStates(material.workspace, material.connection, model.feature_names)
    ordinary = seen_by(agent.dataset(material.source, model.params), model.feature_names)
    if not states.can_be_seen:
        raise FeatureMismatch(f"it reads states that are not those of bars: {model.feature_names[0]}, ...")
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
    cut_offs = {f"cnn_v{number}_learned_until_ms": float(ms) for number, ms in states.cut_offs.items()}
    return Made(replace(dataset, constants={**dataset.constants, **cut_offs}), lessons, refused)


def seen_by(ordinary: Dataset, names: Sequence[str]) -> Dataset:
    """The dataset with the numbers of the state that a model reads. Raises FeatureMismatch."""
    known = {name: place for place, name in enumerate(ordinary.feature_names)}
    missing = [name for name in names if name not in known]
    if missing:
        raise FeatureMismatch(f"it reads {missing[0]}, which experiences do not have; train it anew")
    states = np.ascontiguousarray(ordinary.arrays["series_state"][:, [known[name] for name in names]])
    return replace(ordinary, arrays={**ordinary.arrays, "series_state": states}, feature_names=tuple(names))


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
        EXPERIENCE: np.full(count, NO_EXPERIENCE, np.int64),
        "from_close": np.ones(count, np.uint8),
        "rapid": np.zeros(count, np.uint8),
        "priority": np.ones(count, np.float64),
        "model_weight": np.array(weights, np.float32),
    }
