"""Outcomes from complete candles only, of many setups at once."""

from __future__ import annotations

import numpy as np
import pytest

from cointrader.training.outcomes.validate import (
    Incomplete,
    Moments,
    OutcomeTerms,
    validate,
    waits_ms,
)
from models.candle_series import PlainCandles
from models.setup_rows import BUY, HOLD, SELL
from tests.models.walks import random_walk

MINUTE = 60_000
TERMS = OutcomeTerms.of(15.0, 20.0, 50.0)


def candles(prices: list[float], minutes: int = 5, without: tuple[int, ...] = ()) -> PlainCandles:
    """Bars whose high and low stand 1 above and 1 below the close; `without` are bars that are missing."""
    there = [bar for bar in range(len(prices)) if bar not in without]
    close = np.array([prices[bar] for bar in there])
    close_ms = np.array([(bar + 1) * minutes * MINUTE for bar in there], dtype=np.int64)
    return PlainCandles(
        "BTC/USDT", minutes * MINUTE, close_ms, close, close + 1.0, close - 1.0, close, np.ones(close.size)
    )


def at(series: PlainCandles, bars: list[int], side: int = 1, taken: int = HOLD) -> Moments:
    """Setups at the close of these stored bars."""
    rows = np.array(bars)
    same = np.ones(rows.size, dtype=np.int64)
    return Moments(series.close_ms[rows], side * same, taken * same, series.close[rows])


def test_an_outcome_by_hand() -> None:
    series = candles([100, 101, 99, 102, 103])
    found = validate(series, at(series, [0, 1], taken=SELL), TERMS).measured
    assert found.rows.tolist() == [0, 1]
    assert found.horizon_ms == 15 * MINUTE
    assert found.gross[0] == pytest.approx(np.log(1.02))
    assert found.net[0] == pytest.approx(np.log(1.02) - 0.002)
    assert found.labels[5][0] == pytest.approx(np.log(1.01))
    assert found.labels[15][0] == pytest.approx(np.log(1.02))
    assert np.isnan(found.labels[1]).all(), "no 5-minute bar closes after one minute"
    assert found.mae[0] == pytest.approx(np.log(98 / 100))
    assert found.mfe[0] == pytest.approx(np.log(103 / 100))
    assert found.optimal.tolist() == [BUY, BUY]
    assert found.regret[0] == pytest.approx(2 * np.log(1.02))


def test_a_short_is_scored_by_the_fall_of_the_price() -> None:
    series = candles([100, 101, 99, 98])
    found = validate(series, at(series, [0], side=-1), TERMS).measured
    assert found.gross[0] == pytest.approx(-np.log(0.98))
    assert found.mae[0] == pytest.approx(-np.log(102 / 100))
    assert found.mfe[0] == pytest.approx(-np.log(97 / 100))
    assert found.optimal.tolist() == [SELL]
    assert found.score[0] > 0.5


def test_a_setup_waits_until_its_horizon_has_passed() -> None:
    series = candles([100, 101, 102, 103, 104])
    found = validate(series, at(series, [1, 2, 4]), TERMS)
    assert found.measured.rows.tolist() == [0]
    assert found.incomplete == {}


def test_a_gap_within_the_horizon_leaves_it_incomplete_and_one_outside_does_not() -> None:
    series = candles([100.0] * 12, without=(5,))  # stored: bars 0-4, 6-11
    found = validate(series, at(series, [0, 1, 2, 4, 5]), TERMS)
    assert found.measured.rows.tolist() == [0, 1, 4]
    assert {reason: rows.tolist() for reason, rows in found.incomplete.items()} == {Incomplete.GAP: [2, 3]}


def test_a_candle_that_says_another_price_now_is_not_measured() -> None:
    series = candles([100, 101, 102, 103])
    moments = Moments(series.close_ms[:1], np.array([1]), np.array([HOLD]), np.array([100.5]))
    found = validate(series, moments, TERMS)
    assert len(found.measured) == 0
    assert list(found.incomplete) == [Incomplete.CHANGED]


def test_a_horizon_within_one_bar_is_said_and_not_stretched() -> None:
    series = candles([100, 101, 102, 103], minutes=60)
    found = validate(series, at(series, [0, 1]), TERMS)
    assert len(found.measured) == 0
    assert found.incomplete[Incomplete.HORIZON_WITHIN_BAR].tolist() == [0, 1]
    longer = validate(series, at(series, [0, 1]), OutcomeTerms.of(60.0, 20.0, 50.0)).measured
    assert longer.rows.tolist() == [0, 1]
    assert all(np.isnan(values).all() for values in longer.labels.values())


def test_a_horizon_between_two_bars_ends_at_the_later_one() -> None:
    series = candles([100, 101, 102, 103], minutes=10)
    found = validate(series, at(series, [0]), TERMS).measured
    assert found.horizon_ms == 20 * MINUTE
    assert found.exit_price[0] == 102


def test_labels_beyond_the_horizon_are_waited_for() -> None:
    series = candles([float(price) for price in range(100, 120)], minutes=1)
    short = OutcomeTerms.of(2.0, 20.0, 50.0)
    found = validate(series, at(series, [0, 4, 5]), short).measured
    assert found.rows.tolist() == [0, 1], "15 minutes after the third the series has not come"
    assert found.labels[15][0] == pytest.approx(np.log(115 / 100))
    assert waits_ms(short.horizon_ms, MINUTE) == 15 * MINUTE


def test_outcomes_of_many_setups_are_those_of_each_alone() -> None:
    series = random_walk(3_000, seed=5)
    rows = list(range(0, 2_900, 7))
    moments = at(series, rows, side=-1, taken=BUY)
    found = validate(series, moments, TERMS).measured
    bars = -(-15 * MINUTE // series.timeframe_ms)
    for place in (0, 50, 413):
        row = rows[place]
        inside = slice(row + 1, row + 1 + bars)
        entry = series.close[row]
        assert found.exit_price[place] == series.close[row + bars]
        assert found.mae[place] == pytest.approx(min(0.0, -np.log(series.high[inside].max() / entry)))
        assert found.mfe[place] == pytest.approx(max(0.0, -np.log(series.low[inside].min() / entry)))
        assert found.mae[place] <= found.gross[place] <= found.mfe[place]
