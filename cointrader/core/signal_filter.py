"""The first stage: is this a signal at all? Every way in which it is not has its own code.

A signal is {signal_id: str, strategy: str, params: {amount, base, quote[, price]}, timestamp: seconds}. Also
understood, in the signal or in its params: side (buy, sell, long, short; buy without one), confidence
(0..1; 1 without one) and spread_bps. A timestamp may be a whole number; that is logged as a warning.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from cointrader.core.memory.record_text import repr_of
from cointrader.core.reasons import Reason
from cointrader.core.wish import Rejected, SignalRefused, Wish
from cointrader.data_feeds.instrument import Instrument, InstrumentError, parse_instrument
from cointrader.data_feeds.records.timestamps import TimeRefused, to_ms
from cointrader.strategies.registry import KNOWN_ELSEWHERE, names

INVALID_FORMAT = "Invalid signal format"
MISSING_PARAMS = "Missing required params"
WHOLE_NUMBER = "timestamp is a whole number; it is read as seconds, or by its size as milliseconds"
LONGEST_NAME = 200

_SIDES = {"buy": 1, "long": 1, "sell": -1, "short": -1}

log = logging.getLogger(__name__)


def known_strategies() -> set[str]:
    """The names of the strategies here, and those that older bots write into their signals."""
    return {*names(), *KNOWN_ELSEWHERE}


class SignalFilter:
    """Checks the form of signals. `required_fields` and `valid_strategies` may be changed by their owner."""

    def __init__(self) -> None:
        self.required_fields: list[str] = ["signal_id", "strategy", "params", "timestamp"]
        self.required_params: list[str] = ["amount", "base", "quote"]
        self.valid_strategies: set[str] = known_strategies()

    def validate_signal(self, signal: Any) -> bool:
        """Whether the core would decide on this signal; the reason why not goes to Python's log."""
        try:
            wish = self.read(signal)
        except SignalRefused as refused:
            log.info("%s: %s", refused.rejected.reason.code, refused)
            return False
        if wish.warning:
            log.warning("%s: %s", wish.signal_id, wish.warning)
        return True

    def read(self, signal: Any) -> Wish:
        """The signal in types. Raises SignalRefused with the first thing that is wrong."""
        if not isinstance(signal, Mapping):
            _refuse(Reason.WRONG_TYPE, f"Invalid signal: a mapping is needed, got {_kind(signal)}")
        for field in self.required_fields:
            if signal.get(field) is None:
                _refuse(Reason.MISSING_FIELD, f"Invalid {field}: it is missing")
        signal_id, strategy = _name(signal, "signal_id"), _name(signal, "strategy")
        if strategy not in self.valid_strategies:
            known = ", ".join(sorted(self.valid_strategies))
            _refuse(Reason.UNKNOWN_STRATEGY, f"Invalid strategy: {strategy}; known are {known}")
        params = self._params(signal["params"])
        pair, told_at = _pair(params), signal.get("timestamp")
        return Wish(
            signal_id=signal_id,
            strategy=strategy,
            symbol=pair.symbol,
            base=pair.base,
            side=_side(_either(signal, params, "side", "action")),
            amount=_positive(params.get("amount"), "amount", Reason.BAD_AMOUNT),
            price=_price(params.get("price")),
            ts_ms=_time(told_at),
            confidence=_confidence(_either(signal, params, "confidence", "strength")),
            spread_bps=_spread(_either(signal, params, "spread_bps")),
            warning=WHOLE_NUMBER if isinstance(told_at, int) else "",
        )

    def _params(self, params: object) -> Mapping[str, Any]:
        if not isinstance(params, Mapping):
            _refuse(Reason.WRONG_TYPE, f"Invalid params: a mapping is needed, got {_kind(params)}")
        missing = [name for name in self.required_params if params.get(name) is None]
        if missing:
            _refuse(Reason.MISSING_FIELD, f"{MISSING_PARAMS}: {', '.join(missing)}")
        return params


def _refuse(reason: Reason, text: str, limit: float | None = None, actual: float | None = None) -> NoReturn:
    raise SignalRefused(Rejected(reason, INVALID_FORMAT, text, limit, actual))


def _kind(value: object) -> str:
    return type(value).__name__


def _either(signal: Mapping[str, Any], params: Mapping[str, Any], *fields: str) -> object:
    """The first of these fields that is there, of the signal or of its params."""
    found = (part[field] for field in fields for part in (signal, params) if part.get(field) is not None)
    return next(found, None)


def _name(signal: Mapping[str, Any], field: str) -> str:
    value = signal.get(field)
    if not isinstance(value, str):
        _refuse(Reason.WRONG_TYPE, f"Invalid {field}: a text is needed, got {_kind(value)}")
    if not value.strip() or len(value) > LONGEST_NAME or not value.isprintable():
        _refuse(Reason.BAD_VALUE, f"Invalid {field}: 1 to {LONGEST_NAME} printable characters are needed")
    return value


def _number(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(Reason.WRONG_TYPE, f"Invalid {field}: a number is needed, got {_kind(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _finite(value: float) -> float | None:
    """What a column can hold of a number: SQLite has no NaN, and infinity is no value that was met."""
    return value if math.isfinite(value) else None


def _positive(value: object, field: str, reason: Reason) -> float:
    number = _number(value, field)
    if not 0.0 < number < math.inf:
        _refuse(reason, f"Invalid {field}: {number} is not a positive number", 0.0, _finite(number))
    return number


def _price(value: object) -> float | None:
    return None if value is None else _positive(value, "price", Reason.BAD_PRICE)


def _pair(params: Mapping[str, Any]) -> Instrument:
    told: list[str] = []
    for field in ("base", "quote"):
        value = params.get(field)
        if not isinstance(value, str):
            _refuse(Reason.WRONG_TYPE, f"Invalid {field}: a text is needed, got {_kind(value)}")
        told.append(value[:LONGEST_NAME].strip())
    try:
        return parse_instrument("/".join(told))
    except InstrumentError as error:
        _refuse(Reason.BAD_SYMBOL, f"Invalid base and quote: {error}")


def _side(value: object) -> int:
    if value is None:
        return 1
    side = _SIDES.get(value.lower()) if isinstance(value, str) else None
    if side is None:
        _refuse(Reason.BAD_SIDE, f"Invalid side: {repr_of(value, LONGEST_NAME)}; it is buy or sell")
    return side


def _time(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(Reason.WRONG_TYPE, f"Invalid timestamp: seconds since 1970 are needed, got {_kind(value)}")
    try:
        return to_ms(value)
    except (TimeRefused, OverflowError) as error:
        _refuse(Reason.BAD_TIME, f"Invalid timestamp: {error}")


def _confidence(value: object) -> float:
    if value is None:
        return 1.0
    number = _number(value, "confidence")
    if not 0.0 <= number <= 1.0:
        _refuse(
            Reason.BAD_VALUE, f"Invalid confidence: {number} is not between 0 and 1", 1.0, _finite(number)
        )
    return number


def _spread(value: object) -> float | None:
    if value is None:
        return None
    number = _number(value, "spread_bps")
    if not 0.0 <= number < math.inf:
        _refuse(
            Reason.BAD_VALUE, f"Invalid spread_bps: {number} is not a number from 0 on", 0.0, _finite(number)
        )
    return number
