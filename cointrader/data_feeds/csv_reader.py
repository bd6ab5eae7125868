"""Text files of candles at the speed of C: pyarrow parses them in one pass over all cores.

Its errors do not say which line they mean, so a file that it refuses is read again, line by line, by
`csv_rows`; and the line of a row that is refused later is counted only then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from cointrader.data_feeds.csv_rows import read_rows
from cointrader.data_feeds.dialects import TWELVE_HOUR_FORMATS, Dialect, TimeText, settle_order
from cointrader.data_feeds.raw_bars import Place, RawBars
from cointrader.data_feeds.sniffing import sniff
from cointrader.data_feeds.source import TextSource
from storage.candles import column_array

_TIME_TYPES = {
    TimeText.INTEGER: pa.int64(),
    TimeText.DECIMAL: pa.float64(),
    TimeText.DATE: pa.timestamp("ms"),
    TimeText.TWELVE_HOUR: pa.timestamp("ms"),
    TimeText.ZONED_DATE: pa.timestamp("ms", tz="UTC"),
}
RAW_TEXT = 500
"""So much of a refused line is kept."""

_BLOCK_BYTES = 2 << 20


class CsvReader:
    """Reads one text file in the dialect that its first lines show."""

    def __init__(self, source: TextSource) -> None:
        """Raises CandleFileError when the dialect is not known."""
        self._source = source
        self._dialect = sniff(source.head, source.path)

    @property
    def dialect_name(self) -> str:
        """header, cryptodatadownload, csv7, binance_klines, ohlcv or bitfinex, or json.

        Whether it is ohlcv or bitfinex shows only when all rows were read.
        """
        return self._source.form or self._dialect.name

    def read(self) -> RawBars:
        """All rows. Raises CandleFileError naming the line for a file that is cut or uneven."""
        raw = read_columns(self._source, self._dialect)
        if raw is None:
            raw = read_rows(self._source, self._dialect)
        self._dialect, raw = settle_order(self._dialect, raw)
        return raw if raw.symbol else replace(raw, symbol=self._source.symbol)

    def locate(self, raw: RawBars, rows: Sequence[int]) -> list[Place]:
        """Line number and text of rows; reads the file again."""
        texts = self._source.content.splitlines()
        if raw.lines is None:
            first = self._dialect.first_line
            numbers = [number for number, text in enumerate(texts, start=1) if number >= first and text]
            found = [numbers[row] for row in rows]
        else:
            found = [int(raw.lines[row]) for row in rows]
        return [Place(line, texts[line - 1].decode("utf-8", "replace")[:RAW_TEXT]) for line in found]


def read_columns(source: TextSource, dialect: Dialect) -> RawBars | None:
    """The rows by one pass of pyarrow; None when any of them does not fit, without saying which."""
    if dialect.has_blank_start:
        return None  # pyarrow would count the lines before the first row differently
    try:
        table = pacsv.read_csv(
            source.stream(),
            read_options=pacsv.ReadOptions(
                autogenerate_column_names=True, skip_rows=dialect.first_line - 1, block_size=_BLOCK_BYTES
            ),
            parse_options=pacsv.ParseOptions(delimiter=dialect.separator),
            convert_options=_conversion(dialect),
        )
    except pa.ArrowException:
        return None
    time = _times(table[f"f{dialect.time}"], dialect.time_text)
    symbol = "" if dialect.symbol is None else _only_text(table[f"f{dialect.symbol}"])
    if time is None or symbol is None or table.num_rows == 0:
        return None
    opened, high, low, close, volume = (column_array(table[f"f{column}"]) for column in dialect.values)
    return RawBars(
        time=time,
        is_epoch=dialect.time_text.is_epoch,
        is_naive=dialect.time_text.is_naive,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        symbol=symbol,
        notes=(*dialect.notes, *source.notes()),
    )


def _conversion(dialect: Dialect) -> pacsv.ConvertOptions:
    types = {f"f{column}": pa.float64() for column in dialect.values}
    types[f"f{dialect.time}"] = _TIME_TYPES[dialect.time_text]
    if dialect.symbol is not None:
        types[f"f{dialect.symbol}"] = pa.dictionary(pa.int32(), pa.string())
    return pacsv.ConvertOptions(
        include_columns=list(types),
        column_types=types,
        null_values=[""],  # each more costs time in every field; the slow pass knows the others
        timestamp_parsers=(
            list(TWELVE_HOUR_FORMATS) if dialect.time_text is TimeText.TWELVE_HOUR else [pacsv.ISO8601]
        ),
    )


def _times(column: pa.ChunkedArray, time_text: TimeText) -> NDArray[np.int64] | None:
    """int64 times; None when a time is missing or infinite."""
    if column.null_count:
        return None
    if time_text is TimeText.DECIMAL:
        values = column_array(column)
        return np.trunc(values).astype(np.int64) if bool(np.all(np.abs(values) < 2.0**63)) else None
    if time_text is not TimeText.INTEGER:
        column = column.cast(pa.int64())
    times: NDArray[np.int64] = column_array(column)
    return times


def _only_text(column: pa.ChunkedArray) -> str | None:
    """The one text that stands in every row; None when there are several or none."""
    texts = column.unique().to_pylist()
    return texts[0] if len(texts) == 1 and texts[0] else None
