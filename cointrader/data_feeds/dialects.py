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

import numpy as np

from cointrader.data_feeds.raw_bars import RawBars

TWELVE_HOUR_FORMATS = ("%Y-%m-%d %I-%p", "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p")
"""Dates with AM or PM, as CryptoDataDownload has written them: 2020-10-05 12-AM is midnight."""

_INTEGER = re.compile(r"[+-]?\d+")


class TimeText(Enum):
    """How the time of a row is written."""

    INTEGER = "an epoch time"
    DECIMAL = "an epoch time with decimals"
    DATE = "a date without a zone"
    TWELVE_HOUR = "a date with AM or PM"
    ZONED_DATE = "a date with a zone"

    @property
    def is_epoch(self) -> bool:
        """Whether it is a number that counts from 1970."""
        return self in (TimeText.INTEGER, TimeText.DECIMAL)

    @property
    def is_naive(self) -> bool:
        """Whether it is a date whose zone must be known from elsewhere."""
        return self in (TimeText.DATE, TimeText.TWELVE_HOUR)


@dataclass(frozen=True)
class Dialect:
    """The layout of a text file; the numbers of columns count from 0.

    `first_line` is the line number of the first data row; `has_blank_start` says that blank lines come
    before it. `symbol` is the column that names the pair; `notes` are sentences for the report.
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
    has_blank_start: bool = False
    notes: tuple[str, ...] = ()

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
        if is_number(text):
            return TimeText.DECIMAL
        return TimeText.TWELVE_HOUR if twelve_hour_date(text) is not None else None
    return TimeText.DATE if moment.tzinfo is None else TimeText.ZONED_DATE


def twelve_hour_date(text: str) -> datetime | None:
    """The moment of a date with AM or PM, without a zone; None when the text is none."""
    if not text.upper().endswith("M"):
        return None
    for form in TWELVE_HOUR_FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


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
