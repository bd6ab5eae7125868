"""Providers of candles: what is stored, and what of it had closed at the clock of a playback."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from cointrader.data_feeds import DataProvider, PlaybackProvider
from cointrader.data_feeds.bar_store import store_bars
from cointrader.data_feeds.data_provider import NoCandles
from models.candle_series import PlainCandles, truncate
from models.errors import BadCandles
from storage.candles import candle_record, read_candles
from storage.workspace import Workspace

MINUTE = 60_000
START = 1_700_000_040_000


def bars(count: int, symbol: str = "BTC/USDT") -> PlainCandles:
    close = 100.0 + np.arange(count) % 7
    return PlainCandles(
        symbol=symbol,
        timeframe_ms=MINUTE,
        close_ms=START + np.arange(count, dtype=np.int64) * MINUTE,
        open=close - 0.5,
        high=close + 1.0,
        low=close - 1.0,
        close=close,
        volume=np.full(count, 3.0),
    )


@pytest.fixture
def stored(workspace: Workspace, connection: sqlite3.Connection) -> PlainCandles:
    series = bars(60)
    store_bars(workspace, connection, series, source_name="a test", provenance="synthetic")
    return series


def test_bars_of_a_program_are_stored_like_those_of_a_file(
    workspace: Workspace, connection: sqlite3.Connection, stored: PlainCandles
) -> None:
    kept = read_candles(workspace, "BTC/USDT", MINUTE, connection=connection)
    assert kept.close_ms.tolist() == stored.close_ms.tolist()
    assert kept.close.tobytes() == stored.close.tobytes()
    row = candle_record(connection, "BTC/USDT", MINUTE)
    assert row is not None and (row.bars, row.gaps, row.provenance) == (60, 0, "synthetic")


def test_only_bars_that_are_new_are_added_and_gaps_are_seen(
    workspace: Workspace, connection: sqlite3.Connection, stored: PlainCandles
) -> None:
    longer = bars(80)
    kept = np.r_[0:65, 70:80]
    columns = {name: getattr(longer, name)[kept] for name in ("close_ms", "open", "high", "low", "close")}
    again = PlainCandles("btcusdt", MINUTE, **columns, volume=longer.volume[kept])
    result = store_bars(workspace, connection, again, source_name="a test", provenance="synthetic")
    assert (result.bars_added, result.bars_stored, result.report.gaps) == (15, 75, 1)


def test_a_price_that_cannot_be_is_refused_and_nothing_is_stored(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    series = bars(10)
    series.close[4] = np.nan
    with pytest.raises(BadCandles, match="close"):
        store_bars(workspace, connection, series, source_name="a test", provenance="live")
    assert candle_record(connection, "BTC/USDT", MINUTE) is None


def test_no_bar_at_all_is_refused(workspace: Workspace, connection: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="no bar"):
        store_bars(workspace, connection, bars(0), source_name="a test", provenance="live")


def test_a_provider_sees_a_series_grow(
    workspace: Workspace, connection: sqlite3.Connection, stored: PlainCandles
) -> None:
    provider = DataProvider(symbols=["btc-usdt"], workspace=workspace)
    try:
        assert provider.symbols == ("BTC/USDT",)
        assert provider.provenance == "synthetic"
        assert len(provider.candles("BTCUSDT").close_ms) == 60
        store_bars(workspace, connection, bars(61), source_name="a test", provenance="synthetic")
        assert len(provider.candles("BTC/USDT").close_ms) == 61
        with pytest.raises(NoCandles, match="ETH/USDT"):
            provider.candles("ETH/USDT")
    finally:
        provider.close()


class Given:
    """A provider of one series that a program holds itself."""

    def __init__(self, series: PlainCandles, provenance: str = "import") -> None:
        self.series, self.provenance, self.symbols = series, provenance, (series.symbol,)

    def candles(self, symbol: str) -> PlainCandles:
        return self.series


def test_playback_shows_no_bar_before_its_close() -> None:
    clock = [0.0]
    series = bars(60)
    first = int(series.close_ms[0])
    playback = PlaybackProvider(Given(series), start_ms=first, speed=60.0, seconds=lambda: clock[0])
    assert len(playback.candles("BTC/USDT").close_ms) == 1
    clock[0] = 1.0  # a minute of the market
    assert playback.now_ms == first + MINUTE
    assert len(playback.candles("BTC/USDT").close_ms) == 2
    playback.advance(MINUTE - 1)
    assert len(playback.candles("BTC/USDT").close_ms) == 2
    playback.advance(1)
    seen = playback.candles("BTC/USDT")
    assert seen.close.tobytes() == truncate(series, 3).close.tobytes()


def test_playback_says_that_it_is_playback_unless_its_market_is_made_up() -> None:
    series = bars(3)
    assert PlaybackProvider(Given(series), start_ms=START).provenance == "playback"
    assert PlaybackProvider(Given(series, "synthetic"), start_ms=START).provenance == "synthetic"


def test_a_playback_that_stands_still_or_goes_back_is_refused() -> None:
    source = Given(bars(3))
    with pytest.raises(ValueError, match="above 0"):
        PlaybackProvider(source, start_ms=START, speed=0.0)
    with pytest.raises(ValueError, match="forward"):
        PlaybackProvider(source, start_ms=START).advance(-1)
