"""One order book kept by price level, with the best bid and ask at hand.

Prices are whole ticks (an integer), so that a level is the same level however its price was written and
no rounding can join or split two. The best price of a side is the top of a heap whose dead entries are
dropped when they surface: an update costs O(log n) at most, and most cost a dictionary write.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class OrderBook:
    """Bids and asks as ticks -> amount in base units; an amount of 0 removes a level."""

    bids: dict[int, float] = field(default_factory=dict)
    asks: dict[int, float] = field(default_factory=dict)
    _bid_heap: list[int] = field(default_factory=list, repr=False)
    _ask_heap: list[int] = field(default_factory=list, repr=False)

    def clear(self) -> None:
        """Forget every level, as before a snapshot."""
        for side in (self.bids, self.asks, self._bid_heap, self._ask_heap):
            side.clear()

    def apply(self, bids: Iterable[tuple[int, float]], asks: Iterable[tuple[int, float]]) -> None:
        """Set the amounts of levels; absolute amounts, not differences."""
        push = heapq.heappush
        known, heap = self.bids, self._bid_heap
        for ticks, amount in bids:
            if amount > 0.0:
                if ticks not in known:
                    push(heap, -ticks)
                known[ticks] = amount
            else:
                known.pop(ticks, None)
        known, heap = self.asks, self._ask_heap
        for ticks, amount in asks:
            if amount > 0.0:
                if ticks not in known:
                    push(heap, ticks)
                known[ticks] = amount
            else:
                known.pop(ticks, None)

    def best_bid(self) -> tuple[int, float] | None:
        """The highest bid as (ticks, amount); None when nobody bids."""
        heap, known = self._bid_heap, self.bids
        while heap and -heap[0] not in known:
            heapq.heappop(heap)
        return (-heap[0], known[-heap[0]]) if heap else None

    def best_ask(self) -> tuple[int, float] | None:
        """The lowest ask as (ticks, amount); None when nobody asks."""
        heap, known = self._ask_heap, self.asks
        while heap and heap[0] not in known:
            heapq.heappop(heap)
        return (heap[0], known[heap[0]]) if heap else None

    def top(self, depth: int) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """The `depth` best levels of both sides, best first."""
        bids = [(ticks, self.bids[ticks]) for ticks in heapq.nlargest(depth, self.bids)]
        asks = [(ticks, self.asks[ticks]) for ticks in heapq.nsmallest(depth, self.asks)]
        return bids, asks
