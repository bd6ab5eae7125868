"""What the log says of lessons, one line a model and one for the whole close."""

from __future__ import annotations

from collections.abc import Sequence

from cointrader.trading.model_id import ModelId
from storage.closes import ABSENT, TRAINED, WAITING
from storage.outbox import LessonRow


def trained_line(lesson: LessonRow) -> str:
    """`CNN trained with weight 0.35`; that of the DQN with its loss."""
    model = ModelId(lesson.model)
    line = f"{model.label} trained with weight {lesson.weight:.2f}"
    if model is ModelId.DQN and lesson.loss is not None:
        line += f", loss={lesson.loss:.4f}"
    return line


def outcome_line(lessons: Sequence[LessonRow]) -> str:
    """Of all lessons of a close: that all who contributed were trained, or who was not, and why.

    Empty while one of them still waits, and where nobody contributed.
    """
    contributed = [lesson for lesson in lessons if lesson.weight > 0.0 and lesson.state != ABSENT]
    if not contributed or any(lesson.state == WAITING for lesson in contributed):
        return ""
    first = contributed[0]
    if all(lesson.state == TRAINED for lesson in contributed):
        return f"TRAINED ALL MODELS: PnL=${first.pnl:.2f}, Reward={first.reward:.4f}"
    told = "; ".join(
        f"{lesson.model} {lesson.state}" + (f" ({lesson.reason})" if lesson.reason else "")
        for lesson in contributed
    )
    return f"NOT ALL MODELS TRAINED: PnL=${first.pnl:.2f}, Reward={first.reward:.4f}: {told}"
