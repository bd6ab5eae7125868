"""Jobs in real processes: what is killed, who notices, and what becomes of the work."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cointrader.jobs.fate import crashes, settle_lost
from cointrader.jobs.orphans import process_alive
from cointrader.jobs.supervisor import Supervisor
from cointrader.settings import WorkerSettings
from storage import jobs as queue
from storage.clock import boottime_ns
from storage.errors import DatabaseLocked
from storage.workspace import Workspace
from tests.cointrader.jobs.programs import CHILD_PROGRAM

ROOT = Path(__file__).parents[3]
Eventually = Callable[[Callable[[], Any]], Any]
Supervise = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def supervise(workspace: Workspace) -> Iterator[Supervise]:
    """Starts workers of the workspace; those that still run at the end are killed."""
    started: list[subprocess.Popen[str]] = []

    def start(idle_exit: float | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.cointrader.jobs.programs", "supervise", str(workspace.root)]
        if idle_exit is not None:
            command.append(str(idle_exit))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the jobs of `programs` leave their notes."""
    made = tmp_path / "notes"
    made.mkdir()
    return made


def add(connection: sqlite3.Connection, kind: str, folder: Path) -> int:
    return queue.enqueue(connection, kind=kind, title=f"A {kind} job", arguments={"folder": str(folder)})


def state(connection: sqlite3.Connection, job_id: int) -> str:
    return queue.get_job(connection, job_id).state


def begun(folder: Path, job_id: int, attempt: int) -> int:
    """The process id of an attempt that has begun; 0 before."""
    path = folder / f"begun-{job_id}-{attempt}"
    return int(path.read_text()) if path.exists() else 0


def test_a_job_runs_in_a_child_whose_output_is_kept(
    workspace: Workspace, connection: sqlite3.Connection, folder: Path, supervise: Supervise
) -> None:
    (folder / "go").touch()
    job_id = add(connection, "wait", folder)
    worker = supervise(idle_exit=0)
    assert worker.wait(timeout=60) == 0
    job = queue.get_job(connection, job_id)
    assert (job.state, job.attempt, job.result) == ("succeeded", 1, {"attempt": 1})
    assert job.log_path == f"logs/job-{job_id}.log"
    assert "attempt 1: A wait job" in (workspace.root / job.log_path).read_text()
    assert begun(folder, job_id, 1) != worker.pid
    assert queue.live_workers(connection) == []


def test_a_killed_child_is_noticed_and_its_job_is_attempted_again(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise, eventually: Eventually
) -> None:
    job_id = add(connection, "wait", folder)
    supervise()
    os.kill(eventually(lambda: begun(folder, job_id, 1)), signal.SIGKILL)
    eventually(lambda: begun(folder, job_id, 2))
    (folder / "go").touch()
    eventually(lambda: state(connection, job_id) == "succeeded")
    assert queue.get_job(connection, job_id).result == {"attempt": 2}


def test_a_job_that_crashes_three_times_fails_and_says_how(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise
) -> None:
    job_id = add(connection, "crash", folder)
    assert supervise(idle_exit=0).wait(timeout=60) == 0
    job = queue.get_job(connection, job_id)
    assert (job.state, job.attempt) == ("failed", 3)
    assert "ended 3 times without a result" in job.error
    assert "SIGKILL" in job.error
    assert f"cointrader jobs logs {job_id}" in job.error
    assert not begun(folder, job_id, 4)


def test_a_child_that_is_asked_to_end_hands_its_job_back_and_that_is_no_crash(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise, eventually: Eventually
) -> None:
    job_id = add(connection, "wait", folder)
    supervise()
    os.kill(eventually(lambda: begun(folder, job_id, 1)), signal.SIGTERM)
    os.kill(eventually(lambda: begun(folder, job_id, 2)), signal.SIGHUP)
    eventually(lambda: begun(folder, job_id, 3))
    (folder / "go").touch()
    eventually(lambda: state(connection, job_id) == "succeeded")
    assert crashes(connection, job_id) == 0


