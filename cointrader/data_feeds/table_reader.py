"""Arrow tables of candles: freqtrade's Feather and Parquet, coinTrader2.0's Parquet with times in seconds.

Columns are found by name; a time that a program kept as the index of its table is a column here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.raw_bars import Place, RawBars
from cointrader.data_feeds.source import CandleSource
from storage.candles import column_array

_VALUES = ("open", "high", "low", "close", "volume")
_TIMES = ("date", "datetime", "timestamp", "time", "ts", "open_time", "unix", "__index_level_0__")
_PREVIEW_ROWS = 5


class TableReader:
    """Reads one Feather or Parquet file; the number of a row, from 1, stands for its line."""

    def __init__(self, source: CandleSource) -> None:
        self._source = source

    @property
    def dialect_name(self) -> str:
        """feather or parquet."""
        return "parquet" if self._source.is_parquet else "feather"

    def read(self) -> RawBars:
        """All rows. Raises CandleFileError for a table that is damaged or is no candles."""
        table = self._table()
        if table.num_rows == 0:
            raise CandleFileError(self._source.path, 0, "file", "is a table without rows")
        return bars_of(table, self._source.path)

    def locate(self, raw: RawBars, rows: Sequence[int]) -> list[Place]:
        """Row numbers from 1, and the values as text."""
        columns = (raw.time, raw.open, raw.high, raw.low, raw.close, raw.volume)
        return [Place(row + 1, ",".join(str(column[row].item()) for column in columns)) for row in rows]

    def _table(self) -> pa.Table:
        content = pa.BufferReader(self._source.content)
        try:
            if self._source.is_parquet:
                table: pa.Table = pq.read_table(content)
            else:
                table = feather.read_table(content, memory_map=False)
            table.validate(full=True)
            return table
        except (pa.ArrowException, OSError, ValueError) as error:
            words = str(error).splitlines()[0][:120]
            reason = f"the {self.dialect_name.capitalize()} table is cut or damaged ({words})"
            raise CandleFileError(self._source.path, 0, "file", reason) from error


def bars_of(table: pa.Table, path: Path) -> RawBars:
    """The rows of a table as bars. Raises CandleFileError for a table that is no candles."""
    names = {name.lower(): name for name in reversed(table.column_names)}
    time = next((names[name] for name in _TIMES if name in names), None)
    missing = [name for name in _VALUES if name not in names]
    if time is None:
        missing.insert(0, "date or timestamp")
    if time is None or missing:
        reason = f"no column for {', '.join(missing)}; the table has {', '.join(table.column_names)}"
        raise CandleFileError(path, 0, "columns", reason)
    opened, high, low, close, volume = (_floats(table, names[name], path) for name in _VALUES)
    kind = table[time].type
    return RawBars(
        time=_times(table[time], time, path),
        is_epoch=not pa.types.is_timestamp(kind),
        is_naive=pa.types.is_timestamp(kind) and kind.tz is None,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        symbol=_symbol(table, names.get("symbol", names.get("pair")), path),
    )


def _floats(table: pa.Table, name: str, path: Path) -> NDArray[np.float64]:
    try:
        column = table[name].cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CandleFileError(path, 0, name, f"is of type {table[name].type}, not numbers") from error
    return column_array(column)


def _times(column: pa.ChunkedArray, name: str, path: Path) -> NDArray[np.int64]:
    if column.null_count:
        row = 1 + column.is_null().to_pylist().index(True)
        raise CandleFileError(path, row, name, "is empty")
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", tz=column.type.tz), safe=False)
    elif pa.types.is_floating(column.type):
        column = _whole(column, name, path)
    elif not pa.types.is_integer(column.type):
        raise CandleFileError(path, 1, name, f"is of type {column.type}, neither a date nor an epoch time")
    return column_array(column.cast(pa.int64()))


def _whole(column: pa.ChunkedArray, name: str, path: Path) -> pa.ChunkedArray:
    """Epoch times that were kept as decimals, their parts below one dropped."""
    values = column.cast(pa.float64()).to_numpy()
    wrong = np.flatnonzero(~(np.abs(values) < 2.0**63))
    if wrong.size:
        raise CandleFileError(path, int(wrong[0]) + 1, name, "is no time")
    return pa.chunked_array([np.trunc(values).astype(np.int64)])


def _symbol(table: pa.Table, name: str | None, path: Path) -> str:
    """The one symbol of a table that names it. Raises CandleFileError when there are several."""
    if name is None:
        return ""
    texts = [str(text) for text in table[name].unique().to_pylist() if text]
    if len(texts) > 1:
        reason = f"{texts[0]!r} and {texts[1]!r} are in one table; give each symbol a file of its own"
        raise CandleFileError(path, 0, name, reason)
    return texts[0] if texts else ""


def first_rows(path: Path) -> list[str]:
    """The column names and the first rows of a table, as lines of text; nothing when it is damaged."""
    try:
        if CandleSource(path).is_parquet:
            batch = next(pq.ParquetFile(path).iter_batches(batch_size=_PREVIEW_ROWS), None)
            table = pa.Table.from_batches([batch]) if batch is not None else pa.table({})
        else:
            table = feather.read_table(path, memory_map=True).slice(0, _PREVIEW_ROWS)
    except (pa.ArrowInvalid, OSError):
        return []
    rows = (", ".join(str(value) for value in row.values()) for row in table.to_pylist())
    return [", ".join(table.column_names), *islice(rows, _PREVIEW_ROWS)]
