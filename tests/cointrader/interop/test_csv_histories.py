"""Trade lists in CSV: Hummingbot's fills and Jesse's round trips."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cointrader.interop.file_kind import FileRefused
from cointrader.interop.hummingbot import read_hummingbot
from cointrader.interop.jesse import read_jesse

JESSE = (
    "id,strategy_name,symbol,exchange,type,entry_price,exit_price,qty,fee,size,PNL,PNL_percentage,"
    "holding_period,opened_at,closed_at\n"
)
HUMMINGBOT = (
    "exchange_trade_id,config_file_path,market,symbol,timestamp,order_id,trade_type,price,amount,trade_fee,"
    "trade_fee_in_quote\n"
)


@pytest.mark.shared_data
def test_every_real_fill_is_in_a_position(shared_data: Path) -> None:
    path = shared_data / "bot_history/hummingbot_trades_bot_ba.csv"
    with path.open(newline="") as file:
        charged = sum(float(row["trade_fee_in_quote"]) for row in csv.DictReader(file))
    history = read_hummingbot(path, "it")
    assert (history.rows, history.refused) == (392, ())
    bought = sum(
        fill.qty * (1 if fill.side == "buy" else -1) for trade in history.trades for fill in trade.fills
    )
    left = sum(trade.qty for trade in history.trades if trade.closed_ms is None)
    assert bought == pytest.approx(104.0)  # buys less sells of the file
    assert left >= 104.0
    assert sum(trade.fees for trade in history.trades) == pytest.approx(charged)


def test_a_fee_that_is_python_is_never_run(tmp_path: Path) -> None:
    bait = f"__import__('pathlib').Path('{tmp_path / 'run'}').touch()"
    path = tmp_path / "trades.csv"
    path.write_text(HUMMINGBOT + f'1,config,binance,SEI-USDT,1695032343000,o,BUY,0.1,80,"{bait}",0.01\n')
    assert read_hummingbot(path, "it").trades[0].fees == 0.01
    assert not (tmp_path / "run").exists()


def test_bad_fills_are_refused_with_line_and_field(tmp_path: Path) -> None:
    good = "1,config,binance,SEI-USDT,1695032343000,o,BUY,0.1,80,,0.01\n"
    path = tmp_path / "trades.csv"
    path.write_text(
        HUMMINGBOT + good + good + good.replace("BUY", "HOLD") + good.replace("0.1,80", "nan,80") + "1,b\n"
    )
    found = [(row.line, row.field) for row in read_hummingbot(path, "it").refused]
    assert found == [(3, "exchange_trade_id"), (4, "trade_type"), (5, "price"), (6, "trade_type")]


def test_a_round_trip_of_jesse_earns_its_pnl(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text(
        JESSE
        + "a,Trend,BTC-USDT,Binance,short,100,90,2,0.38,200,19.62,9.81,600,1700000000000,1700000600000\n"
    )
    (trade,) = read_jesse(path, "it").trades
    assert (trade.side, trade.strategy) == ("short", "Trend")
    assert trade.pnl == pytest.approx(19.62)
    assert sum(fill.fee for fill in trade.fills) == pytest.approx(0.38)


def test_a_column_that_is_missing_refuses_the_file(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text("symbol,type\nBTC-USDT,long\n")
    with pytest.raises(FileRefused, match=r"trades\.csv:1: entry_price"):
        read_jesse(path, "trades.csv")
