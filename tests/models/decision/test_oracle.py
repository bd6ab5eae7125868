"""Where nothing can be known the agent knows nothing, and where something is it finds it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.decision import agent
from models.decision.features import FEATURE_NAMES
from models.decision.params import DecisionParams
from models.memory_run import MemoryRun
from tests.models.decision.closes import CloseSource, coin_closes
from tests.models.walks import random_walk

PARAMS = DecisionParams()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_random_outcomes_the_auc_is_within_three_standard_errors_of_a_half(seed: int) -> None:
    walk = random_walk(7_000, seed=seed)
    dataset = agent.dataset(CloseSource(coin_closes(3_000, seed), walk), PARAMS)
    metrics = agent.evaluate(agent.fit(dataset, PARAMS, MemoryRun()), dataset)
    assert abs(metrics.value - metrics.baseline) < 3.0 * metrics.standard_error
    assert "within noise" in metrics.note
    # Far narrower than the distance to what a leak would show.
    assert metrics.standard_error < 0.04


def test_with_a_planted_future_feature_the_auc_is_above_nine_tenths() -> None:
    dataset = agent.dataset(CloseSource(coin_closes(2_000, 4)), PARAMS)
    features = dataset.arrays["features"].copy()
    noise = np.random.default_rng(0).normal(0.0, 0.4, dataset.rows)
    features[:, FEATURE_NAMES.index("trailing_return")] = dataset.label + noise
    planted = dataclasses.replace(dataset, arrays={**dataset.arrays, "features": features})
    metrics = agent.evaluate(agent.fit(planted, PARAMS, MemoryRun()), planted)
    assert metrics.value > 0.9 and min(metrics.per_fold) > 0.9
    assert metrics.others["log_loss"] < 0.7 * metrics.others["log_loss_base_rate"]
    assert metrics.others["net_bps_chosen"] > metrics.others["net_bps_all"] + 10.0


def test_a_strategy_that_pays_is_told_from_one_that_does_not() -> None:
    closed = coin_closes(2_000, 5)
    momentum = np.array(closed.asked.strategy) == "momentum"
    draw = np.random.default_rng(5).uniform(size=len(closed))
    pays = draw < np.where(momentum, 0.7, 0.2)
    known = dataclasses.replace(closed, pays=pays, net_return=np.where(pays, 0.004, -0.004))
    dataset = agent.dataset(CloseSource(known), PARAMS)
    metrics = agent.evaluate(agent.fit(dataset, PARAMS, MemoryRun()), dataset)
    assert metrics.value > 0.7 and "beyond noise" in metrics.note


def test_what_is_only_to_be_seen_in_the_scored_block_helps_nobody() -> None:
    dataset = agent.dataset(CloseSource(coin_closes(2_000, 6)), PARAMS)
    last = agent.split(dataset, PARAMS).folds[-1].test
    features = np.zeros_like(dataset.arrays["features"])
    features[last, 3] = dataset.label[last]
    hidden = dataclasses.replace(dataset, arrays={**dataset.arrays, "features": features})
    metrics = agent.evaluate(agent.fit(hidden, PARAMS, MemoryRun()), hidden)
    assert metrics.per_fold == (0.5,) * 5
