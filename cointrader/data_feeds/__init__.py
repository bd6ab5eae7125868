"""Market data in: files of every usual kind become checked, ordered, stored series and records.

The names of the feed agent are loaded on first use: importing this package loads nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "BinanceOrderBook": "order_books",
    "CryptoPriceFeed": "price_feeds",
    "DBConnector": "cache.db_connector",
    "DataProvider": "data_provider",
    "PlaybackProvider": "data_provider",
    "DataCleaner": "records.cleaning",
    "EquitiesPriceFeed": "price_feeds",
    "FeedPipeline": "pipeline",
    "ForexPriceFeed": "price_feeds",
    "Indicators": "indicators",
    "MicrostructureExtractor": "microstructure",
    "NewsScraper": "sentiment",
    "OrderBookNormalizer": "order_book.normalizer",
    "RealtimePublisher": "realtime",
    "RealtimeSubscriber": "realtime",
    "ResearchEngine": "learning_layer",
    "RetrainingLoop": "learning_layer",
    "SchemaValidator": "records.validation",
    "SentimentAggregator": "sentiment",
    "SignalGenerator": "indicators",
    "SlippageTracker": "slippage",
    "TimestampUtils": "records.timestamps",
    "TradeCollector": "trades",
    "TradeParser": "trade_tape",
    "TrainingModule": "learning_layer",
    "TwitterSentiment": "sentiment",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
