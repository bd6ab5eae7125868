"""One replay from beginning to end, or from where an earlier attempt of its job left it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cointrader.training.replaying.caller import Caller
from cointrader.training.replaying.pair import begin_pair, train_pair
from cointrader.training.replaying.request import OF_SETUPS, ReplayKind, ReplayRequest
from cointrader.training.replaying.sessions import begin_of_session, train_again
from cointrader.training.replaying.steps import go_through_steps
from cointrader.training.run import StopReason
from cointrader.training.session import TrainingStopped
from storage.database import transaction
from storage.errors import StaleAttempt
from storage.replays import ReplayRow, finish_replay, get_replay, replay_of_job, update_replay
from storage.workspace import Workspace


def run_replay(
    workspace: Workspace, connection: sqlite3.Connection, request: ReplayRequest, caller: Caller
) -> dict[str, Any]:
    """Do a replay, or go on with the one that an earlier attempt of the job began; its record.

    Raises ReplayRefused in one of its forms and what the agent's data raises before anything is written.
    After that any error leaves the replay failed, or cancelled, with the reason; a worker that has to go, or
    a newer attempt, leaves it running.
    """
    row = _begun(workspace, connection, request, caller)
    with ended_with(connection, row, caller):
        if request.kind in OF_SETUPS:
            return train_pair(workspace, connection, row, caller).record
        if request.kind is ReplayKind.SESSION:
            return train_again(workspace, connection, row, caller)
        return go_through_steps(workspace, connection, row, request, caller)


@contextmanager
def ended_with(connection: sqlite3.Connection, row: ReplayRow, caller: Caller) -> Iterator[None]:
    """What is raised inside leaves the replay failed or cancelled with the reason, and goes on."""
    try:
        yield
    except StaleAttempt:
        raise
    except Exception as error:
        state = _state_after(error, caller)
        if state is not None:
            with transaction(connection):
                caller.fence(connection)
                finish_replay(connection, row.id, state=state, words=str(error) or type(error).__name__)
        raise


def _begun(
    workspace: Workspace, connection: sqlite3.Connection, request: ReplayRequest, caller: Caller
) -> ReplayRow:
    earlier = None if caller.job_id is None else replay_of_job(connection, caller.job_id)
    if earlier is None:
        if request.kind in OF_SETUPS:
            return begin_pair(workspace, connection, request, caller)
        return begin_of_session(connection, request, caller)
    caller.say(f"attempt {caller.attempt} goes on with replay {earlier.id}")
    with transaction(connection):
        caller.fence(connection)
        update_replay(connection, earlier.id, state="running", words="", ended_ms=None)
    return get_replay(connection, earlier.id)


def _state_after(error: Exception, caller: Caller) -> str | None:
    """The state that an error leaves a replay in; None where a later attempt goes on with it."""
    if isinstance(error, TrainingStopped):
        return "cancelled" if error.reason is StopReason.CANCELLED else None
    for kind, state in caller.stops.items():
        if isinstance(error, kind):
            return state
    return "failed"
