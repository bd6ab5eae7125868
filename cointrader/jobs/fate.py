"""What becomes of a job whose process has ended without having said how.

A job that was to stop is handed back and runs again later. A job that was to be cancelled is cancelled.
Any other end without a word is a crash: the job is attempted again, three attempts at most, because the
third crash at the same place will not be the last. Only crashes count; a supervisor that is restarted ten
times has lost no attempt. A paper run works for months and keeps what it has done bar by bar: of its crashes
only those count between which it has not got on.
"""

from __future__ import annotations

import signal
import sqlite3

from storage import jobs as queue
from storage import paper_runs
from storage.database import transaction
from storage.events import record_event

MAX_CRASHES = 3
LOST = "job.lost"


def subject(job_id: int) -> str:
    """How events name a job."""
    return f"job:{job_id}"


def end_in_words(status: int) -> str:
    """The end of a process for the operator: `killed by SIGKILL`, `exit status 1`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = " (often: the system ran out of memory)" if -status == signal.SIGKILL else ""
    return f"killed by {name}{hint}"


def crashes(connection: sqlite3.Connection, job_id: int) -> int:
    """How often this job's process ended without a word, where it stands now if it is that of a paper run."""
    query = (
        "SELECT count(*) FROM event JOIN job ON job.id = ? WHERE event.kind = ? AND event.subject = ? "
        "AND (job.kind <> ? OR json_extract(event.data_json, '$.done') IS job.progress_done)"
    )
    (count,) = connection.execute(query, (job_id, LOST, subject(job_id), paper_runs.KIND)).fetchall()[0]
    return int(count)


def settle_lost(connection: sqlite3.Connection, job: queue.JobRow, end: str) -> str:
    """Record a crash; the job is queued again or, after the third, failed. Returns its new state.

    The crash is counted together with what it leads to: a settlement that is repeated, because the
    database was locked or the supervisor died, counts it once. Raises StaleAttempt.
    """
    with transaction(connection):
        record_event(
            connection,
            LOST,
            f"{job.title}: its process ended without a result, {end}",
            severity="warning",
            subject=subject(job.id),
            data={"attempt": job.attempt, "done": queue.get_job(connection, job.id).progress_done},
        )
        lost = crashes(connection, job.id)
        if lost < MAX_CRASHES:
            queue.interrupt(connection, job.id, job.attempt)
            return "interrupted"
        text = f"its process ended {lost} times without a result, the last time {end}"
        text += f"; see `cointrader jobs logs {job.id}`"
        queue.finish(connection, job.id, job.attempt, "failed", error=text)
        return "failed"
