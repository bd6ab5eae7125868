"""What the research engine finds in records: gaps, jumps, and an honest word where there is nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.learning_layer import ResearchEngine
from storage.workspace import Workspace


@pytest.fixture
def db(workspace: Workspace) -> Iterator[DBConnector]:
    with DBConnector(workspace=workspace) as opened:
        yield opened


def store_prices(db: DBConnector, symbol: str, prices: list[tuple[float, float]]) -> None:
    db.store_many(
        {"symbol": symbol, "price": price, "volume": 1.0, "timestamp": 1.5e9 + second}
        for second, price in prices
    )


def test_nothing_recorded_is_said_so(db: DBConnector) -> None:
    assert ResearchEngine(db).analyze_feed_behavior() == {"status": "no_data"}
    db.store({"symbol": "BTCUSDT", "price": 1.0, "volume": 1.0, "timestamp": 1.5e9})
    assert ResearchEngine(db).analyze_feed_behavior("order_book:*") == {"status": "no_data"}


def test_the_whole_is_summed_up(db: DBConnector) -> None:
    store_prices(db, "BTCUSDT", [(0, 100.0), (60, 110.0)])
    store_prices(db, "BTC/USDT", [(120, 90.0)])
    db.store({"keyword": "ETH", "sentiment": 0.5, "title": "t", "timestamp": 1.5e9 + 300})
    analysis = ResearchEngine(db).analyze_feed_behavior()
    assert analysis["total_records"] == 4
    assert analysis["symbols"] == {"BTCUSDT", "ETH"}
    assert analysis["types"] == {"crypto_price", "news_sentiment"}
    assert analysis["timestamp_range"] == {"min": 1.5e9, "max": 1.5e9 + 300}
    assert analysis["price_volatility"] == 20.0
    assert analysis["by_symbol"]["BTCUSDT"]["records"] == 3
    assert analysis["by_symbol"]["ETH"] == {"records": 1, "prices": 0}


def test_gaps_and_spikes_are_found_by_symbol(db: DBConnector) -> None:
    calm = [(n * 60.0, 100.0 + (n % 2) * 0.01) for n in range(60)]
    wild = [
        (n * 60.0 + (600 if n >= 30 else 0), 50.0 + (n % 2) * 0.01 + 5.0 * (n in (10, 20))) for n in range(60)
    ]
    store_prices(db, "BTCUSDT", calm)
    store_prices(db, "ETHUSDT", wild)
    analysis = ResearchEngine(db).analyze_feed_behavior("crypto_price:*")
    quiet, jumpy = analysis["by_symbol"]["BTCUSDT"], analysis["by_symbol"]["ETHUSDT"]
    assert (quiet["gaps"], quiet["spikes"]) == (0, 0)
    assert (jumpy["gaps"], jumpy["longest_gap_s"], jumpy["usual_step_s"]) == (1, 660.0, 60.0)
    # Each jump is there and back.
    assert jumpy["spikes"] == 4 and analysis["frequent_spikes"] == ["ETHUSDT"]
    assert jumpy["volatility"] > 10 * quiet["volatility"]


def test_records_that_cannot_be_read_are_said_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "broken").create()
    workspace.database.write_bytes(b"this is no database, whatever its name says" * 100)
    analysis = ResearchEngine(DBConnector(workspace=workspace)).analyze_feed_behavior()
    assert analysis["status"] == "error" and "cointrader.db" in analysis["error"]


def test_training_data_are_the_records_themselves(db: DBConnector) -> None:
    store_prices(db, "BTCUSDT", [(60, 2.0), (0, 1.0)])
    collected = ResearchEngine(db).collect_training_data("crypto_price:*")
    assert [each["price"] for each in collected] == [1.0, 2.0]
