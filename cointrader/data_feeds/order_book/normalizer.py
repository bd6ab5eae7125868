"""A book in the form that records have: exchange, symbol, the best levels of both sides, a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cointrader.data_feeds.order_book.book import OrderBook
from cointrader.data_feeds.order_book.stream import TickScale
from cointrader.data_feeds.records.cleaning import DataCleaner
from cointrader.data_feeds.records.timestamps import to_ms
from cointrader.data_feeds.records.validation import RecordRefused, find_problems

DEPTH = 10


class OrderBookNormalizer:
    """Brings order books of any source into one form: the best `depth` levels, the best first."""

    def __init__(self, depth: int = DEPTH) -> None:
        if depth < 1:
            raise ValueError(f"a book has at least one level, got {depth}")
        self.depth = depth

    def normalize(self, order_book: Mapping[str, Any]) -> dict[str, Any]:
        """The `normalized_order_book` of an `order_book`. Raises RecordRefused."""
        cleaned = DataCleaner().clean(order_book)
        problems = find_problems(cleaned, "normalized_order_book")
        if problems:
            raise RecordRefused("normalized_order_book", problems[0].field, problems[0].reason)
        return {
            "exchange": cleaned.get("exchange", ""),
            "symbol": cleaned["symbol"],
            "bids": sorted(_standing(cleaned["bids"]), reverse=True)[: self.depth],
            "asks": sorted(_standing(cleaned["asks"]))[: self.depth],
            "timestamp": to_ms(cleaned["timestamp"]) / 1000,
        }


def _standing(levels: list[list[float]]) -> list[list[float]]:
    """Levels with something on them; an amount of 0 says that a level is gone."""
    return [level for level in levels if level[1] > 0.0]


def book_record(
    book: OrderBook, scale: TickScale, *, exchange: str, symbol: str, ts_ms: int, depth: int = DEPTH
) -> dict[str, Any]:
    """The fields of an `order_book` record of a replayed book."""
    bids, asks = book.top(depth)
    return {
        "exchange": exchange,
        "symbol": symbol,
        "bids": [[scale.price(ticks), amount] for ticks, amount in bids],
        "asks": [[scale.price(ticks), amount] for ticks, amount in asks],
        "timestamp": ts_ms / 1000,
    }
