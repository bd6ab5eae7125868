"""Which tensors a network's state has, what changes each of them, and whether that could be made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from models.backprop.tensors import NUMPY_NAMES
from models.step_journal import (
    BUFFER,
    FIXED,
    FOLLOWER,
    PARAMETER,
    TIED,
    JournalLayout,
    JournalRefused,
    TensorSpec,
)


def layout_of(network: nn.Module, optimiser: Optimizer, followers: Mapping[str, str]) -> JournalLayout:
    """The layout of `network`; `followers` maps the name of each copied tensor to the one it is copied from.

    Both are names in `network.state_dict()`. What keeps steps from being made again stands in `obstacle`.
    Raises JournalRefused when a parameter of the optimiser or a follower is not in the network.
    """
    names = names_of(network, optimiser)
    state = network.state_dict(keep_vars=True)
    _check_followers(state, followers)
    obstacles: list[str] = []
    learned: list[TensorSpec] = []
    others: list[TensorSpec] = []
    first: dict[int, str] = {}
    buffers = dict(network.named_buffers())
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
            obstacles.append(f"{name}: a state that is no tensor cannot be journalled")
            continue
        owner = first.setdefault(id(tensor), name)
        if owner != name:
            kind, follows = TIED, owner
        elif name in followers:
            kind, follows = FOLLOWER, followers[name]
        elif id(tensor) in names:
            kind, follows = PARAMETER, ""
        else:
            kind, follows = (BUFFER if name in buffers else FIXED), ""
        spec = _spec(name, tensor, kind, follows)
        obstacles += _obstacles(spec, tensor)
        (learned if kind == PARAMETER else others).append(spec)
    return JournalLayout((*learned, *others), "; ".join(obstacles[:3]))


def names_of(network: nn.Module, optimiser: Optimizer) -> dict[int, str]:
    """The name of each parameter that the optimiser changes, by the tensor's id.

    Raises JournalRefused for one that is not the network's.
    """
    known = {id(parameter): name for name, parameter in network.named_parameters()}
    chosen = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    if any(id(parameter) not in known for parameter in chosen):
        raise JournalRefused(
            "the optimiser changes a parameter that is not the network's; give the keeper the whole network"
        )
    return {id(parameter): known[id(parameter)] for parameter in chosen}


def unkept_tensors(network: nn.Module, layout: JournalLayout) -> dict[str, Tensor]:
    """The tensors that no step may change unless it says so: fixed ones, followers, and buffers that a
    state_dict leaves out."""
    state = network.state_dict(keep_vars=True)
    found = {spec.name: state[spec.name] for spec in layout.tensors if spec.kind in (FIXED, FOLLOWER)}
    return found | {name: buffer for name, buffer in network.named_buffers() if name not in state}


def _check_followers(state: Mapping[str, Tensor], followers: Mapping[str, str]) -> None:
    for name, source in followers.items():
        missing = [each for each in (name, source) if each not in state]
        if missing:
            raise JournalRefused(
                f"{missing[0]}: no tensor of the network, but named as follower or as source"
            )
        if state[name].shape != state[source].shape or state[name].dtype != state[source].dtype:
            raise JournalRefused(f"{name} cannot follow {source}: shape or type differ")


def _spec(name: str, tensor: Tensor, kind: str, follows: str) -> TensorSpec:
    layer = name.rpartition(".")[0] or name
    return TensorSpec(
        name, tuple(tensor.shape), NUMPY_NAMES.get(tensor.dtype, str(tensor.dtype)), kind, layer, follows
    )


def _obstacles(spec: TensorSpec, tensor: Tensor) -> Iterable[str]:
    if tensor.layout is not torch.strided:
        yield f"{spec.name}: a {tensor.layout} tensor cannot be journalled"
    if spec.kind == PARAMETER and not tensor.is_contiguous():
        yield f"{spec.name}: a parameter that does not lie contiguous in memory cannot be stepped again"
    if tensor.dtype not in NUMPY_NAMES:
        yield f"{spec.name}: a tensor of {tensor.dtype} cannot be journalled"
    elif spec.kind == PARAMETER and tensor.dtype is not torch.float32:
        yield f"{spec.name}: its gradient is {tensor.dtype}, and gradients are kept whole as float32 only"
