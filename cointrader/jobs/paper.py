"""The job of a paper run: decides on bars as they come, takes orders by hand, and rests when told to.

It may run for months. Killed at any moment it is taken up again where the book of the run stands. What the
operator wants (pause, resume, stop) is the state of the run's row; the job looks at it between two
transactions.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cointrader.backtest.report import measure, plausibility_alarms
from cointrader.core.agent_io import AgentIO
from cointrader.core.agent_loading import load_agents
from cointrader.core.orchestrator import Orchestrator
from cointrader.core.paper.asking import asking_of
from cointrader.core.paper.engine import PaperEngine
from cointrader.core.paper.ledger import Closed
from cointrader.core.paper.orders import take_orders
from cointrader.core.paper.pace import Pace
from cointrader.core.paper.start import begin_run, open_run, past_trades
from cointrader.jobs.journal import say
from storage import jobs as queue
from storage import paper_runs
from storage.clock import now_ms
from storage.database import transaction
from storage.errors import DatabaseLocked, DiskFull, StaleAttempt
from storage.revision import current_rev, next_rev
from storage.runs import get_run, rejection_counts

if TYPE_CHECKING:
    from cointrader.jobs.work import WorkContext

LOOK_SECONDS = 0.1
TROUBLE_SECONDS = 2.0


def paper(context: WorkContext) -> dict[str, Any]:
    """The job: arguments are those of a `PaperPlan`, or `run_id` for a run that goes on."""
    from cointrader.jobs.work import JobCancelled, JobInterrupted

    run_id = _run_of(context)
    try:
        return _Turns(context, run_id).go_on()
    except (JobInterrupted, StaleAttempt):
        raise
    except JobCancelled:
        paper_runs.rest(context.connection, run_id)
        raise
    except Exception as error:
        # The run waits with its positions for whoever reads why, and goes on with `cointrader paper resume`.
        paper_runs.rest(context.connection, run_id, str(error) or type(error).__name__)
        raise


def _run_of(context: WorkContext) -> int:
    """The run of a job; begun now where the job has none yet."""
    known = context.arguments.get("run_id")
    if known is not None:
        return int(known)
    with transaction(context.connection):
        run_id = begin_run(
            context.connection,
            paper_runs.plan_of(context.arguments),
            context.settings,
            context.job.id,
            context.job.attempt,
        )
    return run_id


@dataclass
class _Turns:
    """The loop of a run; the engine is read again after every trouble with the database."""

    context: WorkContext
    run_id: int
    _engine: PaperEngine | None = None
    _pace: Pace | None = None
    _rev: int = -1
    _trouble: str = ""
    _moments: int = 0
    _total: int = 0
    _said_of_closes: list[str] = field(default_factory=list)

    @cached_property
    def _agents(self) -> AgentIO:
        """The agents that the settings name now: they are programs, not parameters of a run."""
        return load_agents(self.context.workspace, self.context.settings)

    def go_on(self) -> dict[str, Any]:
        """Until the run is paused or has ended."""
        while True:
            self.context.check()
            try:
                ended = self._turn()
            except (DatabaseLocked, DiskFull) as error:
                # What was in memory is ahead of what was written: both are read again.
                self._engine = None
                self._said_of_closes.clear()
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    say(self._trouble)
                time.sleep(TROUBLE_SECONDS)
                continue
            self._tell_closes()
            if ended is not None:
                return ended

    def _tell_closes(self) -> None:
        """Log the rewards of closes, once they are committed."""
        for line in self._said_of_closes:
            say(line)
        self._said_of_closes.clear()

    def _turn(self) -> dict[str, Any] | None:
        connection = self.context.connection
        if self._engine is None and (told := self._left_to_another()) is not None:
            return told
        engine = self._opened()
        state = paper_runs.state_of(connection, self.run_id)
        if state == paper_runs.PAUSED:
            return self._rest()
        if state in (paper_runs.STOPPING, paper_runs.STOPPED):
            return self._end(engine)
        rev = current_rev(connection)
        if rev != self._rev:
            self._rev = rev
            take_orders(engine)
            if engine.look():
                say("new bars have come")
        if self._advance(engine):
            return None
        if engine.source == paper_runs.PLAYBACK and not len(engine.ready(limit=1)):
            return self._end(engine)
        time.sleep(LOOK_SECONDS)
        return None

    def _left_to_another(self) -> dict[str, Any] | None:
        """End this job where another one goes on with the run already: a job that failed was tried again.

        Both would decide on the same bars. Who has said a word of the run has it.
        """
        connection, job = self.context.connection, self.context.job
        with transaction(connection):
            other = paper_runs.job_at_work(connection, self.run_id, but=job.id)
            if other is None:
                queue.progress(connection, job.id, job.attempt, self._moments, self._total, self._message)
                return None
            state = paper_runs.state_of(connection, self.run_id)
            told = {"run_id": self.run_id, "state": state, "job": other}
            self.context.succeed(told)
        say(f"job {other} goes on with run {self.run_id} already")
        return told

    def _opened(self) -> PaperEngine:
        if self._engine is None:
            job, self._rev = self.context.job, -1

            def fence() -> None:
                # Raises StaleAttempt where another process has taken the run over.
                queue.progress(
                    self.context.connection,
                    *(job.id, job.attempt, self._moments, self._total, self._message),
                )

            workspace, connection = self.context.workspace, self.context.connection
            orchestrator = Orchestrator(workspace, connection, say=self._said_of_closes.append)
            orchestrator.load_models()

            def file_close(opened: sqlite3.Connection, closed: Closed) -> None:
                orchestrator.file_close(opened, closed.position_id, closed.series)

            self._engine = open_run(
                workspace,
                connection,
                self.run_id,
                fence=fence,
                shares=orchestrator.shares,
                on_close=(file_close,),
                screen=asking_of(workspace, connection, self.run_id, self._agents),
            )
            is_playback = self._engine.source == paper_runs.PLAYBACK
            self._pace = self._pace or Pace(self._engine.speed if is_playback else 0.0)
            self._moments = paper_runs.count_marks(connection, self.run_id)
            self._total = self._moments + len(self._engine.ready(limit=0)) if is_playback else 0
        return self._engine

    def _advance(self, engine: PaperEngine) -> bool:
        """Decide on what is due; False when there was nothing."""
        if self._pace is None:
            return False
        coming = engine.ready(limit=1)
        if not len(coming):
            return False
        done = engine.advance(until_ms=self._pace.until_ms(int(coming.close_ms[0])))
        self._moments += done.moments
        return done.moments > 0

    @property
    def _message(self) -> str:
        if self._engine is None or self._engine.now_ms == 0:
            return f"run {self.run_id}"
        now = str(np.datetime64(self._engine.now_ms, "ms").astype("datetime64[m]")).replace("T", " ")
        held = len(self._engine.open_positions)
        return f"run {self.run_id}: {now} UTC, {held} open"

    def _rest(self) -> dict[str, Any] | None:
        """End the job of a paused run, unless it was resumed in this moment."""
        with transaction(self.context.connection):
            if paper_runs.state_of(self.context.connection, self.run_id) != paper_runs.PAUSED:
                return None
            told = {"run_id": self.run_id, "state": paper_runs.PAUSED}
            self.context.succeed(told)
        return told

    def _end(self, engine: PaperEngine) -> dict[str, Any]:
        """Close what is open, measure the run, and end the job, all together."""
        connection = self.context.connection
        with transaction(connection):
            if paper_runs.state_of(connection, self.run_id) != paper_runs.STOPPED:
                engine.finish()
                close_run(connection, self.run_id)
            told = {"run_id": self.run_id, "state": paper_runs.STOPPED}
            self.context.succeed(told)
        self._tell_closes()
        say(f"run {self.run_id} has ended")
        return told


def close_run(connection: sqlite3.Connection, run_id: int) -> None:
    """What the run came to, as a backtest says it; call it in the transaction that ends the run."""
    run = get_run(connection, run_id)
    if run is None:
        raise paper_runs.NoPaperRun(f"there is no run {run_id}")
    marks = paper_runs.equity_marks(connection, run_id)
    metrics: dict[str, Any] = {}
    if marks:
        times, equity, exposure = (np.array(column) for column in zip(*marks, strict=True))
        found = measure(
            times.astype(np.int64),
            equity.astype(np.float64),
            exposure.astype(np.float64),
            past_trades(connection, run_id),
            run.start_equity,
        )
        metrics = {**found.as_dict(), "alarms": list(plausibility_alarms(found))}
    metrics["rejections_by_reason"] = {item.code: item.count for item in rejection_counts(connection, run_id)}
    connection.execute(
        "UPDATE trading_run SET state = 'succeeded', ended_ms = ?, metrics_json = ?, rev = ? WHERE id = ?",
        (now_ms(), json.dumps(metrics, sort_keys=True), next_rev(connection), run_id),
    )
