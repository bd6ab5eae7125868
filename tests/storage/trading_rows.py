"""A small trading history with every case that a reader meets: ties, missing values, open positions.

Signal i is at minute i // 3, so times tie; every third signal was rejected, every eleventh accepted one
has no position, every seventh position is still open.
"""

from __future__ import annotations

import random
import sqlite3
import struct

from storage.database import transaction
from storage.insert import index_text, insert_rows
from storage.revision import next_rev
from tests.storage.rows import add, add_run

MINUTE_MS = 60_000
START_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z."""

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
STRATEGIES = ("momentum", "mean_bot", "grid")
CODES = (("risk", "exposure"), ("risk", "cooldown"), ("filter", "confidence"))
EXITS = ("stop", "target", "time")


def fill(connection: sqlite3.Connection, count: int, seed: int = 7) -> int:
    """Stores `count` signals and what became of them, in one run; returns the run's id."""
    chance = random.Random(seed)
    tables = ("signal", "rejection", "position")
    with transaction(connection):
        known = [
            connection.execute(f"SELECT coalesce(max(id), 0) FROM {name}").fetchone()[0] for name in tables
        ]
        run_id = add_run(connection)
        for number in range(count):
            _signal(connection, chance, run_id, number)
        for table, newest in zip(tables, known, strict=True):
            index_text(connection, table, newest)
    return run_id


def _signal(connection: sqlite3.Connection, chance: random.Random, run_id: int, number: int) -> None:
    shared = {
        "run_id": run_id,
        "symbol": chance.choice(SYMBOLS),
        "strategy": chance.choice(STRATEGIES),
        "side": chance.choice(("long", "short")),
        "provenance": "backtest",
    }
    decided = {
        "ts_ms": START_MS + number // 3 * MINUTE_MS,
        "confidence": chance.randrange(10) / 10,
        "price": 100.0 + chance.randrange(50),
    }
    rejected = number % 3 == 0
    signal_id = add(
        connection,
        "signal",
        status="rejected" if rejected else "accepted",
        contributions='{"rule": 1.0}',
        **shared,
        **decided,
    )
    if rejected:
        stage, code = chance.choice(CODES)
        add(
            connection,
            "rejection",
            signal_id=signal_id,
            stage=stage,
            code=code,
            text=f"the {code} is too large, 100 % of it",
            limit_value=chance.choice((None, 0.1, 0.5)),
            actual_value=chance.choice((None, 0.6, 0.6, 0.9)),
            **shared,
            **decided,
        )
    elif number % 11:
        _position(connection, chance, shared, signal_id, decided["ts_ms"], is_open=number % 7 == 0)


def _position(
    connection: sqlite3.Connection,
    chance: random.Random,
    shared: dict[str, object],
    signal_id: int,
    opened_ms: int,
    *,
    is_open: bool,
) -> None:
    hold_ms = chance.randrange(1, 6) * MINUTE_MS
    closed = {
        "closed_ms": opened_ms + hold_ms,
        "exit_price": 101.0 + chance.randrange(3),
        "exit_reason": chance.choice(EXITS),
        "pnl": float(chance.randrange(-3, 4)),
        "fees": 0.2,
        "reward": chance.uniform(-1, 1),
        "return_notional": chance.randrange(-3, 4) / 100,
        "hold_ms": hold_ms,
    }
    position_id = add(
        connection,
        "position",
        state="open" if is_open else "closed",
        origin="signal",
        opened_ms=opened_ms,
        qty=1.0,
        entry_price=100.0,
        stop_price=chance.choice((None, 95.0)),
        notional=100.0,
        equity_at_entry=10_000.0,
        contributions='{"rule": 1.0}',
        rev=next_rev(connection),
        **shared,
        **({} if is_open else closed),
    )
    add(connection, "signal_position", position_id=position_id, signal_id=signal_id, created_ms=opened_ms)


def add_reward(connection: sqlite3.Connection, position_id: int, run_id: int) -> None:
    """A reward whose parts can be told apart."""
    parts = ("return", "notional", "consistency", "time", "streak")
    add(
        connection,
        "reward",
        position_id=position_id,
        run_id=run_id,
        ts_ms=START_MS,
        formula="normalized",
        total=0.15,
        weight=1.0,
        normalized=0.15,
        comprehensive=15.0,
        **{f"n_{name}": number / 100 for number, name in enumerate(parts, 1)},
        **{f"c_{name}": float(number) for number, name in enumerate(("pnl", "time", "risk"), 1)},
        c_consistency=4.0,
        c_streak=5.0,
    )


def add_path(connection: sqlite3.Connection, position_id: int, closes: tuple[float, ...]) -> None:
    """Closes around a position, a minute apart, entry at the second and exit at the last but one."""
    add(
        connection,
        "position_path",
        position_id=position_id,
        first_ms=START_MS,
        step_ms=MINUTE_MS,
        entry_index=1,
        exit_index=len(closes) - 2,
        closes=struct.pack(f"<{len(closes)}f", *closes),
    )


def add_metrics(
    connection: sqlite3.Connection, session_id: int, name: str, attempt: int, values: dict[int, float | None]
) -> None:
    """What an attempt of a session logged; None is a NaN."""
    rows = [
        (session_id, attempt, step, name, value, "nan" if value is None else "finite", 0)
        for step, value in values.items()
    ]
    columns = ("session_id", "attempt", "step", "name", "value", "state", "ts_ms")
    insert_rows(connection, "metric", columns, rows)
