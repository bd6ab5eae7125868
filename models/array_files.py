"""Arrays and records as bytes: .npy without pickle, and JSON whose text is a function of its values.

A pickle runs code when it is opened, so a stored model holds none.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ArtifactRefused


def array_bytes(array: NDArray[Any]) -> bytes:
    """An array as a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def read_array(files: Mapping[str, bytes], name: str) -> NDArray[Any]:
    """The array of a .npy file among `files`; raises ArtifactRefused for one that is missing or damaged."""
    try:
        array: NDArray[Any] = np.load(io.BytesIO(_file(files, name)), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ArtifactRefused(f"{name}: not a plain .npy file: {error}") from error
    return array


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """Canonical JSON: sorted keys, one line a key for readers, shortest exact numbers."""
    return (json.dumps(values, sort_keys=True, indent=1) + "\n").encode()


def read_json(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """The record of a JSON file among `files`; raises ArtifactRefused for one that is missing or damaged."""
    try:
        values = json.loads(_file(files, name))
    except ValueError as error:
        raise ArtifactRefused(f"{name}: not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ArtifactRefused(f"{name}: must be a JSON object")
    return values


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise ArtifactRefused(f"{name} is missing; there are {', '.join(sorted(files)) or 'no files'}")
    return files[name]
