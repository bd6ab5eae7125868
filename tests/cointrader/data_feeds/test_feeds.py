"""The feeds of recorded markets: prices, books, trades, slippage, sentiment."""

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cointrader import data_feeds
from cointrader.data_feeds import (
    BinanceOrderBook,
    CryptoPriceFeed,
    DBConnector,
    EquitiesPriceFeed,
    ForexPriceFeed,
    MicrostructureExtractor,
    NewsScraper,
    SentimentAggregator,
    SlippageTracker,
    TradeCollector,
    TwitterSentiment,
)
from cointrader.data_feeds.candle_import import import_candles
from cointrader.data_feeds.records.validation import RecordRefused
from storage.workspace import Workspace
from tests.cointrader.data_feeds.feed_files import NEWS, PART_1, TAPE, import_files

BOOK: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "bids": [[100.0, 1.0], [99.0, 3.0]],
    "asks": [[101.0, 1.0], [103.0, 1.0]],
    "timestamp": 1.5e9,
}


def test_every_name_of_the_feed_agent_is_there() -> None:
    for name in data_feeds.__all__:
        assert getattr(data_feeds, name).__name__ == name
    assert not hasattr(data_feeds, "NoSuchFeed")


def test_spread_liquidity_and_balance_of_a_book() -> None:
    metrics = MicrostructureExtractor().extract_metrics(BOOK)
    assert (metrics["spread"], metrics["liquidity"], metrics["mid"]) == (1.0, 6.0, 100.5)
    assert metrics["imbalance"] == pytest.approx(2 / 6)
    assert metrics["micro_price"] == 100.5
    with pytest.raises(RecordRefused, match="asks"):
        MicrostructureExtractor().extract_metrics({**BOOK, "asks": []})


@pytest.mark.parametrize(
    ("size", "side", "slippage"),
    [(1.0, "buy", 0.0), (2.0, "buy", 102 / 101 - 1), (2.0, "sell", 1 - 99.5 / 100), (0.5, "sell", 0.0)],
)
def test_an_order_pays_its_way_through_the_book(size: float, side: str, slippage: float) -> None:
    made = SlippageTracker().calculate_slippage(BOOK, size, side)
    assert made["slippage"] == pytest.approx(slippage) and made["order_size"] == size


def test_what_an_order_beyond_the_book_would_pay_is_not_known() -> None:
    with pytest.raises(RecordRefused, match=r"5 is more than the 2 of the book"):
        SlippageTracker(5.0).calculate_slippage(BOOK)


