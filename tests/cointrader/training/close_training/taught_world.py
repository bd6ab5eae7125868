"""A workspace whose CNN and DQN decide, and positions closed there that both had a part in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cointrader.settings import Settings
from cointrader.trading.close_record import record_close
from cointrader.trading.reward import normalized_reward, small_move_weight
from cointrader.training.close_training.caller import Caller
from cointrader.training.session import train_agent
from storage.candles import Candles, read_candles
from storage.database import open_database, transaction
from storage.jobs import claim, enqueue, register_worker
from storage.revision import next_rev
from storage.workspace import Workspace
from tests.cointrader.training.replaying.walked_workspace import SMALL_CNN, walked_workspace
from tests.storage.rows import add, add_run

SYMBOL = "BTC/USDT"
SMALL_DQN = {"steps": "60", "hidden": "8", "evaluate_every": "20"}
SHARES = {"rule": 0.4, "cnn": 0.35, "dqn": 0.25}
EQUITY, QUANTITY_OF = 10_000.0, 1_000.0
COST = 24e-4
FEE = 1e-3
FIRST_BAR, BETWEEN, HELD = 2_000, 7, 6


def decided_workspace(root: Path, bars: int = 3_000) -> Workspace:
    """Small versions of CNN and DQN decide, by the word of the operator."""
    made = walked_workspace(root, bars=bars)
    for agent, params in (("cnn", SMALL_CNN), ("dqn", SMALL_DQN)):
        train_agent(made, agent, params, seed=1)
    with closing(open_database(made)) as connection, transaction(connection):
        connection.execute("UPDATE artifact SET status = 'champion', rev = ?", (next_rev(connection),))
    return made


def series_of(workspace: Workspace, connection: sqlite3.Connection) -> Candles:
    return read_candles(workspace, SYMBOL, 300_000, connection=connection)


def close_trades(
    workspace: Workspace,
    connection: sqlite3.Connection,
    count: int,
    *,
    shares: dict[str, float] | None = None,
    first: int = 0,
    held: Sequence[int] = (HELD,),
    provenance: str = "paper",
) -> list[int]:
    """Positions long and short in turn, each entered at a bar of the walk and closed some bars later."""
    series = series_of(workspace, connection)
    with transaction(connection):
        run_id = add_run(connection)
    return [
        close_trade(
            connection, series, run_id, number, held[number % len(held)], shares or SHARES, provenance
        )
        for number in range(first, first + count)
    ]


def close_trade(
    connection: sqlite3.Connection,
    series: Candles,
    run_id: int,
    number: int,
    held: int,
    shares: dict[str, float],
    provenance: str,
) -> int:
    """One trade, and all that its close leaves, in one transaction."""
    entry = FIRST_BAR + number * BETWEEN
    leave = entry + held
    sign = 1 if number % 2 == 0 else -1
    side = "long" if sign > 0 else "short"
    entry_price, exit_price = float(series.close[entry]), float(series.close[leave])
    qty = QUANTITY_OF / entry_price
    pnl = sign * qty * (exit_price - entry_price) - 2 * FEE * QUANTITY_OF
    reward = normalized_reward(
        pnl=pnl, equity=EQUITY, notional=QUANTITY_OF, hold_minutes=5.0 * held, history=[]
    )
    opened, closed = int(series.close_ms[entry]), int(series.close_ms[leave])
    shared = {
        "run_id": run_id,
        "symbol": SYMBOL,
        "strategy": "momentum",
        "side": side,
        "contributions": json.dumps(shares),
        "provenance": provenance,
    }
    with transaction(connection):
        signal_id = add(
            connection, "signal", ts_ms=opened, confidence=0.5, price=entry_price, status="accepted", **shared
        )
        position_id = add(
            connection, "position", state="closed", origin="signal", opened_ms=opened, closed_ms=closed,
            qty=qty, entry_price=entry_price, exit_price=exit_price, exit_reason="time", notional=QUANTITY_OF,
            equity_at_entry=EQUITY, pnl=pnl, return_notional=pnl / QUANTITY_OF, reward=reward.total,
            hold_ms=closed - opened, rev=next_rev(connection), **shared,
        )  # fmt: skip
        add(connection, "signal_position", position_id=position_id, signal_id=signal_id, created_ms=opened)
        add(
            connection, "reward", position_id=position_id, close_number=1, run_id=run_id, ts_ms=closed,
            formula="normalized", total=reward.total, weight=small_move_weight(pnl, QUANTITY_OF, COST),
            normalized=reward.total, n_return=reward.on_return, n_notional=reward.on_notional,
            n_consistency=reward.on_consistency, n_time=reward.on_time, n_streak=reward.on_streak,
            comprehensive=10 * pnl, c_pnl=10 * pnl, c_time=0.0, c_risk=0.0, c_consistency=0.0, c_streak=0.0,
        )  # fmt: skip
        record_close(connection, position_id, series=series.cut(0, leave + 1))
    return position_id


def teaching_job(connection: sqlite3.Connection) -> tuple[int, int]:
    """(job, attempt) of a claimed job that drains the outbox; its lease is over at once."""
    job_id = enqueue(connection, kind="train_closes", title="learn", arguments={})
    worker = register_worker(connection, cpu_slots=1, gpu_slots=0)
    job = claim(connection, worker, {"cpu": 1}, 0.0)
    assert job is not None and job.id == job_id
    return job.id, job.attempt


def caller(connection: sqlite3.Connection, said: list[str] | None = None) -> Caller:
    job_id, attempt = teaching_job(connection)
    lines = [] if said is None else said
    return Caller(job_id, attempt, Settings(), say=lines.append)
