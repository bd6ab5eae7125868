"""Series in Parquet: what was written is read, or it is refused."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from storage.candles import (
    CandleFileRow,
    Candles,
    CandlesDamaged,
    CandlesMissing,
    list_candles,
    parse_timeframe,
    read_candles,
    save_candle_record,
    save_instrument,
    timeframe_text,
    write_candles,
)
from storage.database import transaction
from storage.workspace import Workspace

START_MS = 1_704_067_260_000


def candles_of(bars: int = 50, *, symbol: str = "BTC/USDT", shift: float = 0.0) -> Candles:
    close = 100.0 + shift + np.arange(bars) % 7
    close_ms = START_MS + 60_000 * np.arange(bars, dtype=np.int64)
    return Candles(symbol, 60_000, close_ms, close - 0.5, close + 1, close - 1, close, np.ones(bars))


def keep(workspace: Workspace, connection: sqlite3.Connection, candles: Candles) -> CandleFileRow:
    """Stores a series as an import does."""
    path, sha256 = write_candles(workspace, candles)
    base, quote = candles.symbol.split("/")
    with transaction(connection):
        instrument_id = save_instrument(
            connection, base=base, quote=quote, venue="", symbol=candles.symbol, first_seen_ms=START_MS
        )
        known = [row for row in list_candles(connection) if row.symbol == candles.symbol]
        row = CandleFileRow(
            id=known[0].id if known else 0,
            instrument_id=instrument_id,
            symbol=candles.symbol,
            timeframe_ms=candles.timeframe_ms,
            path=path,
            sha256=sha256,
            source_name="test",
            source_sha256="",
            dialect="header",
            first_close_ms=int(candles.close_ms[0]),
            last_close_ms=int(candles.close_ms[-1]),
            bars=len(candles),
            gaps=0,
            missing_bars=0,
            duplicates=0,
            refused=0,
            zero_volume=0,
            provenance="synthetic",
            imported_ms=START_MS,
        )
        return replace(row, id=save_candle_record(connection, row))


def test_a_series_is_read_as_it_was_written(workspace: Workspace, connection: sqlite3.Connection) -> None:
    written = candles_of()
    keep(workspace, connection, written)
    read = read_candles(workspace, "BTC/USDT", 60_000, connection=connection)
    assert (read.symbol, read.timeframe_ms) == (written.symbol, written.timeframe_ms)
    assert np.array_equal(read.close_ms, written.close_ms)
    for name, values in written.columns.items():
        assert np.array_equal(read.columns[name], values)
        assert read.columns[name].flags.writeable


def test_the_file_is_plain_parquet_under_a_name_that_carries_its_hash(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    row = keep(workspace, connection, candles_of())
    table = pq.read_table(workspace.root / row.path)
    assert table.column_names == ["close_ms", "open", "high", "low", "close", "volume"]
    assert row.path == f"candles/BTC_USDT-1m-{row.sha256[:16]}.parquet"
    assert [path.name for path in workspace.candles.iterdir()] == [Path(row.path).name]


def test_the_same_series_gives_the_same_file(workspace: Workspace) -> None:
    assert write_candles(workspace, candles_of()) == write_candles(workspace, candles_of())


@pytest.mark.parametrize("offset", [4, 200, -10])
def test_one_changed_byte_is_refused_before_anything_is_parsed(
    workspace: Workspace, connection: sqlite3.Connection, offset: int
) -> None:
    path = workspace.root / keep(workspace, connection, candles_of()).path
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)
    with pytest.raises(CandlesDamaged, match="SHA-256"):
        read_candles(workspace, "BTC/USDT", 60_000, connection=connection)


def test_a_series_that_is_not_there_says_how_to_get_it(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    with pytest.raises(CandlesMissing, match=r"no 1m candles of BTC/USDT.*cointrader import"):
        read_candles(workspace, "BTC/USDT", 60_000, connection=connection)


def test_a_file_that_is_gone_is_said_by_its_name(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    path = workspace.root / keep(workspace, connection, candles_of()).path
    path.unlink()
    with pytest.raises(CandlesMissing, match=path.name):
        read_candles(workspace, "BTC/USDT", 60_000, connection=connection)


def test_the_newest_state_of_a_series_is_read_and_its_row_is_one(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    first = keep(workspace, connection, candles_of(50))
    second = keep(workspace, connection, candles_of(60))
    (row,) = list_candles(connection)
    assert row.id == first.id == second.id
    assert row.rev > 0
    assert len(read_candles(workspace, "BTC/USDT", 60_000, connection=connection)) == 60


def test_series_are_listed_by_symbol(workspace: Workspace, connection: sqlite3.Connection) -> None:
    for symbol in ("ETH/USDT", "BTC/USDT"):
        keep(workspace, connection, candles_of(symbol=symbol))
    assert [row.symbol for row in list_candles(connection)] == ["BTC/USDT", "ETH/USDT"]


def test_an_instrument_is_one_row_whose_first_sight_only_moves_back(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        for first_seen_ms in (2_000, 1_000, 3_000):
            save_instrument(
                connection, base="BTC", quote="USDT", venue="", symbol="BTC/USDT", first_seen_ms=first_seen_ms
            )
    assert connection.execute("SELECT first_seen_ms FROM instrument").fetchall() == [(1_000,)]


@pytest.mark.parametrize("fault", ["order", "repeat", "length", "dtype", "timeframe"])
def test_candles_that_are_no_series_cannot_be_made(fault: str) -> None:
    good = candles_of()
    times = good.close_ms.copy()
    if fault == "order":
        times[5], times[6] = times[6], times[5]
    if fault == "repeat":
        times[5] = times[4]
    changes = {
        "length": {"volume": np.ones(3)},
        "dtype": {"open": np.ones(50, dtype=np.float32)},
        "timeframe": {"timeframe_ms": 0},
    }
    with pytest.raises(ValueError, match="BTC/USDT"):
        replace(good, **changes.get(fault, {"close_ms": times}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "timeframe_ms"),
    [
        ("1m", 60_000),
        ("5min", 300_000),
        ("1h", 3_600_000),
        ("1D", 86_400_000),
        ("1w", 604_800_000),
        ("30s", 30_000),
    ],
)
def test_timeframes_have_names(text: str, timeframe_ms: int) -> None:
    assert parse_timeframe(text) == timeframe_ms
    assert parse_timeframe(timeframe_text(timeframe_ms)) == timeframe_ms


@pytest.mark.parametrize("text", ["1M", "0m", "m", "5", "-5m", "1y", ""])
def test_what_is_no_timeframe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a timeframe"):
        parse_timeframe(text)
