"""What each kind of job does: one function a kind, each importing only what it needs when it runs.

A function gets a `WorkContext` and returns what is stored as the job's result. It reports progress
through `context.progress`, which is also where a wish to cancel or to stop is noticed.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cointrader.jobs.journal import say
from cointrader.jobs.process_guard import ControlPipe
from cointrader.settings import Settings
from storage import jobs as queue
from storage.workspace import Workspace

PROGRESS_SECONDS = 0.25  # a report is a write that others notice; four a second are enough for an eye


class JobError(Exception):
    """A job that cannot be done as it was asked for; the text says why."""


class JobCancelled(Exception):
    """The operator has cancelled the job that is running."""


class JobInterrupted(Exception):
    """The worker has to stop; the job goes on with the next one."""


@dataclass
class WorkContext:
    """What a job may touch: its workspace, its arguments, and its own row through `progress`."""

    workspace: Workspace
    connection: sqlite3.Connection
    settings: Settings
    job: queue.JobRow
    control: ControlPipe
    succeeded: bool = False
    _reported_at: float = field(default=-PROGRESS_SECONDS, repr=False)
    _message: str = field(default="", repr=False)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The job's arguments as they were queued."""
        return dict(self.job.arguments)

    def progress(self, done: float, total: float, message: str = "") -> None:
        """Report progress now and then, in the row and the log; raises what `check` raises."""
        now = time.monotonic()
        if now - self._reported_at < PROGRESS_SECONDS and done < total:
            return
        self._reported_at = now
        self.check()
        if message != self._message:
            self._message = message
            say(message)
        queue.progress(self.connection, self.job.id, self.job.attempt, int(done), int(total), message)

    def succeed(self, result: Mapping[str, Any]) -> None:
        """End the job; called inside a transaction it ends together with what else is written there.

        A job that returns without having called this is ended with what it returned.
        """
        queue.finish(self.connection, self.job.id, self.job.attempt, queue.SUCCEEDED, result=result)
        self.succeeded = True

    def check(self) -> None:
        """Raise JobCancelled or JobInterrupted when the job is to end."""
        if queue.cancel_requested(self.connection, self.job.id):
            raise JobCancelled
        if self.control.stop_requested:
            raise JobInterrupted


Work = Callable[[WorkContext], dict[str, Any]]


def bootstrap(context: WorkContext) -> dict[str, Any]:
    """Fill an empty workspace: arguments `params` ({agent: {name: value}}), `agents`."""
    from cointrader.jobs.bootstrap import fill

    return fill(context)


def import_files(context: WorkContext) -> dict[str, Any]:
    """Import files, folders and archives: arguments `path` or `paths`, `symbol`, `timeframe`, `zone`.

    What was imported before a cancel stays. Raises JobError when nothing could be imported.
    """
    from pathlib import Path

    from cointrader.data_feeds.front_door import FrontDoor
    from cointrader.data_feeds.outcome import REFUSED, SKIPPED
    from cointrader.interop.file_kind import ImportOptions

    arguments = context.arguments
    paths = [Path(path) for path in arguments.get("paths", [arguments.get("path")]) if path]
    said = ImportOptions(**{name: arguments.get(name) for name in ("symbol", "timeframe", "zone")})
    door = FrontDoor(context.workspace, context.connection, said)
    outcomes = list(door.take(paths, context.progress))
    for outcome in outcomes:
        say(outcome.text or f"{outcome.path}: {outcome.state}")
    looked_at = [outcome for outcome in outcomes if outcome.state != SKIPPED]
    refused = [outcome for outcome in looked_at if outcome.state == REFUSED]
    if len(refused) == len(looked_at):
        raise JobError(refused[0].text if refused else "there is no data of a known kind in what was named")
    text = f"{len(looked_at) - len(refused):,} files imported" + (
        f", {len(refused):,} refused" if refused else ""
    )
    return {
        "text": text if len(looked_at) > 1 else looked_at[0].text,
        "files": [asdict(replace(outcome, refused_rows=())) for outcome in outcomes],
    }


def backtest(context: WorkContext) -> dict[str, Any]:
    """Backtest stored candles and keep the result: arguments `strategies`, `symbols`."""
    from cointrader.jobs.stored_backtest import backrun_stored

    return backrun_stored(context)


def train(context: WorkContext) -> dict[str, Any]:
    """Train one agent, or go on with its session: arguments `agent`, `params`, `seed`, `dataset_id`."""
    from cointrader.training.run import StopReason
    from cointrader.training.session import TrainingStopped, train_agent

    arguments = context.arguments
    try:
        result = train_agent(
            context.workspace,
            arguments["agent"],
            arguments.get("params", {}),
            job_id=context.job.id,
            attempt=context.job.attempt,
            seed=arguments.get("seed", 0),
            dataset_id=arguments.get("dataset_id"),
            settings=context.settings,
            interrupted=lambda: context.control.stop_requested,
            say=say,
        )
    except TrainingStopped as stopped:
        interrupted = stopped.reason is StopReason.INTERRUPTED
        raise (JobInterrupted if interrupted else JobCancelled) from stopped
    return asdict(result)


def replay(context: WorkContext) -> dict[str, Any]:
    """Train again on chosen setups beside a control, or replay a session or its steps."""
    from cointrader.jobs.replay import replay as replayed

    return replayed(context)


def collect(context: WorkContext) -> dict[str, Any]:
    """Collect setups and validate outcomes: arguments `symbols`, `timeframe`, `validate`, `whole`."""
    from cointrader.jobs.collecting import collect_stored

    arguments = context.arguments
    return collect_stored(
        context,
        symbols=arguments.get("symbols", ()),
        timeframe=arguments.get("timeframe"),
        validate=arguments.get("validate", True),
        whole=arguments.get("whole", False),
    ).as_result()


def paper(context: WorkContext) -> dict[str, Any]:
    """Trade on paper until paused or stopped: arguments of a `PaperPlan`, or `run_id` to go on."""
    from cointrader.jobs.paper import paper as traded

    return traded(context)


def train_closes(context: WorkContext) -> dict[str, Any]:
    """Learn from closed positions: argument `idle_seconds`, after which it leaves."""
    from cointrader.jobs.close_training import train_closes as taught

    return taught(context)


def hindsight(context: WorkContext) -> dict[str, Any]:
    """Say of rejected signals what they would have earned, where candles have followed."""
    from cointrader.jobs.hindsight import hindsight as judged

    return judged(context)


WORKS: dict[str, Work] = {
    "bootstrap": bootstrap,
    "import": import_files,
    "backtest": backtest,
    "train": train,
    "collect": collect,
    "replay": replay,
    "paper": paper,
    "train_closes": train_closes,
    "hindsight": hindsight,
}


def work_of(kind: str) -> Work:
    """The function of a kind of job; raises JobError for a kind that this version does not know."""
    if kind not in WORKS:
        raise JobError(f"this version does not know jobs of kind {kind!r}; known are {', '.join(WORKS)}")
    return WORKS[kind]
