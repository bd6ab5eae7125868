"""Lines of a recorded Binance futures stream, parsed into typed messages.

A line is `<local time in ns> <JSON>`: a combined-stream envelope (`{"stream": ..., "data": {...}}`) holding
a depthUpdate, bookTicker or trade, or the bare answer of the REST depth endpoint (`lastUpdateId`, `bids`,
`asks`). Source of the fields: Binance's USDⓈ-M futures documentation, "Diff. Book Depth Streams",
"Individual Symbol Book Ticker Streams" and "Order Book".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cointrader.data_feeds.lines import LineReader
from cointrader.interop.file_kind import FileRefused

Levels = list[tuple[int, float]]


class LineError(ValueError):
    """A line that is not what a stream holds: the field at fault and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class DepthSnapshot:
    """The whole book as of update `last_update_id`."""

    line: int
    local_ns: int
    last_update_id: int
    bids: Levels
    asks: Levels


@dataclass(frozen=True)
class DepthUpdate:
    """Levels that changed in updates `first_id` to `last_id`; `previous_id` is the last id before them."""

    line: int
    local_ns: int
    symbol: str
    event_ms: int
    first_id: int
    last_id: int
    previous_id: int
    bids: Levels
    asks: Levels


@dataclass(frozen=True)
class BookTicker:
    """The exchange's own best bid and ask as of update `update_id`."""

    line: int
    local_ns: int
    symbol: str
    event_ms: int
    update_id: int
    bid: tuple[int, float]
    ask: tuple[int, float]


@dataclass(frozen=True)
class TradePrint:
    """One trade; `buyer_is_maker` means that the aggressor sold."""

    line: int
    local_ns: int
    symbol: str
    event_ms: int
    trade_id: int
    ticks: int
    amount: float
    buyer_is_maker: bool


Message = DepthSnapshot | DepthUpdate | BookTicker | TradePrint


class TickScale:
    """Turns price texts into whole ticks of 10**-decimals quote units.

    The number of decimals is taken from the first price; a later one with more is refused, because the
    same level would then have two names.
    """

    def __init__(self, decimals: int | None = None) -> None:
        self.decimals = decimals

    def ticks(self, price: str) -> int:
        """The price in ticks. Raises ValueError for a text that is no price of this scale."""
        whole, _, fraction = price.partition(".")
        if self.decimals is None:
            self.decimals = len(fraction)
        if len(fraction) > self.decimals:
            raise ValueError(f"price {price!r} has more than {self.decimals} decimals")
        return int(whole + fraction.ljust(self.decimals, "0"))

    def price(self, ticks: int) -> float:
        """The price of a number of ticks, in quote units."""
        return ticks / float(10 ** (self.decimals or 0))


def read_stream(path: Path, scale: TickScale | None = None) -> Iterator[Message]:
    """The messages of a file (plain or gzip), one at a time; memory does not grow with the file.

    Raises FileRefused naming file, line and field at the first line that cannot be read, and for a
    compressed file that was cut off.
    """
    used = scale or TickScale()
    for number, line in LineReader(path):
        try:
            message = parse_line(number, line, used)
        except LineError as error:
            raise FileRefused(path, number, error.field, error.reason) from error
        if message is not None:
            yield message


def parse_lines(lines: Iterable[bytes], scale: TickScale) -> Iterator[Message]:
    """The messages of some lines; messages of other kinds are passed over. Raises LineError."""
    for number, line in enumerate(lines, start=1):
        message = parse_line(number, line, scale)
        if message is not None:
            yield message


def parse_line(number: int, line: bytes, scale: TickScale) -> Message | None:
    """The message of one line, None for a kind that is of no use here. Raises LineError."""
    local, _, text = line.partition(b" ")
    try:
        return _message(number, int(local), json.loads(text), scale)
    except json.JSONDecodeError as error:
        raise LineError("message", f"not whole JSON: {error}") from error
    except KeyError as error:
        raise LineError(str(error).strip("'"), "is missing") from error
    except (ValueError, TypeError, IndexError) as error:
        raise LineError("message", str(error)) from error


def _message(number: int, local_ns: int, body: dict[str, Any], scale: TickScale) -> Message | None:
    if "lastUpdateId" in body:
        bids, asks = _levels(body["bids"], scale), _levels(body["asks"], scale)
        return DepthSnapshot(number, local_ns, int(body["lastUpdateId"]), bids, asks)
    data = body["data"]
    kind, symbol = data["e"], data.get("s", "")
    if kind == "depthUpdate":
        bids, asks = _levels(data["b"], scale), _levels(data["a"], scale)
        first, last, previous = int(data["U"]), int(data["u"]), int(data["pu"])
        return DepthUpdate(number, local_ns, symbol, int(data["E"]), first, last, previous, bids, asks)
    if kind == "bookTicker":
        bid = (scale.ticks(data["b"]), float(data["B"]))
        ask = (scale.ticks(data["a"]), float(data["A"]))
        return BookTicker(number, local_ns, symbol, int(data["E"]), int(data["u"]), bid, ask)
    if kind == "trade":
        ticks, amount = scale.ticks(data["p"]), float(data["q"])
        sold = bool(data["m"])
        return TradePrint(number, local_ns, symbol, int(data["E"]), int(data["t"]), ticks, amount, sold)
    return None


def _levels(pairs: list[list[str]], scale: TickScale) -> Levels:
    ticks = scale.ticks
    return [(ticks(price), float(amount)) for price, amount in pairs]
