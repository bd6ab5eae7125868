"""Series that need not fit into memory: written and read piece by piece, in order of time."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from storage.candles.parquet import COLUMNS, WRITER_OPTIONS, column_array, series_name
from storage.candles.records import CandleFileRow
from storage.candles.series import Candles, CandlesDamaged, CandlesMissing
from storage.durable_file import disk_error, sync_folder
from storage.workspace import Workspace

PIECE_BARS = 1 << 20
"""So many bars are in memory at a time: 48 MiB."""

_SCHEMA = pa.schema([("close_ms", pa.int64()), *((name, pa.float64()) for name in COLUMNS[1:])])


class SeriesWriter:
    """Writes one series under a temporary name; `finish` gives it the name that carries its hash.

    Without `finish` nothing is left. Raises DiskFull or StorageError.
    """

    def __init__(self, workspace: Workspace, symbol: str, timeframe_ms: int) -> None:
        self._workspace = workspace
        self._symbol = symbol
        self._timeframe_ms = timeframe_ms
        workspace.candles.mkdir(parents=True, exist_ok=True)
        self._partial = workspace.candles / f".{uuid.uuid4().hex}.partial"
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []

    def __enter__(self) -> Self:
        try:
            self._writer = pq.ParquetWriter(self._partial, _SCHEMA, **WRITER_OPTIONS)
        except OSError as error:
            raise disk_error(error, self._partial) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._close()
        finally:
            self._partial.unlink(missing_ok=True)

    def add(self, candles: Candles) -> None:
        """Appends bars that come after all those that were added before."""
        columns = {"close_ms": candles.close_ms, **candles.columns}
        self._waiting.append(pa.table({name: columns[name] for name in COLUMNS}))
        if sum(table.num_rows for table in self._waiting) >= PIECE_BARS:
            self._flush()

    def finish(self) -> tuple[str, str]:
        """Makes the file whole and durable; returns (path relative to the workspace, SHA-256)."""
        self._flush()
        self._close()
        try:
            with open(self._partial, "rb") as file:
                os.fsync(file.fileno())
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            path = self._workspace.candles / series_name(self._symbol, self._timeframe_ms, digest)
            os.replace(self._partial, path)
            sync_folder(path.parent)
        except OSError as error:
            raise disk_error(error, self._partial) from error
        folder = self._workspace.candles.relative_to(self._workspace.root)
        return str(PurePosixPath(folder, path.name)), digest

    def _flush(self) -> None:
        if self._waiting and self._writer is not None:
            table = pa.concat_tables(self._waiting)
            self._waiting.clear()
            try:
                self._writer.write_table(table, row_group_size=PIECE_BARS)
            except OSError as error:
                raise disk_error(error, self._partial) from error

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except OSError as error:
                raise disk_error(error, self._partial) from error


def read_pieces(workspace: Workspace, row: CandleFileRow) -> Iterator[Candles]:
    """The series of a row in pieces, after its bytes were checked against the database.

    Raises CandlesMissing or CandlesDamaged before the first piece.
    """
    path = workspace.root / row.path
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CandlesMissing(
            f"{path}: cannot be read: {error.strerror}; import {row.source_name} again"
        ) from error
    if digest != row.sha256:
        raise CandlesDamaged(
            f"{path}: its SHA-256 is not the one that was recorded; import {row.source_name} again"
        )
    return _pieces(workspace, row)


def _pieces(workspace: Workspace, row: CandleFileRow) -> Iterator[Candles]:
    with pq.ParquetFile(workspace.root / row.path) as opened:
        for batch in opened.iter_batches(PIECE_BARS, columns=list(COLUMNS)):
            table = pa.Table.from_batches([batch])
            values = {name: column_array(table[name]) for name in COLUMNS[1:]}
            close_ms = column_array(table["close_ms"])
            yield Candles(symbol=row.symbol, timeframe_ms=row.timeframe_ms, close_ms=close_ms, **values)
