"""How a text file of candles is laid out, told from its first lines.

Known layouts: a header that names the columns, with ISO dates or epoch times; CSV7, headerless
`ts,open,high,low,close,volume,trades`; headerless six columns, in the order of most exports
(open, high, low, close) or in Bitfinex' (open, close, high, low), whose files read as the former have
impossible highs. That last question needs all rows and is answered by `settle_order`.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path

import numpy as np

from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.raw_bars import RawBars

_TIME_NAMES = (
    "date",
    "datetime",
    "timestamp",
    "time",
    "ts",
    "open_time",
    "opentime",
    "open_timestamp",
    "unix",
    "unix_timestamp",
)
_PRICES = ("open", "high", "low", "close")
_SYMBOL_NAMES = ("symbol", "pair", "market")
_SAMPLE_LINES = 50
_INTEGER = re.compile(r"[+-]?\d+")


class TimeText(Enum):
    """How the time of a row is written."""

    INTEGER = "an epoch time"
    DECIMAL = "an epoch time with decimals"
    DATE = "a date without a zone"
    ZONED_DATE = "a date with a zone"


@dataclass(frozen=True)
class Dialect:
    """The layout of a text file; the numbers of columns count from 0.

    `first_line` is the line number of the first data row. Dates without a zone are UTC.
    """

    name: str
    separator: str
    first_line: int
    fields: int
    time_text: TimeText
    time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    symbol: int | None = None

    @property
    def values(self) -> tuple[int, int, int, int, int]:
        """The columns of open, high, low, close and volume."""
        return (self.open, self.high, self.low, self.close, self.volume)


def split_fields(line: str, separator: str) -> list[str]:
    """The fields of one line, spaces and quotes around them dropped."""
    if '"' in line:
        try:
            return [field.strip() for field in next(csv.reader([line], delimiter=separator))]
        except csv.Error:
            return [line]  # a field of many thousand characters: no row of candles
    return [field.strip() for field in line.split(separator)]


def time_text_of(text: str) -> TimeText | None:
    """How a time is written; None when it is no time."""
    if _INTEGER.fullmatch(text):
        return TimeText.INTEGER
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return TimeText.DECIMAL if is_number(text) else None
    return TimeText.DATE if moment.tzinfo is None else TimeText.ZONED_DATE


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def sniff(head: bytes, path: Path) -> Dialect:
    """The layout of a text file from its first 64 KiB.

    Raises CandleFileError naming line and field when it is no text, or no layout that is known.
    """
    lines = _text_lines(head, path)
    number, first = lines[0]
    separator = max(",;\t", key=first.count)
    names = split_fields(first, separator)
    if any(is_number(name) for name in names):
        return _headerless(path, lines, separator)
    return _headed(path, lines, separator, [name.lower().replace(" ", "_") for name in names], number)


def settle_order(dialect: Dialect, raw: RawBars) -> tuple[Dialect, RawBars]:
    """Turns a headerless file whose rows are open, close, high, low into the order of its names.

    Read as open, high, low, close such a file has rows whose high is below another price. The order
    under which fewer rows are impossible is the true one; both agree only where all prices are equal.
    """
    if dialect.name != "ohlcv":
        return dialect, raw
    impossible = _impossible(raw)
    turned = replace(raw, close=raw.high, high=raw.low, low=raw.close)
    if impossible == 0 or impossible <= _impossible(turned):
        return dialect, raw
    return (
        replace(dialect, name="bitfinex", close=dialect.high, high=dialect.low, low=dialect.close),
        turned,
    )


def _impossible(raw: RawBars) -> int:
    body_high, body_low = np.maximum(raw.open, raw.close), np.minimum(raw.open, raw.close)
    return int(np.count_nonzero((raw.high < body_high) | (raw.low > body_low)))


def _text_lines(head: bytes, path: Path) -> list[tuple[int, str]]:
    """Numbered lines that are not blank; the last one is left out when the head may have cut it."""
    if b"\0" in head:
        line = 1 + head[: head.index(b"\0")].count(b"\n")
        raise CandleFileError(path, line, "file", "is binary, not a text of candles")
    whole = head.splitlines()
    if len(head) >= 65_536 and len(whole) > 1:
        whole.pop()
    lines: list[tuple[int, str]] = []
    for number, content in enumerate(whole, start=1):
        try:
            text = content.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise CandleFileError(path, number, "file", "is binary or not UTF-8 text") from error
        if text.strip():
            lines.append((number, text))
    if not lines:
        raise CandleFileError(path, 1, "file", "is empty: it has only blank lines")
    return lines


def _headed(path: Path, lines: list[tuple[int, str]], separator: str, names: list[str], line: int) -> Dialect:
    columns = {price: names.index(price) for price in _PRICES if price in names}
    time = next((names.index(name) for name in _TIME_NAMES if name in names), None)
    volume = next(
        (place for place, name in enumerate(names) if name.split("_")[0] in ("volume", "vol")), None
    )
    missing = [price for price in _PRICES if price not in columns]
    if time is None:
        missing.insert(0, "time")
    if volume is None:
        missing.append("volume")
    if time is None or volume is None or missing:
        found = ", ".join(names)[:200]
        reason = f"no column for {', '.join(missing)}; the first line reads: {found}"
        raise CandleFileError(path, line, "header", reason)
    twice = [name for name in (*_PRICES, names[time], names[volume]) if names.count(name) > 1]
    if twice:
        raise CandleFileError(path, line, "header", f"two columns are named {twice[0]}")
    if len(lines) == 1:
        raise CandleFileError(path, line, "file", "has a header and no rows")
    return Dialect(
        name="header",
        separator=separator,
        first_line=line + 1,
        fields=len(names),
        time_text=_sniff_time(path, lines[1:], separator, time, names[time]),
        time=time,
        volume=volume,
        symbol=next((names.index(name) for name in _SYMBOL_NAMES if name in names), None),
        **columns,
    )


def _headerless(path: Path, lines: list[tuple[int, str]], separator: str) -> Dialect:
    number, first = lines[0]
    fields = len(split_fields(first, separator))
    if fields not in (6, 7):
        reason = (
            f"{fields} fields and no header; known without a header are 6 (time, four prices, volume) "
            f"and 7 (CSV7: time, open, high, low, close, volume, trades)"
        )
        raise CandleFileError(path, number, "columns", reason)
    return Dialect(
        name="csv7" if fields == 7 else "ohlcv",
        separator=separator,
        first_line=number,
        fields=fields,
        time_text=_sniff_time(path, lines, separator, 0, "time"),
        time=0,
        open=1,
        high=2,
        low=3,
        close=4,
        volume=5,
    )


def _sniff_time(path: Path, lines: list[tuple[int, str]], separator: str, column: int, name: str) -> TimeText:
    """How times are written, from the first row that has one."""
    for _, line in lines[:_SAMPLE_LINES]:
        fields = split_fields(line, separator)
        found = time_text_of(fields[column]) if column < len(fields) else None
        if found is not None:
            return found
    number, line = lines[0]
    fields = split_fields(line, separator)
    text = fields[column] if column < len(fields) else ""
    reason = f"{text[:40]!r} is neither an epoch time nor an ISO date (2024-01-31 12:00:00)"
    raise CandleFileError(path, number, name, reason)
