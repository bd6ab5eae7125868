"""Signals that programs brought to the core, one at a time, and what it decided.

They belong to one run of kind `core` a workspace. The row of that run also keeps the state of the account
(`metrics_json`), so that a decision and what it did to the account are written together or not at all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from storage.insert import index_text, insert_row
from storage.revision import next_rev

RULE_ALONE = '{"rule":1.0}'


@dataclass(frozen=True)
class DecidedSignal:
    """What the tables keep of a signal; a part that its sender did not tell is '' or 0."""

    ts_ms: int
    symbol: str
    strategy: str
    side: str
    confidence: float
    price: float
    provenance: str
    contributions: str = RULE_ALONE


_TOLD = tuple(field.name for field in fields(DecidedSignal))


@dataclass(frozen=True)
class Refusal:
    """Why a signal was rejected; limit and actual are None where no number decided."""

    stage: str
    code: str
    text: str
    limit: float | None = None
    actual: float | None = None


@dataclass(frozen=True)
class CoreRun:
    """The run of the core's own signals, and the account as it was kept with the last decision."""

    id: int
    rev: int
    account: dict[str, Any]


def find_core_run(connection: sqlite3.Connection) -> CoreRun | None:
    """The run that the core's signals belong to, None before the first of them."""
    rows = connection.execute(
        "SELECT id, rev, metrics_json FROM trading_run WHERE kind = 'core' ORDER BY id DESC LIMIT 1"
    ).fetchall()
    return CoreRun(int(rows[0][0]), int(rows[0][1]), json.loads(rows[0][2])) if rows else None


def core_run_rev(connection: sqlite3.Connection, run_id: int) -> int | None:
    """The revision of that run, None when there is none; cheap enough to be asked before each decision."""
    rows = connection.execute("SELECT rev FROM trading_run WHERE id = ?", (run_id,)).fetchall()
    return int(rows[0][0]) if rows else None


def start_core_run(
    connection: sqlite3.Connection,
    *,
    start_equity: float,
    settings: Mapping[str, object],
    code_version: str,
    now_ms: int,
) -> CoreRun:
    """Begins the run; inside the caller's transaction."""
    rev = next_rev(connection)
    columns: dict[str, object] = {
        "kind": "core",
        "provenance": "paper",
        "state": "running",
        "strategies": "",
        "symbols": "",
        "settings_json": json.dumps(dict(settings), sort_keys=True),
        "first_ms": now_ms,
        "last_ms": now_ms,
        "bars": 0,
        "signals": 0,
        "rejections": 0,
        "positions": 0,
        "start_equity": start_equity,
        "end_equity": start_equity,
        "started_ms": now_ms,
        "code_version": code_version,
        "rev": rev,
    }
    return CoreRun(insert_row(connection, "trading_run", tuple(columns), tuple(columns.values())), rev, {})


def keep_account(
    connection: sqlite3.Connection, run_id: int, account: Mapping[str, Any], equity: float, now_ms: int
) -> int:
    """Writes the account of the run beside its decisions; returns the revision that tells them apart."""
    rev = next_rev(connection)
    connection.execute(
        "UPDATE trading_run SET metrics_json = ?, end_equity = ?, last_ms = max(last_ms, ?), rev = ? "
        "WHERE id = ?",
        (json.dumps(dict(account)), equity, now_ms, rev, run_id),
    )
    return rev


def add_decision(
    connection: sqlite3.Connection, run_id: int, signal: DecidedSignal, refusal: Refusal | None
) -> int:
    """Keeps a signal and, where there is one, its rejection; returns the id of the signal."""
    status = "accepted" if refusal is None else "rejected"
    values = (*(getattr(signal, name) for name in _TOLD), run_id, status)
    signal_id = insert_row(connection, "signal", (*_TOLD, "run_id", "status"), values)
    index_text(connection, "signal", signal_id - 1)
    connection.execute("UPDATE trading_run SET signals = signals + 1 WHERE id = ?", (run_id,))
    if refusal is not None:
        _add_rejection(connection, signal_id, signal.ts_ms, refusal)
    return signal_id


def withdraw(connection: sqlite3.Connection, signal_id: int, refusal: Refusal, now_ms: int) -> str | None:
    """Turns an accepted signal into a rejected one, from `now_ms` on, and returns its strategy.

    None where it was rejected already.
    """
    changed = connection.execute(
        "UPDATE signal SET status = 'rejected' WHERE id = ? AND status = 'accepted' RETURNING strategy",
        (signal_id,),
    ).fetchall()
    if not changed:
        return None
    _add_rejection(connection, signal_id, now_ms, refusal)
    return str(changed[0][0])


def _add_rejection(connection: sqlite3.Connection, signal_id: int, ts_ms: int, refusal: Refusal) -> None:
    row_id = connection.execute(
        "INSERT INTO rejection (signal_id, run_id, ts_ms, symbol, strategy, side, stage, code, text, "
        "limit_value, actual_value, confidence, price, provenance) "
        "SELECT id, run_id, ?, symbol, strategy, side, ?, ?, ?, ?, ?, confidence, price, provenance "
        "FROM signal WHERE id = ?",
        (ts_ms, refusal.stage, refusal.code, refusal.text, refusal.limit, refusal.actual, signal_id),
    ).lastrowid
    index_text(connection, "rejection", int(row_id or 0) - 1)
    connection.execute(
        "UPDATE trading_run SET rejections = rejections + 1 "
        "WHERE id = (SELECT run_id FROM signal WHERE id = ?)",
        (signal_id,),
    )
