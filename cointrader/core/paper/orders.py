"""Orders by hand: the same limits and the same kernel as for a strategy's signals, at the last close.

An order that comes between two moments is decided at once, by what is known since the last close, and filled
at the next open, as any signal is. What is refused says why in its row, and a signal that the limits refuse
is a rejection like any other.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import numpy as np

from cointrader.core.book import SIGNAL
from cointrader.core.decider import Outcome
from cointrader.core.paper.engine import PaperEngine
from cointrader.core.price_guard import Freshness, InvalidPrice, check_price
from cointrader.core.reasons import Reason, reason_text
from cointrader.trading.position import Phase, Records
from storage.database import transaction
from storage.order_requests import (
    CLOSE,
    CLOSE_ALL,
    DONE,
    LONG,
    OPEN,
    REFUSED,
    OrderRow,
    settle_order,
    waiting_orders,
)

logger = logging.getLogger(__name__)


class OrderNotTaken(ValueError):
    """An order that the run refuses; the text says why. `signal_id` is its signal, None without one."""

    def __init__(self, reason: str, signal_id: int | None = None) -> None:
        super().__init__(reason)
        self.signal_id = signal_id


def take_orders(engine: PaperEngine) -> int:
    """Decide on every waiting order of a run, each in a transaction of its own; returns how many."""
    waiting = waiting_orders(engine.connection, engine.run_id)
    for order in waiting:
        with transaction(engine.connection):
            _take(engine, order)
    return len(waiting)


def open_by_hand(
    engine: PaperEngine,
    symbol: str,
    side: str,
    *,
    price: float | None = None,
    notional: float | None = None,
    quantity: float | None = None,
) -> int:
    """Order a position at the next open; returns the row of its signal. Call it inside a transaction.

    `price` is what the size is reckoned with, the last close without one. Raises InvalidPrice and
    OrderNotTaken.
    """
    if symbol not in engine.series.symbols:
        raise OrderNotTaken(f"this run does not trade {symbol}")
    number = engine.series.symbols.index(symbol)
    paid = guarded_price(engine, number, price)
    signal = _signal(engine, number, side)
    signal["quantity"] = notional / paid if notional is not None else quantity or math.nan
    row, outcome = engine.decide_by_hand(signal, paid)
    refusal = _refusal(outcome)
    if refusal is not None:
        raise OrderNotTaken(refusal, row)
    return row


def guarded_price(engine: PaperEngine, symbol: int, price: float | None = None) -> float:
    """The given price, or the last close; raises InvalidPrice for one that nothing may be opened at.

    A close is stale when its symbol has been silent for more than the limit of bars while others went on.
    """
    name, span = engine.series.symbols[symbol], engine.series.timeframes_ms[symbol]
    close = engine.decider.close_of(symbol)
    check_price(name, close if price is None else price)
    known = engine.series.closes[symbol]
    place = int(np.searchsorted(known, engine.now_ms, side="right"))
    last_ms = int(known[place - 1]) if place else 0
    check_price(name, close, Freshness((engine.now_ms - last_ms) / span, engine.stale_bars))
    return close if price is None else price


def _take(engine: PaperEngine, order: OrderRow) -> None:
    signal_id: int | None = None
    try:
        reason, signal_id = _ACTIONS[order.kind](engine, order)
        state = DONE
    except InvalidPrice as invalid:
        logger.error("%s", invalid)
        state, reason = REFUSED, str(invalid)
    except OrderNotTaken as refused:
        state, reason, signal_id = REFUSED, str(refused), refused.signal_id
    settle_order(engine.connection, order.id, state, reason, signal_id)


def _open(engine: PaperEngine, order: OrderRow) -> tuple[str, int | None]:
    row = open_by_hand(engine, order.symbol, order.side, notional=order.notional, quantity=order.quantity)
    return "accepted, filled at the next open", row


def _close(engine: PaperEngine, order: OrderRow) -> tuple[str, int | None]:
    number = engine.open_positions.get(order.position_id or 0)
    if number is None:
        raise OrderNotTaken(f"position {order.position_id} is not open any more")
    engine.leave({number})
    return "leaves at the next open", None


def _close_all(engine: PaperEngine, order: OrderRow) -> tuple[str, int | None]:
    slots = engine.decider.slots
    if not slots.size:
        raise OrderNotTaken("nothing is open and nothing is ordered")
    ordered = int(np.count_nonzero(slots["phase"] == Phase.ORDERED))
    engine.leave(set(slots["signal"].tolist()))
    held = slots.size - ordered
    told = [f"{held} position{' leaves' if held == 1 else 's leave'} at the next open"] if held else []
    if ordered:
        told.append(f"{ordered} order{' is' if ordered == 1 else 's are'} withdrawn")
    return ", ".join(told), None


_ACTIONS: dict[str, Callable[[PaperEngine, OrderRow], tuple[str, int | None]]] = {
    OPEN: _open,
    CLOSE: _close,
    CLOSE_ALL: _close_all,
}


def _signal(engine: PaperEngine, symbol: int, side: str) -> Records:
    """A wish without exits of its own: it ends by hand, or with the run."""
    signal = np.zeros(1, SIGNAL)
    for name in ("price", "spread_bps", "stop_distance", "target_distance", "trail_distance", "quantity"):
        signal[name] = math.nan
    signal["ts_ms"], signal["row"], signal["symbol"] = engine.now_ms, -1, symbol
    signal["strategy"] = engine.manual_strategy
    signal["side"], signal["confidence"] = (1 if side == LONG else -1), 1.0
    return signal


def _refusal(outcome: Outcome) -> str | None:
    for verdict in outcome.verdicts:
        reason = Reason(int(verdict["reason"]))
        if reason is not Reason.ACCEPTED:
            return reason_text(reason, float(verdict["limit"]), float(verdict["actual"]))
    return None
