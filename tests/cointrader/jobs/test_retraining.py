"""The agent `decision` trained again by itself: when it is due, and only for what is new."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from cointrader.jobs.retraining import WaitingRetraining
from cointrader.settings import CoreSettings
from storage import jobs as queue
from storage.database import transaction
from tests.cointrader.core.learning_layer.decided import START_MS, add_run, taken

HOURLY = CoreSettings(retrain_minutes=60.0)


@dataclass
class Clock:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def wall(self) -> int:
        return START_MS + round(self.seconds * 1000)


def close(connection: sqlite3.Connection, first: int, count: int, rev: int = 1) -> None:
    with transaction(connection):
        run_id = add_run(connection)
        for number in range(first, first + count):
            taken(connection, run_id, START_MS + number * 60_000, 0.01)
        connection.execute("UPDATE position SET rev = ? WHERE run_id = ?", (rev, run_id))


def ended(connection: sqlite3.Connection, job_id: int, clock: Clock) -> None:
    with transaction(connection):
        connection.execute(
            "UPDATE job SET state = 'succeeded', created_ms = ? WHERE id = ?", (clock.wall(), job_id)
        )


def test_a_training_is_queued_when_the_time_has_passed_and_more_has_closed(
    connection: sqlite3.Connection,
) -> None:
    clock = Clock()
    waiting = WaitingRetraining(connection, HOURLY, clock, clock.wall)
    assert waiting.look() == 0
    close(connection, 0, 199)
    clock.seconds += 60.0
    assert waiting.look() == 0, "199 closes are too few to learn from"
    close(connection, 199, 1, rev=2)
    assert waiting.look() == 0, "it does not look at every turn"
    clock.seconds += 60.0
    job = queue.get_job(connection, waiting.look())
    assert (job.kind, job.arguments["agent"], job.slot) == ("train", "decision", "cpu")
    clock.seconds += 7_200.0
    assert waiting.look() == 0, "one is queued already"
    ended(connection, job.id, clock)
    close(connection, 200, 5, rev=3)
    clock.seconds += 3_540.0
    assert waiting.look() == 0, "the hour has not passed"
    clock.seconds += 120.0
    second = waiting.look()
    assert second > job.id
    ended(connection, second, clock)
    clock.seconds += 7_200.0
    assert waiting.look() == 0, "nothing new has closed"


def test_a_history_in_which_nothing_is_new_is_counted_once(connection: sqlite3.Connection) -> None:
    clock, counted = Clock(), list[str]()
    close(connection, 0, 10)
    waiting = WaitingRetraining(connection, HOURLY, clock, clock.wall)
    connection.set_trace_callback(lambda sql: counted.append(sql) if "count(*)" in sql else None)
    for _ in range(5):
        clock.seconds += 60.0
        assert waiting.look() == 0
    assert len(counted) == 1
    connection.set_trace_callback(None)
    close(connection, 10, 190, rev=2)
    clock.seconds += 60.0
    assert waiting.look() > 0


def test_a_training_by_hand_counts_as_one(connection: sqlite3.Connection) -> None:
    clock = Clock()
    close(connection, 0, 250)
    by_hand = queue.enqueue(connection, kind="train", title="Train decision", arguments={"agent": "decision"})
    ended(connection, by_hand, clock)
    waiting = WaitingRetraining(connection, HOURLY, clock, clock.wall)
    clock.seconds = 3_000.0
    assert waiting.look() == 0
    clock.seconds = 3_700.0
    assert waiting.look() > by_hand


def test_unasked_nothing_is_trained(connection: sqlite3.Connection) -> None:
    close(connection, 0, 250)
    clock = Clock()
    waiting = WaitingRetraining(connection, CoreSettings(), clock, clock.wall)
    assert waiting.look() == 0 and queue.list_jobs(connection) == []
