"""Whether a network of some size can be trained here, said before the machine runs out of memory."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from models.cob_rl.network import count_parameters
from models.device import Device
from models.errors import ModelError

BYTES_A_PARAMETER = 24
"""Weights, gradients and Adam's two moments in float32, and as much room again for copies and activations."""


class NotEnoughMemory(ModelError):
    """The device holds less memory than training a network of this size takes."""


def check_memory(size: str, device: Device) -> None:
    """Raises NotEnoughMemory when training `size` would take more memory than the device has free."""
    needed = BYTES_A_PARAMETER * count_parameters(size)
    free = free_bytes(device)
    if needed > free:
        raise NotEnoughMemory(
            f"a network of size {size} takes about {needed / 1e9:.0f} GB to train, and {device.label} has "
            f"{free / 1e9:.0f} GB free: choose a smaller size, or device auto where there is an accelerator"
        )


def free_bytes(device: Device) -> int:
    """Memory of the device that could be had now; caches that the system would give up count as free."""
    if device.torch_name != "cpu":
        return int(torch.cuda.mem_get_info()[0])
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        # Not Linux: all memory that there is, at least, can be told.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
