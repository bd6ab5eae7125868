"""What the classifier learns from, and that its files come back as the same model or not at all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.base import Dataset, SignalRows
from models.errors import ArtifactRefused, FeatureMismatch, NotEnoughRows, Stopped
from models.memory_run import MemoryRun
from models.signal_classifier import agent
from models.signal_classifier.model import SignalClassifier
from models.signal_classifier.params import SignalClassifierParams
from tests.models.walks import CandleSource, random_walk

WALK = random_walk(3_000, seed=8)
PARAMS = SignalClassifierParams(c_points=2, l1_points=1, folds=2, inner_folds=2)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return agent.dataset(CandleSource(WALK), PARAMS)


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> SignalClassifier:
    return agent.fit(dataset, PARAMS, MemoryRun(seed=4))


def test_the_label_is_whether_the_close_twelve_bars_later_is_higher(dataset: Dataset) -> None:
    bars = np.searchsorted(WALK.close_ms, dataset.t0_ms)
    assert np.array_equal(dataset.label == 1, WALK.close[bars + 12] > WALK.close[bars])
    assert np.array_equal(dataset.t1_ms, WALK.close_ms[bars + 12])


def test_bars_with_a_signal_are_taken_and_two_signals_of_a_bar_count_once() -> None:
    chosen = WALK.close_ms[200:2_700]
    signals = SignalRows(np.concatenate([chosen, chosen]), ("BTC/USDT",) * 5_000)
    made = agent.dataset(CandleSource(WALK, signals=signals), PARAMS)
    assert np.array_equal(made.t0_ms, chosen)
    assert made.description.startswith("bars with a signal")


def test_too_few_rows_are_refused_with_both_numbers() -> None:
    few = SignalRows(WALK.close_ms[200:300], ("BTC/USDT",) * 100)
    params = dataclasses.replace(PARAMS, sample="signals")
    with pytest.raises(NotEnoughRows, match=r"only 100 labelled bars .* at least 2,000"):
        agent.dataset(CandleSource(WALK, signals=few), params)


def test_a_label_never_spans_a_gap() -> None:
    shift = np.where(np.arange(3_000) >= 1_500, 10 * 300_000, 0)
    broken = dataclasses.replace(WALK, close_ms=WALK.close_ms + shift)
    made = agent.dataset(CandleSource(broken), PARAMS)
    assert (made.t1_ms - made.t0_ms == 12 * 300_000).all()
    assert made.rows == agent.dataset(CandleSource(WALK), PARAMS).rows - 12


def test_every_fit_is_counted_and_logged(dataset: Dataset) -> None:
    run = MemoryRun()
    agent.fit(dataset, PARAMS, run)
    total = agent.total_steps(dataset, PARAMS)
    assert (run.done, run.total) == (total, total) == (12, 12)
    assert len(run.curves["grid/roc_auc"]) == 12
    assert len(run.curves["fold/roc_auc"]) == len(run.curves["fold/f1"]) == 2


def test_the_final_model_is_the_grid_point_that_scored_best_inside(model: SignalClassifier) -> None:
    final = model.trials[-2:]
    best = max(final, key=lambda trial: trial.value)
    assert f'"c": {model.point.c}' in best.params_json


def test_a_cancelled_training_stops_between_two_fits(dataset: Dataset) -> None:
    with pytest.raises(Stopped, match="after step 3"):
        agent.fit(dataset, PARAMS, MemoryRun(stop_at=3))


def test_a_stored_model_says_what_the_trained_one_says(model: SignalClassifier, dataset: Dataset) -> None:
    loaded = agent.load(model.save())
    assert loaded.predict(WALK).tobytes() == model.predict(WALK).tobytes()
    assert loaded.weights_sha256() == model.weights_sha256()
    assert agent.evaluate(loaded, dataset) == agent.evaluate(model, dataset)
    assert (loaded.params, loaded.point) == (model.params, model.point)


def test_training_twice_with_one_seed_gives_the_same_bits(model: SignalClassifier, dataset: Dataset) -> None:
    assert agent.fit(dataset, PARAMS, MemoryRun(seed=4)).weights_sha256() == model.weights_sha256()


def test_predictions_are_probabilities_and_absent_where_history_is_short(model: SignalClassifier) -> None:
    said = model.predict(WALK)
    assert np.isnan(said[:97]).all()
    np.testing.assert_allclose(said[97:].sum(axis=1), 1.0)
    assert ((said[97:] >= 0) & (said[97:] <= 1)).all()


@pytest.mark.parametrize("name", ["model.json", "weights.npy", "out_of_fold_rows.npy"])
def test_a_damaged_or_missing_file_is_refused_by_name(model: SignalClassifier, name: str) -> None:
    files = model.save()
    with pytest.raises(ArtifactRefused, match=name):
        agent.load(files | {name: files[name][:-20]})
    with pytest.raises(ArtifactRefused, match=f"{name} is missing"):
        agent.load({key: value for key, value in files.items() if key != name})


def test_a_model_of_other_features_is_refused(model: SignalClassifier) -> None:
    files = model.save()
    other = files["model.json"].replace(b"return_96", b"return_95")
    with pytest.raises(FeatureMismatch, match="return_95"):
        agent.load(files | {"model.json": other})


def test_a_pickle_in_the_place_of_an_array_is_not_opened(model: SignalClassifier) -> None:
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ArtifactRefused, match=r"weights\.npy"):
        agent.load(model.save() | {"weights.npy": buffer.getvalue()})
