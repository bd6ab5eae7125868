"""The limits of the Core Agent, checked in one fixed order; the first one that is met is the reason.

Exposure is what is open at the last closes plus what is ordered, the new order included, over the equity of
that moment. A position of the same symbol that already leaves at the next open does not count: it is gone
before the new order is filled.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from cointrader.core.book import Book
from cointrader.core.reasons import Reason
from cointrader.settings import Settings
from cointrader.trading.position import Phase
from models.compiled import kernel_in_place

OPEN = int(Phase.OPEN)
ACCEPTED = int(Reason.ACCEPTED)
BAD_PRICE, UNKNOWN_STRATEGY = int(Reason.BAD_PRICE), int(Reason.UNKNOWN_STRATEGY)
STALE_SIGNAL, LOW_CONFIDENCE = int(Reason.STALE_SIGNAL), int(Reason.LOW_CONFIDENCE)
WIDE_SPREAD, DAILY_LOSS = int(Reason.WIDE_SPREAD), int(Reason.DAILY_LOSS)
DAILY_TRADES, COOLDOWN = int(Reason.DAILY_TRADES), int(Reason.COOLDOWN)
SYMBOL_OPEN, OPEN_POSITIONS = int(Reason.SYMBOL_OPEN), int(Reason.OPEN_POSITIONS)
ORDER_SIZE, ASSET_EXPOSURE = int(Reason.ORDER_SIZE), int(Reason.ASSET_EXPOSURE)
STRATEGY_EXPOSURE = int(Reason.STRATEGY_EXPOSURE)
PORTFOLIO_EXPOSURE, TOTAL_EXPOSURE = int(Reason.PORTFOLIO_EXPOSURE), int(Reason.TOTAL_EXPOSURE)
MIN_NOTIONAL = int(Reason.MIN_NOTIONAL)

ROOM = 1.0 + 1e-9  # an order of exactly its limit is within it, whatever the last bit says


class Rules(NamedTuple):
    """Costs, size and limits as plain numbers; fractions of equity, times in ms."""

    fee: float
    slip: float
    size: float
    order_fraction: float
    asset_fraction: float
    strategy_fraction: float
    portfolio_fraction: float
    max_exposure: float
    max_open: int
    max_per_symbol: int
    daily_loss: float
    max_daily_trades: int
    cooldown_ms: int
    stale_bars: int
    min_notional: float
    max_spread_bps: float
    min_confidence: float


def rules_of(settings: Settings) -> Rules:
    """The rules of a workspace's settings."""
    simulation, limits = settings.simulation, settings.limits
    return Rules(
        fee=simulation.fee_bps * 1e-4,
        slip=simulation.slippage_bps * 1e-4,
        size=float(simulation.size_fraction),
        order_fraction=float(limits.order_fraction),
        asset_fraction=float(limits.asset_fraction),
        strategy_fraction=float(limits.strategy_fraction),
        portfolio_fraction=float(limits.portfolio_fraction),
        max_exposure=float(limits.max_exposure),
        max_open=int(limits.max_open_positions),
        max_per_symbol=int(limits.max_per_symbol),
        daily_loss=float(limits.daily_loss_fraction),
        max_daily_trades=int(limits.max_daily_trades),
        cooldown_ms=round(limits.cooldown_minutes * 60_000),
        stale_bars=int(limits.stale_bars),
        min_notional=float(limits.min_notional),
        max_spread_bps=float(limits.max_spread_bps),
        min_confidence=float(limits.min_confidence),
    )


class Exposure(NamedTuple):
    """What counts against a new order, in money; and how many positions that is."""

    asset: float
    strategy: float
    portfolio: float
    positions: int
    in_symbol: int


