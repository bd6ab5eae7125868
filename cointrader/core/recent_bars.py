"""Stored bars up to a moment, for what is decided outside of a run."""

from __future__ import annotations

import sqlite3

import numpy as np

from storage.candles import Candles, list_candles, read_series
from storage.workspace import Workspace

MOST_SERIES = 32
"""So many are kept in memory, those asked for last."""


class RecentBars:
    """Series of a workspace; one is read again only when its file has changed, or others came between."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read: dict[str, tuple[str, Candles]] = {}

    def find(self, connection: sqlite3.Connection, symbol: str, until_ms: int) -> Candles | None:
        """The longest series of a symbol up to a moment, None where there is none.

        Raises CandlesMissing and CandlesDamaged.
        """
        rows = [row for row in list_candles(connection) if row.symbol == symbol and row.bars]
        if not rows:
            return None
        longest = max(rows, key=lambda row: row.bars)
        known = self._read.pop(symbol, None)
        if known is None or known[0] != longest.sha256:
            known = longest.sha256, read_series(self._workspace, longest)
        self._read[symbol] = known
        while len(self._read) > MOST_SERIES:
            del self._read[next(iter(self._read))]
        series = known[1]
        return series.cut(0, int(np.searchsorted(series.close_ms, until_ms, side="right")))
