"""The network's size and the three parts of its loss, against numbers computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from models.cnn.loss import balanced_weights, pivot_loss
from models.cnn.network import dropout_mask, new_network
from models.cnn.params import CnnParams

pytestmark = pytest.mark.xdist_group("torch")

NO_WEIGHTS = torch.ones(3)


def test_the_default_network_has_about_sixty_thousand_parameters() -> None:
    params = CnnParams()
    network = new_network(params.channels, params.hidden, seed=0)
    assert sum(parameter.numel() for parameter in network.parameters()) == 58_845
    assert not list(network.buffers())


def test_the_first_weights_are_a_function_of_the_seed_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, two, other = new_network(8, 8, 1), new_network(8, 8, 1), new_network(8, 8, 2)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(next(one.parameters()), next(other.parameters()))


def test_the_total_is_one_half_and_a_quarter_of_the_parts() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    distance, trust = torch.tensor([0.5, 9.0]), torch.tensor([0.0, 0.0])
    loss = pivot_loss(logits, distance, trust, torch.tensor([1, 0]), torch.tensor([2.5, 0.0]), NO_WEIGHTS)
    cross_entropy = (math.log(3.0) + math.log(1.0 + 2.0 * math.exp(-2.0))) / 2.0
    assert loss.classification.item() == pytest.approx(cross_entropy)
    # |0.5 - 2.5| = 2 beyond delta 1: 2 - 1/2; the second row is no pivot and its 9.0 costs nothing.
    assert loss.regression.item() == pytest.approx(1.5)
    assert loss.confidence.item() == pytest.approx(math.log(2.0))
    assert loss.total.item() == pytest.approx(cross_entropy + 0.5 * 1.5 + 0.25 * math.log(2.0))
    assert set(loss.scalars()) == {
        "losses/classification",
        "losses/regression",
        "losses/confidence",
        "losses/total",
    }


def test_without_a_pivot_in_the_batch_the_regression_costs_nothing() -> None:
    logits = torch.zeros((4, 3))
    loss = pivot_loss(logits, torch.ones(4), torch.zeros(4), torch.zeros(4).long(), torch.ones(4), NO_WEIGHTS)
    assert loss.regression.item() == 0.0


def test_a_rare_class_weighs_more_in_proportion() -> None:
    weights = balanced_weights(torch.tensor([0] * 8 + [1] * 2), classes=3)
    assert weights.tolist() == pytest.approx([10 / 24, 10 / 6, 0.0])


def test_confidence_does_not_push_the_trunk_or_the_classifier() -> None:
    network = new_network(8, 8, seed=3)
    logits, distance, trust = network(torch.randn(3, 6, 6, 16, generator=torch.Generator().manual_seed(1)))
    loss = pivot_loss(logits, distance, trust, torch.tensor([0, 1, 2, 0, 1, 2]), torch.ones(6), NO_WEIGHTS)
    loss.confidence.backward()
    touched = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert touched == {"trust.weight", "trust.bias"}


def test_confidence_is_told_whether_the_class_was_right() -> None:
    logits = torch.tensor([[5.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    sure = torch.tensor([20.0, -20.0])
    loss = pivot_loss(logits, torch.zeros(2), sure, torch.tensor([0, 1]), torch.zeros(2), NO_WEIGHTS)
    assert loss.confidence.item() == pytest.approx(0.0, abs=1e-6)


def test_a_dropout_mask_keeps_the_mean() -> None:
    mask = dropout_mask(2_000, 50, 0.25, torch.Generator().manual_seed(0))
    assert mask is not None
    assert mask.mean().item() == pytest.approx(1.0, abs=0.01)
    assert mask.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert dropout_mask(10, 10, 0.0, torch.Generator()) is None
