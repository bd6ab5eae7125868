"""The workers: who takes jobs, and whether it is still there.

A worker writes a heartbeat in boot time. Readers do not believe a state column: a worker of another
boot is gone, one that was silent for some time is said to be silent, and one whose process does not
exist any more is gone as well.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from dataclasses import dataclass

from storage import clock
from storage.database import joined_transaction
from storage.errors import StorageError
from storage.revision import next_rev

SILENT_AFTER_SECONDS = 10.0
"""A worker that said nothing for so long is shown as silent."""

DEAD_AFTER_SECONDS = 60.0
"""A worker that said nothing for so long is presumed dead."""


@dataclass(frozen=True)
class WorkerRow:
    """A worker and how long it has been silent; `condition` is alive, silent, dead or stopped."""

    id: int
    pid: int
    host: str
    state: str
    started_ms: int
    cpu_slots: int
    gpu_slots: int
    silent_seconds: float
    condition: str


def register_worker(connection: sqlite3.Connection, *, cpu_slots: int, gpu_slots: int) -> int:
    """Announces the calling process as a worker and returns its id."""
    with joined_transaction(connection):
        rows = connection.execute(
            "INSERT INTO worker (pid, host, boot_id, heartbeat_ns, state, started_ms, cpu_slots, gpu_slots, "
            "rev) VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?) RETURNING id",
            (
                os.getpid(),
                socket.gethostname(),
                clock.boot_id(),
                clock.boottime_ns(),
                clock.now_ms(),
                cpu_slots,
                gpu_slots,
                next_rev(connection),
            ),
        ).fetchall()
    return int(rows[0][0])


def heartbeat(connection: sqlite3.Connection, worker_id: int) -> None:
    """Says that the worker is there. Raises StorageError when it was never announced."""
    with joined_transaction(connection):
        changed = connection.execute(
            "UPDATE worker SET heartbeat_ns = ?, boot_id = ? WHERE id = ?",
            (clock.boottime_ns(), clock.boot_id(), worker_id),
        ).rowcount
    if changed != 1:
        raise StorageError(f"there is no worker {worker_id}")


def stop_worker(connection: sqlite3.Connection, worker_id: int) -> None:
    """Says that the worker has ended in good order."""
    with joined_transaction(connection):
        connection.execute(
            "UPDATE worker SET state = 'stopped', rev = ? WHERE id = ?", (next_rev(connection), worker_id)
        )


def list_workers(connection: sqlite3.Connection, *, limit: int = 20) -> list[WorkerRow]:
    """The newest workers first, each with its condition now."""
    return _workers(connection, "1 ORDER BY id DESC LIMIT ?", (limit,))


def _workers(connection: sqlite3.Connection, where: str, values: tuple[int | str, ...]) -> list[WorkerRow]:
    rows = connection.execute(
        "SELECT id, pid, host, boot_id, heartbeat_ns, state, started_ms, cpu_slots, gpu_slots FROM worker "
        f"WHERE {where}",
        values,
    ).fetchall()
    boot, now_ns, host = clock.boot_id(), clock.boottime_ns(), socket.gethostname()
    workers = []
    for worker_id, pid, name, its_boot, heartbeat_ns, state, started_ms, cpu_slots, gpu_slots in rows:
        silent = max(0.0, (now_ns - heartbeat_ns) / 1e9) if its_boot == boot else float("inf")
        gone = silent > DEAD_AFTER_SECONDS or (name == host and not _exists(pid))
        condition = "stopped" if state != "running" else _condition(silent, gone)
        workers.append(
            WorkerRow(worker_id, pid, name, state, started_ms, cpu_slots, gpu_slots, silent, condition)
        )
    return workers


def live_workers(connection: sqlite3.Connection) -> list[WorkerRow]:
    """The workers that are alive, or only silent (a machine under load); newest first.

    However many came and went since they started.
    """
    oldest_ns = clock.boottime_ns() - round(DEAD_AFTER_SECONDS * 1e9)
    fresh = _workers(
        connection,
        "state = 'running' AND boot_id = ? AND heartbeat_ns >= ? ORDER BY id DESC",
        (clock.boot_id(), oldest_ns),
    )
    return [worker for worker in fresh if worker.condition in {"alive", "silent"}]


def _condition(silent_seconds: float, gone: bool) -> str:
    if gone:
        return "dead"
    return "silent" if silent_seconds > SILENT_AFTER_SECONDS else "alive"


def _exists(pid: int) -> bool:
    """Whether a process of that number exists; signal 0 only asks (kill(2))."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
