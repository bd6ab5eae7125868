"""A DQN in memory: what is remembered is replayed by real steps, and its weight scales its loss."""

from __future__ import annotations

import numpy as np
import pytest

from models.dqn.model import DqnModel
from models.dqn.network import new_network
from models.dqn.params import DqnParams
from models.dqn.remembering import RememberingDqn
from models.errors import NotEnoughRows

pytestmark = pytest.mark.xdist_group("torch")

NAMES = tuple(f"state_{place}" for place in range(6))


def agent(seed: int = 0) -> RememberingDqn:
    return RememberingDqn(DqnModel(DqnParams(hidden=8), new_network(6, 8, seed), NAMES), seed)


def state(seed: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=6).astype(np.float32)


def test_a_remembered_outcome_is_learned_by_replaying_it() -> None:
    dqn = agent()
    for number in range(33):
        dqn.remember(state(0), 0, 1.0, None, done=True)
        assert len(dqn.memory) == number + 1
    losses = [dqn.replay(batch_size=32) for _ in range(200)]
    assert losses[-1] < 0.01 < losses[0]
    model = DqnModel(dqn.params, dqn.network, NAMES)
    assert model.values(state(0)[None])[0, 0] == pytest.approx(1.0, abs=0.1)


def test_the_model_it_was_made_of_stays_as_it_is() -> None:
    made_of = DqnModel(DqnParams(hidden=8), new_network(6, 8, 0), NAMES)
    before = made_of.values(state(1)[None]).copy()
    dqn = RememberingDqn(made_of)
    for _ in range(32):
        dqn.remember(state(1), 1, -1.0, None, done=True)
    dqn.replay()
    assert np.array_equal(made_of.values(state(1)[None]), before)


def test_a_weight_scales_the_loss_and_not_the_reward() -> None:
    whole, half = agent(), agent()
    for _ in range(32):
        whole.remember(state(2), 2, 0.5, state(3), done=False, weight=1.0)
        half.remember(state(2), 2, 0.5, state(3), done=False, weight=0.5)
    assert half.replay() == pytest.approx(whole.replay() / 2.0, rel=1e-6)


def test_what_cannot_be_learned_from_is_refused() -> None:
    dqn = agent()
    with pytest.raises(ValueError, match="states have 6 numbers"):
        dqn.remember(np.zeros(5, np.float32), 0, 1.0, None, done=True)
    with pytest.raises(ValueError, match="an action is"):
        dqn.remember(state(0), 3, 1.0, None, done=True)
    with pytest.raises(ValueError, match="must be finite"):
        dqn.remember(state(0), 0, float("nan"), None, done=True)
    with pytest.raises(ValueError, match="needs the state that follows"):
        dqn.remember(state(0), 0, 1.0, None, done=False)
    with pytest.raises(NotEnoughRows, match="remembered transitions"):
        dqn.replay(batch_size=32)
