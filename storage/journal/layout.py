"""Which tensors the flat vectors of a journal hold, in which order, and how each is to be understood.

The JSON is that of the learning side, which writes it; storage reads it without knowing that side.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from storage.journal.errors import JournalError

PARAMETER, FOLLOWER, BUFFER, TIED, FIXED = "parameter", "follower", "buffer", "tied", "fixed"
KINDS = (PARAMETER, FOLLOWER, BUFFER, TIED, FIXED)


@dataclass(frozen=True)
class TensorSpec:
    """One tensor: its name in the network's state, its shape, NumPy's name of its type, and its part.

    `kind` is parameter (the optimiser steps it), follower (a copy of the tensor `follows`, made at a sync),
    buffer (kept with every step), tied (the same memory as `follows`) or fixed (never changes).
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: str
    layer: str
    follows: str = ""

    @property
    def size(self) -> int:
        """Elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes in the flat state."""
        return self.size * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Layout:
    """The tensors in the order of the flat vectors.

    The flat gradient (P,) holds the parameters, the flat state the bytes of all tensors without gaps.
    """

    tensors: tuple[TensorSpec, ...]

    @cached_property
    def parameters(self) -> tuple[TensorSpec, ...]:
        """The tensors with a gradient, in its order."""
        return tuple(tensor for tensor in self.tensors if tensor.kind == PARAMETER)

    @cached_property
    def buffers(self) -> tuple[TensorSpec, ...]:
        """The tensors that are kept with every step."""
        return tuple(tensor for tensor in self.tensors if tensor.kind == BUFFER)

    @cached_property
    def gradient_size(self) -> int:
        """Elements of the flat gradient, P."""
        return sum(tensor.size for tensor in self.parameters)

    @cached_property
    def state_bytes(self) -> int:
        """Bytes of the flat state."""
        return sum(tensor.nbytes for tensor in self.tensors)

    @cached_property
    def state_starts(self) -> dict[str, int]:
        """Where each tensor begins in the flat state, in bytes."""
        starts: dict[str, int] = {}
        at = 0
        for tensor in self.tensors:
            starts[tensor.name] = at
            at += tensor.nbytes
        return starts

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Modules that have parameters, in the order of the first one of each."""
        return tuple(dict.fromkeys(tensor.layer for tensor in self.parameters))

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of one step in a shard: gradient, mask of absent ones, number, buffers."""
        buffers = sum(tensor.nbytes for tensor in self.buffers)
        return 4 * self.gradient_size + len(self.parameters) + 8 + buffers

    def to_json(self) -> str:
        """The tensors as JSON; the same layout gives the same text."""
        return json.dumps({"tensors": [asdict(tensor) for tensor in self.tensors]}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Layout:
        """The inverse of `to_json`. Raises JournalError for what is no layout."""
        try:
            records = json.loads(text)["tensors"]
            tensors = tuple(
                TensorSpec(**{**record, "shape": tuple(int(length) for length in record["shape"])})
                for record in records
            )
            layout = cls(tensors)
            _check(layout)
        except (ValueError, TypeError, KeyError) as error:
            raise JournalError(f"this is no layout of a journal: {error}") from error
        return layout


def _check(layout: Layout) -> None:
    names = [tensor.name for tensor in layout.tensors]
    if len(set(names)) != len(names):
        raise ValueError("two tensors have one name")
    for tensor in layout.tensors:
        if tensor.kind not in KINDS:
            raise ValueError(f"{tensor.name}: unknown kind {tensor.kind!r}; kinds: {', '.join(KINDS)}")
        if min(tensor.shape, default=0) < 0:
            raise ValueError(f"{tensor.name}: a length below zero in {tensor.shape}")
        np.dtype(tensor.dtype)
