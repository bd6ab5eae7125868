"""Replays as jobs: asked for with checked arguments, done by a child, gone on with after a kill.

The arguments of a job of kind `replay` are those of `ReplayRequest`; its result is the record of the replay.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import TYPE_CHECKING, Any

from cointrader.jobs.journal import say
from cointrader.settings import Settings
from cointrader.training.replaying.candidates import check_request
from cointrader.training.replaying.request import OF_SETUPS, ReplayRequest
from models import registry
from models.parameters import build
from storage import jobs as queue
from storage.sessions import get_session

if TYPE_CHECKING:
    from cointrader.jobs.work import WorkContext


def enqueue_replay(connection: sqlite3.Connection, request: ReplayRequest, settings: Settings) -> int:
    """Queue a replay; returns the job's id.

    Raises ReplayRefused in one of its forms, UnknownAgent, ParameterError, FilterError, and StorageError for
    a session that is not there: nothing is queued that cannot be done.
    """
    if request.kind in OF_SETUPS:
        build(registry.params_class(request.agent), request.params)
    check_request(connection, request, settings.training)
    if request.session is not None:
        request = dataclasses.replace(request, agent=get_session(connection, request.session).agent)
    return queue.enqueue(
        connection,
        kind="replay",
        title=request.title,
        arguments=request.arguments,
        slot=registry.get(request.agent).slot,
    )


def replay(context: WorkContext) -> dict[str, Any]:
    """The job: both sessions of a replay of setups, one session again, or the steps of one."""
    from cointrader.jobs.work import JobCancelled, JobInterrupted
    from cointrader.training.replaying.caller import Caller
    from cointrader.training.replaying.run import run_replay
    from cointrader.training.run import StopReason
    from cointrader.training.session import TrainingStopped

    caller = Caller(
        settings=context.settings,
        job_id=context.job.id,
        attempt=context.job.attempt,
        interrupted=lambda: context.control.stop_requested,
        say=say,
        ended=context.succeed,
        progress=context.progress,
        stops={JobCancelled: "cancelled", JobInterrupted: None},
    )
    request = ReplayRequest.from_arguments(context.arguments)
    try:
        return run_replay(context.workspace, context.connection, request, caller)
    except TrainingStopped as stopped:
        interrupted = stopped.reason is StopReason.INTERRUPTED
        raise (JobInterrupted if interrupted else JobCancelled) from stopped
