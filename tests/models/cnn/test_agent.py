"""The CNN learns what is there, invents nothing on a random walk, and repeats itself to the bit."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from models.base import Dataset
from models.cnn import agent
from models.cnn.batches import batch_rows
from models.cnn.model import CnnModel
from models.cnn.params import CnnParams
from models.cnn.pivots import turning_points
from models.cnn.training_loop import learning_rate
from models.errors import ArtifactRefused, Diverged, FeatureMismatch, NotEnoughRows, Stopped
from models.memory_run import MemoryRun
from tests.models.walks import CandleSource, random_walk

pytestmark = pytest.mark.xdist_group("torch")

SMALL = CnnParams(
    steps=40,
    batch_size=32,
    window_bars=16,
    channels=8,
    hidden=8,
    learning_rate=1e-2,
    evaluate_every=10,
    evaluate_rows=128,
)
WALK = random_walk(3_000, seed=21)


@pytest.fixture(autouse=True, scope="module")
def one_thread():  # type: ignore[no-untyped-def]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return agent.dataset(CandleSource(WALK), SMALL)


@pytest.fixture(scope="module")
def run() -> MemoryRun:
    return MemoryRun(seed=7)


@pytest.fixture(scope="module")
def model(dataset: Dataset, run: MemoryRun) -> CnnModel:
    return agent.fit(dataset, SMALL, run)


def test_each_row_is_an_extreme_whose_label_ends_where_it_becomes_known(dataset: Dataset) -> None:
    points = turning_points(WALK.close, 5)
    bars = np.searchsorted(WALK.close_ms, dataset.t0_ms)
    place = np.searchsorted(points.index, bars)
    assert np.array_equal(points.index[place], bars)
    assert np.array_equal(dataset.label, points.label[place])
    assert np.array_equal(dataset.t1_ms, WALK.close_ms[bars + 5])


def test_two_symbols_are_mixed_in_time_and_keep_their_own_bars() -> None:
    eth = random_walk(3_000, seed=22, symbol="ETH/USDT")
    both = agent.dataset(CandleSource(WALK, eth), SMALL)
    assert (np.diff(both.t0_ms) >= 0).all()
    for number, series in enumerate((WALK, eth)):
        mine = both.symbol == number
        bars = np.searchsorted(series.close_ms, both.t0_ms[mine])
        seen = both.arrays["series_x1"][both.arrays["position_x1"][mine], 3]
        np.testing.assert_array_equal(seen, np.log(series.close[bars]))


def test_every_part_of_the_loss_has_a_curve_of_every_step(model: CnnModel, run: MemoryRun) -> None:
    for part in ("classification", "regression", "confidence", "total"):
        assert [step for step, _ in run.curves[f"losses/{part}"]] == list(range(1, 41))
    assert [step for step, _ in run.curves["validation/loss"]] == [10, 20, 30, 40]
    assert [step.facts.step for step in run.steps] == list(range(1, 41))
    assert (run.done, run.total) == (40, 40)


def test_a_training_that_was_stopped_and_resumed_has_the_bits_of_one_that_was_not(
    model: CnnModel, dataset: Dataset
) -> None:
    first = MemoryRun(seed=7, stop_at=17)
    with pytest.raises(Stopped, match="after step 17"):
        agent.fit(dataset, SMALL, first)
    assert first.state is not None and first.state.step == 17
    resumed = MemoryRun(seed=7, state=first.state)
    again = agent.fit(dataset, SMALL, resumed)
    assert resumed.curves["losses/total"][0][0] == 18
    assert again.weights_sha256() == model.weights_sha256()


def test_another_seed_gives_other_weights(model: CnnModel, dataset: Dataset) -> None:
    assert agent.fit(dataset, SMALL, MemoryRun(seed=8)).weights_sha256() != model.weights_sha256()


def test_the_rows_of_a_batch_are_a_function_of_seed_and_step() -> None:
    train = np.arange(1_000, 2_000)
    one = batch_rows(train, 64, seed=3, step=9)
    batch_rows(train, 64, seed=3, step=10)
    assert np.array_equal(batch_rows(train, 64, seed=3, step=9), one)
    assert not np.array_equal(batch_rows(train, 64, seed=3, step=10), one)
    assert not np.array_equal(batch_rows(train, 64, seed=4, step=9), one)
    assert one.min() >= 1_000 and one.max() < 2_000


def test_the_learning_rate_rises_and_then_falls_to_nothing() -> None:
    params = CnnParams(steps=1_000, learning_rate=1e-3)
    assert learning_rate(25, params) == pytest.approx(5e-4)
    assert learning_rate(50, params) == pytest.approx(1e-3)
    assert learning_rate(525, params) == pytest.approx(5e-4)
    assert learning_rate(1_000, params) == pytest.approx(0.0, abs=1e-12)


def test_a_loss_that_is_no_number_ends_in_diverged_and_the_curve_shows_it(dataset: Dataset) -> None:
    unknown = np.full_like(dataset.arrays["series_x3"], np.nan)
    broken = dataclasses.replace(dataset, arrays={**dataset.arrays, "series_x3": unknown})
    run = MemoryRun()
    with pytest.raises(Diverged, match="diverged at step 1: the loss is nan"):
        agent.fit(broken, SMALL, run)
    assert math.isnan(run.curves["losses/total"][0][1])


def test_a_validation_loss_far_above_its_best_ends_in_diverged(dataset: Dataset) -> None:
    first = MemoryRun(seed=7, stop_at=12)
    with pytest.raises(Stopped):
        agent.fit(dataset, SMALL, first)
    assert first.state is not None
    # As if the network had been a hundred times better before it went astray.
    better = dataclasses.replace(first.state, counters={"losses": [0.01]})
    with pytest.raises(Diverged, match=r"at step 20: the validation loss is 1\.\d+, its best was 0\.01"):
        agent.fit(dataset, SMALL, MemoryRun(seed=7, state=better))


def test_patience_ends_a_training_and_the_best_weights_come_back() -> None:
    walk = random_walk(2_000, seed=5)
    dataset = agent.dataset(CandleSource(walk), SMALL)
    eager = dataclasses.replace(SMALL, steps=2_000, learning_rate=0.02, patience=3, evaluate_every=10)
    run = MemoryRun()
    model = agent.fit(dataset, eager, run)
    losses = [value for _, value in run.curves["validation/loss"]]
    assert run.done < 2_000
    assert len(losses) - 1 - int(np.argmin(losses)) == 3
    assert f"best validation loss {min(losses):.4f}" in model.convergence


ORACLE = dataclasses.replace(SMALL, steps=150, batch_size=64, channels=24, hidden=24)


def test_on_a_random_walk_the_auc_is_within_three_standard_errors_of_a_half() -> None:
    dataset = agent.dataset(CandleSource(random_walk(20_000, seed=31)), ORACLE)
    metrics = agent.evaluate(agent.fit(dataset, ORACLE, MemoryRun()), dataset)
    assert abs(metrics.value - 0.5) < 3.0 * metrics.others["pivot_auc_standard_error"]
    assert metrics.others["ece"] < 0.1


def test_with_the_future_planted_in_the_volume_the_loss_halves_and_the_auc_is_above_nine_tenths() -> None:
    walk = random_walk(12_000, seed=32)
    points = turning_points(walk.close, 5)
    volume = walk.volume.copy()
    volume[points.index[points.label != 0]] *= 20.0
    dataset = agent.dataset(CandleSource(dataclasses.replace(walk, volume=volume)), ORACLE)
    run = MemoryRun()
    metrics = agent.evaluate(agent.fit(dataset, ORACLE, run), dataset)
    loss = [value for _, value in run.curves["losses/total"]]
    assert np.mean(loss[-10:]) < 0.5 * np.mean(loss[:10])
    assert metrics.value > 0.9
    assert metrics.others["f1_macro"] > metrics.others["f1_macro_class_prior"]


def test_a_stored_model_says_what_the_trained_one_says(model: CnnModel, dataset: Dataset) -> None:
    loaded = agent.load(model.save())
    assert loaded.weights_sha256() == model.weights_sha256()
    assert loaded.predict(WALK).tobytes() == model.predict(WALK).tobytes()
    assert agent.evaluate(loaded, dataset) == agent.evaluate(model, dataset)


def test_a_bar_that_is_no_extreme_is_no_pivot_and_short_history_has_no_answer(model: CnnModel) -> None:
    said = model.predict(WALK)
    first = np.flatnonzero(np.isfinite(said[:, 0]))[0]
    assert np.isnan(said[:first]).all() and np.isfinite(said[first:]).all()
    np.testing.assert_allclose(said[first:].sum(axis=1), 1.0)
    bar = int(np.flatnonzero((WALK.close[1:] < WALK.close[:-1]) & (np.arange(2_999) > 1_000))[0]) + 1
    assert said[bar, 1] == 0.0  # a close below the one before it is no high


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_damaged_or_missing_file_is_refused_by_name(model: CnnModel, name: str) -> None:
    files = model.save()
    with pytest.raises(ArtifactRefused, match=name):
        agent.load(files | {name: files[name][:-40]})
    with pytest.raises(ArtifactRefused, match=f"{name} is missing"):
        agent.load({key: value for key, value in files.items() if key != name})


def test_weights_of_another_shape_or_other_features_are_refused(model: CnnModel) -> None:
    files = model.save()
    record = files["model.json"]
    with pytest.raises(ArtifactRefused, match=r"weights\.safetensors"):
        agent.load(files | {"model.json": record.replace(b'"hidden": 8', b'"hidden": 9')})
    with pytest.raises(FeatureMismatch, match="x3_wolume"):
        agent.load(files | {"model.json": record.replace(b"x3_volume", b"x3_wolume")})


def test_too_few_extremes_are_refused_with_both_numbers() -> None:
    with pytest.raises(NotEnoughRows, match="at least 100 are needed"):
        agent.dataset(CandleSource(random_walk(260, seed=1)), SMALL)
