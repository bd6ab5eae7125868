"""One training session from beginning to end: data pinned, agent fitted, version stored and judged.

A session belongs to a job and outlives its attempts: when a process is killed, the next attempt finds the
session of its job, reads the dataset that was pinned (not today's candles) and goes on after the last
checkpoint, with the thread count and the seed of the beginning.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cointrader.settings import Settings
from cointrader.training.datasets import DatasetDamaged, load_dataset, store_dataset, store_split
from cointrader.training.incumbent import Challenge
from cointrader.training.lessons import keep_lessons
from cointrader.training.outcome import end_session, end_without_version, store_version
from cointrader.training.repeatability import describe_machine, pin_arithmetic
from cointrader.training.run import DatabaseRun, StopReason
from cointrader.training.source import WorkspaceSource
from models import registry
from models.base import AgentModule, Dataset
from models.errors import Diverged, Stopped
from models.parameters import build, from_json, to_json
from storage.database import open_database, transaction
from storage.errors import StaleAttempt, StorageError
from storage.sessions import (
    SessionRow,
    create_session,
    get_session,
    session_of_job,
    update_session,
)
from storage.steps import journal_of
from storage.vault import ArtifactRow, get_artifact
from storage.workspace import Workspace

RESUMABLE = ("running", "interrupted", "cancelled", "failed")

log = logging.getLogger(__name__)


class TrainingStopped(Exception):
    """The session ended early because somebody wanted it to; its checkpoint is kept."""

    def __init__(self, session_id: int, step: int, reason: StopReason) -> None:
        super().__init__(f"session {session_id} was {reason.value} after step {step:,}")
        self.session_id = session_id
        self.step = step
        self.reason = reason


@dataclass(frozen=True)
class PartOfJob:
    """Which of the several sessions of one job this is, for a job that trains more than one.

    `session_id` is the one to go on with, None before it was begun; `begun` is called with its number inside
    the transaction that begins it, so that whoever keeps the number never misses one.
    """

    session_id: int | None
    begun: Callable[[sqlite3.Connection, int], None]


@dataclass(frozen=True)
class TrainingResult:
    """A stored version and how it did on rows it never saw; `value` is None where it is not defined.

    `status` is champion or candidate, `reason` says why. A session with a network of the caller's own has
    version 0 and the status "not stored".
    """

    session_id: int
    agent: str
    version: int
    metric: str
    value: float | None
    baseline: float | None
    status: str
    reason: str
    note: str


def train_agent(
    workspace: Workspace,
    agent: str,
    params: Any,
    *,
    job_id: int | None = None,
    attempt: int = 1,
    seed: int = 0,
    dataset_id: int | None = None,
    part: PartOfJob | None = None,
    own: AgentModule | None = None,
    settings: Settings | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = log.info,
) -> TrainingResult:
    """Train `agent` on the workspace and store what came of it as a new version.

    `params` is the agent's parameter dataclass, or a mapping that is checked into one. `interrupted` is
    asked a few times a second whether the worker has to go; cancelling goes through the job's row; `say`
    takes lines for the job's log. With a `dataset_id` that stored dataset is learned from, else what the
    agent makes of the workspace now. A job of one session needs no `part`. `own`
    stands in for the agent's code and trains a network of the caller's, of which no version is stored.

    Raises ParameterError and NotEnoughRows before anything is written, Diverged (session state
    "diverged"), TrainingStopped ("cancelled" or "interrupted", with a checkpoint), StaleAttempt when a
    newer attempt has taken over; any other error leaves the state "failed" and goes on to the caller.
    """
    entry = registry.get(agent)
    chosen = build(registry.params_class(agent), params) if isinstance(params, Mapping) else params
    settings = settings or Settings()
    connection = open_database(workspace)
    try:
        earlier = _earlier(connection, job_id, part)
        if earlier is not None and earlier.state == "succeeded":
            return _already_done(connection, earlier)
        opened = _open_session(
            workspace, connection, entry, chosen, job_id, attempt, seed, dataset_id, settings, say,
            earlier, part, own,
        )  # fmt: skip
        run = DatabaseRun(workspace, connection, opened.session, settings, interrupted, say)
        return _train(workspace, connection, opened, run, say)
    finally:
        connection.close()


@dataclass(frozen=True)
class _Opened:
    """A session that is about to run, with its agent's code and its data."""

    session: SessionRow
    module: AgentModule
    dataset: Dataset
    params: Any
    is_own: bool = False


def _open_session(
    workspace: Workspace,
    connection: sqlite3.Connection,
    entry: registry.AgentEntry,
    params: Any,
    job_id: int | None,
    attempt: int,
    seed: int,
    dataset_id: int | None,
    settings: Settings,
    say: Callable[[str], None],
    earlier: SessionRow | None,
    part: PartOfJob | None,
    own: AgentModule | None,
) -> _Opened:
    if earlier is not None and earlier.state in RESUMABLE and earlier.agent == entry.name:
        return _reopen(workspace, connection, entry, earlier, attempt, say)
    pin_arithmetic(entry, settings.worker.threads_per_job)
    module = own or registry.load(entry.name)
    say(f"{entry.title}: reading what to learn from")
    if dataset_id is None:
        dataset = module.dataset(WorkspaceSource(workspace, connection), params)
    else:
        dataset = _given_dataset(workspace, connection, entry, dataset_id)
    split = module.split(dataset, params)
    machine = describe_machine(entry, getattr(params, "device", "cpu"))
    say(f"{dataset.rows:,} rows ({dataset.description}); {len(split.folds)} folds; {machine.device}")
    if dataset_id is None:
        dataset_id = store_dataset(workspace, connection, dataset)
    with transaction(connection):
        session_id = create_session(
            connection,
            agent=entry.name,
            job_id=job_id,
            attempt=attempt,
            seed=seed,
            params_json=to_json(params),
            dataset_id=dataset_id,
            split_id=store_split(connection, dataset_id, split),
            threads=settings.worker.threads_per_job,
            device=machine.device,
            capability=machine.capability,
            total_steps=module.total_steps(dataset, params),
        )
        if part is not None:
            part.begun(connection, session_id)
    return _Opened(get_session(connection, session_id), module, dataset, params, is_own=own is not None)


