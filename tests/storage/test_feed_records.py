"""Records of feeds: only added, in order of time, found by the patterns of message brokers."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.database import transaction
from storage.errors import StorageError
from storage.feed_records import (
    COLUMNS,
    FeedRecord,
    append_records,
    column_values,
    count_records,
    every_record,
    find_records,
    newest_record,
    numbers_of,
    record_types,
)
from storage.staging import staged_rows


def record(ts_ms: int, type: str = "crypto_price", symbol: str = "BTCUSDT", **data: object) -> FeedRecord:
    inside = symbol.replace("USDT", "/USDT")
    key = f"data_feed:{ts_ms / 1000}:{symbol}:{type}"
    return FeedRecord(ts_ms, type, inside, "binance", key, {"symbol": symbol, **data}, "import")


def add(connection: sqlite3.Connection, *records: FeedRecord) -> None:
    with transaction(connection):
        append_records(connection, records)


def test_two_records_of_one_moment_are_two_records(connection: sqlite3.Connection) -> None:
    add(connection, record(5_000, price=1.0), record(5_000, price=2.0))
    assert [each.data["price"] for each in find_records(connection, "crypto_price:*")] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", [1, 2, 3, 4]),
        ("crypto_price:*", [1, 3]),
        ("crypto_price", [1, 3]),
        ("crypto_price:BTCUSDT", [1]),
        ("crypto_price:BTC/USDT", [1]),
        ("*_price:ETH*", [3]),
        ("c*", [1, 3]),
        ("*:BTCUSDT", [1, 2]),
        ("data_feed:*:BTCUSDT:*", [1, 2]),
        ("data_feed:2.0:*", [2]),
        ("*BTCUSDT*", [1, 2]),
        ("order_book:[A-C]*", [2]),
        ("nothing:*", []),
    ],
)
def test_channels_and_keys_both_match(connection: sqlite3.Connection, pattern: str, found: list[int]) -> None:
    add(
        connection,
        record(4_000, "trade_tape", "SOLUSDT"),
        record(1_000),
        record(3_000, symbol="ETHUSDT"),
        record(2_000, "order_book"),
    )
    assert [each.ts_ms // 1_000 for each in find_records(connection, pattern)] == found
    assert count_records(connection, pattern) == len(found)
    newest = newest_record(connection, pattern)
    assert (newest.ts_ms // 1_000 if newest else None) == (found[-1] if found else None)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), max_size=40),
    page=st.integers(1, 7),
)
def test_pages_hold_every_record_once_in_order_of_time(
    connection: sqlite3.Connection, moments: list[tuple[int, str]], page: int
) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM feed_record")
    add(connection, *(record(ts_ms, type) for ts_ms, type in moments))
    read = [(each.ts_ms, each.type) for each in every_record(connection, page=page)]
    assert read == sorted(moments, key=lambda each: each[0])
    assert record_types(connection) == sorted({type for _, type in moments})


def test_numbers_are_read_without_parsing_and_texts_are_none(connection: sqlite3.Connection) -> None:
    add(connection, record(2_000, price=5.0, volume="much"), record(1_000, price=4))
    assert numbers_of(connection, "crypto_price", ("price", "volume"), ["BTC/USDT"]) == [
        (1_000, "BTC/USDT", 4.0, None),
        (2_000, "BTC/USDT", 5.0, None),
    ]


def test_staged_rows_come_at_once_or_not_at_all(connection: sqlite3.Connection, tmp_path: Path) -> None:
    with staged_rows(connection, tmp_path, "feed_record", COLUMNS) as staging:
        staging.add([column_values(record(ts_ms), 7) for ts_ms in (1, 2)])
        assert count_records(connection) == 0
        with pytest.raises(RuntimeError), transaction(connection):
            staging.move()
            raise RuntimeError
        assert count_records(connection) == 0
        with transaction(connection):
            assert staging.move() == 2
    assert [each.received_ms for each in find_records(connection)] == [7, 7]
    assert list(tmp_path.glob("staging*")) == []


def test_staging_refuses_a_column_that_does_not_exist(connection: sqlite3.Connection, tmp_path: Path) -> None:
    with pytest.raises(StorageError), staged_rows(connection, tmp_path, "feed_record", ("id; DROP",)):
        pass
