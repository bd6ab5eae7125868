"""Text files of candles line by line: slow, for files in which something is wrong, to say where it is."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cointrader.data_feeds.dialects import Dialect, TimeText, split_fields, time_text_of, twelve_hour_date
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.instrument import InstrumentError, parse_instrument
from cointrader.data_feeds.raw_bars import RawBars
from cointrader.data_feeds.source import TextSource
from storage.candles import QuarantineRow

MAX_REFUSED = 10_000
"""A file with more rows that cannot be parsed is given up; it is refused whole in any case."""

_EMPTY = frozenset({"", "nan", "null", "none", "na", "n/a", "#n/a"})
_VALUE_NAMES = ("open", "high", "low", "close", "volume")
_LARGEST_INTEGER = 2.0**63
_RAW_TEXT = 500


class _RowError(Exception):
    """A row that cannot be parsed, inside a file that otherwise may be good."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def read_rows(source: TextSource, dialect: Dialect) -> RawBars:
    """All rows that can be parsed, with their line numbers, and those that cannot.

    Raises CandleFileError for what makes the whole file untrustworthy: a row with another number of
    fields, a last row that is cut, bytes that are no text, another way of writing times, a second
    symbol.
    """
    times: list[int] = []
    values: list[tuple[float, ...]] = []
    lines: list[int] = []
    refused: list[QuarantineRow] = []
    symbol = ""
    texts = source.content.splitlines()
    for number, content in enumerate(texts, start=1):
        if number < dialect.first_line or not content.strip():
            continue
        text = _decoded(source.path, number, content)
        fields = split_fields(text, dialect.separator)
        if len(fields) != dialect.fields:
            is_cut = number == len(texts) and not source.ends_with_newline()
            raise _uneven(source.path, dialect, number, text, len(fields), is_cut)
        symbol = _same_symbol(source.path, dialect, number, text, fields, symbol)
        try:
            time = _time(source.path, dialect, number, text, fields[dialect.time])
            row = tuple(
                _value(name, fields[column])
                for name, column in zip(_VALUE_NAMES, dialect.values, strict=True)
            )
        except _RowError as error:
            refused.append(QuarantineRow(number, error.field, error.reason, text[:_RAW_TEXT]))
            if len(refused) > MAX_REFUSED:
                first = refused[0]
                reason = f"{first.reason}; {MAX_REFUSED:,} rows like this were found, the rest was not read"
                raise CandleFileError(
                    source.path, first.line, first.field, reason, refused=refused
                ) from error
            continue
        times.append(time)
        values.append(row)
        lines.append(number)
    table = np.array(values, dtype=np.float64).reshape(-1, len(_VALUE_NAMES))
    opened, high, low, close, volume = (np.ascontiguousarray(table[:, place]) for place in range(5))
    return RawBars(
        time=np.array(times, dtype=np.int64),
        is_epoch=dialect.time_text.is_epoch,
        is_naive=dialect.time_text.is_naive,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        symbol=symbol,
        lines=np.array(lines, dtype=np.int64),
        refused=tuple(refused),
        notes=source.notes(),
    )


def _decoded(path: Path, number: int, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise CandleFileError(path, number, "file", "has bytes that are no text; it is damaged") from error
    if "\0" in text:
        raise CandleFileError(path, number, "file", "has binary bytes; it is damaged")
    return text


def _uneven(
    path: Path, dialect: Dialect, number: int, text: str, fields: int, is_cut: bool
) -> CandleFileError:
    if is_cut:
        reason = f"the file ends in the middle of this row: {fields} of {dialect.fields} fields"
    else:
        reason = f"{fields} fields where {dialect.fields} are expected"
    row = QuarantineRow(number, "row", reason, text[:_RAW_TEXT])
    return CandleFileError(path, number, "row", reason, refused=[row])


def _same_symbol(path: Path, dialect: Dialect, number: int, text: str, fields: list[str], known: str) -> str:
    """The symbol of the file; raises when this row has another one, in whatever spelling."""
    if dialect.symbol is None:
        return ""
    found = fields[dialect.symbol]
    if found == known or not known:
        return found
    try:
        if parse_instrument(found) == parse_instrument(known):
            return known
    except InstrumentError:
        pass  # a text that names no pair is certainly another one
    reason = f"{found!r} where the rows before have {known!r}; give each symbol a file of its own"
    row = QuarantineRow(number, "symbol", reason, text[:_RAW_TEXT])
    raise CandleFileError(path, number, "symbol", reason, refused=[row])


def _time(path: Path, dialect: Dialect, number: int, text: str, field: str) -> int:
    """Epoch time in the file's unit, or UTC milliseconds of a date."""
    if field.lower() in _EMPTY:
        raise _RowError("time", "is empty")
    found = time_text_of(field)
    if found is None:
        raise _RowError("time", f"{field[:40]!r} is neither an epoch time nor an ISO date")
    expected = dialect.time_text
    if found is not expected and not (found.is_epoch and expected.is_epoch):
        reason = f"{found.value} where the rows before have {expected.value}; the file mixes them"
        row = QuarantineRow(number, "time", reason, text[:_RAW_TEXT])
        raise CandleFileError(path, number, "time", reason, refused=[row])
    if found.is_epoch:
        if abs(float(field)) >= _LARGEST_INTEGER:
            raise _RowError("time", f"{field[:40]} is no time")
        return int(field) if found is TimeText.INTEGER else int(float(field))
    moment = twelve_hour_date(field) or datetime.fromisoformat(field)
    try:
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except OverflowError:
        raise _RowError("time", f"{field[:40]} is no time") from None


def _value(name: str, text: str) -> float:
    if text.lower() in _EMPTY:
        return math.nan
    try:
        return float(text)
    except ValueError:
        raise _RowError(name, f"{text[:40]!r} is not a number") from None
