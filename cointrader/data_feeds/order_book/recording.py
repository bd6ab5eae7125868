"""From the messages of a depth stream to records: every trade, and the market once a second.

At the end of each second of exchange time in which something was heard the book gives an `order_book` (with
the money that buyers and sellers took since the one before), a `microstructure` and a `slippage` record, and
the trades of that second a `crypto_price` (the last price, the amount traded). A record of second s holds
nothing that happened after its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cointrader.data_feeds.microstructure import MicrostructureExtractor
from cointrader.data_feeds.order_book.normalizer import book_record
from cointrader.data_feeds.order_book.replay import DepthReplay
from cointrader.data_feeds.order_book.stream import (
    BookTicker,
    DepthSnapshot,
    DepthUpdate,
    LineError,
    Message,
    TickScale,
    TradePrint,
)
from cointrader.data_feeds.records.validation import RecordRefused
from cointrader.data_feeds.slippage import SlippageTracker

INTERVAL_MS = 1_000
SLIPPAGE_DEPTH = 200

Found = tuple[str, dict[str, Any]]
"""The type of a record and its fields."""


@dataclass
class DepthRecorder:
    """Follows one stream of one symbol. `counts` are the messages heard, by their kind."""

    symbol: str = ""
    exchange: str = "binance_usdm"
    scale: TickScale = field(default_factory=TickScale)
    replay: DepthReplay = field(default_factory=DepthReplay)
    counts: dict[str, int] = field(default_factory=dict)
    first_previous_id: int = 0
    _second: int = 0
    _price: float = 0.0
    _volume: float = 0.0
    _bought: float = 0.0
    _sold: float = 0.0
    _book_changed: bool = False
    _slippage: SlippageTracker = field(default_factory=SlippageTracker)
    _extractor: MicrostructureExtractor = field(default_factory=MicrostructureExtractor)

    def hear(self, message: Message) -> Iterator[Found]:
        """The records that this message completes. Raises LineError for a message of another symbol."""
        if not isinstance(message, DepthSnapshot):
            self._check_symbol(message.symbol)
            second = message.event_ms // INTERVAL_MS
            if second > self._second:
                yield from self.end_of_second()
                self._second = second
        self._count(message)
        if isinstance(message, DepthUpdate):
            self.first_previous_id = self.first_previous_id or message.previous_id
            self.replay.update(message)
            self._book_changed = True
        elif isinstance(message, DepthSnapshot):
            self.replay.snapshot(message)
            self._book_changed = True
        elif isinstance(message, TradePrint) and message.ticks > 0 and message.amount > 0.0:
            # Settlements of the insurance fund come as trades of nothing at no price.
            yield "trade_tape", self._trade(message)

    @property
    def latest_ms(self) -> int:
        """The end of the second that is being heard."""
        return (self._second + 1) * INTERVAL_MS

    def end_of_second(self) -> Iterator[Found]:
        """The records of the second that is over; call it once more at the end of the stream."""
        ts_ms = self.latest_ms
        if self._volume > 0.0:
            yield "crypto_price", self._price_record(ts_ms)
        if self._book_changed and self.replay.synchronised:
            yield from self._book_records(ts_ms)
        self._volume, self._book_changed = 0.0, False

    def _book_records(self, ts_ms: int) -> Iterator[Found]:
        deep = self._book(ts_ms, SLIPPAGE_DEPTH)
        try:
            metrics = self._extractor.extract_metrics(deep)
        except RecordRefused:
            # A book that lacks a side (as after a snapshot of nothing) has no spread.
            return
        yield "order_book", {**self._book(ts_ms), **self._flow()}
        self._bought = self._sold = 0.0
        yield "microstructure", metrics
        try:
            yield "slippage", self._slippage.calculate_slippage(deep)
        except RecordRefused:
            # The book is thinner than the order: what it would have paid is not known.
            return

    def _check_symbol(self, symbol: str) -> None:
        if not self.symbol:
            self.symbol = symbol
        elif symbol != self.symbol:
            raise LineError("s", f"{symbol} is a second symbol; a stream file holds one, here {self.symbol}")

    def _count(self, message: Message) -> None:
        name = _KINDS[type(message)]
        self.counts[name] = self.counts.get(name, 0) + 1

    def _book(self, ts_ms: int, depth: int = 10) -> dict[str, Any]:
        named = {"exchange": self.exchange, "symbol": self.symbol}
        return book_record(self.replay.book, self.scale, ts_ms=ts_ms, depth=depth, **named)

    def _flow(self) -> dict[str, float]:
        return {"bought": round(self._bought, 8), "sold": round(self._sold, 8)}

    def _price_record(self, ts_ms: int) -> dict[str, Any]:
        named = {"exchange": self.exchange, "symbol": self.symbol}
        return {**named, "price": self._price, "volume": round(self._volume, 8), "timestamp": ts_ms / 1000}

    def _trade(self, trade: TradePrint) -> dict[str, Any]:
        self._price = self.scale.price(trade.ticks)
        self._volume += trade.amount
        if trade.buyer_is_maker:
            self._sold += self._price * trade.amount
        else:
            self._bought += self._price * trade.amount
        return {
            "exchange": self.exchange,
            "symbol": self.symbol,
            "price": self._price,
            "amount": trade.amount,
            "side": "sell" if trade.buyer_is_maker else "buy",
            "timestamp": trade.event_ms / 1000,
            "trade_id": trade.trade_id,
        }


_KINDS = {
    DepthSnapshot: "snapshot",
    DepthUpdate: "depthUpdate",
    BookTicker: "bookTicker",
    TradePrint: "trade",
}
