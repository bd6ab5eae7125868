"""From a readable signal to a stored decision: its place in time, its price, the limits, the agents.

The limits are asked before the agents, so that an agent is not asked about what cannot be, and once more in
the transaction that keeps the decision, so that two processes cannot both use the last room under a limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from cointrader.core.desk import Desk
from cointrader.core.memory.record_text import clean_text, text_of
from cointrader.core.portfolio import Verdict
from cointrader.core.reasons import Reason, reason_text, reason_title
from cointrader.core.signal_filter import LONGEST_NAME
from cointrader.core.wish import Rejected, SignalRefused, Wish
from cointrader.data_feeds.instrument import InstrumentError, parse_instrument
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms
from storage.context_records import ACCEPTED, REJECTED, decision_about
from storage.core_decisions import DecidedSignal
from storage.errors import StorageError

EXPOSURE_EXCEEDED = "Exposure limit exceeded"
AHEAD_MS = 60_000
"""How far the clock of a sender may be ahead of ours."""
SET_BACK_MS = 1_000
"""How far our own clock may be set back between two decisions (a leap second, a small correction)."""

_EXPOSURES = (
    Reason.ORDER_SIZE,
    Reason.ASSET_EXPOSURE,
    Reason.STRATEGY_EXPOSURE,
    Reason.PORTFOLIO_EXPOSURE,
    Reason.TOTAL_EXPOSURE,
)


def decide(
    desk: Desk, signal: Mapping[str, Any], wish: Wish, ask: Callable[[], Rejected | None], now_ms: int
) -> Rejected | None:
    """Decides on a signal and keeps it, whatever becomes of it; None when it was accepted.

    `ask` brings the agents' veto; it is called when nothing else stands against the signal.
    """
    desk.refresh()
    sweep(desk, now_ms)
    try:
        check_place_in_time(desk, wish, now_ms)
        price = price_of(desk, wish, now_ms)
        check_limits(desk, wish, price, now_ms)
    except SignalRefused as refused:
        desk.reject(signal, wish.row(wish.price), refused.rejected, now_ms)
        return refused.rejected
    rejected = ask()
    if rejected is not None:
        desk.reject(signal, wish.row(price), rejected, now_ms)
        return rejected
    return _accept(desk, signal, wish, price, now_ms)


def _accept(desk: Desk, signal: Mapping[str, Any], wish: Wish, price: float, now_ms: int) -> Rejected | None:
    with desk.writing(now_ms):
        rejected = _last_word(desk, wish, price, now_ms)
        told = {"signal_id": wish.signal_id, "accepted": rejected is None, "price": price}
        said = {} if rejected is None else {"text": rejected.text}
        desk.note("execute_logic_tree", {**told, **said})
        decision = ACCEPTED if rejected is None else REJECTED
        row_id = desk.write_decision(signal, wish.row(price), decision, rejected, now_ms)
        if rejected is None:
            desk.portfolio.name_row(wish.signal_id, row_id)
    return rejected


def _last_word(desk: Desk, wish: Wish, price: float, now_ms: int) -> Rejected | None:
    """Inside the transaction, where no other process can decide: the id, and the limits, for good."""
    if decision_about(desk.connection, clean_text(wish.signal_id)):
        return _duplicate(wish)
    behind = _behind(desk, wish)
    if behind is not None:
        return behind
    verdict = desk.portfolio.take(wish, price, now_ms)
    return None if verdict.reason is Reason.ACCEPTED else rejected_by(verdict)


def check_place_in_time(desk: Desk, wish: Wish, now_ms: int) -> None:
    """Raises SignalRefused for an id that was decided, and for a clock that went back or is far ahead."""
    if decision_about(desk.connection, clean_text(wish.signal_id)):
        raise SignalRefused(_duplicate(wish))
    if now_ms < desk.latest_ms - SET_BACK_MS:
        raise SignalRefused(_of_time(Reason.CLOCK_BACKWARDS, desk.latest_ms, now_ms))
    desk.latest_ms = max(desk.latest_ms, now_ms)
    if wish.ts_ms > now_ms + AHEAD_MS:
        raise SignalRefused(_of_time(Reason.FUTURE_SIGNAL, AHEAD_MS, wish.ts_ms - now_ms))
    behind = _behind(desk, wish)
    if behind is not None:
        raise SignalRefused(behind)


def _behind(desk: Desk, wish: Wish) -> Rejected | None:
    """The rejection of a signal that is older than the last one of its strategy in its symbol."""
    stream = f"{wish.strategy} {wish.symbol}"
    if wish.ts_ms < desk.last_seen.get(stream, 0):
        return _of_time(Reason.CLOCK_BACKWARDS, desk.last_seen[stream], wish.ts_ms)
    desk.last_seen[stream] = wish.ts_ms
    return None


def price_of(desk: Desk, wish: Wish, now_ms: int) -> float:
    """The price of the signal, else the last close of its symbol; SignalRefused without a fresh one."""
    if wish.price is not None:
        return wish.price
    try:
        found = desk.closes.find(desk.connection, wish.symbol)
    except StorageError as error:
        text = f"The signal names no price, and the candles of {wish.symbol} cannot be read: {error}"
        raise SignalRefused(Rejected(Reason.NO_PRICE, _risk(Reason.NO_PRICE), text)) from error
    if found is None:
        text = f"The signal names no price, and no candles of {wish.symbol} are known"
        raise SignalRefused(Rejected(Reason.NO_PRICE, _risk(Reason.NO_PRICE), text))
    limit, age = desk.portfolio.rules.stale_bars, found.bars_old(now_ms)
    if age > limit:
        raise SignalRefused(rejected_by(Verdict(Reason.STALE_PRICE, float(limit), age)))
    return found.price


def check_limits(desk: Desk, wish: Wish, price: float, now_ms: int) -> None:
    """Raises SignalRefused with the first limit that the kernel finds in the way."""
    verdict = desk.portfolio.judge(wish, price, now_ms)
    if verdict.reason is not Reason.ACCEPTED:
        raise SignalRefused(rejected_by(verdict))


def sweep(desk: Desk, now_ms: int) -> None:
    """Takes back orders that were accepted and never executed: their price is stale by now."""
    if not desk.portfolio.has_lapsed(now_ms):
        return
    with desk.writing(now_ms):
        for held, verdict in desk.portfolio.lapsed(now_ms):
            desk.write_withdrawal(held.signal_id, held.row_id, rejected_by(verdict), now_ms)


def rejected_by(verdict: Verdict) -> Rejected:
    """The rejection that a verdict of the kernel is, with the words of the interface."""
    reason, actual = verdict.reason, verdict.actual
    text = reason_text(reason, verdict.limit, actual)
    return Rejected(reason, _risk(reason), text, verdict.limit, actual if math.isfinite(actual) else None)


def risk_title(reason: Reason) -> str:
    """What a failed check of the risk is called: every limit of size is the exposure limit."""
    return EXPOSURE_EXCEEDED if reason in _EXPOSURES else reason_title(reason)


def partial_row(signal: object, now_ms: int) -> DecidedSignal:
    """What can be told of a signal that cannot be read; what cannot is '' or 0."""
    told: Mapping[str, Any] = signal if isinstance(signal, Mapping) else {}
    params = told.get("params")
    pair: Mapping[str, Any] = params if isinstance(params, Mapping) else {}
    strategy = told.get("strategy")
    try:
        base, quote = (text_of(pair.get(name), LONGEST_NAME) for name in ("base", "quote"))
        symbol = parse_instrument(f"{base}/{quote}").symbol
    except InstrumentError:
        symbol = ""
    try:
        ts_ms = to_ms(told.get("timestamp"))
    except (TimeRefused, OverflowError):
        ts_ms = now_ms
    name = clean_text(strategy)[:LONGEST_NAME] if isinstance(strategy, str) else ""
    return DecidedSignal(ts_ms, symbol, name, "", 0.0, 0.0, "paper")


def _risk(reason: Reason) -> str:
    return f"Risk violation: {risk_title(reason)}"


def _duplicate(wish: Wish) -> Rejected:
    text = f"Duplicate signal_id: {wish.signal_id} was decided before"
    return Rejected(Reason.DUPLICATE_SIGNAL, "Invalid signal format", text)


def _of_time(reason: Reason, limit_ms: int, actual_ms: int) -> Rejected:
    text = reason_text(reason, float(limit_ms), float(actual_ms))
    return Rejected(reason, "Invalid signal format", text, float(limit_ms), float(actual_ms))
