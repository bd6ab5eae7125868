"""A shard: the steps that wait in memory until their file is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.journal.layout import Layout
from storage.journal.ring import Slot
from storage.journal.tensor_file import file_header

MOST_ROWS = 65_536
BUFFER_PREFIX = "buffer/"


@dataclass(frozen=True)
class GradientPlaces:
    """Where the bytes of gradients and masks lie in an unpacked shard of `rows` steps.

    A function of the layout alone: they can be found where the file's own header may not be believed.
    """

    layout: Layout
    rows: int

    @property
    def total(self) -> int:
        """Bytes of the whole file."""
        return self._header + self.rows * self.layout.row_bytes

    def of(self, row: int) -> tuple[slice, slice]:
        """The bytes of a step's gradient, and those of its mask."""
        gradient = self._header + 8 * self.rows + row * 4 * self.layout.gradient_size
        count = len(self.layout.parameters)
        absent = self.total - (self.rows - row) * count
        return slice(gradient, gradient + 4 * self.layout.gradient_size), slice(absent, absent + count)

    @cached_property
    def _header(self) -> int:
        return len(file_header(shard_kinds(self.layout, self.rows)))


def shard_kinds(layout: Layout, rows: int) -> list[tuple[str, np.dtype[Any], tuple[int, ...]]]:
    """Names, types and shapes of the arrays of a shard, in the order of its file."""
    return [
        ("step", np.dtype("<i8"), (rows,)),
        ("gradient", np.dtype("<f4"), (rows, layout.gradient_size)),
        *(
            (f"{BUFFER_PREFIX}{tensor.name}", np.dtype(tensor.dtype).newbyteorder("<"), (rows, *tensor.shape))
            for tensor in layout.buffers
        ),
        ("absent", np.dtype("|u1"), (rows, len(layout.parameters))),
    ]


class ShardBuffer:
    """Room for the steps of one shard; `arrays` are what its file holds.

    step (n,) int64, gradient (n, P) float32, `buffer/<name>` (n, *shape) and absent (n, parameters) uint8.
    Memory is taken once, for `shard_bytes`, and used again for the next shard.
    """

    def __init__(self, layout: Layout, shard_bytes: int) -> None:
        rows = min(MOST_ROWS, max(1, shard_bytes // layout.row_bytes))
        self._layout = layout
        self._arrays = {name: np.empty(shape, kind) for name, kind, shape in shard_kinds(layout, rows)}
        self._step, self._gradient = self._arrays["step"], self._arrays["gradient"]
        self._absent = self._arrays["absent"]
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
            self._arrays[BUFFER_PREFIX + tensor.name][row] = kept.view(np.dtype(tensor.dtype)).reshape(
                tensor.shape
            )
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

    def bytes_with(self, more: int) -> int:
        """Bytes that what waits and `more` further steps take unpacked, in two files."""
        return GradientPlaces(self._layout, self.rows).total + GradientPlaces(self._layout, more).total

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What waits, by the names of the file; views that are valid until `clear`."""
        return {name: kept[: self.rows] for name, kept in self._arrays.items()}

    def clear(self) -> None:
        """Makes room again; what waited has been written."""
        self.rows = 0
