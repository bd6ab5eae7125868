"""Recorded books reach an agent whole and in order; one that cannot be used is named, and stops nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from cointrader.data_feeds.sample import BOOK_SYMBOL, sample_book
from cointrader.interop.file_kind import ImportOptions
from cointrader.trading.reward import normalized_reward
from cointrader.training import book_source
from cointrader.training.book_parsing import MOST_LEVELS, parse_books
from cointrader.training.book_source import books_of
from cointrader.training.rebuild import rebuild
from cointrader.training.session import train_agent
from cointrader.training.source import WorkspaceSource
from cointrader.training.verifying import verify
from models.errors import NotEnoughRows
from storage.database import transaction
from storage.feed_records import FeedRecord, append_records, find_records
from storage.insert import insert_rows
from storage.workspace import Workspace
from tests.cointrader.data_feeds.feed_files import PART_1, import_files

GOOD = {"bids": [[99.0, 2.0], [98.0, 1.0]], "asks": [[101.0, 3.0], [103.0, 1.0]], "bought": 5.0, "sold": 0.0}


def record(ts_ms: int, data: Mapping[str, Any], symbol: str = "BTC/USD", source: str = "") -> FeedRecord:
    return FeedRecord(ts_ms, "order_book", symbol, source, f"data_feed:{ts_ms}", data, "live", 1)


def keep(connection: sqlite3.Connection, *records: FeedRecord) -> None:
    with transaction(connection):
        append_records(connection, records)


def keep_text(connection: sqlite3.Connection, ts_ms: int, text: str) -> None:
    """A record whose text no program of ours has written."""
    columns = ("ts_ms", "received_ms", "type", "symbol", "source", "key", "data_json", "provenance")
    row = (ts_ms, 1, "order_book", "BTC/USD", "", "k", text, "live")
    with transaction(connection):
        insert_rows(connection, "feed_record", columns, [row])


def test_levels_are_told_in_bps_from_the_middle_and_in_money(connection: sqlite3.Connection) -> None:
    keep(connection, record(60_000, GOOD))
    (book,) = books_of(connection, "all")
    assert (book.symbol, book.ts_ms.tolist(), book.middle.tolist()) == ("BTC/USD", [60_000], [100.0])
    np.testing.assert_allclose(book.bids[0], [[100.0, 198.0], [200.0, 98.0]], rtol=1e-6)
    np.testing.assert_allclose(book.asks[0], [[100.0, 303.0], [300.0, 103.0]], rtol=1e-6)
    assert book.flow.tolist() == [[5.0, 0.0]] and book.left_out == ()


def test_levels_are_put_in_order_and_those_that_are_gone_are_dropped(connection: sqlite3.Connection) -> None:
    shuffled = {"bids": [[98, 1], [99.5, 0], [99, 2]], "asks": [[103.0, 1.0], [101.0, 3.0]]}
    keep(connection, record(60_000, GOOD), record(120_000, shuffled))
    (book,) = books_of(connection, "all")
    assert np.array_equal(book.bids[0], book.bids[1]) and np.array_equal(book.asks[0], book.asks[1])
    assert np.isnan(book.flow[1]).all(), "what was not recorded is not known, rather than nothing"


def test_a_shorter_book_ends_in_levels_that_are_not_known(connection: sqlite3.Connection) -> None:
    deep = {"bids": [[100.0 - k, 1.0] for k in range(1, 81)], "asks": [[101.0, 1.0]]}
    keep(connection, record(60_000, GOOD), record(120_000, deep))
    (book,) = books_of(connection, "all")
    assert book.bids.shape == book.asks.shape == (2, MOST_LEVELS, 2)
    assert np.isnan(book.bids[0, 2:]).all() and np.isfinite(book.bids[1]).all()


def test_what_cannot_be_used_is_named_with_its_reason_and_the_others_are_kept(
    connection: sqlite3.Connection,
) -> None:
    crossed = {**GOOD, "asks": [[98.5, 1.0]]}
    bad = [
        {**GOOD, "bids": []},
        crossed,
        {**GOOD, "asks": [[101.0, -1.0]]},
        {**GOOD, "asks": [[101.0]]},
        {"asks": GOOD["asks"]},
    ]
    keep(connection, *(record(60_000 * place, data) for place, data in enumerate(bad, start=1)))
    keep_text(connection, 600_000, '{"bids": [[99.0, 2.0]], "asks": [[10')
    keep_text(connection, 660_000, '{"bids": "none", "asks": [[101.0, 1.0]]}')
    keep_text(connection, 720_000, json.dumps(GOOD) + "\n" + json.dumps(GOOD))
    keep(connection, record(780_000, GOOD))
    (book,) = books_of(connection, "all")
    assert book.ts_ms.tolist() == [780_000]
    reasons = [
        "nobody stands on the side of its bids",
        "its best bid is not below its best ask",
        "a level of its asks is no price above 0 with an amount",
        "a level of its asks is no price above 0 with an amount",
        "nobody stands on the side of its bids",
        *["its text is damaged: no whole JSON of a book"] * 3,
    ]
    moments = [*range(60_000, 360_000, 60_000), 600_000, 660_000, 720_000]
    assert book.left_out == tuple(
        f"record {place} of BTC/USD, {moment} ms: {reason}"
        for place, (moment, reason) in enumerate(zip(moments, reasons, strict=True), start=1)
    )


def test_a_damaged_text_does_not_change_how_its_neighbours_are_read() -> None:
    good = [json.dumps({**GOOD, "bought": float(place)}) for place in range(50)]
    alone = parse_books(good)
    mixed = parse_books([*good[:20], "{", *good[20:]])
    kept = mixed.problem == ""
    assert (~kept).tolist().index(True) == 20 and kept.sum() == 50
    assert mixed.sides[kept].tobytes() == alone.sides.tobytes()
    assert mixed.flow[kept].tobytes() == alone.flow.tobytes()


def test_pages_make_no_difference(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    for place in range(1, 40):
        levels = int(generator.integers(1, 6))
        bids = [[100.0 - k, 1.0 + place] for k in range(1, levels + 1)]
        keep(connection, record(60_000 * (place // 2), {**GOOD, "bids": bids}))
    (whole,) = books_of(connection, "all")
    read = book_source.record_texts
    monkeypatch.setattr(book_source, "record_texts", lambda *given, **named: read(*given, **named, limit=7))
    (paged,) = books_of(connection, "all")
    for name in ("ts_ms", "middle", "bids", "asks", "flow"):
        assert getattr(whole, name).tobytes() == getattr(paged, name).tobytes(), name


def test_of_two_records_of_one_moment_the_last_one_counts(connection: sqlite3.Connection) -> None:
    later = {**GOOD, "bids": [[99.5, 1.0]], "asks": [[100.5, 1.0]]}
    keep(connection, record(60_000, GOOD), record(60_000, later))
    (book,) = books_of(connection, "all")
    assert book.ts_ms.tolist() == [60_000] and book.bids[0, 0, 0] == pytest.approx(50.0)


def test_books_of_two_exchanges_stay_apart(connection: sqlite3.Connection) -> None:
    other = {**GOOD, "bids": [[199.0, 1.0]], "asks": [[201.0, 1.0]]}
    keep(connection, record(60_000, GOOD, source="kraken"), record(61_000, other, source="coinbase"))
    assert [book.middle.tolist() for book in books_of(connection, "all")] == [[200.0], [100.0]]


def test_symbols_are_chosen_by_name_and_a_missing_one_says_what_there_is(
    connection: sqlite3.Connection,
) -> None:
    assert books_of(connection, "all") == []
    keep(connection, record(60_000, GOOD), record(60_000, GOOD, symbol="ETH/USD"))
    assert [book.symbol for book in books_of(connection, "eth/usd")] == ["ETH/USD"]
    with pytest.raises(NotEnoughRows, match=r"order books of SOL/USD \(there are: BTC/USD, ETH/USD\)"):
        books_of(connection, "SOL/USD, BTC/USD")


def test_a_stream_tells_what_was_bought_and_sold_between_two_books(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    import_files(workspace, connection, [PART_1])
    (book,) = books_of(connection, "all")
    trades = [each.data for each in find_records(connection, "trade_tape:*")]
    taken = {
        side: sum(t["price"] * t["amount"] for t in trades if t["side"] == side) for side in ("buy", "sell")
    }
    assert taken["buy"] > 0.0 and taken["sell"] > 0.0
    assert book.flow.sum(axis=0).tolist() == pytest.approx([taken["buy"], taken["sell"]], rel=1e-5)


def test_a_trade_on_a_book_is_rewarded_as_a_close_of_the_default_size(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    source = WorkspaceSource(workspace, connection)
    net = np.array([0.004, -0.0123, -1.5])
    paid = source.trade_rewards(net, 15.0)
    expected = [
        normalized_reward(
            pnl=1_000.0 * each, equity=10_000.0, notional=1_000.0, hold_minutes=15.0, history=()
        ).total
        for each in net
    ]
    assert paid.tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.xdist_group("torch")
def test_the_agent_trains_on_the_bundled_book_and_is_judged_against_holding(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    import_files(workspace, connection, [sample_book()], ImportOptions(symbol=BOOK_SYMBOL))
    result = train_agent(workspace, "cob_rl", {"steps": 10, "batch_size": 8, "evaluate_every": 5}, seed=3)
    assert (result.metric, result.baseline, result.version) == ("mean_reward", 0.0, 1)
    assert result.value is not None and np.isfinite(result.value)
    rows = connection.execute("SELECT rows, provenance FROM dataset").fetchall()
    assert rows == [(552, "import")]
    steps = connection.execute("SELECT count(*) FROM step WHERE session_id = ?", (result.session_id,))
    assert steps.fetchall() == [(10,)]
    assert rebuild(workspace, connection, result.session_id, 7).match
    assert verify(workspace, connection, result.session_id, 4, 6).match


@pytest.mark.xdist_group("torch")
def test_without_a_book_the_operator_is_told_to_import_one(workspace: Workspace) -> None:
    with pytest.raises(NotEnoughRows, match="no order book is recorded: import a table of books"):
        train_agent(workspace, "cob_rl", {})
