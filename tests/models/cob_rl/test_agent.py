"""COB RL repeats to the bit, finds what is there to be found, and finds nothing in a random walk."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from models.base import Dataset
from models.cob_rl import agent
from models.cob_rl.interface import COBRLModelInterface
from models.cob_rl.learner import Learner, action_numbers
from models.cob_rl.model import CobRlModel
from models.cob_rl.params import SIZES, CobRlParams, NetworkShape
from models.cob_rl.snapshots import book_features
from models.digest import weights_digest
from models.errors import ArtifactRefused, Diverged, FeatureMismatch, NotEnoughRows, Stopped
from models.memory_run import MemoryRun
from models.setup_rows import BUY, HOLD, SELL
from models.step_journal import JournalRefused
from models.validation.folds import leaking_rows
from models.validation.intervals import Intervals
from tests.models.cob_rl.walking_books import BooksAtHand, planted_book, walking_book
from tests.models.walks import random_walk

pytestmark = pytest.mark.xdist_group("torch")

QUICK = CobRlParams(
    steps=20, batch_size=8, window=4, levels=3, horizon_minutes=5.0, evaluate_every=5, evaluate_rows=64
)
WALK = walking_book(600, seed=5)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return agent.dataset(BooksAtHand(WALK), QUICK)


@pytest.fixture(scope="module")
def run() -> MemoryRun:
    return MemoryRun(seed=7)


@pytest.fixture(scope="module")
def model(dataset: Dataset, run: MemoryRun) -> CobRlModel:
    return agent.fit(dataset, QUICK, run)


def test_each_row_is_a_snapshot_whose_reward_is_known_a_horizon_later(dataset: Dataset) -> None:
    place = np.searchsorted(WALK.ts_ms, dataset.t0_ms)
    assert place.tolist() == list(range(3, 595))
    assert np.array_equal(dataset.t1_ms, WALK.ts_ms[place + 5])
    net = WALK.middle[place + 5] / WALK.middle[place] - 1.0 - 0.002
    np.testing.assert_allclose(dataset.arrays["reward"][:, BUY], np.tanh(net / 0.005))
    assert (dataset.arrays["reward"][:, HOLD] == 0.0).all()
    assert dataset.label_order == ("BUY", "SELL", "HOLD") and dataset.horizon_bars == 5


def test_no_row_that_is_learned_from_ends_in_the_block_that_is_scored(dataset: Dataset) -> None:
    intervals = Intervals(dataset.t0_ms, dataset.t1_ms)
    for fold in agent.split(dataset, QUICK).folds:
        assert not len(leaking_rows(intervals, fold))


def test_books_of_two_symbols_keep_their_own_snapshots() -> None:
    eth = walking_book(300, seed=6, symbol="ETH/USD")
    both = agent.dataset(BooksAtHand(WALK, eth), QUICK)
    assert both.symbols == ("BTC/USD", "ETH/USD") and (np.diff(both.t0_ms) >= 0).all()
    for number, book in enumerate((WALK, eth)):
        mine = both.symbol == number
        place = np.searchsorted(book.ts_ms, both.t0_ms[mine])
        seen = both.arrays["series_book"][both.arrays["position"][mine]]
        np.testing.assert_array_equal(seen, book_features(book, QUICK.levels)[place])


def test_books_of_another_pace_are_not_mixed_in() -> None:
    seconds = dataclasses.replace(WALK, symbol="ETH/USD", ts_ms=WALK.ts_ms // 60)
    minutes = agent.dataset(BooksAtHand(WALK, seconds), QUICK)
    assert minutes.symbols == ("BTC/USD",) and minutes.constants["step_ms"] == 60_000.0
    chosen = dataclasses.replace(QUICK, snapshot_seconds=1.0, horizon_minutes=0.1)
    assert agent.dataset(BooksAtHand(WALK, seconds), chosen).symbols == ("ETH/USD",)


def test_without_a_book_it_says_what_is_missing_and_what_to_do() -> None:
    with pytest.raises(NotEnoughRows, match=r"no order book is recorded: import a table of books"):
        agent.dataset(BooksAtHand(), QUICK)
    with pytest.raises(NotEnoughRows, match=r"recorded are BTC/USD: 30 every 60 s"):
        agent.dataset(BooksAtHand(walking_book(30, seed=1)), QUICK)


def test_records_that_were_left_out_are_told_of_in_the_description() -> None:
    damaged = dataclasses.replace(WALK, left_out=("record 7 of BTC/USD: its asks are empty", "record 9"))
    described = agent.dataset(BooksAtHand(damaged), QUICK).description
    assert "2 records left out, first: record 7 of BTC/USD: its asks are empty" in described


def test_every_part_of_the_loss_has_a_curve_and_every_step_is_kept(
    model: CobRlModel, run: MemoryRun, dataset: Dataset
) -> None:
    for part in ("policy", "value", "entropy", "total"):
        assert [step for step, _ in run.curves[f"losses/{part}"]] == list(range(1, 21))
    assert [step for step, _ in run.curves["validation/mean_reward"]] == [5, 10, 15, 20]
    assert [step.facts.step for step in run.steps] == list(range(1, 21))
    train = set(agent.split(dataset, QUICK).folds[0].train.tolist())
    assert all(set(step.facts.batch.tolist()) <= train for step in run.steps)


def test_a_training_that_was_stopped_and_resumed_has_the_bits_of_one_that_was_not(
    model: CobRlModel, dataset: Dataset, run: MemoryRun
) -> None:
    first = MemoryRun(seed=7, stop_at=11)
    with pytest.raises(Stopped, match="after step 11"):
        agent.fit(dataset, QUICK, first)
    assert first.state is not None and first.state.step == 11
    resumed = MemoryRun(seed=7, state=first.state)
    again = agent.fit(dataset, QUICK, resumed)
    assert [step.weights_sha256 for step in resumed.steps] == [step.weights_sha256 for step in run.steps[11:]]
    assert again.weights_sha256() == model.weights_sha256()


def test_the_best_weights_of_before_an_interruption_are_put_back_at_the_end(dataset: Dataset) -> None:
    first = MemoryRun(seed=7, stop_at=11)
    with pytest.raises(Stopped):
        agent.fit(dataset, QUICK, first)
    assert first.state is not None
    best = {name: each for name, each in first.state.arrays.items() if name.startswith("best/")}
    # As if the policy had earned a little more at its last validation than it ever will again.
    ahead = dataclasses.replace(first.state, counters={"losses": [1.4, 1.0]})
    again = agent.fit(dataset, QUICK, MemoryRun(seed=7, state=ahead))
    assert again.weights_sha256() == weights_digest({name[len("best/") :]: best[name] for name in best})


def test_another_seed_gives_other_weights(model: CobRlModel, dataset: Dataset) -> None:
    assert agent.fit(dataset, QUICK, MemoryRun(seed=8)).weights_sha256() != model.weights_sha256()


def test_a_recorded_gradient_can_be_computed_again_from_the_weights_before_it(
    model: CobRlModel, dataset: Dataset, run: MemoryRun
) -> None:
    assert run.kept is not None
    before, kept = run.steps[12], run.steps[13]
    weights = run.kept.layout.tensors_of(before.state)
    again = agent.recompute(dataset, QUICK, 7, kept.facts.step, weights)
    assert again.tobytes() == kept.gradient.tobytes()
    assert agent.recompute(dataset, QUICK, 8, kept.facts.step, weights).tobytes() != kept.gradient.tobytes()


def test_the_numbers_that_actions_are_drawn_with_are_a_function_of_seed_and_step() -> None:
    one = action_numbers(16, seed=3, step=9)
    action_numbers(16, seed=3, step=10)
    assert np.array_equal(action_numbers(16, seed=3, step=9), one)
    assert not np.array_equal(action_numbers(16, seed=3, step=10), one)
    assert not np.array_equal(action_numbers(16, seed=4, step=9), one)


def test_features_are_scaled_by_the_training_part_alone(dataset: Dataset) -> None:
    train = agent.split(dataset, QUICK).folds[0].train
    spoiled = dataset.arrays["series_book"].copy()
    spoiled[dataset.arrays["position"][train[-1]] + 1 :] = 1e6
    other = dataclasses.replace(dataset, arrays={**dataset.arrays, "series_book": spoiled})
    one, two = (Learner(each, train, QUICK, seed=0).scale for each in (dataset, other))
    assert one.mean.tobytes() == two.mean.tobytes()
    assert one.deviation.tobytes() == two.deviation.tobytes()


def test_a_replay_changes_which_rows_are_drawn(dataset: Dataset) -> None:
    train = agent.split(dataset, QUICK).folds[0].train
    chosen = train[:50]
    probability = np.zeros(dataset.rows)
    probability[chosen] = 1.0 / len(chosen)
    arrays = {"replay_probability": probability, "replay_weight": np.ones(dataset.rows, np.float32)}
    replayed = dataclasses.replace(dataset, arrays={**dataset.arrays, **arrays})
    run = MemoryRun(seed=7)
    agent.fit(replayed, dataclasses.replace(QUICK, steps=10), run)
    assert set(np.concatenate([step.facts.batch for step in run.steps]).tolist()) <= set(chosen.tolist())


def test_a_reward_that_is_no_number_ends_in_diverged(dataset: Dataset) -> None:
    unknown = np.full_like(dataset.arrays["reward"], np.nan)
    broken = dataclasses.replace(dataset, arrays={**dataset.arrays, "reward": unknown})
    run = MemoryRun()
    with pytest.raises(Diverged, match="diverged at step 1: the loss is nan"):
        agent.fit(broken, QUICK, run)


def test_a_stored_model_answers_as_the_one_that_was_stored(model: CobRlModel, dataset: Dataset) -> None:
    files = model.save()
    again = agent.load(files)
    assert again.weights_sha256() == model.weights_sha256() and again.save() == files
    assert np.array_equal(again.policy(WALK).probability, model.policy(WALK).probability, equal_nan=True)
    assert agent.evaluate(again, dataset) == agent.evaluate(model, dataset)


def test_files_that_are_damaged_or_of_another_shape_are_refused(model: CobRlModel) -> None:
    files = model.save()
    with pytest.raises(ArtifactRefused, match=r"scale\.safetensors is missing"):
        agent.load({name: each for name, each in files.items() if name != "scale.safetensors"})
    with pytest.raises(ArtifactRefused, match="the tensors do not fit"):
        agent.load({**files, "weights.safetensors": files["weights.safetensors"][:-9]})
    wider = files["model.json"].replace(b'"window": 4', b'"window": 5')
    with pytest.raises(ArtifactRefused, match="the tensors do not fit"):
        agent.load({**files, "model.json": wider})
    renamed = files["model.json"].replace(b'"spread_bps"', b'"spread_pips"')
    with pytest.raises(FeatureMismatch):
        agent.load({**files, "model.json": renamed})


def test_the_score_is_what_the_greedy_policy_earns_on_the_last_slice(
    model: CobRlModel, dataset: Dataset
) -> None:
    metrics = agent.evaluate(model, dataset)
    scored = agent.split(dataset, QUICK).folds[1].test
    policy = model.policy(WALK).probability[np.searchsorted(WALK.ts_ms, dataset.t0_ms[scored])]
    earned = dataset.arrays["reward"][scored, policy.argmax(axis=1)]
    assert (metrics.name, metrics.baseline) == ("mean_reward", 0.0)
    assert metrics.value == pytest.approx(earned.mean())
    assert metrics.standard_error == pytest.approx(earned.std(ddof=1) / math.sqrt(len(scored) / 5))
    shares = [metrics.others[f"share_{name}"] for name in ("buy", "sell", "hold")]
    assert sum(shares) == pytest.approx(1.0)


def test_two_models_are_compared_on_the_same_rows(model: CobRlModel, dataset: Dataset) -> None:
    duel = agent.compare(model, model, dataset, after_ms=0)
    assert duel.value == duel.incumbent == agent.evaluate(model, dataset).value
    assert duel.rows == duel.scored > 0
    assert agent.difference_error(model, model, dataset) == 0.0
    late = agent.compare(model, model, dataset, after_ms=int(dataset.t0_ms[-1]))
    assert late.rows == 0 and math.isnan(late.value)
    longer = dataclasses.replace(model, params=dataclasses.replace(QUICK, window=9))
    with pytest.raises(FeatureMismatch, match="it looks at 9 snapshots, and these rows hold 4"):
        agent.compare(model, longer, dataset, after_ms=0)
    deeper = dataclasses.replace(model, params=dataclasses.replace(QUICK, levels=9))
    with pytest.raises(FeatureMismatch, match="it looks at 9 levels a side"):
        agent.compare(model, deeper, dataset, after_ms=0)


def test_candles_alone_give_no_opinion(model: CobRlModel) -> None:
    answers = model.predict(random_walk(50, seed=1))
    assert answers.shape == (50, 3) and np.isnan(answers).all()


def test_the_interface_of_bots_tells_directions_of_the_same_policy(model: CobRlModel) -> None:
    asked = COBRLModelInterface.from_files(model.save())
    policy = model.policy(WALK)
    told = asked.predict_book(WALK)
    buy, sell, hold = policy.probability[-1]
    assert told.probabilities == pytest.approx((sell, hold, buy))
    assert told.action == int(policy.greedy[-1]) and told.confidence == pytest.approx(max(buy, sell, hold))
    assert told.direction == {BUY: "UP", SELL: "DOWN", HOLD: "SIDEWAYS"}[told.action]
    alone = asked.predict(book_features(WALK, QUICK.levels)[-QUICK.window :])
    assert alone.probabilities == pytest.approx(told.probabilities) and alone.action == told.action
    assert alone.value == pytest.approx(told.value)
    with pytest.raises(NotEnoughRows, match="only 3 snapshots in the window"):
        asked.predict(book_features(WALK, QUICK.levels)[-3:])
    with pytest.raises(FeatureMismatch, match=r"expected \(4, 21\)"):
        asked.predict(np.zeros((4, 20), np.float32))


def test_the_way_of_a_billion_parameters_learns_at_a_shrunken_width_and_keeps_digests_only(
    monkeypatch: pytest.MonkeyPatch, dataset: Dataset
) -> None:
    shrunk = NetworkShape(width=32, layers=4, heads=4, feed_forward=128, bfloat16=True, recompute=True)
    monkeypatch.setitem(SIZES, "1b", shrunk)
    params = dataclasses.replace(QUICK, size="1b")
    with pytest.raises(JournalRefused, match=r"digests only: set journal\.mode to auto or digest"):
        agent.fit(dataset, params, MemoryRun(seed=1))
    runs = [MemoryRun(seed=1, journal_mode="off") for _ in range(2)]
    one, two = (agent.fit(dataset, params, run) for run in runs)
    assert one.weights_sha256() == two.weights_sha256()
    assert agent.load(one.save()).weights_sha256() == one.weights_sha256()
    losses = [value for _, value in runs[0].curves["validation/loss"]]
    assert losses[-1] < losses[0]


LEARNING = CobRlParams(
    steps=80, batch_size=32, window=3, levels=3, horizon_minutes=5.0, cost_bps=5.0, learning_rate=1e-3
)


@pytest.mark.parametrize(("seed", "cost_bps"), [(0, 5.0), (1, 0.0), (2, 0.0)])
def test_on_a_random_walk_the_policy_earns_what_holding_earns(seed: int, cost_bps: float) -> None:
    params = dataclasses.replace(LEARNING, cost_bps=cost_bps)
    walk = agent.dataset(BooksAtHand(walking_book(1_500, seed=seed + 30)), params)
    metrics = agent.evaluate(agent.fit(walk, params, MemoryRun(seed=seed, journal_mode="off")), walk)
    # Where trading is free the policy trades, and that has to come to nothing; where it costs it must not.
    assert (metrics.others["share_hold"] > 0.9) == (cost_bps > 0.0)
    assert abs(metrics.value - metrics.baseline) <= 3.0 * metrics.standard_error


@pytest.mark.parametrize("seed", [0, 1])
def test_a_planted_future_is_found(seed: int) -> None:
    planted = agent.dataset(BooksAtHand(planted_book(1_500, seed=seed + 30, horizon=5)), LEARNING)
    metrics = agent.evaluate(agent.fit(planted, LEARNING, MemoryRun(seed=seed, journal_mode="off")), planted)
    assert metrics.value - metrics.baseline > 3.0 * metrics.standard_error
    assert metrics.value > 0.5 * metrics.others["mean_reward_hindsight"]
