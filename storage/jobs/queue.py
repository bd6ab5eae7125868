"""Putting jobs into the queue, and everything that is written to one while it waits or runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from storage import clock
from storage.database import joined_transaction
from storage.errors import StaleAttempt, StorageError
from storage.jobs.open_sessions import end_open_sessions
from storage.jobs.rows import (
    CANCELLED,
    COLUMNS,
    ENDED,
    FAILED,
    INTERRUPTED,
    STATES,
    SUCCEEDED,
    JobRow,
    fetch,
)
from storage.revision import next_rev


class JobNotFound(StorageError):
    """There is no job of that number."""


def enqueue(
    connection: sqlite3.Connection,
    *,
    kind: str,
    title: str,
    arguments: Mapping[str, Any],
    slot: str = "cpu",
    priority: int = 0,
    parent_id: int | None = None,
) -> int:
    """Adds a job to the queue and returns its id; a higher priority runs earlier.

    Joins the caller's transaction where there is one, so that a job can be added together with what it
    is about. Raises StorageError when the arguments are not plain JSON values.
    """
    try:
        text = json.dumps(dict(arguments), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StorageError(f"the arguments of a {kind} job are not plain JSON values: {error}") from error
    with joined_transaction(connection):
        rows = connection.execute(
            "INSERT INTO job (kind, title, arguments_json, slot, state, priority, attempt, pid, boot_id, "
            "lease_until_ns, cancel_requested, progress_done, progress_total, message, error, result_json, "
            "log_path, parent_id, created_ms, rev) "
            "VALUES (?, ?, ?, ?, 'queued', ?, 0, 0, '', 0, 0, 0, 0, '', '', '{}', '', ?, ?, ?) RETURNING id",
            (kind, title, text, slot, priority, parent_id, clock.now_ms(), next_rev(connection)),
        ).fetchall()
    return int(rows[0][0])


def get_job(connection: sqlite3.Connection, job_id: int) -> JobRow:
    """The job of that number. Raises JobNotFound."""
    rows = fetch(connection, f"SELECT {COLUMNS} FROM job WHERE id = ?", (job_id,))
    if not rows:
        raise JobNotFound(f"there is no job {job_id}")
    return rows[0]


def list_jobs(
    connection: sqlite3.Connection,
    *,
    states: Sequence[str] | None = None,
    kind: str | None = None,
    limit: int = 200,
) -> list[JobRow]:
    """The newest jobs first, of all states or of some, of all kinds or of one."""
    chosen = tuple(STATES if states is None else states)
    marks = ", ".join("?" * len(chosen))
    of_kind = "" if kind is None else "AND kind = ?"
    sql = f"SELECT {COLUMNS} FROM job WHERE state IN ({marks}) {of_kind} ORDER BY id DESC LIMIT ?"
    return fetch(connection, sql, (*chosen, *(() if kind is None else (kind,)), limit))


def children(connection: sqlite3.Connection, parent_id: int) -> list[JobRow]:
    """The jobs that a job has added, oldest first."""
    return fetch(connection, f"SELECT {COLUMNS} FROM job WHERE parent_id = ? ORDER BY id", (parent_id,))


def record_child(
    connection: sqlite3.Connection, job_id: int, attempt: int, *, pid: int, log_path: str
) -> None:
    """Notes the process that runs the job and its log (relative to the workspace). Raises StaleAttempt."""
    _update(connection, job_id, attempt, "pid = ?, log_path = ?", (pid, log_path))


def progress(
    connection: sqlite3.Connection, job_id: int, attempt: int, done: int, total: int, message: str = ""
) -> None:
    """Says how far the job is, in units of its own. Raises StaleAttempt."""
    _update(
        connection,
        job_id,
        attempt,
        "progress_done = ?, progress_total = ?, message = ?",
        (done, total, message),
    )


def finish(
    connection: sqlite3.Connection,
    job_id: int,
    attempt: int,
    state: str,
    *,
    result: Mapping[str, Any] | None = None,
    error: str = "",
) -> None:
    """Ends the job as succeeded, failed or cancelled, with its result or the reason.

    Raises StaleAttempt, and StorageError for a state that does not end a job.
    """
    if state not in ENDED:
        raise StorageError(f"a job ends as {', '.join(ENDED)}, not as {state!r}")
    text = json.dumps(dict(result or {}), sort_keys=True)
    with joined_transaction(connection):
        _update(
            connection,
            job_id,
            attempt,
            "state = ?, result_json = ?, error = ?, ended_ms = ?, pid = 0, lease_until_ns = 0",
            (state, text, error, clock.now_ms()),
        )
        if state != SUCCEEDED:
            end_open_sessions(connection, job_id, state)


def interrupt(connection: sqlite3.Connection, job_id: int, attempt: int) -> None:
    """Gives the job back, to be taken up again by the next worker, from its checkpoint if it has one.

    Raises StaleAttempt.
    """
    with joined_transaction(connection):
        _update(
            connection,
            job_id,
            attempt,
            "state = 'interrupted', ended_ms = ?, pid = 0, lease_until_ns = 0",
            (clock.now_ms(),),
        )
        end_open_sessions(connection, job_id, INTERRUPTED)


def request_cancel(connection: sqlite3.Connection, job_id: int) -> str:
    """Asks for the end of a job and returns its state after that.

    One that waits is cancelled at once; a running one is only asked, and ends at its next step. Ended
    jobs stay as they are. Raises JobNotFound.
    """
    with joined_transaction(connection):
        rows = connection.execute(
            "UPDATE job SET cancel_requested = 1, rev = ?, "
            "ended_ms = CASE WHEN state = 'running' THEN ended_ms ELSE ? END, "
            "message = CASE WHEN state = 'running' THEN message ELSE 'cancelled' END, "
            "state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END "
            "WHERE id = ? AND state IN ('queued', 'interrupted', 'running') RETURNING state",
            (next_rev(connection), clock.now_ms(), job_id),
        ).fetchall()
        if rows == [(CANCELLED,)]:
            end_open_sessions(connection, job_id, CANCELLED)
    return str(rows[0][0]) if rows else get_job(connection, job_id).state


def cancel_requested(connection: sqlite3.Connection, job_id: int) -> bool:
    """Whether somebody asked for the end of this job; what runs it looks between two steps."""
    rows = connection.execute("SELECT cancel_requested FROM job WHERE id = ?", (job_id,)).fetchall()
    if not rows:
        raise JobNotFound(f"there is no job {job_id}")
    return bool(rows[0][0])


def retry(connection: sqlite3.Connection, job_id: int) -> None:
    """Puts a failed or cancelled job back into the queue; its attempts go on counting.

    Raises JobNotFound, and StorageError when the job is in another state.
    """
    with joined_transaction(connection):
        changed = connection.execute(
            "UPDATE job SET state = 'queued', cancel_requested = 0, error = '', message = '', "
            "started_ms = NULL, ended_ms = NULL, progress_done = 0, rev = ? WHERE id = ? AND state IN (?, ?)",
            (next_rev(connection), job_id, FAILED, CANCELLED),
        ).rowcount
    if not changed:
        state = get_job(connection, job_id).state
        raise StorageError(f"job {job_id} is {state}; only a failed or cancelled job can be tried again")


def _update(
    connection: sqlite3.Connection, job_id: int, attempt: int, assignments: str, values: tuple[Any, ...]
) -> None:
    """Writes to a running job of this attempt; anything else is refused."""
    with joined_transaction(connection):
        changed = connection.execute(
            f"UPDATE job SET {assignments}, rev = ? WHERE id = ? AND attempt = ? AND state = 'running'",
            (*values, next_rev(connection), job_id, attempt),
        ).rowcount
        if changed != 1:
            raise _stale(connection, job_id, attempt)


def _stale(connection: sqlite3.Connection, job_id: int, attempt: int) -> StorageError:
    job = get_job(connection, job_id)
    if job.attempt != attempt:
        return StaleAttempt(
            f"attempt {attempt} of job {job_id} was taken over by attempt {job.attempt}; nothing was written"
        )
    return StaleAttempt(f"job {job_id} is {job.state}, it does not run any more; nothing was written")
