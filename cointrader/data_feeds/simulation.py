"""Made-up feeds, to try the way of records with: calm and wild markets, and records that must be refused.

What is made up says so: it is stored with the provenance `synthetic` or not at all, and nothing that learned
from it is ever promoted. The same seed gives the same records.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cointrader.data_feeds.cache.db_connector import DBConnector

SYNTHETIC = "synthetic"

Record = dict[str, Any]


class NotSynthetic(ValueError):
    """A connector that would keep made-up records as real ones."""


@dataclass(frozen=True)
class SimulatedMarket:
    """A random walk. `volatility` is the deviation of a step's log return, `step_s` the time between two."""

    symbol: str = "BTCUSDT"
    start_price: float = 50_000.0
    volatility: float = 1e-3
    step_s: float = 60.0
    start_s: float = 1_600_000_000.0
    exchange: str = "simulated"
    seed: int = 0

    def prices(self, count: int) -> Iterator[Record]:
        """`crypto_price` records."""
        draw, price = random.Random(self.seed), self.start_price
        for number in range(count):
            price *= math.exp(draw.gauss(0.0, self.volatility))
            yield {
                **self._named("crypto_price", number),
                "price": price,
                "volume": draw.lognormvariate(0.0, 0.5),
            }

    def trades(self, count: int) -> Iterator[Record]:
        """`trade_tape` records at the prices of the same walk."""
        draw = random.Random(self.seed + 1)
        for number, price in enumerate(self.prices(count)):
            side = draw.choice(("buy", "sell"))
            yield {
                **self._named("trade_tape", number),
                "price": price["price"],
                "amount": price["volume"],
                "side": side,
            }

    def order_books(self, count: int, levels: int = 10) -> Iterator[Record]:
        """`order_book` records around the prices of the same walk, a basis point between two levels."""
        draw = random.Random(self.seed + 2)
        for number, price in enumerate(self.prices(count)):
            middle, step = price["price"], price["price"] * 1e-4
            sides = {
                side: [
                    [middle + sign * step * (level + 0.5), draw.lognormvariate(0.0, 1.0)]
                    for level in range(levels)
                ]
                for side, sign in (("bids", -1.0), ("asks", 1.0))
            }
            yield {**self._named("order_book", number), **sides}

    def sentiment(self, keyword: str, count: int) -> Iterator[Record]:
        """`news_sentiment` records of no meaning."""
        draw = random.Random(self.seed + 3)
        for number in range(count):
            named = self._named("news_sentiment", number)
            del named["symbol"], named["exchange"]
            yield {
                **named,
                "source": self.exchange,
                "keyword": keyword,
                "sentiment": draw.uniform(-1.0, 1.0),
                "title": f"made-up headline {number} about {keyword}",
            }

    def _named(self, type: str, number: int) -> Record:
        return {
            "type": type,
            "exchange": self.exchange,
            "symbol": self.symbol,
            "timestamp": self.start_s + number * self.step_s,
        }


def wild_market(seed: int = 0) -> SimulatedMarket:
    """A market that moves by five percent a minute."""
    return SimulatedMarket(volatility=0.05, seed=seed)


def edge_cases() -> Iterator[tuple[str, Record]]:
    """Records that must be refused, each with the field that is at fault."""
    price = next(SimulatedMarket().prices(1))
    for field in ("symbol", "price", "volume", "timestamp"):
        yield field, {name: value for name, value in price.items() if name != field}
    for value in (0.0, -1.0, math.nan, math.inf, 1e13, "50000", None):
        yield "price", {**price, "price": value}
    yield "volume", {**price, "volume": -0.1}
    for time in (0.0, 1e20, "tomorrow"):
        yield "timestamp", {**price, "timestamp": time}
    book = next(SimulatedMarket().order_books(1))
    yield "bids", {**book, "bids": book["asks"], "asks": book["bids"]}
    yield "asks", {**book, "asks": [["a", "b"]]}
    news = next(SimulatedMarket().sentiment("BTC", 1))
    yield "sentiment", {**news, "sentiment": 1.5}


def store_simulated(db: DBConnector, records: Iterator[Record]) -> tuple[int, int]:
    """Keeps made-up records; returns how many were kept and how many refused.

    Raises NotSynthetic for a connector that does not keep its records as synthetic ones.
    """
    if db.provenance != SYNTHETIC:
        raise NotSynthetic(f"made-up records are kept as {SYNTHETIC}, not as {db.provenance}")
    return db.store_many(records)