def _given_dataset(
    workspace: Workspace, connection: sqlite3.Connection, entry: registry.AgentEntry, dataset_id: int
) -> Dataset:
    """The stored dataset that a caller made for this agent. Raises DatasetDamaged."""
    dataset = load_dataset(workspace, connection, dataset_id)
    if dataset.agent != entry.name:
        raise DatasetDamaged(f"dataset {dataset_id} was made for {dataset.agent}, not for {entry.name}")
    return dataset


def _reopen(
    workspace: Workspace,
    connection: sqlite3.Connection,
    entry: registry.AgentEntry,
    earlier: SessionRow,
    attempt: int,
    say: Callable[[str], None],
) -> _Opened:
    """Go on with a session: its parameters, its dataset, its threads and its seed, whatever holds now."""
    begun = journal_of(connection, earlier.id)
    pin_arithmetic(entry, earlier.threads, "" if begun is None else begun.onednn_isa)
    params = from_json(registry.params_class(entry.name), earlier.params_json)
    if earlier.dataset_id is None:
        raise ValueError(f"session {earlier.id} has no dataset to go on with")
    dataset = load_dataset(workspace, connection, earlier.dataset_id)
    machine = describe_machine(entry, getattr(params, "device", "cpu"))
    note = ""
    if (machine.device, machine.capability) != (earlier.device, earlier.capability):
        note = "not comparable to the bit: attempts ran on different instruction sets or devices"
    say(f"{entry.title}: attempt {attempt} goes on with session {earlier.id}. {note}".rstrip())
    update_session(
        connection,
        earlier.id,
        attempt=attempt,
        state="running",
        note=note,
        ended_ms=None,
        device=machine.device,
        capability=machine.capability,
    )
    return _Opened(get_session(connection, earlier.id), registry.load(entry.name), dataset, params)


def _train(
    workspace: Workspace,
    connection: sqlite3.Connection,
    opened: _Opened,
    run: DatabaseRun,
    say: Callable[[str], None],
) -> TrainingResult:
    session = opened.session
    try:
        model = opened.module.fit(opened.dataset, opened.params, run)
        run.finish()
        metrics = opened.module.evaluate(model, opened.dataset)
        challenge = Challenge(session, opened.module, opened.dataset, opened.params, model, metrics)
        if opened.is_own:
            end_without_version(connection, challenge)
            return _unversioned(get_session(connection, session.id))
        artifact = store_version(workspace, connection, challenge)
    except StaleAttempt:
        raise
    except Stopped as stopped:
        reason = run.stop_reason or StopReason.CANCELLED
        _finish(run, say)
        end_session(connection, session, reason.value, str(stopped), step=stopped.step)
        raise TrainingStopped(session.id, stopped.step, reason) from stopped
    except Diverged as diverged:
        _finish(run, say)
        end_session(connection, session, "diverged", str(diverged), step=diverged.step)
        raise
    except Exception as error:
        end_session(connection, session, "failed", f"{type(error).__name__}: {error}")
        raise
    finally:
        run.abandon()
    say(f"version {artifact.version} is {artifact.status}: {artifact.reason}")
    keep_lessons(connection, session, opened.module, model, opened.dataset)
    return _result(get_session(connection, session.id), artifact)


def _earlier(connection: sqlite3.Connection, job_id: int | None, part: PartOfJob | None) -> SessionRow | None:
    """The session that earlier attempts began, if they did."""
    if part is not None:
        return None if part.session_id is None else get_session(connection, part.session_id)
    return None if job_id is None else session_of_job(connection, job_id)


def _finish(run: DatabaseRun, say: Callable[[str], None]) -> None:
    """What can still be kept of a session that ended before its time; its end is recorded in any case."""
    try:
        run.finish()
    except StaleAttempt:
        raise
    except StorageError as error:
        say(f"not all steps are kept: {error}")


def _already_done(connection: sqlite3.Connection, earlier: SessionRow) -> TrainingResult:
    """What an earlier attempt of the job finished, when it died before it could say so: not done twice."""
    rows = connection.execute("SELECT id FROM artifact WHERE session_id = ?", (earlier.id,)).fetchall()
    return _result(earlier, get_artifact(connection, rows[0][0]))


def _unversioned(session: SessionRow) -> TrainingResult:
    baseline, value, metric = session.baseline, session.value, session.metric
    reason = "a module of the caller's own"
    return TrainingResult(
        session.id, session.agent, 0, metric, value, baseline, "not stored", reason, session.note
    )


def _result(session: SessionRow, artifact: ArtifactRow) -> TrainingResult:
    return TrainingResult(
        session_id=session.id,
        agent=session.agent,
        version=artifact.version,
        metric=artifact.metric,
        value=artifact.value,
        baseline=artifact.baseline,
        status=artifact.status,
        reason=artifact.reason,
        note=session.note,
    )
