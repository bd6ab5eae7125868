"""What an experience teaches, and how new a state is, against a plain computation."""

from __future__ import annotations

import numpy as np
import pytest

from cointrader.trading.reward import normalized_reward
from cointrader.training.outcomes.rewards import SizedTrade, rewards
from cointrader.training.outcomes.value import experience_value, novelty

UNIT = 50e-4


def test_the_value_of_an_experience() -> None:
    # 0.5 x 0.7 + 0.3 tanh(1) + 0.2 x 0.25
    assert float(experience_value(0.7, 50e-4, 0.25, UNIT)) == pytest.approx(0.628478247, abs=1e-9)


def test_novelty_by_hand() -> None:
    states = np.array([[0, 0], [3, 4], [0, 0], [0, 1]], dtype=np.float32)
    found = novelty(states)
    assert found[0] == 1.0  # nothing was seen before
    assert found[1] == pytest.approx(0.5)  # the nearest is the only one: distance / median = 1
    assert found[2] == 0.0  # seen before
    # distances 1, sqrt(18), 1: nearest 1, median 1
    assert found[3] == pytest.approx(0.5)


def test_novelty_looks_at_the_last_thousand_states_only_and_is_the_same_in_parts() -> None:
    random = np.random.default_rng(4)
    states = random.normal(size=(2_300, 5)).astype(np.float32)
    states[2_200] = states[100]  # 2,100 states ago: forgotten
    whole = novelty(states)
    assert whole[2_200] > 0.0
    for row in (1, 7, 999, 1_000, 1_001, 2_200, 2_299):
        earlier = states[max(0, row - 1_000) : row].astype(np.float64)
        distances = np.sqrt(((earlier - states[row]) ** 2).sum(axis=1))
        expected = 1 - 1 / (1 + distances.min() / np.median(distances))
        assert whole[row] == pytest.approx(expected, rel=1e-9)
    assert ((whole >= 0.0) & (whole <= 1.0)).all()
    part = novelty(states[500:1_600], first=1_000)
    assert part.tolist() == whole[1_500:1_600].tolist()


def test_a_state_that_is_not_known_is_not_new_and_not_remembered() -> None:
    states = np.array([[1.0], [np.nan], [2.0], [1.0]], dtype=np.float32)
    assert novelty(states).tolist() == [1.0, 0.0, 0.5, 0.0]
    assert novelty(states, first=1).tolist() == [0.0, 0.5, 0.0]


def test_the_reward_of_a_trade_that_was_not_made_is_that_of_the_one_that_is() -> None:
    moved = np.array([0.01, -0.02, 0.0])
    for side in (1, -1):
        found = rewards(moved, side, SizedTrade(size_fraction=0.1, cost=20e-4, minutes=15.0))
        for price_return, reward in zip(moved, found, strict=True):
            profit = 1_000.0 * (side * np.expm1(price_return) - 20e-4)
            expected = normalized_reward(
                pnl=profit, equity=10_000.0, notional=1_000.0, hold_minutes=15.0, history=()
            )
            assert reward == pytest.approx(expected.total, rel=1e-12)
