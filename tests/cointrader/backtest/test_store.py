"""A run in the database: whole, linked, searchable, or not there at all."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from cointrader.backtest.result import BacktestResult
from cointrader.backtest.run import run_backtest
from cointrader.backtest.store import store_backtest
from cointrader.settings import LimitSettings, RewardSettings, Settings, SimulationSettings
from cointrader.trading.path import MARGIN, MOST, position_paths
from cointrader.trading.position import TRADE
from storage.workspace import Workspace
from tests.cointrader.market import MINUTES_5, walk, without

CANDLES = (without(walk(2500, 1), 900, 5), walk(2500, 2, "ETH/USDT"))


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return run_backtest(CANDLES, ("momentum", "mean_bot"))


def one(connection: sqlite3.Connection, sql: str) -> tuple[object, ...]:
    rows = connection.execute(sql).fetchall()
    assert len(rows) == 1
    return tuple(rows[0])


def test_every_row_of_a_run_is_there(
    workspace: Workspace, connection: sqlite3.Connection, result: BacktestResult
) -> None:
    run_id = store_backtest(workspace, connection, result)
    counts = {
        table: one(connection, f"SELECT count(*) FROM {table}")[0]
        for table in (
            *("signal", "rejection", "position", "position_fill", "signal_position", "reward"),
            *("position_path", "equity_point", "signal_text", "rejection_text", "position_text"),
        )
    }
    signals, rejected, closed = result.signals.size, result.rejected, result.trades.size
    assert counts == {
        "signal": signals,
        "rejection": rejected,
        "position": closed,
        "position_fill": 2 * closed,
        "signal_position": closed,
        "reward": closed,
        "position_path": closed,
        "equity_point": result.marks_ms.size,
        "signal_text": signals,
        "rejection_text": rejected,
        "position_text": closed,
    }
    assert closed > 50
    stored = one(
        connection, f"SELECT state, signals, rejections, positions, bars FROM trading_run WHERE id = {run_id}"
    )
    assert stored == ("succeeded", signals, rejected, closed, result.bars)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert one(connection, "PRAGMA integrity_check") == ("ok",)


def test_every_signal_is_accepted_or_rejected_with_limit_and_value(
    workspace: Workspace, connection: sqlite3.Connection, result: BacktestResult
) -> None:
    store_backtest(workspace, connection, result)
    missing = """
        SELECT count(*) FROM signal s
        LEFT JOIN rejection r ON r.signal_id = s.id LEFT JOIN signal_position l ON l.signal_id = s.id
        WHERE (s.status = 'rejected') != (r.id IS NOT NULL)
           OR (s.status = 'accepted') != (l.signal_id IS NOT NULL)
    """
    assert one(connection, missing) == (0,)
    assert one(connection, "SELECT count(*) FROM rejection WHERE limit_value IS NULL OR text = ''") == (0,)
    stage, text = one(connection, "SELECT stage, text FROM rejection WHERE code = 'low_confidence' LIMIT 1")
    assert stage == "filter"
    assert str(text).startswith("Confidence too low: 0.0")


def test_a_position_leads_back_to_its_signal_and_on_to_its_reward(
    workspace: Workspace, connection: sqlite3.Connection, result: BacktestResult
) -> None:
    store_backtest(workspace, connection, result)
    broken = """
        SELECT count(*) FROM position p
        JOIN signal_position l ON l.position_id = p.id JOIN signal s ON s.id = l.signal_id
        JOIN reward r ON r.position_id = p.id
        WHERE p.symbol != s.symbol OR p.strategy != s.strategy OR p.side != s.side OR p.opened_ms < s.ts_ms
           OR abs(p.pnl - (p.gross - p.fees - p.funding - p.slippage)) > 1e-9 * p.notional
           OR abs(r.total - p.reward) > 1e-12 OR r.formula != 'normalized'
           OR abs(r.normalized - r.n_return - r.n_notional - r.n_consistency - r.n_time - r.n_streak) > 1e-12
           OR abs(r.comprehensive - r.c_pnl - r.c_time - r.c_risk - r.c_consistency - r.c_streak) > 1e-9
           OR r.weight < 0.1 OR r.weight > 1
    """
    assert one(connection, broken) == (0,)
    fees = one(
        connection,
        "SELECT max(abs(p.fees - f.fee)), max(abs(p.slippage - f.slippage)) FROM position p JOIN "
        "(SELECT position_id, sum(fee) fee, sum(slippage) slippage FROM position_fill GROUP BY 1) f "
        "ON f.position_id = p.id",
    )
    assert all(float(str(value)) < 1e-9 for value in fees)


def test_a_second_run_is_kept_beside_the_first(
    workspace: Workspace, connection: sqlite3.Connection, result: BacktestResult
) -> None:
    first = store_backtest(workspace, connection, result)
    second = store_backtest(workspace, connection, result, "playback")
    assert second == first + 1
    per_run = connection.execute("SELECT run_id, provenance, count(*) FROM signal GROUP BY 1, 2").fetchall()
    assert per_run == [
        (first, "backtest", result.signals.size),
        (second, "playback", result.signals.size),
    ]
    crossed = """
        SELECT count(*) FROM signal_position l
        JOIN signal s ON s.id = l.signal_id JOIN position p ON p.id = l.position_id WHERE s.run_id != p.run_id
    """
    assert one(connection, crossed) == (0,)


def test_a_run_that_cannot_be_stored_leaves_nothing(
    workspace: Workspace, connection: sqlite3.Connection, result: BacktestResult
) -> None:
    connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON equity_point BEGIN SELECT raise(ABORT, 'no room'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="no room"):
        store_backtest(workspace, connection, result)
    for table in ("trading_run", "signal", "rejection", "position", "signal_text", "event"):
        assert one(connection, f"SELECT count(*) FROM {table}") == (0,), table


def test_a_reader_is_told_by_the_revision(
    workspace: Workspace, connection: sqlite3.Connection, result: BacktestResult
) -> None:
    before = one(connection, "SELECT value FROM revision")[0]
    store_backtest(workspace, connection, result)
    found = one(connection, f"SELECT count(*), count(DISTINCT rev) FROM position WHERE rev > {before}")
    assert found == (result.trades.size, 1)


def test_what_was_run_and_found_can_be_read_back(
    workspace: Workspace, connection: sqlite3.Connection, result: BacktestResult
) -> None:
    store_backtest(workspace, connection, result)
    settings_json, metrics_json = one(connection, "SELECT settings_json, metrics_json FROM trading_run")
    stored = json.loads(str(settings_json))
    assert stored["settings"]["simulation"]["fee_bps"] == 10.0
    assert stored["params"]["mean_bot"]["window"] == 288
    metrics = json.loads(str(metrics_json))
    assert metrics["gaps"] == 1
    assert metrics["trades"] == result.trades.size
    assert sum(metrics["rejections_by_reason"].values()) == result.rejected


def test_the_chosen_formula_is_the_reward_of_the_position(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    chosen = Settings(reward=RewardSettings(formula="comprehensive"))
    store_backtest(workspace, connection, run_backtest(CANDLES[:1], ("momentum",), chosen))
    different = """
        SELECT count(*) FROM position p JOIN reward r ON r.position_id = p.id
        WHERE p.reward != r.comprehensive
    """
    assert one(connection, different) == (0,)


def test_rejections_are_found_by_their_words(workspace: Workspace, connection: sqlite3.Connection) -> None:
    tight = Settings(SimulationSettings(), LimitSettings(strategy_fraction=0.1))
    store_backtest(workspace, connection, run_backtest(CANDLES, ("momentum",), tight))
    found = one(
        connection,
        "SELECT count(*) FROM rejection_text WHERE rejection_text MATCH '\"Exposure limit exceeded\"'",
    )
    assert int(str(found[0])) > 0


def test_an_alarm_becomes_an_event(workspace: Workspace, connection: sqlite3.Connection) -> None:
    free = Settings(SimulationSettings(fee_bps=0.0))
    result = run_backtest(CANDLES[:1], ("momentum",), free)
    store_backtest(workspace, connection, result)
    kinds = connection.execute("SELECT kind, severity FROM event ORDER BY id").fetchall()
    assert kinds == [("backtest", "info")] + [("plausibility", "warning")] * len(result.alarms)
    assert result.alarms


def test_a_path_shows_the_bars_before_during_and_after(result: BacktestResult) -> None:
    paths = list(position_paths(result.candles, result.trades))
    for trade, path in zip(result.trades, paths, strict=True):
        candles = result.candles[trade["symbol"]]
        closes = np.frombuffer(path.closes, "<f4")
        assert 0 < closes.size <= MOST
        first = int(np.searchsorted(candles.close_ms, path.first_ms))
        assert closes.tolist() == candles.close[first : first + closes.size].astype(np.float32).tolist()
        entered = first + path.entry_index
        assert candles.open[entered] == trade["entry_raw"]
        left = first + path.exit_index
        assert candles.low[left] <= trade["exit_raw"] <= candles.high[left]
        assert path.entry_index <= MARGIN
        assert closes.size - 1 - path.exit_index <= MARGIN


def test_a_long_path_keeps_every_second_close() -> None:
    candles = walk(1000)
    trades = np.zeros(1, TRADE)
    trades["entry_ms"], trades["bars"] = candles.close_ms[99], 300
    (path,) = position_paths((candles,), trades)
    assert path.step_ms == 2 * MINUTES_5
    assert len(path.closes) // 4 <= MOST
    assert path.entry_index == 24
    assert path.exit_index == 174


def test_the_database_file_is_where_the_workspace_says(
    workspace: Workspace, connection: sqlite3.Connection, result: BacktestResult
) -> None:
    store_backtest(workspace, connection, result)
    assert Path(str(one(connection, "PRAGMA database_list")[2])) == workspace.database