def test_an_error_of_the_work_fails_the_job_at_once_with_its_text(
    workspace: Workspace, connection: sqlite3.Connection, folder: Path, supervise: Supervise
) -> None:
    job_id = add(connection, "fail", folder)
    assert supervise(idle_exit=0).wait(timeout=60) == 0
    job = queue.get_job(connection, job_id)
    assert (job.state, job.attempt, job.error) == ("failed", 1, "ZeroDivisionError: a fault of the work")
    assert "Traceback" in (workspace.root / job.log_path).read_text()


def test_the_children_of_a_killed_supervisor_die_and_a_new_one_takes_their_jobs(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise, eventually: Eventually
) -> None:
    jobs = [add(connection, "wait", folder), add(connection, "deaf", folder)]
    worker = supervise()
    children = [eventually(lambda job_id=job_id: begun(folder, job_id, 1)) for job_id in jobs]
    worker.kill()
    worker.wait()
    eventually(lambda: not any(process_alive(child) for child in children))
    supervise()
    assert all(eventually(lambda job_id=job_id: begun(folder, job_id, 2)) for job_id in jobs)


@pytest.mark.slow
def test_a_worker_that_is_told_to_end_hands_its_jobs_back_without_counting_a_crash(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise, eventually: Eventually
) -> None:
    job_id = add(connection, "wait", folder)
    for attempt in range(1, 5):
        worker = supervise()
        eventually(lambda attempt=attempt: begun(folder, job_id, attempt))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=60) == 0
        assert state(connection, job_id) == "interrupted"
    (folder / "go").touch()
    assert supervise(idle_exit=0).wait(timeout=60) == 0
    assert queue.get_job(connection, job_id).result == {"attempt": 5}


def test_a_second_signal_does_not_wait_for_a_deaf_job(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise, eventually: Eventually
) -> None:
    job_id = add(connection, "deaf", folder)
    worker = supervise()
    child = eventually(lambda: begun(folder, job_id, 1))
    worker.send_signal(signal.SIGTERM)
    assert worker.stdout is not None
    eventually(lambda: "stopping" in worker.stdout.readline())
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=60) == 0
    assert not process_alive(child)
    assert state(connection, job_id) == "interrupted"


def test_a_cancelled_job_ends_at_its_next_step_and_the_worker_goes_on(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise, eventually: Eventually
) -> None:
    job_id = add(connection, "wait", folder)
    worker = supervise()
    eventually(lambda: begun(folder, job_id, 1))
    assert queue.request_cancel(connection, job_id) == "running"
    eventually(lambda: state(connection, job_id) == "cancelled")
    assert worker.poll() is None


def test_two_workers_share_the_queue_and_run_no_job_twice(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise, eventually: Eventually
) -> None:
    jobs = [add(connection, "wait", folder) for _ in range(6)]
    workers = [supervise(idle_exit=1), supervise(idle_exit=1)]
    eventually(lambda: len({queue.get_job(connection, job).worker_id for job in jobs} - {None}) == 2)
    (folder / "go").touch()
    for worker in workers:
        assert worker.wait(timeout=60) == 0
    assert [queue.get_job(connection, job).state for job in jobs] == ["succeeded"] * 6
    assert len(list(folder.glob("done-*"))) == 6


def test_a_worker_never_runs_more_jobs_than_it_has_slots(
    workspace: Workspace,
    connection: sqlite3.Connection,
    folder: Path,
    supervise: Supervise,
    eventually: Eventually,
) -> None:
    workspace.config.write_text("[worker]\ncpu_slots = 1\n")
    first, second = add(connection, "wait", folder), add(connection, "wait", folder)
    worker = supervise(idle_exit=1)
    eventually(lambda: begun(folder, first, 1))
    (heartbeat,) = connection.execute("SELECT heartbeat_ns FROM worker").fetchone()
    query = "SELECT heartbeat_ns FROM worker"
    eventually(lambda: connection.execute(query).fetchone()[0] > heartbeat)
    assert state(connection, second) == "queued"
    (folder / "go").touch()
    assert worker.wait(timeout=60) == 0
    assert state(connection, second) == "succeeded"


