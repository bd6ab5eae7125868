"""The one kernel that decides: a slice of time at a time, compiled once, for backtest, playback and live.

`step` is one moment: the bars that close at `now`, then the signals of that close. In order:
orders that were waiting are filled at the open (or found stale), positions meet the bar, everything is
marked at the close, strategies' leave rules and time limits order exits for the next open, and each new
signal is accepted or rejected. `run` does that over whole columns; it calls `step` and nothing else, so what
a backtest decides is what a bot that is fed bar by bar decides, to the last bit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.core.book import DAY_MS, Book, Market
from cointrader.core.limits import Rules, check_pace, check_risk, check_signal
from cointrader.core.quiet import Marks, skip_quiet
from cointrader.core.reasons import Reason
from cointrader.trading.fills import close_into, exit_in_bar, fill_entry, order_exit
from cointrader.trading.position import ExitReason, Phase, Records
from models.compiled import kernel_in_place

IndexArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

ORDERED, OPEN = int(Phase.ORDERED), int(Phase.OPEN)
NONE, OPPOSITE = int(ExitReason.NONE), int(ExitReason.OPPOSITE)
END_OF_DATA = int(ExitReason.END_OF_DATA)
ACCEPTED, STALE_FILL, NO_FILL = int(Reason.ACCEPTED), int(Reason.STALE_FILL), int(Reason.NO_FILL)
NEVER = np.iinfo(np.int64).max


@kernel_in_place
def add_verdict(book: Book, signal: int, at_ms: int, reason: int, limit: float, actual: float) -> None:
    """Put the fate of a signal into the outbox."""
    account = book.account[0]
    verdict = book.verdicts[min(account.verdicts, book.verdicts.size - 1)]
    verdict.signal = signal
    verdict.ts_ms = at_ms
    verdict.reason = reason
    verdict.limit = limit
    verdict.actual = actual
    account.verdicts += 1
    account.accepted += 1 if reason == ACCEPTED else 0


@kernel_in_place
def note_fill(book: Book, slot: Any, at_ms: int) -> None:
    """Start the pause of this symbol and side."""
    if slot.side > 0.0:
        book.symbols[slot.symbol].long_ms = at_ms
    else:
        book.symbols[slot.symbol].short_ms = at_ms


@kernel_in_place
def close_slot(rules: Rules, book: Book, slot: Any, raw: float, reason: int, at_ms: int) -> None:
    """Close a position into the outbox and book its profit."""
    account = book.account[0]
    trade = book.trades[min(account.trades, book.trades.size - 1)]
    net = close_into(trade, slot, raw, reason, at_ms, rules.fee, rules.slip)
    account.balance += net
    account.trades += 1
    account.wins += 1 if net > 0.0 else 0
    note_fill(book, slot, at_ms)


@kernel_in_place
def meet_order(rules: Rules, book: Book, slot: Any, opened: float, opened_ms: int) -> bool:
    """Fill a waiting order at the open; False (and a verdict) when that open comes too late."""
    age, bar = opened_ms - slot.entry_ms, book.symbols[slot.symbol].timeframe_ms
    if age > rules.stale_bars * bar:
        add_verdict(book, slot.signal, opened_ms, STALE_FILL, float(rules.stale_bars), age / bar)
        return False
    add_verdict(book, slot.signal, opened_ms, ACCEPTED, 0.0, 0.0)
    fill_entry(slot, opened, opened_ms, rules.fee, rules.slip)
    note_fill(book, slot, opened_ms)
    book.account[0].entries_today += 1
    return True


@kernel_in_place
def meet_bar(rules: Rules, book: Book, slot: Any, market: Market, row: int, now: int) -> bool:
    """Let one slot meet the bar `row` that closes at `now`; False when the slot is free afterwards."""
    opened = market.open[row]
    opened_ms = now - book.symbols[slot.symbol].timeframe_ms
    if slot.phase == ORDERED:
        if not meet_order(rules, book, slot, opened, opened_ms):
            return False
    elif slot.exit_reason != NONE:
        close_slot(rules, book, slot, opened, slot.exit_reason, opened_ms)
        return False
    reason, raw = exit_in_bar(slot, opened, market.high[row], market.low[row])
    if reason != NONE:
        close_slot(rules, book, slot, raw, reason, now)
        return False
    asked = market.exits[slot.strategy, row] if slot.strategy < market.exits.shape[0] else 0
    order_exit(slot, asked)
    return True


@kernel_in_place
def meet_bars(rules: Rules, book: Book, market: Market, rows: IndexArray, now: int) -> None:
    """Let every slot meet the bar of its symbol; freed slots are closed up in their order."""
    account = book.account[0]
    kept = 0
    for k in range(account.active):
        slot = book.slots[k]
        row = rows[slot.symbol]
        if row < 0 or meet_bar(rules, book, slot, market, row, now):
            if kept != k:
                book.slots[kept] = book.slots[k]
            kept += 1
    account.active = kept


@kernel_in_place
def mark(book: Book) -> None:
    """Equity and exposure at the last closes."""
    account = book.account[0]
    equity, exposure = account.balance, 0.0
    for k in range(account.active):
        slot = book.slots[k]
        if slot.phase == OPEN:
            close = book.symbols[slot.symbol].close
            equity += slot.side * slot.quantity * (close - slot.entry_price) - slot.entry_cost
            exposure += slot.quantity * close
    account.equity = equity
    account.exposure = exposure


@kernel_in_place
def begin(rules: Rules, book: Book, market: Market, rows: IndexArray, now: int) -> None:
    """Everything of a moment but its signals; `rows[s]` is the bar of symbol s that closes now, or -1."""
    account = book.account[0]
    if now > account.day_end_ms:
        account.day_end_ms = (now - 1) // DAY_MS * DAY_MS + DAY_MS
        account.day_start_equity = account.equity
        account.entries_today = 0
    for s in range(rows.size):
        if rows[s] >= 0:
            book.symbols[s].close = market.close[rows[s]]
    if account.active > 0:
        meet_bars(rules, book, market, rows, now)
        mark(book)
    else:
        account.equity = account.balance
        account.exposure = 0.0


@kernel_in_place
def close_opposites(book: Book, signal: Any) -> None:
    """A signal orders the exit of its own strategy's positions on the other side."""
    for k in range(book.account[0].active):
        slot = book.slots[k]
        ours = slot.symbol == signal.symbol and slot.strategy == signal.strategy
        if ours and slot.phase == OPEN and slot.side * signal.side < 0.0 and slot.exit_reason == NONE:
            slot.exit_reason = OPPOSITE


