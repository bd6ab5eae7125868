"""Cleaning, checking and naming records: what is wrong is refused by field, with the reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cointrader.data_feeds.records.cleaning import DataCleaner, round_number
from cointrader.data_feeds.records.normalising import make_record
from cointrader.data_feeds.records.schemas import SCHEMAS, infer_type
from cointrader.data_feeds.records.timestamps import TimeRefused, TimestampUtils, to_ms
from cointrader.data_feeds.records.validation import RecordRefused, SchemaValidator

PRICE: dict[str, Any] = {"symbol": "BTCUSDT", "price": 50000.0, "volume": 10.0, "timestamp": 1234567890.0}


@pytest.mark.parametrize(
    ("data", "type"),
    [
        (PRICE, "crypto_price"),
        ({"symbol": "X", "bids": [], "asks": [], "timestamp": 1.5e9}, "order_book"),
        ({"price": 1.0, "amount": 1.0, "side": "buy"}, "trade_tape"),
        ({"sentiment": 0.1, "title": "a"}, "news_sentiment"),
        ({"sentiment": 0.1, "text": "a"}, "twitter_sentiment"),
        ({"signal_type": "buy", "strength": 0.5, "price": 1.0, "volume": 1.0}, "trading_signal"),
        ({"spread": 0.1, "liquidity": 5.0}, "microstructure"),
        ({"slippage": 0.001}, "slippage"),
        ({"type": "forex_price", "price": 1.0, "volume": 0.0}, "forex_price"),
        ({"anything": 1}, "generic"),
    ],
)
def test_the_type_of_a_record_is_told_by_its_fields(data: dict[str, Any], type: str) -> None:
    assert infer_type(data) == type


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"price": 0.0}, "price", "0 is not above 0"),
        ({"price": float("nan")}, "price", "nan is not finite"),
        ({"price": float("inf")}, "price", "inf is not finite"),
        ({"price": "50000"}, "price", "'50000' is no number"),
        ({"price": True}, "price", "True is no number"),
        ({"price": 1e13}, "price", "1e+13 is above 1e+12"),
        ({"volume": -1.0}, "volume", "-1 is not at least 0"),
        ({"volume": None}, "volume", "is missing"),
        ({"symbol": ""}, "symbol", "is missing"),
        ({"symbol": 7}, "symbol", "7 is no text"),
        ({"timestamp": 5.0}, "timestamp", "5.0 is no time between 2009 and 2100"),
        ({"timestamp": "soon"}, "timestamp", "'soon' is no ISO time"),
        ({"type": "a b"}, "type", "is no name of a type: letters, digits and _ only"),
        ({"extra": {1, 2}}, "extra", "cannot be kept"),
        ({"extra": [float("nan")]}, "extra", "cannot be kept"),
    ],
)
def test_a_bad_price_is_refused_by_field(change: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(RecordRefused) as caught:
        make_record({**PRICE, **change}, provenance="import")
    assert caught.value.field == field and caught.value.reason.startswith(reason)


@pytest.mark.parametrize("missing", ["symbol", "price", "volume", "timestamp"])
def test_a_price_without_a_field_is_refused(missing: str) -> None:
    data = {**PRICE, "type": "crypto_price"}
    del data[missing]
    with pytest.raises(RecordRefused, match=f"crypto_price.{missing}: is missing"):
        make_record(data, provenance="import")


@pytest.mark.parametrize(
    ("bids", "asks", "field"),
    [
        ([[100.0, 1.0]], [[99.0, 1.0]], "bids"),
        ([[100.0, 1.0]], [[100.0, 1.0]], "bids"),
        ([[100.0]], [[101.0, 1.0]], "bids"),
        ([[100.0, -1.0]], [[101.0, 1.0]], "bids"),
        ([[99.0, 1.0]], "many", "asks"),
        ([["a", 1.0]], [], "bids"),
    ],
)
def test_a_book_that_no_exchange_had_is_refused(bids: Any, asks: Any, field: str) -> None:
    with pytest.raises(RecordRefused) as caught:
        make_record({"symbol": "A", "bids": bids, "asks": asks, "timestamp": 1.5e9}, provenance="import")
    assert caught.value.field == field


def test_a_record_is_named_by_its_time_symbol_and_type() -> None:
    record = make_record({**PRICE, "exchange": "kraken"}, provenance="synthetic")
    assert record.key == "data_feed:1234567890.0:BTCUSDT:crypto_price"
    assert (record.ts_ms, record.symbol, record.source) == (1_234_567_890_000, "BTC/USDT", "kraken")
    assert record.provenance == "synthetic"


def test_a_schema_may_be_a_name_or_a_table_of_types() -> None:
    validator = SchemaValidator()
    assert validator.validate(PRICE, "crypto_price") and validator.problems == ()
    assert not validator.validate({**PRICE, "price": -1}, "crypto_price")
    assert [problem.field for problem in validator.problems] == ["price"]
    types = {"symbol": str, "price": float, "timestamp": float}
    assert validator.validate({"symbol": "A", "price": 1, "timestamp": 2}, types)
    assert not validator.validate({"symbol": "A", "price": True}, types)
    assert [problem.field for problem in validator.problems] == ["price", "timestamp"]
    with pytest.raises(RecordRefused):
        validator.validate(PRICE, "no_such_schema")


def test_every_channel_of_the_feed_has_its_schema() -> None:
    assert set(SCHEMAS) >= {
        *("crypto_price", "forex_price", "equities_price", "order_book", "normalized_order_book"),
        *("trade_tape", "parsed_trade_tape", "twitter_sentiment", "news_sentiment", "aggregated_sentiment"),
        *("indicator", "trading_signal", "microstructure", "slippage", "latency"),
    }


def test_cleaning_takes_pictures_and_breaks_out_of_texts_and_long_tails_off_numbers() -> None:
    cleaned = DataCleaner().clean(
        {
            "title": "  Bitcoin\n\t to the 🚀 moon\u200b™  ",
            "text": "x" * 900,
            "side": "BUY",
            "price": 1.123456789,
            "bids": [["100.123456789", "1"], [99, 0.5]],
            "count": 3,
        }
    )
    assert cleaned["title"] == "Bitcoin to the moon"
    assert len(cleaned["text"]) == 500 and cleaned["side"] == "buy"
    assert cleaned["price"] == 1.12345679 and cleaned["count"] == 3
    assert cleaned["bids"] == [[100.12345679, 1.0], [99.0, 0.5]]


@given(st.floats(min_value=1e-11, max_value=1e12))
def test_rounding_keeps_eight_digits_of_the_smallest_price(value: float) -> None:
    assert round_number(value) == pytest.approx(value, rel=1e-7)
    assert round_number(round_number(value)) == round_number(value)


@pytest.mark.parametrize(
    "value",
    [1721347022.504, 1721347022504, "1721347022504", 1721347022504000, "2024-07-18T23:57:02.504Z",
     "2024-07-18 23:57:02.504", "2024-07-19T01:57:02.504+02:00"],
)  # fmt: skip
def test_a_time_in_any_form_is_the_same_moment(value: object) -> None:
    assert to_ms(value) == 1_721_347_022_504


@pytest.mark.parametrize("value", [None, True, float("nan"), "", "12:00", 0, 5e12 * 1e9])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(TimeRefused):
        to_ms(value)


def test_times_are_aligned_to_the_nearest_interval() -> None:
    times = TimestampUtils()
    assert times.align_timestamp(1.4) == 1.0 and times.align_timestamp(1.5) == 2.0
    assert times.align_timestamp(123.0, 60) == 120.0 and times.align_timestamp(2.5) == 3.0
    assert times.get_timestamp("Asia/Tokyo") == pytest.approx(times.get_timestamp(), abs=60)
    with pytest.raises(TimeRefused):
        times.get_timestamp("Mars/Base")
    with pytest.raises(TimeRefused):
        times.align_timestamp(1.0, 0)
