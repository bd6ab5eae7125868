"""The guard of the price, and orders of programs behind it."""

from __future__ import annotations

import logging
import sqlite3

import pytest

from cointrader.core.paper.engine import PaperEngine
from cointrader.core.paper.orders import take_orders
from cointrader.core.paper.start import open_run
from cointrader.core.price_guard import Freshness, InvalidPrice, check_price
from cointrader.core.trading_executor import TradingExecutor
from cointrader.training.integrating.components import TradingExecutor as Wanted
from storage.paper_runs import PLAYBACK, PaperPlan
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.core.paper.trading import begin, store
from tests.cointrader.market import MINUTES_5, by_hand

QUIET = (100.0, 101.0, 99.0, 100.0)


@pytest.fixture
def engine(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> PaperEngine:
    scripted.register(monkeypatch)
    store(workspace, connection, by_hand([QUIET] * 12))
    engine = open_run(workspace, connection, begin(connection, PaperPlan(PLAYBACK, strategies=("scripted",))))
    engine.advance(limit=4)
    return engine


@pytest.fixture
def executor(engine: PaperEngine) -> TradingExecutor:
    return TradingExecutor(engine.connection, decide=lambda: take_orders(engine), wait_seconds=0.0)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf"), float("-inf")])
def test_nothing_is_opened_at_a_price_that_is_none(
    engine: PaperEngine, executor: TradingExecutor, caplog: pytest.LogCaptureFixture, price: float
) -> None:
    assert executor.execute_signal("BTC/USDT", "BUY", 1.0, price) is False
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.ERROR, f"Invalid price {price} for BTC/USDT")
    ]
    engine.advance()
    for table in ("order_request", "signal", "position"):
        assert engine.connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_nothing_is_opened_at_a_stale_price(
    engine: PaperEngine, executor: TradingExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    fresh, stale = engine.now_ms - 2 * MINUTES_5, engine.now_ms - 2 * MINUTES_5 - 1
    assert executor.execute_signal("BTC/USDT", "BUY", 1.0, 100.0, price_ms=stale) is False
    assert "Invalid price 100.0 for BTC/USDT" in caplog.text
    assert executor.execute_signal("BTC/USDT", "BUY", 1.0, 100.0, price_ms=fresh) is True


def test_a_program_buys_closes_and_sees_its_trade(engine: PaperEngine, executor: TradingExecutor) -> None:
    assert isinstance(executor, Wanted)
    assert executor.execute_signal("BTC/USDT", "BUY", 0.9, 100.0, notional=500.0)
    engine.advance(limit=1)
    (position,) = engine.open_positions
    assert executor.close_position(position)
    engine.advance(limit=1)
    (trade,) = executor.closed_trades(0)
    assert (trade.symbol, trade.side, trade.notional) == ("BTC/USDT", "long", pytest.approx(500.1))
    assert executor.balance == pytest.approx(10_000.0 + trade.pnl)
    assert executor.closed_trades(trade.closed_ms) == []


def test_what_is_refused_is_false_and_said(
    engine: PaperEngine, executor: TradingExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    assert not executor.execute_signal("BTC/USDT", "HOLD", 1.0, 100.0)
    assert not executor.execute_signal("BTC/USDT", "BUY", 0.01, 100.0)
    assert "Confidence too low: 0.010, minimum 0.050" in caplog.text
    assert not executor.execute_signal("BTC/USDT", "BUY", 1.0, 100.0, notional=5_000.0)
    assert "Order too large" in caplog.text
    assert not executor.close_position(7)
    assert "there is no position 7" in caplog.text
    assert not executor.close_all()
    assert engine.connection.execute("SELECT count(*) FROM position").fetchone() == (0,)


def test_an_order_that_nobody_decides_on_is_taken_back(engine: PaperEngine) -> None:
    alone = TradingExecutor(engine.connection, wait_seconds=0.0)
    assert not alone.execute_signal("BTC/USDT", "BUY", 1.0, 100.0)
    assert take_orders(engine) == 0
    (reason,) = engine.connection.execute("SELECT reason FROM order_request").fetchone()
    assert reason.startswith("nobody decided on it within 0 s")


def test_the_guard_says_how_old_a_price_may_be() -> None:
    check_price("BTC/USDT", 1e-12, Freshness(2.0, 2.0))
    with pytest.raises(InvalidPrice, match=r"it is 2\.5 bars old, at most 2 are allowed"):
        check_price("BTC/USDT", 1.0, Freshness(2.5, 2.0))
    with pytest.raises(InvalidPrice):
        check_price("BTC/USDT", 1.0, Freshness(float("nan"), 2.0))
