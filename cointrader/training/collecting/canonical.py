"""The bytes of a package that its hashes are taken of: the same values give the same bytes on any machine.

schema id, then every field in the order of its name: name, NUL, dtype, NUL, shape, NUL, bytes. Arrays are
C-ordered and little-endian, texts UTF-8, a missing field has the dtype `none` and no bytes. SHA-256 decides
whether a package is what it was; MD5 is kept beside it only for exchange with older files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA = b"cointrader setup 1\0"
MISSING = "none"
TEXT = "text"

Value = NDArray[Any] | str | int | None


def header(name: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    """What stands before the bytes of a field."""
    return f"{name}\0{dtype}\0{','.join(map(str, shape))}\0".encode()


def array_header(name: str, array: NDArray[Any], shape: tuple[int, ...] | None = None) -> bytes:
    """The header of an array field, in the little-endian form in which it is hashed."""
    return header(name, array.dtype.newbyteorder("<").str, array.shape if shape is None else shape)


def little_endian(array: NDArray[Any]) -> NDArray[Any]:
    """The array as it is hashed: C-ordered and little-endian."""
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)


def field_bytes(name: str, value: Value) -> bytes:
    """One field with its header."""
    if value is None:
        return header(name, MISSING, ())
    if isinstance(value, str):
        content = value.encode()
        return header(name, TEXT, (len(content),)) + content
    array = np.asarray(value, dtype=np.int64) if isinstance(value, int) else value
    return array_header(name, array) + little_endian(array).tobytes()


def canonical_bytes(fields: Mapping[str, Value]) -> bytes:
    """All fields of a package as one string of bytes."""
    return SCHEMA + b"".join(field_bytes(name, fields[name]) for name in sorted(fields))


def digests(content: Iterable[bytes | memoryview]) -> tuple[str, str]:
    """(SHA-256, MD5) of the pieces put together, in hexadecimal digits."""
    whole = b"".join(content)
    return hashlib.sha256(whole).hexdigest(), hashlib.md5(whole, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Windows:
    """Rows cut from shared bars (b, columns): row i is the `size` bars that end with `last[i]`."""

    bars: NDArray[np.float64]
    last: NDArray[np.int32]
    size: int


Column = NDArray[Any] | Windows | Sequence[Value]


def digests_of_rows(columns: Mapping[str, Column], rows: int) -> list[tuple[str, str]]:
    """`digests` of many packages of one series: of each name a column that holds a value a row.

    Arrays (rows, ...) and windows are hashed where they lie; a sequence gives a value a row, of any shape.
    """
    parts = [_pieces(name, columns[name], rows) for name in sorted(columns)]
    return [digests((SCHEMA, *chain.from_iterable(row))) for row in zip(*parts, strict=True)]


Piece = tuple[bytes | memoryview, ...]


def _pieces(name: str, column: Column, rows: int) -> list[Piece]:
    """What each row adds to its bytes for one field."""
    if isinstance(column, Windows):
        width = column.bars.shape[1] * column.bars.itemsize
        start, content = (
            array_header(name, column.bars, (column.size, column.bars.shape[1])),
            _view(column.bars),
        )
        ends = [(place + 1) * width for place in column.last.tolist()]
        return [(start, content[end - column.size * width : end]) for end in ends]
    if not isinstance(column, np.ndarray):
        return [(field_bytes(name, value),) for value in column]
    start, content = array_header(name, column, column.shape[1:]), _view(column)
    size = len(content) // max(1, rows)
    return [(start, content[row * size : (row + 1) * size]) for row in range(rows)]


def _view(array: NDArray[Any]) -> memoryview:
    return little_endian(array).reshape(-1).view(np.uint8).data
