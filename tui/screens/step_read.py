"""One read of what the step browser shows: the steps around the one that is looked at, and the curve."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from dataclasses import dataclass, field

from storage.curves import Curve, read_curve
from storage.sessions import SessionRow, get_session
from storage.steps import JournalRow, StepRange, StepRow, journal_of, step_range, steps_between

AROUND = 120
"""Steps that are read before and after the one that is looked at."""

COLUMNS = 1_500
LOSS = "losses/total"


@dataclass(frozen=True)
class StepWindow:
    """A session, how its steps are kept, and some of them in order; `loss` is the curve of the whole session.

    `journal` and `range` are None where no step was kept.
    """

    session: SessionRow
    journal: JournalRow | None
    range: StepRange | None
    steps: tuple[StepRow, ...]
    loss: Curve

    def place(self, step: int) -> int | None:
        """Where a step, or the first one after it, stands in the window; None where it does not reach."""
        at = bisect_left(self.steps, step, key=lambda row: row.step)
        return at if at < len(self.steps) and (at or self.steps[0].step == step) else None

    def holds(self, step: int, margin: int) -> bool:
        """Whether a step and so many around it are in the window, as far as there are any."""
        if self.range is None or not self.steps:
            return True
        low, high = max(self.range.first, step - margin), min(self.range.last, step + margin)
        return self.steps[0].step <= low and high <= self.steps[-1].step


@dataclass
class StepReader:
    """Remembers the curve and the range while nothing was added. Used by one thread at a time."""

    _curve: dict[tuple[int, int], Curve] = field(default_factory=dict)
    _range: dict[tuple[int, int], StepRange | None] = field(default_factory=dict)

    def read(self, connection: sqlite3.Connection, session_id: int, around: int | None) -> StepWindow:
        """The window around a step; None is the last one. Raises StorageError without a session."""
        session = get_session(connection, session_id)
        journal = journal_of(connection, session_id)
        if journal is None:
            return StepWindow(session, None, None, (), self._loss(connection, session))
        key = (session_id, journal.rev)
        if key not in self._range:
            self._range = {key: step_range(connection, session_id)}
        known = self._range[key]
        steps: list[StepRow] = []
        if known is not None:
            at = min(max(known.last if around is None else around, known.first), known.last)
            steps = steps_between(connection, session_id, at - AROUND, at + AROUND, 2 * AROUND + 1)
        return StepWindow(session, journal, known, tuple(steps), self._loss(connection, session))

    def _loss(self, connection: sqlite3.Connection, session: SessionRow) -> Curve:
        key = (session.id, session.rev)
        if key not in self._curve:
            self._curve = {key: read_curve(connection, session.id, LOSS, columns=COLUMNS)}
        return self._curve[key]
