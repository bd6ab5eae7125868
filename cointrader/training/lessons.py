"""What a session leaves with its experiences: how often each was drawn, and what still surprises.

The errors are part of the priorities that later trainings draw by.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Protocol, runtime_checkable

import numpy as np

from models.base import Dataset
from models.candle_series import FloatArray, IntArray
from storage.experiences import note_training
from storage.sessions import SessionRow

PART = 20_000
STEPS_AT_ONCE = 1_000


class _Lessons(Protocol):
    @property
    def rows(self) -> IntArray: ...
    @property
    def experience(self) -> IntArray: ...
    @property
    def td_error(self) -> FloatArray: ...


@runtime_checkable
class Teaching(Protocol):
    """An agent that can say how wrong its model still is about what it trained on."""

    def lessons(self, model: Any, dataset: Dataset) -> _Lessons: ...


def keep_lessons(
    connection: sqlite3.Connection, session: SessionRow, module: object, model: Any, dataset: Dataset
) -> int:
    """Writes errors and counts of the experiences of a finished session, in parts; returns how many.

    Draws are counted from the steps that are kept. An agent that has no lessons leaves nothing.
    """
    if not isinstance(module, Teaching):
        return 0
    learned = module.lessons(model, dataset)
    drawn = _draws(connection, session.id, dataset.rows)[learned.rows]
    told = zip(learned.td_error.tolist(), drawn.tolist(), learned.experience.tolist(), strict=True)
    rows = [row for row in told if np.isfinite(row[0])]
    for first in range(0, len(rows), PART):
        note_training(connection, rows[first : first + PART])
    return len(rows)


def _draws(connection: sqlite3.Connection, session_id: int, rows: int) -> IntArray:
    """How often each row of the dataset was in a batch."""
    counts = np.zeros(rows, np.int64)
    last = 0
    while True:
        found = connection.execute(
            "SELECT step, batch FROM step WHERE session_id = ? AND step > ? ORDER BY step LIMIT ?",
            (session_id, last, STEPS_AT_ONCE),
        ).fetchall()
        if not found:
            return counts
        last = found[-1][0]
        drawn = np.frombuffer(b"".join(batch for _, batch in found), "<i4")
        counts += np.bincount(drawn, minlength=rows)
