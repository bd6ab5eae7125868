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


def test_kill_of_the_child_and_then_of_the_worker_changes_no_weight(
    workspace_copy: Workspace, filled: sqlite3.Connection, eventually: Eventually
) -> None:
    job_id = enqueue_training(filled, "cnn", PARAMS, seed=11)
    worker = subprocess.Popen([*WORKER, str(workspace_copy.root)])
    first = eventually(lambda: checkpointed(filled, job_id))
    os.kill(queue.get_job(filled, job_id).pid, signal.SIGKILL)
    second = eventually(lambda: (step := checkpointed(filled, job_id)) > first and step)
    worker.kill()
    worker.wait()
    assert queue.get_job(filled, job_id).attempt == 2
    subprocess.run([*WORKER, str(workspace_copy.root)], check=True)

    job = queue.get_job(filled, job_id)
    assert (job.state, job.attempt) == ("succeeded", 3)
    ((sessions, attempt),) = filled.execute(
        "SELECT count(*), max(attempt) FROM session WHERE job_id = ?", (job_id,)
    ).fetchall()
    assert (sessions, attempt) == (1, 3)
    ((resumed_at,),) = filled.execute(
        "SELECT min(m.step) FROM metric m JOIN session s ON s.id = m.session_id"
        " WHERE s.job_id = ? AND m.attempt = 3",
        (job_id,),
    ).fetchall()
    assert resumed_at > second > first > 0  # it went on; it did not begin anew

    undisturbed = enqueue_training(filled, "cnn", PARAMS, seed=11)
    other_seed = enqueue_training(filled, "cnn", PARAMS, seed=12)
    subprocess.run([*WORKER, str(workspace_copy.root)], check=True)
    assert digest(filled, job_id) == digest(filled, undisturbed)
    assert digest(filled, other_seed) != digest(filled, undisturbed)
