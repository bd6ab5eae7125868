"""What is decided outside of a run sees the stored bars up to its moment, and keeps few series in memory."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from cointrader.core import recent_bars
from cointrader.core.recent_bars import RecentBars
from models.candle_series import PlainCandles
from storage import candles as stored
from storage.candles import CandleFileRow, Candles
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles

MINUTE_MS = 60_000


def walk(symbol: str, bars: int = 10) -> PlainCandles:
    flat = np.full(bars, 100.0)
    close_ms = np.arange(1, bars + 1, dtype=np.int64) * MINUTE_MS
    return PlainCandles(symbol, MINUTE_MS, close_ms, flat, flat, flat, flat, flat)


def test_a_bar_is_seen_from_its_close_on(workspace: Workspace, connection: sqlite3.Connection) -> None:
    store_candles(workspace, connection, walk("BTC/USDT"))
    bars = RecentBars(workspace)
    at_close = bars.find(connection, "BTC/USDT", 3 * MINUTE_MS)
    before = bars.find(connection, "BTC/USDT", 3 * MINUTE_MS - 1)
    assert at_close is not None and before is not None
    assert (len(at_close), len(before)) == (3, 2)
    assert bars.find(connection, "ETH/USDT", 3 * MINUTE_MS) is None


def test_of_many_symbols_only_those_asked_for_last_stay_in_memory(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(where: Workspace, row: CandleFileRow) -> Candles:
        read.append(row.symbol)
        return stored.read_series(where, row)

    monkeypatch.setattr(recent_bars, "read_series", counted)
    monkeypatch.setattr(recent_bars, "MOST_SERIES", 2)
    bars = RecentBars(workspace)
    for symbol in ("A/USDT", "B/USDT", "C/USDT"):
        store_candles(workspace, connection, walk(symbol))
    for symbol in ("A/USDT", "B/USDT", "A/USDT", "C/USDT", "A/USDT", "B/USDT"):
        bars.find(connection, symbol, MINUTE_MS)
    assert read == ["A/USDT", "B/USDT", "C/USDT", "B/USDT"]
