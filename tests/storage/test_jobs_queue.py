"""What is written to a job, and what a worker says of itself."""

import os
import sqlite3
import subprocess
import sys

import pytest

from storage import clock, jobs
from storage.database import transaction
from storage.errors import StaleAttempt, StorageError


@pytest.fixture
def job_id(connection: sqlite3.Connection) -> int:
    """A job that runs, at its first attempt."""
    number = jobs.enqueue(connection, kind="train", title="train cnn", arguments={})
    assert jobs.claim(connection, 1, {"cpu": 1}, lease_seconds=30.0) is not None
    return number


def revision(connection: sqlite3.Connection, job_id: int) -> int:
    return int(connection.execute("SELECT rev FROM job WHERE id = ?", (job_id,)).fetchone()[0])


def test_progress_is_seen_and_counted_as_a_change(connection: sqlite3.Connection, job_id: int) -> None:
    before = revision(connection, job_id)
    jobs.progress(connection, job_id, 1, 25, 100, "epoch 1")
    job = jobs.get_job(connection, job_id)
    assert (job.progress_done, job.progress_total, job.message, job.fraction) == (25, 100, "epoch 1", 0.25)
    assert revision(connection, job_id) > before
    assert job.started_ms is not None
    assert job.eta_ms(job.started_ms + 1000) == 3000


def test_a_job_without_a_total_has_neither_fraction_nor_eta(
    connection: sqlite3.Connection, job_id: int
) -> None:
    job = jobs.get_job(connection, job_id)
    assert job.fraction is None
    assert job.eta_ms(clock.now_ms()) is None


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_an_ended_job_keeps_its_result_and_takes_no_more_writes(
    connection: sqlite3.Connection, job_id: int, state: str
) -> None:
    jobs.finish(connection, job_id, 1, state, result={"artifact": 3}, error="why")
    job = jobs.get_job(connection, job_id)
    assert (job.state, job.result, job.error, job.pid) == (state, {"artifact": 3}, "why", 0)
    assert job.ended_ms is not None
    with pytest.raises(StaleAttempt, match=f"is {state}"):
        jobs.progress(connection, job_id, 1, 1, 2)
    assert jobs.request_cancel(connection, job_id) == state


def test_a_job_cannot_end_as_something_that_is_no_end(connection: sqlite3.Connection, job_id: int) -> None:
    with pytest.raises(StorageError, match="not as 'queued'"):
        jobs.finish(connection, job_id, 1, "queued")


def test_a_waiting_job_is_cancelled_at_once(connection: sqlite3.Connection) -> None:
    job_id = jobs.enqueue(connection, kind="import", title="import", arguments={})
    assert jobs.request_cancel(connection, job_id) == "cancelled"
    assert jobs.claim(connection, 1, {"cpu": 1}, 30.0) is None
    assert jobs.get_job(connection, job_id).attempt == 0


def test_a_running_job_is_only_asked_to_end(connection: sqlite3.Connection, job_id: int) -> None:
    assert not jobs.cancel_requested(connection, job_id)
    assert jobs.request_cancel(connection, job_id) == "running"
    assert jobs.cancel_requested(connection, job_id)
    jobs.finish(connection, job_id, 1, "cancelled")
    assert jobs.get_job(connection, job_id).state == "cancelled"


def test_a_failed_job_can_be_tried_again_and_a_running_one_not(
    connection: sqlite3.Connection, job_id: int
) -> None:
    with pytest.raises(StorageError, match="is running"):
        jobs.retry(connection, job_id)
    jobs.finish(connection, job_id, 1, "failed", error="no memory")
    jobs.retry(connection, job_id)
    again = jobs.claim(connection, 1, {"cpu": 1}, 30.0)
    assert again is not None and (again.id, again.attempt, again.error) == (job_id, 2, "")


def test_a_job_stands_or_falls_with_the_transaction_it_was_added_in(connection: sqlite3.Connection) -> None:
    with pytest.raises(RuntimeError), transaction(connection):
        jobs.enqueue(connection, kind="train", title="t", arguments={})
        raise RuntimeError
    assert jobs.list_jobs(connection) == []


def test_arguments_that_are_no_json_are_refused(connection: sqlite3.Connection) -> None:
    for value in (float("nan"), object()):
        with pytest.raises(StorageError, match="not plain JSON"):
            jobs.enqueue(connection, kind="train", title="t", arguments={"rate": value})


def test_jobs_are_listed_newest_first_by_state_and_by_parent(
    connection: sqlite3.Connection, job_id: int
) -> None:
    child = jobs.enqueue(connection, kind="train", title="child", arguments={}, parent_id=job_id)
    assert [job.id for job in jobs.list_jobs(connection)] == [child, job_id]
    assert [job.id for job in jobs.list_jobs(connection, states=["running"])] == [job_id]
    assert [job.id for job in jobs.children(connection, job_id)] == [child]


def test_a_job_that_does_not_exist_is_named(connection: sqlite3.Connection) -> None:
    for ask in (jobs.get_job, jobs.cancel_requested, jobs.request_cancel, jobs.retry):
        with pytest.raises(jobs.JobNotFound, match="no job 99"):
            ask(connection, 99)


def conditions(connection: sqlite3.Connection) -> list[str]:
    return [worker.condition for worker in jobs.list_workers(connection)]


def silence(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute("UPDATE worker SET heartbeat_ns = ?", (clock.boottime_ns() - round(seconds * 1e9),))


def test_a_worker_is_alive_then_silent_then_dead(connection: sqlite3.Connection) -> None:
    worker_id = jobs.register_worker(connection, cpu_slots=2, gpu_slots=0)
    assert conditions(connection) == ["alive"]
    silence(connection, 30)
    assert conditions(connection) == ["silent"]
    assert len(jobs.live_workers(connection)) == 1
    silence(connection, 90)
    assert conditions(connection) == ["dead"]
    assert jobs.live_workers(connection) == []
    jobs.heartbeat(connection, worker_id)
    assert conditions(connection) == ["alive"]


def test_a_worker_of_another_boot_or_without_a_process_is_dead(connection: sqlite3.Connection) -> None:
    jobs.register_worker(connection, cpu_slots=1, gpu_slots=0)
    connection.execute("UPDATE worker SET boot_id = 'the boot before'")
    assert conditions(connection) == ["dead"]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    connection.execute("UPDATE worker SET boot_id = ?, pid = ?", (clock.boot_id(), gone.pid))
    assert conditions(connection) == ["dead"]
    connection.execute("UPDATE worker SET pid = ?", (os.getpid(),))
    assert conditions(connection) == ["alive"]


def test_a_worker_that_ended_in_good_order_is_stopped(connection: sqlite3.Connection) -> None:
    worker_id = jobs.register_worker(connection, cpu_slots=1, gpu_slots=0)
    jobs.stop_worker(connection, worker_id)
    assert conditions(connection) == ["stopped"]
    with pytest.raises(StorageError, match="no worker 7"):
        jobs.heartbeat(connection, 7)


def test_a_worker_is_seen_to_live_however_many_came_and_went_after_it(connection: sqlite3.Connection) -> None:
    steady = jobs.register_worker(connection, cpu_slots=1, gpu_slots=0)
    for _ in range(30):
        jobs.stop_worker(connection, jobs.register_worker(connection, cpu_slots=1, gpu_slots=0))
    assert [worker.id for worker in jobs.live_workers(connection)] == [steady]
