"""The moment of an entry as the models saw it: the bar, or the book, at which the signal was decided."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from models.candle_series import IntArray
from models.setup_rows import BUY, SELL
from storage.candles import CandleFileRow, Candles, list_candles, read_candles
from storage.workspace import Workspace

STALE_BARS = 2
ACTIONS = {"long": BUY, "short": SELL}


@dataclass(frozen=True)
class EntryBar:
    """Row `row` of a series is the bar that closed when the entry was decided."""

    series: Candles
    row: int

    def before(self, bars: int) -> Candles:
        """The bar and so many before it."""
        return self.series.cut(max(0, self.row - bars), self.row + 1)


class EntryBars:
    """Stored series, each read once and again when it has grown."""

    def __init__(self, workspace: Workspace, connection: sqlite3.Connection) -> None:
        self._workspace, self._connection = workspace, connection
        self._read: dict[tuple[str, int], tuple[str, Candles]] = {}

    def at(self, symbol: str, ts_ms: int, timeframe_ms: int = 0) -> EntryBar | None:
        """The newest bar of a symbol at a moment; None where it had closed two bars or more before.

        An order by hand may come between two bars. `timeframe_ms` 0 takes the series with most bars.
        Raises CandlesDamaged.
        """
        series = self.series(symbol, timeframe_ms)
        if series is None:
            return None
        row = newest_at(series.close_ms, ts_ms)
        if row < 0 or ts_ms - int(series.close_ms[row]) >= STALE_BARS * series.timeframe_ms:
            return None
        return EntryBar(series, row)

    def series(self, symbol: str, timeframe_ms: int = 0) -> Candles | None:
        """The stored bars of a symbol, or None where there are none."""
        chosen = self._chosen(symbol, timeframe_ms)
        if chosen is None:
            return None
        key = (symbol, chosen.timeframe_ms)
        known = self._read.get(key)
        if known is None or known[0] != chosen.sha256:
            read = read_candles(self._workspace, symbol, chosen.timeframe_ms, connection=self._connection)
            known = self._read[key] = (chosen.sha256, read)
        return known[1]

    def _chosen(self, symbol: str, timeframe_ms: int) -> CandleFileRow | None:
        rows = [
            row
            for row in list_candles(self._connection)
            if row.symbol == symbol and timeframe_ms in (0, row.timeframe_ms)
        ]
        return max(rows, key=lambda row: row.bars, default=None)


def newest_at(ts_ms: IntArray, moment_ms: int) -> int:
    """The last of these times at or before a moment; -1 where there is none."""
    return int(np.searchsorted(ts_ms, moment_ms, side="right")) - 1
