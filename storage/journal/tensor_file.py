"""safetensors files of plain arrays: written from where the arrays lie, read only after a check of SHA-256.

The format (https://github.com/huggingface/safetensors): eight bytes with the length of a JSON header, the
header, then the arrays without gaps. It holds no code, and other programs can read it. One whose name ends in
.zst is a Zstandard stream of the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage.durable_file import write_pieces_atomically
from storage.journal.errors import JournalDamaged, JournalError

PLAIN, PACKED = ".safetensors", ".safetensors.zst"
PAYS_BELOW = 0.75
PIECE_BYTES = 262_144
SAMPLE_BYTES, SAMPLES = 65_536, 8

_NAMES = {
    "<f8": "F64", "<f4": "F32", "<f2": "F16", "<i8": "I64", "<i4": "I32", "<i2": "I16", "|i1": "I8",
    "<u8": "U64", "<u4": "U32", "<u2": "U16", "|u1": "U8", "|b1": "BOOL",
}  # fmt: skip
_TYPES = {name: np.dtype(kind) for kind, name in _NAMES.items()}

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Written:
    """A file that is whole on the disk; `raw_bytes` is what it holds once unpacked."""

    path: Path
    sha256: str
    bytes: int
    raw_bytes: int


def write_arrays(folder: Path, stem: str, arrays: Arrays, *, compress: str = "never") -> Written:
    """Writes arrays as `<stem>-<digest>.safetensors`, or `.safetensors.zst` where compression pays.

    `compress` is auto (a sample of the first array decides), always or never. Raises DiskFull, StorageError,
    or JournalError for a type that the format does not have.
    """
    pieces = arrays_pieces(arrays)
    raw_bytes = sum(len(piece) for piece in pieces)
    suffix = PLAIN
    if compress == "always" or (compress == "auto" and _pays(pieces)):
        pieces, suffix = [_packed(pieces)], PACKED
    folder.mkdir(parents=True, exist_ok=True)
    path, sha256 = write_pieces_atomically(folder, lambda digest: f"{stem}-{digest[:12]}{suffix}", pieces)
    return Written(path, sha256, sum(len(piece) for piece in pieces), raw_bytes)


def arrays_pieces(arrays: Arrays) -> list[memoryview]:
    """The bytes of a safetensors file: the header, then each array where it lies."""
    pieces: list[NDArray[Any]] = []
    kinds: list[tuple[str, np.dtype[Any], tuple[int, ...]]] = []
    for name, array in arrays.items():
        little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        kinds.append((name, little.dtype, array.shape))
        pieces.append(little)
    header = file_header(kinds)
    return [memoryview(header), *(piece.reshape(-1).view(np.uint8).data for piece in pieces)]


def file_header(kinds: Iterable[tuple[str, np.dtype[Any], tuple[int, ...]]]) -> bytes:
    """What stands before arrays of these names, little-endian types and shapes; a function of them alone."""
    header: dict[str, object] = {}
    at = 0
    for name, kind, shape in kinds:
        if kind.str not in _NAMES:
            raise JournalError(f"{name}: an array of {kind} cannot be kept in safetensors")
        stop = at + math.prod(shape) * kind.itemsize
        header[name] = {"dtype": _NAMES[kind.str], "shape": list(shape), "data_offsets": [at, stop]}
        at = stop
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def read_checked(
    root: Path, path: str, sha256: str, raw_bytes: int, *, session_id: int, step: int
) -> memoryview:
    """The `raw_bytes` of a file as they were written. Raises JournalDamaged; nothing was parsed then."""
    try:
        content, found = _read_hashed(root / path)
    except OSError as error:
        raise JournalDamaged(session_id, step, path, f"cannot be read: {error.strerror}") from error
    if found != sha256:
        raise JournalDamaged(session_id, step, path, "was changed: its SHA-256 is not the recorded one")
    return unpacked(content, raw_bytes) if path.endswith(PACKED) else content


def _read_hashed(path: Path) -> tuple[memoryview, str]:
    """The bytes of a file and their SHA-256, each piece hashed while it lies in the cache of the core."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        content = np.empty(os.fstat(file.fileno()).st_size, np.uint8).data
        at = 0
        while read := file.readinto(content[at : at + PIECE_BYTES]):
            digest.update(content[at : at + read])
            at += read
    return content[:at].toreadonly(), digest.hexdigest()


def unpacked(content: memoryview, raw_bytes: int) -> memoryview:
    """What a Zstandard stream holds; its digest was checked before, so it is one, and of this length."""
    return memoryview(pa.decompress(content, raw_bytes, codec="zstd"))


def parse_arrays(content: memoryview) -> dict[str, NDArray[Any]]:
    """Read-only arrays that lie in `content`, by name; only for bytes whose digest was checked."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8 : 8 + length]))
    arrays: dict[str, NDArray[Any]] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        kind = _TYPES[entry["dtype"]]
        start, stop = entry["data_offsets"]
        flat = np.frombuffer(content, kind, (stop - start) // kind.itemsize, 8 + length + start)
        arrays[name] = flat.reshape(entry["shape"])
    return arrays


def _pays(pieces: list[memoryview]) -> bool:
    """Whether samples of the largest array shrink enough to be worth the time."""
    largest = max(pieces, key=len)
    if len(largest) <= SAMPLE_BYTES * SAMPLES:
        return _ratio(largest) < PAYS_BELOW
    every = len(largest) // SAMPLES
    parts = [largest[start : start + SAMPLE_BYTES] for start in range(0, every * SAMPLES, every)]
    return sum(map(_ratio, parts)) / SAMPLES < PAYS_BELOW


def _ratio(piece: memoryview) -> float:
    return len(_packed([piece])) / max(1, len(piece))


def _packed(pieces: list[memoryview]) -> memoryview:
    """A Zstandard stream at pyarrow's level, 1."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        for piece in pieces:
            stream.write(piece)
    return memoryview(sink.getvalue())
