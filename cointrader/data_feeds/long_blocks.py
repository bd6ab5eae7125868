"""Files of any size as blocks of rows: each is read by the same readers as a whole small file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cointrader.data_feeds.csv_reader import RAW_TEXT, read_columns
from cointrader.data_feeds.csv_rows import read_rows
from cointrader.data_feeds.dialects import Dialect, settle_order
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.json_text import first_rows, is_json_of_candles, row_texts, symbol_in
from cointrader.data_feeds.raw_bars import Place, RawBars
from cointrader.data_feeds.sniffing import sniff
from cointrader.data_feeds.table_reader import bars_of
from cointrader.interop.file_kind import SourceContent
from storage.quarantine import QuarantineRow

BLOCK_BYTES = 16 << 20
BLOCK_ROWS = 1 << 18
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a file and the number of the line of each.

    `content` are the lines of the block from number `start` on; of a table there are none.
    """

    raw: RawBars
    lines: NDArray[np.int64]
    content: bytes = b""
    start: int = 1

    def locate(self, rows: Sequence[int]) -> list[Place]:
        """Line number and text of rows."""
        texts = self.content.splitlines() if rows else []
        return [Place(int(self.lines[row]), self._text(texts, row)) for row in rows]

    def _text(self, texts: Sequence[bytes], row: int) -> str:
        if texts:
            return texts[int(self.lines[row]) - self.start].decode("utf-8", "replace")[:RAW_TEXT]
        raw = self.raw
        columns = (raw.time, raw.open, raw.high, raw.low, raw.close, raw.volume)
        return ",".join(str(column[row].item()) for column in columns)


@dataclass(frozen=True, eq=False)
class Lines:
    """Whole lines from the middle of a text, as a source for the readers of text."""

    path: Path
    content: bytes
    form: str
    symbol: str
    is_last: bool

    @property
    def head(self) -> bytes:
        """Their beginning."""
        return self.content[:65_536]

    def stream(self) -> pa.NativeFile:
        """The lines for pyarrow."""
        return pa.BufferReader(self.content)

    def ends_with_newline(self) -> bool:
        """Whether the last line is complete, as far as one can tell."""
        return self.content.endswith((b"\n", b"\r"))

    def notes(self) -> tuple[str, ...]:
        """What the operator should know of them."""
        if self.ends_with_newline() or not self.is_last:
            return ()
        return ("the last line has no line end; if the file was cut there, its last value is wrong",)


class LongFile:
    """One file whose rows come in blocks, in the order of the file."""

    def __init__(self, path: Path) -> None:
        """Raises CandleFileError when the layout is not known."""
        self.path = path
        self._content = SourceContent(path)
        head = self._content.head()
        self._is_json = is_json_of_candles(head)
        self._dialect: Dialect | None = None
        self._symbol = symbol_in(head) if self._is_json else ""
        self._table = {b"PAR1": "parquet", b"ARRO": "feather"}.get(head[:4], "")
        if not self._table:
            self._dialect = sniff(first_rows(head, path) if self._is_json else head, path)

    @property
    def dialect_name(self) -> str:
        """What the file was recognised as; whether it is ohlcv or bitfinex shows in the first block."""
        if self._dialect is None:
            return self._table
        return "json" if self._is_json else self._dialect.name

    def blocks(self) -> Iterator[Block]:
        """All rows. Raises CandleFileError naming the line where the file cannot be read on."""
        return self._table_blocks() if self._dialect is None else self._text_blocks(self._dialect)

    def _text_blocks(self, dialect: Dialect) -> Iterator[Block]:
        start = 1
        try:
            for lines in self._json_lines() if self._is_json else self._text_lines():
                raw = _rows(lines, dialect, start)
                if start == 1:
                    # Later blocks are read in the order of columns that the first one shows.
                    self._dialect, raw = settle_order(dialect, raw)
                count = lines.content.count(b"\n")
                numbers = _line_numbers(raw, lines, count, dialect) + start - 1
                yield Block(_moved_rows(raw, start - 1), numbers, lines.content, start)
                dialect = replace(self._dialect or dialect, first_line=1, has_blank_start=False, notes=())
                start += count
        except (EOFError, OSError, zlib.error) as error:
            reason = f"the gzip stream is cut or damaged ({error})"
            raise CandleFileError(self.path, start, "compression", reason) from error

    def _text_lines(self) -> Iterator[Lines]:
        with self._content.open() as stream:
            rest = b""
            while data := stream.read(BLOCK_BYTES):
                data = rest + data
                end = data.rfind(b"\n") + 1
                if end == 0 and len(data) > _LONGEST_LINE:
                    raise CandleFileError(self.path, 1, "file", "has a line of more than a megabyte")
                rest = data[end:]
                if end:
                    yield Lines(self.path, data[:end], "", "", is_last=not rest)
            if rest:
                yield Lines(self.path, rest, "", "", is_last=True)

    def _json_lines(self) -> Iterator[Lines]:
        with self._content.open() as stream:
            for part in row_texts(stream, BLOCK_BYTES, self.path):
                yield Lines(self.path, part, "json", self._symbol, is_last=False)

    def _table_blocks(self) -> Iterator[Block]:
        first = 1
        try:
            for table in self._tables():
                raw = bars_of(table, self.path)
                yield Block(raw, np.arange(first, first + table.num_rows, dtype=np.int64))
                first += table.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            words = str(error).splitlines()[0][:120]
            raise CandleFileError(
                self.path, first, "file", f"the {self._table.capitalize()} table is cut or damaged ({words})"
            ) from error

    def _tables(self) -> Iterator[pa.Table]:
        if self._table == "parquet":
            with pq.ParquetFile(self.path) as opened:
                for batch in opened.iter_batches(BLOCK_ROWS):
                    yield pa.Table.from_batches([batch])
            return
        with pa.memory_map(str(self.path)) as mapped, pa.ipc.open_file(mapped) as opened:
            for number in range(opened.num_record_batches):
                yield pa.Table.from_batches([opened.get_batch(number)])


def _rows(lines: Lines, dialect: Dialect, start: int) -> RawBars:
    try:
        raw = read_columns(lines, dialect)
        return read_rows(lines, dialect) if raw is None else raw
    except CandleFileError as error:
        raise _moved(error, start - 1) from error


def _moved(error: CandleFileError, by: int) -> CandleFileError:
    """The same refusal with the line numbers of the file instead of those of the block."""
    refused = [replace(row, line=row.line + by) for row in error.refused]
    return CandleFileError(error.path, error.line + by, error.field, error.reason, refused=refused)


def _moved_rows(raw: RawBars, by: int) -> RawBars:
    if not by or not raw.refused:
        return raw
    rows: list[QuarantineRow] = [replace(row, line=row.line + by) for row in raw.refused]
    return replace(raw, refused=tuple(rows))


def _line_numbers(raw: RawBars, lines: Lines, ends: int, dialect: Dialect) -> NDArray[np.int64]:
    """The line of every row within its block, which has so many line ends."""
    if raw.lines is not None:
        return raw.lines
    first = dialect.first_line
    if ends + (not lines.ends_with_newline()) - (first - 1) == raw.time.size:
        return np.arange(first, first + raw.time.size, dtype=np.int64)
    texts = lines.content.splitlines()
    numbers = [number for number, text in enumerate(texts, start=1) if number >= first and text.strip()]
    return np.array(numbers, dtype=np.int64)
