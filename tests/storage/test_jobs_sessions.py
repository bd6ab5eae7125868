"""A session never says that it runs when nothing runs it: it ends together with its job."""

import sqlite3

import pytest

from storage import clock, jobs
from storage.errors import StaleAttempt
from storage.sessions import create_session, get_session, update_session


@pytest.fixture
def job_id(connection: sqlite3.Connection) -> int:
    """A training that runs, at its first attempt."""
    number = jobs.enqueue(connection, kind="train", title="train cnn", arguments={})
    assert claim(connection) is not None
    return number


@pytest.fixture
def session_id(connection: sqlite3.Connection, job_id: int) -> int:
    """Its session, whose process will not be able to say anything more."""
    return create_session(
        connection,
        agent="cnn",
        job_id=job_id,
        attempt=1,
        seed=0,
        params_json="{}",
        dataset_id=None,
        split_id=None,
        threads=1,
        device="cpu",
        capability="",
        total_steps=10,
    )


def claim(connection: sqlite3.Connection) -> jobs.JobRow | None:
    return jobs.claim(connection, 1, {"cpu": 1}, lease_seconds=30.0)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_ends_ends_its_session(
    connection: sqlite3.Connection, job_id: int, session_id: int, state: str
) -> None:
    before = get_session(connection, session_id)
    jobs.finish(connection, job_id, 1, state)
    session = get_session(connection, session_id)
    assert (session.state, session.ended_ms is not None) == (state, True)
    assert session.rev > before.rev


def test_a_job_that_is_handed_back_interrupts_its_session_and_a_cancel_ends_both(
    connection: sqlite3.Connection, job_id: int, session_id: int
) -> None:
    jobs.interrupt(connection, job_id, 1)
    assert get_session(connection, session_id).state == "interrupted"
    assert jobs.request_cancel(connection, job_id) == "cancelled"
    assert get_session(connection, session_id).state == "cancelled"


def test_a_lost_job_that_is_cancelled_cancels_its_session(
    connection: sqlite3.Connection, job_id: int, session_id: int
) -> None:
    jobs.request_cancel(connection, job_id)
    assert get_session(connection, session_id).state == "running"
    connection.execute("UPDATE job SET lease_until_ns = ?", (clock.boottime_ns() - 1,))
    assert claim(connection) is None
    assert get_session(connection, session_id).state == "cancelled"


def test_what_a_session_has_said_of_its_own_end_stays(
    connection: sqlite3.Connection, job_id: int, session_id: int
) -> None:
    update_session(connection, session_id, attempt=1, state="diverged", ended_ms=7)
    jobs.finish(connection, job_id, 1, "failed")
    session = get_session(connection, session_id)
    assert (session.state, session.ended_ms) == ("diverged", 7)


def test_an_orphan_ends_no_session_of_its_successor(
    connection: sqlite3.Connection, job_id: int, session_id: int
) -> None:
    connection.execute("UPDATE job SET lease_until_ns = ?", (clock.boottime_ns() - 1,))
    assert claim(connection) is not None
    with pytest.raises(StaleAttempt):
        jobs.finish(connection, job_id, 1, "failed")
    assert get_session(connection, session_id).state == "running"
