"""What an order of a size would have paid beyond the best price of the book it met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cointrader.data_feeds.records.validation import RecordRefused


class SlippageTracker:
    """Walks order books with an order of one size; the size is in base units."""

    def __init__(self, order_size: float = 1.0) -> None:
        if not order_size > 0.0:
            raise ValueError(f"an order has a size above 0, got {order_size}")
        self.order_size = order_size

    def calculate_slippage(
        self, order_book: Mapping[str, Any], order_size: float | None = None, side: str = "buy"
    ) -> dict[str, Any]:
        """The `slippage` of a market order: |average price / best price - 1| over the levels it takes.

        Levels are sorted, best first. Raises RecordRefused when the levels that are known hold less than the
        order: then nobody knows what it would have paid.
        """
        size = self.order_size if order_size is None else order_size
        levels = order_book["asks" if side == "buy" else "bids"]
        wanted, paid = size, 0.0
        for price, amount in levels:
            taken = min(wanted, amount)
            paid += taken * price
            wanted -= taken
            if wanted <= 0.0:
                break
        if wanted > 1e-12 * size:
            known = size - wanted
            raise RecordRefused("slippage", "order_size", f"{size:g} is more than the {known:g} of the book")
        return {
            "symbol": order_book["symbol"],
            "slippage": abs(paid / size / levels[0][0] - 1.0),
            "order_size": size,
            "side": side,
            "timestamp": order_book["timestamp"],
        }
