"""A workspace with a believable trading history, the same every time, written through storage."""

from __future__ import annotations

import math
import random
import sqlite3
import struct
from pathlib import Path

from storage.database import open_database, transaction
from storage.insert import index_text, insert_rows
from storage.revision import next_rev
from storage.workspace import Workspace

MINUTE_MS = 60_000
STEP_MS = 5 * MINUTE_MS
START_MS = 1_717_200_000_000
"""2024-06-01T00:00:00Z."""

PRICES = {"BTC/USDT": 56_000.0, "ETH/USDT": 2_900.0}
RULES = (
    ("risk", "asset_exposure", "exposure to the asset would be 20.0 % of 10.0 %", 0.10, 0.20),
    ("risk", "max_per_symbol", "1 position in the symbol is open, 1 is allowed", 1.0, 2.0),
    ("filter", "min_confidence", "confidence 0.04 is below 0.05", 0.05, 0.04),
    ("risk", "cooldown", "2 of 5 minutes of the pause are over", 5.0, 2.0),
    ("execution", "min_notional", "the order is 8.10, the smallest is 10.00", 10.0, 8.1),
)
RUN_COLUMNS = (
    *("kind", "provenance", "state", "strategies", "symbols", "settings_json", "metrics_json", "first_ms"),
    *("last_ms", "bars", "signals", "rejections", "positions", "start_equity", "end_equity", "started_ms"),
    *("ended_ms", "code_version", "rev"),
)
SIGNAL_COLUMNS = (
    *("run_id", "ts_ms", "symbol", "strategy", "side", "confidence", "price", "status", "contributions"),
    "provenance",
)
REJECTION_COLUMNS = (
    *("signal_id", "run_id", "ts_ms", "symbol", "strategy", "side", "stage", "code", "text", "limit_value"),
    *("actual_value", "confidence", "price", "provenance"),
)
POSITION_COLUMNS = (
    *(
        "run_id",
        "symbol",
        "strategy",
        "side",
        "state",
        "origin",
        "provenance",
        "opened_ms",
        "closed_ms",
        "qty",
    ),
    *(
        "entry_price",
        "exit_price",
        "stop_price",
        "target_price",
        "exit_reason",
        "notional",
        "equity_at_entry",
    ),
    *("gross", "fees", "slippage", "pnl", "return_account", "return_notional", "hold_ms", "mae", "mfe"),
    *("reward", "contributions", "rev"),
)
FILL_COLUMNS = (
    *("position_id", "ts_ms", "kind", "side", "qty", "price", "raw_price", "fee", "slippage", "reason"),
)
REWARD_COLUMNS = (
    *("position_id", "close_number", "run_id", "ts_ms", "formula", "total", "weight", "normalized"),
    *("n_return", "n_notional", "n_consistency", "n_time", "n_streak", "comprehensive", "c_pnl", "c_time"),
    *("c_risk", "c_consistency", "c_streak"),
)


def trading_workspace(root: Path, signals: int = 600) -> Workspace:
    """A workspace whose database holds `signals` signals and everything that became of them."""
    workspace = Workspace(root).create()
    connection = open_database(workspace)
    try:
        with transaction(connection):
            add_history(connection, signals)
    finally:
        connection.close()
    return workspace


