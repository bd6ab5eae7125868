"""A replay killed in its middle goes on with its own two sessions, to the bits of one that never was."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cointrader.jobs.replay import enqueue_replay
from cointrader.settings import Settings
from cointrader.training.replaying.errors import WaitingForEpisodes
from cointrader.training.replaying.request import ReplayKind, ReplayRequest
from storage import jobs as queue
from storage.database import open_database
from storage.replays import ReplayRow, replay_of_job
from storage.sessions import get_session
from storage.workspace import Workspace
from tests.cointrader.training.replaying.walked_workspace import SMALL_CNN, walked_workspace

pytestmark = pytest.mark.xdist_group("torch")

Eventually = Callable[[Callable[[], Any]], Any]
WORKER = (sys.executable, "-P", "-m", "cointrader", "worker", "--once", "--workspace")
STEPS = 400
REQUEST = ReplayRequest(
    ReplayKind.PRIORITISED, "cnn", top=200, seed=4, params={**SMALL_CNN, "steps": str(STEPS)}
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Setups to replay, and a checkpoint at every step."""
    made = walked_workspace(tmp_path / "workspace")
    made.config.write_text("[worker]\ncheckpoint_seconds = 0.1\nmetric_seconds = 0.01\n")
    return made


@pytest.fixture
def connection(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    with closing(open_database(workspace)) as opened:
        yield opened


def replay_of(connection: sqlite3.Connection, job_id: int) -> ReplayRow:
    row = replay_of_job(connection, job_id)
    assert row is not None
    return row


def digests(connection: sqlite3.Connection, job_id: int) -> list[list[str]]:
    """The digests of every step of both sessions of a replay, and of their ends."""
    row = replay_of(connection, job_id)
    found = []
    for session_id in (row.session_id, row.control_session_id):
        steps = connection.execute(
            "SELECT weights_sha256 FROM step WHERE session_id = ? ORDER BY step", (session_id,)
        ).fetchall()
        found.append(
            [str(step[0]) for step in steps] + [get_session(connection, session_id or 0).weights_sha256]
        )
    return found


def checkpoints_of(connection: sqlite3.Connection, job_id: int, column: str) -> int:
    """How many checkpoints the session has that this column of the replay names."""
    return int(
        connection.execute(
            f"SELECT count(*) FROM checkpoint JOIN replay ON replay.{column} = checkpoint.session_id "
            "WHERE replay.job_id = ?",
            (job_id,),
        ).fetchall()[0][0]
    )


def kill_when(
    workspace: Workspace,
    connection: sqlite3.Connection,
    job_id: int,
    moment: Callable[[], Any],
    wait: Eventually,
) -> None:
    """A worker and its child, killed when it is time."""
    worker = subprocess.Popen([*WORKER, str(workspace.root)])
    try:
        wait(moment)
        os.kill(queue.get_job(connection, job_id).pid, signal.SIGKILL)
    finally:
        worker.kill()
        worker.wait()


@pytest.mark.slow
def test_a_killed_replay_goes_on_with_the_same_sessions_to_the_same_bits(
    workspace: Workspace, connection: sqlite3.Connection, eventually: Eventually
) -> None:
    killed = enqueue_replay(connection, REQUEST, Settings())
    kill_when(
        workspace, connection, killed, lambda: checkpoints_of(connection, killed, "session_id"), eventually
    )
    first = replay_of(connection, killed)
    assert first.state == "running" and first.session_id and not first.control_session_id
    kill_when(
        workspace,
        connection,
        killed,
        lambda: checkpoints_of(connection, killed, "control_session_id"),
        eventually,
    )
    second = replay_of(connection, killed)
    # Setups that are rescored in the meantime do not change what the replay has pinned.
    connection.execute("UPDATE setup SET priority = 1.0 - priority")

    undisturbed = enqueue_replay(connection, REQUEST, Settings())
    connection.execute("UPDATE setup SET priority = 1.0 - priority")
    subprocess.run([*WORKER, str(workspace.root)], check=True)
    job, row = queue.get_job(connection, killed), replay_of(connection, killed)
    assert (job.state, row.state) == ("succeeded", "succeeded") and job.attempt >= 3
    assert (row.id, row.session_id) == (first.id, first.session_id)
    assert row.control_session_id == second.control_session_id
    ((sessions, replays),) = connection.execute(
        "SELECT (SELECT count(*) FROM session WHERE job_id = ?), "
        "(SELECT count(*) FROM replay WHERE job_id = ?)",
        (killed, killed),
    ).fetchall()
    assert (sessions, replays) == (2, 1)
    assert digests(connection, killed) == digests(connection, undisturbed)
    assert len(digests(connection, killed)[0]) == STEPS + 1
    # Two whole replays, nearly all of whose rows have a setup; what was computed twice was counted once.
    drawn = connection.execute("SELECT sum(training_count) FROM setup").fetchone()[0]
    assert 1.9 * STEPS * 32 < drawn <= 2 * STEPS * 32
    result = queue.get_job(connection, killed).result
    assert result["words"] == replay_of(connection, undisturbed).words == row.words


@pytest.mark.slow
def test_a_cancelled_replay_says_so_and_trains_no_control(
    workspace: Workspace, connection: sqlite3.Connection, eventually: Eventually
) -> None:
    long = dataclasses.replace(REQUEST, params={**SMALL_CNN, "steps": "1000"})
    job_id = enqueue_replay(connection, long, Settings())
    worker = subprocess.Popen([*WORKER, str(workspace.root)])
    eventually(lambda: checkpoints_of(connection, job_id, "session_id"))
    queue.request_cancel(connection, job_id)
    assert worker.wait() == 0
    row = replay_of(connection, job_id)
    assert (queue.get_job(connection, job_id).state, row.state) == ("cancelled", "cancelled")
    assert row.control_session_id is None and "cancelled after step" in row.words
    assert connection.execute("SELECT max(training_count) FROM setup").fetchone() == (0,)


def test_nothing_is_queued_that_cannot_be_done(connection: sqlite3.Connection) -> None:
    hopeless = ReplayRequest(ReplayKind.PROFITABLE, "cnn", min_profitability=0.995)
    with pytest.raises(WaitingForEpisodes):
        enqueue_replay(connection, hopeless, Settings())
    assert not queue.list_jobs(connection)
