"""The recorded trades of a market."""

from __future__ import annotations

from typing import Any

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.records.normalising import inside_symbol
from cointrader.data_feeds.trade_tape import TradeParser


class TradeCollector:
    """Trades of the workspace's tapes."""

    def __init__(self, db: DBConnector | None = None) -> None:
        self._db = db or DBConnector()
        self._parser = TradeParser()

    def fetch_trades(self, symbol: str, limit: int = 100) -> list[dict[str, Any]]:
        """The newest `limit` trades of a symbol, in any spelling, oldest first, each parsed."""
        newest = self._db.newest(f"trade_tape:{inside_symbol(symbol)}", limit)
        return [self._parser.parse_trade(trade) for trade in newest]
