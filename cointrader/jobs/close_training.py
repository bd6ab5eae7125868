"""Closes become training by themselves: a job is queued when lessons wait that can be taught.

The job stays for a while after its last lesson, because closes come in runs and a process that has torch in
memory learns from the next one at once. It leaves early when another job wants its place.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cointrader.jobs.journal import say
from cointrader.settings import TrainingSettings
from cointrader.trading.model_id import ModelId
from cointrader.training.close_training.foreign import ForeignCloses
from cointrader.training.close_training.queueing import KIND, ask_to_train, unfinished_job
from cointrader.training.close_training.warm_up import warm_up
from storage.database import transaction
from storage.outbox import models_that_wait, newest_change, sessions_in_hand

if TYPE_CHECKING:
    from cointrader.jobs.work import WorkContext

IDLE_SECONDS = 60.0
LOOK_SECONDS = 0.25

_ASKED_FOR = "SELECT json_extract(arguments_json, '$.seen') FROM job WHERE kind = ? ORDER BY id DESC LIMIT 1"
_OTHERS = "SELECT EXISTS (SELECT 1 FROM job WHERE state IN ('queued', 'interrupted') AND slot = 'cpu')"


def train_closes(context: WorkContext) -> dict[str, Any]:
    """Drain the outbox, and leave after a minute without a lesson: argument `idle_seconds`."""
    from cointrader.jobs.work import JobCancelled, JobInterrupted
    from cointrader.training.close_training.caller import Caller
    from cointrader.training.close_training.drain import Drain
    from cointrader.training.run import StopReason
    from cointrader.training.session import TrainingStopped

    caller = Caller(
        job_id=context.job.id,
        attempt=context.job.attempt,
        settings=context.settings,
        interrupted=lambda: context.control.stop_requested,
        say=say,
    )
    drain = Drain(context.workspace, context.connection, caller)
    idle_seconds = float(context.arguments.get("idle_seconds", IDLE_SECONDS))
    try:
        _stay(context, drain.look, idle_seconds)
    except TrainingStopped as stopped:
        interrupted = stopped.reason is StopReason.INTERRUPTED
        raise (JobInterrupted if interrupted else JobCancelled) from stopped
    taught = dict(sorted(drain.taught.items()))
    words = ", ".join(f"{model} {count:,}" for model, count in taught.items()) or "none"
    return {"text": f"closes learned from: {words}", "taught": taught}


def _stay(context: WorkContext, look: Callable[[], int], idle_seconds: float) -> None:
    """Look again and again, until nothing has come for so long or somebody else wants to work."""
    last = time.monotonic()
    seen = -1
    while True:
        context.check()
        changed = newest_change(context.connection)
        if changed != seen:
            if look():
                last = time.monotonic()
            # What was written by looking is known; what came meanwhile is looked at again.
            seen = changed
            continue
        waited = time.monotonic() - last
        if waited >= idle_seconds or context.connection.execute(_OTHERS).fetchall()[0][0]:
            return
        time.sleep(LOOK_SECONDS)


class WaitingCloses:
    """Looks for lessons that can be taught whenever it is asked and it is time to."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        settings: TrainingSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._clock = clock
        self._looked_at: float | None = None
        self._foreign = ForeignCloses(connection, settings)

    def look(self) -> int:
        """The job that was queued now; 0 when there is nothing to teach or it is not time yet."""
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < self._settings.collection_interval:
            return 0
        self._looked_at = now
        if self._foreign.wait():
            with transaction(self._connection):
                return 0 if unfinished_job(self._connection) else ask_to_train(self._connection)
        if not self._ready() or self._is_asked_for():
            return 0
        with transaction(self._connection):
            return 0 if self._is_asked_for() else ask_to_train(self._connection)

    def _ready(self) -> bool:
        """Whether lessons wait of a model whose warm-up is over, or are in the hands of a session."""
        waiting = models_that_wait(self._connection)
        if not waiting:
            return False
        over = (warm_up(self._connection, ModelId(name), self._settings).is_over for name in waiting)
        return any(over) or bool(sessions_in_hand(self._connection))

    def _is_asked_for(self) -> bool:
        """A job is at it, or the last one saw everything as it is now."""
        if unfinished_job(self._connection):
            return True
        asked = self._connection.execute(_ASKED_FOR, (KIND,)).fetchall()
        return bool(asked) and asked[0][0] == newest_change(self._connection)
