"""What a book says of how a market trades at this moment: how wide it is and how much stands close by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cointrader.data_feeds.records.validation import RecordRefused

LEVELS = 5


class MicrostructureExtractor:
    """Measures order books."""

    def extract_metrics(self, order_book: Mapping[str, Any]) -> dict[str, Any]:
        """The `microstructure` of a book whose levels are sorted, best first.

        spread = best ask - best bid (quote units), spread_bps of the middle price; liquidity = amount on the
        five best levels of both sides (base units); imbalance = (bids - asks)/(bids + asks) of these; mid =
        (bid + ask)/2, micro_price = (bid x ask amount + ask x bid amount)/(both amounts) of the best levels
        (Gatheral and Oomen 2010). Raises RecordRefused for a book that lacks a side.
        """
        bids, asks = order_book["bids"], order_book["asks"]
        if not bids or not asks:
            raise RecordRefused("microstructure", "asks" if bids else "bids", "nobody stands on this side")
        (bid, bid_amount), (ask, ask_amount) = bids[0], asks[0]
        middle = (bid + ask) / 2.0
        bought = sum(amount for _, amount in bids[:LEVELS])
        sold = sum(amount for _, amount in asks[:LEVELS])
        return {
            "symbol": order_book["symbol"],
            "spread": ask - bid,
            "spread_bps": (ask - bid) / middle * 1e4,
            "liquidity": bought + sold,
            "imbalance": (bought - sold) / (bought + sold),
            "mid": middle,
            "micro_price": (bid * ask_amount + ask * bid_amount) / (bid_amount + ask_amount),
            "timestamp": order_book["timestamp"],
        }
