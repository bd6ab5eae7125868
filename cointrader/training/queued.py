"""Training asked for and waited for by a caller that must not train itself: through the queue, in a child.

The caller may be any process, a script too; nothing of torch, scikit-learn or LightGBM is loaded in it.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cointrader.training.datasets import store_dataset
from models import registry
from models.base import Dataset
from models.parameters import build
from storage import jobs as queue
from storage.workspace import Workspace

LOOK_SECONDS = 0.1
ENSURE_SECONDS = 15.0
IDLE_EXIT_SECONDS = 5.0


class WorkerNotReached(Exception):
    """No worker could be started; the text is what the command said."""


@dataclass(frozen=True)
class QueuedTraining:
    """How a training ended: the job as it is now, and what is stored of its version ({} without one)."""

    job: queue.JobRow
    metrics: Mapping[str, Any]

    @property
    def succeeded(self) -> bool:
        """Whether a version was stored."""
        return self.job.state == queue.SUCCEEDED

    @property
    def reason(self) -> str:
        """In words: why the version is champion or not, or why there is none."""
        if self.succeeded:
            return str(self.job.result.get("reason", ""))
        if self.job.state in queue.ENDED:
            return self.job.error or f"the training was {self.job.state}"
        return f"the training is still {self.job.state} as job {self.job.id}"


def train_and_wait(
    workspace: Workspace,
    connection: sqlite3.Connection,
    agent: str,
    dataset: Dataset,
    params: Mapping[str, Any],
    *,
    seed: int = 0,
    timeout_seconds: float = 600.0,
) -> QueuedTraining:
    """Stores the dataset, queues the training of `agent` on it, and waits until that has ended.

    A worker is started when none is alive. After the timeout the training goes on and is told of as it is.
    Raises ParameterError, and WorkerNotReached when no worker could be started.
    """
    entry = registry.get(agent)
    build(registry.params_class(agent), params)
    dataset_id = store_dataset(workspace, connection, dataset)
    job_id = queue.enqueue(
        connection,
        kind="train",
        title=f"Train {agent}",
        arguments={"agent": agent, "params": dict(params), "seed": seed, "dataset_id": dataset_id},
        slot=entry.slot,
    )
    job = _wait(workspace, connection, job_id, timeout_seconds)
    return QueuedTraining(job, _metrics(connection, job))


def _wait(
    workspace: Workspace, connection: sqlite3.Connection, job_id: int, timeout_seconds: float
) -> queue.JobRow:
    deadline = time.monotonic() + timeout_seconds
    ensured = -ENSURE_SECONDS
    while True:
        if time.monotonic() - ensured >= ENSURE_SECONDS:
            ensure_worker(workspace)
            ensured = time.monotonic()
        job = queue.get_job(connection, job_id)
        if job.state in queue.ENDED or time.monotonic() >= deadline:
            return job
        time.sleep(LOOK_SECONDS)


def ensure_worker(workspace: Workspace) -> None:
    """A worker of this workspace is alive after this; by the command line, so that it outlives its caller.

    Raises WorkerNotReached.
    """
    command = [
        *(sys.executable, "-P", "-m", "cointrader", "worker", "--ensure"),
        *("--idle-exit", f"{IDLE_EXIT_SECONDS:g}", "--workspace", str(workspace.root)),
    ]
    done = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True)
    if done.returncode != 0:
        raise WorkerNotReached(done.stderr.strip() or f"{' '.join(command)} ended with {done.returncode}")


def _metrics(connection: sqlite3.Connection, job: queue.JobRow) -> Mapping[str, Any]:
    """What was measured of the version that the job stored."""
    session_id = job.result.get("session_id")
    rows = connection.execute(
        "SELECT metrics_json FROM artifact WHERE session_id = ?", (session_id,)
    ).fetchall()
    return dict(json.loads(rows[0][0])["others"]) if rows else {}
