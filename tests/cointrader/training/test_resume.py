"""kill -9 in the middle of a training, and the next attempt ends with the bits of one never killed."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cointrader.settings import Settings, WorkerSettings
from cointrader.training.rebuild import rebuild
from cointrader.training.session import train_agent
from storage.database import open_database
from storage.journal.audit import audit
from storage.sessions import get_session, session_of_job
from storage.steps import journal_of
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


def test_a_session_killed_in_its_middle_is_rebuilt_at_any_step_of_either_attempt(
    workspace: Workspace, connection: sqlite3.Connection, killed: int
) -> None:
    earlier = session_of_job(connection, killed)
    assert earlier is not None
    result = train_agent(
        workspace, "cnn", PARAMS, job_id=killed, attempt=take_over(connection), settings=OFTEN
    )
    steps = connection.execute("SELECT step, attempt FROM step ORDER BY step").fetchall()
    assert [step for step, _ in steps] == list(range(1, PARAMS["steps"] + 1))
    assert {attempt for _, attempt in steps} == {1, 2}
    chosen = [earlier.step, earlier.step + 1, *random.Random(4).sample(range(1, PARAMS["steps"] + 1), 10)]
    for step in chosen:
        rebuilt = rebuild(workspace, connection, result.session_id, step)
        assert (rebuilt.match, rebuilt.comparable) == (True, True)
    journal = journal_of(connection, result.session_id)
    assert journal is not None and (journal.state, journal.note) == ("whole", "")
    assert audit(connection, workspace) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_kills_at_random_moments_each_leave_a_session_that_ends_with_the_same_bits(
    tmp_path: Path,
) -> None:
    moments = random.Random(20)
    seen: set[tuple[str, str]] = set()
    interrupted = 0
    for number in range(20):
        made = Workspace(tmp_path / str(number)).create()
        with closing(open_database(made)) as opened:
            store_candles(made, opened, random_walk(4_000, seed=9))
            job_id = claimed_job(opened)
            interrupted += kill_at_a_moment(made, job_id, moments)
            result = train_agent(
                made, "cnn", PARAMS, job_id=job_id, attempt=take_over(opened), seed=11, settings=OFTEN
            )
            session = get_session(opened, result.session_id)
            steps = opened.execute("SELECT weights_sha256 FROM step ORDER BY step").fetchall()
            assert len(steps) == PARAMS["steps"]
            seen.add((session.weights_sha256, hashlib.sha256(repr(steps).encode()).hexdigest()))
            assert audit(opened, made) == []
            assert rebuild(made, opened, result.session_id, moments.randrange(1, PARAMS["steps"])).match
    assert len(seen) == 1
    assert interrupted > 10  # most of them hit a session that had begun and had not ended


def kill_at_a_moment(workspace: Workspace, job_id: int, moments: random.Random) -> bool:
    """Start attempt 1 and kill -9 it some time after a random step; True in the middle of its steps."""
    process = subprocess.Popen(
        [sys.executable, "-P", str(PROGRAM), str(workspace.root), str(job_id), json.dumps(PARAMS)],
        stdout=subprocess.DEVNULL,
        cwd=workspace.root,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "HOME": str(workspace.root)},
    )
    after = moments.randrange(PARAMS["steps"])
    with closing(open_database(workspace)) as opened:
        while not has_ended(process):
            session = session_of_job(opened, job_id)
            if session is not None and session.step >= after:
                break
        process.kill()
        process.wait()
        session = session_of_job(opened, job_id)
    return session is not None and session.state == "running" and session.step > 0


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it did within the next few milliseconds."""
    try:
        process.wait(0.005)
    except subprocess.TimeoutExpired:
        return False
    return True
