"""Candles in Parquet files whose names carry their content's hash, read only after that hash is checked."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from storage.candles.records import CandleFileRow, candle_record
from storage.candles.series import Candles, CandlesDamaged, CandlesMissing
from storage.candles.timeframe import timeframe_text
from storage.durable_file import write_file_atomically
from storage.workspace import Workspace

COLUMNS = ("close_ms", "open", "high", "low", "close", "volume")

# Times rise evenly, and the bytes of a price differ most in the last ones: split by byte they compress
# better and are read faster than plain doubles.
WRITER_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "use_dictionary": False,
    "write_statistics": False,
    "column_encoding": {
        "close_ms": "DELTA_BINARY_PACKED",
        **dict.fromkeys(COLUMNS[1:], "BYTE_STREAM_SPLIT"),
    },
}
"""How every series is written."""


def write_candles(workspace: Workspace, candles: Candles) -> tuple[str, str]:
    """Writes a series as Parquet and returns (path relative to the workspace, SHA-256 of the file).

    The name carries the hash, so a new state of a series never overwrites the one that the database
    still vouches for, and a file left by a crash is replaced by the same bytes. Raises DiskFull or
    StorageError.
    """
    content = _encode(candles)
    digest = hashlib.sha256(content).hexdigest()
    name = series_name(candles.symbol, candles.timeframe_ms, digest)
    workspace.candles.mkdir(parents=True, exist_ok=True)
    path = workspace.candles / name
    write_file_atomically(path, content)
    return str(PurePosixPath(workspace.candles.relative_to(workspace.root), name)), digest


def series_name(symbol: str, timeframe_ms: int, digest: str) -> str:
    """The name of the file of a series with this hash."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", symbol)
    return f"{word}-{timeframe_text(timeframe_ms)}-{digest[:16]}.parquet"


def read_candles(
    workspace: Workspace, symbol: str, timeframe_ms: int, *, connection: sqlite3.Connection
) -> Candles:
    """The stored series of a symbol and timeframe, its bytes checked against the database first.

    Raises CandlesMissing when there is none, CandlesDamaged when the file is not the one recorded.
    """
    row = candle_record(connection, symbol, timeframe_ms)
    while row is not None:
        try:
            return read_series(workspace, row)
        except CandlesMissing:
            # An import may have put a newer file in its place between the query and the read.
            newer = candle_record(connection, symbol, timeframe_ms)
            if newer is None or newer.path == row.path:
                raise
            row = newer
    raise CandlesMissing(
        f"there are no {timeframe_text(timeframe_ms)} candles of {symbol} in {workspace.root}; "
        f"import them with: cointrader import FILE"
    )


def read_series(workspace: Workspace, row: CandleFileRow) -> Candles:
    """The series of one row of `list_candles`. Raises CandlesMissing or CandlesDamaged."""
    path = workspace.root / row.path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CandlesMissing(
            f"{path}: cannot be read: {error.strerror}; import {row.source_name} again"
        ) from error
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise CandlesDamaged(
            f"{path}: its SHA-256 is not the one that was recorded; import {row.source_name} again"
        )
    table = pq.read_table(pa.BufferReader(content), columns=list(COLUMNS))
    close_ms: NDArray[np.int64] = column_array(table["close_ms"])
    values: dict[str, NDArray[np.float64]] = {name: column_array(table[name]) for name in COLUMNS[1:]}
    return Candles(symbol=row.symbol, timeframe_ms=row.timeframe_ms, close_ms=close_ms, **values)


def column_array(column: pa.ChunkedArray) -> NDArray[Any]:
    """A column as an array of its own, always writable.

    pyarrow hands out its memory read-only where it can; compiled kernels take a read-only array for
    another type, so that without this the size of a file would decide what is compiled.
    """
    values: NDArray[Any] = column.to_numpy()
    return values if values.flags.writeable else values.copy()


def _encode(candles: Candles) -> bytes:
    columns = {"close_ms": candles.close_ms, **candles.columns}
    table = pa.table({name: columns[name] for name in COLUMNS})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **WRITER_OPTIONS)
    content: bytes = sink.getvalue().to_pybytes()
    return content
