"""Prices of recorded markets: the latest one, and all of them in order, from the workspace or from a file."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from cointrader.data_feeds.candle_reading import read_candle_file
from cointrader.data_feeds.records.normalising import inside_symbol
from storage.candles import Candles, list_candles, read_candles
from storage.database import open_database
from storage.feed_records import every_record, newest_record
from storage.workspace import Workspace, resolve_workspace

Price = dict[str, Any]


class PriceFeed:
    """Recorded prices of one kind of market: `crypto_price` records of crypto markets, and so on.

    `source` is a file of candles; without one the prices are those of the workspace: the records of this
    type, and for crypto markets the closes of stored candles (the finest timeframe of a symbol).
    """

    type: ClassVar[str]
    has_candles: ClassVar[bool] = False

    def __init__(self, source: Path | str | None = None, *, workspace: Workspace | None = None) -> None:
        self._workspace = workspace or resolve_workspace()
        self._file = None if source is None else read_candle_file(source)
        self._opened: sqlite3.Connection | None = None

    def fetch_price(self, symbol: str) -> Price | None:
        """The latest price of a symbol, in any spelling; None when nothing is recorded of it."""
        latest: Price | None = None
        if self._file is None:
            found = newest_record(self._connection, f"{self.type}:{inside_symbol(symbol)}")
            latest = dict(found.data) if found else None
        series = self._candles(symbol)
        if series is not None and len(series.close_ms):
            last = _price(series, len(series.close_ms) - 1, self.type)
            if latest is None or last["timestamp"] > latest["timestamp"]:
                latest = last
        return latest

    def stream_prices(self, symbols: str | Iterable[str]) -> Iterator[Price]:
        """Every price of some symbols, in order of time."""
        wanted = (symbols,) if isinstance(symbols, str) else tuple(symbols)
        streams = [stream for symbol in wanted for stream in self._streams(symbol)]
        yield from heapq.merge(*streams, key=lambda price: float(price["timestamp"]))

    def close(self) -> None:
        """Closes the workspace; the next call opens it again."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = open_database(self._workspace)
        return self._opened

    def _streams(self, symbol: str) -> list[Iterator[Price]]:
        streams: list[Iterator[Price]] = []
        series = self._candles(symbol)
        if series is not None:
            streams.append(_price(series, bar, self.type) for bar in range(len(series.close_ms)))
        if self._file is None:
            pattern = f"{self.type}:{inside_symbol(symbol)}"
            streams.append(dict(record.data) for record in every_record(self._connection, pattern))
        return streams

    def _candles(self, symbol: str) -> Candles | None:
        wanted = inside_symbol(symbol)
        if self._file is not None:
            return self._file.candles if self._file.candles.symbol == wanted else None
        if not self.has_candles:
            return None
        rows = [row for row in list_candles(self._connection) if row.symbol == wanted]
        if not rows:
            return None
        finest = min(row.timeframe_ms for row in rows)
        return read_candles(self._workspace, wanted, finest, connection=self._connection)


def _price(series: Candles, bar: int, type: str) -> Price:
    return {
        "symbol": series.symbol,
        "price": float(series.close[bar]),
        "volume": float(series.volume[bar]),
        "timestamp": int(series.close_ms[bar]) / 1000,
        "type": type,
    }


class CryptoPriceFeed(PriceFeed):
    """Prices of crypto markets."""

    type = "crypto_price"
    has_candles = True


class ForexPriceFeed(PriceFeed):
    """Prices of currencies."""

    type = "forex_price"


class EquitiesPriceFeed(PriceFeed):
    """Prices of shares."""

    type = "equities_price"
