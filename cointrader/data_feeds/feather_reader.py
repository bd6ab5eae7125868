"""freqtrade's Feather files: an Arrow table with `date` (open time), four prices and the volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
from numpy.typing import NDArray

from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.raw_bars import Place, RawBars
from cointrader.data_feeds.source import CandleSource
from storage.candles import column_array

_VALUES = ("open", "high", "low", "close", "volume")


class FeatherReader:
    """Reads one Feather file; the number of a row, from 1, stands for its line."""

    dialect_name = "feather"

    def __init__(self, source: CandleSource) -> None:
        self._source = source

    def read(self) -> RawBars:
        """All rows. Raises CandleFileError for a table that is damaged or is no candles."""
        path = self._source.path
        try:
            table: pa.Table = feather.read_table(pa.BufferReader(self._source.content), memory_map=False)
        except (pa.ArrowInvalid, OSError) as error:
            reason = f"the Feather table is cut or damaged ({str(error).splitlines()[0][:120]})"
            raise CandleFileError(path, 0, "file", reason) from error
        missing = [name for name in ("date", *_VALUES) if name not in table.column_names]
        if missing:
            reason = f"no column for {', '.join(missing)}; the table has {', '.join(table.column_names)}"
            raise CandleFileError(path, 0, "columns", reason)
        if table.num_rows == 0:
            raise CandleFileError(path, 0, "file", "is a table without rows")
        opened, high, low, close, volume = (self._floats(table, name) for name in _VALUES)
        is_epoch = not pa.types.is_timestamp(table["date"].type)
        time = self._times(table["date"])
        return RawBars(
            time=time, is_epoch=is_epoch, open=opened, high=high, low=low, close=close, volume=volume
        )

    def locate(self, raw: RawBars, rows: Sequence[int]) -> list[Place]:
        """Row numbers from 1, and the values as text."""
        columns = (raw.time, raw.open, raw.high, raw.low, raw.close, raw.volume)
        return [Place(row + 1, ",".join(str(column[row].item()) for column in columns)) for row in rows]

    def _floats(self, table: pa.Table, name: str) -> NDArray[np.float64]:
        try:
            column = table[name].cast(pa.float64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise CandleFileError(
                self._source.path, 0, name, f"is of type {table[name].type}, not numbers"
            ) from error
        values: NDArray[np.float64] = column_array(column)
        return values

    def _times(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        path = self._source.path
        if column.null_count:
            row = 1 + column.is_null().to_pylist().index(True)
            raise CandleFileError(path, row, "date", "is empty")
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ms", tz=column.type.tz), safe=False)
        elif not pa.types.is_integer(column.type):
            raise CandleFileError(
                path, 1, "date", f"is of type {column.type}, neither a date nor an epoch time"
            )
        times: NDArray[np.int64] = column_array(column.cast(pa.int64()))
        return times
