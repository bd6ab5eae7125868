"""Where nothing can be known the classifier knows nothing, and where something is it finds it."""

from __future__ import annotations

import dataclasses

import numpy as np

from models.memory_run import MemoryRun
from models.signal_classifier import agent
from models.signal_classifier.params import SignalClassifierParams
from tests.models.walks import CandleSource, random_walk

PARAMS = SignalClassifierParams(sample="bars", c_points=2, l1_points=2)
BTC = random_walk(6_000, seed=1, symbol="BTC/USDT")
ETH = random_walk(6_000, seed=2, symbol="ETH/USDT")


def test_on_a_random_walk_the_auc_is_within_three_standard_errors_of_a_half() -> None:
    dataset = agent.dataset(CandleSource(BTC, ETH), PARAMS)
    metrics = agent.evaluate(agent.fit(dataset, PARAMS, MemoryRun()), dataset)
    assert abs(metrics.value - metrics.baseline) < 3.0 * metrics.others["roc_auc_standard_error"]
    assert "within noise" in metrics.note
    # Far narrower than the distance to what a leak would show.
    assert metrics.others["roc_auc_standard_error"] < 0.03


def test_with_a_planted_future_feature_the_auc_is_above_nine_tenths() -> None:
    dataset = agent.dataset(CandleSource(BTC, ETH), PARAMS)
    noise = np.random.default_rng(0).normal(0.0, 0.4, dataset.rows)
    features = dataset.arrays["features"].copy()
    features[:, 5] = dataset.label + noise
    planted = dataclasses.replace(dataset, arrays={"features": features})
    metrics = agent.evaluate(agent.fit(planted, PARAMS, MemoryRun()), planted)
    assert metrics.value > 0.9
    assert metrics.others["f1"] > metrics.others["f1_majority"]
    assert min(metrics.per_fold) > 0.9


def test_what_is_only_to_be_seen_in_the_scored_block_helps_nobody() -> None:
    dataset = agent.dataset(CandleSource(BTC, ETH), PARAMS)
    last = agent.split(dataset, PARAMS).folds[-1].test
    features = np.zeros_like(dataset.arrays["features"])
    features[last, 3] = dataset.label[last]
    hidden = dataclasses.replace(dataset, arrays={"features": features})
    metrics = agent.evaluate(agent.fit(hidden, PARAMS, MemoryRun()), hidden)
    assert metrics.per_fold == (0.5,) * 5