@kernel_in_place
def take_signal(rules: Rules, book: Book, signal: Any, number: int, now: int) -> None:
    """Accept a signal (an order that waits for the next open) or reject it with a verdict."""
    account = book.account[0]
    last = book.symbols[signal.symbol].close
    price = last if math.isnan(signal.price) else signal.price
    reason, limit, actual = check_signal(rules, book, signal, price, now)
    by_quantity = not math.isnan(signal.quantity)
    notional = signal.quantity * price if by_quantity else rules.size * account.equity
    if reason == ACCEPTED:
        reason, limit, actual = check_pace(rules, book, signal, now)
    if reason == ACCEPTED:
        reason, limit, actual = check_risk(rules, book, signal, notional)
    if reason != ACCEPTED:
        add_verdict(book, number, now, reason, limit, actual)
        return
    slot = book.slots[account.active]
    slot.signal = number
    slot.entry_ms = signal.ts_ms
    slot.phase = ORDERED
    slot.symbol = signal.symbol
    slot.strategy = signal.strategy
    slot.max_bars = signal.max_bars
    slot.exit_reason = NONE
    slot.side = float(signal.side)
    slot.quantity = signal.quantity if by_quantity else notional / price
    slot.notional = notional
    slot.equity = account.equity
    slot.stop_distance = signal.stop_distance
    slot.target_distance = signal.target_distance
    slot.trail_distance = signal.trail_distance
    account.active += 1


@kernel_in_place
def step(
    rules: Rules,
    book: Book,
    market: Market,
    rows: IndexArray,
    now: int,
    signals: Records,
    first: int,
    stop: int,
    number: int,
) -> None:
    """One moment: its bars, then `signals[first:stop]`, which are numbered from `number`."""
    begin(rules, book, market, rows, now)
    for k in range(first, stop):
        if signals[k].strategy >= 0:
            close_opposites(book, signals[k])
        take_signal(rules, book, signals[k], number + k - first, now)


@kernel_in_place
def finish(rules: Rules, book: Book, now: int) -> None:
    """End of the data: orders are never filled, positions close at the last close."""
    account = book.account[0]
    for k in range(account.active):
        slot = book.slots[k]
        if slot.phase == OPEN:
            close_slot(rules, book, slot, book.symbols[slot.symbol].close, END_OF_DATA, now)
        else:
            add_verdict(book, slot.signal, now, NO_FILL, 0.0, 0.0)
    account.active = 0
    account.equity = account.balance
    account.exposure = 0.0


@kernel_in_place
def run(
    rules: Rules,
    book: Book,
    market: Market,
    close_ms: IndexArray,
    offsets: IndexArray,
    signals: Records,
    marks: Marks,
    next_row: IndexArray,
    rows: IndexArray,
) -> int:
    """Every moment of several symbols merged in time; returns how many there were.

    Symbol s owns the bars offsets[s]..offsets[s+1]; `signals` are ordered by time. Each moment is marked,
    unless `marks` has no length. `next_row` and `rows` are room for one number a symbol. Signals between two
    moments wait for the later one.
    """
    account = book.account[0]
    bars, marked = close_ms.size, marks.equity.size > 0
    for s in range(next_row.size):
        next_row[s] = offsets[s]
    moments = taken = now = 0
    while True:
        if next_row.size == 1:
            until = min(signals[taken].row, bars) if taken < signals.size else bars
            moments = skip_quiet(book, market, close_ms, marks, next_row[0], until)
            rows[0], next_row[0] = moments, moments + 1
            coming = close_ms[moments] if moments < bars else NEVER
        else:
            coming = next_moment(close_ms, offsets, next_row, rows)
        if coming == NEVER:
            break
        now = coming
        stop = taken
        while stop < signals.size and signals[stop].ts_ms <= now:
            stop += 1
        step(rules, book, market, rows, now, signals, taken, stop, taken)
        taken = stop
        if marked:
            marks.close_ms[moments] = now
            marks.equity[moments] = account.equity
            marks.exposure[moments] = account.exposure
        moments += 1
    now = close_ms[bars - 1] if next_row.size == 1 and bars > 0 else now
    finish(rules, book, now)
    if marked and moments > 0:
        marks.equity[moments - 1], marks.exposure[moments - 1] = account.equity, account.exposure
    return moments


@kernel_in_place
def next_moment(close_ms: IndexArray, offsets: IndexArray, next_row: IndexArray, rows: IndexArray) -> int:
    """The next time at which a bar closes, or NEVER; `rows` gets the bars that do, `next_row` passes them."""
    coming = NEVER
    for s in range(next_row.size):
        if next_row[s] < offsets[s + 1]:
            coming = min(coming, close_ms[next_row[s]])
    for s in range(next_row.size):
        rows[s] = -1
        if next_row[s] < offsets[s + 1] and close_ms[next_row[s]] == coming:
            rows[s] = next_row[s]
            next_row[s] += 1
    return coming