def candle_file(folder: Path, closes: list[float]) -> Path:
    path = folder / "binance_BTC_USDT_5m.csv"
    lines = [f"{1_704_067_200 + n * 300},{c},{c + 1},{c - 1},{c},2.0,9" for n, c in enumerate(closes)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_prices_come_from_stored_candles_and_records_in_order(
    workspace: Workspace, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    import_candles(workspace, connection, candle_file(tmp_path, [100.0, 101.0, 102.0]))
    with DBConnector(workspace=workspace) as db:
        db.store({"symbol": "BTCUSDT", "price": 100.5, "volume": 1.0, "timestamp": 1_704_067_600.0})
        db.store({"symbol": "BTCUSDT", "price": 109.0, "volume": 1.0, "timestamp": 1_704_069_000.0})
    feed = CryptoPriceFeed(workspace=workspace)
    prices = list(feed.stream_prices("btc/usdt"))
    assert [each["price"] for each in prices] == [100.0, 100.5, 101.0, 102.0, 109.0]
    latest = feed.fetch_price("BTC-USDT")
    assert latest is not None and latest["price"] == 109.0
    assert feed.fetch_price("ETHUSDT") is None and list(feed.stream_prices(["ETHUSDT"])) == []
    feed.close()


def test_prices_of_a_file_need_no_workspace(tmp_path: Path) -> None:
    feed = CryptoPriceFeed(candle_file(tmp_path, [100.0, 101.0]))
    assert [each["timestamp"] for each in feed.stream_prices("BTCUSDT")] == [1_704_067_500.0, 1_704_067_800.0]
    assert feed.fetch_price("ETHUSDT") is None
    feed.close()


def test_currencies_and_shares_are_markets_of_their_own(workspace: Workspace) -> None:
    with DBConnector(workspace=workspace) as db:
        for type, symbol, value in (("forex_price", "EURUSD", 1.1), ("equities_price", "AAPL", 190.0)):
            db.store({"type": type, "symbol": symbol, "price": value, "volume": 0.0, "timestamp": 1.5e9})
    forex, shares = ForexPriceFeed(workspace=workspace), EquitiesPriceFeed(workspace=workspace)
    assert forex.fetch_price("EUR/USD")["price"] == 1.1 and forex.fetch_price("AAPL") is None  # type: ignore[index]
    assert [each["price"] for each in shares.stream_prices(["AAPL", "EURUSD"])] == [190.0]
    forex.close()
    shares.close()


def test_a_book_comes_from_a_stream_and_from_the_workspace_alike(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    from_file = BinanceOrderBook(PART_1)
    latest = from_file.fetch_order_book("BTCUSDT", depth=3)
    assert latest is not None and len(latest["bids"]) == 3
    assert from_file.fetch_order_book("ETHUSDT") is None
    books = list(from_file.stream_order_books("BTC/USDT"))
    import_files(workspace, connection, [PART_1])
    with DBConnector(workspace=workspace) as db:
        stored = BinanceOrderBook(db=db)
        assert [each["bids"] for each in stored.stream_order_books("BTCUSDT")][: len(books)] == [
            each["bids"] for each in books
        ]
        fetched = stored.fetch_order_book("BTCUSDT", depth=3)
        assert fetched is not None and fetched["bids"] == latest["bids"]


def test_the_newest_trades_are_fetched(workspace: Workspace, connection: sqlite3.Connection) -> None:
    import_files(workspace, connection, [TAPE])
    with DBConnector(workspace=workspace) as db:
        trades = TradeCollector(db).fetch_trades("BTCUSDT", limit=5)
        assert len(trades) == 5
        assert trades[-1]["price"] == float(TAPE.read_text().splitlines()[-1].split(",")[1])


def test_messages_are_scored_unless_they_have_a_score(tmp_path: Path) -> None:
    path = tmp_path / "tweets.jsonl"
    rows = [
        {"text": "BTC is great, wonderful gains", "created_at": "2024-01-02T00:00:00Z"},
        {"text": "btc crashes, terrible", "created_at": "2024-01-01T00:00:00Z", "sentiment": 0.25},
        {"text": "ETH is great", "created_at": "2024-01-01T00:00:00Z"},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    found = TwitterSentiment(path).fetch_sentiment("BTC")
    assert [each["sentiment"] for each in found] == [0.25, pytest.approx(0.9, abs=0.3)]
    assert found[0]["type"] == "twitter_sentiment" and found[1]["keyword"] == "BTC"


def test_headlines_of_the_whole_market_count_for_the_coin_they_name(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    import_files(workspace, connection, [NEWS])
    with DBConnector(workspace=workspace) as db:
        scraper = NewsScraper(db=db)
        assert len(scraper.fetch_news("market")) == 8
        named = scraper.fetch_news("coinbase")
        assert 0 < len(named) < 8 and all("coinbase" in str(each).lower() for each in named)
        assert scraper.fetch_news("market", limit=2) == scraper.fetch_news("market")[-2:]


def test_the_mean_is_over_all_sources_of_every_keyword_in_the_window(workspace: Workspace) -> None:
    with DBConnector(workspace=workspace) as db:
        for hours, keyword, value in (
            (0, "BTC", 0.9),
            (30, "BTC", 0.5),
            (31, "BTC", -0.1),
            (31, "ETH", -1.0),
        ):
            common = {"keyword": keyword, "sentiment": value, "timestamp": 1.5e9 + hours * 3600}
            db.store(
                {**common, "source": "x", "text": "t"}
                if hours < 31
                else {**common, "source": "y", "title": "t"}
            )
        both = SentimentAggregator(db).aggregate(["BTC", "ETH", "SOL"])
        assert [(each["keyword"], each["count"]) for each in both] == [("BTC", 2), ("ETH", 1)]
        assert both[0]["aggregate_sentiment"] == pytest.approx(0.2) and both[0]["sources"] == ["x", "y"]
        early = SentimentAggregator(db).aggregate("BTC", at=1.5e9)
        assert early is not None and early["aggregate_sentiment"] == 0.9
        assert db.store(both[0]).endswith(":BTC:aggregated_sentiment")


def test_a_book_of_a_stream_without_its_snapshot_is_none(tmp_path: Path) -> None:
    path = tmp_path / "late.txt"
    lines = gzip.decompress(PART_1.read_bytes()).splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b"lastUpdateId" not in line))
    assert BinanceOrderBook(path).fetch_order_book("BTCUSDT") is None
