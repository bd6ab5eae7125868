"""A program trains the DQN, or an agent of its own, and gets sessions and steps that are kept whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
import torch

from cointrader.training.rl_training_pipeline import (
    ProfitWeightedExperienceBuffer,
    RLExperience,
    RLTrainer,
    RLTrainingSession,
    experiences_of,
)
from models.digest import weights_digest
from models.dqn.own_agent import WrongAgent
from models.errors import NotEnoughRows
from models.replay_buffer.errors import BadExperience
from storage.database import connect
from storage.errors import StorageError
from storage.workspace import Workspace
from tests.cointrader.training.replaying.walked_workspace import walked_workspace
from tests.models.dqn.own_agents import ActorCritic

pytestmark = pytest.mark.xdist_group("torch")

SYMBOL = "BTC/USDT"
SMALL = {"steps": "120", "evaluate_every": "40", "hidden": "16", "target_update": "50"}
STATE = 24


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return walked_workspace(tmp_path_factory.mktemp("rl") / "workspace")


@pytest.fixture(scope="module")
def trainer(workspace: Workspace) -> RLTrainer:
    return RLTrainer(workspace=workspace, params=SMALL)


@pytest.fixture(scope="module")
def session(trainer: RLTrainer) -> RLTrainingSession:
    return trainer.train_on_experiences(SYMBOL, seed=3)


def test_what_was_drawn_is_counted_and_what_surprised_is_kept_for_the_next_priorities(
    workspace: Workspace, session: RLTrainingSession
) -> None:
    with closing(connect(workspace.database, readonly=True)) as connection:
        drawn, known, largest = connection.execute(
            "SELECT sum(training_count), sum(td_error IS NOT NULL), max(abs(td_error)) FROM experience"
        ).fetchone()
        unjudged = connection.execute(
            "SELECT count(*) FROM experience WHERE td_error IS NULL AND training_count > 0"
        ).fetchone()
    assert drawn == session.steps * 32
    assert 0 < known < experiences_in(workspace) and largest > 0.0
    assert unjudged == (0,)


def experiences_in(workspace: Workspace) -> int:
    with closing(connect(workspace.database, readonly=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM experience").fetchone()[0])


def test_a_session_is_judged_against_always_holding(session: RLTrainingSession) -> None:
    assert (session.state, session.steps, session.metric) == ("succeeded", 120, "mean_reward")
    assert session.symbols == (SYMBOL,) and session.seed == 3
    assert session.baseline == 0.0 and session.value is not None and session.value < 0.05
    assert session.convergence.evaluations == 3 and session.version == 1
    assert "setups, worth" in session.note


def test_a_step_has_its_loss_its_whole_gradient_and_its_weights(
    trainer: RLTrainer, session: RLTrainingSession
) -> None:
    step = trainer.step(session.session_id, 50)
    assert step.q_loss == step.total_loss and step.policy_loss is None
    assert step.target_renewed and not trainer.step(session.session_id, 49).target_renewed
    gradients = step.gradients()
    assert set(step.gradient_norms) == {"online.first", "online.second", "online.values"}
    squares = sum(float(np.square(part, dtype=np.float64).sum()) for part in gradients.values())
    assert squares == pytest.approx(sum(norm**2 for norm in step.gradient_norms.values()), rel=1e-4)
    weights = step.weights()
    assert weights_digest(weights) == step.weights_sha256
    assert np.array_equal(weights["target.first.matrix"], weights["online.first.matrix"])
    assert len(step.batch) == 32 and step.priority > 0.0
    assert 0.0 <= step.batch_profitability <= 1.0 and abs(step.mean_reward) < 1.5


def test_all_steps_of_a_session_come_in_order(session: RLTrainingSession) -> None:
    assert [step.step for step in session.training_steps()] == list(range(1, 121))


def test_the_same_seed_trains_to_the_same_weights(trainer: RLTrainer, session: RLTrainingSession) -> None:
    again = trainer.train_on_experiences(SYMBOL, seed=3)
    assert again.weights_sha256 == session.weights_sha256
    found = [each.session_id for each in trainer.sessions()]
    assert found == sorted(found, reverse=True) and {session.session_id, again.session_id} <= set(found)


def test_an_agent_of_ones_own_is_trained_in_place_and_its_steps_are_rebuilt(workspace: Workspace) -> None:
    own = ActorCritic(STATE)
    before = own.network.critic.weight.detach().clone()
    trainer = RLTrainer(own, workspace=workspace, params=SMALL)
    session = trainer.train_on_experiences(SYMBOL)
    assert not torch.equal(before, own.network.critic.weight)
    assert session.version == 0 and session.baseline == 0.0 and session.value is not None
    step = trainer.step(session.session_id, 100)
    assert step.policy_loss is not None and step.q_loss is not None and step.total_loss is not None
    assert step.total_loss == pytest.approx(step.q_loss + 0.1 * step.policy_loss, rel=1e-4)
    assert step.target_renewed and weights_digest(step.weights()) == step.weights_sha256
    assert step.gradients()["critic.weight"].shape == (3, 24)


def test_what_cannot_be_trained_says_why(workspace: Workspace, trainer: RLTrainer) -> None:
    with pytest.raises(WrongAgent, match="lacks a part"):
        RLTrainer(object(), workspace=workspace, params=SMALL).train_on_experiences(SYMBOL)  # type: ignore[arg-type]
    with pytest.raises(NotEnoughRows, match="XRP/USDT"):
        trainer.train_on_experiences("XRP/USDT")
    with pytest.raises(StorageError):
        trainer.session(10_000)
    with pytest.raises(StorageError):
        trainer.step(10_000, 1)


def test_experiences_go_into_a_buffer_and_come_out_again() -> None:
    buffer = ProfitWeightedExperienceBuffer(capacity=16, features=2)
    put = [
        RLExperience(
            (float(i), -1.0), i % 3, 0.5 - i, (float(i), 1.0), i % 2 == 0, weight=0.5, priority=1.0 + i
        )
        for i in range(6)
    ]
    assert [each.add_to(buffer) for each in put] == list(range(6))
    assert buffer.profitable_rows.tolist() == [0] and put[0].is_profitable
    batch = buffer.sample_batch(12, prioritize_profitable=True)
    for row, drawn in zip(batch.row, experiences_of(batch), strict=True):
        given = put[row]
        assert tuple(drawn.state) == given.state and tuple(drawn.next_state) == given.next_state
        assert (drawn.action, drawn.reward, drawn.terminated) == (
            given.action,
            given.reward,
            given.terminated,
        )
        assert drawn.weight == 0.5
    with pytest.raises(BadExperience):
        RLExperience((1.0,), 0, 0.0, (1.0,), True).add_to(buffer)
