"""Closes become training by themselves: one job at a time, for what can be taught, and it leaves again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cointrader.jobs.close_training import WaitingCloses, train_closes
from cointrader.jobs.process_guard import ControlPipe
from cointrader.jobs.work import JobInterrupted, WorkContext
from cointrader.settings import Settings, TrainingSettings
from cointrader.training.close_training.queueing import ask_to_train
from storage import jobs as queue
from storage.database import open_database, transaction
from storage.outbox import newest_change
from storage.workspace import Workspace
from tests.cointrader.jobs.test_new_candles import Clock
from tests.cointrader.training.close_training.taught_world import close_trades, decided_workspace

pytestmark = pytest.mark.xdist_group("torch")


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = decided_workspace(tmp_path_factory.mktemp("decided") / "workspace")
    with closing(open_database(made)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return made.root


@pytest.fixture
def world(decided: Path, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(decided, tmp_path / "world")))


@pytest.fixture
def opened(world: Workspace) -> Iterator[sqlite3.Connection]:
    with closing(open_database(world)) as connection:
        yield connection


@pytest.fixture
def pipe() -> Iterator[ControlPipe]:
    reading, writing = os.pipe()
    yield ControlPipe(reading)
    os.close(writing)
    os.close(reading)


def claimed(
    world: Workspace, connection: sqlite3.Connection, pipe: ControlPipe, idle_seconds: float = 0.0
) -> WorkContext:
    queue.enqueue(
        connection, kind="train_closes", title="learn", arguments={"idle_seconds": idle_seconds, "seen": 0}
    )
    worker = queue.register_worker(connection, cpu_slots=1, gpu_slots=0)
    job = queue.claim(connection, worker, {"cpu": 1}, 60.0)
    assert job is not None
    return WorkContext(world, connection, Settings(), job, pipe)


def test_a_job_is_queued_once_when_lessons_wait_that_can_be_taught(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    clock = Clock()
    looks = WaitingCloses(opened, TrainingSettings(collection_interval=1.0), clock)
    assert looks.look() == 0  # nothing waits
    close_trades(world, opened, 1)
    assert looks.look() == 0  # it is not time yet
    clock.now += 2.0
    job_id = looks.look()
    assert job_id and queue.get_job(opened, job_id).kind == "train_closes"
    clock.now += 2.0
    assert looks.look() == 0  # somebody is at it


def test_no_job_is_queued_for_lessons_below_their_warm_up_or_that_a_job_has_seen(
    world: Workspace, opened: sqlite3.Connection
) -> None:
    close_trades(world, opened, 1, shares={"rule": 0.5, "cnn": 0.5})
    far = TrainingSettings(min_episodes_for_cnn_training=1_000_000)
    assert WaitingCloses(opened, far).look() == 0
    with transaction(opened):
        job_id = ask_to_train(opened)
    queue.request_cancel(opened, job_id)
    assert WaitingCloses(opened, TrainingSettings()).look() == 0  # it saw all this
    close_trades(world, opened, 1, first=1, shares={"rule": 0.5, "cnn": 0.5})
    assert WaitingCloses(opened, TrainingSettings()).look() > job_id
    assert queue.get_job(opened, job_id + 1).arguments["seen"] == newest_change(opened)


def test_the_job_drains_the_outbox_and_leaves(
    world: Workspace, opened: sqlite3.Connection, pipe: ControlPipe
) -> None:
    close_trades(world, opened, 2)
    told = train_closes(claimed(world, opened, pipe))
    assert told == {"text": "closes learned from: cnn 2, dqn 2", "taught": {"cnn": 2, "dqn": 2}}
    assert opened.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone() == (0,)


def test_the_job_leaves_at_once_when_another_one_wants_its_place(
    world: Workspace, opened: sqlite3.Connection, pipe: ControlPipe
) -> None:
    context = claimed(world, opened, pipe, idle_seconds=3_600.0)
    queue.enqueue(opened, kind="collect", title="collect", arguments={})
    assert train_closes(context)["taught"] == {}


def test_a_worker_that_stops_takes_the_job_up_again_later(
    world: Workspace, opened: sqlite3.Connection, pipe: ControlPipe
) -> None:
    close_trades(world, opened, 2)
    context = claimed(world, opened, pipe)
    pipe.ask()
    with pytest.raises(JobInterrupted):
        train_closes(context)


@pytest.mark.slow
def test_a_worker_teaches_what_waits_without_being_told(world: Workspace, opened: sqlite3.Connection) -> None:
    close_trades(world, opened, 3)
    command = [sys.executable, "-P", "-m", "cointrader", "worker", "--workspace", str(world.root)]
    worker = subprocess.Popen(command, cwd=world.root, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 240.0
        while opened.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone() != (0,):
            assert worker.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        worker.terminate()
        worker.wait()
    rows = opened.execute("SELECT model, state, count(*) FROM outbox GROUP BY model, state").fetchall()
    assert sorted(rows) == [("cnn", "trained", 3), ("cob_rl", "absent", 3), ("dqn", "trained", 3)]
    (log_path,) = opened.execute("SELECT log_path FROM job WHERE kind = 'train_closes'").fetchone()
    log = (world.root / log_path).read_text()
    assert log.count("CNN trained with weight 0.35") == 3
    assert log.count("TRAINED ALL MODELS: PnL=$") == 3
