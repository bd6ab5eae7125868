"""What is rejected, why, of whom and when; and what is collected of a market."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import pytest

from cointrader.core.learning_layer import ResearchEngine
from cointrader.core.memory.recent_context import RecentContext
from cointrader.data_feeds.front_door import FrontDoor
from cointrader.data_feeds.sample import sample_files
from storage.database import transaction
from storage.workspace import Workspace
from tests.cointrader.core.learning_layer.decided import DAY_MS, START_MS, add_run, refused, taken

AT = 1_700_000_400.0  # 22:20 UTC


@pytest.fixture
def context(workspace: Workspace) -> Iterator[RecentContext]:
    opened = RecentContext(workspace=workspace)
    yield opened
    opened.close()


def tell(
    context: RecentContext, key: str, strategy: str, base: str, reason: str = "", at: float = AT
) -> None:
    params = {"amount": 0.1, "base": base, "quote": "USDT"}
    context.store_signal({"signal_id": key, "strategy": strategy, "params": params, "timestamp": at})
    if reason:
        context.store_rejection(key, reason)


def test_frequent_rejections_are_named_with_whom_and_when_they_hit(context: RecentContext) -> None:
    for number in range(3):
        tell(context, f"a{number}", "momentum", "BTC", "Exposure limit exceeded")
    tell(context, "b", "arbitrage", "ETH", "Invalid signal format", at=AT + 7_200)
    tell(context, "c", "arbitrage", "ETH")
    context.store_signal({"signal_id": "d"})
    analysis = ResearchEngine(context).analyze_behavior()
    assert analysis["rejection_summary"] == {"Exposure limit exceeded": 3, "Invalid signal format": 1}
    assert analysis["signal_summary"] == {"momentum": 3, "arbitrage": 2, "unknown": 1}
    assert (analysis["total_signals"], analysis["total_rejections"]) == (6, 4)
    assert analysis["frequent_rejections"] == ["Exposure limit exceeded"]
    patterns = analysis["patterns"]
    assert patterns["by_reason"] == analysis["rejection_summary"]
    assert patterns["by_strategy"]["arbitrage"] == {"signals": 2, "rejections": 1, "rate": 0.5}
    assert patterns["by_symbol"]["BTC/USDT"] == {"signals": 3, "rejections": 3, "rate": 1.0}
    assert set(patterns["by_symbol"]) == {"BTC/USDT", "ETH/USDT", "unknown"}
    assert {hour: each["signals"] for hour, each in patterns["by_hour"].items()} == {
        "00": 1,
        "22": 4,
        "unknown": 1,
    }
    json.dumps(analysis, allow_nan=False)


def test_what_is_rejected_more_than_a_month_ago_is_a_trend(
    context: RecentContext, connection: sqlite3.Connection
) -> None:
    assert ResearchEngine(context).analyze_behavior()["trends"] is None
    with transaction(connection):
        run_id = add_run(connection)
        for number in range(100):
            before, now = START_MS + number, START_MS + 35 * DAY_MS + number
            taken(connection, run_id, before, 0.01)
            if number < 90:
                refused(connection, run_id, now, "cooldown")
            else:
                taken(connection, run_id, now, 0.01)
    trends = ResearchEngine(context).analyze_behavior()["trends"]
    assert (trends["total"]["rate"], trends["total"]["before"], trends["total"]["trend"]) == (
        0.9,
        0.0,
        "more",
    )
    assert [(code["value"], code["rejected"]) for code in trends["by_code"]] == [("cooldown", 90)]


def test_the_log_of_the_core_is_part_of_its_behaviour(context: RecentContext) -> None:
    tell(context, "a", "momentum", "BTC", "cooldown")
    engine = ResearchEngine(context)
    assert engine.analyze_behavior()["logs"]["actions"] == {"store_signal": 1, "store_rejection": 1}
    assert engine.analyze_behavior()["logs"]["actions"]["analyze_behavior"] == 1


def test_what_was_cleared_is_not_looked_at(context: RecentContext) -> None:
    tell(context, "a", "momentum", "BTC", "cooldown")
    context.clear_context()
    analysis = ResearchEngine(context).analyze_behavior()
    assert (analysis["total_signals"], analysis["total_rejections"]) == (0, 0)


def test_a_program_brings_its_own_market_data(context: RecentContext) -> None:
    engine = ResearchEngine(context)
    found = engine.collect_market_data(
        {"market": "BTCUSDT", "timestamp": AT, "price": 50_000.0, "volatility": 0.02, "metrics": {"depth": 3}}
    )
    metrics = {"depth": 3.0, "price": 50_000.0, "volatility": 0.02}
    assert found == {"market": "BTC/USDT", "timestamp": AT, "metrics": metrics}
    prices = engine.collect_market_data({"symbol": "BTC/USDT", "prices": [100.0, 110.0, 100.0]})["metrics"]
    assert prices == {"price": 100.0, "volatility": pytest.approx(0.0953101798)}


def test_numbers_that_are_none_are_left_out_and_named(context: RecentContext) -> None:
    engine = ResearchEngine(context)
    told = {
        "market": "BTCUSDT",
        "price": float("nan"),
        "volatility": -1.0,
        "volume": 3.0,
        "prices": [1.0, 0.0],
    }
    found = engine.collect_market_data(told)
    assert found["metrics"] == {"volume": 3.0}
    assert sorted(found["refused"]) == ["price", "prices", "volatility"]


def test_of_a_symbol_alone_the_stored_candles_speak(
    workspace: Workspace, connection: sqlite3.Connection, context: RecentContext
) -> None:
    engine = ResearchEngine(context)
    assert engine.collect_market_data("BTCUSDT")["metrics"] == {}
    list(FrontDoor(workspace, connection).take([sample_files()[0]]))
    found = engine.collect_market_data("BTCUSDT")
    assert set(found["metrics"]) == {"price", "volatility", "volume"}
    assert found["metrics"]["price"] > 1_000 and 0 < found["metrics"]["volatility"] < 0.01
    assert 1.7e9 < found["timestamp"] < 1.74e9
