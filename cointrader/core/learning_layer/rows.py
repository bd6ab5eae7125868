"""One row a signal: what was told or stored of it, whether it was rejected and why, and what it brought.

A row is {signal, rejected, rejection_reason, pnl}; `rejection_reason` is None and `pnl` is {} where there is
none. Signals of backtests and paper runs have a `signal_id` of the form `stored:12`, by which they are found
again in the workspace; those that programs told the core keep the id they came with.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cointrader.core.memory.recent_context import RecentContext
from cointrader.data_feeds.records.normalising import inside_symbol
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms
from models.decision.closed_signals import AskedSignals, ClosedSignals

Row = dict[str, Any]

STORED = "stored:"
_SIDES = {"buy": 1, "long": 1, "sell": -1, "short": -1}

_SIGNALS = (
    "SELECT s.id, s.ts_ms, s.symbol, s.strategy, s.side, s.confidence, s.price, s.status, r.text, "
    "p.pnl, p.return_notional, p.closed_ms FROM signal AS s "
    "JOIN trading_run AS t ON t.id = s.run_id AND t.kind <> 'core' "
    "LEFT JOIN rejection AS r ON r.signal_id = s.id "
    "LEFT JOIN signal_position AS l ON l.signal_id = s.id "
    "LEFT JOIN position AS p ON p.id = l.position_id AND p.state = 'closed' "
    "ORDER BY s.id DESC LIMIT ?"
)


def told_rows(context: RecentContext) -> list[Row]:
    """The signals that the context reads back, in the order they were told."""
    reasons = {each["signal_id"]: each["reason"] for each in context.get_recent_rejections()}
    pnl = {str(each.get("signal_id", "")): each for each in context.get_recent_pnl()}
    rows = []
    for signal in context.get_recent_signals():
        key = str(signal.get("signal_id", ""))
        reason = reasons.get(key)
        rows.append(
            {
                "signal": signal,
                "rejected": reason is not None,
                "rejection_reason": reason,
                "pnl": pnl.get(key, {}),
            }
        )
    return rows


def stored_rows(connection: sqlite3.Connection, newest: int) -> list[Row]:
    """The newest signals of backtests, playbacks and paper runs, in the order they were stored."""
    found = connection.execute(_SIGNALS, (newest,)).fetchall()
    return [_stored_row(*row) for row in reversed(found)]


def _stored_row(
    id: int,
    ts_ms: int,
    symbol: str,
    strategy: str,
    side: str,
    confidence: float,
    price: float,
    status: str,
    reason: str | None,
    pnl: float | None,
    net_return: float | None,
    closed_ms: int | None,
) -> Row:
    key = f"{STORED}{id}"
    signal = {
        "signal_id": key,
        "strategy": strategy,
        "symbol": symbol,
        "side": side,
        "confidence": confidence,
        "params": {"price": price},
        "timestamp": ts_ms / 1000,
    }
    brought: Row = {}
    if pnl is not None and closed_ms is not None:
        brought = {"signal_id": key, "pnl": pnl, "net_return": net_return, "timestamp": closed_ms / 1000}
    rejected = status == "rejected"
    return {"signal": signal, "rejected": rejected, "rejection_reason": reason, "pnl": brought}


def stored_ids(rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """The stored signals among the rows."""
    keys = (str(_part(row, "signal").get("signal_id", "")) for row in rows)
    numbers = (key.removeprefix(STORED) for key in keys if key.startswith(STORED))
    return {int(number) for number in numbers if number.isdecimal()}


def told_closes(rows: Sequence[Mapping[str, Any]]) -> ClosedSignals:
    """Signals that programs told together with what they brought and when, oldest first.

    One counts when it was not rejected and has a timestamp, and its snapshot a finite `pnl` and a timestamp
    that is not earlier.
    """
    found = [close for close in map(_told_close, rows) if close is not None]
    asked = AskedSignals(
        ts_ms=np.array([close[0] for close in found], dtype=np.int64),
        symbol=tuple(close[2] for close in found),
        strategy=tuple(close[3] for close in found),
        side=np.array([close[4] for close in found], dtype=np.int64),
        confidence=np.array([close[5] for close in found], dtype=np.float64),
        exposure=np.full(len(found), np.nan),
    )
    made = ClosedSignals(
        asked,
        ends_ms=np.array([close[1] for close in found], dtype=np.int64),
        pays=np.array([close[6] > 0.0 for close in found], dtype=np.bool_),
        net_return=np.array([close[7] for close in found], dtype=np.float64),
    )
    return made.in_order()


def _told_close(
    row: Mapping[str, Any],
) -> tuple[int, int, str, str, int, float, float, float] | None:
    signal, snapshot = _part(row, "signal"), _part(row, "pnl")
    if row.get("rejected") or str(signal.get("signal_id", "")).startswith(STORED):
        return None
    pnl = _number(snapshot.get("pnl"))
    try:
        begun, ended = to_ms(signal.get("timestamp")), to_ms(snapshot.get("timestamp"))
    except TimeRefused:
        return None
    if not math.isfinite(pnl) or ended < begun:
        return None
    params = _part(signal, "params")
    side = _SIDES.get(str(signal.get("side", params.get("side", ""))).lower(), 0)
    confidence = _number(signal.get("confidence", params.get("confidence")))
    notional = _number(params.get("amount")) * _number(params.get("price"))
    net_return = pnl / notional if notional > 0.0 else math.nan
    strategy = str(signal.get("strategy", ""))
    return begun, ended, symbol_of(signal), strategy, side, confidence, pnl, net_return


def symbol_of(signal: Mapping[str, Any]) -> str:
    """BASE/QUOTE of a signal as a program tells it; '' where it does not say."""
    params = _part(signal, "params")
    if signal.get("symbol"):
        return inside_symbol(str(signal["symbol"]))
    if params.get("base") and params.get("quote"):
        return f"{params['base']}/{params['quote']}".upper()
    return ""


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = row.get(name)
    return part if isinstance(part, Mapping) else {}


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value)
