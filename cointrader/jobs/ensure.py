"""A worker where none is: started detached, so that training survives the console that asked for it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cointrader.jobs.orphans import worker_gone
from storage import jobs as queue
from storage.workspace import Workspace

IDLE_EXIT_SECONDS = 600.0
START_SECONDS = 30.0


class WorkerNotStarted(Exception):
    """The worker ended or stayed silent while it was started; the text holds the end of its log."""


def living_workers(connection: sqlite3.Connection) -> list[queue.WorkerRow]:
    """The workers with a fresh heartbeat whose process this machine cannot prove to be gone."""
    return [worker for worker in queue.live_workers(connection) if not worker_gone(worker)]


def ensure_worker(
    workspace: Workspace, connection: sqlite3.Connection, *, idle_exit: float | None = IDLE_EXIT_SECONDS
) -> int:
    """The process id of a living worker of this workspace, started now when there was none.

    `idle_exit` None is for a worker that has something to watch and never ends by itself.
    Callers wait for each other, so that two consoles opened together start one worker. Raises
    WorkerNotStarted.
    """
    with _one_at_a_time(workspace.logs / "worker.lock"):
        living = living_workers(connection)
        if living:
            return living[0].pid
        process = _start(workspace, idle_exit)
        _wait_until_registered(workspace, connection, process)
        # From here on it is nobody's child: its end is not ours to wait for, and Popen need not warn of it.
        process.returncode = 0
        return process.pid


def worker_log(workspace: Workspace) -> Path:
    """What detached workers print."""
    return workspace.logs / "worker.log"


def _start(workspace: Workspace, idle_exit: float | None) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-P", "-m", "cointrader", "worker", "--workspace", str(workspace.root)),
        *(() if idle_exit is None else ("--idle-exit", f"{idle_exit:g}")),
    ]
    with worker_log(workspace).open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=workspace.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_registered(
    workspace: Workspace, connection: sqlite3.Connection, process: subprocess.Popen[bytes]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if any(worker.pid == process.pid for worker in queue.live_workers(connection)):
            return
        try:
            status = process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
        raise WorkerNotStarted(f"the worker ended at once with status {status}: {_last_line(workspace)}")
    process.kill()
    raise WorkerNotStarted(f"the worker did not start within {START_SECONDS:g} s: {_last_line(workspace)}")


def _last_line(workspace: Workspace) -> str:
    """The last line of the worker's log, and where the rest stands."""
    path = worker_log(workspace)
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{lines[-1] if lines else 'it said nothing'} ({path})"


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
