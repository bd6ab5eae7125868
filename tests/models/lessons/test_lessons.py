"""A step of lessons: the close among rows it knows, its weight on its loss, its reward as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models.backprop.snapshots import weights_of
from models.base import Dataset
from models.cnn import agent as cnn_agent
from models.cnn.lessons import CnnTeacher, class_target
from models.cnn.params import CnnParams
from models.cnn.pivots import HIGH, LOW, NONE
from models.cob_rl import agent as cob_agent
from models.cob_rl.learner import ACTION
from models.cob_rl.params import CobRlParams
from models.dqn import agent as dqn_agent
from models.dqn.params import DqnParams
from models.dqn.surprise import EXPERIENCE, NO_EXPERIENCE
from models.lessons.rows import (
    ORDER,
    POSITION,
    WEIGHT,
    Beginning,
    Close,
    LessonBatches,
    lesson_split,
    with_closes,
)
from models.memory_run import MemoryRun
from models.setup_rows import BUY, SELL
from tests.models.cob_rl.walking_books import MINUTE, BooksAtHand, walking_book
from tests.models.dqn.worlds import World

pytestmark = pytest.mark.xdist_group("torch")

DQN = DqnParams(steps=20, hidden=8, evaluate_every=10)
COB = CobRlParams(steps=10, batch_size=8, window=4, levels=3, evaluate_every=5, evaluate_rows=16)


@pytest.mark.parametrize(
    ("action", "net", "weight", "target"),
    [
        (BUY, 0.01, 1.0, LOW),
        (BUY, -0.01, 1.0, HIGH),
        (SELL, 0.01, 1.0, HIGH),
        (SELL, -0.01, 1.0, LOW),
        (BUY, 0.001, 0.5, NONE),
        (SELL, -0.001, 0.1, NONE),
    ],
)
def test_the_class_is_the_turning_point_of_the_side_that_would_have_paid(
    action: int, net: float, weight: float, target: int
) -> None:
    assert class_target(action, net, weight) == target


def dqn_lessons(weight: float, reward: float = 0.7, closes: int = 1) -> tuple[Dataset, Dataset]:
    """(ordinary rows, the same with closes that bought in the state of the 100th setup)."""
    ordinary = dqn_agent.dataset(World(count=200, names=("BTC/USDT",)), DQN)
    model = dqn_agent.fit(ordinary, DQN, MemoryRun(seed=1))
    begin = Beginning(1, 1, weights_of(model.network), 0, np.empty((0, 2), np.int64))
    moment = int(ordinary.t0_ms[300])
    lessons = [Close(7 + n, "BTC/USDT", moment + n, moment + n + 900_000, weight, BUY) for n in range(closes)]
    states = len(ordinary.arrays["series_state"])
    columns = {
        "setup": np.full(closes, states, np.int64),
        "following": np.full(closes, -1, np.int64),
        "action": np.full(closes, BUY, np.int64),
        "reward": np.full(closes, reward),
        "terminated": np.ones(closes, np.uint8),
        EXPERIENCE: np.full(closes, NO_EXPERIENCE, np.int64),
        "from_close": np.ones(closes, np.uint8),
        "rapid": np.zeros(closes, np.uint8),
        "priority": np.ones(closes),
        "model_weight": np.full(closes, weight, np.float32),
    }
    state = ordinary.arrays["series_state"]
    extra = {"series_state": np.vstack([state, state[100:101]])}
    made = with_closes(ordinary, lessons, columns, begin, provenance="paper", extra=extra)
    return ordinary, made


def begun_with(run: MemoryRun) -> dict[str, Any]:
    """The weights before the first step."""
    assert run.kept is not None
    prefix = "weights/"
    snapshot = run.kept.snapshots[0].items()
    return {name.removeprefix(prefix): each for name, each in snapshot if name.startswith(prefix)}


def gradient(dataset: Dataset) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    run = MemoryRun(seed=3)
    dqn_agent.fit(dataset, DQN, run)
    return run.steps[0].gradient


def test_the_weight_scales_the_loss_of_the_close_and_never_its_reward() -> None:
    none, half, whole = (gradient(dqn_lessons(weight)[1]).astype(np.float64) for weight in (0.0, 0.5, 1.0))
    # Clipping is far away, so the gradient is linear in the weight: what is added is twice as much.
    assert np.abs(whole - none).max() > 1e-4
    assert np.allclose(whole - none, 2.0 * (half - none), atol=1e-6)
    scaled = dqn_lessons(0.5, reward=0.35)[1]
    assert not np.allclose(gradient(scaled), half, atol=1e-5)  # that would be the reward scaled
    row = int(np.flatnonzero(dqn_lessons(0.5)[1].arrays[POSITION])[0])
    assert dqn_lessons(0.5)[1].arrays["reward"][row] == 0.7


def test_a_close_moves_the_value_of_its_action_towards_its_reward() -> None:
    def value(weight: float, reward: float) -> float:
        _, dataset = dqn_lessons(weight, reward=reward, closes=40)
        model = dqn_agent.fit(dataset, DQN, MemoryRun(seed=3))
        return float(model.values(dataset.arrays["series_state"][-1:])[0, BUY])

    assert value(1.0, -5.0) < value(0.0, 5.0) - 0.02 < value(1.0, 5.0) - 0.04


def test_a_recorded_step_is_computed_again_to_the_bit() -> None:
    _, dataset = dqn_lessons(0.6, closes=3)
    run = MemoryRun(seed=3)
    dqn_agent.fit(dataset, DQN, run)
    assert run.kept is not None
    before = begun_with(run)
    for place, kept in enumerate(run.steps, start=1):
        again = dqn_agent.recompute(dataset, DQN, 3, place, before)
        assert np.array_equal(again, kept.gradient)
        before = run.kept.layout.tensors_of(kept.state)


def test_batches_hold_their_close_first_and_then_rows_of_the_training_part_alone() -> None:
    ordinary, dataset = dqn_lessons(0.6, closes=5)
    train = dqn_agent.split(dataset, DQN).folds[0].train
    assert not dataset.arrays[POSITION][train].any()
    batches = LessonBatches(dataset, train, 32, seed=1)
    for step in range(1, 6):
        rows = batches.rows(step)
        assert dataset.arrays[ORDER][rows[0]] == step
        assert np.isin(rows[1:], train).all()
        assert np.array_equal(rows, LessonBatches(dataset, train, 32, seed=1).rows(step))
    assert dataset.rows == ordinary.rows + 5
    assert np.all(np.diff(dataset.t0_ms) >= 0)


def test_rows_that_a_close_has_touched_are_not_scored() -> None:
    ordinary, _ = dqn_lessons(0.5)
    whole = dqn_agent.split(ordinary, DQN).folds[1].test
    late = int(ordinary.t0_ms[whole[len(whole) // 2]])
    begin = Beginning(1, 1, {}, 0, np.array([[late, late + 600_000]], np.int64))
    columns = {name: each[:1] for name, each in ordinary.arrays.items() if not name.startswith("series_")}
    close = Close(9, "BTC/USDT", int(ordinary.t0_ms[50]), int(ordinary.t1_ms[50]), 1.0, BUY)
    dataset = with_closes(ordinary, [close], columns, begin, provenance="paper")
    split = lesson_split(dataset, DQN.inner_share, DQN.test_share)
    scored = split.folds[1].test
    assert 0 < len(whole) - len(scored) < 30
    meets = (dataset.t0_ms[scored] <= late + 600_000) & (dataset.t1_ms[scored] >= late)
    assert not meets.any()


def test_a_version_that_nothing_fresh_is_left_to_judge_by_has_no_value() -> None:
    ordinary, _ = dqn_lessons(0.5)
    everything = np.array([[0, int(ordinary.t1_ms.max())]], np.int64)
    _, dataset = dqn_lessons(0.5)
    seen = replace(dataset, arrays={**dataset.arrays, "series_seen_ms": everything})
    model = dqn_agent.fit(seen, DQN, MemoryRun(seed=3))
    metrics = dqn_agent.evaluate(model, seen)
    assert np.isnan(metrics.value) and not metrics.beats_baseline
    assert "only 0 rows are left" in metrics.note


def cob_lessons(weight: float) -> Dataset:
    book = walking_book(900, seed=2)
    ordinary = cob_agent.dataset(BooksAtHand(book), COB)
    ordinary = replace(ordinary, arrays={**ordinary.arrays, ACTION: np.full(ordinary.rows, -1, np.int64)})
    model = cob_agent.fit(ordinary, COB, MemoryRun(seed=1))
    weights = weights_of(model.network)
    weights |= {"scale.mean": model.scale.mean, "scale.deviation": model.scale.deviation}
    begin = Beginning(1, 1, weights, 0, np.empty((0, 2), np.int64))
    moment = 300 * MINUTE
    columns = {
        "position": ordinary.arrays["position"][300:301],
        "reward": np.array([[0.0, 0.9, 0.0]]),
        ACTION: np.array([SELL], np.int64),
    }
    close = Close(5, book.symbol, moment, moment + 15 * MINUTE, weight, SELL)
    return with_closes(ordinary, [close], columns, begin, provenance="paper")


def test_the_policy_learns_the_action_that_was_taken_by_actor_critic() -> None:
    dataset = cob_lessons(1.0)
    run = MemoryRun(seed=4)
    model = cob_agent.fit(dataset, COB, run)
    step = run.steps[0]
    row = int(np.flatnonzero(dataset.arrays[POSITION])[0])
    assert step.facts.batch[0] == row
    assert set(step.facts.losses) == {"losses/total", "losses/policy", "losses/value", "losses/entropy"}
    assert np.array_equal(model.scale.mean, dataset.arrays["series_base.scale.mean"])
    again = cob_agent.recompute(dataset, COB, 4, 1, begun_with(run))
    assert np.array_equal(again, step.gradient)
    metrics = cob_agent.evaluate(model, dataset)
    assert np.isfinite(metrics.value)


def test_the_weight_of_a_close_scales_its_part_of_the_actor_critic_loss() -> None:
    none, half, whole = (cob_loss(cob_lessons(weight)) for weight in (0.0, 0.5, 1.0))
    assert abs(whole - none) > 1e-6
    assert whole - none == pytest.approx(2.0 * (half - none), rel=1e-4)


def cob_loss(dataset: Dataset) -> float:
    run = MemoryRun(seed=4)
    cob_agent.fit(dataset, COB, run)
    return float(run.steps[0].facts.losses["losses/value"])


def test_of_a_close_the_cnn_learns_the_class_and_nothing_of_distance_or_confidence() -> None:
    from models.cnn.loss import pivot_loss

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((4, 3), generator=generator)
    distance, trust = torch.randn(4, generator=generator), torch.randn(4, generator=generator)
    label = torch.tensor([HIGH, LOW, NONE, HIGH])
    truth = torch.tensor([0.0, 0.5, 0.0, 0.3])
    weights = torch.tensor([0.5, 1.0, 1.0, 1.0])
    measured = torch.tensor([False, True, True, True])
    classes = torch.ones(3)
    taught = pivot_loss(logits, distance, trust, label, truth, classes, weights, measured)
    moved = pivot_loss(logits, distance + torch.tensor([9.0, 0, 0, 0]), trust + torch.tensor([9.0, 0, 0, 0]),
                       label, truth, classes, weights, measured)  # fmt: skip
    assert taught.regression == moved.regression and taught.confidence == moved.confidence
    heavier = pivot_loss(
        logits, distance, trust, label, truth, classes, torch.tensor([1.0, 1.0, 1.0, 1.0]), measured
    )
    surprise = torch.nn.functional.cross_entropy(logits, label, reduction="none")
    expected = 0.5 * float(surprise[0]) / 4.0
    assert float(heavier.classification - taught.classification) == pytest.approx(expected, rel=1e-5)
    assert float(heavier.regression) == float(taught.regression)


def test_a_cnn_of_lessons_begins_with_the_weights_that_its_dataset_pins() -> None:
    from models.candle_series import PlainCandles
    from models.cnn.gradients import StepGradients
    from tests.models.walks import random_walk

    class Candles:
        provenance = "import"

        def candles(self, symbols: str, timeframe_minutes: int) -> list[PlainCandles]:
            return [random_walk(1_500, seed=1)]

    params = CnnParams(steps=10, batch_size=8, window_bars=16, channels=4, hidden=4, evaluate_rows=64)
    ordinary = cnn_agent.dataset(Candles(), params)  # type: ignore[arg-type]
    model = cnn_agent.fit(ordinary, params, MemoryRun(seed=1))
    begin = Beginning(1, 1, weights_of(model.network), 0, np.empty((0, 2), np.int64))
    columns = {name: each[60:61] for name, each in ordinary.arrays.items() if not name.startswith("series_")}
    close = Close(3, "BTC/USDT", int(ordinary.t0_ms[60]), int(ordinary.t1_ms[60]), 0.4, HIGH)
    dataset = with_closes(ordinary, [close], columns, begin, provenance="paper")
    train = cnn_agent.split(dataset, params).folds[0].train
    gradients = StepGradients(dataset, train, params, seed=9)
    assert weights_of(gradients.network).keys() == begin.weights.keys()
    for name, value in weights_of(gradients.network).items():
        assert np.array_equal(value, begin.weights[name])
    teacher = CnnTeacher(dataset, train, params, 9)
    taken = teacher.take(1)
    assert dataset.arrays[WEIGHT][taken.rows[0]] == np.float32(0.4)
    assert len(taken.rows) == 32 and cnn_agent.total_steps(dataset, params) == 1
