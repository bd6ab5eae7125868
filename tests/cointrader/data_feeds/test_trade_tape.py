"""Single trades, from every usual layout of files and in every usual spelling."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cointrader.data_feeds.records.validation import RecordRefused
from cointrader.data_feeds.trade_tape import TradeParser
from cointrader.interop.file_kind import ImportOptions
from storage.feed_records import find_records
from storage.workspace import Workspace
from tests.cointrader.data_feeds.feed_files import TAPE, counts, import_files


def test_a_tape_is_kept_trade_by_trade(workspace: Workspace, connection: sqlite3.Connection) -> None:
    (outcome,) = import_files(workspace, connection, [TAPE])
    assert (outcome.kind, outcome.symbol, outcome.rows) == ("trade_tape", "BTC/USDT", 30)
    first = find_records(connection, "trade_tape:BTCUSDT*") or find_records(connection, "trade_tape:*")
    assert first[0].source == "binance" and first[0].ts_ms == 1_605_499_846_000
    assert (first[0].data["price"], first[0].data["amount"], first[0].data["side"]) == (
        15993.5,
        0.026472,
        "any",
    )
    assert import_files(workspace, connection, [TAPE])[0].state == "already there"
    assert counts(connection) == {"trade_tape": 30}


@pytest.mark.parametrize(
    ("name", "text", "sides"),
    [
        ("ETHUSDT-trades-2021-01.csv", "1,730.5,0.5,365.25,1609459200123,True,True\n"
         "2,731.0,1.5,1096.5,1609459201123,False,True\n", ["sell", "buy"]),
        ("ETHUSDT-aggTrades-2021-01.csv", "9,730.5,0.5,11,12,1609459200123,true\n"
         "10,731.0,1.5,13,13,1609459201123,false\n", ["sell", "buy"]),
        ("ETHUSDT-trades-2025-01.csv", "1,730.5,0.5,365.25,1735689600123456,True,True\n", ["sell"]),
        ("ETHUSDT.csv", "id,price,qty,time,is_buyer_maker\n1,730.5,0.5,1609459200123,false\n", ["buy"]),
        ("ETHUSDT.csv", "timestamp,side,size,price\n2021-01-01 00:00:00,Sell,2,730\n", ["sell"]),
    ],
)  # fmt: skip
def test_every_usual_layout_is_recognised(
    workspace: Workspace,
    connection: sqlite3.Connection,
    tmp_path: Path,
    name: str,
    text: str,
    sides: list[str],
) -> None:
    path = tmp_path / name
    path.write_text(text)
    (outcome,) = import_files(workspace, connection, [path])
    assert (outcome.state, outcome.kind, outcome.symbol) == ("imported", "trade_tape", "ETH/USDT")
    found = find_records(connection, "trade_tape:*")
    assert [record.data["side"] for record in found] == sides
    assert 1_609_459_200_000 <= found[0].ts_ms < 1_735_689_601_000


def test_a_tape_whose_pair_nobody_names_is_refused(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "tape.csv"
    path.write_bytes(TAPE.read_bytes())
    (outcome,) = import_files(workspace, connection, [path])
    assert (outcome.state, outcome.field) == ("refused", "symbol")
    (named,) = import_files(workspace, connection, [path], ImportOptions(symbol="btcusdt"))
    assert named.state == "imported"


def test_bad_rows_are_kept_apart_with_their_reasons(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "binance_BTCUSDT_trades.csv"
    good = TAPE.read_text().splitlines()
    bad = ["1605499846,-5,0.1,ANY", "1605499846,nan,0.1,ANY", "1605499846,15993.5,0,ANY", "1605499846,15993"]
    path.write_text("\n".join([*good, *bad]))
    (outcome,) = import_files(workspace, connection, [path])
    assert (outcome.rows, outcome.refused, outcome.quarantined) == (34, 4, 4)
    rows = connection.execute("SELECT line, field, reason FROM quarantine ORDER BY line").fetchall()
    assert [row[:2] for row in rows] == [(31, "price"), (32, "price"), (33, "amount"), (34, "row")]
    assert rows[0][2] == "-5 is not above 0" and rows[3][2] == "has 2 fields and not 4"


def test_a_column_of_zeros_is_refused_whole(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "binance_BTCUSDT_trades.csv"
    path.write_text("".join(f"16054998{n:02d},0,0.1,ANY\n" for n in range(20)))
    (outcome,) = import_files(workspace, connection, [path])
    assert (outcome.state, outcome.line, outcome.field) == ("refused", 1, "price")
    assert "20 of 20 rows cannot be used" in outcome.reason and counts(connection) == {}


@pytest.mark.parametrize(
    ("trade", "side"),
    [
        ({"s": "BTCUSDT", "p": "1.5", "q": "2", "T": 1721347022504, "m": True, "t": 7}, "sell"),
        (
            {"symbol": "BTC/USDT", "price": 1.5, "amount": 2.0, "timestamp": 1721347022504, "side": "BUY"},
            "buy",
        ),
    ],
)
def test_a_trade_of_a_stream_and_one_of_ccxt_become_the_same(trade: dict[str, Any], side: str) -> None:
    parsed = TradeParser().parse_trade(trade)
    assert (parsed["price"], parsed["amount"], parsed["side"]) == (1.5, 2.0, side)
    assert parsed["timestamp"] == 1721347022.504


@pytest.mark.parametrize(
    ("trade", "field"),
    [
        ({"symbol": "BTCUSDT", "price": "x", "amount": 1, "timestamp": 1.7e9, "side": "buy"}, "price"),
        ({"symbol": "BTCUSDT", "price": 1, "amount": 1, "timestamp": 1.7e9, "side": "up"}, "side"),
        ({"symbol": "BTCUSDT", "price": 1, "amount": 1, "side": "buy"}, "timestamp"),
        ({"price": 1, "amount": 1, "timestamp": 1.7e9, "side": "buy"}, "symbol"),
    ],
)
def test_a_trade_that_lacks_something_is_refused_by_field(trade: dict[str, Any], field: str) -> None:
    with pytest.raises(RecordRefused) as caught:
        TradeParser().parse_trade(trade)
    assert caught.value.field == field


@pytest.mark.shared_data
def test_the_shared_tape_is_counted_as_its_readme_says(
    shared_data: Path, workspace: Workspace, connection: sqlite3.Connection
) -> None:
    (outcome,) = import_files(workspace, connection, [shared_data / "trades"])
    assert (outcome.rows, outcome.refused, outcome.details["sides"]["any"]) == (1_000, 0, 1_000)
