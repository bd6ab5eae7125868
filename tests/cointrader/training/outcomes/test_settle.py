"""Outcomes and experiences in the database: incremental, idempotent, and the same when derived again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from cointrader.settings import Settings
from cointrader.training.outcomes import settle
from cointrader.training.outcomes.priority import TAU_MS, training_priority
from cointrader.training.outcomes.settle import Settled, settle_series
from models.candle_series import PlainCandles, truncate
from models.setup_rows import BUY, HOLD, SELL
from storage.database import open_database, transaction
from storage.training_health import training_health
from storage.workspace import Workspace
from tests.cointrader.training.outcomes.collected import collect_at, states, without
from tests.models.walks import random_walk

SETTINGS = Settings()


@pytest.fixture
def series() -> PlainCandles:
    """400 bars of five minutes."""
    return random_walk(400, seed=11)


def settled(connection: sqlite3.Connection, series: PlainCandles) -> Settled:
    return settle_series(connection, series, SETTINGS, states)


def rows(connection: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def everything(connection: sqlite3.Connection) -> tuple[list[Any], list[Any], list[Any]]:
    """What stands in the database but for ids and revisions, priorities to what they are kept to."""
    return (
        rows(
            connection,
            "SELECT setup_id, horizon_ms, entry_price, exit_price, gross_return, net_return, return_1m, "
            "return_5m, return_15m, mae, mfe, score, optimal_action, is_profitable, regret, novelty, value "
            "FROM outcome ORDER BY setup_id",
        ),
        rows(connection, "SELECT id, state, score, net_return, value FROM setup ORDER BY id"),
        rows(
            connection,
            'SELECT setup_id, source, "action", ts_ms, ends_ms, reward, terminated, truncated, '
            'next_setup_id, is_profitable, value FROM experience ORDER BY setup_id, source, "action"',
        ),
    )


def test_each_setup_gets_an_outcome_and_three_experiences(
    connection: sqlite3.Connection, series: PlainCandles
) -> None:
    collect_at(connection, series, range(100, 200, 10))
    told = settled(connection, series)
    assert (told.validated, told.waiting, told.incomplete, told.experiences) == (10, 0, 0, 30)
    actions = rows(
        connection,
        'SELECT "action", count(*), min(terminated), max(terminated), sum(reward = 0) FROM experience '
        'GROUP BY "action" ORDER BY "action"',
    )
    assert [row[:4] for row in actions] == [(BUY, 10, 1, 1), (SELL, 10, 1, 1), (HOLD, 10, 0, 0)]
    assert actions[2][4] == 10
    links = rows(connection, 'SELECT setup_id, next_setup_id, truncated FROM experience WHERE "action" = 2')
    assert links == [*((id, id + 1, 0) for id in range(1, 10)), (10, None, 1)]


def test_stored_outcomes_can_be_derived_again_from_the_candles(
    connection: sqlite3.Connection, series: PlainCandles
) -> None:
    collect_at(connection, series, range(100, 390, 3), side="short", taken=BUY)
    settled(connection, series)
    found = rows(
        connection,
        "SELECT s.ts_ms, s.price, o.horizon_ms, o.cost_bps, o.gross_return, o.net_return, o.score, o.regret, "
        "o.is_profitable, s.score, o.mae, o.mfe FROM setup AS s JOIN outcome AS o ON o.setup_id = s.id",
    )
    assert len(found) == 97
    place = {int(moment): bar for bar, moment in enumerate(series.close_ms)}
    for ts, price, horizon, cost_bps, gross, net, score, regret, profitable, kept, mae, mfe in found:
        bar, end = place[ts], place[ts + horizon]
        moved = np.log(series.close[end] / price)
        assert gross == pytest.approx(-moved, abs=1e-15)
        assert net == pytest.approx(-moved - cost_bps * 1e-4, abs=1e-15)
        assert score == kept == pytest.approx(1 / (1 + np.exp(-net / 50e-4)), rel=1e-12)
        best = max(moved - cost_bps * 1e-4, -moved - cost_bps * 1e-4, 0.0)
        assert regret == pytest.approx(best - (moved - cost_bps * 1e-4), abs=1e-15)
        assert profitable == (net > 0)
        assert mae == pytest.approx(min(0.0, -np.log(series.high[bar + 1 : end + 1].max() / price)))
        assert mfe == pytest.approx(max(0.0, -np.log(series.low[bar + 1 : end + 1].min() / price)))


def test_it_is_the_same_whether_candles_come_at_once_or_one_by_one(
    connection: sqlite3.Connection, series: PlainCandles, tmp_path: Any
) -> None:
    bars = range(100, 300, 7)
    collect_at(connection, series, bars)
    settled(connection, series)
    at_once = everything(connection)
    with transaction(connection):
        connection.execute("DELETE FROM experience")
        connection.execute("DELETE FROM outcome")
        connection.execute(
            "UPDATE setup SET state = 'waiting', score = NULL, net_return = NULL, value = NULL"
        )
    added = 0
    for end in range(100, 401, 20):
        added += settled(connection, truncate(series, end)).validated
    assert added == len(bars)
    assert everything(connection) == at_once


def test_nothing_is_doubled_by_a_second_look(connection: sqlite3.Connection, series: PlainCandles) -> None:
    collect_at(connection, series, range(100, 200, 10))
    settled(connection, series)
    before = everything(connection)
    again = settled(connection, series)
    assert (again.validated, again.experiences) == (0, 0)
    assert everything(connection) == before


@pytest.mark.parametrize("part", [1, 2, 3])
def test_a_validation_that_is_cut_off_is_finished_by_the_next(
    connection: sqlite3.Connection, series: PlainCandles, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "PART", 3)
    collect_at(connection, series, range(100, 200, 10))
    seen: list[int] = []

    def cut_off(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == part + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        settle_series(connection, series, SETTINGS, states, cut_off)
    assert rows(connection, "SELECT count(*) FROM outcome") == [(3 * part,)]
    assert rows(connection, "SELECT count(*) FROM experience") == [(9 * part,)]
    assert settled(connection, series).validated == 10 - 3 * part
    assert rows(connection, "SELECT count(*) FROM outcome") == [(10,)]
    assert rows(connection, "SELECT count(*), count(DISTINCT setup_id) FROM experience") == [(30, 10)]


def test_a_gap_is_told_and_its_filling_is_measured(
    connection: sqlite3.Connection, series: PlainCandles
) -> None:
    collect_at(connection, series, range(100, 200, 10))
    told = settled(connection, without(series, 121))
    assert (told.validated, told.incomplete) == (9, 1)
    assert "a candle within the 15 min after it is missing" in told.reasons["outcome:gap"]
    assert rows(connection, "SELECT id FROM setup WHERE state = 'incomplete'") == [(3,)]
    health = training_health(connection, episodes_needed=100, experiences_needed=200)
    assert (health.incomplete, health.incomplete_by, health.refused_by) == (1, (("gap", 1),), ())
    joined = 'SELECT setup_id, truncated FROM experience WHERE "action" = 2 AND truncated ORDER BY setup_id'
    assert rows(connection, joined) == [(10, 1)], "the third is incomplete, and the second leads to it"

    filled = settled(connection, series)
    assert (filled.validated, filled.incomplete) == (1, 0)
    assert training_health(connection, episodes_needed=100, experiences_needed=200).incomplete_by == ()


def test_holding_is_cut_short_by_a_gap_and_goes_on_when_the_next_setup_has_come(
    connection: sqlite3.Connection, series: PlainCandles
) -> None:
    gappy = without(series, 116)  # after the horizon of the setup at bar 110, before the one at 120
    collect_at(connection, series, [100, 110, 120])
    settled(connection, gappy)
    hold = 'SELECT setup_id, next_setup_id, truncated FROM experience WHERE "action" = 2'
    assert rows(connection, hold) == [(1, 2, 0), (2, None, 1), (3, None, 1)]
    collect_at(connection, series, [130, 140])
    settled(connection, gappy)
    assert rows(connection, hold) == [(1, 2, 0), (2, None, 1), (3, 4, 0), (4, 5, 0), (5, None, 1)]
    (ends,) = rows(connection, 'SELECT ends_ms FROM experience WHERE "action" = 2 AND setup_id = 3')
    assert ends == (int(series.close_ms[130]),)


def test_priorities_follow_the_age_of_the_newest_candle(connection: sqlite3.Connection) -> None:
    series = random_walk(12 * 24 * 20, seed=3)
    collect_at(connection, series, [100, 110], rapid=1)
    settled(connection, truncate(series, 200))
    first = dict(rows(connection, "SELECT id, priority FROM setup"))
    settled(connection, series)
    for id, ts_ms, score, priority in rows(connection, "SELECT id, ts_ms, score, priority FROM setup"):
        age = int(series.close_ms[-1]) - ts_ms
        assert age > TAU_MS / 2
        assert priority == pytest.approx(float(training_priority(score, 0.0, 1.0, age)), abs=1e-12)
        assert priority < first[id] - 0.03
    drifted = rows(connection, 'SELECT e.priority FROM experience AS e WHERE e."action" = 2')
    for (priority,) in drifted:
        assert priority == pytest.approx(float(training_priority(0.5, 0.0, 1.0, age)), abs=1e-3)


def test_what_surprised_an_agent_is_learned_from_sooner(
    connection: sqlite3.Connection, series: PlainCandles
) -> None:
    collect_at(connection, series, range(100, 200, 10))
    settled(connection, series)
    before = dict(rows(connection, "SELECT id, priority FROM setup"))
    with transaction(connection):
        connection.execute('UPDATE experience SET td_error = -0.5 WHERE setup_id = 4 AND "action" = 0')
    settled(connection, series)
    after = dict(rows(connection, "SELECT id, priority FROM setup"))
    assert after[4] == pytest.approx(before[4] + 0.3, abs=1e-3)
    assert {id for id in after if abs(after[id] - before[id]) > 1e-9} == {4}


@pytest.mark.slow
def test_setups_are_validated_in_bulk(connection: sqlite3.Connection) -> None:
    series = random_walk(40_300, seed=2)
    bars = range(100, 40_100)
    collect_at(connection, series, bars)
    written: list[str] = []
    connection.set_trace_callback(lambda text: written.append(text) if text.startswith("BEGIN") else None)
    told = settled(connection, series)
    connection.set_trace_callback(None)
    assert told.validated == len(bars)
    assert told.experiences == 3 * len(bars)
    assert len(written) < 12, "a transaction for many setups, not one for each"


def test_of_two_validations_at_once_the_later_one_changes_nothing(
    workspace: Workspace, connection: sqlite3.Connection, series: PlainCandles
) -> None:
    collect_at(connection, series, range(100, 200, 10))
    overtaken: list[Settled] = []

    def overtake(places: Any) -> Any:
        if not overtaken:
            with closing(open_database(workspace)) as other:
                overtaken.append(settled(other, series))
                with transaction(other):
                    other.execute("UPDATE experience SET training_count = 7, td_error = 0.0")
        return states(places)

    told = settle_series(connection, series, SETTINGS, overtake)
    assert (overtaken[0].validated, overtaken[0].experiences) == (10, 30)
    assert (told.validated, told.experiences) == (0, 0)
    assert rows(connection, "SELECT count(*), min(training_count) FROM experience") == [(30, 7)]
    assert rows(connection, "SELECT validated FROM collection") == [(10,)]
