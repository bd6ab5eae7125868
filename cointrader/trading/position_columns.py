"""Positions, their fills and their rewards as columns of the database, from records of trades.

A backtest keeps whole trades at once; a bot keeps the entry when it is filled and the rest at the close. Both
take their columns from here, so that a trade reads the same however it came about.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cointrader.trading.position import TRADE, ExitReason, Records
from cointrader.trading.reward_columns import RewardColumns

Columns = dict[str, Iterable[object]]

SIDES = {1: "long", -1: "short"}
ENTRY_DEALS = {1: "buy", -1: "sell"}
EXIT_DEALS = {1: "sell", -1: "buy"}


def entries_of(slots: Records) -> Records:
    """The entries of open SLOT records as TRADE records whose exit is not there yet."""
    trades = np.zeros(slots.size, TRADE)
    same = ("signal", "symbol", "strategy", "entry_ms", "quantity", "entry_price", "entry_raw")
    for name in (*same, "notional", "equity"):
        trades[name] = slots[name]
    trades["side"] = np.where(slots["side"] > 0.0, 1, -1)
    trades["stop"], trades["target"] = slots["side"] * slots["stop"], slots["side"] * slots["target"]
    return trades


def entry_columns(trades: Records, symbols: Sequence[str], strategies: Sequence[str]) -> Columns:
    """What is known of positions when they are opened."""
    return {
        "symbol": named(trades["symbol"], symbols),
        "strategy": named(trades["strategy"], strategies),
        "side": sides(trades["side"]),
        "stop_price": _or_none(trades["stop"]),
        "target_price": _or_none(trades["target"]),
        "opened_ms": trades["entry_ms"].tolist(),
        "qty": trades["quantity"].tolist(),
        "entry_price": trades["entry_price"].tolist(),
        "notional": trades["notional"].tolist(),
        "equity_at_entry": trades["equity"].tolist(),
    }


def close_columns(trades: Records, reward: Any) -> Columns:
    """What their close adds; `reward` is the total of the formula that trains, one a trade."""
    kept = ("exit_price", "gross", "fees", "slippage", "mae", "mfe")
    return {
        "state": ["closed"] * int(trades.size),
        "closed_ms": trades["exit_ms"].tolist(),
        "exit_reason": exit_words(trades),
        "pnl": trades["net"].tolist(),
        "return_account": (trades["net"] / trades["equity"]).tolist(),
        "return_notional": (trades["net"] / trades["notional"]).tolist(),
        "hold_ms": (trades["exit_ms"] - trades["entry_ms"]).tolist(),
        "reward": reward.tolist(),
        **{name: trades[name].tolist() for name in kept},
    }


def fill_columns(trades: Records, kind: str, fee: float) -> Columns:
    """The executions of one kind, entry or exit; `fee` is a fraction of the notional."""
    price, raw = trades[f"{kind}_price"], trades[f"{kind}_raw"]
    deal = ENTRY_DEALS if kind == "entry" else EXIT_DEALS
    return {
        "ts_ms": trades[f"{kind}_ms"].tolist(),
        "kind": [kind] * int(trades.size),
        "side": [deal[side] for side in trades["side"].tolist()],
        "qty": trades["quantity"].tolist(),
        "price": price.tolist(),
        "raw_price": raw.tolist(),
        "fee": (fee * trades["quantity"] * price).tolist(),
        "slippage": (trades["quantity"] * np.abs(price - raw)).tolist(),
        "reason": ["signal"] * int(trades.size) if kind == "entry" else exit_words(trades),
    }


def reward_table(trades: Records, rewards: RewardColumns, formula: str) -> Columns:
    """Every part of both formulas, and the total of the one that trains."""
    parts = ("return", "notional", "consistency", "time", "streak")
    money = ("pnl", "time", "risk", "consistency", "streak")
    terms = zip(parts, rewards.normalized_terms.T.tolist(), strict=True)
    dollars = zip(money, rewards.comprehensive_terms.T.tolist(), strict=True)
    return {
        "ts_ms": trades["exit_ms"].tolist(),
        "formula": [formula] * int(trades.size),
        "total": training_reward(rewards, formula).tolist(),
        "weight": rewards.weight.tolist(),
        "normalized": rewards.normalized.tolist(),
        **{f"n_{name}": column for name, column in terms},
        "comprehensive": rewards.comprehensive.tolist(),
        **{f"c_{name}": column for name, column in dollars},
    }


def training_reward(rewards: RewardColumns, formula: str) -> Any:
    """The totals of the formula that trains."""
    return rewards.normalized if formula == "normalized" else rewards.comprehensive


def exit_words(trades: Records) -> list[str]:
    """Why each trade was closed."""
    return [ExitReason(number).label for number in trades["exit_reason"].tolist()]


def named(numbers: Any, names: Sequence[str]) -> list[str]:
    """The names behind numbers."""
    return [names[number] for number in numbers.tolist()]


def sides(numbers: Any) -> list[str]:
    """long and short for +1 and -1."""
    return [SIDES[number] for number in numbers.tolist()]


def _or_none(values: Any) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
