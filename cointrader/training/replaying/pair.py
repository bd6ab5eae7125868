"""A replay of setups: two sessions on one split, the replayed one and its unfiltered control, and a verdict.

    prepared (datasets, parameters) -> session of the replay -> session of the control -> the same rows

Each session is stored, journalled and judged like any other. A replay promotes nothing by itself: both
versions stand or fall by the rule that every version is promoted by.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from cointrader.training.datasets import load_dataset
from cointrader.training.incumbent import EVER
from cointrader.training.replaying.caller import Caller
from cointrader.training.replaying.comparison import independent_error, judge_replay
from cointrader.training.replaying.preparation import Prepared, prepare
from cointrader.training.replaying.request import ReplayRequest
from cointrader.training.replaying.result import ReplayResult, replay_result
from cointrader.training.session import PartOfJob, TrainingResult, train_agent
from models import registry
from models.base import AgentModule, Dataset
from models.cnn.batches import SETUP, ReplayBatches
from models.parameters import from_json
from storage.artifact_rows import find_artifact
from storage.database import transaction
from storage.replays import ReplayRow, finish_replay, get_replay, start_replay, update_replay
from storage.sessions import get_session
from storage.setups import count_training
from storage.vault import load_artifact
from storage.workspace import Workspace

REPLAYED, CONTROL = "session_id", "control_session_id"


class OwnNetworks(Protocol):
    """Two networks of the caller's, alike at the beginning: one for the replay and one for its control."""

    def module(self, part: str) -> AgentModule:
        """The agent with the network of `session_id` or of `control_session_id`."""
        ...

    def model(self, part: str) -> Any:
        """The model that was trained with it."""
        ...


def begin_pair(
    workspace: Workspace,
    connection: sqlite3.Connection,
    request: ReplayRequest,
    caller: Caller,
    params: Any = None,
) -> ReplayRow:
    """Choose the setups, store both datasets, and begin the replay; its row.

    `params` are checked parameters of the agent, in the place of those of the request. Raises what
    `prepare` raises, before anything is written.
    """
    caller.say("choosing setups")
    prepared = prepare(workspace, connection, request, caller.settings, params)
    with transaction(connection):
        caller.fence(connection)
        replay_id = start_replay(
            connection,
            kind=request.kind,
            agent=request.agent,
            selection={**request.arguments, "prepared": asdict(prepared)},
            job_id=caller.job_id,
        )
    return get_replay(connection, replay_id)


def train_pair(
    workspace: Workspace,
    connection: sqlite3.Connection,
    row: ReplayRow,
    caller: Caller,
    own: OwnNetworks | None = None,
) -> ReplayResult:
    """Train what is not trained yet of a replay that was begun, and judge it.

    `own` are networks in the place of those of the agent. Raises what `train_agent` raises.
    """
    prepared = Prepared(**row.selection["prepared"])
    for line in prepared.words:
        caller.say(line)
    replayed = _train(workspace, row, prepared, REPLAYED, caller, own)
    control = _train(workspace, row, prepared, CONTROL, caller, own)
    models = [
        _model(workspace, connection, each, part, own)
        for each, part in ((replayed, REPLAYED), (control, CONTROL))
    ]
    result = _judge(workspace, connection, row, prepared, replayed, control, models)
    caller.say(result.words)
    _finish(workspace, connection, get_replay(connection, row.id), prepared, result, caller)
    return result


def _train(
    workspace: Workspace,
    row: ReplayRow,
    prepared: Prepared,
    part: str,
    caller: Caller,
    own: OwnNetworks | None,
) -> TrainingResult:
    """One of the two sessions; the replay's row names it from the moment it exists."""

    def begun(connection: sqlite3.Connection, session_id: int) -> None:
        update_replay(connection, row.id, **{part: session_id})

    is_control = part == CONTROL
    name = "control" if is_control else "replay"
    return train_agent(
        workspace,
        row.agent,
        from_json(registry.params_class(row.agent), prepared.params_json),
        job_id=caller.job_id,
        attempt=caller.attempt,
        seed=int(row.selection["seed"]),
        dataset_id=prepared.control_dataset_id if is_control else prepared.dataset_id,
        part=PartOfJob(row.control_session_id if is_control else row.session_id, begun),
        own=None if own is None else own.module(part),
        settings=caller.settings,
        interrupted=caller.interrupted,
        say=lambda line: caller.say(f"{name}: {line}"),
    )


