"""Scores, hindsight and priorities against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cointrader.data_feeds.candle_reading import read_candle_file
from cointrader.data_feeds.sample import sample_files
from cointrader.training.outcomes.labels import returns_after
from cointrader.training.outcomes.priority import (
    TAU_MS,
    error_scale,
    error_shares,
    training_priority,
)
from cointrader.training.outcomes.score import (
    hindsight_values,
    optimal_action,
    profitability_score,
    regret,
    return_of_score,
)
from models.setup_rows import BUY, HOLD, SELL

UNIT, COST = 50e-4, 20e-4


@pytest.mark.parametrize(("bps", "score"), [(0.0, 0.5), (42.4, 0.70), (-109.9, 0.10)])
def test_the_score_of_a_net_return(bps: float, score: float) -> None:
    assert float(profitability_score(bps * 1e-4, UNIT)) == pytest.approx(score, abs=2e-4)
    if bps:
        assert return_of_score(score, UNIT) == pytest.approx(bps * 1e-4, abs=5e-6)


def test_a_score_is_defined_for_any_finite_return_and_for_no_other() -> None:
    assert profitability_score([-1e6, 1e6], UNIT).tolist() == [0.0, 1.0]
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match=r"net_return\[1\]"):
            profitability_score([0.0, bad], UNIT)


def test_long_starts_of_the_bundled_candles_that_are_profitable_episodes() -> None:
    reached = {}
    for path in sample_files():
        series = read_candle_file(path).candles
        rows = np.arange(len(series) - 3)
        moved = returns_after(series, rows, np.ones(rows.size, dtype=np.int64), 3)
        net = moved[np.isfinite(moved)] - COST
        reached[series.symbol] = int((net >= 42.4e-4).sum())
        assert int((profitability_score(net, UNIT) >= 0.7).sum()) >= reached[series.symbol]
    assert reached == {"BTC/USDT": 1458, "ETH/USDT": 1982}


def test_the_best_action_in_hindsight_pays_its_costs_or_is_to_hold() -> None:
    moved = np.array([30e-4, 20e-4, 10e-4, 0.0, -20e-4, -20.1e-4])
    values = hindsight_values(moved, COST)
    assert values[0] == pytest.approx([10e-4, -50e-4, 0.0])
    assert optimal_action(values).tolist() == [BUY, HOLD, HOLD, HOLD, HOLD, SELL]
    assert regret(values[:1], np.array([SELL]))[0] == pytest.approx(60e-4)
    assert regret(values[:1], np.array([HOLD]))[0] == pytest.approx(10e-4)
    assert regret(values[:1], np.array([BUY]))[0] == 0.0


def test_the_priority_of_a_rapid_setup_one_half_life_old() -> None:
    age = TAU_MS * math.log(2.0)
    assert float(training_priority(0.85, 0.5, 1.0, age)) == pytest.approx(0.681, abs=1e-12)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans(), st.floats(0.0, 1e12))
def test_winners_and_losers_of_one_size_weigh_the_same(
    score: float, share: float, rapid: bool, age: float
) -> None:
    one = float(training_priority(score, share, rapid, age))
    other = float(training_priority(1.0 - score, share, rapid, age))
    assert one == pytest.approx(other, abs=1e-12)
    assert 1e-3 <= one <= 1.001 + 1e-12


def test_a_td_error_counts_in_parts_of_the_95th_percentile() -> None:
    errors = np.linspace(-1.0, 1.0, 201)
    scale = error_scale(errors)
    assert scale == pytest.approx(0.95)
    assert error_shares([scale / 2, -scale / 2, 5.0, math.nan], scale).tolist() == [0.5, 0.5, 1.0, 0.0]
    assert error_scale([]) == 0.0
    assert error_shares([0.3], 0.0).tolist() == [0.0]
