"""Keep a backtest: every table in one transaction, so that a run is there whole or not at all."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from cointrader import __version__
from cointrader.backtest.result import BacktestResult
from cointrader.core.reasons import Reason, reason_text
from cointrader.trading.path import position_paths
from cointrader.trading.position_columns import (
    close_columns,
    entry_columns,
    fill_columns,
    named,
    reward_table,
    sides,
    training_reward,
)
from storage.clock import now_ms
from storage.database import joined_transaction
from storage.events import record_event
from storage.insert import index_text, insert_row, insert_rows
from storage.revision import next_rev
from storage.workspace import Workspace

RULE_ALONE = '{"rule":1.0}'  # no model took part in these decisions


def store_backtest(
    workspace: Workspace,
    connection: sqlite3.Connection,
    result: BacktestResult,
    provenance: str = "backtest",
) -> int:
    """Write the whole run and return its id. Raises DatabaseLocked or DiskFull, and then nothing was kept.

    `workspace` is named in the event; rows go through `connection`, in its transaction if one is open.
    """
    with joined_transaction(connection):
        rev = next_rev(connection)
        run_id = _store_run(connection, result, provenance, rev)
        first_signal = _next_id(connection, "signal")
        first_position = _next_id(connection, "position")
        _store_signals(connection, result, run_id, first_signal, provenance)
        rejected_after = _next_id(connection, "rejection") - 1
        _store_rejections(connection, result, run_id, first_signal, provenance)
        _store_positions(connection, result, run_id, first_position, provenance, rev)
        _store_links(connection, result, first_signal, first_position)
        _store_fills(connection, result, first_position)
        _store_rewards(connection, result, run_id, first_position)
        _store_paths(connection, result, first_position)
        points = zip(result.marks_ms.tolist(), result.equity.tolist(), result.exposure.tolist(), strict=True)
        columns = ("run_id", "ts_ms", "equity", "exposure")
        insert_rows(connection, "equity_point", columns, ((run_id, *point) for point in points))
        index_text(connection, "signal", first_signal - 1)
        index_text(connection, "rejection", rejected_after)
        index_text(connection, "position", first_position - 1)
        _store_events(connection, result, run_id, workspace)
    return run_id


def _store_run(connection: sqlite3.Connection, result: BacktestResult, provenance: str, rev: int) -> int:
    now = now_ms()
    settings = {"settings": asdict(result.settings), "params": _params_dict(result)}
    metrics = {**result.performance.as_dict(), "gaps": result.gaps, "alarms": list(result.alarms)}
    columns: dict[str, object] = {
        "kind": "backtest",
        "provenance": provenance,
        "state": "succeeded",
        "strategies": ",".join(result.strategies),
        "symbols": ",".join(result.symbols),
        "settings_json": json.dumps(settings, sort_keys=True),
        "metrics_json": json.dumps({**metrics, "rejections_by_reason": result.rejections}, sort_keys=True),
        "first_ms": int(result.marks_ms[0]),
        "last_ms": int(result.marks_ms[-1]),
        "bars": result.bars,
        "signals": int(result.signals.size),
        "rejections": result.rejected,
        "positions": int(result.trades.size),
        "start_equity": result.performance.start_equity,
        "end_equity": result.performance.end_equity,
        "started_ms": now - round(result.seconds * 1000),
        "ended_ms": now,
        "code_version": __version__,
        "rev": rev,
    }
    return insert_row(connection, "trading_run", tuple(columns), tuple(columns.values()))


def _params_dict(result: BacktestResult) -> dict[str, Any]:
    return {name: asdict(params) for name, params in result.params.items()}


def _next_id(connection: sqlite3.Connection, table: str) -> int:
    """The id that the next row of an append-only table gets; certain inside a write transaction."""
    rows = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchall()
    return int(rows[0][0]) + 1 if rows else 1


def _column(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], parts: Sequence[Iterable[object]]
) -> None:
    """Insert columns as rows; all parts have one length."""
    insert_rows(connection, table, columns, zip(*parts, strict=True))


def _store_signals(
    connection: sqlite3.Connection, result: BacktestResult, run_id: int, first: int, provenance: str
) -> None:
    signals, count = result.signals, int(result.signals.size)
    columns = (
        *("id", "run_id", "ts_ms", "symbol", "strategy", "side", "confidence", "price", "status"),
        *("contributions", "provenance"),
    )
    parts: list[Iterable[object]] = [
        range(first, first + count),
        [run_id] * count,
        signals["ts_ms"].tolist(),
        named(signals["symbol"], result.symbols),
        named(signals["strategy"], result.strategies),
        sides(signals["side"]),
        signals["confidence"].tolist(),
        result.prices.tolist(),
        ["rejected" if reason else "accepted" for reason in result.verdicts["reason"].tolist()],
        [RULE_ALONE] * count,
        [provenance] * count,
    ]
    _column(connection, "signal", columns, parts)


def _store_rejections(
    connection: sqlite3.Connection, result: BacktestResult, run_id: int, first: int, provenance: str
) -> None:
    at = np.flatnonzero(result.verdicts["reason"])
    signals, verdicts = result.signals[at], result.verdicts[at]
    reasons = [Reason(number) for number in verdicts["reason"].tolist()]
    limits, actuals = verdicts["limit"].tolist(), verdicts["actual"].tolist()
    columns = (
        *("signal_id", "run_id", "ts_ms", "symbol", "strategy", "side", "stage", "code", "text"),
        *("limit_value", "actual_value", "confidence", "price", "provenance"),
    )
    parts: list[Iterable[object]] = [
        (at + first).tolist(),
        [run_id] * at.size,
        signals["ts_ms"].tolist(),
        named(signals["symbol"], result.symbols),
        named(signals["strategy"], result.strategies),
        sides(signals["side"]),
        [str(reason.stage) for reason in reasons],
        [reason.code for reason in reasons],
        [reason_text(*told) for told in zip(reasons, limits, actuals, strict=True)],
        limits,
        [actual if math.isfinite(actual) else None for actual in actuals],
        signals["confidence"].tolist(),
        result.prices[at].tolist(),
        [provenance] * at.size,
    ]
    _column(connection, "rejection", columns, parts)


def _store_positions(
    connection: sqlite3.Connection,
    result: BacktestResult,
    run_id: int,
    first: int,
    provenance: str,
    rev: int,
) -> None:
    trades, count = result.trades, int(result.trades.size)
    same = {
        "run_id": run_id,
        "origin": "signal",
        "provenance": provenance,
        "contributions": RULE_ALONE,
        "rev": rev,
    }
    held: dict[str, Iterable[object]] = {
        "id": range(first, first + count),
        **{name: [value] * count for name, value in same.items()},
        **entry_columns(trades, result.symbols, result.strategies),
        **close_columns(trades, training_reward(result.rewards, result.settings.reward.formula)),
    }
    _column(connection, "position", tuple(held), tuple(held.values()))


def _store_links(
    connection: sqlite3.Connection, result: BacktestResult, first_signal: int, first_position: int
) -> None:
    trades = result.trades
    parts = (
        range(first_position, first_position + trades.size),
        (trades["signal"] + first_signal).tolist(),
        trades["entry_ms"].tolist(),
    )
    _column(connection, "signal_position", ("position_id", "signal_id", "created_ms"), parts)


def _store_fills(connection: sqlite3.Connection, result: BacktestResult, first: int) -> None:
    trades, fee = result.trades, result.settings.simulation.fee_bps * 1e-4
    ids = range(first, first + trades.size)
    for kind in ("entry", "exit"):
        held = {"position_id": ids, **fill_columns(trades, kind, fee)}
        _column(connection, "position_fill", tuple(held), tuple(held.values()))


def _store_rewards(connection: sqlite3.Connection, result: BacktestResult, run_id: int, first: int) -> None:
    trades, count = result.trades, int(result.trades.size)
    held: dict[str, Iterable[object]] = {
        "position_id": range(first, first + count),
        "close_number": [1] * count,
        "run_id": [run_id] * count,
        **reward_table(trades, result.rewards, result.settings.reward.formula),
    }
    _column(connection, "reward", tuple(held), tuple(held.values()))


def _store_paths(connection: sqlite3.Connection, result: BacktestResult, first: int) -> None:
    columns = ("position_id", "first_ms", "step_ms", "entry_index", "exit_index", "closes")
    paths = position_paths(result.candles, result.trades)
    insert_rows(connection, "position_path", columns, ((first + k, *path) for k, path in enumerate(paths)))


def _store_events(
    connection: sqlite3.Connection, result: BacktestResult, run_id: int, workspace: Workspace
) -> None:
    told = {"run_id": run_id, "gaps": result.gaps, "workspace": workspace.root.name}
    record_event(
        connection,
        "backtest",
        f"{result.bars} bars, {result.signals.size} signals, {result.rejected} rejected, "
        f"{result.trades.size} positions closed",
        subject=", ".join(result.symbols),
        data=told,
    )
    for alarm in result.alarms:
        record_event(
            connection, "plausibility", alarm, severity="warning", subject=f"run {run_id}", data=told
        )
