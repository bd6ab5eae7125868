"""What has to be pinned for a session to repeat to the bit: threads, algorithms, instruction sets.

Recomputed gradients are the same bits only with the same number of threads and the same vector instructions
of ATen and oneDNN, so all are kept with the session and its journal.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from models.backprop.instructions import pin_onednn
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


def pin_arithmetic(entry: AgentEntry, threads: int, onednn_isa: str = "") -> None:
    """Fix torch's threads, algorithms and the instructions of oneDNN, for this process.

    `onednn_isa` is what the session was begun with; empty takes what the machine has. oneDNN reads it once,
    so in a process that has computed before the first choice holds.
    """
    if entry.kind != "torch":
        return
    pin_onednn(onednn_isa)
    # cuBLAS repeats itself only with a fixed workspace; it reads this when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
