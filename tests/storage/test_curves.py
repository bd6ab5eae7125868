"""Curves: few points leave the database, and no spike stays behind."""

import random
import sqlite3

import pytest

from storage.curves import equity_curve, metric_names, read_curve
from storage.database import transaction
from storage.insert import insert_rows
from storage.sessions import create_session
from tests.storage.rows import add_run
from tests.storage.trading_rows import add_metrics


@pytest.fixture
def session_id(connection: sqlite3.Connection) -> int:
    """A session that has logged nothing yet."""
    with transaction(connection):
        return create_session(
            connection,
            agent="cnn",
            job_id=None,
            attempt=1,
            seed=1,
            params_json="{}",
            dataset_id=None,
            split_id=None,
            threads=1,
            device="cpu",
            capability="AVX2",
            total_steps=100,
        )


def test_a_short_curve_comes_back_whole(connection: sqlite3.Connection, session_id: int) -> None:
    add_metrics(connection, session_id, "loss", 1, {1: 3.0, 5: 2.0, 9: 1.0})
    curve = read_curve(connection, session_id, "loss", columns=100)
    assert curve.steps == (1, 5, 9)
    assert curve.low == curve.high == (3.0, 2.0, 1.0)
    assert (curve.count, curve.last_step, curve.last_value, curve.first_nonfinite) == (3, 9, 1.0, None)


@pytest.mark.parametrize("columns", [1, 7, 80])
def test_a_long_curve_has_at_most_two_points_a_column_and_keeps_its_spikes(
    connection: sqlite3.Connection, session_id: int, columns: int
) -> None:
    chance = random.Random(3)
    values = {step: chance.uniform(0.4, 0.6) for step in range(3000)}
    values[1234], values[2999] = 50.0, -7.0
    add_metrics(connection, session_id, "loss", 1, dict(values))
    curve = read_curve(connection, session_id, "loss", columns=columns)
    assert len(curve.steps) == columns
    assert max(value for value in curve.high if value is not None) == 50.0
    assert min(value for value in curve.low if value is not None) == -7.0
    assert curve.count == 3000
    for number, (low, high) in enumerate(zip(curve.low, curve.high, strict=True)):
        bucket = [value for step, value in values.items() if step * columns // 3000 == number]
        assert (low, high) == (min(bucket), max(bucket))


def test_the_newest_attempt_of_a_step_wins(connection: sqlite3.Connection, session_id: int) -> None:
    add_metrics(connection, session_id, "loss", 2, {3: 30.0, 4: 40.0})
    add_metrics(connection, session_id, "loss", 1, {1: 1.0, 2: 2.0, 3: 3.0, 4: None, 5: 5.0})
    curve = read_curve(connection, session_id, "loss", columns=10)
    assert curve.steps == (1, 2, 3, 4, 5)
    assert curve.high == (1.0, 2.0, 30.0, 40.0, 5.0)
    assert curve.first_nonfinite is None


def test_a_number_that_is_none_is_a_gap_and_is_named(connection: sqlite3.Connection, session_id: int) -> None:
    add_metrics(connection, session_id, "loss", 1, {1: 1.0, 2: None, 3: None, 4: 4.0})
    connection.execute("UPDATE metric SET state = 'inf' WHERE step = 2")
    curve = read_curve(connection, session_id, "loss", columns=4)
    assert curve.low == (1.0, None, None, 4.0)
    assert curve.first_nonfinite == (2, "inf")
    assert curve.last_value == 4.0
    packed = read_curve(connection, session_id, "loss", columns=2)
    assert (packed.low, packed.first_nonfinite) == ((1.0, 4.0), (2, "inf"))


def test_a_part_of_a_curve_is_decimated_by_itself(connection: sqlite3.Connection, session_id: int) -> None:
    add_metrics(connection, session_id, "loss", 1, {step: float(step) for step in range(1000)})
    part = read_curve(connection, session_id, "loss", columns=10, step_from=100, step_to=119)
    assert part.steps == tuple(range(100, 120, 2))
    assert (part.count, part.last_step) == (20, 999)
    beyond = read_curve(connection, session_id, "loss", columns=10, step_from=5000)
    assert (beyond.steps, beyond.count, beyond.last_step) == ((), 0, 999)


def test_curves_of_other_names_and_sessions_stay_apart(
    connection: sqlite3.Connection, session_id: int
) -> None:
    for name in ("losses/total", "a", "losses/huber"):
        add_metrics(connection, session_id, name, 1, {1: 1.0, 2: 2.0})
    assert metric_names(connection, session_id) == ["a", "losses/huber", "losses/total"]
    assert metric_names(connection, session_id + 1) == []
    assert read_curve(connection, session_id, "b", columns=5).count == 0
    with pytest.raises(ValueError, match="at least one column"):
        read_curve(connection, session_id, "a", columns=0)


def test_the_equity_of_a_run_is_decimated_with_its_ends(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        run_id = add_run(connection)
        rows = [(run_id, number * 60_000, 10_000.0 + number % 100, float(number)) for number in range(5000)]
        rows[777] = (run_id, rows[777][1], 1.0, 0.0)
        insert_rows(connection, "equity_point", ("run_id", "ts_ms", "equity", "exposure"), rows)
    curve = equity_curve(connection, run_id, 60)
    assert len(curve.times_ms) == 60
    assert (min(curve.low), max(curve.high), max(curve.exposure)) == (1.0, 10_099.0, 4999.0)
    assert (curve.count, curve.start, curve.end) == (5000, 10_000.0, 10_099.0)
    assert list(curve.times_ms) == sorted(curve.times_ms)
    assert equity_curve(connection, run_id + 1, 60).count == 0
    with pytest.raises(ValueError, match="at least one column"):
        equity_curve(connection, run_id, 0)
