"""Paper runs without a worker: begun, gone on with and read back by a test."""

from __future__ import annotations

import csv
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cointrader.backtest.result import BacktestResult
from cointrader.core.paper.engine import PaperEngine
from cointrader.core.paper.start import begin_run, open_run
from cointrader.settings import Settings
from models.candle_series import PlainCandles
from storage import jobs as queue
from storage.candles import Candles
from storage.database import transaction
from storage.paper_runs import PLAYBACK, SLOT, PaperPlan, ask_start
from storage.workspace import Workspace
from tests.cointrader.training.stored_candles import store_candles

TRADES = (
    "SELECT p.symbol, p.strategy, p.side, p.state, p.exit_reason, p.opened_ms, p.closed_ms, p.qty, "
    "p.entry_price, p.exit_price, p.stop_price, p.target_price, p.notional, p.equity_at_entry, p.gross, "
    "p.fees, p.slippage, p.pnl, p.return_account, p.return_notional, p.hold_ms, p.mae, p.mfe, p.reward, "
    "p.origin, s.ts_ms, s.confidence, s.price, r.total, r.weight, r.comprehensive "
    "FROM position AS p JOIN signal_position AS l ON l.position_id = p.id "
    "JOIN signal AS s ON s.id = l.signal_id LEFT JOIN reward AS r ON r.position_id = p.id "
    "WHERE p.run_id = ? ORDER BY p.opened_ms, p.symbol, p.closed_ms"
)
SIGNALS = (
    "SELECT s.ts_ms, s.symbol, s.strategy, s.side, s.confidence, s.price, s.status, r.code, r.stage, r.text, "
    "r.limit_value, r.actual_value FROM signal AS s LEFT JOIN rejection AS r ON r.signal_id = s.id "
    "WHERE s.run_id = ? ORDER BY s.ts_ms, s.symbol, s.strategy, s.side"
)
FILLS = (
    "SELECT f.ts_ms, f.kind, f.side, f.qty, f.price, f.raw_price, f.fee, f.slippage, f.reason "
    "FROM position_fill AS f JOIN position AS p ON p.id = f.position_id WHERE p.run_id = ? "
    "ORDER BY f.ts_ms, f.kind, f.price, f.qty"
)
MARKS = "SELECT ts_ms, equity, exposure FROM equity_point WHERE run_id = ? ORDER BY ts_ms"
COUNTS = (
    "SELECT symbols, strategies, bars, signals, rejections, positions, start_equity, end_equity, last_ms "
    "FROM trading_run WHERE id = ?"
)


@dataclass(frozen=True)
class Kept:
    """Everything a run has left, without the numbers of its rows."""

    trades: list[tuple[Any, ...]]
    signals: list[tuple[Any, ...]]
    fills: list[tuple[Any, ...]]
    marks: list[tuple[Any, ...]]
    counts: list[tuple[Any, ...]]


def kept(connection: sqlite3.Connection, run_id: int) -> Kept:
    queries = (TRADES, SIGNALS, FILLS, MARKS, COUNTS)
    return Kept(*(connection.execute(query, (run_id,)).fetchall() for query in queries))


def store(workspace: Workspace, connection: sqlite3.Connection, *series: Candles) -> None:
    for item in series:
        store_candles(workspace, connection, PlainCandles(**vars(item)))


def begin(
    connection: sqlite3.Connection, plan: PaperPlan | None = None, settings: Settings | None = None
) -> int:
    """A run that was begun by a job of its own."""
    chosen = plan or PaperPlan(source=PLAYBACK)
    ask_start(connection, chosen)
    worker = queue.register_worker(connection, cpu_slots=1, gpu_slots=0)
    job = queue.claim(connection, worker, {SLOT: 1}, 60.0)
    assert job is not None
    with transaction(connection):
        return begin_run(connection, chosen, settings or Settings(), job.id, job.attempt)


def play_out(engine: PaperEngine, *, limit: int = 256) -> None:
    """Decide on everything that is ready."""
    while engine.advance(limit=limit).moments:
        pass


def played(workspace: Workspace, connection: sqlite3.Connection, plan: PaperPlan | None = None) -> int:
    """A playback from its begin to its end."""
    run_id = begin(connection, plan)
    engine = open_run(workspace, connection, run_id)
    play_out(engine)
    engine.finish()
    return run_id


def trades_of(result: BacktestResult) -> list[tuple[Any, ...]]:
    """The trades of a backtest by what identifies them and what they came to."""
    trades = result.trades
    names = ("symbol", "strategy", "side", "entry_ms", "exit_ms", "quantity", "entry_price", "exit_price")
    columns = [trades[name].tolist() for name in (*names, "net", "mae", "mfe")]
    return sorted(zip(*columns, result.rewards.normalized.tolist(), strict=True))


def write_csv(path: Path, series: Candles, bars: int) -> None:
    """The first bars of a series as a file that somebody keeps adding to; it looks finished a while ago."""
    columns = [series.close_ms - series.timeframe_ms, *series.columns.values()]
    rows = zip(*(column[:bars].tolist() for column in columns), strict=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("timestamp", "open", "high", "low", "close", "volume"))
        writer.writerows((stamp, *(repr(value) for value in values)) for stamp, *values in rows)
    changed = 1_700_000_000 + bars  # a time of its own for every state of the file
    os.utime(path, (changed, changed))
