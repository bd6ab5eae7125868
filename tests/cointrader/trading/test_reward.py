"""The two rewards of a close: worked examples, properties, and columns that agree with single closes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cointrader.trading.position import TRADE, Records
from cointrader.trading.reward import (
    NormalizedReward,
    comprehensive_reward,
    normalized_reward,
    small_move_weight,
    streak_reward,
)
from cointrader.trading.reward_columns import reward_columns

money = st.floats(-1e4, 1e4)
minutes = st.floats(0, 1e5)
histories = st.lists(st.floats(-0.05, 0.05), max_size=30)


def normalized(
    pnl: float, hold_minutes: float = 5.0, history: list[float] | None = None, scale: float = 1.0
) -> NormalizedReward:
    return normalized_reward(
        pnl=pnl * scale,
        equity=10_000.0 * scale,
        notional=5_000.0 * scale,
        hold_minutes=hold_minutes,
        history=history or [],
    )


def test_the_normalized_reward_of_a_small_gain() -> None:
    reward = normalized(2.35, 7.0, [1e-4, -1e-4, 5e-5])
    assert reward.on_return == pytest.approx(0.046965, abs=5e-7)
    assert reward.on_notional == pytest.approx(0.009393, abs=5e-6)
    assert reward.on_consistency == pytest.approx(0.011538, abs=5e-6)
    assert reward.on_time == pytest.approx(-0.002)
    assert reward.total == pytest.approx(0.065897, abs=5e-7)


def test_the_normalized_reward_of_a_long_loss() -> None:
    assert normalized(-40.0, 125.0, [1e-4] * 20).total == pytest.approx(-0.966811, abs=5e-7)


def test_the_comprehensive_reward_and_its_parts() -> None:
    reward = comprehensive_reward(
        pnl=2.35,
        quantity=0.1,
        price=50_000.0,
        balance=10_000.0,
        hold_minutes=7.0,
        recent=[1.0, -1.0, 2.35, 0.5],
        wins=3,
        losses=0,
    )
    assert reward.time == pytest.approx(-0.002)
    assert reward.risk == pytest.approx(4.607843, abs=5e-7)
    assert reward.consistency == pytest.approx(1.959786, abs=5e-7)
    assert reward.streak == pytest.approx(0.06)
    assert reward.total == pytest.approx(33.753579, abs=5e-7)


def test_a_first_close_has_no_consistency() -> None:
    reward = comprehensive_reward(
        pnl=1.0, quantity=1.0, price=1.0, balance=1.0, hold_minutes=0.0, recent=[1.0], wins=1, losses=0
    )
    assert reward.consistency == 0.0


def test_streaks_pay_little_and_cost_more() -> None:
    assert [streak_reward(1.0, wins, 0) for wins in (1, 5, 50)] == [0.02, 0.1, 0.1]
    assert [streak_reward(-1.0, 0, losses) for losses in (1, 4, 50)] == [-0.05, -0.2, -0.2]


@settings(deadline=None)
@given(money, minutes, histories, st.floats(1e-3, 1e6))
def test_scaling_account_and_position_together_changes_nothing(
    pnl: float, hold: float, history: list[float], scale: float
) -> None:
    assert normalized(pnl, hold, history, scale).total == pytest.approx(
        normalized(pnl, hold, history).total, abs=1e-9
    )


@settings(deadline=None)
@given(money, money, minutes, histories)
def test_more_profit_never_earns_less(one: float, other: float, hold: float, history: list[float]) -> None:
    low, high = sorted((one, other))
    assert normalized(low, hold, history).total <= normalized(high, hold, history).total


@settings(deadline=None)
@given(money, minutes, histories)
def test_the_normalized_reward_is_bounded(pnl: float, hold: float, history: list[float]) -> None:
    assert -1.5 <= normalized(pnl, hold, history).total <= 1.25


@given(st.floats(0, 5), histories)
def test_nothing_earned_quickly_is_worth_nothing(hold: float, history: list[float]) -> None:
    assert normalized(0.0, hold, history).total == 0.0


def test_a_history_without_variation_is_no_division_by_zero() -> None:
    assert math.isfinite(normalized(5.0, history=[1e-4] * 20).total)


@pytest.mark.parametrize(
    "bad", [{"equity": 0.0}, {"notional": -1.0}, {"pnl": math.nan}, {"equity": math.inf}]
)
def test_a_reward_of_unusable_numbers_is_refused(bad: dict[str, float]) -> None:
    values = {"pnl": 1.0, "equity": 1.0, "notional": 1.0, "hold_minutes": 1.0} | bad
    with pytest.raises(ValueError, match=r"finite|positive"):
        normalized_reward(history=[], **values)


def test_a_move_within_its_costs_counts_less_but_always_counts() -> None:
    assert small_move_weight(0.0, 1000.0, 0.0024) == 0.1
    assert small_move_weight(-1.2, 1000.0, 0.0024) == pytest.approx(0.5)
    assert small_move_weight(24.0, 1000.0, 0.0024) == 1.0
    assert small_move_weight(0.0, 1000.0, 0.0) == 1.0


def closes(count: int, seed: int = 4) -> Records:
    """Trades in order of their close; some overlap, some end where others begin."""
    generator = np.random.default_rng(seed)
    trades = np.zeros(count, TRADE)
    trades["exit_ms"] = np.sort(generator.integers(0, count * 200_000, count)) // 60_000 * 60_000 + 10**9
    trades["entry_ms"] = trades["exit_ms"] - 60_000 * generator.integers(1, 90, count)
    trades["net"] = generator.normal(0.0, 8.0, count)
    trades["net"][::17] = 0.0
    trades["quantity"] = generator.uniform(0.1, 2.0, count)
    trades["entry_price"] = generator.uniform(100.0, 900.0, count)
    trades["notional"] = trades["quantity"] * trades["entry_price"]
    trades["equity"] = 10_000.0
    return trades


def test_columns_of_rewards_are_those_of_single_closes() -> None:
    trades = closes(150)
    columns = reward_columns(trades, 0.0024, 0.3)
    wins = losses = 0
    for k, trade in enumerate(trades):
        pnl, hold = float(trade["net"]), float(trade["exit_ms"] - trade["entry_ms"]) / 60_000
        wins, losses = (wins + 1, 0) if pnl > 0 else (0, losses + 1 if pnl < 0 else 0)
        known = trades[trades["exit_ms"] <= trade["entry_ms"]]
        one = normalized_reward(
            pnl=pnl,
            equity=float(trade["equity"]),
            notional=float(trade["notional"]),
            hold_minutes=hold,
            history=(known["net"] / known["equity"]).tolist(),
            streak=streak_reward(pnl, wins, losses),
            streak_weight=0.3,
        )
        other = comprehensive_reward(
            pnl=pnl,
            quantity=float(trade["quantity"]),
            price=float(trade["entry_price"]),
            balance=float(trade["equity"]),
            hold_minutes=hold,
            recent=trades["net"][max(0, k - 19) : k + 1].tolist(),
            wins=wins,
            losses=losses,
        )
        assert columns.normalized[k] == pytest.approx(one.total, abs=1e-12)
        assert columns.normalized_terms[k].tolist() == pytest.approx(
            [one.on_return, one.on_notional, one.on_consistency, one.on_time, one.on_streak], abs=1e-12
        )
        assert columns.comprehensive_terms[k].tolist() == pytest.approx(
            list(other.terms), rel=1e-9, abs=1e-12
        )
        assert columns.comprehensive[k] == pytest.approx(other.total, rel=1e-9, abs=1e-12)
        assert columns.weight[k] == small_move_weight(pnl, float(trade["notional"]), 0.0024)


def test_no_trades_give_empty_columns() -> None:
    assert reward_columns(np.zeros(0, TRADE), 0.0024).normalized.size == 0
