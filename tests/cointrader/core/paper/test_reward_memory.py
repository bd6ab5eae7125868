"""Rewards one by one are those of all closes at once."""

from __future__ import annotations

import numpy as np

from cointrader.backtest.run import run_backtest
from cointrader.core.paper.reward_memory import RewardMemory
from cointrader.settings import RewardSettings
from cointrader.trading.position import Records
from cointrader.trading.reward_columns import reward_columns
from tests.cointrader.market import walk

COST = 24e-4


def trades() -> Records:
    return run_backtest((walk(3000, 3), walk(3000, 4, "ETH/USDT")), ("momentum", "mean_bot")).trades


def test_rewards_that_come_one_by_one_are_those_of_one_pass() -> None:
    closed = trades()
    assert closed.size > 100
    memory = RewardMemory(RewardSettings(streak_weight=0.5), COST)
    whole = reward_columns(closed, COST, 0.5)
    found = [memory.add(closed[place : place + 1]) for place in range(closed.size)]
    for name, values in vars(whole).items():
        assert np.array_equal(np.concatenate([getattr(one, name) for one in found]), values), name


def test_a_memory_that_is_read_again_gives_the_same() -> None:
    closed = trades()
    whole = reward_columns(closed, COST)
    half = closed.size // 2
    memory = RewardMemory(RewardSettings(), COST, closed[:half].copy())
    assert np.array_equal(memory.add(closed[half:]).normalized, whole.normalized[half:])


def test_an_exit_that_is_learned_of_late_takes_its_place_among_the_others() -> None:
    closed = trades()[:30]
    late, others = closed[10:11], np.delete(closed, 10)
    memory = RewardMemory(RewardSettings(), COST, others.copy())
    found = memory.add(late)
    assert found.normalized[0] == reward_columns(closed, COST).normalized[10]
