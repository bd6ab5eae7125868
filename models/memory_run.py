"""A `Run` that keeps everything in memory: for training without a workspace, and for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.base import CheckpointState
from models.candle_series import IntArray


@dataclass
class MemoryRun:
    """Curves by name, the last checkpoint, and an optional step at which the operator "cancels"."""

    seed: int = 0
    stop_at: int | None = None
    state: CheckpointState | None = None
    checkpoint_every: int = 0
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    gradients_seen: int = 0
    done: int = 0
    total: int = 0
    message: str = ""

    @property
    def stop_requested(self) -> bool:
        return self.stop_at is not None and self.done >= self.stop_at

    def log(self, step: int, **scalars: float) -> None:
        for name, value in scalars.items():
            self.curves.setdefault(name, []).append((step, float(value)))

    def progress(self, done: int, total: int, message: str = "") -> None:
        self.done, self.total, self.message = done, total, message

    def record(
        self,
        step: int,
        gradients: Mapping[str, NDArray[np.float32]],
        losses: Mapping[str, float],
        batch: IntArray,
    ) -> None:
        self.gradients_seen += 1

    def checkpoint(self, state: Callable[[], CheckpointState], *, now: bool = False) -> None:
        due = self.checkpoint_every > 0 and self.done % self.checkpoint_every == 0
        if now or due:
            self.state = state()

    def resume_state(self) -> CheckpointState | None:
        return self.state
