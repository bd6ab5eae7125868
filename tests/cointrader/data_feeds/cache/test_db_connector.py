"""The connector: what is stored comes back typed and in order, what is bad is refused and kept apart."""

from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.records.validation import RecordRefused
from storage.database import connect
from storage.workspace import Workspace

PRICE: dict[str, Any] = {"symbol": "BTCUSDT", "price": 50000.0, "volume": 10.0, "timestamp": 1234567890.0}


@pytest.fixture
def db(workspace: Workspace) -> Any:
    with DBConnector(workspace=workspace) as opened:
        yield opened


def test_a_price_without_a_type_is_found_as_one(db: DBConnector) -> None:
    key = db.store(PRICE)
    assert key == "data_feed:1234567890.0:BTCUSDT:crypto_price"
    (found,) = db.backfill("crypto_price:*")
    assert found == {**PRICE, "type": "crypto_price"}
    assert isinstance(found["price"], float) and isinstance(found["timestamp"], float)
    assert db.retrieve(key) == db.retrieve("data_feed:*:BTCUSDT:*") == found
    assert db.retrieve("crypto_price:ETHUSDT") is None


def test_records_come_in_order_of_time_whatever_the_order_they_came_in(db: DBConnector) -> None:
    for moment in (30, 10, 20):
        db.store({**PRICE, "timestamp": 1.5e9 + moment, "price": float(moment)})
    assert [each["price"] for each in db.backfill("crypto_price:*")] == [10.0, 20.0, 30.0]
    assert db.backfill("crypto_price:*", limit=2)[-1]["price"] == 20.0
    newest = db.retrieve("crypto_price:*")
    assert newest is not None and newest["price"] == 30.0


def test_a_backfill_has_no_limit_of_its_own(db: DBConnector) -> None:
    kept, refused = db.store_many({**PRICE, "timestamp": 1.5e9 + n} for n in range(2_500))
    assert (kept, refused) == (2_500, 0)
    assert len(db.backfill("crypto_price:*")) == db.count("crypto_price:*") == 2_500
    assert [len(page) for page in db.pages("*", 1_000)] == [1_000, 1_000, 500]


def test_an_order_book_is_stored_like_any_other_record(db: DBConnector) -> None:
    book = {
        "symbol": "BTCUSDT",
        "bids": [[99.0, 1.0], [98.0, 2.0]],
        "asks": [[100.0, 1.0]],
        "timestamp": 1.5e9,
    }
    db.store(book)
    (found,) = db.backfill("order_book:*")
    assert found["bids"] == [[99.0, 1.0], [98.0, 2.0]] and found["asks"] == [[100.0, 1.0]]


def test_two_indicators_of_one_moment_are_both_kept(db: DBConnector) -> None:
    for name in ("rsi", "vwap"):
        db.store({"symbol": "A", "indicator": name, "value": 1.0, "timestamp": 1.5e9})
    assert [each["indicator"] for each in db.backfill("indicator:*")] == ["rsi", "vwap"]


def test_a_bad_record_is_refused_with_its_reason_and_kept_in_quarantine(
    db: DBConnector, workspace: Workspace
) -> None:
    with pytest.raises(RecordRefused, match=r"crypto_price\.price: -1 is not above 0"):
        db.store({**PRICE, "price": -1.0})
    assert db.store_many([PRICE, {**PRICE, "volume": float("nan")}]) == (1, 1)
    connection = connect(workspace.database, readonly=True)
    rows = connection.execute("SELECT source_name, field, reason, raw FROM quarantine ORDER BY id").fetchall()
    connection.close()
    assert [row[:3] for row in rows] == [
        ("feed:crypto_price", "price", "-1 is not above 0"),
        ("feed:crypto_price", "volume", "nan is not finite"),
    ]
    assert '"price": -1.0' in rows[0][3]
    assert db.count() == 1


def test_a_whole_number_is_a_time_with_a_warning(db: DBConnector, caplog: pytest.LogCaptureFixture) -> None:
    db.store({**PRICE, "timestamp": 1234567890})
    assert "whole number" in caplog.text
    assert db.backfill("crypto_price:*")[0]["timestamp"] == 1234567890.0


def test_a_record_of_an_unknown_type_is_kept_as_it_is(db: DBConnector) -> None:
    db.store({"type": "funding", "symbol": "BTCUSDT", "rate": 0.0001, "timestamp": 1.5e9})
    assert db.backfill("funding:*")[0]["rate"] == 0.0001


def test_simulated_records_say_so(workspace: Workspace) -> None:
    with DBConnector(workspace=workspace, provenance="synthetic") as db:
        db.store(PRICE)
    connection = connect(workspace.database, readonly=True)
    assert connection.execute("SELECT provenance FROM feed_record").fetchall() == [("synthetic",)]
    connection.close()
    with pytest.raises(ValueError, match="no provenance"):
        DBConnector(workspace=workspace, provenance="invented")


def test_what_was_stored_is_there_for_the_next_process(workspace: Workspace, tmp_path: Path) -> None:
    with DBConnector(workspace=workspace) as first:
        first.store(PRICE)
    with DBConnector(workspace=str(workspace.root)) as second:
        assert len(second.backfill("crypto_price:*")) == 1


def test_several_threads_may_store(db: DBConnector) -> None:
    def store(part: int) -> None:
        for number in range(20):
            db.store({**PRICE, "timestamp": 1.5e9 + part * 100 + number})

    threads = [Thread(target=store, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.count("crypto_price:*") == 80


def test_records_are_copied_once(workspace: Workspace, tmp_path: Path) -> None:
    with DBConnector(workspace=workspace) as here, DBConnector(workspace=tmp_path / "other") as there:
        there.store_many({**PRICE, "timestamp": 1.5e9 + n} for n in range(5))
        assert here.copy_from(there) == 5
        assert here.copy_from(there) == 0
        assert here.backfill() == there.backfill()
