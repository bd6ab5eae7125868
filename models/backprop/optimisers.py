"""Which optimisers can be stepped to the same bits again, and what has to be known of one to do so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from models.backprop.instructions import onednn_isa
from models.step_journal import OptimiserFacts

KNOWN: dict[str, type[Optimizer]] = {
    kind.__name__: kind
    for kind in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop)
}
FOREACH, FUSED, LOOP = "foreach", "fused", "loop"
# What differs from step to step, and what the groups are made of.
_NOT_SETTINGS = frozenset({"params", "lr", "initial_lr"})


def facts_of(optimiser: Optimizer, names: Mapping[int, str]) -> OptimiserFacts:
    """What a step of `optimiser` depends on; `names` are its parameters' names by id."""
    groups = []
    for group in optimiser.param_groups:
        made = {"parameters": [names[id(parameter)] for parameter in group["params"]]}
        groups.append(made | settings_of(group))
    implementation = _implementation(optimiser)
    return OptimiserFacts(
        name=type(optimiser).__name__,
        settings={"implementation": implementation, "groups": groups},
        torch_version=str(torch.__version__),
        capability=str(torch.backends.cpu.get_cpu_capability()),
        onednn_isa=onednn_isa(),
        threads=torch.get_num_threads(),
        obstacle=_obstacle(optimiser, implementation),
    )


def settings_of(group: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a parameter group as JSON values, without its learning rate."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in group.items()
        if key not in _NOT_SETTINGS
    }


def _implementation(optimiser: Optimizer) -> str:
    if any(group.get("fused") for group in optimiser.param_groups):
        return FUSED
    return FOREACH if all(group.get("foreach") for group in optimiser.param_groups) else LOOP


def _obstacle(optimiser: Optimizer, implementation: str) -> str:
    """Why steps of this optimiser are not kept whole; empty where they are."""
    kind = type(optimiser)
    if KNOWN.get(kind.__name__) is not kind:
        return f"steps of {kind.__name__} cannot be made again; those of {', '.join(KNOWN)} can"
    if implementation != FOREACH:
        return f"the {implementation} {kind.__name__} steps to other bits; make it with foreach=True"
    for setting in ("capturable", "differentiable"):
        if any(group.get(setting) for group in optimiser.param_groups):
            return f"a {setting} {kind.__name__} cannot be stepped again; make it without"
    if len({float(group["lr"]) for group in optimiser.param_groups}) > 1:
        return "parameter groups of several learning rates cannot be journalled; a step keeps one"
    return ""
