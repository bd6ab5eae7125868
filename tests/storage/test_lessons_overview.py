"""What closes taught, at a glance: every number is one of the tables, and only what is needed is read."""

from __future__ import annotations

import sqlite3

import pytest

from storage import lessons_overview
from storage.closes import LESSON_STATES, Lesson, closed_position, file_lessons
from storage.database import transaction
from storage.lessons_overview import closes_taught, loss_trend
from tests.storage.trading_rows import add_reward, fill

STATES = {"cnn": ("trained", "skipped", "waiting"), "dqn": ("waiting", "failed", "trained")}


@pytest.fixture
def closed(connection: sqlite3.Connection) -> list[int]:
    """Positions that have closed and taught; returns their ids."""
    run_id = fill(connection, 90)
    ids = [
        row[0]
        for row in connection.execute("SELECT id FROM position WHERE state = 'closed' ORDER BY id").fetchall()
    ]
    with transaction(connection):
        for number, position in enumerate(ids):
            add_reward(connection, position, run_id)
            lessons = [Lesson(model, 0.5, states[number % 3], "") for model, states in STATES.items()]
            lessons.append(Lesson("cob_rl", 0.0, "absent", "no version of it decides"))
            file_lessons(connection, closed_position(connection, position), lessons)
        connection.execute("UPDATE reward SET total = position_id * 0.01")
        connection.execute("UPDATE outbox SET reward = position_id * 0.01")
        connection.execute("UPDATE outbox SET loss = 1.0 - id * 0.001, step = id WHERE state = 'trained'")
    return ids


def test_every_number_is_one_of_the_tables(connection: sqlite3.Connection, closed: list[int]) -> None:
    taught = closes_taught(connection)
    closes, mean, wins, losses = connection.execute(
        "SELECT count(*), avg(r.total), sum(p.pnl > 0), sum(p.pnl < 0) FROM reward AS r "
        "JOIN position AS p ON p.id = r.position_id"
    ).fetchall()[0]
    assert (
        (taught.closes, taught.wins, taught.losses) == (closes, wins, losses) == (len(closed), wins, losses)
    )
    assert taught.mean_reward == pytest.approx(mean)
    assert taught.win_rate == wins / (wins + losses) and taught.is_all
    counted = {
        (model, state): count
        for model, state, count in connection.execute(
            "SELECT model, state, count(*) FROM outbox GROUP BY model, state"
        ).fetchall()
    }
    assert [each.model for each in taught.models] == ["cnn", "cob_rl", "dqn"]
    for each in taught.models:
        assert {state: getattr(each, state) for state in LESSON_STATES} == {
            state: counted.get((each.model, state), 0) for state in LESSON_STATES
        }
        assert each.total == closes, "a close teaches each model once, whatever came of it"


def test_the_losses_are_those_of_the_trained_lessons_in_their_order(
    connection: sqlite3.Connection, closed: list[int]
) -> None:
    cnn, cob_rl, _ = closes_taught(connection).models
    rows = connection.execute(
        "SELECT loss, step, position_id FROM outbox WHERE model = 'cnn' AND state = 'trained' ORDER BY id"
    ).fetchall()
    assert cnn.losses == tuple(row[0] for row in rows)
    assert (cnn.last_step, cnn.last_position) == rows[-1][1:]
    assert cnn.trend == "falling"
    assert (cob_rl.losses, cob_rl.trend, cob_rl.last_session) == ((), "too few", None)


def test_most_of_those_that_wait_say_why(connection: sqlite3.Connection, closed: list[int]) -> None:
    with transaction(connection):
        connection.execute("UPDATE outbox SET reason = 'waiting 140/200' WHERE model = 'dqn'")
        connection.execute(
            "UPDATE outbox SET reason = 'other' WHERE id = "
            "(SELECT min(id) FROM outbox WHERE model = 'dqn' AND state = 'waiting')"
        )
    reasons = {each.model: each.why_waiting for each in closes_taught(connection).models}
    assert reasons == {"cnn": "", "cob_rl": "", "dqn": "waiting 140/200"}


def test_without_a_close_there_is_nothing_to_divide_by(connection: sqlite3.Connection) -> None:
    taught = closes_taught(connection)
    assert (taught.closes, taught.mean_reward, taught.win_rate, taught.models) == (0, None, None, ())


def test_of_a_long_history_the_newest_lessons_are_taken_and_that_is_said(
    connection: sqlite3.Connection, closed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons_overview, "NEWEST_LESSONS", 30)
    taught = closes_taught(connection)
    assert (taught.closes, taught.is_all) == (10, False)
    assert sum(each.total for each in taught.models) == 30


def test_no_question_goes_over_all_lessons(connection: sqlite3.Connection, closed: list[int]) -> None:
    """A million closes would be three million lessons, and the first screen asks several times a second."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    closes_taught(connection)
    connection.set_trace_callback(None)
    plans = [
        row[3]
        for sql in asked
        if sql.startswith("SELECT") and "outbox" in sql
        for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    ]
    assert any("rowid>?" in plan for plan in plans)
    assert not [plan for plan in plans if plan.startswith("SCAN") and ("outbox" in plan or " p" in plan)]


@pytest.mark.parametrize(
    ("losses", "word"),
    [
        ([1.0 - 0.05 * step for step in range(10)], "falling"),
        ([0.1 + 0.05 * step for step in range(10)], "rising"),
        ([0.5, 0.6] * 8, "flat"),
        ([0.5] * 12, "flat"),
        ([0.9] * 6 + [0.1] * 3, "too few"),
    ],
)
def test_a_trend_is_what_lies_beyond_the_noise(losses: list[float], word: str) -> None:
    assert loss_trend(losses) == word


def test_a_loss_that_is_missing_or_not_finite_is_left_out(
    connection: sqlite3.Connection, closed: list[int]
) -> None:
    before = closes_taught(connection).models[0].losses
    with transaction(connection):
        connection.execute("UPDATE outbox SET loss = NULL WHERE id = 1")
        connection.execute("UPDATE outbox SET loss = 9e999 WHERE id = 10")
    assert closes_taught(connection).models[0].losses == before[2:]
