"""Stored signals with what became of them, one call a signal."""

from __future__ import annotations

import sqlite3

from storage.agent_responses import Answer
from tests.storage.rows import add, add_run

DAY_MS = 86_400_000
START_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z."""

__all__ = ["DAY_MS", "START_MS", "add_run", "answered", "refused", "taken"]


def taken(
    connection: sqlite3.Connection,
    run_id: int,
    ts_ms: int,
    net_return: float | None,
    *,
    hold_ms: int = 60_000,
    confidence: float = 0.5,
    symbol: str = "BTC/USDT",
    strategy: str = "momentum",
) -> int:
    """An accepted signal whose position of 1,000 returned so much; None: it is still open."""
    signal_id = _signal(connection, run_id, ts_ms, "accepted", confidence, symbol, strategy)
    closed = {} if net_return is None else {"closed_ms": ts_ms + hold_ms, "pnl": 1_000.0 * net_return}
    position_id = add(
        connection, "position", run_id=run_id, symbol=symbol, strategy=strategy, side="long",
        state="open" if net_return is None else "closed", origin="signal", provenance="backtest",
        opened_ms=ts_ms, qty=1.0, entry_price=100.0, notional=1_000.0, equity_at_entry=10_000.0,
        return_notional=net_return or 0.0, contributions="{}", rev=1, **closed,
    )  # fmt: skip
    add(connection, "signal_position", position_id=position_id, signal_id=signal_id, created_ms=ts_ms)
    return signal_id


def refused(
    connection: sqlite3.Connection,
    run_id: int,
    ts_ms: int,
    code: str,
    *,
    actual: float | None = None,
    net_return: float | None = None,
    hold_ms: int = 60_000,
    stage: str = "risk",
    symbol: str = "BTC/USDT",
    strategy: str = "momentum",
) -> int:
    """A rejected signal; with a return it is one that hindsight knows."""
    confidence = 0.5 if actual is None else actual
    signal_id = _signal(connection, run_id, ts_ms, "rejected", confidence, symbol, strategy)
    shared = {"run_id": run_id, "ts_ms": ts_ms, "symbol": symbol, "strategy": strategy}
    add(
        connection, "rejection", signal_id=signal_id, side="long", stage=stage, code=code, text=code,
        limit_value=0.0, actual_value=actual, confidence=confidence, price=100.0, provenance="backtest",
        **shared,
    )  # fmt: skip
    if net_return is not None:
        add(
            connection, "hindsight", signal_id=signal_id, code=code, exit_reason="stop", entry_price=100.0,
            exit_price=100.0, hold_ms=hold_ms, net_return=net_return, pnl=1_000.0 * net_return,
            computed_ms=0, **shared,
        )  # fmt: skip
    return signal_id


def answered(
    connection: sqlite3.Connection, run_id: int, signal_id: int, answer: Answer, reason: str
) -> None:
    """What the gate said of a signal."""
    add(
        connection, "agent_response", signal_id=signal_id, run_id=run_id, ts_ms=0, agent="decision",
        answer=answer, reason=reason, micros=1,
    )  # fmt: skip


def _signal(
    connection: sqlite3.Connection,
    run_id: int,
    ts_ms: int,
    status: str,
    confidence: float,
    symbol: str,
    strategy: str,
) -> int:
    return add(
        connection, "signal", run_id=run_id, ts_ms=ts_ms, symbol=symbol, strategy=strategy, side="long",
        confidence=confidence, price=100.0, status=status, contributions="{}", provenance="backtest",
    )  # fmt: skip
