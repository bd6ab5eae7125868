"""One row of the queue as its readers see it, and the words for its state."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

QUEUED = "queued"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"
INTERRUPTED = "interrupted"

CLAIMABLE = (QUEUED, INTERRUPTED)
"""States from which a worker takes a job; an interrupted one goes on where it stopped."""

ENDED = (SUCCEEDED, FAILED, CANCELLED)
"""States that a job does not leave by itself."""

STATES = (QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED, INTERRUPTED)


@dataclass(frozen=True)
class JobRow:
    """A job. Times are UTC milliseconds; `lease_until_ns` is boot time, comparable on `boot_id` only.

    `attempt` counts how often the job was claimed, 0 before the first time; it fences every write.
    """

    id: int
    kind: str
    title: str
    arguments: dict[str, Any]
    slot: str
    state: str
    priority: int
    attempt: int
    worker_id: int | None
    pid: int
    boot_id: str
    lease_until_ns: int
    cancel_requested: bool
    progress_done: int
    progress_total: int
    message: str
    error: str
    result: dict[str, Any]
    log_path: str
    parent_id: int | None
    created_ms: int
    started_ms: int | None
    ended_ms: int | None

    @property
    def fraction(self) -> float | None:
        """How much is done, 0 to 1; None before the total is known."""
        if self.progress_total <= 0:
            return None
        return min(1.0, max(0.0, self.progress_done / self.progress_total))

    def eta_ms(self, now_ms: int) -> int | None:
        """Milliseconds until the end at the pace so far; None where that says nothing."""
        fraction = self.fraction
        if self.state != RUNNING or self.started_ms is None or not fraction:
            return None
        return round((now_ms - self.started_ms) * (1.0 - fraction) / fraction)


COLUMNS = (
    "id, kind, title, arguments_json, slot, state, priority, attempt, worker_id, pid, boot_id, "
    "lease_until_ns, cancel_requested, progress_done, progress_total, message, error, result_json, "
    "log_path, parent_id, created_ms, started_ms, ended_ms"
)
"""The columns of a JobRow, in its order, for SELECT and RETURNING."""


def to_row(values: Sequence[Any]) -> JobRow:
    """A JobRow from the values of COLUMNS."""
    row = list(values)
    row[3] = json.loads(row[3])
    row[12] = bool(row[12])
    row[17] = json.loads(row[17])
    return JobRow(*row)


def fetch(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
) -> list[JobRow]:
    """The rows of a statement that selects or returns COLUMNS; no cursor stays open."""
    return [to_row(values) for values in connection.execute(sql, parameters).fetchall()]
