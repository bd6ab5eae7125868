"""Replaying a recorded stream: the rebuilt book is the exchange's own, and a lost update is noticed."""

from bisect import bisect_right
from pathlib import Path

import pytest

from cointrader.data_feeds.order_book.replay import DepthReplay, SequenceBreak
from cointrader.data_feeds.order_book.stream import (
    BookTicker,
    DepthSnapshot,
    DepthUpdate,
    LineError,
    Message,
    TickScale,
    TradePrint,
    parse_lines,
    read_stream,
)
from tests.cointrader.data_feeds.feed_files import PART_1, PART_2


def messages(*paths: Path) -> list[Message]:
    scale = TickScale()
    return [message for path in paths for message in read_stream(path, scale)]


def compared(played: list[Message]) -> tuple[int, int, int]:
    """(compared, equal, compared with a ticker of the update's own) of the updates after the snapshot.

    An update is compared with the last bookTicker whose id is not above the update's: the exchange's own best
    bid and ask at that moment.
    """
    tickers = [message for message in played if isinstance(message, BookTicker)]
    ids = [ticker.update_id for ticker in tickers]
    assert ids == sorted(ids)
    replay, compared, equal, own = DepthReplay(), 0, 0, 0
    for message in played:
        if isinstance(message, DepthSnapshot):
            replay.snapshot(message)
        if not isinstance(message, DepthUpdate) or not replay.update(message):
            continue
        place = bisect_right(ids, message.last_id) - 1
        if place < 0:
            continue
        ticker = tickers[place]
        compared += 1
        equal += (replay.book.best_bid(), replay.book.best_ask()) == (ticker.bid, ticker.ask)
        own += ticker.update_id > message.previous_id
    assert replay.breaks == []
    return compared, equal, own


@pytest.mark.shared_data
def test_all_updates_of_two_files_match_the_exchanges_own_best_prices(shared_data: Path) -> None:
    folder = shared_data / "orderbook"
    played = messages(
        folder / "binance_usdm_btcusdt_20240718.gz", folder / "binance_usdm_btcusdt_20240719.gz"
    )
    kinds = [sum(isinstance(m, kind) for m in played) for kind in (DepthUpdate, BookTicker, TradePrint)]
    assert kinds == [3_326 + 5_696, 7_113 + 45_147, 974 + 9_727]
    # 6,099 updates hold a ticker of their own; the others are compared with that of an earlier update.
    assert compared(played) == (9_016, 9_016, 6_099)


def test_the_first_updates_of_a_stream_match_the_exchanges_own_best_prices() -> None:
    every, equal, own = compared(messages(PART_1, PART_2))
    assert every == equal > own > 50


def test_a_changed_amount_is_seen_in_the_best_prices() -> None:
    played = messages(PART_1)
    spoiled = [
        DepthUpdate(**{**vars(m), "bids": [(ticks, amount * 2) for ticks, amount in m.bids]})
        if isinstance(m, DepthUpdate)
        else m
        for m in played
    ]
    every, equal, _ = compared(spoiled)
    assert equal < every


def update(
    line: int, first: int, last: int, previous: int, bid: int = 10, amount: float = 1.0
) -> DepthUpdate:
    return DepthUpdate(line, 0, "BTCUSDT", line, first, last, previous, [(bid, amount)], [(20, 1.0)])


def test_updates_that_end_before_the_snapshot_are_dropped_and_the_first_reaches_over_it() -> None:
    replay = DepthReplay()
    assert not replay.update(update(1, 1, 4, 0))
    assert not replay.update(update(2, 5, 8, 4))
    replay.snapshot(DepthSnapshot(3, 0, 6, [(9, 1.0)], [(30, 1.0)]))
    assert (replay.applied, replay.stale, replay.waiting) == (1, 1, 0)
    assert replay.book.best_ask() == (20, 1.0)


def test_a_lost_update_stops_the_book_until_the_next_snapshot() -> None:
    replay = DepthReplay()
    replay.snapshot(DepthSnapshot(1, 0, 5, [(9, 1.0)], []))
    assert replay.update(update(2, 6, 8, 5))
    assert not replay.update(update(3, 12, 14, 11, bid=15))
    assert not replay.update(update(4, 15, 16, 14))
    assert replay.breaks == [SequenceBreak(line=3, expected_id=8, got_id=11)]
    assert not replay.synchronised and replay.book.best_bid() == (10, 1.0)
    replay.snapshot(DepthSnapshot(5, 0, 12, [(9, 1.0)], []))
    assert replay.synchronised and replay.applied == 3


def test_an_update_that_begins_after_the_snapshot_breaks_the_sequence() -> None:
    replay = DepthReplay()
    replay.snapshot(DepthSnapshot(1, 0, 5, [], []))
    assert not replay.update(update(2, 9, 12, 8))
    assert len(replay.breaks) == 1


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b'1 {"stream":"x","data":{"e":"depthUpdate","E":1,"s":"B","U":1,"u":2,"b":[],"a":[]}}', "pu"),
        (b'1 {"stream":"x","data":{"e":"trade","E":1', "message"),
        (b'noon {"data":{}}', "message"),
        (
            b'1 {"stream":"x","data":{"e":"trade","E":1,"s":"B","t":1,"p":"1.234","q":"1","m":true}}',
            "message",
        ),
    ],
)
def test_a_line_that_cannot_be_read_names_its_field(line: bytes, field: str) -> None:
    with pytest.raises(LineError) as caught:
        list(parse_lines([line], TickScale(decimals=2)))
    assert caught.value.field == field
