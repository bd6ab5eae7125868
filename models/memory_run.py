"""A `Run` that keeps everything in memory: for training without a workspace, and for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.base import CheckpointState
from models.digest import weights_digest
from models.step_journal import (
    FULL,
    OFF,
    JournalLayout,
    JournalRefused,
    JournalSlot,
    OptimiserFacts,
    StepFacts,
)


@dataclass(frozen=True)
class MemorySlot:
    """Arrays of one step."""

    gradient: NDArray[np.float32]
    absent: NDArray[np.bool_]
    state: NDArray[np.uint8]


@dataclass(frozen=True)
class MemoryStep:
    """A kept step; `weights_sha256` is that of the whole state after it."""

    facts: StepFacts
    gradient: NDArray[np.float32]
    absent: NDArray[np.bool_]
    state: NDArray[np.uint8]
    weights_sha256: str


@dataclass
class MemoryJournal:
    """Steps in a list and snapshots by step; the mode off keeps neither."""

    layout: JournalLayout
    optimiser: OptimiserFacts
    mode: str
    snapshot_steps: int
    steps: list[MemoryStep] = field(default_factory=list)
    snapshots: dict[int, Mapping[str, NDArray[Any]]] = field(default_factory=dict)

    def slot(self) -> MemorySlot:
        layout = self.layout
        return MemorySlot(
            np.zeros(layout.gradient_size, np.float32),
            np.zeros(len(layout.parameters), np.bool_),
            np.zeros(0 if self.mode == OFF else layout.state_bytes, np.uint8),
        )

    def keep(self, slot: JournalSlot, facts: StepFacts) -> None:
        if self.mode == OFF:
            return
        digest = weights_digest(self.layout.tensors_of(slot.state))
        self.steps.append(MemoryStep(facts, slot.gradient, slot.absent, slot.state, digest))

    def snapshot_due(self, step: int) -> bool:
        return self.mode != OFF and self.snapshot_steps > 0 and step % self.snapshot_steps == 0

    def snapshot(self, step: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.snapshots[step] = arrays


@dataclass
class MemoryRun:
    """Curves by name, the last checkpoint, every step, and an optional step at which the operator "cancels".

    `journal_mode` is full or off; `kept` is the journal of the loop, None before it asked for one.
    """

    seed: int = 0
    stop_at: int | None = None
    state: CheckpointState | None = None
    checkpoint_every: int = 0
    journal_mode: str = FULL
    snapshot_steps: int = 0
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    kept: MemoryJournal | None = None
    done: int = 0
    total: int = 0
    message: str = ""

    @property
    def stop_requested(self) -> bool:
        return self.stop_at is not None and self.done >= self.stop_at

    @property
    def steps(self) -> list[MemoryStep]:
        """The steps kept so far, oldest first."""
        return [] if self.kept is None else self.kept.steps

    def log(self, step: int, **scalars: float) -> None:
        for name, value in scalars.items():
            self.curves.setdefault(name, []).append((step, float(value)))

    def progress(self, done: int, total: int, message: str = "") -> None:
        self.done, self.total, self.message = done, total, message

    def journal(
        self,
        layout: JournalLayout,
        optimiser: OptimiserFacts,
        snapshot: Callable[[], Mapping[str, NDArray[Any]]],
    ) -> MemoryJournal:
        obstacle = layout.obstacle or optimiser.obstacle
        if obstacle and self.journal_mode == FULL:
            raise JournalRefused(obstacle)
        self.kept = MemoryJournal(layout, optimiser, self.journal_mode, self.snapshot_steps)
        if self.journal_mode != OFF:
            at = 0 if self.state is None else self.state.step
            self.kept.snapshot(at, snapshot())
        return self.kept

    def checkpoint(self, state: Callable[[], CheckpointState], *, now: bool = False) -> None:
        due = self.checkpoint_every > 0 and self.done % self.checkpoint_every == 0
        if now or due:
            self.state = state()

    def resume_state(self) -> CheckpointState | None:
        return self.state
