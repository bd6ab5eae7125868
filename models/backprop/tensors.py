"""Tensors as NumPy arrays and back, to the bit; bfloat16, which NumPy does not know, as its 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NUMPY_NAMES = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.float16: "float16",
    torch.bfloat16: "uint16",
    torch.int64: "int64",
    torch.int32: "int32",
    torch.int16: "int16",
    torch.int8: "int8",
    torch.uint8: "uint8",
    torch.bool: "bool",
}


def array_of(tensor: Tensor) -> NDArray[Any]:
    """The values of a tensor; a view of its memory where it lies on the CPU without gaps."""
    plain = tensor.detach().cpu().contiguous()
    if plain.dtype is torch.bfloat16:
        bits: NDArray[Any] = plain.view(torch.int16).numpy().view(np.uint16)
        return bits
    array: NDArray[Any] = plain.numpy()
    return array


def copy_of(tensor: Tensor) -> NDArray[Any]:
    """`array_of`, in memory of its own."""
    return np.array(array_of(tensor))


def tensor_of(array: NDArray[Any]) -> Tensor:
    """A tensor in memory of its own; the bits of a bfloat16 come back as int16."""
    return torch.from_numpy(np.array(array.view(np.int16) if array.dtype == np.uint16 else array))