def test_an_orphan_that_was_replaced_cannot_write_over_its_successor(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise, eventually: Eventually
) -> None:
    job_id = add(connection, "wait", folder)
    worker = supervise()
    child = eventually(lambda: begun(folder, job_id, 1))
    # The worker is stopped, not dead: its lease runs out and somebody else takes the job.
    worker.send_signal(signal.SIGSTOP)
    connection.execute("UPDATE job SET lease_until_ns = 0")
    taken = queue.claim(connection, 999, {"cpu": 1}, lease_seconds=60)
    assert taken is not None
    assert taken.attempt == 2
    (folder / "go").touch()
    worker.send_signal(signal.SIGCONT)
    eventually(lambda: not process_alive(child))
    job = queue.get_job(connection, job_id)
    assert (job.state, job.attempt, job.worker_id) == ("running", 2, 999)


def test_an_idle_worker_leaves_no_write_ahead_log_behind(
    workspace: Workspace, connection: sqlite3.Connection, folder: Path, supervise: Supervise
) -> None:
    (folder / "go").touch()
    add(connection, "wait", folder)
    assert supervise(idle_exit=0).wait(timeout=60) == 0
    wal = workspace.database.with_name("cointrader.db-wal")
    assert not wal.exists() or wal.stat().st_size == 0


def lose_lease(connection: sqlite3.Connection) -> None:
    """What a machine that slept does to the lease of a first attempt; the next one keeps its own."""
    connection.execute(
        "UPDATE job SET lease_until_ns = ? WHERE state = 'running' AND attempt = 1", (boottime_ns() - 1,)
    )


def test_a_worker_that_takes_its_own_job_again_leaves_no_earlier_process_behind(
    connection: sqlite3.Connection, folder: Path, supervise: Supervise, eventually: Eventually
) -> None:
    job_id = add(connection, "deaf", folder)
    supervise()
    first = eventually(lambda: begun(folder, job_id, 1))

    def taken_again() -> int:
        lose_lease(connection)
        return begun(folder, job_id, 2)

    eventually(taken_again)
    eventually(lambda: not process_alive(first))


@pytest.fixture
def supervisor(workspace: Workspace, connection: sqlite3.Connection) -> Iterator[Supervisor]:
    """A worker in this process, turned by hand; its children are killed at the end."""
    made = Supervisor(workspace, connection, WorkerSettings(), child_program=CHILD_PROGRAM)
    yield made
    made._kill_children()


def test_a_beat_that_met_a_lock_is_made_up_for_before_anything_is_claimed(
    connection: sqlite3.Connection,
    folder: Path,
    supervisor: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_id = add(connection, "wait", folder)
    assert supervisor._turn()

    def locked(connection: sqlite3.Connection, worker_id: int) -> None:
        raise DatabaseLocked("somebody holds it")

    monkeypatch.setattr(supervisor, "_beat_at_ns", 0)
    with monkeypatch.context() as patched:
        patched.setattr(queue, "heartbeat", locked)
        assert supervisor._turn()
    lose_lease(connection)
    assert supervisor._turn()
    assert queue.get_job(connection, job_id).attempt == 1
    assert queue.get_job(connection, job_id).lease_until_ns > boottime_ns()


def test_a_crash_whose_settlement_was_cut_off_is_counted_once(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.enqueue(connection, kind="train", title="train", arguments={})
    job = queue.claim(connection, 1, {"cpu": 1}, lease_seconds=30.0)
    assert job is not None

    def locked(*arguments: Any) -> None:
        raise DatabaseLocked("somebody holds it")

    with monkeypatch.context() as patched:
        patched.setattr(queue, "interrupt", locked)
        with pytest.raises(DatabaseLocked):
            settle_lost(connection, job, "exit status 1")
    assert crashes(connection, job.id) == 0
    assert settle_lost(connection, job, "exit status 1") == "interrupted"
    assert crashes(connection, job.id) == 1
