"""A training source over candles and records at hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from models.base import FeedRows, SignalRows
from models.candle_series import CandleSeries
from models.errors import NotEnoughRows

Records = dict[str, list[tuple[int, str, dict[str, float]]]]
"""By type: (ts_ms, symbol, {field: value}), oldest first."""


class FeedSourceAtHand:
    """Candles and records given by a test."""

    provenance = "import"

    def __init__(self, *candles: CandleSeries, records: Records | None = None) -> None:
        self._candles, self._records = candles, records or {}

    def candles(self, symbols: str, timeframe_minutes: int) -> Sequence[CandleSeries]:
        if not self._candles:
            raise NotEnoughRows(0, 1, "candles of any symbol (there are: none)")
        return self._candles

    def signals(self) -> SignalRows:
        return SignalRows(np.empty(0, dtype=np.int64), ())

    def feed_symbols(self, type: str) -> tuple[str, ...]:
        return tuple(sorted({symbol for _, symbol, _ in self._records.get(type, [])}))

    def feeds(self, type: str, fields: tuple[str, ...], symbols: Collection[str]) -> FeedRows:
        rows = [row for row in self._records.get(type, []) if row[1] in symbols]
        values = np.array([[row[2].get(name, np.nan) for name in fields] for row in rows])
        times = np.array([row[0] for row in rows], dtype=np.int64)
        return FeedRows(times, tuple(row[1] for row in rows), values.reshape(len(rows), len(fields)))
