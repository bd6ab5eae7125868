"""Taking a job, and keeping it: one atomic statement and a lease.

The lease ends at a boot time, not at a time of the wall clock, so that setting the clock neither frees
a job that runs nor keeps one whose worker is gone; after a restart of the machine (another boot id)
every lease is over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from storage import clock
from storage.database import transaction
from storage.jobs.open_sessions import end_open_sessions
from storage.jobs.rows import CANCELLED, COLUMNS, JobRow, fetch
from storage.revision import next_rev

_LOST = "(state = 'running' AND (boot_id <> :boot OR lease_until_ns < :now_ns))"
_FREE = f"(state IN ('queued', 'interrupted') OR {_LOST})"


def claim(
    connection: sqlite3.Connection, worker_id: int, slots: Mapping[str, int], lease_seconds: float
) -> JobRow | None:
    """Takes the next job, by priority and then by age, and returns it; None when there is none.

    `slots` says how many more jobs of each slot this worker can run now, as {"cpu": 2, "gpu": 0}.
    Free are queued and interrupted jobs, and running ones whose lease ran out or was given under another
    boot: those come back with their attempt raised. A free job with a cancel request is cancelled here
    instead. While nothing is free the database is only read.
    """
    values: dict[str, Any] = {
        "boot": clock.boot_id(),
        "now_ns": clock.boottime_ns(),
        "now_ms": clock.now_ms(),
        "worker": worker_id,
    }
    wanted = [slot for slot, count in slots.items() if count > 0]
    marks = ", ".join(f":slot{number}" for number in range(len(wanted)))
    values |= {f"slot{number}": slot for number, slot in enumerate(wanted)}
    fits = f"slot IN ({marks})" if wanted else "0"
    look = f"SELECT 1 FROM job WHERE {_FREE} AND (cancel_requested = 1 OR {fits}) LIMIT 1"
    if not connection.execute(look, values).fetchall():
        return None
    values["until_ns"] = values["now_ns"] + round(lease_seconds * 1e9)
    with transaction(connection):
        values["rev"] = next_rev(connection)
        cancelled = connection.execute(
            "UPDATE job SET state = 'cancelled', ended_ms = :now_ms, message = 'cancelled', rev = :rev "
            f"WHERE cancel_requested = 1 AND {_FREE} RETURNING id",
            values,
        ).fetchall()
        for (job_id,) in cancelled:
            end_open_sessions(connection, job_id, CANCELLED)
        taken = fetch(
            connection,
            "UPDATE job SET state = 'running', attempt = attempt + 1, worker_id = :worker, pid = 0, "
            "boot_id = :boot, lease_until_ns = :until_ns, started_ms = :now_ms, ended_ms = NULL, "
            "message = '', error = '', rev = :rev "
            f"WHERE id = (SELECT id FROM job WHERE {_FREE} AND {fits} "
            f"ORDER BY priority DESC, id LIMIT 1) RETURNING {COLUMNS}",
            values,
        )
    return taken[0] if taken else None


def renew(connection: sqlite3.Connection, job_id: int, attempt: int, lease_seconds: float) -> bool:
    """Prolongs the lease from now; False when the attempt is no longer the one that runs.

    A lease that ran out but was not taken over yet is given again: the job never stopped.
    """
    with transaction(connection):
        changed = connection.execute(
            "UPDATE job SET lease_until_ns = ?, boot_id = ? "
            "WHERE id = ? AND attempt = ? AND state = 'running'",
            (clock.boottime_ns() + round(lease_seconds * 1e9), clock.boot_id(), job_id, attempt),
        ).rowcount
    return changed == 1
