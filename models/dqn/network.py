"""The two networks of a DQN: the one that learns, and the older copy of it that its targets come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

ACTIONS = ("buy", "sell", "hold")


class Layer(nn.Module):  # type: ignore[misc]
    """x W + b as one matrix (inputs + 1, outputs), b its last row: fewer tensors make quicker steps."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(inputs + 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.matrix[-1], x, self.matrix[:-1])


class QNetwork(nn.Module):  # type: ignore[misc]
    """Q of each action, (n, 3), from states (n, features), through two hidden layers of ReLU."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.first = Layer(features, hidden)
        self.second = Layer(hidden, hidden)
        self.values = Layer(hidden, len(ACTIONS))

    def forward(self, states: Tensor) -> Tensor:
        hidden = torch.relu(self.second(torch.relu(self.first(states))))
        values: Tensor = self.values(hidden)
        return values

    def matrices(self) -> tuple[NDArray[np.float32], ...]:
        """The memory of the three layers, shared with the tensors."""
        return tuple(layer.matrix.detach().numpy() for layer in (self.first, self.second, self.values))


class DoubleQNetwork(nn.Module):  # type: ignore[misc]
    """`online` learns; `target` is a copy of it from up to so many steps ago."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.online, self.target = QNetwork(features, hidden), QNetwork(features, hidden)
        self.target.requires_grad_(False)

    def sync(self) -> None:
        """Copy the learning network over the target."""
        for copy, layer in zip(self.target.parameters(), self.online.parameters(), strict=True):
            copy.copy_(layer.detach())

    @property
    def followers(self) -> dict[str, str]:
        """Each tensor of the target by the one that it is copied from."""
        names = [name for name, _ in self.online.named_parameters()]
        return {f"target.{name}": f"online.{name}" for name in names}


def new_network(features: int, hidden: int, seed: int) -> DoubleQNetwork:
    """Weights uniform within 1/sqrt(inputs), a function of the seed; the target equals the other."""
    network = DoubleQNetwork(features, hidden)
    generator = torch.Generator().manual_seed(seed)
    for layer in network.online.parameters():
        bound = (layer.shape[0] - 1) ** -0.5
        layer.detach().uniform_(-bound, bound, generator=generator)
    network.sync()
    return network


def load_weights(network: nn.Module, weights: Mapping[str, NDArray[Any]]) -> None:
    """Put weights into a network; names and shapes must be exactly its own."""
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})


def q_values(network: QNetwork, states: NDArray[np.float32]) -> NDArray[np.float32]:
    """Q of each action in each state, (n, 3)."""
    with torch.no_grad():
        values: NDArray[np.float32] = network(torch.from_numpy(np.ascontiguousarray(states))).numpy()
    return values
