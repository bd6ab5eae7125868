"""Candles in, and strategies over them: what is refused names its place, what is told adds up."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage.workspace import Workspace
from tests.cointrader.cli.command import cointrader

HEADER = "timestamp,open,high,low,close,volume\n"


def candle_file(path: Path, *, spoiled_line: int = 0) -> Path:
    """600 five-minute bars; the close of one line may be no number."""
    lines = [HEADER]
    for bar in range(600):
        price = 100 + (bar * 37 % 83) / 10
        close = "nonsense" if bar + 2 == spoiled_line else f"{price + 0.1:.2f}"
        lines.append(f"{1_700_000_100 + 300 * bar},{price:.2f},{price + 1:.2f},{price - 1:.2f},{close},5\n")
    path.write_text("".join(lines))
    return path


def count(workspace: Workspace, table: str) -> int:
    with closing(sqlite3.connect(workspace.database)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_refused_file_names_line_and_field_and_does_not_keep_the_others_out(
    workspace: Workspace, tmp_path: Path
) -> None:
    good = candle_file(tmp_path / "SOL_USDT_5m.csv")
    empty = tmp_path / "ADA_USDT_5m.csv"
    empty.write_text("")
    missing = tmp_path / "XRP_USDT_5m.csv"
    paths = [str(empty), str(good), str(missing)]
    done = cointrader("import", *paths, "--json", workspace=workspace.root)
    assert done.returncode == 1
    refused, imported, absent = json.loads(done.stdout)
    states = [report["state"] for report in (refused, imported, absent)]
    assert states == ["refused", "imported", "refused"]
    assert imported["symbol"] == "SOL/USDT"
    assert (imported["rows"], imported["gaps"], imported["refused"], imported["quarantined"]) == (
        600,
        0,
        0,
        0,
    )
    assert refused["reason"]
    errors = [line for line in done.stderr.splitlines() if line.startswith("cointrader: refused: ")]
    assert [error.split(":")[2].strip() for error in errors] == [str(empty), str(missing)]


def test_a_bad_row_is_told_with_its_line_and_field(workspace: Workspace, tmp_path: Path) -> None:
    path = candle_file(tmp_path / "SOL_USDT_5m.csv", spoiled_line=77)
    done = cointrader("import", str(path), workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    assert "line 77: close: " in done.stdout
    assert count(workspace, "quarantine") == 1


@pytest.mark.slow
def test_a_backtest_of_a_file_leaves_the_workspace_as_it_was(workspace: Workspace, tmp_path: Path) -> None:
    path = candle_file(tmp_path / "SOL_USDT_5m.csv")
    arguments = ["backtest", "--candles", str(path), "--strategy", "momentum", "--json"]
    told = json.loads(cointrader(*arguments, workspace=workspace.root).stdout)
    assert (told["bars"], told["gaps"]) == (600, 0)
    assert told["signals"] == told["rejections"] + told["trades"]
    assert told["metrics"]["trades"] == told["trades"]
    assert count(workspace, "trading_run") == count(workspace, "signal") == 0
    kept = json.loads(cointrader(*arguments, "--store", workspace=workspace.root).stdout)
    assert count(workspace, "signal") == kept["signals"] == told["signals"]
    assert count(workspace, "position") == kept["trades"]


def test_a_backtest_of_stored_candles_is_kept(workspace: Workspace, tmp_path: Path) -> None:
    cointrader("import", str(candle_file(tmp_path / "SOL_USDT_5m.csv")), workspace=workspace.root)
    done = cointrader("backtest", "--strategy", "momentum", workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    assert "600 bars" in done.stdout
    assert "kept as run 1" in done.stdout
    assert count(workspace, "trading_run") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--strategy", "no_such"], 2, "no strategy named 'no_such'; known are momentum"),
        (["--strategy", "momentum", "--param", "fast=-5"], 2, "fast: -5 refused: must be 2 to 500 bars"),
        (["--strategy", "momentum", "--param", "fast"], 2, "must be NAME=VALUE"),
        (["--param", "fast=5"], 2, "STRATEGY.NAME=VALUE"),
        (["--symbol", "DOGE/USDT"], 1, "no DOGE/USDT in"),
    ],
)
def test_a_backtest_that_cannot_be_made_says_why(
    workspace: Workspace, arguments: list[str], status: int, said: str
) -> None:
    done = cointrader("backtest", *arguments, workspace=workspace.root)
    assert done.returncode == status
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.shared_data
def test_the_bitfinex_year_is_read_in_its_odd_order(workspace: Workspace, shared_data: Path) -> None:
    path = shared_data / "ohlcv" / "bitfinex_BTCUSD_1m_2019-04_2019-08.csv.gz"
    arguments = ["--candles", str(path), "--symbol", "BTC/USD", "--strategy", "momentum", "--json"]
    done = cointrader("backtest", *arguments, workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["symbols"], told["bars"], told["gaps"]) == (["BTC/USD"], 217_954, 1_577)
    assert told["trades"] > 0
    assert told["metrics"]["sharpe"] is not None
