"""The network has the size that is promised, and its loss is the formula that is promised."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.cob_rl.loss import actor_critic_loss, draw_actions
from models.cob_rl.memory import NotEnoughMemory, check_memory
from models.cob_rl.network import BookTransformer, count_parameters, new_network
from models.cob_rl.params import SIZES, CobRlParams, NetworkShape
from models.device import Device

pytestmark = pytest.mark.xdist_group("torch")

SHRUNK = NetworkShape(width=32, layers=3, heads=4, feed_forward=64, bfloat16=True, recompute=True)


@pytest.mark.parametrize(
    ("size", "promised", "within"), [("small", 1.0e6, 0.05), ("medium", 60e6, 0.05), ("1b", 1.0e9, 0.05)]
)
def test_a_size_has_about_the_parameters_that_it_is_named_for(
    size: str, promised: float, within: float
) -> None:
    assert count_parameters(size) == pytest.approx(promised, rel=within)


def test_counting_the_parameters_of_a_billion_allocates_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[torch.device] = []
    begin = BookTransformer.__init__

    def watched(self: BookTransformer, *arguments: object) -> None:
        begin(self, *arguments)
        made.extend(parameter.device for parameter in self.parameters())

    monkeypatch.setattr(BookTransformer, "__init__", watched)
    assert count_parameters("1b") > 900_000_000
    assert {device.type for device in made} == {"meta"}


def test_the_count_is_that_of_a_network_that_is_allocated() -> None:
    params = CobRlParams()
    network = new_network(params.shape, 69, params.window, seed=0)
    assert sum(parameter.numel() for parameter in network.parameters()) == count_parameters("small")


def test_the_largest_size_saves_memory_in_both_ways() -> None:
    assert SIZES["1b"].bfloat16 and SIZES["1b"].recompute
    assert not SIZES["small"].bfloat16 and not SIZES["small"].recompute


def gradients(shape: NetworkShape, windows: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    network = new_network(shape, windows.shape[2], windows.shape[1], seed=4)
    logits, value = network(windows)
    (logits.square().sum() + value.square().sum()).backward()
    return logits, {name: each.grad for name, each in network.named_parameters() if each.grad is not None}


def test_layers_that_are_computed_again_in_bfloat16_give_the_gradients_of_layers_that_are_kept() -> None:
    windows = torch.randn((6, 5, 9), generator=torch.Generator().manual_seed(1))
    kept_shape = NetworkShape(width=32, layers=3, heads=4, feed_forward=64, bfloat16=True)
    logits, again = gradients(SHRUNK, windows)
    _, kept = gradients(kept_shape, windows)
    assert logits.dtype == torch.float32
    assert again.keys() == kept.keys() and len(again) == len(list(new_network(SHRUNK, 9, 5, 0).parameters()))
    assert all(torch.equal(again[name], kept[name]) for name in kept)
    assert all(each.dtype == torch.float32 for each in again.values())


def test_a_layer_is_really_computed_twice_and_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    network = new_network(SHRUNK, 9, 5, seed=0)
    seen: list[torch.dtype] = []
    network.layers[0].widen.register_forward_hook(lambda _module, _given, out: seen.append(out.dtype))
    logits, value = network(torch.randn(2, 5, 9))
    (logits.sum() + value.sum()).backward()
    assert seen == [torch.bfloat16, torch.bfloat16]


def test_more_memory_than_the_device_has_is_refused_before_anything_is_allocated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = Device("cpu", "cpu", "CPU", "AVX2", "the CPU was asked for")
    monkeypatch.setattr("models.cob_rl.memory.free_bytes", lambda device: 8_000_000_000)
    check_memory("medium", device)
    with pytest.raises(NotEnoughMemory, match=r"1b takes about 24 GB to train, and cpu has 8 GB free"):
        check_memory("1b", device)


def test_the_loss_is_that_of_an_actor_and_a_critic_to_hand_computed_numbers() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]])).requires_grad_()
    value = torch.tensor([0.1, -0.2], requires_grad=True)
    loss = actor_critic_loss(
        logits, value, torch.tensor([0, 2]), torch.tensor([0.5, -0.3]), torch.tensor([1.0, 0.5]), 0.01
    )
    advantage = np.array([0.4, -0.1])
    weight = np.array([1.0, 0.5])
    policy = float((weight * -np.log([0.5, 0.6]) * advantage).mean())
    critic = float((weight * advantage**2).mean())
    chance = [np.array([0.5, 0.25, 0.25]), np.array([0.2, 0.2, 0.6])]
    entropy = float((weight * [-(p * np.log(p)).sum() for p in chance]).mean())
    scalars = loss.scalars()
    assert scalars["losses/policy"] == pytest.approx(policy, abs=1e-6)
    assert scalars["losses/value"] == pytest.approx(critic, abs=1e-6)
    assert scalars["losses/entropy"] == pytest.approx(entropy, abs=1e-6)
    assert scalars["losses/total"] == pytest.approx(policy + 0.5 * critic - 0.01 * entropy, abs=1e-6)


def test_the_policy_moves_towards_what_paid_more_than_expected_and_the_critic_is_not_bent_by_it() -> None:
    logits = torch.zeros((1, 3), requires_grad=True)
    value = torch.tensor([0.2], requires_grad=True)
    loss = actor_critic_loss(logits, value, torch.tensor([1]), torch.tensor([0.5]), torch.ones(1), 0.0)
    loss.total.backward()
    # d(-log pi) (R - V) = (pi - onehot) 0.3, and d 0.5 (R - V)^2 / dV = V - R.
    assert logits.grad is not None and value.grad is not None
    assert logits.grad[0].tolist() == pytest.approx([0.1, -0.2, 0.1], abs=1e-6)
    assert value.grad.tolist() == pytest.approx([-0.3], abs=1e-6)


def test_actions_are_drawn_as_often_as_the_policy_says() -> None:
    probability = np.tile([[0.2, 0.0, 0.8]], (10_000, 1))
    drawn = draw_actions(probability, (np.arange(10_000) + 0.5) / 10_000)
    assert np.bincount(drawn, minlength=3).tolist() == [2_000, 0, 8_000]
    assert draw_actions(np.array([[0.3, 0.3, 0.4]]), np.array([np.nextafter(1.0, 0.0)])).tolist() == [2]
    assert draw_actions(np.array([[0.0, 1.0, 0.0]]), np.array([0.0])).tolist() == [1]
