"""Jobs whose supervisor is gone, handed back at once instead of when their lease runs out.

A lease says "nobody has vouched for this job lately" and works across machines. On the same machine and
boot the kernel knows more: whether the process of a worker is still there.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import suppress
from pathlib import Path

from storage import jobs as queue
from storage.errors import StaleAttempt


def process_alive(pid: int) -> bool:
    """Whether `pid` is a running process of this program; a zombie and a reused number are not.

    Where there is no /proc, nobody is declared dead: leases decide there.
    """
    if pid == os.getpid():
        return True  # whoever asks is there, under whatever name it was started
    folder = Path("/proc") / str(pid)
    if not Path("/proc/self").exists():
        return True
    try:
        state = folder.joinpath("stat").read_text().rpartition(")")[2].split()[0]
        command = folder.joinpath("cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"} and b"cointrader" in command


def worker_gone(worker: queue.WorkerRow) -> bool:
    """Whether a worker has ended: it said so, was silent for too long, or its process is not there."""
    if worker.condition in {"dead", "stopped"}:
        return True
    return worker.host == socket.gethostname() and not process_alive(worker.pid)


def release_orphans(connection: sqlite3.Connection) -> list[str]:
    """Hand back every running job whose worker is gone; one text a job says so.

    Not counted as a crash of the job: a worker that was killed, or a power cut, is no fault of its own.
    """
    running = queue.list_jobs(connection, states=(queue.RUNNING,))
    if not running:
        return []
    gone = {worker.id for worker in queue.list_workers(connection) if worker_gone(worker)}
    told = []
    for job in running:
        if job.worker_id not in gone:
            continue
        with suppress(StaleAttempt):  # another worker was quicker
            queue.interrupt(connection, job.id, job.attempt)
            told.append(
                f"job {job.id} ({job.title}) was left by worker {job.worker_id}, which is gone: queued again"
            )
    return told
