"""Measures of a trading record: worked numbers, and None where there is nothing to measure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.metrics.performance import (
    DAY_MS,
    TradeRecord,
    daily_returns,
    expectancy,
    fee_share,
    max_drawdown,
    mean_exposure,
    performance,
    profit_factor,
    sharpe,
    sortino,
    turnover,
    win_rate,
)

RETURNS = np.array([0.01, -0.005, 0.02, -0.01, 0.004])


def record(*pnl: float) -> TradeRecord:
    money = np.array(pnl, dtype=np.float64)
    one = np.ones_like(money)
    return TradeRecord(
        pnl=money,
        gross=money + 2.0,
        fees=2.0 * one,
        notional=1000.0 * one,
        exit_notional=1000.0 + money,
        hold_ms=np.full(money.size, 600_000, dtype=np.int64),
        mae=-0.01 * one,
        mfe=0.02 * one,
    )


def test_the_sharpe_ratio_of_five_days() -> None:
    assert sharpe(RETURNS, least=5) == pytest.approx(6.088, abs=5e-4)


def test_the_profit_factor_of_the_same_five() -> None:
    assert profit_factor(RETURNS) == pytest.approx(2.2667, abs=5e-5)


def test_few_days_and_days_that_never_vary_have_no_sharpe_ratio() -> None:
    assert sharpe(RETURNS) is None
    assert sharpe(np.full(40, 0.001)) is None
    assert sharpe(np.random.default_rng(1).normal(0.0, 0.01, 30)) is not None


def test_sortino_looks_at_the_bad_days_only() -> None:
    downside = math.sqrt((0.005**2 + 0.01**2) / 2)
    assert sortino(RETURNS, least=5) == pytest.approx(RETURNS.mean() / downside * math.sqrt(365))
    assert sortino(np.full(40, 0.01)) is None


def test_draws_are_neither_won_nor_lost() -> None:
    assert win_rate(np.array([1.0, -1.0, 0.0, 0.0, 2.0])) == pytest.approx(2 / 3)
    assert win_rate(np.zeros(3)) is None


def test_what_cannot_be_divided_is_none() -> None:
    assert profit_factor(np.array([1.0, 2.0])) is None
    assert expectancy(np.empty(0)) is None
    assert fee_share(1.0, 0.0) is None
    assert turnover(1.0, np.empty(0), 0.0) is None
    assert mean_exposure(np.array([1]), np.ones(1), np.ones(1)) is None


def test_the_deepest_fall_from_a_peak() -> None:
    assert max_drawdown(np.array([100.0, 120.0, 90.0, 130.0, 104.0])) == pytest.approx(0.25)
    assert max_drawdown(np.empty(0)) == 0.0


@given(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=50))
def test_a_drawdown_is_a_share(equity: list[float]) -> None:
    assert 0.0 <= max_drawdown(np.array(equity)) < 1.0


def test_flat_days_count_as_zero_and_midnight_ends_a_day() -> None:
    day = 19_723 * DAY_MS
    marks = np.array([day + 1, day + DAY_MS, day + 3 * DAY_MS + 1])  # two on the first day, none for two days
    found = daily_returns(marks, np.array([101.0, 102.0, 99.0]), 100.0)
    assert found.tolist() == pytest.approx([0.02, 0.0, 0.0, 99.0 / 102.0 - 1.0])


def test_daily_returns_compound_to_the_whole() -> None:
    generator = np.random.default_rng(0)
    marks = np.arange(1, 5001) * 1_800_000
    equity = 100.0 * np.exp(np.cumsum(generator.normal(0, 1e-3, 5000)))
    assert np.prod(1 + daily_returns(marks, equity, 100.0)) == pytest.approx(equity[-1] / 100.0)
    assert daily_returns(marks[:0], equity[:0], 100.0).size == 0


def test_exposure_is_weighted_by_time() -> None:
    marks = np.array([0, 10, 40])
    assert mean_exposure(marks, np.array([50.0, 0.0, 99.0]), np.full(3, 100.0)) == pytest.approx(0.125)


def test_a_whole_record() -> None:
    marks = np.arange(1, 41) * DAY_MS
    equity = 1000.0 + np.cumsum(np.tile([5.0, -3.0], 20))
    found = performance(marks, equity, np.full(40, 100.0), record(5.0, -3.0, 0.0), 1000.0)
    assert (found.wins, found.losses, found.draws, found.trades) == (1, 1, 1, 3)
    assert found.total_return == pytest.approx(0.04)
    assert found.days == 40
    assert found.turnover == pytest.approx((3000.0 + 3002.0) / equity.mean() / 40)
    assert found.fee_share == pytest.approx(6.0 / 8.0)
    assert found.mean_hold_minutes == pytest.approx(10.0)
    assert found.max_drawdown == pytest.approx(3.0 / 1005.0)
    assert found.as_dict()["expectancy"] == pytest.approx(2.0 / 3.0)


def test_an_empty_record_has_no_measures() -> None:
    found = performance(np.empty(0, np.int64), np.empty(0), np.empty(0), record(), 1000.0)
    assert found.end_equity == 1000.0
    assert found.sharpe is found.win_rate is found.exposure is found.mean_mae is None


def test_a_mark_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        performance(np.array([1]), np.array([math.nan]), np.zeros(1), record(), 1000.0)