@kernel_in_place
def check_signal(rules: Rules, book: Book, signal: Any, price: float, now: int) -> tuple[int, float, float]:
    """(reason, limit, actual) of the tests that need only the signal itself."""
    symbol = book.symbols[signal.symbol]
    if not (price > 0.0 and price < math.inf):
        return BAD_PRICE, 0.0, price
    if signal.strategy < 0:
        return UNKNOWN_STRATEGY, 0.0, 0.0
    age = now - signal.ts_ms
    if age > rules.stale_bars * symbol.timeframe_ms:
        return STALE_SIGNAL, float(rules.stale_bars), age / symbol.timeframe_ms
    if not signal.confidence >= rules.min_confidence:
        return LOW_CONFIDENCE, rules.min_confidence, signal.confidence
    if signal.spread_bps > rules.max_spread_bps:
        return WIDE_SPREAD, rules.max_spread_bps, signal.spread_bps
    return ACCEPTED, 0.0, 0.0


@kernel_in_place
def check_pace(rules: Rules, book: Book, signal: Any, now: int) -> tuple[int, float, float]:
    """(reason, limit, actual) of the tests of the day and of the pause after a fill."""
    account = book.account[0]
    start = account.day_start_equity
    loss = start - account.equity
    if loss >= rules.daily_loss * start:
        return DAILY_LOSS, rules.daily_loss, loss / start
    entries = account.entries_today
    for k in range(account.active):
        if book.slots[k].phase != OPEN:
            entries += 1
    if entries >= rules.max_daily_trades:
        return DAILY_TRADES, float(rules.max_daily_trades), float(entries)
    symbol = book.symbols[signal.symbol]
    since = now - (symbol.long_ms if signal.side > 0 else symbol.short_ms)
    if since < rules.cooldown_ms:
        return COOLDOWN, float(rules.cooldown_ms), float(since)
    return ACCEPTED, 0.0, 0.0


@kernel_in_place
def exposure_against(book: Book, signal: Any) -> Exposure:
    """What is open or ordered and does not leave before a new order in this symbol is filled."""
    asset_sum = strategy_sum = portfolio = 0.0
    positions = in_symbol = 0
    asset = book.symbols[signal.symbol].asset
    for k in range(book.account[0].active):
        slot = book.slots[k]
        same = slot.symbol == signal.symbol
        if same and slot.exit_reason != 0:
            continue
        symbol = book.symbols[slot.symbol]
        worth = slot.quantity * symbol.close if slot.phase == OPEN else slot.notional
        portfolio += worth
        positions += 1
        in_symbol += 1 if same else 0
        asset_sum += worth if symbol.asset == asset else 0.0
        strategy_sum += worth if slot.strategy == signal.strategy else 0.0
    return Exposure(asset_sum, strategy_sum, portfolio, positions, in_symbol)


@kernel_in_place
def check_risk(rules: Rules, book: Book, signal: Any, notional: float) -> tuple[int, float, float]:
    """(reason, limit, actual) of the tests of positions, order size and exposure."""
    against = exposure_against(book, signal)
    if against.in_symbol >= rules.max_per_symbol:
        return SYMBOL_OPEN, float(rules.max_per_symbol), float(against.in_symbol)
    if against.positions >= rules.max_open or book.account[0].active >= book.slots.size:
        return OPEN_POSITIONS, float(rules.max_open), float(against.positions)
    if not notional >= rules.min_notional:
        return MIN_NOTIONAL, rules.min_notional, notional
    equity = book.account[0].equity
    room = equity * ROOM
    if notional > rules.order_fraction * room:
        return ORDER_SIZE, rules.order_fraction, notional / equity
    if against.asset + notional > rules.asset_fraction * room:
        return ASSET_EXPOSURE, rules.asset_fraction, (against.asset + notional) / equity
    if against.strategy + notional > rules.strategy_fraction * room:
        return STRATEGY_EXPOSURE, rules.strategy_fraction, (against.strategy + notional) / equity
    if against.portfolio + notional > rules.portfolio_fraction * room:
        return PORTFOLIO_EXPOSURE, rules.portfolio_fraction, (against.portfolio + notional) / equity
    if against.portfolio + notional > rules.max_exposure * ROOM:
        return TOTAL_EXPOSURE, rules.max_exposure, against.portfolio + notional
    return ACCEPTED, 0.0, 0.0
