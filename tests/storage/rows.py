"""Rows that storage tests need before they can write their own."""

from __future__ import annotations

import sqlite3
from typing import Any

from storage.insert import insert_row
from storage.revision import next_rev


def add(connection: sqlite3.Connection, table: str, **values: Any) -> int:
    """Inserts one row of these values and returns its id."""
    return insert_row(connection, table, tuple(values), tuple(values.values()))


def add_run(connection: sqlite3.Connection) -> int:
    """A trading run, which signals and positions belong to; inside the caller's transaction."""
    return add(
        connection,
        "trading_run",
        kind="backtest",
        provenance="backtest",
        state="succeeded",
        strategies="momentum",
        symbols="BTC/USDT",
        settings_json="{}",
        first_ms=0,
        last_ms=1,
        bars=2,
        signals=0,
        rejections=0,
        positions=0,
        start_equity=10_000.0,
        end_equity=10_000.0,
        started_ms=0,
        code_version="0",
        rev=next_rev(connection),
    )


def add_signals(connection: sqlite3.Connection, run_id: int, count: int) -> None:
    """`count` accepted signals of a run, one a millisecond."""
    for ts_ms in range(count):
        add(
            connection,
            "signal",
            run_id=run_id,
            ts_ms=ts_ms,
            symbol="BTC/USDT",
            strategy="momentum",
            side="long",
            confidence=0.5,
            price=100.0 + ts_ms,
            status="accepted",
            contributions='{"momentum": 1.0}',
            provenance="backtest",
        )


def add_job(connection: sqlite3.Connection, attempt: int) -> int:
    """A running job at an attempt."""
    return add(
        connection,
        "job",
        kind="train",
        title="train cnn",
        arguments_json="{}",
        slot="cpu",
        state="running",
        attempt=attempt,
        created_ms=0,
        rev=next_rev(connection),
    )
