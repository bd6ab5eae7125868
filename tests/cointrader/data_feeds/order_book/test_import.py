"""Depth streams and level tables through the front door: records of the market, all of a file or none."""

import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from cointrader.interop.file_kind import ImportOptions
from storage.feed_records import find_records
from storage.workspace import Workspace
from tests.cointrader.data_feeds.feed_files import LEVELS, PART_1, PART_2, counts, import_files


def test_a_stream_leaves_every_trade_and_the_market_once_a_second(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    (outcome,) = import_files(workspace, connection, [PART_1])
    assert (outcome.state, outcome.kind, outcome.symbol) == ("imported", "depth_stream", "BTC/USDT")
    assert (outcome.rows, outcome.gaps, outcome.refused) == (300, 0, 0)
    assert outcome.details["messages"] == {"depthUpdate": 82, "bookTicker": 206, "trade": 11, "snapshot": 1}
    kept = counts(connection)
    assert kept["trade_tape"] == 11
    assert kept["order_book"] == kept["microstructure"] == kept["slippage"] > 3
    moments = [record.ts_ms for record in find_records(connection, "order_book:*")]
    assert all(moment % 1_000 == 0 for moment in moments) and len(set(moments)) == len(moments)


def test_a_record_of_a_second_holds_the_book_at_its_end(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    import_files(workspace, connection, [PART_1])
    book = find_records(connection, "order_book:BTCUSDT")[0].data
    metrics = find_records(connection, "microstructure:BTC/USDT")[0].data
    assert len(book["bids"]) == len(book["asks"]) == 10
    assert book["bids"] == sorted(book["bids"], reverse=True)
    assert metrics["spread"] == pytest.approx(book["asks"][0][0] - book["bids"][0][0])
    five = sum(amount for side in ("bids", "asks") for _, amount in book[side][:5])
    assert metrics["liquidity"] == pytest.approx(five)


def test_a_file_that_goes_on_where_another_ended_needs_no_snapshot(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    _, second = import_files(workspace, connection, [PART_1, PART_2])
    assert second.details["applied"] > 0 and second.gaps == 0
    assert "its book goes on where an earlier file ended" in second.notes
    assert counts(connection)["book_state"] == 2


def test_a_file_without_its_book_is_read_again_once_the_one_before_it_is_here(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    (alone,) = import_files(workspace, connection, [PART_2])
    assert alone.state == "imported" and "no book was rebuilt" in alone.notes[0]
    before = counts(connection)
    assert "order_book" not in before and before["trade_tape"] > 0
    assert import_files(workspace, connection, [PART_2])[0].state == "already there"
    import_files(workspace, connection, [PART_1])
    middle = counts(connection)
    (again,) = import_files(workspace, connection, [PART_2])
    after = counts(connection)
    assert again.state == "imported" and after["order_book"] > middle["order_book"]
    assert after["trade_tape"] == middle["trade_tape"]
    assert import_files(workspace, connection, [PART_2])[0].state == "already there"
    assert counts(connection) == after


def test_a_bad_line_is_kept_with_its_reason_and_the_loss_is_noticed(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    lines = gzip.decompress(PART_1.read_bytes()).splitlines(keepends=True)
    spoiled = next(n for n, line in enumerate(lines) if n > 50 and b"depthUpdate" in line)
    lines[spoiled] = lines[spoiled][:80] + b"\n"
    path = tmp_path / "stream.txt"
    path.write_bytes(b"".join(lines))
    (outcome,) = import_files(workspace, connection, [path])
    assert (outcome.state, outcome.refused, outcome.quarantined, outcome.gaps) == ("imported", 1, 1, 1)
    row = connection.execute("SELECT source_name, line, field, reason FROM quarantine").fetchall()[0]
    assert row[:3] == ("stream.txt", spoiled + 1, "message") and "not whole JSON" in row[3]
    assert "updates are missing before line" in outcome.notes[0]


def test_a_stream_cut_inside_its_compression_is_refused_whole(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(PART_1.read_bytes()[:20_000])
    (outcome,) = import_files(workspace, connection, [path])
    assert (outcome.state, outcome.field) == ("refused", "compression") and outcome.line > 1
    assert counts(connection) == {}
    assert not [name for name in workspace.root.iterdir() if name.name.startswith(".import-")]


def test_messages_of_a_second_symbol_are_refused(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    body = {"e": "trade", "E": 1721347022999, "s": "ETHUSDT", "t": 1, "p": "3400.00", "q": "1.0", "m": True}
    lines = gzip.decompress(PART_1.read_bytes())
    path = tmp_path / "two.txt"
    path.write_bytes(lines + b"1721347099080842761 " + json.dumps({"stream": "x", "data": body}).encode())
    (outcome,) = import_files(workspace, connection, [path])
    assert outcome.refused == 1 and "ETHUSDT is a second symbol" in outcome.refused_rows[0].reason


def test_a_table_of_levels_becomes_books_around_its_middle_price(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    (outcome,) = import_files(workspace, connection, [LEVELS], ImportOptions(symbol="BTC/USDC"))
    assert (outcome.kind, outcome.symbol, outcome.rows, outcome.gaps) == ("book_csv", "BTC/USDC", 5, 0)
    book = find_records(connection, "order_book:*")[0].data
    # 60590.015 (1 - 8.25e-8) is the best bid; 30,828.95 of money stand on it.
    assert book["bids"][0] == [60590.01, pytest.approx(30828.94921875 / 60590.01)]
    assert book["asks"][0][0] == pytest.approx(60590.02)
    assert len(book["bids"]) == 15


def test_a_table_of_levels_says_which_pair_was_assumed(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    (outcome,) = import_files(workspace, connection, [LEVELS])
    assert outcome.symbol == "BTC/USD" and "taken as BTC/USD" in outcome.notes[0]


@pytest.mark.slow
@pytest.mark.shared_data
def test_the_shared_order_books_are_counted_as_their_readme_says(
    shared_data: Path, workspace: Workspace, connection: sqlite3.Connection
) -> None:
    first, second, table = import_files(workspace, connection, [shared_data / "orderbook"])
    assert (first.rows, second.rows, table.rows) == (11_414, 60_570, 600)
    assert first.details["messages"] == {
        "depthUpdate": 3_326,
        "bookTicker": 7_113,
        "trade": 974,
        "snapshot": 1,
    }
    assert second.details["messages"] == {"depthUpdate": 5_696, "bookTicker": 45_147, "trade": 9_727}
    assert (first.gaps, second.gaps, table.gaps) == (0, 0, 2)
    assert counts(connection)["trade_tape"] == 10_701
