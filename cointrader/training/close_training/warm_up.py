"""Whether a model has enough behind it to learn from single closes: before that, its lessons wait.

An experience is one of a setup or a close, and so is an episode: closes of backtests count, because a model
could never begin otherwise. COB RL counts the order books that its experiences are made of.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from cointrader.settings import TrainingSettings
from cointrader.trading.model_id import ModelId

_CLOSES = "SELECT count(*) FROM (SELECT 1 FROM reward LIMIT :least)"
_COUNTED = {
    ModelId.CNN: (
        "SELECT count(*) FROM (SELECT 1 FROM setup WHERE state = 'validated' AND extreme <> 0 LIMIT :least)",
        _CLOSES,
    ),
    ModelId.DQN: (
        "SELECT count(*) FROM (SELECT 1 FROM experience WHERE source = 'setup' LIMIT :least)",
        _CLOSES,
    ),
    ModelId.COB_RL: (
        "SELECT count(*) FROM (SELECT 1 FROM feed_record WHERE type = 'order_book' LIMIT :least)",
    ),
}


@dataclass(frozen=True)
class WarmUp:
    """What a model has and what it needs before closes teach it; counting stops at `least`."""

    have: int
    least: int

    @property
    def is_over(self) -> bool:
        return self.have >= self.least

    @property
    def words(self) -> str:
        """Why lessons wait."""
        return f"waiting {self.have:,}/{self.least:,}"


def warm_up(connection: sqlite3.Connection, model: ModelId, settings: TrainingSettings) -> WarmUp:
    """100 episodes for the CNN, 200 experiences for the DQN and COB RL, or what the settings say."""
    is_cnn = model is ModelId.CNN
    least = settings.min_episodes_for_cnn_training if is_cnn else settings.min_experiences_for_rl_training
    have = sum(int(connection.execute(query, {"least": least}).fetchall()[0][0]) for query in _COUNTED[model])
    return WarmUp(min(have, least), least)
