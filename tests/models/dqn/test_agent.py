"""The DQN as an agent: what it finds, what it does not find, and that its sessions repeat and resume."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from models import registry
from models.digest import weights_digest
from models.dqn import agent
from models.dqn.model import DqnModel, epsilon, load
from models.dqn.params import DqnParams
from models.errors import ArtifactRefused, Diverged, FeatureMismatch, NotEnoughRows, Stopped
from models.memory_run import MemoryRun
from models.validation.folds import leaking_rows
from models.validation.intervals import Intervals
from tests.models.dqn.worlds import World

pytestmark = pytest.mark.xdist_group("torch")

PARAMS = DqnParams(steps=700, target_update=100, evaluate_every=100, hidden=32)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def noise():
    return agent.dataset(World(count=900), PARAMS)


def trained(dataset, params=PARAMS, **run) -> tuple[DqnModel, MemoryRun]:
    kept = MemoryRun(**run)
    return agent.fit(dataset, params, kept), kept


@pytest.mark.parametrize("cost", [0.0, 0.05])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_on_a_random_walk_it_earns_what_holding_earns_within_noise(seed, cost):
    dataset = agent.dataset(World(count=700, seed=seed, cost=cost), PARAMS)
    metrics = agent.evaluate(trained(dataset, seed=seed, journal_mode="off")[0], dataset)
    assert metrics.baseline == 0.0
    assert abs(metrics.value) <= 3.0 * metrics.standard_error + 1e-12


def test_a_planted_feature_of_the_future_is_found():
    dataset = agent.dataset(World(count=900, planted=True), PARAMS)
    model, _ = trained(dataset, journal_mode="off")
    metrics = agent.evaluate(model, dataset)
    assert metrics.beats_baseline
    assert metrics.value > 5.0 * metrics.standard_error
    assert metrics.value > 0.8 * metrics.others["mean_reward_hindsight"]
    assert metrics.others["share_buy"] > 0.2 and metrics.others["share_sell"] > 0.2


def test_no_row_that_is_trained_on_knows_what_is_scored(noise):
    split = agent.split(noise, PARAMS)
    for fold in split.folds:
        assert not len(leaking_rows(Intervals(noise.t0_ms, noise.t1_ms), fold))
    early, scored = split.folds
    until = agent.learned_until_ms(noise, PARAMS)
    assert until < noise.t0_ms[scored.test].min()
    assert until == noise.t1_ms[np.concatenate([early.train, early.test])].max()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(noise):
    digests = [trained(noise, seed=seed)[0].weights_sha256() for seed in (4, 4, 5)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("stop_at", [1, 99, 100, 333])
def test_a_stopped_session_resumes_to_the_same_steps(noise, stop_at):
    whole, run = trained(noise, seed=6)
    first = MemoryRun(seed=6, stop_at=stop_at)
    with pytest.raises(Stopped):
        agent.fit(noise, PARAMS, first)
    second = MemoryRun(seed=6, state=first.state)
    resumed = agent.fit(noise, PARAMS, second)
    steps = [step.weights_sha256 for step in first.steps] + [step.weights_sha256 for step in second.steps]
    assert steps == [step.weights_sha256 for step in run.steps]
    assert resumed.weights_sha256() == whole.weights_sha256()
    assert resumed.margin == whole.margin


def test_the_target_follows_at_its_updates_and_the_journal_says_so(noise):
    _, run = trained(noise, seed=1)
    assert [kept.facts.step for kept in run.steps if kept.facts.synced] == list(
        range(100, len(run.steps) + 1, 100)
    )
    kinds = {tensor.name: (tensor.kind, tensor.follows) for tensor in run.kept.layout.tensors}
    assert kinds["target.first.matrix"] == ("follower", "online.first.matrix")
    for kept in run.steps[98:101]:
        tensors = run.kept.layout.tensors_of(kept.state)
        equal = np.array_equal(tensors["target.values.matrix"], tensors["online.values.matrix"])
        assert equal == kept.facts.synced


def test_every_step_is_stepped_to_again_from_its_gradients(noise):
    from models.backprop.stepping import Stepper

    _, run = trained(noise, seed=2)
    stepper = Stepper(run.kept.layout, run.kept.optimiser, run.kept.snapshots[0])
    for kept in run.steps:
        facts = kept.facts
        stepper.apply(kept.gradient, kept.absent, facts.learning_rate, {}, facts.synced)
        assert weights_digest(stepper.weights()) == kept.weights_sha256


def test_gradients_of_past_steps_are_computed_again(noise):
    _, run = trained(noise, seed=3)
    layout = run.kept.layout
    for step in (1, 2, 3, 150, 151, 40):
        before = run.kept.snapshots[0] if step == 1 else None
        state = (
            {name[8:]: array for name, array in before.items() if name.startswith("weights/")}
            if before
            else layout.tensors_of(run.steps[step - 2].state)
        )
        assert np.array_equal(agent.recompute(noise, PARAMS, 3, step, state), run.steps[step - 1].gradient)


def test_no_experience_is_drawn_more_than_32_times(noise):
    train = agent.split(noise, PARAMS).folds[0].train
    few = dataclasses.replace(PARAMS, steps=100_000, batch_size=256, patience=1_000)
    _, run = trained(noise, few)
    counts = np.bincount(np.concatenate([kept.facts.batch for kept in run.steps]))
    assert counts.max() == 32
    assert len(run.steps) == agent.total_steps(noise, few) == len(train) * 32 // 256
    assert np.isin(np.flatnonzero(counts), train).all()


def test_a_replay_draws_what_the_dataset_says_and_nothing_else(noise):
    train = agent.split(noise, PARAMS).folds[0].train
    chosen = train[:400]
    probability = np.zeros(noise.rows)
    probability[chosen] = 1.0 / len(chosen)
    arrays = {
        **noise.arrays,
        "replay_probability": probability,
        "replay_weight": np.ones(noise.rows, np.float32),
    }
    replayed = dataclasses.replace(noise, arrays=arrays)
    params = dataclasses.replace(PARAMS, steps=200)
    _, run = trained(replayed, params)
    drawn = np.concatenate([kept.facts.batch for kept in run.steps])
    assert np.isin(drawn, chosen).all()
    first = MemoryRun(stop_at=70)
    with pytest.raises(Stopped):
        agent.fit(replayed, params, first)
    second = MemoryRun(state=first.state)
    agent.fit(replayed, params, second)
    assert second.steps[-1].weights_sha256 == run.steps[-1].weights_sha256


def test_a_saved_model_answers_as_before(noise):
    model, _ = trained(noise, journal_mode="off")
    for margin in (0.125, math.inf):
        kept = dataclasses.replace(model, margin=margin)
        loaded = load(kept.save())
        assert set(kept.save()) == {"model.json", "weights.safetensors"}
        assert loaded.margin == margin and loaded.feature_names == noise.feature_names
        states = noise.arrays["series_state"][:50]
        assert np.array_equal(loaded.values(states), kept.values(states))
        assert np.array_equal(loaded.actions(states), kept.actions(states))
        assert loaded.weights_sha256() == kept.weights_sha256()
    assert (loaded.actions(states) == 2).all()


def test_damaged_files_are_refused(noise):
    files = trained(noise, journal_mode="off")[0].save()
    for name in files:
        with pytest.raises(ArtifactRefused, match=name.partition(".")[0]):
            load({other: content for other, content in files.items() if other != name})
        with pytest.raises(ArtifactRefused):
            load({**files, name: files[name][: len(files[name]) // 2]})
    with pytest.raises(FeatureMismatch, match="buy"):
        load({**files, "model.json": files["model.json"].replace(b'"sell"', b'"short"')})


def test_two_models_are_compared_on_the_rows_that_neither_saw(noise):
    one, _ = trained(noise, seed=1, journal_mode="off")
    two, _ = trained(noise, seed=2, journal_mode="off")
    one, two = (dataclasses.replace(each, margin=0.0) for each in (one, two))
    duel = agent.compare(one, two, noise, 0)
    assert duel.rows == duel.scored == agent.evaluate(one, noise).others["setups"]
    assert duel.value == agent.evaluate(one, noise).value
    assert duel.incumbent == agent.evaluate(two, noise).value
    assert agent.difference_error(one, two, noise) > 0.0
    assert agent.difference_error(one, one, noise) == 0.0
    later = agent.compare(one, two, noise, int(noise.t0_ms[-300]))
    assert 0 < later.rows < later.scored
    with pytest.raises(FeatureMismatch):
        agent.compare(one, dataclasses.replace(two, feature_names=("a",)), noise, 0)


def test_too_little_to_learn_from_says_how_much_there_is():
    with pytest.raises(NotEnoughRows, match="waiting 58/200"):
        agent.dataset(World(count=10, names=("A/B", "C/D")), PARAMS)
    dataset = agent.dataset(World(count=80, names=("A/B",)), PARAMS)
    with pytest.raises(NotEnoughRows, match=r"waiting \d+/200"):
        agent.fit(dataset, PARAMS, MemoryRun())


def test_an_experience_that_was_cut_short_without_a_next_state_is_left_out():
    world = World(count=100)
    dataset = agent.dataset(world, PARAMS)
    cut = world.rows.truncated & (world.rows.next_setup < 0)
    assert cut.sum() == 2
    assert dataset.rows == len(world.rows.id) - 2
    arrays = dataset.arrays
    assert (arrays["following"][arrays["terminated"] == 0] >= 0).all()
    assert (arrays["following"][arrays["terminated"] == 1] == -1).all()


def test_rewards_that_are_not_finite_end_the_session_with_a_reason(noise):
    reward = noise.arrays["reward"].copy()
    reward[:] = np.inf
    broken = dataclasses.replace(noise, arrays={**noise.arrays, "reward": reward})
    with pytest.raises(Diverged, match="step 1"):
        agent.fit(broken, PARAMS, MemoryRun())


def test_exploration_falls_to_its_last_share():
    params = DqnParams()
    assert epsilon(params, 0) == 1.0
    assert epsilon(params, 5_000) == pytest.approx(0.525)
    assert epsilon(params, 10_000) == epsilon(params, 10**9) == pytest.approx(0.05)


def test_it_acts_at_random_as_often_as_epsilon_says(noise):
    model, _ = trained(noise, journal_mode="off")
    model = dataclasses.replace(model, margin=math.inf)
    states = noise.arrays["series_state"]
    for step, traded in ((0, 2 / 3), (10_000, 0.05 * 2 / 3)):
        actions = model.act(states, step)
        assert (actions != 2).mean() == pytest.approx(traded, abs=0.04)
        assert np.array_equal(actions, model.act(states, step))


def test_it_is_registered():
    entry = registry.get("dqn")
    assert registry.load("dqn") is agent and registry.params_class("dqn") is DqnParams
    assert entry.primary_metric == "mean_reward" and entry.least_rows == 200
