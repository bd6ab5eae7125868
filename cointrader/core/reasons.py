"""Why a signal was rejected: a closed set of reasons, each with its stage and its sentence.

The numbers are compiled into every @kernel that decides, and the codes are stored: neither is reused.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Stage(enum.StrEnum):
    """Where on its way a signal was stopped."""

    FILTER = "filter"
    RISK = "risk"
    EXECUTION = "execution"


class Reason(enum.IntEnum):
    """What stopped a signal; ACCEPTED means nothing did."""

    ACCEPTED = 0
    BAD_PRICE = 1
    UNKNOWN_STRATEGY = 2
    STALE_SIGNAL = 3
    LOW_CONFIDENCE = 4
    WIDE_SPREAD = 5
    DAILY_LOSS = 10
    DAILY_TRADES = 11
    COOLDOWN = 12
    SYMBOL_OPEN = 13
    OPEN_POSITIONS = 14
    ORDER_SIZE = 15
    ASSET_EXPOSURE = 16
    STRATEGY_EXPOSURE = 17
    PORTFOLIO_EXPOSURE = 18
    TOTAL_EXPOSURE = 19
    MIN_NOTIONAL = 30
    STALE_FILL = 31
    NO_FILL = 32

    @property
    def stage(self) -> Stage:
        """Where this reason stops a signal."""
        if self < Reason.DAILY_LOSS:
            return Stage.FILTER
        return Stage.RISK if self < Reason.MIN_NOTIONAL else Stage.EXECUTION

    @property
    def code(self) -> str:
        """The stored word."""
        return self.name.lower()


@dataclass(frozen=True)
class Sentence:
    """How a reason is told: `{actual}` and `{limit}` in the unit that `scale` and `digits` give."""

    template: str
    scale: float = 1.0
    digits: int = 2


SENTENCES: dict[Reason, Sentence] = {
    Reason.ACCEPTED: Sentence("Accepted"),
    Reason.BAD_PRICE: Sentence("Price {actual} is not a positive number"),
    Reason.UNKNOWN_STRATEGY: Sentence("Strategy is not registered"),
    Reason.STALE_SIGNAL: Sentence("Signal is stale: {actual} bars old, limit {limit}"),
    Reason.LOW_CONFIDENCE: Sentence("Confidence too low: {actual}, minimum {limit}", digits=3),
    Reason.WIDE_SPREAD: Sentence("Spread too wide: {actual} bps, limit {limit} bps"),
    Reason.DAILY_LOSS: Sentence("Daily loss limit reached: {actual} % of equity, limit {limit} %", 100.0),
    Reason.DAILY_TRADES: Sentence("Daily trade limit reached: {actual} trades, limit {limit}", digits=0),
    Reason.COOLDOWN: Sentence("Cooldown: {actual} min since the last fill, minimum {limit} min", 1 / 60_000),
    Reason.SYMBOL_OPEN: Sentence("Position already open in this symbol: {actual}, limit {limit}", digits=0),
    Reason.OPEN_POSITIONS: Sentence("Too many open positions: {actual}, limit {limit}", digits=0),
    Reason.ORDER_SIZE: Sentence("Order too large: {actual} % of equity, limit {limit} %", 100.0),
    Reason.ASSET_EXPOSURE: Sentence(
        "Exposure limit exceeded: asset at {actual} % of equity, limit {limit} %", 100.0
    ),
    Reason.STRATEGY_EXPOSURE: Sentence(
        "Exposure limit exceeded: strategy at {actual} % of equity, limit {limit} %", 100.0
    ),
    Reason.PORTFOLIO_EXPOSURE: Sentence(
        "Exposure limit exceeded: portfolio at {actual} % of equity, limit {limit} %", 100.0
    ),
    Reason.TOTAL_EXPOSURE: Sentence("Exposure limit exceeded: {actual} in all, limit {limit}"),
    Reason.MIN_NOTIONAL: Sentence("Order too small: {actual}, minimum {limit}"),
    Reason.STALE_FILL: Sentence("Price is stale: {actual} bars until the next open, limit {limit}"),
    Reason.NO_FILL: Sentence("No bar followed the signal, so it was never filled"),
}


def reason_text(reason: Reason, limit: float, actual: float) -> str:
    """The sentence of a rejection with its limit and the value that met it."""
    sentence = SENTENCES[reason]
    shown = [f"{value * sentence.scale:.{sentence.digits}f}" for value in (actual, limit)]
    return sentence.template.format(actual=shown[0], limit=shown[1])
