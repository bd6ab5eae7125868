"""Batches follow the law that a replay put into the dataset, within its caps, for a seed and a step."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from models.base import Dataset
from models.cnn.batches import ReplayBatches, UniformBatches, batches_of, steps_until_cap, steps_within_cap
from models.cnn.loss import pivot_loss
from models.errors import NotEnoughRows

ROWS = 400
TRAIN = np.arange(100, 300)


def dataset_with(law: np.ndarray, rapid: np.ndarray | None = None, **constants: float) -> Dataset:
    """A dataset whose rows say nothing but how they are drawn."""
    probability = np.zeros(ROWS)
    probability[TRAIN] = law / law.sum()
    weight = np.zeros(ROWS, dtype=np.float32)
    possible = probability > 0
    weight[possible] = probability[possible].min() / probability[possible]
    arrays: dict[str, Any] = {"replay_probability": probability, "replay_weight": weight}
    if rapid is not None:
        arrays["replay_rapid"] = rapid
    moments = np.arange(ROWS, dtype=np.int64)
    return Dataset(
        agent="cnn", arrays=arrays, label=moments, t0_ms=moments, t1_ms=moments,
        symbol=np.zeros(ROWS, np.int16), symbols=("BTC/USDT",), feature_names=(), label_order=(),
        horizon_bars=1, provenance="import", description="", constants=constants,
    )  # fmt: skip


EVEN = np.ones(len(TRAIN))
STEEP = np.linspace(1.0, 5.0, len(TRAIN))


def test_without_a_law_rows_are_drawn_uniformly_and_all_count_the_same() -> None:
    plain = dataclasses.replace(dataset_with(EVEN), arrays={})
    batches = batches_of(plain, TRAIN, 64, steps=10, seed=3)
    assert isinstance(batches, UniformBatches)
    rows = batches.rows(4)
    assert batches.weights(rows, 4) is None
    assert batches.priority(rows) == 1.0


def test_a_batch_is_the_same_whether_the_session_was_interrupted_before_it_or_not() -> None:
    dataset = dataset_with(STEEP)
    whole = ReplayBatches(dataset, TRAIN, 64, steps=50, seed=3)
    drawn = [whole.rows(step) for step in range(1, 51)]
    resumed = ReplayBatches(dataset, TRAIN, 64, steps=50, seed=3)
    assert np.array_equal(resumed.rows(41), drawn[40])
    assert np.array_equal(resumed.rows(7), drawn[6])  # and backwards, as a step is verified
    other = ReplayBatches(dataset, TRAIN, 64, steps=50, seed=4)
    assert not np.array_equal(other.rows(41), drawn[40])


def test_rows_are_drawn_as_often_as_the_law_says() -> None:
    batches = ReplayBatches(dataset_with(STEEP), TRAIN, 100, steps=20, seed=5)
    rows, counts = batches.draws(20)
    law = STEEP / STEEP.sum()
    heavy = counts[np.isin(rows, TRAIN[100:])].sum()
    expected, deviation = 2_000 * law[100:].sum(), np.sqrt(2_000 * law[100:].sum() * law[:100].sum())
    assert abs(heavy - expected) < 4 * deviation
    assert counts.sum() == 2_000


def test_a_row_of_chance_zero_and_a_row_outside_training_are_never_drawn() -> None:
    law = np.where(np.arange(len(TRAIN)) % 2 == 0, 1.0, 0.0)
    rows, _ = ReplayBatches(dataset_with(law), TRAIN, 64, steps=40, seed=1).draws(40)
    assert set(rows) <= set(TRAIN[::2])


def test_no_row_is_drawn_more_than_32_times_however_likely_it_is() -> None:
    law = EVEN.copy()
    law[:5] = 1_000.0
    steps = steps_within_cap(np.full(len(TRAIN), 1 / len(TRAIN)), 64, 1_000)
    assert steps == 100
    _, counts = ReplayBatches(dataset_with(law), TRAIN, 64, steps, seed=1).draws(steps)
    assert counts.max() == 32
    assert np.array_equal(counts, np.full(len(TRAIN), 32))  # as many draws as the cap has room for
    early_rows, early = ReplayBatches(dataset_with(law), TRAIN, 64, steps, seed=1).draws(3)
    assert early[np.isin(early_rows, TRAIN[:5])].sum() > 140  # until then the law decides


def test_a_session_ends_before_the_likeliest_row_is_expected_at_its_cap() -> None:
    law = STEEP / STEEP.sum()
    steps = steps_until_cap(law, 64, 1_000)
    assert steps * 64 * law.max() <= 32 < (steps + 1) * 64 * law.max()
    assert steps_until_cap(law, 64, 12) == 12


def test_drawing_beyond_every_cap_is_refused_in_numbers() -> None:
    with pytest.raises(NotEnoughRows, match="only 6,400 draws at 32 a row at most, and at least 6,464"):
        ReplayBatches(dataset_with(EVEN), TRAIN, 64, steps=101, seed=1).rows(101)


def test_a_fifth_of_a_batch_is_rapid_at_most_as_long_as_there_are_others() -> None:
    rapid = np.zeros(ROWS, dtype=np.bool_)
    rapid[TRAIN[:120]] = True
    batches = ReplayBatches(dataset_with(EVEN, rapid), TRAIN, 60, steps=40, seed=2)
    shares = [int(rapid[batches.rows(step)].sum()) for step in range(1, 41)]
    assert max(shares) == 12
    stricter = ReplayBatches(dataset_with(EVEN, rapid, replay_rapid_share=0.1), TRAIN, 60, steps=40, seed=2)
    assert max(int(rapid[stricter.rows(step)].sum()) for step in range(1, 41)) == 6
    alone = np.ones(ROWS, dtype=np.bool_)
    assert len(ReplayBatches(dataset_with(EVEN, alone), TRAIN, 60, steps=40, seed=2).rows(1)) == 60


def test_rapid_rows_are_drawn_as_often_as_the_law_says_up_to_their_cap() -> None:
    rapid = np.zeros(ROWS, dtype=np.bool_)
    rapid[TRAIN[:40]] = True
    law = np.where(rapid[TRAIN], 6 / 32 / 40, 26 / 32 / 160)
    batches = ReplayBatches(dataset_with(law, rapid), TRAIN, 32, steps=80, seed=2)
    shares = [int(rapid[batches.rows(step)].sum()) for step in range(1, 81)]
    assert set(shares) == {6}
    fewer = np.where(rapid[TRAIN], 4.5 / 32 / 40, 27.5 / 32 / 160)
    batches = ReplayBatches(dataset_with(fewer, rapid), TRAIN, 32, steps=80, seed=2)
    shares = [int(rapid[batches.rows(step)].sum()) for step in range(1, 81)]
    assert set(shares) == {4, 5} and np.mean(shares) == pytest.approx(4.5, abs=0.2)


def test_weights_undo_the_law_more_and_more_until_they_undo_it_wholly() -> None:
    law = STEEP / STEEP.sum()
    batches = ReplayBatches(dataset_with(STEEP), TRAIN, 64, steps=100, seed=1)
    rows = TRAIN[[0, -1]]
    ratio = law[0] / law[-1]
    for step, correction in ((0, 0.4), (50, 0.7), (100, 1.0)):
        np.testing.assert_allclose(batches.weights(rows, step), [1.0, ratio**correction], rtol=1e-6)


def test_drawn_by_the_law_and_weighted_wholly_a_mean_is_that_of_all_rows() -> None:
    values = np.linspace(-3.0, 9.0, ROWS)
    batches = ReplayBatches(dataset_with(STEEP), TRAIN, 200, steps=10, seed=8)
    drawn = np.concatenate([batches.rows(step) for step in range(1, 11)])
    weights = batches.weights(drawn, 10).astype(np.float64)
    truth = values[TRAIN].mean()
    assert (weights * values[drawn]).sum() / weights.sum() == pytest.approx(truth, abs=0.25)
    assert abs(values[drawn].mean() - truth) > 0.5  # unweighted it is not


def test_weights_of_one_leave_the_loss_as_it_is_and_a_weight_of_zero_silences_a_row() -> None:
    generator = torch.Generator().manual_seed(1)
    logits, distance, trust, true_distance = (
        torch.randn(shape, generator=generator) for shape in ((8, 3), (8,), (8,), (8,))
    )
    label = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    given = (logits, distance, trust, label, true_distance, torch.tensor([0.5, 1.5, 1.0]))
    plain, ones = pivot_loss(*given), pivot_loss(*given, torch.ones(8))
    for name, value in plain.scalars().items():
        assert ones.scalars()[name] == pytest.approx(value, rel=1e-6)
    silent = torch.ones(8)
    silent[3] = 0.0
    moved = logits.clone()
    moved[3] += 5.0
    before = pivot_loss(*given, silent).scalars()
    after = pivot_loss(moved, *given[1:], silent).scalars()
    assert after["losses/classification"] == pytest.approx(before["losses/classification"])
