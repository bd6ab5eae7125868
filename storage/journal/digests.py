"""Digests and norms of a step, from its flat vectors; what takes long here lets other threads run."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from storage.journal.layout import Layout

BLOCK = 16_384
"""Elements that are widened to float64 at a time: they stay in the cache of a core."""


def gradient_digest(gradient: NDArray[np.float32], absent: NDArray[np.bool_] | NDArray[np.uint8]) -> str:
    """SHA-256 of the flat gradient (P,) and the mask (parameters,) of absent ones, a byte each."""
    digest = hashlib.sha256(gradient.view(np.uint8).data)
    digest.update(absent.astype(np.uint8, copy=False).tobytes())
    return digest.hexdigest()


class StateDigest:
    """SHA-256 of the weights, from the bytes of the flat state.

    It is the digest that checkpoints carry: over names in sorted order, each with its little-endian type,
    its shape (one element for a scalar) and its bytes.
    """

    def __init__(self, layout: Layout) -> None:
        self._pieces: list[tuple[bytes, int, int]] = []
        for tensor in sorted(layout.tensors, key=lambda tensor: tensor.name):
            kind = np.dtype(tensor.dtype).newbyteorder("<").str
            prefix = f"{tensor.name}\0{kind}\0{tensor.shape or (1,)}\0".encode()
            start = layout.state_starts[tensor.name]
            self._pieces.append((prefix, start, start + tensor.nbytes))

    def of(self, state: NDArray[np.uint8]) -> str:
        """The digest of a flat state, (state_bytes,)."""
        digest = hashlib.sha256()
        content = state.data
        for prefix, start, stop in self._pieces:
            digest.update(prefix)
            digest.update(content[start:stop])
        return digest.hexdigest()


class LayerNorms:
    """Euclidean norms of the layers' parts of a flat gradient, summed in float64."""

    def __init__(self, layout: Layout) -> None:
        self.layers = layout.layers
        self._wide = np.empty(min(BLOCK, max(1, layout.gradient_size)), np.float64)
        place = {layer: number for number, layer in enumerate(layout.layers)}
        self._parts: list[tuple[int, int, int]] = []
        at = 0
        for tensor in layout.parameters:
            stop = at + tensor.size
            self._parts += [
                (place[tensor.layer], first, min(first + BLOCK, stop)) for first in range(at, stop, BLOCK)
            ]
            at = stop

    def of(self, gradient: NDArray[np.float32]) -> NDArray[np.float64]:
        """Norms in the order of `layers`, (layers,)."""
        squares = np.zeros(len(self.layers))
        for place, start, stop in self._parts:
            wide = self._wide[: stop - start]
            np.square(gradient[start:stop], out=wide, dtype=np.float64)
            squares[place] += wide.sum()
        return np.sqrt(squares)
