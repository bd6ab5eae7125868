"""The kept steps of a session gone through again, by one of two verbs that are never mixed.

verify computes gradients anew from weights, batch and seed and compares them with those that were kept;
reapply steps the optimiser with the kept ones and compares the weights that come of it.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import Any

from cointrader.training.past import past_of
from cointrader.training.rebuild import reapply, verify
from cointrader.training.replaying.caller import Caller
from cointrader.training.replaying.errors import ReplayRefused
from cointrader.training.replaying.request import ReplayKind, ReplayRequest
from storage.database import transaction
from storage.replays import ReplayRow, finish_replay
from storage.steps import step_range
from storage.workspace import Workspace


def go_through_steps(
    workspace: Workspace,
    connection: sqlite3.Connection,
    row: ReplayRow,
    request: ReplayRequest,
    caller: Caller,
) -> dict[str, Any]:
    """Verify or reapply the steps of a session; the record. Raises what the journal raises."""
    session_id = row.source_session_id or 0
    first, last = _steps(connection, session_id, request)
    caller.say(f"{request.title}: steps {first:,} to {last:,}")
    verb = verified if request.kind is ReplayKind.VERIFY else reapplied
    found = verb(workspace, connection, session_id, first, last, caller)
    told = {"replay": row.id, "kind": row.kind, "agent": row.agent, "source_session": session_id, **found}
    caller.say(told["words"])
    with transaction(connection):
        caller.fence(connection)
        finish_replay(connection, row.id, state="succeeded", words=told["words"], result=found)
        caller.ended(told)
    return told


def verified(
    workspace: Workspace,
    connection: sqlite3.Connection,
    session_id: int,
    first: int,
    last: int,
    caller: Caller,
) -> dict[str, Any]:
    """The gradients of `first` to `last` computed anew, and which of them differ from the recorded ones."""
    done = verify(
        workspace,
        connection,
        session_id,
        first,
        last,
        progress=lambda step, steps: caller.progress(step, steps, "computing gradients again"),
    )
    different = [step.step for step in done.steps if not step.match]
    return {
        "first": first,
        "last": last,
        "steps": len(done.steps),
        "match": done.match,
        "comparable": done.comparable,
        "why": done.why,
        "first_different_step": different[0] if different else None,
        "different_steps": len(different),
        "words": f"steps {first:,} to {last:,} of session {session_id} verified: {done.words}",
    }


def reapplied(
    workspace: Workspace,
    connection: sqlite3.Connection,
    session_id: int,
    first: int,
    last: int,
    caller: Caller,
) -> dict[str, Any]:
    """The stored gradients of `first` to `last` applied to the weights that the session had before them."""
    stepper, _ = past_of(workspace, connection, session_id).stepper_at(first - 1)
    caller.progress(0, 1, f"reapplying {last - first + 1:,} steps")
    done = reapply(workspace, connection, session_id, first, last, stepper.weights())
    caller.progress(1, 1, "reapplied")
    found = {key: value for key, value in _fields(done).items() if key not in ("weights", "session_id")}
    end = "they end in the weights that were recorded" if done.match else "they end in other weights"
    return found | {
        "words": f"steps {first:,} to {last:,} of session {session_id} reapplied: {end}{_why(done.why)}"
    }


def _steps(connection: sqlite3.Connection, session_id: int, request: ReplayRequest) -> tuple[int, int]:
    """The asked for steps within those that there are. Raises ReplayRefused."""
    kept = step_range(connection, session_id)
    if kept is None:
        raise ReplayRefused(f"no step of session {session_id} was kept, so none can be gone through again")
    first = kept.first if request.first is None else request.first
    last = kept.last if request.last is None else request.last
    if not kept.first <= first <= last <= kept.last:
        raise ReplayRefused(
            f"steps {first:,} to {last:,} are not within those of session {session_id}, "
            f"{kept.first:,} to {kept.last:,}"
        )
    return first, last


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _why(why: str) -> str:
    return f" ({why})" if why else ""
