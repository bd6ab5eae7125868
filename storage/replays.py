"""Replays: what was trained again on chosen setups or steps, and how it did beside its control."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from storage.clock import now_ms
from storage.database import joined_transaction
from storage.errors import StorageError
from storage.insert import check_columns, insert_row
from storage.revision import next_rev

KINDS = ("profitable", "prioritised", "selected", "session", "verify", "reapply")
STATES = ("running", "succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class ReplayRow:
    """One row of `replay`; numbers are None until it ended, or where there is no control.

    `session_id` is the session that trained on the selection, `control_session_id` the one that drew
    uniformly from the same rows, `source_session_id` the one whose steps are replayed.
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
        """What was chosen, as it was asked for."""
        chosen: dict[str, Any] = json.loads(self.selection_json)
        return chosen

    @property
    def result(self) -> dict[str, Any]:
        """What came out beside the numbers of the row."""
        found: dict[str, Any] = json.loads(self.result_json)
        return found


_COLUMNS = ", ".join(field.name for field in fields(ReplayRow))


def start_replay(
    connection: sqlite3.Connection,
    *,
    kind: str,
    agent: str,
    selection: Mapping[str, Any],
    job_id: int | None = None,
    source_session_id: int | None = None,
) -> int:
    """Begins a replay in state running and returns its id; `selection` must be JSON.

    Raises StorageError for an unknown kind.
    """
    if kind not in KINDS:
        raise StorageError(f"{kind!r} is no kind of a replay; kinds: {', '.join(KINDS)}")
    with joined_transaction(connection):
        row: dict[str, object] = {
            "job_id": job_id,
            "kind": kind,
            "agent": agent,
            "state": "running",
            "selection_json": _json(selection),
            "source_session_id": source_session_id,
            "started_ms": now_ms(),
            "rev": next_rev(connection),
        }
        return insert_row(connection, "replay", tuple(row), tuple(row.values()))


def update_replay(connection: sqlite3.Connection, replay_id: int, **columns: object) -> None:
    """Sets columns of a replay while it runs (its sessions), and its revision. Raises StorageError."""
    with joined_transaction(connection):
        check_columns(connection, "replay", tuple(columns))
        columns["rev"] = next_rev(connection)
        assignments = ", ".join(f'"{column}" = ?' for column in columns)
        changed = connection.execute(
            f"UPDATE replay SET {assignments} WHERE id = ?", (*columns.values(), replay_id)
        ).rowcount
        if not changed:
            raise StorageError(f"there is no replay {replay_id}")


def finish_replay(
    connection: sqlite3.Connection,
    replay_id: int,
    *,
    state: str,
    words: str,
    result: Mapping[str, Any] | None = None,
    **columns: object,
) -> None:
    """Ends a replay: its state, one sentence for the operator, the result as JSON, and its numbers.

    `columns` are further columns of its row (session_id, control_session_id, metric, value, control_value,
    baseline, standard_error). Raises StorageError for an unknown state, column or replay.
    """
    if state not in STATES or state == "running":
        raise StorageError(f"{state!r} is no end of a replay; ends: {', '.join(STATES[1:])}")
    update_replay(
        connection,
        replay_id,
        **columns,
        state=state,
        words=words,
        result_json=_json(result or {}),
        ended_ms=now_ms(),
    )


def get_replay(connection: sqlite3.Connection, replay_id: int) -> ReplayRow:
    """One replay. Raises StorageError when there is none of this id."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM replay WHERE id = ?", (replay_id,)).fetchall()
    if not rows:
        raise StorageError(f"there is no replay {replay_id}")
    return ReplayRow(*rows[0])


def list_replays(connection: sqlite3.Connection, limit: int = 50) -> list[ReplayRow]:
    """The newest replays first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM replay ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return [ReplayRow(*row) for row in rows]


def replay_of_job(connection: sqlite3.Connection, job_id: int) -> ReplayRow | None:
    """The newest replay of a job, which a later attempt goes on with."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM replay WHERE job_id = ? ORDER BY id DESC LIMIT 1", (job_id,)
    ).fetchall()
    return ReplayRow(*rows[0]) if rows else None


def _json(values: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(values), ensure_ascii=False, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StorageError(f"a replay's selection and result must be JSON: {error}") from error
