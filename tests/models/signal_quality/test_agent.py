"""The agent learns where there is something to learn, and nothing where there is not."""

import dataclasses
import json

import numpy as np
import pytest

from models.base import Dataset
from models.errors import ArtifactRefused, FeatureMismatch, NotEnoughRows, Stopped
from models.memory_run import MemoryRun
from models.signal_quality import agent
from models.signal_quality.features import FEATURE_NAMES
from models.signal_quality.model import SignalQuality
from models.signal_quality.params import SignalQualityParams
from models.signal_quality.rule import signals_of
from tests.models.signal_quality.feed_source import FeedSourceAtHand
from tests.models.walks import random_walk

WALK = random_walk(15_000, seed=2)
OTHER = random_walk(15_000, seed=3, symbol="ETH/USDT")
PARAMS = SignalQualityParams(folds=3, rounds=60)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return agent.dataset(FeedSourceAtHand(WALK, OTHER), PARAMS)


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> SignalQuality:
    return agent.fit(dataset, PARAMS, MemoryRun(seed=4))


def test_the_label_is_whether_the_price_went_the_way_of_the_signal(dataset: Dataset) -> None:
    for place, walk in enumerate((WALK, OTHER)):
        mine = dataset.symbol == place
        bars = np.searchsorted(walk.close_ms, dataset.t0_ms[mine])
        side, _ = signals_of(walk)
        assert (side[bars] != 0).all()
        went = (walk.close[bars + 12] - walk.close[bars]) * side[bars] > 0
        assert np.array_equal(dataset.label[mine] == 1, went)
        assert np.array_equal(dataset.t1_ms[mine], walk.close_ms[bars + 12])
    assert (np.diff(dataset.t0_ms) >= 0).all() and dataset.symbols == ("BTC/USDT", "ETH/USDT")


def test_signals_at_some_moments_only_are_learned_from(dataset: Dataset) -> None:
    mine = dataset.t0_ms[dataset.symbol == 1][:600]
    made = agent.dataset_of(FeedSourceAtHand(WALK, OTHER), PARAMS, {"ETH/USDT": set(mine.tolist())})
    assert np.array_equal(made.t0_ms, mine) and made.symbols == ("ETH/USDT",)


def test_too_few_signals_are_refused_with_both_numbers() -> None:
    with pytest.raises(NotEnoughRows, match="and at least 500 are needed"):
        agent.dataset(FeedSourceAtHand(random_walk(400, seed=1)), PARAMS)
    with pytest.raises(NotEnoughRows, match="only 0 signals with a known outcome"):
        agent.dataset(FeedSourceAtHand(), PARAMS)


def test_a_label_never_spans_a_gap_of_candles() -> None:
    shift = np.where(np.arange(15_000) >= 7_000, 10 * 300_000, 0)
    broken = dataclasses.replace(WALK, close_ms=WALK.close_ms + shift)
    made = agent.dataset(FeedSourceAtHand(broken), PARAMS)
    assert (made.t1_ms - made.t0_ms == 12 * 300_000).all()


def test_recorded_prices_are_learned_from_where_there_are_no_candles() -> None:
    prices = [
        (int(ms), "SOL/USDT", {"price": float(close), "volume": 1.0})
        for ms, close in zip(WALK.close_ms, WALK.close, strict=True)
    ]
    made = agent.dataset(FeedSourceAtHand(records={"crypto_price": prices}), PARAMS)
    assert made.symbols == ("SOL/USDT",) and made.rows > 500


def test_no_training_label_meets_the_block_that_is_scored(dataset: Dataset) -> None:
    for fold in agent.split(dataset, PARAMS).folds:
        assert dataset.t1_ms[fold.train].max() < dataset.t0_ms[fold.test].min()


def test_on_a_random_walk_the_auc_is_within_three_standard_errors_of_a_half(
    model: SignalQuality, dataset: Dataset
) -> None:
    metrics = agent.evaluate(model, dataset)
    assert abs(metrics.value - metrics.baseline) < 3.0 * metrics.others["roc_auc_standard_error"]
    assert "within noise" in metrics.note and len(metrics.per_fold) == 3
    assert metrics.others["recorded_sentiment"] == 0.0


