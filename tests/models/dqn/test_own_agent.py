"""A foreign agent learns from our draws, is journalled whole, and says so when it is not what it claims."""

import dataclasses

import numpy as np
import pytest
import torch

from models.digest import weights_digest
from models.dqn import agent
from models.dqn.own_agent import OwnRlAgent, RLLoss, WrongAgent
from models.dqn.params import DqnParams
from models.errors import Stopped
from models.memory_run import MemoryRun
from tests.models.dqn.own_agents import ActorCritic
from tests.models.dqn.worlds import World

pytestmark = pytest.mark.xdist_group("torch")

PARAMS = DqnParams(steps=300, evaluate_every=100)
FEATURES = 8


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def dataset():
    return agent.dataset(World(count=1_200, planted=True), PARAMS)


def test_it_finds_a_planted_feature_like_ours(dataset):
    own = OwnRlAgent(ActorCritic(FEATURES))
    model = own.fit(dataset, PARAMS, MemoryRun(journal_mode="off"))
    metrics = own.evaluate(model, dataset)
    assert metrics.value > 5.0 * metrics.standard_error
    ours = agent.fit(dataset, PARAMS, MemoryRun(journal_mode="off"))
    duel = own.compare(model, ours, dataset, 0)
    assert duel.value == metrics.value and duel.incumbent == agent.evaluate(ours, dataset).value


def test_its_steps_are_stepped_to_again_with_its_buffers_and_its_copies(dataset):
    from models.backprop.stepping import Stepper

    run = MemoryRun(seed=4)
    OwnRlAgent(ActorCritic(FEATURES)).fit(dataset, PARAMS, run)
    assert {"losses/total", "losses/q_loss", "losses/policy_loss"} <= set(run.steps[0].facts.losses)
    stepper = Stepper(run.kept.layout, run.kept.optimiser, run.kept.snapshots[0])
    for kept in run.steps:
        facts, state = kept.facts, run.kept.layout.tensors_of(kept.state)
        buffers = {
            tensor.name: state[tensor.name] for tensor in run.kept.layout.tensors if tensor.kind == "buffer"
        }
        assert buffers
        stepper.apply(kept.gradient, kept.absent, facts.learning_rate, buffers, facts.synced)
        assert weights_digest(stepper.weights()) == kept.weights_sha256
    assert sum(kept.facts.synced for kept in run.steps) == 6


@pytest.mark.slow
def test_it_resumes_to_the_same_steps(dataset):
    whole = MemoryRun(seed=1)
    OwnRlAgent(ActorCritic(FEATURES)).fit(dataset, PARAMS, whole)
    first = MemoryRun(seed=1, stop_at=123)
    with pytest.raises(Stopped):
        OwnRlAgent(ActorCritic(FEATURES)).fit(dataset, PARAMS, first)
    second = MemoryRun(seed=1, state=first.state)
    OwnRlAgent(ActorCritic(FEATURES, seed=9)).fit(dataset, PARAMS, second)
    steps = [step.weights_sha256 for step in [*first.steps, *second.steps]]
    assert steps == [step.weights_sha256 for step in whole.steps]


def test_its_own_randomness_leaves_that_of_the_program_alone(dataset):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    params = dataclasses.replace(PARAMS, steps=10)
    OwnRlAgent(ActorCritic(FEATURES)).fit(dataset, params, MemoryRun(journal_mode="off"))
    assert torch.equal(torch.rand(3), expected)


def broken(**parts) -> ActorCritic:
    own = ActorCritic(FEATURES)
    for name, part in parts.items():
        setattr(own, name, part)
    return own


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (object(), "lacks a part of an RL agent"),
        (broken(loss=lambda batch: batch.reward.mean()), "gave Tensor; expected an RLLoss"),
        (broken(loss=lambda batch: RLLoss(batch.reward.mean(), batch.reward)), "can be differentiated"),
        (broken(values=lambda states: states[:, :2]), r"values gave \(\d+, 2\); expected \(\d+, 3\)"),
        (broken(values=lambda states: None), "values gave NoneType"),
    ],
)
def test_an_agent_that_is_not_what_is_documented_is_told_so(dataset, own, words):
    params = dataclasses.replace(PARAMS, steps=10, evaluate_every=5)
    with pytest.raises(WrongAgent, match=words):
        OwnRlAgent(own).fit(dataset, params, MemoryRun(journal_mode="off"))


def test_errors_of_another_length_are_refused(dataset):
    own = ActorCritic(FEATURES)
    real = own.loss
    own.loss = lambda batch: dataclasses.replace(real(batch), error=torch.zeros(3))
    with pytest.raises(WrongAgent, match=r"error has shape \(3,\), not \(32,\)"):
        OwnRlAgent(own).fit(dataset, PARAMS, MemoryRun(journal_mode="off"))


def test_its_values_weigh_actions_of_its_policy(dataset):
    own = OwnRlAgent(ActorCritic(FEATURES))
    model = own.fit(dataset, dataclasses.replace(PARAMS, steps=20), MemoryRun(journal_mode="off"))
    states = dataset.arrays["series_state"][:9]
    always = dataclasses.replace(model, margin=-np.inf)
    assert np.array_equal(always.actions(states), model.values(states)[:, :2].argmax(1))
    assert set(model.save()) == {"weights.safetensors"}
