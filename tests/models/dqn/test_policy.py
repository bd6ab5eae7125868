"""What a policy earns, how sure that is, and when it had better hold."""

import math

import numpy as np
import pytest

from models.dqn.agent import dataset
from models.dqn.params import DqnParams
from models.dqn.policy import (
    Judged,
    choose_margin,
    earned,
    greedy,
    independent_outcomes,
    judged_setups,
    standard_error,
)
from tests.models.dqn.worlds import World


def judged(reward) -> Judged:
    moments = np.arange(len(reward)) * 10
    return Judged(np.arange(len(reward)), np.asarray(reward, np.float64), moments, moments + 5)


def test_outcomes_that_overlap_h_fold_are_worth_n_over_h():
    t0 = np.arange(0, 3_000, 5)
    assert independent_outcomes(t0, t0 + 5) == pytest.approx(600)
    assert independent_outcomes(t0, t0 + 15) == pytest.approx(200, rel=0.01)
    twice = np.repeat(t0, 2)
    assert independent_outcomes(twice, twice + 15) == pytest.approx(200, rel=0.01)
    assert independent_outcomes(t0[:0], t0[:0]) == 0.0


def test_a_trade_has_to_beat_holding_by_the_margin():
    values = np.array([[0.3, 0.1, 0.2], [0.0, 0.5, 0.2], [0.1, 0.1, 0.2]], np.float32)
    assert greedy(values, 0.0).tolist() == [0, 1, 2]
    assert greedy(values, 0.2).tolist() == [2, 1, 2]
    assert greedy(values, math.inf).tolist() == [2, 2, 2]


def test_a_margin_is_infinite_unless_something_earns_more_than_holding():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(500, 3)).astype(np.float32)
    losing = generator.normal(-0.1, 1.0, (500, 3))
    losing[:, 2] = 0.0
    assert choose_margin(judged(losing), values) == math.inf
    gain = values[:, :2] - values[:, 2:]
    paying = np.column_stack([np.where(gain > 0.8, 0.5, -0.5), np.zeros(500)])
    margin = choose_margin(judged(paying), values)
    assert earned(judged(paying), greedy(values, margin)).mean() > 0.1
    assert choose_margin(judged(paying[:3]), values[:3]) == math.inf


def test_judged_setups_have_the_reward_of_every_action_and_none_of_a_close():
    world = World(count=60, names=("A/B", "C/D"))
    rows = world.rows
    rows.from_close[:6] = True
    data = dataset(world, DqnParams())
    found = judged_setups(data, np.arange(data.rows))
    kept = np.setdiff1d(np.arange(120), [0, 1])
    assert np.array_equal(np.sort(found.setup), kept)
    for place, setup in enumerate(found.setup):
        mine = (rows.setup == setup) & ~rows.from_close
        assert found.reward[place, 0] == rows.reward[mine & (rows.action == 0)][0]
        assert found.reward[place, 1] == rows.reward[mine & (rows.action == 1)][0]
        assert found.reward[place, 2] == 0.0
    assert (np.diff(found.t0_ms) >= 0).all()


def test_an_error_is_not_known_of_fewer_than_two_rewards():
    assert math.isnan(standard_error(np.array([1.0]), 1.0))
    assert standard_error(np.array([0.0, 2.0]), 2.0) == pytest.approx(1.0)
