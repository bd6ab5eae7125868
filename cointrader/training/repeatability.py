"""What has to be pinned for a session to repeat to the bit: threads, algorithms, instruction set.

Recomputed gradients are the same bits only with the same number of threads and the same vector instructions,
so both are kept with the session.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from models.registry import AgentEntry


@dataclass(frozen=True)
class Machine:
    """`device` and `capability` as the session keeps them; empty capability where torch takes no part."""

    device: str
    capability: str


def describe_machine(entry: AgentEntry, wanted: str) -> Machine:
    """Where this agent will compute; `wanted` is its parameter (cpu or auto)."""
    if entry.kind != "torch":
        return Machine("cpu", "")
    from models.device import probe_device

    device = probe_device(wanted)
    return Machine(device.label, device.capability)


def pin_threads(entry: AgentEntry, threads: int) -> None:
    """Fix torch's threads and choose deterministic algorithms, for this process."""
    if entry.kind != "torch":
        return
    # cuBLAS repeats itself only with a fixed workspace; it reads this when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
