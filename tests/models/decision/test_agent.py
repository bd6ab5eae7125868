"""What the agent learns from, and that its files come back as the same model or not at all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.base import Dataset
from models.decision import agent
from models.decision.logistic import fit_logistic
from models.decision.model import Decision
from models.decision.params import DecisionParams
from models.errors import ArtifactRefused, FeatureMismatch, NotEnoughRows, Stopped
from models.memory_run import MemoryRun
from tests.models.decision.closes import CloseSource, coin_closes
from tests.models.walks import random_walk

PARAMS = DecisionParams(folds=3, c_points=2)
CLOSED = coin_closes(900, seed=7)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return agent.dataset(CloseSource(CLOSED), PARAMS)


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> Decision:
    return agent.fit(dataset, PARAMS, MemoryRun(seed=4))


def test_the_label_is_whether_the_position_paid_and_lasts_until_its_close(dataset: Dataset) -> None:
    assert np.array_equal(dataset.label == 1, CLOSED.pays)
    assert np.array_equal(dataset.t0_ms, CLOSED.asked.ts_ms)
    assert np.array_equal(dataset.t1_ms, CLOSED.ends_ms)


def test_no_position_that_is_trained_on_was_open_when_the_test_began(dataset: Dataset) -> None:
    folds = agent.split(dataset, PARAMS).folds
    assert len(folds) == 3
    for fold in folds:
        assert dataset.t1_ms[fold.train].max() < dataset.t0_ms[fold.test].min()


def test_below_two_hundred_closes_nothing_is_learned() -> None:
    with pytest.raises(NotEnoughRows, match="only 199 signals with a closed position, and at least 200"):
        agent.dataset(CloseSource(coin_closes(199, 1)), PARAMS)
    made = agent.dataset(CloseSource(coin_closes(200, 1)), DecisionParams())
    assert agent.fit(made, DecisionParams(), MemoryRun()).out_of_fold.rows.size > 100


def test_a_stored_model_says_what_the_trained_one_says(model: Decision, dataset: Dataset) -> None:
    loaded = agent.load(model.save())
    features = dataset.arrays["features"]
    assert loaded.predict_features(features).tobytes() == model.predict_features(features).tobytes()
    assert loaded.weights_sha256() == model.weights_sha256()
    assert agent.evaluate(loaded, dataset) == agent.evaluate(model, dataset)
    assert (loaded.params, loaded.c) == (model.params, model.c)


def test_training_twice_gives_the_same_bits(model: Decision, dataset: Dataset) -> None:
    assert agent.fit(dataset, PARAMS, MemoryRun(seed=4)).weights_sha256() == model.weights_sha256()


def test_one_signal_alone_is_told_what_it_was_told_among_all(model: Decision, dataset: Dataset) -> None:
    row = np.array([700])
    past = CLOSED.at(np.flatnonzero(CLOSED.ends_ms < CLOSED.asked.ts_ms[700]))
    alone = model.predict_signals(CLOSED.asked.at(row), past, [])
    among = model.predict_features(dataset.arrays["features"][row])
    assert alone.tobytes() == among.tobytes() and alone.sum() == pytest.approx(1.0)


def test_bars_without_a_signal_have_no_answer(model: Decision) -> None:
    assert np.isnan(model.predict(random_walk(5, seed=0))).all()


def test_the_fit_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    draw = np.random.default_rng(2)
    features = draw.normal(size=(400, 4)) * [1.0, 5.0, 0.1, 2.0] + 3.0
    pays = draw.uniform(size=400) < 1.0 / (1.0 + np.exp(-(features[:, 0] - 3.0)))
    mine = fit_logistic(features, pays, 0.1)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    theirs = LogisticRegression(C=0.1, tol=1e-10, max_iter=1_000).fit(scaled, pays)
    np.testing.assert_allclose(mine.weights, theirs.coef_[0], atol=1e-5)
    assert mine.intercept == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_rows_of_one_kind_alone_teach_their_share() -> None:
    features = np.random.default_rng(0).normal(size=(9, 3))
    made = fit_logistic(features, np.zeros(9, np.bool_), 1.0)
    np.testing.assert_allclose(made.probability(features), 0.05)


def test_a_cancelled_training_stops_between_two_folds(dataset: Dataset) -> None:
    with pytest.raises(Stopped, match="after step 2"):
        agent.fit(dataset, PARAMS, MemoryRun(stop_at=2))


def test_two_versions_are_held_against_each_other_on_later_rows(model: Decision, dataset: Dataset) -> None:
    after = int(np.median(dataset.t0_ms))
    duel = agent.compare(model, model, dataset, after)
    assert 0 < duel.rows < duel.scored == model.out_of_fold.rows.size
    assert np.isfinite(duel.value) and np.isfinite(duel.incumbent)


def test_closes_that_all_lost_have_no_score() -> None:
    lost = dataclasses.replace(CLOSED, pays=np.zeros(len(CLOSED), np.bool_))
    made = agent.dataset(CloseSource(lost), PARAMS)
    metrics = agent.evaluate(agent.fit(made, PARAMS, MemoryRun()), made)
    assert np.isnan(metrics.value) and not metrics.beats_baseline and "not defined" in metrics.note


@pytest.mark.parametrize("name", ["model.json", "weights.npy", "out_of_fold_rows.npy"])
def test_a_damaged_or_missing_file_is_refused_by_name(model: Decision, name: str) -> None:
    files = model.save()
    with pytest.raises(ArtifactRefused, match=name):
        agent.load(files | {name: files[name][:-20]})
    with pytest.raises(ArtifactRefused, match=f"{name} is missing"):
        agent.load({key: value for key, value in files.items() if key != name})


def test_a_model_of_other_features_is_refused(model: Decision) -> None:
    files = model.save()
    other = files["model.json"].replace(b"hour_sine", b"hour_cube")
    with pytest.raises(FeatureMismatch, match="hour_cube"):
        agent.load(files | {"model.json": other})
