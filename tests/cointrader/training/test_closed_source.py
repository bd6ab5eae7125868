"""Closed signals as they are stored: what was held beside them, and that a run played twice adds nothing."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from cointrader.strategies.registry import STRATEGIES as REGISTERED
from cointrader.training.closed_source import read_closed_signals
from cointrader.training.source import WorkspaceSource
from models.decision.features import STRATEGIES
from storage.database import transaction
from storage.insert import insert_row
from storage.workspace import Workspace


def add_run(connection: sqlite3.Connection, kind: str = "backtest") -> int:
    row = {
        "kind": kind, "provenance": kind, "state": "succeeded", "strategies": "momentum",
        "symbols": "BTC/USDT", "settings_json": "{}", "first_ms": 0, "last_ms": 0, "bars": 0, "signals": 0,
        "rejections": 0, "positions": 0, "start_equity": 1e4, "end_equity": 1e4, "started_ms": 0,
        "code_version": "", "rev": 1,
    }  # fmt: skip
    return insert_row(connection, "trading_run", tuple(row), tuple(row.values()))


def add_close(
    connection: sqlite3.Connection,
    run: int,
    ts_ms: int,
    ends_ms: int,
    pnl: float,
    symbol: str = "BTC/USDT",
    state: str = "closed",
) -> int:
    signal = {
        "run_id": run, "ts_ms": ts_ms, "symbol": symbol, "strategy": "momentum", "side": "short",
        "confidence": 0.4, "price": 100.0, "status": "accepted", "contributions": "{}",
        "provenance": "backtest",
    }  # fmt: skip
    signal_id = insert_row(connection, "signal", tuple(signal), tuple(signal.values()))
    position = {
        "run_id": run, "symbol": symbol, "strategy": "momentum", "side": "short", "state": state,
        "origin": "signal", "provenance": "backtest", "opened_ms": ts_ms, "closed_ms": ends_ms, "qty": 1.0,
        "entry_price": 100.0, "notional": 1_000.0, "equity_at_entry": 10_000.0, "pnl": pnl,
        "return_notional": pnl / 1_000.0, "contributions": "{}", "rev": 1,
    }  # fmt: skip
    position_id = insert_row(connection, "position", tuple(position), tuple(position.values()))
    link = (position_id, signal_id, ts_ms)
    insert_row(connection, "signal_position", ("position_id", "signal_id", "created_ms"), link)
    return signal_id


def test_a_close_says_what_it_brought_and_what_was_held_beside_it(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        run, other = add_run(connection), add_run(connection)
        add_close(connection, run, 10, 40, 5.0)
        add_close(connection, run, 20, 30, -5.0, "ETH/USDT")
        add_close(connection, run, 20, 50, 1.0, "SOL/USDT")
        add_close(connection, other, 25, 60, 0.0, "ETH/USDT")
        add_close(connection, run, 30, 60, 2.0, "ADA/USDT")
        add_close(connection, run, 40, 0, 0.0, "ADA/USDT", state="open")
    closed = read_closed_signals(connection).closed
    assert closed.asked.ts_ms.tolist() == [10, 20, 20, 25, 30] and closed.asked.side.tolist() == [-1] * 5
    assert closed.pays.tolist() == [True, False, True, False, True]
    assert closed.net_return.tolist() == pytest.approx([0.005, -0.005, 0.001, 0.0, 0.002])
    # At 20 one is held, of two of one moment neither knows the other; at 30 one of three has closed.
    assert closed.asked.exposure.tolist() == pytest.approx([0.0, 0.1, 0.1, 0.0, 0.2])


def test_a_market_that_was_played_through_twice_counts_once(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        add_close(connection, add_run(connection), 10, 40, 5.0)
        newest = add_close(connection, add_run(connection), 10, 45, -1.0)
    stored = read_closed_signals(connection)
    assert stored.ids == (newest,) and stored.closed.pays.tolist() == [False]


def test_symbols_and_single_signals_can_be_named(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    with transaction(connection):
        run = add_run(connection)
        first = add_close(connection, run, 10, 40, 5.0)
        add_close(connection, run, 20, 40, 5.0, "ETH/USDT")
    source = WorkspaceSource(workspace, connection)
    assert source.closed_signals("eth/usdt").asked.symbol == ("ETH/USDT",)
    assert source.closed_signals("all", only={first}).asked.ts_ms.tolist() == [10]
    assert len(source.closed_signals("all", only=())) == 0
    assert source.provenance == "backtest"


def test_every_strategy_has_a_feature_of_its_own() -> None:
    assert {entry.name for entry in REGISTERED} <= set(STRATEGIES)


def test_an_empty_workspace_has_none(connection: sqlite3.Connection) -> None:
    stored = read_closed_signals(connection)
    assert stored.ids == () and len(stored.closed) == 0 and not stored.lineage
    assert stored.closed.asked.ts_ms.dtype == np.int64
