"""Small networks with what makes stepping again hard, and a loop that journals them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from models.backprop.keeper import StepKeeper
from models.base import Run


class TwoHeads(nn.Module):
    """A head of every other step: its gradient is absent in between, which is not a gradient of zero."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(6, 8)
        self.even = nn.Linear(8, 1)
        self.odd = nn.Linear(8, 1)

    def forward(self, inputs: Tensor, step: int) -> Tensor:
        head = self.odd if step % 2 else self.even
        return head(torch.relu(self.trunk(inputs)))


class Normalised(nn.Module):
    """Batch normalisation: statistics that change beside the gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, inputs: Tensor, step: int) -> Tensor:
        return self.layers(inputs)


class WithTarget(nn.Module):
    """An online network and a target that is copied from it now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.online = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
        self.target = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
        self.target.load_state_dict(self.online.state_dict())
        self.target.requires_grad_(False)

    def forward(self, inputs: Tensor, step: int) -> Tensor:
        return self.online(inputs) - 0.5 * self.target(inputs)

    @property
    def followers(self) -> dict[str, str]:
        return {f"target.{name}": f"online.{name}" for name in self.online.state_dict()}


def adamw(network: nn.Module) -> Optimizer:
    return torch.optim.AdamW(
        [each for each in network.parameters() if each.requires_grad], lr=1e-2, foreach=True
    )


def made(kind: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return kind()


def train(
    network: nn.Module,
    run: Run,
    optimiser: Optimizer,
    *,
    steps: int = 30,
    followers: Mapping[str, str] | None = None,
    sync_every: int = 7,
    first: int = 1,
) -> None:
    """Steps first .. steps; the batch of a step and its learning rate are functions of its number."""
    keeper = StepKeeper(run, network, optimiser, followers or {})
    for step in range(first, steps + 1):
        one_step(network, keeper, optimiser, step, sync_every if followers else 0)


def one_step(
    network: nn.Module, keeper: StepKeeper, optimiser: Optimizer, step: int, sync_every: int = 0
) -> None:
    rows = np.arange(step, step + 16, dtype=np.int64)
    inputs = torch.randn(16, 6, generator=torch.Generator().manual_seed(step))
    rate = 1e-2 / step
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss = (network(inputs, step).squeeze(1) - inputs[:, 0]).square().mean()
    loss.backward()
    keeper.capture()
    optimiser.step()
    synced = sync_every > 0 and step % sync_every == 0
    if synced:
        network.target.load_state_dict(network.online.state_dict())
    keeper.keep(step, {"losses/total": float(loss.item())}, rows, rate, synced=synced)
