"""Candles that the bot caches: imported while it runs, gathered into few jobs, never twice."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cointrader.jobs.bot_candles import BotCandles
from storage.candles import list_candles
from storage.jobs import list_jobs
from storage.workspace import Workspace
from tests.cointrader.jobs.test_watcher import worker
from tests.conftest import Eventually

START_S = 1_704_067_200
LONG_AGO = 1_700_000_000


def cache(folder: Path, name: str, bars: int, changed_s: int = LONG_AGO) -> Path:
    """A file as the bot writes it: times in seconds (synthetic prices)."""
    path = folder / "crypto_bot" / "data" / "ohlcv" / "kraken" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    times = [START_S + 60 * bar for bar in range(bars)]
    prices = [100.0 + bar % 7 for bar in range(bars)]
    columns = {"timestamp": times, "open": prices, "high": prices, "low": prices, "close": prices}
    pq.write_table(pa.table({**columns, "volume": [1.0] * bars}), path)
    os.utime(path, (changed_s, changed_s))
    return path


def test_a_worker_imports_what_the_bot_caches(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path, eventually: Eventually
) -> None:
    cache(tmp_path / "bot", "BTC-USDT_1m.parquet", 50)
    cache(tmp_path / "bot", "ETH-USDT_1m.parquet", 40)
    workspace.config.write_text(f'[bot]\nfolder = "{tmp_path / "bot"}"\ntimezone = "UTC"\n')
    with worker(workspace):
        eventually(lambda: len(list_candles(connection)) == 2)
        eventually(lambda: all(job.state == "succeeded" for job in list_jobs(connection)))
    assert {(row.symbol, row.bars) for row in list_candles(connection)} == {
        ("BTC/USDT", 50),
        ("ETH/USDT", 40),
    }
    assert [job.title for job in list_jobs(connection)] == ["bot: candles of 2 files"]


def test_changes_are_gathered_and_queued_once_a_pause(connection: sqlite3.Connection, tmp_path: Path) -> None:
    now = [0.0]
    candles = BotCandles(tmp_path, connection, pause_seconds=900.0, clock=lambda: now[0])
    assert candles.look() == 0
    bitcoin = cache(tmp_path, "BTC-USDT_1m.parquet", 5)
    first = candles.look()
    cache(tmp_path, "BTC-USDT_1m.parquet", 6, LONG_AGO + 60)
    now[0] = 899.0
    assert candles.look() == 0
    now[0] = 900.0
    second = candles.look()
    now[0] = 1_800.0
    assert candles.look() == 0
    jobs = {job.id: job.arguments for job in list_jobs(connection)}
    assert jobs == {first: {"paths": [str(bitcoin)]}, second: {"paths": [str(bitcoin)]}}


def test_a_file_that_is_being_written_waits_until_it_is_whole(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    candles = BotCandles(tmp_path, connection, pause_seconds=900.0)
    path = cache(tmp_path, "BTC-USDT_1m.parquet", 5, int(time.time()) + 60)
    assert candles.look() == 0
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert candles.look() > 0


@pytest.mark.parametrize("name", ["BTC-USDT_1m.parquet.tmp", "user_config.yaml"])
def test_only_finished_candle_files_are_looked_at(
    connection: sqlite3.Connection, tmp_path: Path, name: str
) -> None:
    cache(tmp_path, name, 5)
    assert BotCandles(tmp_path, connection, pause_seconds=0.0).look() == 0
