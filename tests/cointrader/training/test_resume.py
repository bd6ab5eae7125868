"""kill -9 in the middle of a training, and the next attempt ends with the bits of one never killed."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cointrader.settings import Settings, WorkerSettings
from cointrader.training.session import train_agent
from storage.database import open_database
from storage.sessions import get_session, session_of_job
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import claimed_job, store_candles, take_over
from tests.models.walks import random_walk

pytestmark = pytest.mark.xdist_group("torch")

REPOSITORY = Path(__file__).parents[3]
PROGRAM = Path(__file__).parent / "programs" / "train_until_killed.py"
PARAMS = {
    "steps": 200,
    "batch_size": 64,
    "window_bars": 32,
    "channels": 16,
    "hidden": 16,
    "evaluate_every": 25,
    "evaluate_rows": 256,
    "patience": 1_000,
}
OFTEN = Settings(worker=WorkerSettings(metric_seconds=0.01, checkpoint_seconds=0.1))


def kill_at_first_checkpoint(workspace: Workspace, job_id: int) -> None:
    """Start attempt 1 in a process of its own and kill -9 it when its first checkpoint is written."""
    process = subprocess.Popen(
        [sys.executable, "-P", str(PROGRAM), str(workspace.root), str(job_id), json.dumps(PARAMS)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=workspace.root,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "HOME": str(workspace.root)},
    )
    try:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("checkpoint"))
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.fixture
def killed(workspace: Workspace, connection: sqlite3.Connection) -> int:
    """The job of a training whose process was killed after a checkpoint."""
    store_candles(workspace, connection, random_walk(4_000, seed=9))
    job_id = claimed_job(connection)
    kill_at_first_checkpoint(workspace, job_id)
    session = session_of_job(connection, job_id)
    assert session is not None and session.state == "running"
    assert 0 < session.step < PARAMS["steps"]
    return job_id


def test_a_killed_training_goes_on_to_the_bits_of_one_that_was_not_killed(
    workspace: Workspace, connection: sqlite3.Connection, killed: int
) -> None:
    earlier = session_of_job(connection, killed)
    assert earlier is not None
    # Candles that came in the meantime do not change what the session has pinned.
    store_candles(workspace, connection, random_walk(9_000, seed=10, symbol="ETH/USDT"))
    said: list[str] = []
    attempt = take_over(connection)
    result = train_agent(
        workspace, "cnn", PARAMS, job_id=killed, attempt=attempt, settings=OFTEN, say=said.append
    )
    session = get_session(connection, result.session_id)
    assert (session.id, session.attempt, session.state) == (earlier.id, 2, "succeeded")
    assert any(line.startswith("going on after step") for line in said)
    first = connection.execute("SELECT min(step) FROM metric WHERE attempt = 2").fetchone()[0]
    assert 1 < first <= earlier.step + 1

    whole = Workspace(workspace.root.parent / "never_killed").create()
    other = open_database(whole)
    try:
        store_candles(whole, other, random_walk(4_000, seed=9))
        reference = train_agent(whole, "cnn", PARAMS, seed=11)
        assert get_session(other, reference.session_id).weights_sha256 == session.weights_sha256
    finally:
        other.close()
    assert (result.metric, result.value) == (reference.metric, reference.value)
