"""A training that is killed in its middle ends with the weights of one that was not, bit for bit."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from cointrader.jobs.requests import enqueue_training
from storage import jobs as queue
from storage.database import open_database
from storage.workspace import Workspace

Eventually = Callable[[Callable[[], Any]], Any]
WORKER = (sys.executable, "-P", "-m", "cointrader", "worker", "--once", "--workspace")
PARAMS = {"steps": "120", "max_rows": "4000", "evaluate_rows": "256"}


@pytest.fixture
def filled(workspace_copy: Workspace) -> Iterator[sqlite3.Connection]:
    """A bootstrapped workspace that checkpoints at every step."""
    workspace_copy.config.write_text("[worker]\ncheckpoint_seconds = 0.1\n")
    with closing(open_database(workspace_copy)) as connection:
        yield connection


def digest(connection: sqlite3.Connection, job_id: int) -> str:
    query = "SELECT weights_sha256 FROM session WHERE job_id = ? AND state = 'succeeded'"
    ((found,),) = connection.execute(query, (job_id,)).fetchall()
    return str(found)


def checkpointed(connection: sqlite3.Connection, job_id: int) -> int:
    """The newest checkpoint's step of a job's session; 0 before there is one."""
    query = "SELECT coalesce(max(c.step), 0) FROM checkpoint c JOIN session s ON s.id = c.session_id"
    return int(connection.execute(query + " WHERE s.job_id = ?", (job_id,)).fetchall()[0][0])


@pytest.mark.slow
def test_a_killed_training_is_gone_on_with_by_a_new_worker_to_the_same_weights(
    workspace_copy: Workspace, filled: sqlite3.Connection, eventually: Eventually
) -> None:
    killed = enqueue_training(filled, "cnn", PARAMS, seed=11)
    worker = subprocess.Popen([*WORKER, str(workspace_copy.root)])
    reached = eventually(lambda: checkpointed(filled, killed))
    os.kill(queue.get_job(filled, killed).pid, signal.SIGKILL)
    worker.kill()
    worker.wait()

    undisturbed = enqueue_training(filled, "cnn", PARAMS, seed=11)
    subprocess.run([*WORKER, str(workspace_copy.root)], check=True)
    job = queue.get_job(filled, killed)
    assert job.state == "succeeded"
    assert job.attempt > 1
    ((sessions, resumed_at),) = filled.execute(
        "SELECT count(DISTINCT s.id), min(m.step) FROM metric m JOIN session s ON s.id = m.session_id"
        " WHERE s.job_id = ? AND m.attempt = ?",
        (killed, job.attempt),
    ).fetchall()
    assert sessions == 1
    assert resumed_at > reached > 0  # it went on; it did not begin anew
    assert digest(filled, killed) == digest(filled, undisturbed)
