"""How the steps of a session are journalled: which mode, and the journal of a session that keeps none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.step_journal import OFF, JournalLayout, JournalSlot, StepFacts

GRADIENT_STEPS = 10


@dataclass(frozen=True)
class _OnlySlot:
    """Room for a gradient, used again by every step."""

    gradient: NDArray[np.float32]
    absent: NDArray[np.bool_]
    state: NDArray[np.uint8]


class NoJournal:
    """Keeps nothing of a step but the norms of its layers, every tenth step."""

    mode = OFF

    def __init__(self, layout: JournalLayout) -> None:
        self._layout = layout
        self._slot = _OnlySlot(
            np.zeros(layout.gradient_size, np.float32),
            np.zeros(len(layout.parameters), np.bool_),
            np.zeros(0, np.uint8),
        )
        self._norms: list[tuple[int, dict[str, float]]] = []

    def slot(self) -> JournalSlot:
        return self._slot

    def keep(self, slot: JournalSlot, facts: StepFacts) -> None:
        if facts.step % GRADIENT_STEPS == 0:
            self._norms.append((facts.step, self._layout.layer_norms(slot.gradient)))

    def snapshot_due(self, step: int) -> bool:
        return False

    def snapshot(self, step: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Nothing is kept."""

    def norms(self) -> list[tuple[int, dict[str, float]]]:
        """Norms by layer since they were last asked for."""
        norms, self._norms = self._norms, []
        return norms
