"""The way of a record to its row: measured at every stage by one clock, whatever the record is."""

import sqlite3
from pathlib import Path

import pytest

from cointrader.data_feeds.pipeline import LARGEST_BATCH, LONGEST_WAIT_MS, FeedPipeline
from cointrader.data_feeds.playback import PlaybackSink, play_file
from cointrader.data_feeds.realtime import LocalChannels, RealtimePublisher, RealtimeSubscriber
from cointrader.interop.file_kind import FileRefused
from storage.database import transaction
from storage.feed_records import find_records
from storage.latency import END_TO_END, latency_figures, percentile, target_ms, write_latency
from storage.workspace import Workspace
from tests.cointrader.data_feeds.feed_files import LEVELS, NEWS, PART_1, PART_2, TAPE, counts


class Clock:
    """A clock that moves by one millisecond whenever somebody looks at it, and by hand."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


def price(number: int, value: float = 100.0) -> dict[str, object]:
    return {"symbol": "BTCUSDT", "price": value, "volume": 1.0, "timestamp": 1.5e9 + number}


def micros(connection: sqlite3.Connection, stage: str) -> list[int]:
    rows = connection.execute("SELECT micros FROM latency WHERE stage = ? ORDER BY id", (stage,)).fetchall()
    return [row[0] for row in rows]


def test_every_stage_of_a_price_is_measured(connection: sqlite3.Connection) -> None:
    clock = Clock()
    pipeline = FeedPipeline(connection, clock_ns=clock)
    clock.now = 10_000_000
    pipeline.take("crypto_price", price(1), read_ns=5_000_000)
    pipeline.close()
    # The clock was looked at at 11 (start), 12 (clean), 13 (named), 14 to 16 (derived) ms and so on.
    assert micros(connection, "reading") == [6_000]
    assert micros(connection, "cleaning") == micros(connection, "normalising") == [1_000]
    assert micros(connection, "indicators") == micros(connection, "signals") == [1_000]
    (end,), (storing,) = micros(connection, END_TO_END), micros(connection, "storing")
    assert storing == 1_000 and end == clock_at_commit(clock) - 5_000


def clock_at_commit(clock: Clock) -> int:
    """The last time the first flush looked: two looks of the second flush come after it."""
    return clock.now // 1_000 - 2_000


def test_records_are_committed_together_but_none_waits_long(connection: sqlite3.Connection) -> None:
    clock = Clock()
    pipeline = FeedPipeline(connection, clock_ns=clock)
    pipeline.take("trade_tape", {**price(1), "amount": 1.0, "side": "buy"})
    assert counts(connection) == {}
    clock.now += int(LONGEST_WAIT_MS * 1e6)
    pipeline.take("trade_tape", {**price(2), "amount": 1.0, "side": "buy"})
    assert counts(connection) == {"trade_tape": 2}


def test_records_that_come_all_at_once_are_committed_in_parts(connection: sqlite3.Connection) -> None:
    pipeline = FeedPipeline(connection, clock_ns=lambda: 1)
    stored = []
    for number in range(2 * LARGEST_BATCH):
        trade = {"price": 100.0, "amount": 1.0, "side": "buy", "timestamp": 1.5e9 + number}
        assert pipeline.take("trade_tape", {"symbol": "BTCUSDT", "exchange": "binance", **trade})
        stored.append(len(find_records(connection, "trade_tape:*")))
    assert sorted(set(stored)) == [0, LARGEST_BATCH, 2 * LARGEST_BATCH]


def test_a_bad_record_is_kept_apart_and_the_others_go_on(connection: sqlite3.Connection) -> None:
    pipeline = FeedPipeline(connection, "synthetic")
    assert not pipeline.take("crypto_price", price(1, value=-5.0))
    assert pipeline.take("crypto_price", price(2))
    pipeline.close()
    assert (pipeline.refused, counts(connection)) == (1, {"crypto_price": 1})
    row = connection.execute("SELECT source_name, field, reason FROM quarantine").fetchall()[0]
    assert row == ("feed:crypto_price", "price", "-5 is not above 0")
    assert find_records(connection)[0].provenance == "synthetic"


def test_a_market_that_falls_for_long_gives_a_buy_and_its_indicators(connection: sqlite3.Connection) -> None:
    heard: list[str] = []
    channels = LocalChannels()
    RealtimeSubscriber(channels=channels).subscribe("*", lambda channel, _: heard.append(channel))
    pipeline = FeedPipeline(connection, publisher=RealtimePublisher(channels=channels))
    for number in range(20):
        pipeline.take("crypto_price", price(number, 100.0 - number))
    pipeline.close()
    kept = counts(connection)
    assert kept["crypto_price"] == 20 and kept["trading_signal"] == 6
    signal = find_records(connection, "trading_signal:*")[0].data
    assert (signal["signal_type"], signal["strength"]) == ("buy", 1.0)
    assert heard.count("trading_signal") == 6 and heard.count("crypto_price") == 20


@pytest.mark.parametrize(
    ("path", "rows", "type", "stored"),
    [
        (PART_1, 300, "trade_tape", 11),
        (TAPE, 30, "trade_tape", 30),
        (LEVELS, 5, "order_book", 5),
        (NEWS, 8, "news_sentiment", 8),
    ],
)
def test_a_recorded_file_is_played_as_if_it_came_in_now(
    workspace: Workspace, connection: sqlite3.Connection, path: Path, rows: int, type: str, stored: int
) -> None:
    report = play_file(workspace, connection, path, symbol="BTC/USDT")
    assert (report.rows, report.records[type], report.refused) == (rows, stored, 0)
    kept = counts(connection)
    kept.pop("book_state", None)
    assert kept == report.records
    assert {record.provenance for record in find_records(connection)} == {"playback"}
    figures = {(each.stage, each.type): each for each in latency_figures(connection)}
    assert figures[END_TO_END, type].count == stored
    assert figures[END_TO_END, type].target_ms is not None
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_stream_in_two_files_is_played_as_one(workspace: Workspace, connection: sqlite3.Connection) -> None:
    first = play_file(workspace, connection, PART_1)
    second = play_file(workspace, connection, PART_2)
    assert first.records["order_book"] > 0 and second.records["order_book"] > 0


def test_candles_are_played_as_prices(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "binance_BTC_USDT_5m.csv"
    lines = [f"{1_704_067_200 + n * 300},{100 + n},{101 + n},{99 + n},{100.5 + n},2.0,9" for n in range(20)]
    path.write_text("\n".join(lines))
    report = play_file(workspace, connection, path)
    assert report.records["crypto_price"] == 20
    first = find_records(connection, "crypto_price:*")[0]
    assert (first.ts_ms, first.data["price"], first.symbol) == (1_704_067_500_000, 100.5, "BTC/USDT")


def test_what_is_no_market_data_is_not_played(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "page.csv"
    path.write_text("<html>not found</html>")
    with pytest.raises(FileRefused, match="HTML"):
        play_file(workspace, connection, path)


def test_a_speed_keeps_the_recorded_pace(connection: sqlite3.Connection) -> None:
    waits: list[float] = []
    pipeline = FeedPipeline(connection, clock_ns=lambda: 0)
    sink = PlaybackSink(pipeline, speed=10.0, wait=waits.append)
    for second in (0, 5, 20):
        sink.next_row()
        sink.add("crypto_price", price(second))
    # The clock stands still: each wait is the whole recorded time since the beginning, ten times as fast.
    assert waits == pytest.approx([0.5, 2.0])
    assert counts(connection) == {"crypto_price": 2}


def test_percentiles_are_nearest_ranks_of_the_newest_measurements(connection: sqlite3.Connection) -> None:
    assert [percentile(range(1, 101), share) for share in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert percentile([7], 0.99) == 7
    with transaction(connection):
        write_latency(connection, 1, [("storing", "trade_tape", 9_000_000)] * 5)
        write_latency(connection, 2, [("storing", "trade_tape", 2_000)] * 10 + [("cleaning", "x", 5)])
    cleaning, storing = latency_figures(connection, newest=10)
    assert (cleaning.stage, cleaning.count) == ("cleaning", 1)
    assert (storing.count, storing.p50_ms, storing.p99_ms, storing.is_within) == (10, 2.0, 2.0, True)


@pytest.mark.parametrize(
    ("stage", "type", "milliseconds"),
    [
        (END_TO_END, "crypto_price", 100.0),
        (END_TO_END, "trade_tape", 100.0),
        (END_TO_END, "microstructure", 200.0),
        (END_TO_END, "news_sentiment", 500.0),
        ("cleaning", "trade_tape", 5.0),
        ("normalising", "x", 10.0),
        ("indicators", "x", 20.0),
        ("signals", "x", 15.0),
        ("storing", "x", 5.0),
        ("reading", "x", None),
    ],
)
def test_the_targets(stage: str, type: str, milliseconds: float | None) -> None:
    assert target_ms(stage, type) == milliseconds
