"""Which paper run is meant, and what is asked for it."""

from __future__ import annotations

import json
import sqlite3

import pytest

from storage import jobs as queue
from storage.database import transaction
from storage.errors import StorageError
from storage.paper_runs import (
    PAUSED,
    PLAYBACK,
    RUNNING,
    NoPaperRun,
    PaperPlan,
    PaperRunRow,
    active_run,
    ask_start,
    get_paper_run,
    insert_paper_run,
    job_of,
    list_paper_runs,
    mark_stopped,
    pause,
    plan_of,
    resume,
)
from tests.storage.rows import add_run


def begun(connection: sqlite3.Connection) -> int:
    """A run and the job that began it."""
    job_id = ask_start(connection, PaperPlan())
    job = queue.claim(connection, 1, {"live": 1}, 60.0)
    assert job is not None and job.id == job_id
    with transaction(connection):
        run_id = add_run(connection)
        row = PaperRunRow(
            *(run_id, RUNNING, "inbox", 0.0, ("momentum",), ("BTC/USDT", "ETH/USDT"), b"book"),
            *({"timeframes_ms": [300_000]}, {}, {"BTC/USDT": 0}, "", 0, 0),
        )
        insert_paper_run(connection, row, job_id, job.attempt)
    return run_id


def test_a_run_is_read_as_it_was_kept_and_its_job_knows_it(connection: sqlite3.Connection) -> None:
    run_id = begun(connection)
    row = get_paper_run(connection, run_id)
    assert (row.symbols, row.book, row.until_ms) == (("BTC/USDT", "ETH/USDT"), b"book", {"BTC/USDT": 0})
    job = job_of(connection, run_id)
    assert job is not None and (job.slot, job.arguments["run_id"]) == ("live", run_id)


def test_the_only_run_is_meant_and_of_several_one_must_be_named(connection: sqlite3.Connection) -> None:
    with pytest.raises(NoPaperRun, match="no paper run is going on"):
        active_run(connection)
    first = begun(connection)
    assert active_run(connection).run_id == first
    second = begun(connection)
    with pytest.raises(NoPaperRun, match=f"several paper runs are going on \\({second}, {first}\\)"):
        pause(connection)
    assert pause(connection, first).state == PAUSED
    assert active_run(connection, second).state == RUNNING
    with transaction(connection):
        mark_stopped(connection, second)
    assert active_run(connection).run_id == first
    assert [row.run_id for row in list_paper_runs(connection, active=True)] == [first]
    with pytest.raises(NoPaperRun, match="there is no paper run 99"):
        resume(connection, 99)


def test_a_resumed_run_has_a_job_again_and_only_one(connection: sqlite3.Connection) -> None:
    run_id = begun(connection)
    job = job_of(connection, run_id)
    assert job is not None
    pause(connection)
    resume(connection)
    assert job_of(connection, run_id) == queue.get_job(connection, job.id), "the job has not ended yet"
    queue.finish(connection, job.id, job.attempt, "failed", error="crashed")
    assert job_of(connection, run_id) is None
    resume(connection)
    again = job_of(connection, run_id)
    assert again is not None and again.id != job.id


@pytest.mark.parametrize("plan", [PaperPlan(source="exchange"), PaperPlan(PLAYBACK, -1.0)])
def test_a_plan_that_makes_no_sense_is_not_queued(connection: sqlite3.Connection, plan: PaperPlan) -> None:
    with pytest.raises(StorageError):
        ask_start(connection, plan)
    assert queue.list_jobs(connection) == []


def test_a_plan_survives_its_way_through_a_job(connection: sqlite3.Connection) -> None:
    plan = PaperPlan(PLAYBACK, 60.0, ("momentum",), ("BTC/USDT",), "5m", "now", {"momentum": {"fast": 5}})
    job = queue.get_job(connection, ask_start(connection, plan))
    assert plan_of(json.loads(json.dumps(dict(job.arguments)))) == plan
