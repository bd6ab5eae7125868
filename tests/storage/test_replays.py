"""Replays as rows: begun, given their sessions, ended with words and numbers."""

import sqlite3

import pytest

from storage.errors import StorageError
from storage.replays import (
    finish_replay,
    get_replay,
    list_replays,
    replay_of_job,
    start_replay,
    update_replay,
)
from tests.storage.journal_world import begin_session


def test_a_replay_runs_and_ends_with_its_numbers(connection: sqlite3.Connection) -> None:
    replayed, control = begin_session(connection), begin_session(connection)
    selection = {"top": 500, "min_score": 0.7}
    id = start_replay(connection, kind="profitable", agent="cnn", selection=selection, job_id=3)
    running = get_replay(connection, id)
    assert (running.state, running.selection, running.ended_ms) == ("running", selection, None)
    update_replay(connection, id, session_id=replayed, control_session_id=control)
    finish_replay(
        connection,
        id,
        state="succeeded",
        words="no better than its control out of sample (+0.004, within 3 standard errors)",
        result={"passed": 812},
        metric="roc_auc",
        value=0.514,
        control_value=0.510,
        baseline=0.5,
        standard_error=0.006,
    )
    ended = get_replay(connection, id)
    assert (ended.state, ended.session_id, ended.control_session_id) == ("succeeded", replayed, control)
    assert (ended.value, ended.control_value, ended.baseline) == (0.514, 0.510, 0.5)
    assert ended.result == {"passed": 812}
    assert ended.ended_ms is not None and ended.rev > running.rev
    assert replay_of_job(connection, 3) == ended
    assert replay_of_job(connection, 4) is None


def test_the_newest_replays_come_first(connection: sqlite3.Connection) -> None:
    ids = [start_replay(connection, kind="verify", agent="cnn", selection={}) for _ in range(3)]
    assert [row.id for row in list_replays(connection, limit=2)] == [ids[2], ids[1]]


def test_what_makes_no_sense_is_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(StorageError, match="'profit' is no kind of a replay"):
        start_replay(connection, kind="profit", agent="cnn", selection={})
    with pytest.raises(StorageError, match="must be JSON"):
        start_replay(connection, kind="verify", agent="cnn", selection={"score": float("nan")})
    id = start_replay(connection, kind="verify", agent="cnn", selection={})
    with pytest.raises(StorageError, match="'running' is no end"):
        finish_replay(connection, id, state="running", words="")
    with pytest.raises(StorageError, match="no column 'words; DROP TABLE replay'"):
        update_replay(connection, id, **{"words; DROP TABLE replay": 1})
    with pytest.raises(StorageError, match="there is no replay 99"):
        get_replay(connection, 99)
    with pytest.raises(StorageError, match="there is no replay 99"):
        update_replay(connection, 99, words="x")
    assert get_replay(connection, id).state == "running"
