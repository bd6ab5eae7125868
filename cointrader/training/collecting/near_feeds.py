"""Trades and order books that the feeds recorded shortly before a moment, as the arrays of a package.

Made-up records never enter a package of real candles: what is collected of a real market stays real.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np

from cointrader.training.collecting.rules import BOOK_LEVELS, FRESH_BARS, MOST_TICKS, are_ticks, is_book
from models.candle_series import FloatArray
from storage.feed_records import coverage_of, records_before

TAPES = ("trade_tape", "parsed_trade_tape")
BOOKS = ("book_state", "normalized_order_book", "order_book")
SIDES = {"buy": 1.0, "sell": -1.0}


class NearFeeds:
    """What the feeds of one symbol had said by a moment; a symbol that no feed covers costs one look."""

    def __init__(
        self, connection: sqlite3.Connection, symbol: str, timeframe_ms: int, *, synthetic: bool = False
    ) -> None:
        """`synthetic` lets made-up records in, as is right where the candles are made up too."""
        self._connection, self._symbol, self._timeframe_ms = connection, symbol, timeframe_ms
        self._synthetic = synthetic
        self._tapes = coverage_of(connection, TAPES, symbol)
        self._books = coverage_of(connection, BOOKS, symbol)

    def covers(self, ts_ms: int) -> bool:
        """Whether any record can be near a moment."""
        reach = FRESH_BARS * self._timeframe_ms
        return any(
            first <= ts_ms and ts_ms - reach <= last
            for covered in (self._tapes, self._books)
            for first, last in covered.values()
        )

    def ticks(self, ts_ms: int) -> FloatArray | None:
        """The last trades (up to 64, 4) of the two bars before a moment; None where there are none."""
        for type in self._tapes:
            rows = self._records(type, ts_ms, MOST_TICKS)
            ticks = _ticks(rows)
            if are_ticks(ticks, ts_ms, self._timeframe_ms):
                return ticks
        return None

    def order_book(self, ts_ms: int) -> FloatArray | None:
        """The newest book (2, 15, 2) of the two bars before a moment; None where there is none."""
        for type in self._books:
            for _, data_json in self._records(type, ts_ms, 1):
                book = _book(json.loads(data_json))
                if is_book(book):
                    return book
        return None

    def _records(self, type: str, ts_ms: int, limit: int) -> list[tuple[int, str]]:
        after_ms = ts_ms - FRESH_BARS * self._timeframe_ms
        return records_before(
            self._connection, type, self._symbol, after_ms, ts_ms, limit, synthetic=self._synthetic
        )


def _ticks(rows: Sequence[tuple[int, str]]) -> FloatArray | None:
    ticks = []
    for ts_ms, data_json in rows:
        data = json.loads(data_json)
        price, amount = _number(data.get("price")), _number(data.get("amount"))
        if price is not None and amount is not None:
            ticks.append((float(ts_ms), price, amount, SIDES.get(str(data.get("side")), 0.0)))
    return np.array(ticks, dtype=np.float64) if ticks else None


def _book(data: dict[str, Any]) -> FloatArray | None:
    book = np.zeros((2, BOOK_LEVELS, 2))
    for place, name in enumerate(("bids", "asks")):
        levels = [_level(each) for each in data.get(name) or ()]
        whole = [each for each in levels if each is not None]
        if len(whole) != len(levels) or not whole:
            return None
        whole.sort(reverse=name == "bids")
        best = whole[:BOOK_LEVELS]
        book[place, : len(best)] = best
    return book


def _level(value: object) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) < 2:
        return None
    price, size = _number(value[0]), _number(value[1])
    return None if price is None or size is None else (price, size)


def _number(value: object) -> float | None:
    """A number of a record; texts of numbers are as good, as exchanges write them so."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
