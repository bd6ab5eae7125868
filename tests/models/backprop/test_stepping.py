"""Stored gradients step bare tensors to the bits that training had."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from models.backprop.keeper import StepKeeper
from models.backprop.snapshots import weights_of
from models.backprop.stepping import ShapesDiffer, Stepper
from models.digest import weights_digest
from models.memory_run import MemoryJournal, MemoryRun
from models.step_journal import BUFFER, FULL, OFF, JournalLayout, JournalRefused
from tests.models.backprop.networks import Normalised, TwoHeads, WithTarget, adamw, made, one_step, train

pytestmark = pytest.mark.xdist_group("torch")


def journal_of(run: MemoryRun) -> MemoryJournal:
    assert run.kept is not None
    return run.kept


def stepped(run: MemoryRun, start: int = 0) -> list[str]:
    """The digest after each step, from the snapshot after `start`, without the network."""
    journal = journal_of(run)
    # As a reader has it: the layout went through its text.
    layout = JournalLayout.from_json(journal.layout.to_json())
    stepper = Stepper(layout, journal.optimiser, journal.snapshots[start])
    digests = []
    for step in journal.steps[start:]:
        buffers = {
            spec.name: array
            for spec, array in zip(layout.tensors, layout.tensors_of(step.state).values(), strict=True)
            if spec.kind == BUFFER
        }
        stepper.apply(step.gradient, step.absent, step.facts.learning_rate, buffers, step.facts.synced)
        digests.append(stepper.digest())
    return digests


OPTIMISERS: dict[str, Callable[[nn.Module], Optimizer]] = {
    "adamw": adamw,
    "adam with decay and amsgrad": lambda network: torch.optim.Adam(
        network.parameters(), weight_decay=1e-2, amsgrad=True, foreach=True
    ),
    "sgd with momentum": lambda network: torch.optim.SGD(
        network.parameters(), momentum=0.9, nesterov=True, weight_decay=1e-3, foreach=True
    ),
    "rmsprop": lambda network: torch.optim.RMSprop(
        network.parameters(), momentum=0.5, centered=True, foreach=True
    ),
    "two groups": lambda network: torch.optim.AdamW(
        [
            {"params": [each for each in network.parameters() if each.dim() > 1], "weight_decay": 0.1},
            {"params": [each for each in network.parameters() if each.dim() == 1], "weight_decay": 0.0},
        ],
        foreach=True,
    ),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_network_with_absent_gradients_is_stepped_to_the_same_bits(name: str) -> None:
    network = made(TwoHeads)
    run = MemoryRun(snapshot_steps=10)
    train(network, run, OPTIMISERS[name](network))
    assert journal_of(run).steps[0].absent.sum() == 2  # the other head has no gradient at all
    assert stepped(run) == [step.weights_sha256 for step in run.steps]
    assert stepped(run, start=20) == [step.weights_sha256 for step in run.steps[20:]]
    assert run.steps[-1].weights_sha256 == weights_digest(weights_of(network))


def test_an_absent_gradient_taken_for_zero_would_give_other_bits() -> None:
    network = made(TwoHeads)
    run = MemoryRun()
    train(network, run, adamw(network))
    for step in run.steps:
        step.absent[:] = False
    assert stepped(run)[-1] != run.steps[-1].weights_sha256


def test_statistics_of_batch_normalisation_are_kept_with_every_step() -> None:
    network = made(Normalised)
    run = MemoryRun()
    train(network, run, adamw(network))
    kinds = {spec.name: spec.kind for spec in journal_of(run).layout.tensors}
    assert [name for name, kind in kinds.items() if kind == BUFFER] == [
        "layers.1.running_mean", "layers.1.running_var", "layers.1.num_batches_tracked",
    ]  # fmt: skip
    assert stepped(run) == [step.weights_sha256 for step in run.steps]


def test_a_target_network_is_copied_at_the_steps_that_say_so() -> None:
    network = made(WithTarget)
    run = MemoryRun()
    train(network, run, adamw(network), followers=network.followers)
    assert [step.facts.step for step in run.steps if step.facts.synced] == [7, 14, 21, 28]
    assert stepped(run) == [step.weights_sha256 for step in run.steps]


def test_a_target_that_changes_unannounced_is_refused() -> None:
    network = made(WithTarget)
    optimiser = adamw(network)
    keeper = StepKeeper(MemoryRun(), network, optimiser, network.followers)
    one_step(network, keeper, optimiser, 1)
    with torch.no_grad():
        network.target[0].weight.mul_(0.5)
    with pytest.raises(JournalRefused, match=r"target\.0\.weight changed in a step"):
        one_step(network, keeper, optimiser, 2)


def test_a_target_that_is_only_moved_towards_its_source_is_refused() -> None:
    network = made(WithTarget)
    optimiser = adamw(network)
    keeper = StepKeeper(MemoryRun(), network, optimiser, network.followers)
    keeper.capture()
    with torch.no_grad():
        for name, each in network.target.named_parameters():
            each.lerp_(network.online.get_parameter(name) + 1.0, 0.1)
    with pytest.raises(JournalRefused, match="is no copy of online"):
        keeper.keep(1, {"losses/total": 0.0}, np.arange(2), 1e-2, synced=True)


def test_tied_weights_are_one_tensor_and_frozen_ones_stay() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(6, 6)
            self.outer = nn.Linear(6, 6)
            self.outer.weight = self.inner.weight
            self.scale = nn.Parameter(torch.full((6,), 0.5), requires_grad=False)

        def forward(self, inputs: torch.Tensor, step: int) -> torch.Tensor:
            return (self.outer(torch.relu(self.inner(inputs))) * self.scale)[:, :1]

    network = made(Tied)
    run = MemoryRun()
    train(network, run, adamw(network))
    kinds = {spec.name: (spec.kind, spec.follows) for spec in journal_of(run).layout.tensors}
    assert kinds["outer.weight"] == ("tied", "inner.weight")
    assert kinds["scale"] == ("fixed", "")
    assert stepped(run) == [step.weights_sha256 for step in run.steps]


def test_a_fused_optimiser_is_refused_where_steps_are_kept_whole() -> None:
    network = made(TwoHeads)
    fused = torch.optim.AdamW(network.parameters(), fused=True)
    with pytest.raises(JournalRefused, match=r"the fused AdamW .* make it with foreach=True"):
        StepKeeper(MemoryRun(), network, fused)
    StepKeeper(MemoryRun(journal_mode=OFF), network, fused)
    with pytest.raises(JournalRefused, match="the loop AdamW"):
        StepKeeper(MemoryRun(), network, torch.optim.AdamW(network.parameters()))
    with pytest.raises(JournalRefused, match="steps of Adagrad cannot be made again"):
        StepKeeper(MemoryRun(), network, torch.optim.Adagrad(network.parameters(), foreach=True))


def test_a_buffer_that_cannot_be_kept_is_refused() -> None:
    class Sparse(TwoHeads):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("pairs", torch.eye(3).to_sparse())

    network = made(Sparse)
    with pytest.raises(JournalRefused, match=r"pairs: a torch\.sparse_coo tensor cannot be journalled"):
        StepKeeper(MemoryRun(journal_mode=FULL), network, adamw(network))


def test_a_buffer_outside_of_the_state_may_stand_but_not_change() -> None:
    class Counting(TwoHeads):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", torch.zeros(1), persistent=False)

    network = made(Counting)
    optimiser = adamw(network)
    keeper = StepKeeper(MemoryRun(), network, optimiser)
    one_step(network, keeper, optimiser, 1)
    network.seen += 1.0
    with pytest.raises(JournalRefused, match="seen changed in a step"):
        one_step(network, keeper, optimiser, 2)


def test_a_setting_that_changes_between_steps_is_refused() -> None:
    network = made(TwoHeads)
    optimiser = adamw(network)
    keeper = StepKeeper(MemoryRun(), network, optimiser)
    one_step(network, keeper, optimiser, 1)
    optimiser.param_groups[0]["weight_decay"] = 0.5
    with pytest.raises(JournalRefused, match="a setting of the optimiser changed"):
        one_step(network, keeper, optimiser, 2)


def test_a_step_kept_without_its_gradient_is_a_fault_of_the_loop() -> None:
    network = made(TwoHeads)
    with pytest.raises(RuntimeError, match="call capture before"):
        StepKeeper(MemoryRun(), network, adamw(network)).keep(1, {}, np.arange(2), 1e-2)


def test_weights_of_another_network_are_refused_by_name() -> None:
    network = made(TwoHeads)
    run = MemoryRun()
    train(network, run, adamw(network), steps=2)
    journal = journal_of(run)
    wider = journal.snapshots[0] | {"weights/odd.weight": np.zeros((1, 9), np.float32)}
    with pytest.raises(
        ShapesDiffer, match=r"odd\.weight: the journal has float32 \[1, 8\] and these .* \[1, 9\]"
    ):
        Stepper(journal.layout, journal.optimiser, wider)
