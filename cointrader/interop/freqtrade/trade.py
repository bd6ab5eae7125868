"""One trade of freqtrade, which its database and its backtests describe in nearly the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cointrader.interop.trade_history import (
    BUY,
    ENTRY,
    EXIT,
    LONG,
    SELL,
    SHORT,
    UNSAID,
    ImportedFill,
    ImportedTrade,
    KnownSignal,
    booked_gross,
    direction,
)

PROGRAM = "freqtrade"
_REASONS = {
    "roi": "target",
    "stop_loss": "stop",
    "stoploss_on_exchange": "stop",
    "trailing_stop_loss": "trailing",
    "exit_signal": "strategy",
    "sell_signal": "strategy",
    "custom_exit": "strategy",
    "force_exit": "manual",
    "force_sell": "manual",
    "emergency_exit": "stop",
    "liquidation": "stop",
    "end_of_data": "end_of_data",
}
_BY_HAND = ("force_entry", "force_buy", "forcebuy", "forceentry")


@dataclass(frozen=True)
class FreqtradeTrade:
    """What the readers take out of a record; prices, quantities and rates are checked already.

    `fee_open` and `fee_close` are parts of the value. `low` and `high` are the extremes seen while it was
    held, `profit` is what freqtrade booked (None when it says nothing), `orders` are what was filled, if
    it lists orders: (moment, is it an entry, quantity, price).
    """

    line: int
    pair: str
    strategy: str
    is_short: bool
    is_open: bool
    opened_ms: int
    closed_ms: int | None
    amount: float
    open_rate: float
    close_rate: float | None
    fee_open: float
    fee_close: float
    exit_reason: str
    enter_tag: str
    stop: float | None = None
    low: float | None = None
    high: float | None = None
    funding: float = 0.0
    orders: Sequence[tuple[int, bool, float, float]] = ()


def imported(trade: FreqtradeTrade) -> ImportedTrade:
    """The trade in our words.

    freqtrade counts funding as what was received; ours is what was paid. Where it lists no orders the
    trade is one entry and one exit.
    """
    side = SHORT if trade.is_short else LONG
    reason = "" if trade.is_open else _REASONS.get(trade.exit_reason, trade.exit_reason or UNSAID)
    fills = _fills(trade, side, reason)
    into = [fill for fill in fills if fill.kind == ENTRY]
    quantity = sum(fill.qty for fill in into)
    entry = sum(fill.qty * fill.price for fill in into) / quantity
    is_known = not trade.enter_tag.lower().startswith(_BY_HAND)
    worst, best = _extremes(trade, side)
    return ImportedTrade(
        line=trade.line,
        pair=trade.pair,
        strategy=trade.strategy,
        side=side,
        opened_ms=trade.opened_ms,
        closed_ms=trade.closed_ms,
        qty=quantity,
        entry_price=entry,
        exit_price=None if trade.is_open else trade.close_rate,
        exit_reason=reason,
        gross=booked_gross(side, fills),
        fees=sum(fill.fee for fill in fills),
        funding=-trade.funding,
        fills=fills,
        stop_price=trade.stop,
        mae=worst,
        mfe=best,
        # Its strategies say yes or no: a signal that was traded was a full yes.
        signal=KnownSignal(trade.opened_ms, 1.0, trade.open_rate, trade.enter_tag) if is_known else None,
    )


def _fills(trade: FreqtradeTrade, side: str, reason: str) -> tuple[ImportedFill, ...]:
    into, out = (BUY, SELL) if side == LONG else (SELL, BUY)
    orders = list(trade.orders)
    if not any(is_entry for _, is_entry, _, _ in orders):
        orders = [(trade.opened_ms, True, trade.amount, trade.open_rate)]
    has_exit = any(not is_entry for _, is_entry, _, _ in orders)
    if not has_exit and trade.closed_ms is not None and trade.close_rate is not None:
        held = sum(qty for _, is_entry, qty, _ in orders if is_entry)
        orders.append((trade.closed_ms, False, held, trade.close_rate))
    return tuple(
        ImportedFill(
            ts_ms=moment,
            kind=ENTRY if is_entry else EXIT,
            side=into if is_entry else out,
            qty=qty,
            price=price,
            fee=qty * price * (trade.fee_open if is_entry else trade.fee_close),
            reason=(trade.enter_tag or "signal") if is_entry else reason,
        )
        for moment, is_entry, qty, price in sorted(orders, key=lambda order: order[0])
    )


def _extremes(trade: FreqtradeTrade, side: str) -> tuple[float, float]:
    """Worst and best return on the entry price; 0 where freqtrade kept no extremes."""
    if trade.low is None or trade.high is None:
        return 0.0, 0.0
    returns = [direction(side) * (price / trade.open_rate - 1.0) for price in (trade.low, trade.high)]
    return min(0.0, *returns), max(0.0, *returns)
