"""P5: replay of a depth stream, beside a plain loop over the same parsed messages.

The limit keeps both sides of a book in two dictionaries and nothing else: no check of the sequence, no best
price. Ours checks that no update was lost and has the best bid and ask at hand after each one.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness import Row, interleave, row_of
from cointrader.data_feeds.order_book.replay import DepthReplay
from cointrader.data_feeds.order_book.stream import (
    DepthSnapshot,
    DepthUpdate,
    Message,
    TickScale,
    read_stream,
)

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data" / "orderbook"
FIXTURES = ROOT / "tests" / "fixtures" / "feeds"
TARGET = 2.0


def recorded() -> list[Message]:
    """The messages of two recorded files, or of their beginnings where the files are not here."""
    paths = sorted(SHARED.glob("binance_usdm_*.gz")) or sorted(FIXTURES.glob("binance_usdm_*.gz"))
    scale = TickScale()
    return [message for path in paths for message in read_stream(path, scale)]


def plain_loop(messages: list[Message]) -> dict[int, float]:
    """What one would write by hand."""
    bids: dict[int, float] = {}
    asks: dict[int, float] = {}
    for message in messages:
        if not isinstance(message, DepthUpdate | DepthSnapshot):
            continue
        for known, levels in ((bids, message.bids), (asks, message.asks)):
            for ticks, amount in levels:
                if amount:
                    known[ticks] = amount
                else:
                    known.pop(ticks, None)
    return bids


def ours(messages: list[Message]) -> int:
    """Every message, with the best prices after each update."""
    replay = DepthReplay()
    for message, book in replay.play(messages):
        if isinstance(message, DepthUpdate):
            book.best_bid()
            book.best_ask()
    return replay.applied


def rows() -> list[Row]:
    """One row; its name says how many updates a second ours and the loop make."""
    messages = recorded()
    updates = sum(isinstance(message, DepthUpdate) for message in messages)
    timings = interleave(
        {"limit": lambda: plain_loop(messages), "ours": lambda: ours(messages)}, "limit", rounds=7
    )
    mine, loop = (updates / timings[name].median_s for name in ("ours", "limit"))
    name = f"depth replay, {mine / 1e3:,.0f}k updates/s (loop {loop / 1e3:,.0f}k)"
    return [row_of("P5 depth", name, timings, target=TARGET)]
