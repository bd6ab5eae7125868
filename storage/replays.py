"""Replays: what was trained again, on which selection, and how it did beside its control.

A replay belongs to a job and outlives its attempts: the next one finds it by the number of the job and goes
on with the sessions that it names. Writers of an attempt that was taken over are refused.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from storage.clock import now_ms
from storage.database import joined_transaction
from storage.errors import StaleAttempt, StorageError
from storage.insert import check_columns, insert_row
from storage.revision import next_rev

KINDS = ("profitable", "prioritised", "selected", "session", "verify", "reapply")
STATES = ("running", "succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class ReplayRow:
    """One row of `replay`; what a kind has none of is None or empty.

    `session_id` and `control_session_id` are what it trained, `source_session_id` what it trained again;
    `standard_error` is that of `value - control_value`.
    """

    id: int
    job_id: int | None
    kind: str
    agent: str
    state: str
    selection_json: str
    session_id: int | None
    control_session_id: int | None
    source_session_id: int | None
    metric: str
    value: float | None
    control_value: float | None
    baseline: float | None
    standard_error: float | None
    words: str
    result_json: str
    started_ms: int
    ended_ms: int | None
    rev: int

    @property
    def selection(self) -> dict[str, Any]:
        """What was chosen, and by what."""
        return dict(json.loads(self.selection_json))

    @property
    def result(self) -> dict[str, Any]:
        """What came of it, beyond the columns."""
        return dict(json.loads(self.result_json))


_COLUMNS = ", ".join(field.name for field in fields(ReplayRow))


def start_replay(
    connection: sqlite3.Connection,
    *,
    kind: str,
    agent: str,
    selection: Mapping[str, Any],
    job_id: int | None = None,
    attempt: int = 1,
    source_session_id: int | None = None,
) -> int:
    """Begins a replay in state running and returns its id. Raises StaleAttempt, StorageError."""
    if kind not in KINDS:
        raise StorageError(f"{kind!r} is no kind of replay; kinds: {', '.join(KINDS)}")
    values: dict[str, object] = {
        "job_id": job_id,
        "kind": kind,
        "agent": agent,
        "state": "running",
        "selection_json": json.dumps(dict(selection), sort_keys=True, allow_nan=False),
        "source_session_id": source_session_id,
        "started_ms": now_ms(),
    }
    with joined_transaction(connection):
        _check_attempt(connection, job_id, attempt)
        values["rev"] = next_rev(connection)
        return insert_row(connection, "replay", tuple(values), tuple(values.values()))


def update_replay(
    connection: sqlite3.Connection, replay_id: int, *, attempt: int = 1, **columns: object
) -> None:
    """Sets columns of a replay, and its revision. Raises StaleAttempt, StorageError."""
    if columns.get("state", "running") not in STATES:
        raise StorageError(f"{columns['state']!r} is no state of a replay; states: {', '.join(STATES)}")
    with joined_transaction(connection):
        _check_attempt(connection, get_replay(connection, replay_id).job_id, attempt)
        check_columns(connection, "replay", tuple(columns))
        columns["rev"] = next_rev(connection)
        assignments = ", ".join(f'"{column}" = ?' for column in columns)
        connection.execute(
            f"UPDATE replay SET {assignments} WHERE id = ?", (*columns.values(), replay_id)
        )


def finish_replay(
    connection: sqlite3.Connection,
    replay_id: int,
    state: str,
    *,
    attempt: int = 1,
    words: str = "",
    result: Mapping[str, Any] | None = None,
    **columns: object,
) -> None:
    """Ends a replay with what came of it; call it inside the transaction that ends its job.

    Raises StaleAttempt, StorageError.
    """
    text = json.dumps(dict(result or {}), sort_keys=True, allow_nan=False)
    ends: dict[str, object] = {"state": state, "words": words, "result_json": text, "ended_ms": now_ms()}
    update_replay(connection, replay_id, attempt=attempt, **ends, **columns)


def get_replay(connection: sqlite3.Connection, replay_id: int) -> ReplayRow:
    """One replay. Raises StorageError when there is none of this id."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM replay WHERE id = ?", (replay_id,)).fetchall()
    if not rows:
        raise StorageError(f"there is no replay {replay_id}")
    return ReplayRow(*rows[0])


def replay_of_job(connection: sqlite3.Connection, job_id: int) -> ReplayRow | None:
    """The replay that a job does, which a later attempt goes on with."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM replay WHERE job_id = ? ORDER BY id DESC LIMIT 1", (job_id,)
    ).fetchall()
    return ReplayRow(*rows[0]) if rows else None


def list_replays(
    connection: sqlite3.Connection, *, agent: str | None = None, limit: int = 200
) -> list[ReplayRow]:
    """The newest replays first, of all agents or of one."""
    of_agent = "" if agent is None else "WHERE agent = ?"
    parameters = (limit,) if agent is None else (agent, limit)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM replay {of_agent} ORDER BY id DESC LIMIT ?", parameters
    ).fetchall()
    return [ReplayRow(*row) for row in rows]


def _check_attempt(connection: sqlite3.Connection, job_id: int | None, attempt: int) -> None:
    """Raises StaleAttempt unless `attempt` is the newest of the job."""
    if job_id is None:
        return
    rows = connection.execute("SELECT attempt FROM job WHERE id = ?", (job_id,)).fetchall()
    if not rows:
        raise StorageError(f"there is no job {job_id}")
    if rows[0][0] != attempt:
        raise StaleAttempt(f"job {job_id} is at attempt {rows[0][0]}; attempt {attempt} may not write")
