"""Who gets a job, and when another may have it."""

import sqlite3
from contextlib import ExitStack

import pytest

from storage import clock, jobs
from storage.errors import StaleAttempt
from storage.workspace import Workspace
from tests.storage.processes import program, says, tell

ALL_SLOTS = {"cpu": 1, "gpu": 1}


def enqueue(connection: sqlite3.Connection, **values: object) -> int:
    wanted = {"kind": "train", "title": "train cnn", "arguments": {"agent": "cnn"}} | values
    return jobs.enqueue(connection, **wanted)  # type: ignore[arg-type]


def claim(connection: sqlite3.Connection, slots: dict[str, int] | None = None) -> jobs.JobRow | None:
    return jobs.claim(connection, 1, ALL_SLOTS if slots is None else slots, lease_seconds=30.0)


def run_out(connection: sqlite3.Connection, job_id: int) -> None:
    """Ends the lease of a job, as if its worker had been silent for long enough."""
    connection.execute("UPDATE job SET lease_until_ns = ? WHERE id = ?", (clock.boottime_ns() - 1, job_id))


def test_a_claimed_job_runs_for_its_worker_with_its_first_attempt(connection: sqlite3.Connection) -> None:
    job_id = enqueue(connection)
    job = claim(connection)
    assert job is not None
    assert (job.id, job.state, job.attempt, job.worker_id) == (job_id, "running", 1, 1)
    assert job.arguments == {"agent": "cnn"}
    assert job.lease_until_ns > clock.boottime_ns()
    assert claim(connection) is None


def test_a_higher_priority_runs_first_and_then_the_older_job(connection: sqlite3.Connection) -> None:
    ids = [enqueue(connection), enqueue(connection), enqueue(connection, priority=5)]
    taken = [claim(connection) for _ in ids]
    assert [job.id for job in taken if job] == [ids[2], ids[0], ids[1]]


def test_a_job_waits_for_a_free_slot_of_its_kind(connection: sqlite3.Connection) -> None:
    gpu, cpu = enqueue(connection, slot="gpu"), enqueue(connection, slot="cpu")
    first = claim(connection, {"cpu": 1, "gpu": 0})
    assert first is not None and first.id == cpu
    assert claim(connection, {"cpu": 1, "gpu": 0}) is None
    assert claim(connection, {}) is None
    second = claim(connection, {"cpu": 0, "gpu": 1})
    assert second is not None and second.id == gpu


def test_looking_into_an_empty_queue_does_not_write(connection: sqlite3.Connection) -> None:
    before = connection.total_changes
    assert claim(connection) is None
    assert connection.total_changes == before


def test_a_job_whose_lease_ran_out_is_taken_over_and_its_orphan_is_refused(
    connection: sqlite3.Connection,
) -> None:
    job_id = enqueue(connection)
    claim(connection)
    run_out(connection, job_id)
    taken = claim(connection)
    assert taken is not None and (taken.id, taken.attempt) == (job_id, 2)
    assert not jobs.renew(connection, job_id, 1, 30.0)
    for write in (
        lambda: jobs.progress(connection, job_id, 1, 5, 10, "orphan"),
        lambda: jobs.finish(connection, job_id, 1, "failed", error="orphan"),
        lambda: jobs.interrupt(connection, job_id, 1),
        lambda: jobs.record_child(connection, job_id, 1, pid=7, log_path="orphan"),
    ):
        with pytest.raises(StaleAttempt, match="taken over by attempt 2"):
            write()
    now = jobs.get_job(connection, job_id)
    assert (now.state, now.message, now.error, now.pid) == ("running", "", "", 0)


def test_a_job_of_another_boot_is_taken_over_whatever_its_lease_says(connection: sqlite3.Connection) -> None:
    job_id = enqueue(connection)
    claim(connection)
    connection.execute("UPDATE job SET boot_id = 'the boot before', lease_until_ns = ?", (2**62,))
    taken = claim(connection)
    assert taken is not None and (taken.id, taken.attempt) == (job_id, 2)


def test_a_renewed_lease_keeps_the_job(connection: sqlite3.Connection) -> None:
    job_id = enqueue(connection)
    claim(connection)
    run_out(connection, job_id)
    assert jobs.renew(connection, job_id, 1, 30.0)
    assert claim(connection) is None


def test_an_interrupted_job_goes_on_with_the_next_attempt(connection: sqlite3.Connection) -> None:
    job_id = enqueue(connection)
    claim(connection)
    jobs.interrupt(connection, job_id, 1)
    assert jobs.get_job(connection, job_id).state == "interrupted"
    again = claim(connection)
    assert again is not None and (again.id, again.attempt, again.ended_ms) == (job_id, 2, None)


def test_a_lost_job_that_was_to_be_cancelled_is_cancelled_and_not_run_again(
    connection: sqlite3.Connection,
) -> None:
    job_id = enqueue(connection)
    claim(connection)
    assert jobs.request_cancel(connection, job_id) == "running"
    assert claim(connection) is None
    assert jobs.get_job(connection, job_id).state == "running"
    run_out(connection, job_id)
    assert claim(connection) is None
    job = jobs.get_job(connection, job_id)
    assert (job.state, job.attempt) == ("cancelled", 1)
    assert job.ended_ms is not None


def test_two_processes_never_get_the_same_job(workspace: Workspace, connection: sqlite3.Connection) -> None:
    ids = [enqueue(connection) for _ in range(60)]
    with ExitStack() as stack:
        workers = [stack.enter_context(program("claim_jobs", workspace.database)) for _ in range(2)]
        for worker in workers:
            assert says(worker) == "ready"
        for worker in workers:
            tell(worker, "go")
        taken = [[int(number) for number in says(worker).split()] for worker in workers]
    assert sorted(taken[0] + taken[1]) == ids
    assert {jobs.get_job(connection, job_id).attempt for job_id in ids} == {1}
