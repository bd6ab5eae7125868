"""What this machine really computes on; asked only when needed, because torch takes seconds to import.

A ROCm build of torch answers to the name "cuda": `torch.version.hip` tells them apart. A device is
claimed only after a tensor was really multiplied on it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """`kind` is cpu, cuda or rocm; `torch_name` is what torch wants to hear; `note` says why, for people."""

    kind: str
    torch_name: str
    name: str
    capability: str
    note: str

    @property
    def label(self) -> str:
        return self.kind if self.kind == "cpu" else f"{self.kind}: {self.name}"


def probe_device(wanted: str = "auto") -> Device:
    """The device to train on: an accelerator for "auto" where one works, else the CPU, with the reason."""
    import torch

    capability = str(torch.backends.cpu.get_cpu_capability())
    if wanted == "cpu":
        return Device("cpu", "cpu", "CPU", capability, "the CPU was asked for")
    if not torch.cuda.is_available():
        return Device("cpu", "cpu", "CPU", capability, "torch sees no accelerator")
    kind = "rocm" if getattr(torch.version, "hip", None) else "cuda"
    name = str(torch.cuda.get_device_name(0))
    try:
        probe = torch.ones((8, 8), device="cuda")
        works = float((probe @ probe).sum().item()) == 512.0
    except RuntimeError as error:
        return Device("cpu", "cpu", "CPU", capability, f"{name} was found but failed a probe: {error}")
    if not works:
        return Device("cpu", "cpu", "CPU", capability, f"{name} was found but multiplied wrongly")
    return Device(kind, "cuda", name, capability, f"{name} answered a probe")
