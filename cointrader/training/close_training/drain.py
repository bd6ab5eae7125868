"""The outbox drained: what can be taught is taught in batches, what cannot says why it waits.

One look goes over all models. What earlier processes had in hand comes first, so that nothing is begun while
something older is unfinished. A model whose lessons fail does not keep the others.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cointrader.trading.model_id import ModelId
from cointrader.training.close_training.beginning import NoChampion
from cointrader.training.close_training.caller import Caller
from cointrader.training.close_training.entries import EntryBars
from cointrader.training.close_training.foreign import ForeignCloses
from cointrader.training.close_training.labels import settle_labels
from cointrader.training.close_training.session import BATCH, go_on, teach
from cointrader.training.close_training.warm_up import warm_up
from models.errors import Diverged, ModelError, NotEnoughRows
from storage.closes import SKIPPED
from storage.database import transaction
from storage.errors import DatabaseLocked, DiskFull, StaleAttempt, StorageError
from storage.outbox import (
    LessonsTaken,
    WaitingLesson,
    count_failed_try,
    end_lessons,
    give_back,
    models_that_wait,
    say_why_waiting,
    sessions_in_hand,
    waiting_lessons,
)
from storage.workspace import Workspace


@dataclass
class Drain:
    """Drains the outbox of a workspace for one job."""

    workspace: Workspace
    connection: sqlite3.Connection
    caller: Caller

    def __post_init__(self) -> None:
        self._bars = EntryBars(self.workspace, self.connection)
        self._foreign = ForeignCloses(self.connection, self.caller.settings.training)
        self.taught: Counter[str] = Counter()

    def look(self) -> int:
        """Teach what can be taught now; returns how many lessons that were.

        Raises TrainingStopped when the job is to end, StaleAttempt when another attempt has taken over, and
        DatabaseLocked or DiskFull; what was taught by then stays taught.
        """
        self._foreign.file(self.caller.say)
        settle_labels(self.connection, self._bars)
        done = self._guarded("what was in hand", ())
        for name in models_that_wait(self.connection):
            done += self._teach(ModelId(name))
        return done

    def _teach(self, model: ModelId) -> int:
        waiting = self._allowed(waiting_lessons(self.connection, model, BATCH))
        if not waiting:
            return 0
        ready = warm_up(self.connection, model, self.caller.settings.training)
        if not ready.is_over:
            self._wait(model, ready.words)
            return 0
        done = self._guarded(model, waiting)
        self.taught[model] += done
        return done

    def _allowed(self, waiting: Sequence[WaitingLesson]) -> list[WaitingLesson]:
        """Those of origins that may teach; the others are skipped."""
        origins = self.caller.settings.training.teaching_origins
        barred = [lesson for lesson in waiting if lesson.origin not in origins]
        if barred:
            with transaction(self.connection):
                end_lessons(
                    self.connection,
                    [
                        (lesson.id, SKIPPED, f"closes of origin {lesson.origin} do not teach (close_origins)")
                        for lesson in barred
                    ],
                )
        return [lesson for lesson in waiting if lesson.origin in origins]

    def _guarded(self, what: str, waiting: Sequence[WaitingLesson]) -> int:
        """Teach, or go on where nothing is named; whatever a model refuses is written beside its lessons."""
        try:
            if not waiting:
                return go_on(self.workspace, self.connection, self.caller)
            return teach(self.workspace, self.connection, ModelId(what), waiting, self.caller, self._bars)
        except (StaleAttempt, DatabaseLocked, DiskFull):
            raise
        except NotEnoughRows as error:
            self._wait(ModelId(what), f"waiting {error.got:,}/{error.need:,}")
        except NoChampion as error:
            self._wait(ModelId(what), f"waiting: {error}")
        except LessonsTaken as error:
            self.caller.say(str(error))
        except (ModelError, StorageError) as error:
            self._failed(waiting, error)
        return 0

    def _wait(self, model: ModelId, reason: str) -> None:
        with transaction(self.connection):
            told = say_why_waiting(self.connection, model, reason)
        if told:
            self.caller.say(f"{model.label}: {told:,} closes are {reason}")

    def _failed(self, waiting: Sequence[WaitingLesson], error: Exception) -> None:
        """A session came to nothing: its lessons wait for another one, the third time they have failed."""
        self.caller.say(f"lessons failed: {error}")
        kind = "diverged" if isinstance(error, Diverged) else "failed"
        reason = f"{kind}: {error}"
        with transaction(self.connection):
            mine = self._sessions_of_job()
            for session_id in mine:
                give_back(self.connection, session_id, reason, failed=True)
            if not mine:
                count_failed_try(self.connection, [lesson.id for lesson in waiting], reason)

    def _sessions_of_job(self) -> list[int]:
        """The sessions of this job that have lessons in hand and did not succeed."""
        held = [session_id for session_id, _ in sessions_in_hand(self.connection)]
        marks = ", ".join("?" * len(held))
        rows = self.connection.execute(
            f"SELECT id FROM session WHERE id IN ({marks}) AND job_id = ? AND state <> 'succeeded'",
            (*held, self.caller.job_id),
        ).fetchall()
        return [int(row[0]) for row in rows]
