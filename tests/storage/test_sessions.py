"""Sessions, their checkpoints and their metrics; orphans of an earlier attempt change nothing."""

import math
import sqlite3
from typing import Any

import pytest

from storage.database import transaction
from storage.errors import StaleAttempt, StorageError
from storage.events import record_event
from storage.metrics import write_metrics
from storage.sessions import (
    create_session,
    get_session,
    latest_checkpoint,
    record_checkpoint,
    record_dataset,
    record_split,
    record_trials,
    session_of_job,
    update_session,
)
from tests.storage.rows import add_job


def begin(connection: sqlite3.Connection, **changed: Any) -> int:
    values: dict[str, Any] = {
        "agent": "cnn",
        "job_id": None,
        "attempt": 1,
        "seed": 7,
        "params_json": "{}",
        "dataset_id": None,
        "split_id": None,
        "threads": 1,
        "device": "cpu",
        "capability": "AVX2",
        "total_steps": 100,
    }
    return create_session(connection, **(values | changed))


@pytest.fixture
def job_id(connection: sqlite3.Connection) -> int:
    """A job at its second attempt."""
    with transaction(connection):
        return add_job(connection, attempt=2)


def everything(connection: sqlite3.Connection) -> list[Any]:
    tables = ("session", "checkpoint", "metric", "revision")
    return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]


def test_a_session_begins_running_and_keeps_what_it_was_given(connection: sqlite3.Connection) -> None:
    session = get_session(connection, begin(connection, seed=2**62, total_steps=2000))
    assert (session.state, session.step, session.value, session.note) == ("running", 0, None, "")
    assert (session.seed, session.total_steps, session.capability) == (2**62, 2000, "AVX2")
    assert session.started_ms > 1_600_000_000_000
    assert session.rev == 1


def test_an_update_is_seen_by_its_revision(connection: sqlite3.Connection) -> None:
    session_id = begin(connection)
    update_session(connection, session_id, state="diverged", step=12, note="the loss became NaN at step 12")
    session = get_session(connection, session_id)
    assert (session.state, session.step, session.rev) == ("diverged", 12, 2)


def test_the_newest_session_of_a_job_goes_on(connection: sqlite3.Connection, job_id: int) -> None:
    assert session_of_job(connection, job_id) is None
    begin(connection, job_id=job_id, attempt=2)
    newest = begin(connection, job_id=job_id, attempt=2)
    found = session_of_job(connection, job_id)
    assert found is not None and found.id == newest


def test_an_orphan_of_an_earlier_attempt_writes_nothing(connection: sqlite3.Connection, job_id: int) -> None:
    session_id = begin(connection, job_id=job_id, attempt=2)
    before = everything(connection)
    with pytest.raises(StaleAttempt, match=f"job {job_id} is at attempt 2; attempt 1 may not write"):
        begin(connection, job_id=job_id, attempt=1)
    with pytest.raises(StaleAttempt):
        update_session(connection, session_id, attempt=1, step=50)
    with pytest.raises(StaleAttempt):
        write_metrics(connection, session_id, 1, [(1, "losses/total", 0.5)])
    with pytest.raises(StaleAttempt):
        record_checkpoint(connection, session_id, 1, step=50, path="x", sha256="a", weights_sha256="b")
    assert everything(connection) == before


def test_a_session_without_a_job_is_fenced_by_its_own_attempt(connection: sqlite3.Connection) -> None:
    session_id = begin(connection)
    update_session(connection, session_id, attempt=2, state="running")
    assert get_session(connection, session_id).attempt == 2
    with pytest.raises(StaleAttempt, match="attempt 1 may not write"):
        write_metrics(connection, session_id, 1, [(1, "losses/total", 0.5)])


def test_the_last_checkpoint_is_where_a_session_goes_on(connection: sqlite3.Connection) -> None:
    session_id = begin(connection)
    assert latest_checkpoint(connection, session_id) is None
    for step in (10, 20):
        record_checkpoint(
            connection, session_id, 1, step=step, path=f"{step}", sha256="a", weights_sha256="b"
        )
    newest = latest_checkpoint(connection, session_id)
    assert newest is not None and (newest.step, newest.path, newest.sha256) == (20, "20", "a")
    assert get_session(connection, session_id).step == 20


def test_numbers_that_are_not_finite_keep_their_state(connection: sqlite3.Connection) -> None:
    session_id = begin(connection)
    write_metrics(
        connection,
        session_id,
        1,
        [(1, "loss", 0.25), (2, "loss", math.nan), (3, "loss", math.inf), (4, "loss", -math.inf)],
    )
    assert connection.execute("SELECT step, value, state FROM metric ORDER BY id").fetchall() == [
        (1, 0.25, "finite"),
        (2, None, "nan"),
        (3, None, "inf"),
        (4, None, "-inf"),
    ]


def test_a_batch_of_metrics_is_one_transaction(connection: sqlite3.Connection) -> None:
    session_id = begin(connection)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    write_metrics(connection, session_id, 1, [(step, "loss", 0.1) for step in range(500)])
    connection.set_trace_callback(None)
    assert statements.count("BEGIN IMMEDIATE") == statements.count("COMMIT") == 1
    write_metrics(connection, session_id, 1, [])
    assert connection.execute("SELECT count(*) FROM metric").fetchone()[0] == 500


def test_a_dataset_and_its_split_are_recorded_once(connection: sqlite3.Connection) -> None:
    def record() -> tuple[int, int]:
        dataset_id = record_dataset(
            connection,
            agent="cnn",
            sha256="d1",
            path="datasets/d1",
            rows=10,
            description="{}",
            provenance="backtest",
        )
        split_id = record_split(
            connection, dataset_id=dataset_id, sha256="s1", kind="walk", params_json="{}", folds_json="[]"
        )
        return dataset_id, split_id

    assert record() == record()
    assert connection.execute("SELECT count(*) FROM dataset").fetchone()[0] == 1


def test_every_trial_of_a_search_is_kept(connection: sqlite3.Connection) -> None:
    session_id = begin(connection)
    trials = [('{"c": 1}', 0.5), ('{"c": 2}', None)]
    assert record_trials(connection, agent="cnn", session_id=session_id, metric="auc", trials=trials) == 2
    rows = connection.execute("SELECT params_json, value FROM trial ORDER BY id").fetchall()
    assert rows == trials


def test_what_does_not_exist_is_named(connection: sqlite3.Connection) -> None:
    with pytest.raises(StorageError, match="no session 99"):
        update_session(connection, 99, step=1)
    with pytest.raises(StorageError, match="no session 99"):
        get_session(connection, 99)
    with pytest.raises(StorageError, match="no job 99"):
        begin(connection, job_id=99)
    session_id = begin(connection)
    with pytest.raises(StorageError, match="session has no column 'setp'"):
        update_session(connection, session_id, setp=1)
    with pytest.raises(StorageError, match="'done' is no state of a session"):
        update_session(connection, session_id, state="done")


def test_an_event_stands_or_falls_with_the_transaction_it_tells_of(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        record_event(connection, "import", "217,954 bars", severity="warning", data={"bars": 217954})
    row = connection.execute("SELECT kind, severity, subject, text, data_json FROM event").fetchone()
    assert row == ("import", "warning", "", "217,954 bars", '{"bars": 217954}')
