"""A shard: the steps that wait in memory until their file is written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.journal.layout import Layout
from storage.journal.ring import Slot

MOST_ROWS = 65_536


class ShardBuffer:
    """Room for the steps of one shard; `arrays` are what its file holds.

    step (n,) int64, gradient (n, P) float32, `buffer/<name>` (n, *shape) and absent (n, parameters) uint8.
    Memory is taken once, for `shard_bytes`, and used again for the next shard.
    """

    def __init__(self, layout: Layout, shard_bytes: int) -> None:
        rows = min(MOST_ROWS, max(1, shard_bytes // layout.row_bytes))
        self._layout = layout
        self._step = np.empty(rows, np.int64)
        self._gradient = np.empty((rows, layout.gradient_size), np.float32)
        self._absent = np.empty((rows, len(layout.parameters)), np.uint8)
        self._buffers = {
            tensor.name: np.empty((rows, *tensor.shape), np.dtype(tensor.dtype)) for tensor in layout.buffers
        }
        self.rows = 0
        self.capacity = rows

    def add(self, step: int, slot: Slot) -> int:
        """Copies a step in and returns its row."""
        row, self.rows = self.rows, self.rows + 1
        self._step[row] = step
        np.copyto(self._gradient[row], slot.gradient)
        np.copyto(self._absent[row], slot.absent)
        for tensor in self._layout.buffers:
            start = self._layout.state_starts[tensor.name]
            kept = slot.state[start : start + tensor.nbytes]
            self._buffers[tensor.name][row] = kept.view(np.dtype(tensor.dtype)).reshape(tensor.shape)
        return row

    @property
    def full(self) -> bool:
        """Whether there is no room for another step."""
        return self.rows == self.capacity

    @property
    def first_step(self) -> int:
        """The first step that waits."""
        return int(self._step[0])

    @property
    def last_step(self) -> int:
        """The last step that waits."""
        return int(self._step[self.rows - 1])

    @property
    def raw_bytes(self) -> int:
        """Bytes that wait."""
        return self.rows * self._layout.row_bytes

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What waits, by the names of the file; views that are valid until `clear`."""
        return {
            "step": self._step[: self.rows],
            "gradient": self._gradient[: self.rows],
            **{f"buffer/{name}": kept[: self.rows] for name, kept in self._buffers.items()},
            "absent": self._absent[: self.rows],
        }

    def clear(self) -> None:
        """Makes room again; what waited has been written."""
        self.rows = 0
