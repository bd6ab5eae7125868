"""freqtrade's files: the shared real ones, older schemas, a database that is being written to."""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cointrader.interop.file_kind import FileRefused
from cointrader.interop.freqtrade.backtest import read_freqtrade_backtest
from cointrader.interop.freqtrade.database import read_freqtrade_database

BACKTEST = "bot_history/freqtrade_backtest-result-2024-09-06_13-01-00.json"


def make_database(path: Path, columns: str, *rows: tuple[object, ...]) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE trades (id INTEGER PRIMARY KEY, {columns})")
    connection.execute("CREATE TABLE pairlocks (id INTEGER PRIMARY KEY)")
    marks = ", ".join("?" * (len(columns.split(",")) + 1))
    connection.executemany(f"INSERT INTO trades VALUES ({marks})", rows)
    connection.commit()
    return connection


OLD = "pair, is_open, fee_open, fee_close, open_rate, close_rate, amount, open_date, close_date, sell_reason"
OLD_ROW = (
    1, "ETH/USDT", 0, 0.001, 0.001, 100.0, 110.0, 2.0, "2021-03-01 10:00:00", "2021-03-01 11:00:00", "roi"
)  # fmt: skip


@pytest.mark.shared_data
def test_the_real_database_has_two_open_trades(shared_data: Path) -> None:
    history = read_freqtrade_database(shared_data / "bot_history/freqtrade_tradesv3.sqlite", "it")
    assert (history.rows, history.open_trades, history.closed_trades) == (2, 2, 0)
    assert [trade.pair for trade in history.trades] == ["FTM/USDT", "XRP/USDT"]
    assert history.trades[0].fees == pytest.approx(0.0092584)


@pytest.mark.shared_data
def test_the_real_backtest_earns_to_the_last_digit_what_freqtrade_says(shared_data: Path) -> None:
    history = read_freqtrade_backtest(shared_data / BACKTEST, "it")
    (result,) = json.loads((shared_data / BACKTEST).read_text())["strategy"].values()
    assert (history.rows, history.closed_trades, history.start_equity) == (195, 195, 60)
    assert sum(trade.pnl > 0 for trade in history.trades) == 193
    for trade, record in zip(history.trades, result["trades"], strict=True):
        assert trade.pnl == pytest.approx(record["profit_abs"], abs=1e-8)  # freqtrade rounds to eight digits


@pytest.mark.shared_data
def test_a_zipped_export_is_the_same_export(shared_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("backtest-result-1_config.json", '{"strategy": "name"}')
        archive.write(shared_data / BACKTEST, "backtest-result-1.json")
    plain = read_freqtrade_backtest(shared_data / BACKTEST, "it")
    assert read_freqtrade_backtest(tmp_path / "export.zip", "it") == plain


def test_an_old_database_is_read_by_the_names_it_has(tmp_path: Path) -> None:
    make_database(tmp_path / "old.sqlite", OLD, OLD_ROW).close()
    (trade,) = read_freqtrade_database(tmp_path / "old.sqlite", "it").trades
    assert (trade.exit_reason, trade.side, trade.strategy) == ("target", "long", "freqtrade")
    assert trade.pnl == pytest.approx(2 * 10 - 0.001 * 200 - 0.001 * 220)


def test_a_row_that_cannot_be_used_is_refused_alone(tmp_path: Path) -> None:
    broken = (2, *OLD_ROW[1:5], -1.0, *OLD_ROW[6:])
    make_database(tmp_path / "old.sqlite", OLD, OLD_ROW, broken).close()
    history = read_freqtrade_database(tmp_path / "old.sqlite", "it")
    assert len(history.trades) == 1
    assert [(row.line, row.field) for row in history.refused] == [(2, "open_rate")]


def test_a_database_in_use_is_read_with_its_log_and_nothing_appears_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "bot"
    folder.mkdir()
    path = folder / "tradesv3.sqlite"
    with closing(make_database(path, OLD)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"INSERT INTO trades VALUES ({', '.join('?' * 11)})", OLD_ROW)
        connection.commit()
        before = {each.name: each.stat().st_mtime_ns for each in folder.iterdir()}
        assert "tradesv3.sqlite-wal" in before
        assert len(read_freqtrade_database(path, "it").trades) == 1
        assert {each.name: each.stat().st_mtime_ns for each in folder.iterdir()} == before


def test_a_closed_database_gets_no_files_beside_it(tmp_path: Path) -> None:
    make_database(tmp_path / "old.sqlite", OLD, OLD_ROW).close()
    os.chmod(tmp_path / "old.sqlite", 0o400)
    read_freqtrade_database(tmp_path / "old.sqlite", "it")
    assert [each.name for each in tmp_path.iterdir()] == ["old.sqlite"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!doctype html><html>", "no SQLite database"),
        (b"SQLite format 3\x00" + b"\xff" * 2000, "no SQLite database"),
    ],
)
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "tradesv3.sqlite").write_bytes(content)
    with pytest.raises(FileRefused, match=words):
        read_freqtrade_database(tmp_path / "tradesv3.sqlite", "it")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ('{"strategy": {"a": {"trades": [', "not whole JSON"),
        ("[]", "must be a JSON object"),
        ('{"strategy": {"a": {}}}', "strategy.a.trades: must be a list"),
    ],
)
def test_an_export_that_broke_off_is_refused(tmp_path: Path, document: str, words: str) -> None:
    (tmp_path / "export.json").write_text(document)
    with pytest.raises(FileRefused, match=words):
        read_freqtrade_backtest(tmp_path / "export.json", "export.json")


def test_a_short_earns_when_the_price_falls_and_pays_its_funding(tmp_path: Path) -> None:
    record: dict[str, Any] = {
        "pair": "BTC/USDT:USDT", "amount": 2.0, "open_rate": 100.0, "close_rate": 90.0, "fee_open": 0.0,
        "fee_close": 0.0, "open_timestamp": 1_700_000_000_000, "close_timestamp": 1_700_000_600_000,
        "is_short": True, "exit_reason": "stop_loss", "funding_fees": -0.5, "enter_tag": "force_entry",
    }  # fmt: skip
    (tmp_path / "export.json").write_text(json.dumps({"strategy": {"a": {"trades": [record]}}}))
    (trade,) = read_freqtrade_backtest(tmp_path / "export.json", "it").trades
    assert (trade.side, trade.gross, trade.pnl, trade.exit_reason) == ("short", 20.0, 19.5, "stop")
    assert trade.signal is None  # the operator opened it by hand
