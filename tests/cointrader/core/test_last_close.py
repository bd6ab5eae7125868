"""A signal without a price is decided by the last close of its symbol, while that is fresh."""

import numpy as np

from storage.candles import CandleFileRow, Candles, save_candle_record, save_instrument, write_candles
from storage.database import transaction
from tests.cointrader.core.desk_of_test import NOON_MS, Core

BAR_MS = 300_000


def store_close(core: Core, price: float, close_ms: int) -> None:
    closes = np.array([price / 2, price])
    times = np.array([close_ms - BAR_MS, close_ms], dtype=np.int64)
    series = Candles("BTC/USDT", BAR_MS, times, closes, closes, closes, closes, np.ones(2))
    path, sha256 = write_candles(core.workspace, series)
    with transaction(core.connection):
        instrument = save_instrument(
            core.connection, base="BTC", quote="USDT", venue="", symbol="BTC/USDT", first_seen_ms=close_ms
        )
        row = CandleFileRow(
            id=0,
            instrument_id=instrument,
            symbol="BTC/USDT",
            timeframe_ms=BAR_MS,
            path=path,
            sha256=sha256,
            source_name="test",
            source_sha256=sha256,
            dialect="test",
            first_close_ms=int(times[0]),
            last_close_ms=close_ms,
            bars=2,
            gaps=0,
            missing_bars=0,
            duplicates=0,
            refused=0,
            zero_volume=0,
            provenance="synthetic",
            imported_ms=close_ms,
        )
        save_candle_record(core.connection, row)


def test_the_last_close_stands_in_for_a_missing_price(core: Core) -> None:
    store_close(core, 40_000.0, NOON_MS - 60_000)
    assert core.executor.execute_logic_tree(core.signal(price=None)), core.executor.last_rejection
    assert core.rows("SELECT price FROM signal") == [(40_000.0,)]


def test_a_last_close_that_is_stale_decides_nothing(core: Core) -> None:
    store_close(core, 40_000.0, NOON_MS - 3 * BAR_MS)
    assert core.executor.execute_logic_tree(core.signal(price=None)) is None
    assert core.rows("SELECT stage, code, limit_value, actual_value FROM rejection") == [
        ("filter", "stale_price", 2.0, 3.0)
    ]


def test_without_candles_there_is_no_price(core: Core) -> None:
    assert core.executor.execute_logic_tree(core.signal(price=None)) is None
    assert core.rejections() == [("filter", "no_price")]


def test_a_damaged_file_of_candles_is_no_price(core: Core) -> None:
    store_close(core, 50_000.0, NOON_MS)
    for file in core.workspace.candles.rglob("*.parquet"):
        file.write_bytes(b"no candles")
    assert core.executor.execute_logic_tree(core.signal(price=None)) is None
    assert core.rejections() == [("filter", "no_price")]