def add_history(connection: sqlite3.Connection, signals: int, seed: int = 7) -> int:
    """One run, inside the caller's transaction; every third signal is rejected, the others are closed."""
    chance = random.Random(seed)
    known = {
        table: connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
        for table in ("signal", "rejection", "position")
    }
    last_ms = START_MS + signals * STEP_MS
    run = (
        *("backtest", "backtest", "succeeded", "momentum, mean_bot", "BTC/USDT, ETH/USDT", "{}", "{}"),
        *(START_MS, last_ms, signals * 4, signals, signals // 3, signals - signals // 3, 10_000.0, 9_900.0),
        *(last_ms, last_ms, "0.1.0", next_rev(connection)),
    )
    insert_rows(connection, "trading_run", RUN_COLUMNS, [run])
    run_id = int(connection.execute("SELECT max(id) FROM trading_run").fetchone()[0])
    for number in range(signals):
        _signal(connection, chance, run_id, number)
    for table, newest in known.items():
        index_text(connection, table, newest)
    return run_id


def _signal(connection: sqlite3.Connection, chance: random.Random, run_id: int, number: int) -> None:
    ts_ms = START_MS + number * STEP_MS
    symbol = chance.choice(("BTC/USDT", "BTC/USDT", "ETH/USDT"))
    strategy = chance.choice(("momentum", "mean_bot"))
    side = chance.choice(("long", "short"))
    price = round(PRICES[symbol] * (1 + 0.05 * math.sin(number / 90) + chance.gauss(0, 0.002)), 2)
    confidence = round(chance.uniform(0.05, 0.98), 2)
    rejected = number % 3 == 0
    shares = '{"rule": 1.0}' if number % 5 else '{"rule": 0.65, "cnn": 0.35}'
    row = (run_id, ts_ms, symbol, strategy, side, confidence, price)
    status = "rejected" if rejected else "accepted"
    insert_rows(connection, "signal", SIGNAL_COLUMNS, [(*row, status, shares, "backtest")])
    signal_id = int(connection.execute("SELECT max(id) FROM signal").fetchone()[0])
    if rejected:
        stage, code, text, limit, actual = RULES[min(len(RULES) - 1, int(chance.expovariate(0.9)))]
        reason = (stage, code, text, limit, actual, confidence, price, "backtest")
        insert_rows(
            connection,
            "rejection",
            REJECTION_COLUMNS,
            [(signal_id, run_id, ts_ms, symbol, strategy, side, *reason)],
        )
    else:
        _position(connection, chance, signal_id, row, shares)


def _position(
    connection: sqlite3.Connection,
    chance: random.Random,
    signal_id: int,
    signal: tuple[int, int, str, str, str, float, float],
    shares: str,
) -> None:
    run_id, ts_ms, symbol, strategy, side, _confidence, price = signal
    sign = 1 if side == "long" else -1
    opened_ms = ts_ms + STEP_MS
    bars = chance.randrange(2, 60)
    closed_ms = opened_ms + bars * STEP_MS
    move = chance.gauss(-0.0008, 0.006)
    exit_price = round(price * (1 + sign * move), 2)
    notional, equity = 1_000.0, 10_000.0
    qty = round(notional / price, 6)
    gross = round(qty * (exit_price - price) * sign, 4)
    fees = round(notional * 0.002, 4)
    pnl = round(gross - fees, 4)
    reason = "stop" if move < -0.004 else "target" if move > 0.006 else chance.choice(("time", "opposite"))
    reward = round(math.tanh(move * 120) * 0.6, 4)
    row = (
        *(run_id, symbol, strategy, side, "closed", "signal", "backtest", opened_ms, closed_ms, qty, price),
        *(exit_price, round(price * (1 - sign * 0.006), 2), round(price * (1 + sign * 0.012), 2), reason),
        *(notional, equity, gross, fees, 0.2, pnl, pnl / equity, pnl / notional, bars * STEP_MS),
        *(-abs(move) * 0.7 - 0.001, abs(move) * 0.8 + 0.0005, reward, shares, next_rev(connection)),
    )
    insert_rows(connection, "position", POSITION_COLUMNS, [row])
    position_id = int(connection.execute("SELECT max(id) FROM position").fetchone()[0])
    insert_rows(
        connection,
        "signal_position",
        ("position_id", "signal_id", "created_ms"),
        [(position_id, signal_id, opened_ms)],
    )
    ways = ("buy", "sell") if sign > 0 else ("sell", "buy")
    fills = [
        (position_id, opened_ms, "entry", ways[0], qty, price, price * (1 - sign * 2e-4), 1.0, 0.1, "signal"),
        (position_id, closed_ms, "exit", ways[1], qty, exit_price, exit_price, 1.0, 0.1, reason),
    ]
    insert_rows(connection, "position_fill", FILL_COLUMNS, fills)
    parts = [round(reward * share, 4) for share in (0.5, 0.3, 0.1, 0.1)]
    rewards = (
        *(position_id, 1, run_id, closed_ms, "normalized", reward, 1.0, reward, *parts, 0.0),
        *(reward * 40, pnl, -2.0, 1.5, 0.5, 0.0),
    )
    insert_rows(connection, "reward", REWARD_COLUMNS, [rewards])
    _path(connection, chance, position_id, opened_ms, bars, price, exit_price)


def _path(
    connection: sqlite3.Connection,
    chance: random.Random,
    position_id: int,
    opened_ms: int,
    bars: int,
    entry: float,
    exit_price: float,
) -> None:
    """48 bars before, a noisy way from the entry to the exit, 48 bars after."""
    closes = [entry * (1 + chance.gauss(0, 0.0009) + (48 - bar) * 5e-5) for bar in range(48)]
    closes += [
        entry + (exit_price - entry) * bar / bars + entry * chance.gauss(0, 0.0007) for bar in range(bars + 1)
    ]
    closes += [exit_price * (1 + chance.gauss(0, 0.0009)) for _ in range(48)]
    row = (
        position_id,
        opened_ms - 48 * STEP_MS,
        STEP_MS,
        48,
        48 + bars,
        struct.pack(f"<{len(closes)}f", *closes),
    )
    columns = ("position_id", "first_ms", "step_ms", "entry_index", "exit_index", "closes")
    insert_rows(connection, "position_path", columns, [row])


def add_many_signals(connection: sqlite3.Connection, count: int) -> None:
    """`count` accepted signals inside the caller's transaction; a run must exist.

    Signal i stands at START_MS + i minutes, its price runs through 1000 values, its confidence through 100.
    The indexes are made afterwards, which is faster than keeping them all the way.
    """
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'signal' AND sql IS NOT NULL"
    ).fetchall()
    for name, _sql in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute(
        f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO signal (run_id, ts_ms, symbol, strategy, side, confidence, price, status, contributions,
            provenance)
        SELECT (SELECT max(id) FROM trading_run), {START_MS} + i * {MINUTE_MS},
            CASE i % 3 WHEN 0 THEN 'ETH/USDT' ELSE 'BTC/USDT' END, 'momentum',
            CASE i % 2 WHEN 0 THEN 'long' ELSE 'short' END, (i * 37 % 100) / 100.0, 50000.0 + i * 7 % 1000,
            'accepted', '{{"rule": 1.0}}', 'backtest'
        FROM n
        """,
        (count,),
    )
    for _name, sql in indexes:
        connection.execute(sql)
