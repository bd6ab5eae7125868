"""A session trained once more: the same dataset, parameters, seed and threads, and every step compared.

Two runs of one session are the same bits as long as the machine computes alike. Where they are not, the first
step that differs is named, and what differs about the machines.
"""

from __future__ import annotations

import dataclasses
import math
import sqlite3
from typing import Any

from cointrader.training.replaying.caller import Caller
from cointrader.training.replaying.errors import ReplayRefused
from cointrader.training.replaying.request import ReplayRequest
from cointrader.training.replaying.result import PROMOTION
from cointrader.training.session import PartOfJob, TrainingResult, train_agent
from models import registry
from models.parameters import from_json
from storage.database import transaction
from storage.replays import ReplayRow, finish_replay, get_replay, start_replay, update_replay
from storage.sessions import SessionRow, get_session
from storage.steps import JournalRow, journal_of
from storage.workspace import Workspace

MACHINE = ("torch_version", "capability", "onednn_isa", "threads", "optimiser")


def begin_of_session(connection: sqlite3.Connection, request: ReplayRequest, caller: Caller) -> ReplayRow:
    """Begin a replay of a session or of its steps; its row. Raises StorageError, ReplayRefused."""
    source = get_session(connection, request.session or 0)
    if source.dataset_id is None:
        raise ReplayRefused(f"session {source.id} has no dataset that it could be trained on again")
    with transaction(connection):
        caller.fence(connection)
        replay_id = start_replay(
            connection,
            kind=request.kind,
            agent=source.agent,
            selection={**request.arguments, "agent": source.agent},
            job_id=caller.job_id,
            source_session_id=source.id,
        )
    return get_replay(connection, replay_id)


def train_again(
    workspace: Workspace, connection: sqlite3.Connection, row: ReplayRow, caller: Caller
) -> dict[str, Any]:
    """Train the source session of a replay again, and compare the digests of all steps; its record."""
    source = get_session(connection, row.source_session_id or 0)

    def begun(other: sqlite3.Connection, session_id: int) -> None:
        update_replay(other, row.id, session_id=session_id)

    result = train_agent(
        workspace,
        source.agent,
        from_json(registry.params_class(source.agent), source.params_json),
        job_id=caller.job_id,
        attempt=caller.attempt,
        seed=source.seed,
        dataset_id=source.dataset_id,
        part=PartOfJob(row.session_id, begun),
        settings=_with_threads(caller, source.threads),
        interrupted=caller.interrupted,
        say=caller.say,
    )
    told = _compared(connection, row, source, result)
    caller.say(told["words"])
    with transaction(connection):
        caller.fence(connection)
        finish_replay(
            connection,
            row.id,
            state="succeeded",
            words=told["words"],
            result={name: told[name] for name in ("match", "steps", "first_different_step", "promotion")},
            metric=result.metric,
            value=result.value,
            baseline=result.baseline,
        )
        caller.ended(told)
    return told


def _compared(
    connection: sqlite3.Connection, row: ReplayRow, source: SessionRow, result: TrainingResult
) -> dict[str, Any]:
    again = get_session(connection, result.session_id)
    ((both,),) = connection.execute(
        "SELECT count(*) FROM step a JOIN step b ON b.session_id = ? AND b.step = a.step "
        "WHERE a.session_id = ?",
        (again.id, source.id),
    ).fetchall()
    ((first,),) = connection.execute(
        "SELECT min(a.step) FROM step a JOIN step b ON b.session_id = ? AND b.step = a.step "
        "WHERE a.session_id = ? AND a.weights_sha256 <> b.weights_sha256",
        (again.id, source.id),
    ).fetchall()
    match = again.weights_sha256 == source.weights_sha256 and first is None
    apart = _apart(journal_of(connection, source.id), journal_of(connection, again.id))
    return {
        "replay": row.id,
        "kind": row.kind,
        "agent": source.agent,
        "source_session": source.id,
        "session": again.id,
        "digest": again.weights_sha256,
        "recorded": source.weights_sha256,
        "match": match,
        "comparable": not apart,
        "steps": both,
        "first_different_step": first,
        "metric": result.metric,
        "value": result.value if result.value is not None and math.isfinite(result.value) else None,
        "source_value": source.value,
        "words": _words(source, again, both, first, match, apart),
        "promotion": f"{PROMOTION}; v{result.version} is {result.status} ({result.reason})",
    }


def _words(
    source: SessionRow, again: SessionRow, both: int, first: int | None, match: bool, apart: str
) -> str:
    name = f"session {source.id} trained again as session {again.id}"
    steps = f"all {both:,} steps that both kept" if both else "the weights at the end"
    if match:
        return f"{name}: the same bits in {steps}"
    where = f"from step {first:,} on" if first is not None else "at the end"
    if apart:
        return f"{name}: other bits {where}, which is not comparable: {apart}"
    return f"{name}: other bits {where}, although both were computed alike"


def _apart(one: JournalRow | None, other: JournalRow | None) -> str:
    """What differs about how two sessions were computed; empty where nothing that is known does."""
    if one is None or other is None:
        return ""
    pairs = [(name, getattr(one, name), getattr(other, name)) for name in MACHINE]
    return ", ".join(f"{name} {mine} and {theirs}" for name, mine, theirs in pairs if mine != theirs)


def _with_threads(caller: Caller, threads: int) -> Any:
    """Settings with the threads that the session had: it repeats to the bit only with those."""
    worker = dataclasses.replace(caller.settings.worker, threads_per_job=max(1, threads))
    return dataclasses.replace(caller.settings, worker=worker)
