"""The compiled step against the worked number, against autograd and against torch's own optimiser."""

import numpy as np
import pytest
import torch
from torch.nn.functional import smooth_l1_loss

from models.dqn.gradient import clip_norm, new_room, td_gradient, td_targets
from models.dqn.network import new_network, q_values
from models.dqn.quick_adam import QuickAdam

pytestmark = pytest.mark.xdist_group("torch")

ROWS, FEATURES, HIDDEN = 24, 5, 16


def columns(*values) -> np.ndarray:
    return np.array(values, np.float32)


def targets(reward, terminated, online, target, gamma=0.99) -> float:
    y = np.empty(1, np.float32)
    td_targets(columns(reward), columns(terminated), columns(online), columns(target), gamma, y)
    return float(y[0])


def test_the_worked_target():
    assert targets(0.5, 0.0, [0.1, 0.9, 0.3], [0.7, 1.2, 5.0]) == pytest.approx(1.688)


def test_the_action_is_that_of_the_online_network_and_its_value_that_of_the_target():
    assert targets(0.0, 0.0, [3.0, 2.0, 1.0], [-1.0, 9.0, 9.0], gamma=1.0) == pytest.approx(-1.0)


def test_a_terminated_experience_is_worth_its_reward_alone():
    assert targets(0.5, 1.0, [0.1, 0.9, 0.3], [0.7, 1.2, 5.0]) == pytest.approx(0.5)


def filled_room(seed=0):
    generator = np.random.default_rng(seed)
    room = new_room(ROWS, FEATURES, HIDDEN)
    room.states[:] = generator.normal(size=room.states.shape)
    room.action[:] = generator.integers(0, 3, ROWS)
    room.reward[:] = generator.normal(0.0, 2.0, ROWS)
    room.terminated[:] = generator.random(ROWS) < 0.5
    room.weight[:] = generator.random(ROWS)
    network = new_network(FEATURES, HIDDEN, seed=3)
    with torch.no_grad():
        for layer in network.target.parameters():
            layer.add_(0.3 * torch.randn(layer.shape, generator=torch.Generator().manual_seed(1)))
    return room, network


def loss_of(room, network) -> torch.Tensor:
    """The same loss, the way the paper says it, through autograd."""
    states, after = (torch.from_numpy(part.copy()) for part in (room.states[:ROWS], room.states[ROWS:]))
    with torch.no_grad():
        best = network.online(after).argmax(1, keepdim=True)
        left = 0.99 * (1.0 - torch.from_numpy(room.terminated))
        y = torch.from_numpy(room.reward) + left * network.target(after).gather(1, best)[:, 0]
    q = network.online(states).gather(1, torch.from_numpy(room.action)[:, None])[:, 0]
    return (torch.from_numpy(room.weight) * smooth_l1_loss(q, y, reduction="none")).mean()


@pytest.mark.parametrize("seed", range(5))
def test_gradient_and_loss_are_those_of_autograd(seed):
    room, network = filled_room(seed)
    gradients = tuple(np.zeros(matrix.shape, np.float32) for matrix in network.online.matrices())
    loss = td_gradient(0.99, network.online.matrices(), network.target.matrices(), room, gradients)
    expected = loss_of(room, network)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for mine, theirs in zip(
        gradients, torch.autograd.grad(expected, list(network.online.parameters())), strict=True
    ):
        assert mine == pytest.approx(theirs.numpy(), rel=1e-4, abs=1e-6)


def test_a_models_weight_scales_the_loss_and_not_the_reward():
    room, network = filled_room()
    layers = network.online.matrices(), network.target.matrices()
    once = tuple(np.zeros(matrix.shape, np.float32) for matrix in layers[0])
    half = tuple(np.zeros(matrix.shape, np.float32) for matrix in layers[0])
    whole_loss, error = td_gradient(0.99, *layers, room, once), room.error.copy()
    room.weight[:] *= 0.5
    assert td_gradient(0.99, *layers, room, half) == pytest.approx(0.5 * whole_loss, rel=1e-6)
    assert np.array_equal(room.error, error)
    for full, less in zip(once, half, strict=True):
        assert less == pytest.approx(0.5 * full, rel=1e-5, abs=1e-9)


def test_a_gradient_is_clipped_to_its_largest_norm_and_nan_is_told():
    flat = np.array([3.0, 4.0], np.float32)
    assert clip_norm(flat, 10.0) == pytest.approx(5.0) and flat.tolist() == [3.0, 4.0]
    assert clip_norm(flat, 1.0) == pytest.approx(5.0) and flat == pytest.approx([0.6, 0.8])
    assert np.isnan(clip_norm(np.array([np.nan, 1.0], np.float32), 1.0))


def test_quick_steps_of_adam_are_those_of_torch_to_the_bit():
    mine, theirs = (list(new_network(FEATURES, HIDDEN, 0).online.parameters()) for _ in range(2))
    quick = torch.optim.Adam(mine, lr=1e-3, foreach=True)
    whole = torch.optim.Adam(theirs, lr=1e-3, foreach=True)
    for parameter in mine:
        parameter.grad = torch.zeros_like(parameter)
    stepping = QuickAdam(quick)
    generator = torch.Generator().manual_seed(5)
    for step in range(60):
        for one, other in zip(mine, theirs, strict=True):
            one.grad.copy_(torch.randn(one.shape, generator=generator) * 10 ** (step % 5 - 3))
            other.grad = one.grad.clone()
        for optimiser in (quick, whole):
            optimiser.param_groups[0]["lr"] = 1e-3 / (1 + step % 3)
        stepping.step()
        whole.step()
        if step == 30:
            quick.load_state_dict(quick.state_dict())
            stepping.forget()
    for one, other in zip(mine, theirs, strict=True):
        assert torch.equal(one, other)
        for key, value in whole.state[other].items():
            assert torch.equal(quick.state[one][key], value), key


def test_a_new_network_is_a_function_of_its_seed_and_begins_with_an_equal_target():
    states = np.random.default_rng(0).normal(size=(4, FEATURES)).astype(np.float32)
    one, same, other = (new_network(FEATURES, HIDDEN, seed) for seed in (1, 1, 2))
    assert np.array_equal(q_values(one.online, states), q_values(same.online, states))
    assert np.array_equal(q_values(one.online, states), q_values(one.target, states))
    assert not np.array_equal(q_values(one.online, states), q_values(other.online, states))
