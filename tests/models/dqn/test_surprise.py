"""How wrong a trained DQN still is about its experiences, as numbers by hand."""

import numpy as np
import pytest
import torch

from models.dqn import agent
from models.dqn.model import DqnModel
from models.dqn.network import DoubleQNetwork
from models.dqn.params import DqnParams
from models.dqn.surprise import lessons_of
from models.setup_rows import BUY, HOLD
from tests.models.dqn.worlds import World

pytestmark = pytest.mark.xdist_group("torch")

WORTH = (1.2, 0.3, 0.1)  # of buying, selling and holding, in every state


@pytest.fixture
def model() -> DqnModel:
    """A network that finds every state alike."""
    features = World(count=150).rows.setups.state.shape[1]
    network = DoubleQNetwork(features, 8)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        last = list(network.online.parameters())[-1]
        last.copy_(torch.tensor(WORTH))
    return DqnModel(DqnParams(gamma=0.99), network, ())


def test_the_error_is_what_came_less_what_was_expected(model: DqnModel) -> None:
    dataset = agent.dataset(World(count=150), model.params)
    rows = np.arange(dataset.rows)
    learned = lessons_of(model, dataset, rows)
    arrays = dataset.arrays
    ended = arrays["terminated"].astype(bool)
    wanted = arrays["reward"] + np.where(ended, 0.0, 0.99 * 1.2) - np.array(WORTH)[arrays["action"]]
    assert np.allclose(learned.td_error, wanted, atol=1e-6)
    holding = int(np.flatnonzero((arrays["action"] == HOLD) & ~ended)[0])
    assert learned.td_error[holding] == pytest.approx(0.0 + 0.99 * 1.2 - 0.1, abs=1e-6)
    buying = int(np.flatnonzero(arrays["action"] == BUY)[0])
    assert learned.td_error[buying] == pytest.approx(arrays["reward"][buying] - 1.2, abs=1e-6)


def test_each_row_knows_its_experience(model: DqnModel) -> None:
    world = World(count=150)
    dataset = agent.dataset(world, model.params)
    learned = lessons_of(model, dataset, np.arange(dataset.rows))
    moment = dict(zip(world.rows.id.tolist(), world.rows.ts_ms.tolist(), strict=True))
    assert [moment[each] for each in learned.experience.tolist()] == dataset.t0_ms.tolist()


def test_rows_that_judge_the_model_teach_nothing(model: DqnModel) -> None:
    dataset = agent.dataset(World(count=150), model.params)
    early, scored = agent.split(dataset, model.params).folds
    learned = agent.lessons(model, dataset)
    assert set(learned.rows) == set(early.train)
    assert not set(learned.rows) & (set(early.test) | set(scored.test))
