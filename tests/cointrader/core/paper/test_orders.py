"""Orders by hand: the run's limits count for them, and what is refused says why."""

from __future__ import annotations

import dataclasses
import sqlite3

import numpy as np
import pytest

from cointrader.core.decider import BadBar, ClockBackwards
from cointrader.core.paper.engine import PaperEngine
from cointrader.core.paper.orders import take_orders
from cointrader.core.paper.series import refuse_impossible
from cointrader.core.paper.start import open_run
from storage.order_requests import (
    OrderRefused,
    OrderRow,
    ask_close,
    ask_close_all,
    ask_open,
    get_order,
)
from storage.paper_runs import PLAYBACK, NoPaperRun, PaperPlan, PaperRunEnded
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.core.paper.trading import begin, store
from tests.cointrader.market import by_hand, without

QUIET = (100.0, 101.0, 99.0, 100.0)


@pytest.fixture
def engine(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> PaperEngine:
    """A run over quiet bars of two symbols, one moment decided; ETH stops after its second bar."""
    scripted.register(monkeypatch)
    eth = without(by_hand([QUIET] * 12, "ETH/USDT"), 2, 8)
    store(workspace, connection, by_hand([QUIET] * 12), eth)
    run_id = begin(connection, PaperPlan(source=PLAYBACK, strategies=("scripted",)))
    engine = open_run(workspace, connection, run_id)
    engine.advance(limit=1)
    return engine


def decided(engine: PaperEngine, order: int) -> OrderRow:
    take_orders(engine)
    return get_order(engine.connection, order)


def states(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT state, exit_reason FROM position ORDER BY id").fetchall()


def test_an_order_is_filled_at_the_next_open_and_closed_at_the_one_after_it_was_asked(
    engine: PaperEngine,
) -> None:
    connection = engine.connection
    bought = decided(engine, ask_open(connection, "BTC/USDT", "long", notional=500.0))
    assert (bought.state, bought.reason) == ("done", "accepted, filled at the next open")
    assert states(connection) == []
    engine.advance(limit=1)
    assert states(connection) == [("open", "")]
    (position,) = engine.open_positions
    closed = decided(engine, ask_close(connection, position))
    assert (closed.state, closed.reason) == ("done", "leaves at the next open")
    assert states(connection) == [("closing", "manual")]
    with pytest.raises(OrderRefused, match="leaves at the next open already"):
        ask_close(connection, position)
    engine.advance(limit=1)
    assert states(connection) == [("closed", "manual")]
    with pytest.raises(OrderRefused, match="already closed"):
        ask_close(connection, position)


def test_without_a_size_the_runs_own_rule_counts(engine: PaperEngine) -> None:
    decided(engine, ask_open(engine.connection, "BTC/USDT", "short"))
    engine.advance(limit=1)
    assert engine.connection.execute("SELECT side, qty FROM position").fetchall() == [("short", 10.0)]


@pytest.mark.parametrize(
    ("notional", "reason", "code"),
    [
        (5_000.0, "Order too large: 50.00 % of equity, limit 10.00 %", "order_size"),
        (5.0, "Order too small: 5.00, minimum 10.00", "min_notional"),
    ],
)
def test_a_limit_refuses_an_order_as_it_rejects_a_signal(
    engine: PaperEngine, notional: float, reason: str, code: str
) -> None:
    order = decided(engine, ask_open(engine.connection, "BTC/USDT", "long", notional=notional))
    assert (order.state, order.reason) == ("refused", reason)
    rows = engine.connection.execute("SELECT signal_id, code, text, strategy FROM rejection").fetchall()
    assert rows == [(order.signal_id, code, reason, "manual")]
    engine.advance()
    assert states(engine.connection) == []


def test_close_all_closes_what_is_open_and_withdraws_what_is_ordered(engine: PaperEngine) -> None:
    connection = engine.connection
    decided(engine, ask_open(connection, "BTC/USDT", "long", notional=500.0))
    engine.advance(limit=1)
    decided(engine, ask_open(connection, "ETH/USDT", "long", notional=500.0))
    order = decided(engine, ask_close_all(connection))
    assert order.reason == "1 position leaves at the next open, 1 order is withdrawn"
    engine.advance()
    assert states(connection) == [("closed", "manual")]
    assert connection.execute("SELECT code, stage FROM rejection").fetchall() == [("withdrawn", "execution")]
    assert connection.execute("SELECT status FROM signal ORDER BY id").fetchall() == [
        ("accepted",),
        ("rejected",),
    ]
    assert decided(engine, ask_close_all(connection)).reason == "nothing is open and nothing is ordered"


def test_nothing_is_opened_at_the_price_of_a_symbol_that_has_fallen_silent(
    engine: PaperEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.advance(limit=5)
    order = decided(engine, ask_open(engine.connection, "ETH/USDT", "long", notional=500.0))
    said = "Invalid price 100.0 for ETH/USDT: it is 4 bars old, at most 2 are allowed"
    assert (order.state, order.reason) == ("refused", said)
    assert said in caplog.text
    assert engine.connection.execute("SELECT count(*) FROM signal").fetchone() == (0,)


def test_what_makes_no_sense_is_refused_before_it_is_asked(engine: PaperEngine) -> None:
    connection = engine.connection
    with pytest.raises(OrderRefused, match="does not trade SOL/USDT; it trades BTC/USDT, ETH/USDT"):
        ask_open(connection, "SOL/USDT", "long")
    for notional in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(OrderRefused, match="must be finite and above 0"):
            ask_open(connection, "BTC/USDT", "long", notional=notional)
    with pytest.raises(OrderRefused, match="there is no position 99"):
        ask_close(connection, 99)
    waiting = ask_open(connection, "BTC/USDT", "long")
    engine.finish()
    assert get_order(connection, waiting).reason == f"paper run {engine.run_id} was stopped"
    with pytest.raises(NoPaperRun, match="no paper run is going on"):
        ask_open(connection, "BTC/USDT", "long")
    with pytest.raises(PaperRunEnded):
        ask_close_all(connection, engine.run_id)


def test_time_that_goes_backwards_and_prices_that_are_none_are_refused(engine: PaperEngine) -> None:
    decider = engine.decider
    with pytest.raises(ClockBackwards):
        decider.step(decider.now, {})
    with pytest.raises(ClockBackwards):
        decider.step(decider.now - 1, {})
    candles = by_hand([QUIET] * 3)
    for name, value in (("close", np.nan), ("low", 0.0), ("high", np.inf), ("open", -1.0)):
        column = candles.columns[name].copy()
        column[1] = value
        with pytest.raises(BadBar, match="BTC/USDT: the bar that closed at"):
            refuse_impossible(dataclasses.replace(candles, **{name: column}))
