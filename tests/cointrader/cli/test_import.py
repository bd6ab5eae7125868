"""`cointrader import`: everything at once, each file accounted for, questions only where somebody sits."""

import json
import os
import pty
import select
import subprocess
from pathlib import Path
from typing import Any

import pytest

from storage.workspace import Workspace
from tests.cointrader.cli.command import PROGRAM, cointrader
from tests.cointrader.data_feeds.candle_texts import bars, written

# The counts of the files' own description: kind, symbol, rows and, of candles and books, gaps.
SHARED = {
    "binance_BTC_USDT_5m_2024.csv.gz": ("candles.header", "BTC/USDT", 71_769, 0),
    "binance_ETH_USDT_5m_2024.csv.gz": ("candles.header", "ETH/USDT", 71_769, 0),
    "binance_SOL_USDT_5m_2024.csv.gz": ("candles.header", "SOL/USDT", 72_028, 0),
    "BTC_USDT-1h.feather": ("candles.feather", "BTC/USDT", 5_980, 0),
    "binance_BTC_USDT_1h_2017_2024.csv.gz": ("candles.header", "BTC/USDT", 58_419, 28),
    "bitfinex_BTCUSD_1m_2019-04_2019-08.csv.gz": ("candles.bitfinex", "BTC/USD", 217_954, 1_577),
    "Binance_DOGEUSDT_1h_cdd.csv.gz": ("candles.cryptodatadownload", "DOGE/USDT", 37_576, 19),
    "binance_usdm_btcusdt_20240718.gz": ("depth_stream", "BTC/USDT", 11_414, 0),
    "binance_usdm_btcusdt_20240719.gz": ("depth_stream", "BTC/USDT", 60_570, 0),
    "oe_btc_lob15_1m.csv.gz": ("book_csv", "BTC/USD", 600, 2),
    "binance_BTCUSDT_24h-trades_2020_11_16.csv": ("trade_tape", "BTC/USDT", 1_000, None),
    "freqtrade_backtest-result-2024-09-06_13-01-00.json": ("trades.freqtrade_backtest", None, 195, None),
    "freqtrade_tradesv3.sqlite": ("trades.freqtrade_sqlite", None, 2, None),
    "hummingbot_trades_bot_ba.csv": ("trades.hummingbot", None, 392, None),
    "crypto_news_with_sentiment_2024.csv": ("news", "", 217, None),
}


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_folder_of_everything_goes_in_with_one_command_and_the_counts_of_its_description(
    workspace: Workspace, shared_data: Path
) -> None:
    done = cointrader("import", str(shared_data), "--json", workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    reports = {Path(report["path"]).name: report for report in json.loads(done.stdout)}
    assert reports.pop("README.md")["state"] == "skipped"
    assert set(reports) == set(SHARED)
    for name, (kind, symbol, rows, gaps) in SHARED.items():
        report = reports[name]
        assert (report["state"], report["kind"], report["rows"]) == ("imported", kind, rows), name
        assert (report["refused"], report["quarantined"]) == (0, 0), name
        assert symbol is None or report["symbol"] == symbol, name
        assert gaps is None or report["gaps"] == gaps, name
    again = cointrader("import", str(shared_data), "--json", workspace=workspace.root)
    states = {Path(report["path"]).name: report["state"] for report in json.loads(again.stdout)}
    assert {name: states[name] for name in SHARED} == dict.fromkeys(SHARED, "already there")


def test_one_bad_file_among_good_ones_makes_the_status_1_and_a_table_tells_of_all(
    workspace: Workspace, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    written(data, bars(50), "BTCUSDT_1m.csv")
    (data / "tradesv3.sqlite").write_text("<html>404</html>")
    (data / "notes.md").write_text("# notes")
    done = cointrader("import", str(data), workspace=workspace.root)
    assert done.returncode == 1
    lines = [line.split() for line in done.stdout.splitlines()]
    header = ["file", "kind", "symbol", "rows", "gaps", "refused", "quarantined", "state"]
    assert header in lines
    assert ["BTCUSDT_1m.csv", "candles.ohlcv", "BTC/USDT", "50", "0", "0", "0", "imported"] in lines
    assert any(line[:1] == ["tradesv3.sqlite"] and "HTML" in line for line in lines)
    assert "skipped, as no data of a known kind: 1" in done.stdout
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("cointrader: ")]
    assert error.startswith(f"cointrader: refused: {data / 'tradesv3.sqlite'}:1: file: is an HTML page")


def test_the_json_of_a_file_has_the_names_that_scripts_rely_on(workspace: Workspace, tmp_path: Path) -> None:
    path = written(tmp_path, bars(50), "BTCUSDT_1m.csv")
    (report,) = json.loads(cointrader("import", str(path), "--json", workspace=workspace.root).stdout)
    named = {name: report[name] for name in ("path", "kind", "symbol", "rows", "gaps")}
    assert named == {
        "path": str(path),
        "kind": "candles.ohlcv",
        "symbol": "BTC/USDT",
        "rows": 50,
        "gaps": 0,
    }
    assert (report["refused"], report["quarantined"], report["state"]) == (0, 0, "imported")


def test_without_a_terminal_nothing_is_asked_and_the_option_is_named(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = written(tmp_path, bars(50), "prices.csv")
    done = cointrader("import", str(path), workspace=workspace.root, stdin="BTC/USDT\n")
    assert done.returncode == 1
    assert "name it with --symbol BTC/USDT" in done.stderr
    done = cointrader("import", str(path), "--symbol", "btcusdt", workspace=workspace.root)
    assert done.returncode == 0, done.stderr


def on_a_terminal(arguments: list[str], answers: dict[str, str]) -> tuple[int, str]:
    """Runs a command on a pseudo-terminal and types each answer when its words have appeared."""
    mine, theirs = pty.openpty()
    child = subprocess.Popen([*PROGRAM, *arguments], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    waiting: dict[str, Any] = dict(answers)
    try:
        while select.select([mine], [], [], 60.0)[0]:
            try:
                said += os.read(mine, 65_536)
            except OSError:  # the child has closed the terminal
                break
            for words in [words for words in waiting if words.encode() in said]:
                os.write(mine, f"{waiting.pop(words)}\n".encode())
        return child.wait(60.0), said.decode("utf-8", "replace")
    finally:
        child.kill()
        os.close(mine)


def test_on_a_terminal_what_nothing_says_is_asked_for(workspace: Workspace, tmp_path: Path) -> None:
    path = written(tmp_path, bars(50), "prices.csv")
    status, said = on_a_terminal(
        ["import", str(path), "--workspace", str(workspace.root)], {"Which pair is this": "eth/usdt"}
    )
    assert status == 0, said
    assert "candles.ohlcv, because" in said
    assert "50 bars of ETH/USDT 1m" in said


def test_a_preview_stores_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = written(tmp_path, bars(50), "prices.csv")
    done = cointrader("import", str(path), "--preview", workspace=workspace.root)
    assert done.returncode == 0, done.stderr
    assert "candles.ohlcv, because its rows have a time, four prices and a volume" in done.stdout
    assert "--symbol" in done.stdout
    assert f"| {bars(1)[0]}" in done.stdout
    assert list(workspace.candles.iterdir()) == []
