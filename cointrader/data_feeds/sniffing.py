"""The layout of a text file of candles, told from its first lines."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from cointrader.data_feeds.dialects import Dialect, TimeText, is_number, split_fields, time_text_of
from cointrader.data_feeds.errors import CandleFileError
from cointrader.data_feeds.instrument import InstrumentError, parse_instrument, read_file_name
from cointrader.interop.file_kind import HEAD_BYTES

PRICES = ("open", "high", "low", "close")

# A date says more than a number: CryptoDataDownload has changed from seconds to milliseconds and kept both.
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
_SYMBOL_NAMES = ("symbol", "pair", "market")
_SAMPLE_LINES = 50
_KLINE_FIELDS = 12
# Binance's klines: time, four prices, volume, close time, quote volume, trades, taker's two, ignored.
_HEADERLESS = {6: "ohlcv", 7: "csv7", _KLINE_FIELDS: "binance_klines"}

_Lines = list[tuple[int, str]]


def sniff(head: bytes, path: Path) -> Dialect:
    """The layout of a text file from its first 64 KiB.

    Raises CandleFileError naming line and field when it is no text, or no layout that is known.
    """
    lines = _text_lines(head, path)
    banner = ""
    if len(lines) > 1 and _is_banner(lines[0][1], lines[1][1]):
        banner = lines.pop(0)[1]
    separator = separator_of(lines[0][1])
    names = column_names(lines[0][1], separator)
    if any(is_number(name) for name in names):
        return _headerless(path, lines, separator)
    return _headed(path, lines, separator, names, banner)


def separator_of(line: str) -> str:
    """The separator that a line has most of: comma, semicolon or tab."""
    return max(",;\t", key=line.count)


def column_names(line: str, separator: str) -> list[str]:
    """The names of columns in lower case: Volume USDT and Volume(USDT) are volume_usdt."""
    return [re.sub(r"[^0-9a-z.+-]+", "_", name.lower()).strip("_") for name in split_fields(line, separator)]


def _is_banner(first: str, second: str) -> bool:
    """Whether the first line is an advertisement above the header: one field where the next has many."""
    separator = separator_of(second)
    return second.count(separator) >= len(PRICES) and first.strip().strip(separator).count(separator) == 0


def _text_lines(head: bytes, path: Path) -> _Lines:
    """Numbered lines that are not blank; the last one is left out when the head may have cut it."""
    if b"\0" in head:
        line = 1 + head[: head.index(b"\0")].count(b"\n")
        raise CandleFileError(path, line, "file", "is binary, not a text of candles")
    whole = head.splitlines()
    if len(head) >= HEAD_BYTES and len(whole) > 1:
        whole.pop()
    lines: _Lines = []
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


def _headed(path: Path, lines: _Lines, separator: str, names: list[str], banner: str) -> Dialect:
    line = lines[0][0]
    columns = {price: names.index(price) for price in PRICES if price in names}
    time = next((names.index(name) for name in _TIME_NAMES if name in names), None)
    symbol = next((names.index(name) for name in _SYMBOL_NAMES if name in names), None)
    volumes = [place for place, name in enumerate(names) if name.split("_")[0] in ("volume", "vol")]
    missing = [price for price in PRICES if price not in columns]
    if time is None:
        missing.insert(0, "time")
    if not volumes:
        missing.append("volume")
    if time is None or not volumes or missing:
        found = ", ".join(names)[:200]
        reason = f"no column for {', '.join(missing)}; the first line reads: {found}"
        raise CandleFileError(path, line, "header", reason)
    volume = _base_volume(path, lines, separator, names, volumes, symbol)
    twice = [name for name in (*PRICES, names[time], names[volume]) if names.count(name) > 1]
    if twice:
        raise CandleFileError(path, line, "header", f"two columns are named {twice[0]}")
    if len(lines) == 1:
        raise CandleFileError(path, line, "file", "has a header and no rows")
    others = [names[place] for place in volumes if place != volume]
    return Dialect(
        name=_name(names, volumes, symbol, banner),
        separator=separator,
        first_line=line + 1,
        fields=len(names),
        time_text=_sniff_time(path, lines[1:], separator, time, names[time]),
        time=time,
        volume=volume,
        symbol=symbol,
        has_blank_start=line != (2 if banner else 1) or lines[1][0] != line + 1,
        notes=(f"of several volumes {names[volume]} is taken, {', '.join(others)} left",) if others else (),
        **columns,
    )


def _name(names: list[str], volumes: list[int], symbol: int | None, banner: str) -> str:
    if "cryptodatadownload" in banner.lower() or (len(volumes) == 2 and symbol is not None):
        return "cryptodatadownload"
    return "binance_klines" if {"close_time", "open_time"} <= set(names) else "header"


def _base_volume(
    path: Path, lines: _Lines, separator: str, names: list[str], volumes: list[int], symbol: int | None
) -> int:
    """The column with the volume in the base currency: the one named after it, else the first."""
    if len(volumes) == 1:
        return volumes[0]
    pair = read_file_name(path.name).instrument
    if symbol is not None and len(lines) > 1:
        fields = split_fields(lines[1][1], separator)
        with suppress(InstrumentError):  # the symbol is checked later, with its line
            pair = parse_instrument(fields[symbol]) if symbol < len(fields) else pair
    wanted = f"_{pair.base.lower()}" if pair else ""
    return next((place for place in volumes if wanted and names[place].endswith(wanted)), volumes[0])


def _headerless(path: Path, lines: _Lines, separator: str) -> Dialect:
    number, first = lines[0]
    fields = len(split_fields(first, separator))
    if fields not in _HEADERLESS:
        reason = (
            f"{fields} fields and no header; known without a header are 6 (time, four prices, volume), "
            f"7 (CSV7: time, open, high, low, close, volume, trades) and 12 (Binance klines)"
        )
        raise CandleFileError(path, number, "columns", reason)
    return Dialect(
        name=_HEADERLESS[fields],
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
        has_blank_start=number != 1,
    )


def _sniff_time(path: Path, lines: _Lines, separator: str, column: int, name: str) -> TimeText:
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
