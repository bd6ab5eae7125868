"""Recorded order books: the latest state, and every recorded one, from the workspace or from a stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.order_book.normalizer import DEPTH, OrderBookNormalizer, book_record
from cointrader.data_feeds.order_book.recording import DepthRecorder
from cointrader.data_feeds.order_book.stream import read_stream
from cointrader.data_feeds.records.normalising import inside_symbol

Book = dict[str, Any]


class BinanceOrderBook:
    """Books of Binance's futures.

    `source` is a recorded stream that begins with (or soon after its beginning has) a snapshot; without
    one the books are those recorded in the workspace.
    """

    def __init__(self, source: Path | str | None = None, *, db: DBConnector | None = None) -> None:
        self._source = None if source is None else Path(source)
        self._db = db or DBConnector()

    def fetch_order_book(self, symbol: str, depth: int = DEPTH) -> Book | None:
        """The latest book of a symbol, `depth` levels a side; None when there is none."""
        if self._source is None:
            found = self._db.retrieve(f"order_book:{inside_symbol(symbol)}")
            return None if found is None else OrderBookNormalizer(depth).normalize(found)
        recorder = DepthRecorder()
        for message in read_stream(self._source, recorder.scale):
            for _ in recorder.hear(message):
                continue
        if not recorder.replay.synchronised or inside_symbol(recorder.symbol) != inside_symbol(symbol):
            return None
        named = {"exchange": recorder.exchange, "symbol": recorder.symbol}
        return book_record(
            recorder.replay.book, recorder.scale, ts_ms=recorder.latest_ms, depth=depth, **named
        )

    def stream_order_books(self, symbol: str) -> Iterator[Book]:
        """Every recorded book of a symbol, in order of time: one a second of a stream."""
        wanted = inside_symbol(symbol)
        if self._source is None:
            for page in self._db.pages(f"order_book:{wanted}"):
                yield from page
            return
        recorder = DepthRecorder()
        for message in read_stream(self._source, recorder.scale):
            for type, data in recorder.hear(message):
                if type == "order_book" and inside_symbol(recorder.symbol) == wanted:
                    yield data
