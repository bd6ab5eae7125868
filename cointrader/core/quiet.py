"""Stretches of bars at which nothing can happen: walked without the weight of a full decision.

With one symbol, most bars only move the mark: no signal, no exit, no new day. These loops walk such bars with
the state in registers and stop before the first bar that needs the full step. They compute what the full step
would have computed, with the same operations in the same order, so that skipping changes no bit. They rely on
bars whose open lies between low and high.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cointrader.core.book import Book, Market
from cointrader.strategies.base import CLOSE_LONG, CLOSE_SHORT, OPPOSITE_LONG, OPPOSITE_SHORT
from cointrader.trading.fills import order_exit
from cointrader.trading.position import ExitReason, Phase
from models.compiled import kernel_in_place

IndexArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

OPEN, NONE = int(Phase.OPEN), int(ExitReason.NONE)
LEAVE_LONG, LEAVE_SHORT = CLOSE_LONG | OPPOSITE_LONG, CLOSE_SHORT | OPPOSITE_SHORT


class Marks(NamedTuple):
    """Where the account stood at each moment; arrays of no length when nobody wants to know."""

    close_ms: IndexArray
    equity: FloatArray
    exposure: FloatArray


@kernel_in_place
def skip_quiet(book: Book, market: Market, close_ms: IndexArray, marks: Marks, row: int, until: int) -> int:
    """The first bar from `row` on, at most `until`, that needs a full step; marks those before it."""
    account = book.account[0]
    if account.active == 0:
        return skip_flat(book, close_ms, marks, row, until)
    if account.active == 1:
        slot = book.slots[0]
        if slot.phase == OPEN and slot.exit_reason == NONE:
            return skip_held(book, slot, market, close_ms, marks, row, until)
    return row


@kernel_in_place
def skip_flat(book: Book, close_ms: IndexArray, marks: Marks, row: int, until: int) -> int:
    """Without a position or an order the equity stays what it is."""
    if marks.equity.size > 0:
        balance = book.account[0].balance
        for i in range(row, until):
            marks.close_ms[i] = close_ms[i]
            marks.equity[i] = balance
            marks.exposure[i] = 0.0
    return max(row, until)


@kernel_in_place
def skip_held(
    book: Book, slot: Any, market: Market, close_ms: IndexArray, marks: Marks, row: int, until: int
) -> int:
    """With one open position: walk while no exit is met or asked for and the day does not change."""
    account = book.account[0]
    last = until if slot.max_bars == 0 else min(until, row + slot.max_bars - slot.bars - 1)
    last = first_after(close_ms, row, last, account.day_end_ms)
    asked = last
    if slot.strategy < market.exits.shape[0]:
        mine = LEAVE_LONG if slot.side > 0.0 else LEAVE_SHORT
        asked = first_asked(market.exits[slot.strategy], mine, row, last)
    unread = account.summary != 0 and not has_price_exit(slot)
    i = asked if unread else walk_held(slot, market, row, asked)
    slot.bars += i - row
    if i == asked and asked < last and (unread or walk_held(slot, market, i, i + 1) > i):
        order_exit(slot, market.exits[slot.strategy, i])
        i += 1
    if i > row:
        close = market.close[i - 1]
        book.symbols[slot.symbol].close = close
        side, quantity, entry, cost = slot.side, slot.quantity, slot.entry_price, slot.entry_cost
        account.equity = account.balance + (side * quantity * (close - entry) - cost)
        account.exposure = quantity * close
        if marks.equity.size > 0:
            mark_held(slot, account.balance, market, close_ms, marks, row, i)
    return i


@kernel_in_place
def has_price_exit(slot: Any) -> bool:
    """Whether a price can close this position: a stop, a target or a trailing stop."""
    none = math.isnan(slot.stop) and math.isnan(slot.target) and math.isnan(slot.trail_distance)
    return not none


@kernel_in_place
def first_after(times: IndexArray, row: int, last: int, limit: int) -> int:
    """The first of row..last whose time lies beyond `limit`, or `last`; times ascend."""
    if last <= row or times[last - 1] <= limit:
        return last
    low, high = row, last - 1
    while low < high:
        middle = (low + high) // 2
        if times[middle] > limit:
            high = middle
        else:
            low = middle + 1
    return low


@kernel_in_place
def first_asked(exits: NDArray[np.uint8], mine: int, row: int, last: int) -> int:
    """The first of row..last at which the strategy asks for one of the exits in `mine`, or `last`."""
    i = row
    while i + 8 <= last:
        either = exits[i] | exits[i + 1] | exits[i + 2] | exits[i + 3]
        either |= exits[i + 4] | exits[i + 5] | exits[i + 6] | exits[i + 7]
        if either & mine != 0:
            break
        i += 8
    while i < last and exits[i] & mine == 0:
        i += 1
    return i


@kernel_in_place
def walk_held(slot: Any, market: Market, row: int, last: int) -> int:
    """The first of row..last at which a price meets an exit, or `last`; keeps the extremes until there.

    Without a trailing stop four bars are looked at together, for as long as none of them meets anything.
    """
    stop, target, distance = slot.stop, slot.target, slot.trail_distance
    best, lowest, highest = slot.best, slot.low, slot.high
    long = slot.side > 0.0
    i = row
    while math.isnan(distance) and i + 4 <= last:
        bottom, top = least(market.low, i), most(market.high, i)
        if not long:
            bottom, top = -top, -bottom
        if bottom <= stop or top >= target:
            break
        lowest = bottom if bottom < lowest else lowest
        highest = top if top > highest else highest
        i += 4
    best = highest if highest > best and i > row else best
    while i < last:
        top = market.high[i] if long else -market.low[i]
        bottom = market.low[i] if long else -market.high[i]
        if bottom <= stop or bottom <= best - distance or top >= target:
            break
        lowest = bottom if bottom < lowest else lowest
        highest = top if top > highest else highest
        best = top if top > best else best
        i += 1
    slot.best, slot.low, slot.high = best, lowest, highest
    return i


@kernel_in_place
def least(values: FloatArray, i: int) -> Any:
    """The smallest of four values from `i` on."""
    one = values[i] if values[i] < values[i + 1] else values[i + 1]
    other = values[i + 2] if values[i + 2] < values[i + 3] else values[i + 3]
    return one if one < other else other


@kernel_in_place
def most(values: FloatArray, i: int) -> Any:
    """The largest of four values from `i` on."""
    one = values[i] if values[i] > values[i + 1] else values[i + 1]
    other = values[i + 2] if values[i + 2] > values[i + 3] else values[i + 3]
    return one if one > other else other


@kernel_in_place
def mark_held(
    slot: Any, balance: float, market: Market, close_ms: IndexArray, marks: Marks, row: int, stop: int
) -> None:
    """Equity and exposure at each close of row..stop."""
    worth, entry, cost, quantity = slot.side * slot.quantity, slot.entry_price, slot.entry_cost, slot.quantity
    for i in range(row, stop):
        marks.close_ms[i] = close_ms[i]
        marks.equity[i] = balance + (worth * (market.close[i] - entry) - cost)
        marks.exposure[i] = quantity * market.close[i]
