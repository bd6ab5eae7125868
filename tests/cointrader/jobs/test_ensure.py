"""Somebody works, and only one."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cointrader.jobs.ensure import WorkerNotStarted, ensure_worker, living_workers
from storage import jobs as queue
from storage.workspace import Workspace

ENSURE = (sys.executable, "-P", "-m", "cointrader", "worker", "--ensure")
Eventually = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def workers_end(connection: sqlite3.Connection) -> Iterator[None]:
    """Ends every worker that the test has started."""
    yield
    for worker in living_workers(connection):
        os.kill(worker.pid, signal.SIGKILL)


@pytest.mark.usefixtures("workers_end")
def test_callers_at_the_same_time_get_the_same_worker(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    command = [*ENSURE, "--workspace", str(workspace.root)]
    callers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {caller.communicate()[0] for caller in callers}
    assert len(answers) == 1
    assert len(living_workers(connection)) == 1


@pytest.mark.usefixtures("workers_end")
def test_a_worker_that_was_killed_is_replaced(
    workspace: Workspace, connection: sqlite3.Connection, eventually: Eventually
) -> None:
    first = ensure_worker(workspace, connection)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not living_workers(connection))
    assert ensure_worker(workspace, connection) != first


@pytest.mark.usefixtures("workers_end")
def test_the_worker_does_not_hold_the_files_of_whoever_started_it(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    command = [*ENSURE, "--workspace", str(workspace.root)]
    # A pipe that the worker had inherited would keep this from ever reading its end.
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (worker,) = living_workers(connection)
    assert os.getsid(worker.pid) == worker.pid


def test_a_worker_that_cannot_start_is_explained(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    workspace.config.write_text("[worker]\ncpu_slots = 0\n")
    with pytest.raises(WorkerNotStarted, match="cpu_slots"):
        ensure_worker(workspace, connection)
    assert queue.live_workers(connection) == []
