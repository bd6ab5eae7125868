"""The last close of a symbol, for signals that name no price."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from storage.candles import list_candles, read_series
from storage.workspace import Workspace


@dataclass(frozen=True)
class LastClose:
    """The newest close of the series that reaches furthest, the finest of those."""

    price: float
    close_ms: int
    timeframe_ms: int

    def bars_old(self, now_ms: int) -> float:
        """Its age in bars of its own series."""
        return (now_ms - self.close_ms) / self.timeframe_ms


class LastCloses:
    """Last closes of a workspace's candles; a series is read again only when its file has changed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read: dict[str, tuple[str, LastClose]] = {}

    def find(self, connection: sqlite3.Connection, symbol: str) -> LastClose | None:
        """None where the workspace has no candles of this symbol."""
        rows = [row for row in list_candles(connection) if row.symbol == symbol and row.bars]
        if not rows:
            return None
        newest = max(rows, key=lambda row: (row.last_close_ms, -row.timeframe_ms))
        known = self._read.get(symbol)
        if known is None or known[0] != newest.sha256:
            series = read_series(self._workspace, newest)
            found = LastClose(float(series.close[-1]), int(series.close_ms[-1]), newest.timeframe_ms)
            known = self._read[symbol] = (newest.sha256, found)
        return known[1]