def _model(
    workspace: Workspace,
    connection: sqlite3.Connection,
    trained: TrainingResult,
    part: str,
    own: OwnNetworks | None,
) -> Any:
    if own is not None:
        return own.model(part)
    stored = load_artifact(workspace, connection, trained.agent, trained.version)
    return registry.load(trained.agent).load(stored.files)


def _judge(
    workspace: Workspace,
    connection: sqlite3.Connection,
    row: ReplayRow,
    prepared: Prepared,
    replayed: TrainingResult,
    control: TrainingResult,
    models: Sequence[Any],
) -> ReplayResult:
    """Both models on the window that neither was trained on, from the dataset of the control."""
    dataset = load_dataset(workspace, connection, prepared.control_dataset_id)
    module = registry.load(row.agent)
    duel = module.compare(models[0], models[1], dataset, EVER)
    of_difference = getattr(module, "difference_error", None)
    error = (
        of_difference(*models, dataset)
        if of_difference is not None
        else independent_error(
            *(_standard_error(connection, row.agent, each) for each in (replayed, control))
        )
    )
    baseline = math.nan if control.baseline is None else control.baseline
    verdict = judge_replay(control.metric, duel, baseline, error, dataset.provenance)
    now = [_as_it_is_now(connection, each) for each in (replayed, control)]
    return replay_result(row, prepared, now[0], now[1], verdict, duel.rows)


def _as_it_is_now(connection: sqlite3.Connection, trained: TrainingResult) -> TrainingResult:
    """With the status that the version has by now: the control may have taken its place."""
    artifact = find_artifact(connection, trained.agent, trained.version)
    if artifact is None:
        return trained
    return dataclasses.replace(trained, status=artifact.status, reason=artifact.reason)


def _finish(
    workspace: Workspace,
    connection: sqlite3.Connection,
    row: ReplayRow,
    prepared: Prepared,
    result: ReplayResult,
    caller: Caller,
) -> None:
    """The result, the training counts of the setups and the end of the job in one transaction."""
    dataset = load_dataset(workspace, connection, prepared.dataset_id)
    counts = training_counts(connection, row, prepared, dataset)
    with transaction(connection):
        caller.fence(connection)
        finish_replay(
            connection,
            row.id,
            state="succeeded",
            words=result.words,
            result=result.noted,
            metric=result.metric,
            value=result.value,
            control_value=result.control_value,
            baseline=result.baseline,
            standard_error=result.standard_error,
        )
        count_training(connection, counts)
        caller.ended(result.record)


def training_counts(
    connection: sqlite3.Connection, row: ReplayRow, prepared: Prepared, dataset: Dataset
) -> dict[int, int]:
    """How often the replayed session drew each setup, by its number: drawn again from seed and step."""
    session = get_session(connection, row.session_id or 0)
    params = from_json(registry.params_class(row.agent), prepared.params_json)
    train = registry.load(row.agent).split(dataset, params).folds[0].train
    batches = ReplayBatches(dataset, train, params.batch_size, params.steps, session.seed)
    rows, drawn = batches.draws(session.step)
    numbers, places = np.unique(dataset.arrays[SETUP][rows], return_inverse=True)
    totals = np.bincount(places, weights=drawn, minlength=len(numbers)).astype(np.int64)
    return {int(number): int(total) for number, total in zip(numbers, totals, strict=True) if number}


def _standard_error(connection: sqlite3.Connection, agent: str, trained: TrainingResult) -> float | None:
    """That of a version's value around its baseline, as it was stored."""
    artifact = find_artifact(connection, agent, trained.version)
    value = None if artifact is None else json.loads(artifact.metrics_json).get("standard_error")
    return None if value is None else float(value)
