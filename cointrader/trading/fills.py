"""How orders meet a bar: prices, and which exit comes first.

One set of rules, compiled, for everything that trades:
- market orders fill at the open and slip against the trader; stops and trailing stops slip, targets do not;
- an open beyond stop or target fills at the open; both inside one bar count as the stop;
- a trailing stop follows the extremes of earlier bars only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cointrader.strategies.base import CLOSE_LONG, CLOSE_SHORT, OPPOSITE_LONG, OPPOSITE_SHORT
from cointrader.trading.position import ExitReason, Phase
from models.compiled import kernel_in_place

NONE, STOP, TARGET = int(ExitReason.NONE), int(ExitReason.STOP), int(ExitReason.TARGET)
TRAILING, TIME = int(ExitReason.TRAILING), int(ExitReason.TIME)
OPPOSITE, STRATEGY = int(ExitReason.OPPOSITE), int(ExitReason.STRATEGY)
OPEN = int(Phase.OPEN)


@kernel_in_place
def fill_entry(slot: Any, raw: float, at_ms: int, fee: float, slip: float) -> None:
    """Turn the order in `slot` into a position at the open `raw`; fee and slip are fractions."""
    side = slot.side
    price = raw * (1.0 + side * slip)
    mirrored = side * price
    slot.phase = OPEN
    slot.entry_ms = at_ms
    slot.entry_raw = raw
    slot.entry_price = price
    slot.notional = slot.quantity * price
    slot.entry_cost = fee * slot.notional
    slot.stop = mirrored - slot.stop_distance
    slot.target = mirrored + slot.target_distance
    slot.best = side * raw
    slot.low = mirrored
    slot.high = mirrored
    slot.bars = 0


@kernel_in_place
def exit_in_bar(slot: Any, opened: float, high: float, low: float) -> tuple[int, float]:
    """(reason, price before slippage) of the exit that this bar brings, or (NONE, 0).

    Updates the extremes that the position saw. The order of the tests is the order of events that can be
    known: the open first, then the stop before the target.
    """
    side = slot.side
    first = side * opened
    top, bottom = (high, low) if side > 0.0 else (-low, -high)
    level, reason = slot.stop, STOP
    trail = slot.best - slot.trail_distance
    if not np.isnan(trail) and not level >= trail:
        level, reason = trail, TRAILING
    target = slot.target
    if first <= level:
        exit_at = first
    elif first >= target:
        reason, exit_at = TARGET, first
    elif bottom <= level:
        exit_at = level
    elif top >= target:
        reason, exit_at = TARGET, target
        slot.low = min(slot.low, bottom)
    else:
        slot.low = min(slot.low, bottom)
        slot.high = max(slot.high, top)
        slot.best = max(slot.best, top)
        return NONE, 0.0
    slot.low = min(slot.low, exit_at)
    slot.high = max(slot.high, exit_at)
    return reason, side * exit_at


@kernel_in_place
def order_exit(slot: Any, asked: int) -> None:
    """At the close: order an exit for the next open if the strategy or the clock asks for one."""
    slot.bars += 1
    opposite, leave = (OPPOSITE_LONG, CLOSE_LONG) if slot.side > 0.0 else (OPPOSITE_SHORT, CLOSE_SHORT)
    if slot.exit_reason != NONE:
        return
    if asked & opposite:
        slot.exit_reason = OPPOSITE
    elif asked & leave:
        slot.exit_reason = STRATEGY
    elif 0 < slot.max_bars <= slot.bars:
        slot.exit_reason = TIME


@kernel_in_place
def close_into(trade: Any, slot: Any, raw: float, reason: int, at_ms: int, fee: float, slip: float) -> Any:
    """Write the closed position of `slot` into `trade`; returns its net profit (a float).

    gross at unslipped prices; net = gross - fees - slippage (no funding on a spot market).
    """
    side, quantity = slot.side, slot.quantity
    slips = 0.0 if reason == TARGET else slip
    price = raw * (1.0 - side * slips)
    gross = side * quantity * (raw - slot.entry_raw)
    fees = slot.entry_cost + fee * quantity * price
    slippage = quantity * (abs(slot.entry_price - slot.entry_raw) + abs(price - raw))
    net = gross - fees - slippage
    entry = side * slot.entry_price
    low, high = min(slot.low, side * raw), max(slot.high, side * raw)
    trade.signal = slot.signal
    trade.symbol = slot.symbol
    trade.strategy = slot.strategy
    trade.side = 1 if side > 0.0 else -1
    trade.entry_ms = slot.entry_ms
    trade.exit_ms = at_ms
    trade.bars = slot.bars
    trade.exit_reason = reason
    trade.quantity = quantity
    trade.entry_price = slot.entry_price
    trade.entry_raw = slot.entry_raw
    trade.exit_price = price
    trade.exit_raw = raw
    trade.stop = side * slot.stop
    trade.target = side * slot.target
    trade.notional = slot.notional
    trade.equity = slot.equity
    trade.gross = gross
    trade.fees = fees
    trade.slippage = slippage
    trade.net = net
    trade.mae = (low - entry) / slot.entry_price
    trade.mfe = (high - entry) / slot.entry_price
    return net
