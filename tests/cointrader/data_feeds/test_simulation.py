"""Made-up feeds go the way of real ones, and what has learned from them never counts."""

import math
import sqlite3
from collections.abc import Iterator

import pytest

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.learning_layer import ResearchEngine, TrainingModule
from cointrader.data_feeds.pipeline import FeedPipeline
from cointrader.data_feeds.records.validation import RecordRefused
from cointrader.data_feeds.simulation import (
    NotSynthetic,
    SimulatedMarket,
    edge_cases,
    store_simulated,
    wild_market,
)
from storage.workspace import Workspace
from tests.cointrader.data_feeds.feed_files import counts


@pytest.fixture
def db(workspace: Workspace) -> Iterator[DBConnector]:
    with DBConnector(workspace=workspace, provenance="synthetic") as opened:
        yield opened


@pytest.mark.parametrize(("field", "record"), list(edge_cases()))
def test_every_edge_case_is_refused_by_the_field_at_fault(
    db: DBConnector, field: str, record: dict[str, object]
) -> None:
    with pytest.raises(RecordRefused) as caught:
        db.store(record)
    assert caught.value.field == field


def test_every_kind_of_made_up_record_is_kept_and_says_that_it_is(
    db: DBConnector, connection: sqlite3.Connection
) -> None:
    market = SimulatedMarket()
    for records in (market.prices(5), market.trades(5), market.order_books(5), market.sentiment("BTC", 5)):
        assert store_simulated(db, records) == (5, 0)
    assert counts(connection) == dict.fromkeys(
        ("crypto_price", "trade_tape", "order_book", "news_sentiment"), 5
    )
    assert connection.execute("SELECT DISTINCT provenance FROM feed_record").fetchall() == [("synthetic",)]
    assert list(market.prices(3)) == list(market.prices(3))


def test_made_up_records_are_never_kept_as_real_ones(workspace: Workspace) -> None:
    with DBConnector(workspace=workspace) as real, pytest.raises(NotSynthetic):
        store_simulated(real, SimulatedMarket().prices(1))


def test_a_wild_market_is_seen_to_be_wild(db: DBConnector) -> None:
    store_simulated(db, SimulatedMarket(symbol="ETHUSDT").prices(300))
    store_simulated(db, wild_market().prices(300))
    reports = ResearchEngine(db).analyze_feed_behavior()["by_symbol"]
    assert reports["BTCUSDT"]["volatility"] > 20 * reports["ETHUSDT"]["volatility"]


def test_a_wild_market_gives_signals_of_full_range(connection: sqlite3.Connection) -> None:
    pipeline = FeedPipeline(connection, "synthetic")
    for record in wild_market().prices(500):
        assert pipeline.take(record["type"], record)
    pipeline.close()
    strengths = [
        row[0]
        for row in connection.execute(
            "SELECT json_extract(data_json, '$.strength') FROM feed_record WHERE type = 'trading_signal'"
        ).fetchall()
    ]
    assert len(strengths) > 10 and all(0.0 <= each <= 1.0 and math.isfinite(each) for each in strengths)


def test_what_learned_from_made_up_prices_is_never_promoted(
    db: DBConnector, connection: sqlite3.Connection
) -> None:
    store_simulated(db, SimulatedMarket().prices(9_000))
    module = TrainingModule(db)
    answer = module.train_model(module.prepare_dataset("crypto_price:*"), {"folds": 2, "rounds": 10})
    assert answer["updated"] and answer["status"] == "candidate"
    assert "synthetic" in answer["reason"]
    rows = connection.execute("SELECT provenance, status FROM artifact").fetchall()
    assert rows == [("synthetic", "candidate")]
