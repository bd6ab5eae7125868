"""The queue of jobs, kept in the database: who may run what, and what became of it.

A job is queued, running, then succeeded, failed, cancelled, or interrupted (which is taken up again).
Whoever runs a job holds it by a lease that counts in boot time, and writes to it with the number of
its attempt: an orphan whose lease has been taken over is told so by StaleAttempt and changes nothing.
"""

from storage.jobs.claim import claim, renew
from storage.jobs.queue import (
    JobNotFound,
    cancel_requested,
    children,
    enqueue,
    finish,
    get_job,
    interrupt,
    list_jobs,
    progress,
    record_child,
    request_cancel,
    retry,
)
from storage.jobs.rows import (
    CANCELLED,
    CLAIMABLE,
    ENDED,
    FAILED,
    INTERRUPTED,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    JobRow,
)
from storage.jobs.workers import (
    WorkerRow,
    heartbeat,
    list_workers,
    live_workers,
    register_worker,
    stop_worker,
)

__all__ = [
    "CANCELLED",
    "CLAIMABLE",
    "ENDED",
    "FAILED",
    "INTERRUPTED",
    "QUEUED",
    "RUNNING",
    "SUCCEEDED",
    "JobNotFound",
    "JobRow",
    "WorkerRow",
    "cancel_requested",
    "children",
    "claim",
    "enqueue",
    "finish",
    "get_job",
    "heartbeat",
    "interrupt",
    "list_jobs",
    "list_workers",
    "live_workers",
    "progress",
    "record_child",
    "register_worker",
    "renew",
    "request_cancel",
    "retry",
    "stop_worker",
]
