"""Training sessions: what was learned from, with which parameters, how far it came, and its checkpoints.

Writers name the attempt they belong to. When a job was taken over, the orphan of the earlier attempt
may still run for a moment: its writes are refused with StaleAttempt and change nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, fields

from storage.clock import now_ms
from storage.database import joined_transaction
from storage.errors import StaleAttempt, StorageError
from storage.insert import check_columns, insert_row, insert_rows
from storage.revision import next_rev

SESSION_STATES = ("running", "succeeded", "failed", "cancelled", "interrupted", "diverged")


@dataclass(frozen=True)
class SessionRow:
    """One row of `session`; `value` is None until it was evaluated, `ended_ms` while it runs."""

    id: int
    job_id: int | None
    agent: str
    state: str
    attempt: int
    seed: int
    params_json: str
    dataset_id: int | None
    split_id: int | None
    threads: int
    device: str
    capability: str
    step: int
    total_steps: int
    metric: str
    value: float | None
    baseline: float | None
    note: str
    weights_sha256: str
    started_ms: int
    ended_ms: int | None
    rev: int


@dataclass(frozen=True)
class CheckpointRow:
    """One row of `checkpoint`; `path` is relative to the workspace, `sha256` is that of the file."""

    id: int
    session_id: int
    attempt: int
    step: int
    path: str
    sha256: str
    weights_sha256: str
    created_ms: int


_SESSION_COLUMNS = ", ".join(field.name for field in fields(SessionRow))
_CHECKPOINT_COLUMNS = ", ".join(field.name for field in fields(CheckpointRow))


def create_session(
    connection: sqlite3.Connection,
    *,
    agent: str,
    job_id: int | None,
    attempt: int,
    seed: int,
    params_json: str,
    dataset_id: int | None,
    split_id: int | None,
    threads: int,
    device: str,
    capability: str,
    total_steps: int,
) -> int:
    """Begins a session in state running and returns its id.

    `capability` is the instruction set that the tensors are computed with: part of what makes a
    session repeatable, as are `seed` and `threads`. Raises StaleAttempt.
    """
    values: dict[str, object] = {
        "agent": agent,
        "job_id": job_id,
        "state": "running",
        "attempt": attempt,
        "seed": seed,
        "params_json": params_json,
        "dataset_id": dataset_id,
        "split_id": split_id,
        "threads": threads,
        "device": device,
        "capability": capability,
        "total_steps": total_steps,
        "started_ms": now_ms(),
    }
    with joined_transaction(connection):
        if job_id is not None:
            _check_job(connection, job_id, attempt)
        values["rev"] = next_rev(connection)
        return insert_row(connection, "session", tuple(values), tuple(values.values()))


def update_session(
    connection: sqlite3.Connection, session_id: int, *, attempt: int | None = None, **columns: object
) -> None:
    """Sets columns of a session, and its revision.

    With an `attempt` the writer must belong to the newest attempt of the session's job, and the
    session is marked with it. Raises StaleAttempt, or StorageError for what does not exist.
    """
    if columns.get("state", "running") not in SESSION_STATES:
        raise StorageError(
            f"{columns['state']!r} is no state of a session; states: {', '.join(SESSION_STATES)}"
        )
    with joined_transaction(connection):
        if attempt is not None:
            check_attempt(connection, session_id, attempt)
            columns["attempt"] = attempt
        check_columns(connection, "session", tuple(columns))
        columns["rev"] = next_rev(connection)
        assignments = ", ".join(f'"{column}" = ?' for column in columns)
        changed = connection.execute(
            f"UPDATE session SET {assignments} WHERE id = ?", (*columns.values(), session_id)
        ).rowcount
        if not changed:
            raise StorageError(f"there is no session {session_id}")


def check_attempt(connection: sqlite3.Connection, session_id: int, attempt: int) -> None:
    """Raises StaleAttempt unless `attempt` is the newest of the session's job (or of the session).

    Call it inside the transaction that writes: only then does nobody take over in between.
    """
    rows = connection.execute("SELECT job_id, attempt FROM session WHERE id = ?", (session_id,)).fetchall()
    if not rows:
        raise StorageError(f"there is no session {session_id}")
    job_id, newest = rows[0]
    if job_id is not None:
        _check_job(connection, job_id, attempt)
    elif attempt < newest:
        raise StaleAttempt(f"session {session_id} is at attempt {newest}; attempt {attempt} may not write")


def get_session(connection: sqlite3.Connection, session_id: int) -> SessionRow:
    """One session. Raises StorageError when there is none of this id."""
    rows = connection.execute(
        f"SELECT {_SESSION_COLUMNS} FROM session WHERE id = ?", (session_id,)
    ).fetchall()
    if not rows:
        raise StorageError(f"there is no session {session_id}")
    return SessionRow(*rows[0])


def session_of_job(connection: sqlite3.Connection, job_id: int) -> SessionRow | None:
    """The newest session of a job, which a later attempt goes on with."""
    rows = connection.execute(
        f"SELECT {_SESSION_COLUMNS} FROM session WHERE job_id = ? ORDER BY id DESC LIMIT 1", (job_id,)
    ).fetchall()
    return SessionRow(*rows[0]) if rows else None


def record_checkpoint(
    connection: sqlite3.Connection,
    session_id: int,
    attempt: int,
    *,
    step: int,
    path: str,
    sha256: str,
    weights_sha256: str,
) -> int:
    """Adds a checkpoint whose file is already whole on disk, and the session's step with it.

    Raises StaleAttempt.
    """
    with joined_transaction(connection):
        check_attempt(connection, session_id, attempt)
        checkpoint = (session_id, attempt, step, path, sha256, weights_sha256, now_ms())
        columns = ("session_id", "attempt", "step", "path", "sha256", "weights_sha256", "created_ms")
        checkpoint_id = insert_row(connection, "checkpoint", columns, checkpoint)
        connection.execute(
            "UPDATE session SET step = ?, rev = ? WHERE id = ?", (step, next_rev(connection), session_id)
        )
    return checkpoint_id


def latest_checkpoint(connection: sqlite3.Connection, session_id: int) -> CheckpointRow | None:
    """The checkpoint that was written last, which is where a session goes on."""
    rows = connection.execute(
        f"SELECT {_CHECKPOINT_COLUMNS} FROM checkpoint WHERE session_id = ? ORDER BY id DESC LIMIT 1",
        (session_id,),
    ).fetchall()
    return CheckpointRow(*rows[0]) if rows else None


def record_dataset(
    connection: sqlite3.Connection,
    *,
    agent: str,
    sha256: str,
    path: str,
    rows: int,
    description: str,
    provenance: str,
) -> int:
    """The id of a dataset, which is known by its digest: the same rows are recorded once."""
    with joined_transaction(connection):
        known = connection.execute("SELECT id FROM dataset WHERE sha256 = ?", (sha256,)).fetchall()
        if known:
            return int(known[0][0])
        columns = ("agent", "sha256", "path", "rows", "description", "provenance", "created_ms")
        values = (agent, sha256, path, rows, description, provenance, now_ms())
        return insert_row(connection, "dataset", columns, values)


def record_split(
    connection: sqlite3.Connection,
    *,
    dataset_id: int,
    sha256: str,
    kind: str,
    params_json: str,
    folds_json: str,
) -> int:
    """The id of a split; the same cut of the same dataset is recorded once."""
    with joined_transaction(connection):
        known = connection.execute(
            "SELECT id FROM split WHERE dataset_id = ? AND sha256 = ?", (dataset_id, sha256)
        ).fetchall()
        if known:
            return int(known[0][0])
        columns = ("dataset_id", "sha256", "kind", "params_json", "folds_json", "created_ms")
        values = (dataset_id, sha256, kind, params_json, folds_json, now_ms())
        return insert_row(connection, "split", columns, values)


def record_trials(
    connection: sqlite3.Connection,
    *,
    agent: str,
    session_id: int,
    metric: str,
    trials: Iterable[tuple[str, float | None]],
) -> int:
    """Adds every tried point of a search, each (parameters as JSON, value), and returns how many."""
    created_ms = now_ms()
    columns = ("agent", "session_id", "params_json", "metric", "value", "created_ms")
    rows = [(agent, session_id, params_json, metric, value, created_ms) for params_json, value in trials]
    with joined_transaction(connection):
        return insert_rows(connection, "trial", columns, rows) if rows else 0


def _check_job(connection: sqlite3.Connection, job_id: int, attempt: int) -> None:
    rows = connection.execute("SELECT attempt FROM job WHERE id = ?", (job_id,)).fetchall()
    if not rows:
        raise StorageError(f"there is no job {job_id}")
    if rows[0][0] != attempt:
        raise StaleAttempt(f"job {job_id} is at attempt {rows[0][0]}; attempt {attempt} may not write")
