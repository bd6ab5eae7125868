"""Everything that a network and its optimiser are after a step, as arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from models.backprop.tensors import copy_of

WEIGHTS, OPTIMISER = "weights/", "optimiser/"


def weights_of(network: nn.Module) -> dict[str, NDArray[Any]]:
    """A copy of every tensor of the state, by name."""
    return {name: copy_of(tensor) for name, tensor in network.state_dict().items()}


def take_snapshot(
    network: nn.Module, optimiser: Optimizer, names: Mapping[int, str]
) -> dict[str, NDArray[Any]]:
    """`weights/<name>` for the whole state, `optimiser/<parameter>/<key>` for the optimiser's memory."""
    arrays = {f"{WEIGHTS}{name}": array for name, array in weights_of(network).items()}
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            for key, value in optimiser.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    arrays[f"{OPTIMISER}{names[id(parameter)]}/{key}"] = copy_of(value)
    return arrays
