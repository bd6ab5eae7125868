"""What was learned from one position: its lessons, the sessions and steps that took them, what these made."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, fields

from storage.closes import TRAINED
from storage.outbox import LessonRow, lessons_of

LEARNED_UNKNOWN = "No training session has recorded that it learned from this position."
MINUTE_MS = 60_000


@dataclass(frozen=True)
class SessionPart:
    """A training session that has, or has had, a lesson of the position in hand."""

    id: int
    agent: str
    state: str
    step: int
    total_steps: int
    metric: str
    value: float | None
    baseline: float | None
    weights_sha256: str
    started_ms: int
    ended_ms: int | None


@dataclass(frozen=True)
class StepPart:
    """The optimiser step that a lesson was; `weights_sha256` is that of the weights after it."""

    session_id: int
    step: int
    attempt: int
    learning_rate: float
    loss: float | None
    gradient_norm: float | None
    gradient_sha256: str
    weights_sha256: str
    ts_ms: int


@dataclass(frozen=True)
class ArtifactPart:
    """A version of a model that such a session has made."""

    id: int
    agent: str
    version: int
    session_id: int
    status: str
    path: str
    sha256: str
    metric: str
    value: float | None
    baseline: float | None
    reason: str
    created_ms: int


@dataclass(frozen=True)
class LabelPart:
    """Where the price stood after the entry, as a return; None where that is not known. Labels, never pay.

    `bar_ms` is the length of the finest bars of the symbol, 0 where none are stored; `is_final` says that
    nothing more will be filled in.
    """

    return_1m: float | None
    return_5m: float | None
    return_15m: float | None
    bar_ms: int = 0
    is_final: bool = False

    def why_unknown(self, minutes: int) -> str:
        """Why there is no return after so many minutes."""
        if not self.bar_ms:
            return "no bars are stored"
        if minutes * MINUTE_MS % self.bar_ms:
            return f"bars are of {self.bar_ms / MINUTE_MS:g} minutes"
        return "no bar closed then" if self.is_final else "its bars have not come"


@dataclass(frozen=True)
class Learned:
    """Everything that hangs on the closes of a position; what does not exist is None or empty."""

    lessons: tuple[LessonRow, ...] = ()
    steps: tuple[StepPart, ...] = ()
    sessions: tuple[SessionPart, ...] = ()
    artifacts: tuple[ArtifactPart, ...] = ()
    labels: LabelPart | None = None

    @property
    def sessions_that_learned(self) -> tuple[int, ...]:
        """The sessions whose lesson of this position is trained."""
        done = {item.session_id for item in self.lessons if item.state == TRAINED and item.session_id}
        return tuple(sorted(done))

    @property
    def taken(self) -> tuple[LessonRow, ...]:
        """The lessons that a session has taken, each at a step of it."""
        return tuple(item for item in self.lessons if item.session_id is not None and item.step is not None)

    @property
    def note(self) -> str:
        """The lessons in words."""
        return "; ".join(_words(lesson) for lesson in self.lessons) or LEARNED_UNKNOWN


def learned_from(connection: sqlite3.Connection, position_id: int, closes: int) -> Learned:
    """What was learned from a position that has so many closes."""
    lessons = tuple(
        lesson for number in range(1, closes + 1) for lesson in lessons_of(connection, position_id, number)
    )
    sessions = tuple(sorted({item.session_id for item in lessons if item.session_id is not None}))
    taken = [(item.session_id, item.step) for item in lessons if item.session_id is not None]
    return Learned(
        lessons=lessons,
        steps=tuple(step for at in taken for step in _steps(connection, at)),
        sessions=tuple(part for number in sessions for part in _sessions(connection, number)),
        artifacts=tuple(part for number in sessions for part in _artifacts(connection, number)),
        labels=_labels(connection, position_id),
    )


def _words(lesson: LessonRow) -> str:
    taught = f"{lesson.model} {lesson.state}"
    if lesson.session_id is not None:
        taught += f" in session {lesson.session_id} step {lesson.step}"
    return f"{taught} ({lesson.reason})" if lesson.reason else taught


def _steps(connection: sqlite3.Connection, at: tuple[int | None, int | None]) -> list[StepPart]:
    columns = ", ".join(field.name for field in fields(StepPart))
    rows = connection.execute(f"SELECT {columns} FROM step WHERE session_id = ? AND step = ?", at).fetchall()
    return [StepPart(*row) for row in rows]


def _sessions(connection: sqlite3.Connection, session_id: int) -> list[SessionPart]:
    columns = ", ".join(field.name for field in fields(SessionPart))
    rows = connection.execute(f"SELECT {columns} FROM session WHERE id = ?", (session_id,)).fetchall()
    return [SessionPart(*row) for row in rows]


def _artifacts(connection: sqlite3.Connection, session_id: int) -> list[ArtifactPart]:
    columns = ", ".join(field.name for field in fields(ArtifactPart))
    rows = connection.execute(
        f"SELECT {columns} FROM artifact WHERE session_id = ? ORDER BY agent, version", (session_id,)
    ).fetchall()
    return [ArtifactPart(*row) for row in rows]


def _labels(connection: sqlite3.Connection, position_id: int) -> LabelPart | None:
    rows = connection.execute(
        "SELECT l.return_1m, l.return_5m, l.return_15m, coalesce((SELECT min(f.timeframe_ms) "
        "FROM candle_file AS f WHERE f.symbol = p.symbol), 0), l.computed_ms > 0 "
        "FROM outcome_label AS l JOIN position AS p ON p.id = l.position_id WHERE l.position_id = ?",
        (position_id,),
    ).fetchall()
    return LabelPart(*(*rows[0][:4], bool(rows[0][4]))) if rows else None
