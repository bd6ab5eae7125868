"""The `Run` of a real session: metrics in batches, checkpoints when due, and the operator's wish to stop.

A training loop may call every step; the database is written a few times a second. Every write carries the
attempt, so a process that was taken for dead cannot write over its successor.
"""

from __future__ import annotations

import enum
import math
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from cointrader.settings import Settings
from cointrader.training.checkpoint import Then, read_checkpoint, write_checkpoint
from cointrader.training.journalling import GRADIENT_STEPS, SessionJournal, open_journal
from models.base import CheckpointState
from models.step_journal import JournalLayout, OptimiserFacts, StepJournal
from storage import jobs
from storage.database import transaction
from storage.metrics import write_metrics
from storage.sessions import SessionRow, update_session
from storage.workspace import Workspace

LOG_SECONDS = 2.0


class StopReason(enum.Enum):
    """Why a session stops before its end: cancelled by the operator, or the worker has to go."""

    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class DatabaseRun:
    """Writes what a training loop says to the rows of its session; `flush` writes what still waits."""

    def __init__(
        self,
        workspace: Workspace,
        connection: sqlite3.Connection,
        session: SessionRow,
        settings: Settings,
        interrupted: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        self._workspace, self._connection, self._settings = workspace, connection, settings
        self._session, self._interrupted, self._say = session, interrupted, say
        self._start_step = 0
        self._rows: list[tuple[int, str, float]] = []
        self._latest: dict[str, float] = {}
        self._progress = (session.step, session.total_steps, "")
        self._flushed = self._checkpointed = self._logged = time.monotonic()
        self._journal: SessionJournal | None = None
        self.stop_reason: StopReason | None = None

    @property
    def seed(self) -> int:
        return self._session.seed

    @property
    def stop_requested(self) -> bool:
        """As of the last flush; a wish is noticed within the time between two of them."""
        return self.stop_reason is not None

    def log(self, step: int, **scalars: float) -> None:
        self._rows += [(step, name, float(value)) for name, value in scalars.items()]
        self._latest |= scalars
        # A curve that breaks has to be seen to break, even if the process dies of it.
        if not all(math.isfinite(value) for value in scalars.values()):
            self.flush()

    def progress(self, done: int, total: int, message: str = "") -> None:
        self._progress = (done, total, message)
        now = time.monotonic()
        if now - self._flushed >= self._settings.worker.metric_seconds:
            self.flush()
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            self._say(self._line())

    def journal(
        self,
        layout: JournalLayout,
        optimiser: OptimiserFacts,
        snapshot: Callable[[], Mapping[str, NDArray[Any]]],
    ) -> StepJournal:
        self._journal = open_journal(
            self._workspace,
            self._connection,
            self._session,
            self._settings.journal,
            layout,
            optimiser,
            start_step=self._start_step,
            say=self._say,
        )
        if self._journal.snapshot_due(self._start_step):
            self._journal.snapshot(self._start_step, snapshot())
        return self._journal

    def checkpoint(self, state: Callable[[], CheckpointState], *, now: bool = False) -> None:
        moment = time.monotonic()
        if not now and moment - self._checkpointed < self._settings.worker.checkpoint_seconds:
            return
        self.flush()
        session = self._session
        path = write_checkpoint(self._workspace, session.id, session.attempt, state(), self._seal)
        self._checkpointed = time.monotonic()
        self._say(f"checkpoint {path.name}")

    def finish(self) -> None:
        """The journal is whole and everything that waits is written; nothing is logged any more.

        Raises what the writing of the last steps met.
        """
        if self._journal is not None:
            self._journal.close()
        self.flush()

    def abandon(self) -> None:
        """Ends what writes the journal; what was not sealed is not kept. Nothing happens after `finish`."""
        if self._journal is not None:
            self._journal.abandon()

    def _seal(self, then: Then) -> None:
        if self._journal is not None:
            self._journal.seal(then)
            return
        with transaction(self._connection):
            then(self._connection)

    def resume_state(self) -> CheckpointState | None:
        state = read_checkpoint(self._workspace, self._connection, self._session.id)
        if state is not None:
            self._start_step = state.step
            self._say(f"going on after step {state.step:,}, where the last checkpoint is")
        return state

    def flush(self) -> None:
        """Write what is waiting in one transaction, and look whether anybody wants this to stop."""
        self._log_norms()
        done, total, message = self._progress
        rows, self._rows = self._rows, []
        session = self._session
        with transaction(self._connection):
            write_metrics(self._connection, session.id, session.attempt, rows)
            update_session(self._connection, session.id, attempt=session.attempt, step=done)
            if session.job_id is not None:
                jobs.progress(self._connection, session.job_id, session.attempt, done, total, message)
        self._flushed = time.monotonic()
        if session.job_id is not None and jobs.cancel_requested(self._connection, session.job_id):
            self.stop_reason = StopReason.CANCELLED
        elif self._interrupted():
            self.stop_reason = StopReason.INTERRUPTED

    def _log_norms(self) -> None:
        """The norm of each layer's gradient, every tenth step, as far as it is known by now."""
        if self._journal is None:
            return
        for step, norms in self._journal.norms():
            if step % GRADIENT_STEPS == 0:
                self._rows += [(step, f"gradient_norm/{layer}", norm) for layer, norm in norms.items()]

    def _line(self) -> str:
        done, total, message = self._progress
        shown = ("losses/total", "validation/loss", "grid/roc_auc", "fold/roc_auc")
        numbers = [f"{name} {self._latest[name]:.4f}" for name in shown if name in self._latest]
        return " | ".join([f"step {done:,} of {total:,}", *numbers, message])
