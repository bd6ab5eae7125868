"""The ring of buffers between a training loop and the thread that writes: memory is bounded by its size."""

from __future__ import annotations

import queue
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.journal.layout import Layout

FEWEST, MOST = 2, 64


@dataclass(frozen=True)
class Slot:
    """Room for one step; whoever takes one fills all of it, for it still holds an earlier step.

    gradient (P,) float32, absent (parameters,) bool, state (state_bytes,) uint8.
    """

    gradient: NDArray[np.float32]
    absent: NDArray[np.bool_]
    state: NDArray[np.uint8]


class Ring:
    """Slots that are free; `take` waits for one, which is what slows a loop that is faster than the disk.

    The one that was given back last is taken first: its memory still lies in the cache of the processor, and
    memory of slots that are never needed is never touched.
    """

    def __init__(self, layout: Layout, ring_bytes: int) -> None:
        one = 4 * layout.gradient_size + len(layout.parameters) + layout.state_bytes
        self.size = min(MOST, max(FEWEST, ring_bytes // max(1, one)))
        self._free: queue.LifoQueue[Slot | None] = queue.LifoQueue()
        for _ in range(self.size):
            gradient = np.empty(layout.gradient_size, np.float32)
            absent = np.zeros(len(layout.parameters), np.bool_)
            self.give(Slot(gradient, absent, np.empty(layout.state_bytes, np.uint8)))

    def take(self) -> Slot | None:
        """A free slot; None once the ring was broken."""
        slot = self._free.get()
        if slot is None:
            self._free.put(None)
        return slot

    def give(self, slot: Slot) -> None:
        """Makes a slot free again."""
        self._free.put(slot)

    def break_off(self) -> None:
        """Nobody waits any more: the thread that gave slots back is gone."""
        self._free.put(None)
