"""Where a series has gaps: kept in place of the older ones, and shared out over a strip."""

from __future__ import annotations

import sqlite3

import pytest

from storage.candle_gaps import coverage, longest_gaps, replace_gaps
from storage.candles.records import CandleFileRow, save_candle_record, save_instrument
from storage.database import transaction

MINUTE_MS = 60_000


@pytest.fixture
def series(connection: sqlite3.Connection) -> int:
    """A hundred minutes of BTC/USDT; the first bar closes at minute 1."""
    return add_series(connection, "BTC/USDT")


def add_series(connection: sqlite3.Connection, symbol: str) -> int:
    base, quote = symbol.split("/")
    with transaction(connection):
        instrument = save_instrument(
            connection, base=base, quote=quote, venue="", symbol=symbol, first_seen_ms=MINUTE_MS
        )
        row = CandleFileRow(
            id=0, instrument_id=instrument, symbol=symbol, timeframe_ms=MINUTE_MS, path=f"{base}.parquet",
            sha256="", source_name="x.csv", source_sha256="", dialect="csv", first_close_ms=MINUTE_MS,
            last_close_ms=100 * MINUTE_MS, bars=90, gaps=2, missing_bars=10, duplicates=0, refused=0,
            zero_volume=0, provenance="import", imported_ms=0,
        )  # fmt: skip
        return save_candle_record(connection, row)


def gaps_of(connection: sqlite3.Connection, series: int, *missing: tuple[int, int]) -> None:
    """Gaps in minutes, the first and the last that are missing."""
    with transaction(connection):
        replace_gaps(connection, series, ((a * MINUTE_MS, b * MINUTE_MS) for a, b in missing))


def strip(connection: sqlite3.Connection, series: int, columns: int) -> list[float]:
    parts = coverage(connection, series, MINUTE_MS, MINUTE_MS, 100 * MINUTE_MS, columns)
    return [round(part, 6) for part in parts]


def test_a_series_without_gaps_is_full(connection: sqlite3.Connection, series: int) -> None:
    assert strip(connection, series, 10) == [1.0] * 10


def test_missing_bars_are_shared_out_over_the_parts_they_lie_in(
    connection: sqlite3.Connection, series: int
) -> None:
    gaps_of(connection, series, (3, 4), (7, 7), (19, 42))
    assert strip(connection, series, 10) == [0.7, 0.8, 0.0, 0.0, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_a_strip_of_any_width_misses_as_much_as_the_gaps_do(
    connection: sqlite3.Connection, series: int
) -> None:
    gaps_of(connection, series, *((minute, minute) for minute in range(2, 60, 3)), (70, 99))
    for columns in (1, 3, 7, 33, 64, 250):
        missing = sum(1.0 - part for part in strip(connection, series, columns)) / columns
        assert missing == pytest.approx((20 + 30) / 100, abs=1e-5)


def test_new_gaps_replace_the_old_ones_of_their_series_only(
    connection: sqlite3.Connection, series: int
) -> None:
    other = add_series(connection, "ETH/USDT")
    gaps_of(connection, series, (3, 4))
    gaps_of(connection, other, (50, 50))
    gaps_of(connection, series, (9, 9))
    assert [gap.from_ms for gap in longest_gaps(connection, series, MINUTE_MS, 9)] == [9 * MINUTE_MS]
    assert [gap.from_ms for gap in longest_gaps(connection, other, MINUTE_MS, 9)] == [50 * MINUTE_MS]


def test_the_longest_gap_comes_first_and_says_how_many_bars_it_misses(
    connection: sqlite3.Connection, series: int
) -> None:
    gaps_of(connection, series, (3, 4), (20, 27), (40, 40))
    found = longest_gaps(connection, series, MINUTE_MS, 2)
    assert [(gap.from_ms // MINUTE_MS, gap.to_ms // MINUTE_MS, gap.bars) for gap in found] == [
        (20, 27, 8),
        (3, 4, 2),
    ]
