"""New candles become one collect job, by themselves, as often as the settings say."""

from __future__ import annotations

import dataclasses
import sqlite3

import pytest

from cointrader.jobs.new_candles import NewCandles
from cointrader.settings import TrainingSettings
from storage import jobs as queue
from storage.candles import candle_record, save_candle_record
from storage.database import transaction
from storage.setups import add_setups
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles
from tests.models.walks import random_walk

BARS = random_walk(300, seed=1)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def candles(workspace: Workspace, connection: sqlite3.Connection, clock: Clock) -> NewCandles:
    """Looks of a workspace with one series that nobody has collected from."""
    store_candles(workspace, connection, BARS)
    return NewCandles(connection, TrainingSettings(collection_interval=10.0), clock)


def collected(connection: sqlite3.Connection, until_ms: int) -> None:
    """What a collection leaves of how far it has come."""
    with transaction(connection):
        add_setups(
            connection, None, [], symbol=BARS.symbol, timeframe_ms=BARS.timeframe_ms, until_ms=until_ms
        )


def more_bars(connection: sqlite3.Connection) -> None:
    """What an import leaves of how far candles reach."""
    row = candle_record(connection, BARS.symbol, BARS.timeframe_ms)
    assert row is not None
    with transaction(connection):
        later = row.last_close_ms + BARS.timeframe_ms
        save_candle_record(connection, dataclasses.replace(row, last_close_ms=later))


def end(connection: sqlite3.Connection, state: str) -> None:
    job = queue.claim(connection, 1, {"cpu": 1}, 60)
    assert job is not None
    queue.finish(connection, job.id, job.attempt, state, error="no reason")


def test_candles_that_nobody_has_collected_from_are_asked_for_once(
    candles: NewCandles, connection: sqlite3.Connection, clock: Clock
) -> None:
    job = queue.get_job(connection, candles.look())
    assert (job.kind, job.state, job.arguments["validate"]) == ("collect", "queued", True)
    for _ in range(3):
        clock.now += 10.0
        assert candles.look() == 0, "one that waits is enough"


def test_it_looks_not_more_often_than_the_interval(
    candles: NewCandles, connection: sqlite3.Connection, clock: Clock
) -> None:
    collected(connection, int(BARS.close_ms[-1]))
    assert candles.look() == 0
    more_bars(connection)
    clock.now += 9.0
    assert candles.look() == 0
    clock.now += 1.0
    assert candles.look() > 0


def test_a_collection_that_failed_waits_for_other_candles(
    candles: NewCandles, connection: sqlite3.Connection, clock: Clock
) -> None:
    first = candles.look()
    end(connection, "failed")
    clock.now += 10.0
    assert candles.look() == 0
    restarted = NewCandles(connection, TrainingSettings(), clock)
    assert restarted.look() == 0, "another worker knows it too"
    more_bars(connection)
    clock.now += 10.0
    assert candles.look() > first


def test_nothing_is_asked_for_while_a_workspace_is_filled_or_imported_into(
    candles: NewCandles, connection: sqlite3.Connection, clock: Clock
) -> None:
    queue.enqueue(connection, kind="import", title="import", arguments={})
    assert candles.look() == 0
    end(connection, "succeeded")
    clock.now += 10.0
    assert candles.look() > 0


def test_validation_in_the_background_can_be_switched_off(
    candles: NewCandles, connection: sqlite3.Connection, clock: Clock
) -> None:
    off = NewCandles(connection, TrainingSettings(enable_background_validation=False), clock)
    assert queue.get_job(connection, off.look()).arguments["validate"] is False
