"""What the right end of the header says: the worker, the jobs, the device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True)
class Health:
    """A snapshot; `worker` is alive, silent (heartbeat late), dead (presumed) or none (not started)."""

    worker: str = "unknown"
    silent_seconds: int = 0
    running: int = 0
    waiting: int = 0
    device: str = ""


def read_health(connection: sqlite3.Connection) -> Health:
    """The state of the workers and the queue now."""
    from storage.jobs import CLAIMABLE, RUNNING, list_jobs, list_workers

    workers = list_workers(connection)
    jobs = list_jobs(connection, states=(RUNNING, *CLAIMABLE))
    running = sum(job.state == RUNNING for job in jobs)
    condition, silent = "none", 0
    for wanted in ("alive", "silent"):
        found = [worker for worker in workers if worker.condition == wanted]
        if found:
            condition = wanted
            # Whole seconds and only when it matters: a snapshot that changes repaints the header.
            silent = int(found[0].silent_seconds) if wanted == "silent" else 0
            break
    else:
        if workers and workers[0].condition == "dead":
            condition = "dead"
    return Health(condition, silent, running, len(jobs) - running, device_name())


def device_name() -> str:
    """GPU where the kernel shows an NVIDIA or an AMD compute device, else CPU; asks no library."""
    return "GPU" if Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists() else "CPU"
