"""What closes have taught, at a glance: per model what became of its lessons, and whether the loss falls.

The newest lessons are read, through their numbers, so that it costs the same whatever the history: the first
screen asks for this whenever something changes.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from storage.closes import LESSON_STATES

NEWEST_LESSONS = 30_000
"""So many of the newest lessons are looked at, which are those of some ten thousand closes."""

LOSSES = 120
"""So many of the newest losses of a model are shown and judged."""

FEWEST_LOSSES = 10
"""Below this nothing is said of a trend."""


@dataclass(frozen=True)
class ModelLessons:
    """The lessons of one model, by what became of them; together they are the closes that it was told of.

    `why_waiting` is the reason that most of those that wait have. `losses` are those of its newest trained
    lessons, oldest first; the last of them was step `last_step` of session `last_session`.
    """

    model: str
    trained: int
    waiting: int
    skipped: int
    failed: int
    absent: int
    why_waiting: str
    losses: tuple[float, ...]
    last_session: int | None
    last_step: int | None
    last_ms: int | None
    last_position: int | None

    @property
    def total(self) -> int:
        """All of them."""
        return self.trained + self.waiting + self.skipped + self.failed + self.absent

    @property
    def trend(self) -> str:
        """Where the loss goes: falling, rising, flat or too few."""
        return loss_trend(self.losses)


@dataclass(frozen=True)
class ClosesTaught:
    """Closes that have lessons; rates are None where there is nothing to divide by.

    `wins` and `losses` count positions by their net result, draws left out. `is_all` says that there are no
    older lessons than those looked at.
    """

    closes: int
    mean_reward: float | None
    wins: int
    losses: int
    models: tuple[ModelLessons, ...]
    is_all: bool

    @property
    def win_rate(self) -> float | None:
        """From 0 to 1."""
        decided = self.wins + self.losses
        return self.wins / decided if decided else None


def closes_taught(connection: sqlite3.Connection) -> ClosesTaught:
    """What the newest lessons came to, every model by its name."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchall()[0][0]
    after = newest - NEWEST_LESSONS
    closes, mean_reward, wins, losses = connection.execute(_CLOSES, (after,)).fetchall()[0]
    states: dict[str, dict[str, int]] = {}
    for model, state, count in connection.execute(_STATES, (after,)).fetchall():
        states.setdefault(model, {})[state] = count
    reasons = dict(connection.execute(_REASONS, (after,)).fetchall())
    models = tuple(
        _of_model(connection, model, states[model], reasons.get(model, ""), after) for model in sorted(states)
    )
    return ClosesTaught(closes, mean_reward, wins, losses, models, is_all=after <= 0)


def loss_trend(losses: Sequence[float]) -> str:
    """Whether the newer half of some losses lies below the older one, beyond two standard errors."""
    if len(losses) < FEWEST_LOSSES:
        return "too few"
    half = len(losses) // 2
    older, newer = losses[:half], losses[half:]
    error = math.sqrt(variance(older) / len(older) + variance(newer) / len(newer))
    moved = fmean(newer) - fmean(older)
    if abs(moved) <= 2.0 * error:
        return "flat"
    return "falling" if moved < 0 else "rising"


_CLOSES = (
    "SELECT count(*), avg(c.reward), coalesce(sum(c.close_number = 1 AND p.pnl > 0), 0), "
    "coalesce(sum(c.close_number = 1 AND p.pnl < 0), 0) FROM "
    "(SELECT position_id, close_number, max(reward) AS reward FROM outbox NOT INDEXED WHERE id > ? "
    "GROUP BY position_id, close_number) AS c JOIN position AS p ON p.id = c.position_id"
)
_STATES = "SELECT model, state, count(*) FROM outbox WHERE id > ? GROUP BY model, state"
# Ascending, so that of the pairs of one model the most frequent reason is kept.
_REASONS = (
    "SELECT model, reason FROM outbox WHERE state = 'waiting' AND id > ? AND reason <> '' "
    "GROUP BY model, reason ORDER BY count(*)"
)
_TRAINED = (
    "SELECT loss, session_id, step, done_ms, position_id FROM outbox "
    "WHERE state = 'trained' AND id > ? AND model = ? ORDER BY id DESC LIMIT ?"
)


def _of_model(
    connection: sqlite3.Connection, model: str, states: dict[str, int], reason: str, after: int
) -> ModelLessons:
    trained = connection.execute(_TRAINED, (after, model, LOSSES)).fetchall()
    losses = tuple(row[0] for row in reversed(trained) if row[0] is not None and math.isfinite(row[0]))
    counts = {state: states.get(state, 0) for state in LESSON_STATES}
    _, session, step, done_ms, position = trained[0] if trained else (None,) * 5
    return ModelLessons(
        model=model,
        **counts,
        why_waiting=reason,
        losses=losses,
        last_session=session,
        last_step=step,
        last_ms=done_ms,
        last_position=position,
    )