def test_where_nothing_can_be_known_few_trees_are_grown(model: SignalQuality) -> None:
    # Rows that were fitted would get better with every tree; those of the inner slice do not.
    grown = [json.loads(trial.params_json)["trees"] for trial in model.trials]
    assert max(grown) < PARAMS.rounds and "stopped by the inner slice" in model.convergence


def test_with_a_planted_future_feature_the_auc_is_above_nine_tenths(dataset: Dataset) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.4, dataset.rows)
    features = dataset.arrays["features"].copy()
    features[:, FEATURE_NAMES.index("sentiment")] = dataset.label + noise
    planted = dataclasses.replace(dataset, arrays={"features": features})
    metrics = agent.evaluate(agent.fit(planted, PARAMS, MemoryRun()), planted)
    assert metrics.value > 0.9 and metrics.others["accuracy"] > 0.8
    assert metrics.others["accuracy"] > metrics.others["accuracy_majority"]


def test_sentiment_that_foretells_is_found_through_the_feeds() -> None:
    side, _ = signals_of(WALK)
    future = np.sign(WALK.close[12:] - WALK.close[:-12])
    news = [
        (int(WALK.close_ms[bar]), "BTC", {"sentiment": float(future[bar]) * 0.5})
        for bar in np.flatnonzero(side[:-12])
    ]
    params = dataclasses.replace(PARAMS, sentiment_hours=0.1)
    made = agent.dataset(FeedSourceAtHand(WALK, records={"news_sentiment": news}), params)
    metrics = agent.evaluate(agent.fit(made, params, MemoryRun()), made)
    assert metrics.value > 0.9 and metrics.others["recorded_sentiment"] > 0.99


def test_training_twice_with_one_seed_gives_the_same_trees(model: SignalQuality, dataset: Dataset) -> None:
    assert agent.fit(dataset, PARAMS, MemoryRun(seed=4)).trees == model.trees


def test_a_stored_model_says_what_the_trained_one_says(model: SignalQuality, dataset: Dataset) -> None:
    loaded = agent.load(model.save())
    said = model.predict(WALK)
    assert loaded.predict(WALK).tobytes() == said.tobytes()
    assert loaded.weights_sha256() == model.weights_sha256()
    assert agent.evaluate(loaded, dataset) == agent.evaluate(model, dataset)
    has_signal = np.isfinite(said[:, 0])
    assert 0 < has_signal.sum() < len(said)
    np.testing.assert_allclose(said[has_signal].sum(axis=1), 1.0)


@pytest.mark.parametrize("name", ["model.json", "trees.txt", "out_of_fold_rows.npy"])
def test_a_missing_file_is_refused_by_name(model: SignalQuality, name: str) -> None:
    files = {key: value for key, value in model.save().items() if key != name}
    with pytest.raises(ArtifactRefused, match=name):
        agent.load(files)


def test_damaged_trees_and_other_features_are_refused(model: SignalQuality) -> None:
    files = model.save()
    with pytest.raises(ArtifactRefused):
        agent.load(files | {"trees.txt": b"no trees"})
    with pytest.raises(FeatureMismatch, match="spread_pct"):
        agent.load(files | {"model.json": files["model.json"].replace(b"spread_bps", b"spread_pct")})


def test_two_versions_are_compared_on_the_rows_that_neither_has_seen(
    model: SignalQuality, dataset: Dataset
) -> None:
    middle = int(np.median(dataset.t0_ms))
    duel = agent.compare(model, model, dataset, middle)
    judged = model.out_of_fold
    assert duel.scored == len(judged.rows) and 0 < duel.rows < duel.scored
    assert (dataset.t0_ms[judged.rows] > middle).sum() == duel.rows
    # The stored model has seen all rows: it says more of them than the models of the folds did.
    assert duel.incumbent > duel.value
    assert agent.learned_until_ms(dataset, PARAMS) == dataset.t1_ms.max()


def test_progress_and_curves_are_told_and_a_cancel_is_noticed(dataset: Dataset) -> None:
    run = MemoryRun()
    agent.fit(dataset, PARAMS, run)
    assert run.done == run.total == agent.total_steps(dataset, PARAMS) == 240
    assert len(run.curves["fold/roc_auc"]) == 3 and len(run.curves["validation/loss"]) > 8
    with pytest.raises(Stopped):
        agent.fit(dataset, PARAMS, MemoryRun(stop_at=5))
