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
    BAD_COMMAND = 33
    WITHDRAWN = 34
    MISSING_FIELD = 40
    WRONG_TYPE = 41
    BAD_SYMBOL = 42
    BAD_SIDE = 43
    BAD_AMOUNT = 44
    BAD_TIME = 45
    NO_PRICE = 46
    DUPLICATE_SIGNAL = 47
    CLOCK_BACKWARDS = 48
    FUTURE_SIGNAL = 49
    BAD_VALUE = 50
    STALE_PRICE = 51
    STRATEGY_VETOED = 60
    STRATEGY_TIMEOUT = 61
    STRATEGY_FAILED = 62
    STRATEGY_NONSENSE = 63
    RISK_VETOED = 64
    RISK_TIMEOUT = 65
    RISK_FAILED = 66
    RISK_NONSENSE = 67
    EXECUTION_VETOED = 68
    EXECUTION_TIMEOUT = 69
    EXECUTION_FAILED = 70
    EXECUTION_NONSENSE = 71
    DECISION_VETOED = 72
    DECISION_FAILED = 73

    @property
    def stage(self) -> Stage:
        """Where this reason stops a signal."""
        return next(stage for last, stage in _STAGES if self <= last)

    @property
    def code(self) -> str:
        """The stored word."""
        return self.name.lower()


# The last reason of each stretch of numbers, and the stage of that stretch.
_STAGES = (
    (Reason.WIDE_SPREAD, Stage.FILTER),
    (Reason.TOTAL_EXPOSURE, Stage.RISK),
    (Reason.WITHDRAWN, Stage.EXECUTION),
    (Reason.STALE_PRICE, Stage.FILTER),
    (Reason.RISK_NONSENSE, Stage.RISK),
    (Reason.EXECUTION_NONSENSE, Stage.EXECUTION),
    (Reason.DECISION_FAILED, Stage.RISK),
)


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
    Reason.BAD_COMMAND: Sentence("Invalid command"),
    Reason.WITHDRAWN: Sentence("The order was withdrawn by hand before it was filled"),
    Reason.MISSING_FIELD: Sentence("A required field is missing"),
    Reason.WRONG_TYPE: Sentence("A field has the wrong type"),
    Reason.BAD_SYMBOL: Sentence("Base and quote name no pair"),
    Reason.BAD_SIDE: Sentence("The side is neither buy nor sell"),
    Reason.BAD_AMOUNT: Sentence("Amount {actual} is not a positive number"),
    Reason.BAD_TIME: Sentence("The timestamp is no time of a market"),
    Reason.NO_PRICE: Sentence("The signal names no price, and no close of its symbol is known"),
    Reason.DUPLICATE_SIGNAL: Sentence("This signal_id was decided before"),
    Reason.CLOCK_BACKWARDS: Sentence("Clock went backwards: {actual} s against {limit} s before it", 1e-3, 3),
    Reason.FUTURE_SIGNAL: Sentence("Signal is from the future: {actual} s ahead, at most {limit} s", 1e-3, 3),
    Reason.BAD_VALUE: Sentence("A field is not a number in its range"),
    Reason.STALE_PRICE: Sentence("The last close is stale: {actual} bars old, limit {limit}"),
    Reason.STRATEGY_VETOED: Sentence("Strategy agent vetoed"),
    Reason.STRATEGY_TIMEOUT: Sentence("Strategy agent did not answer in time"),
    Reason.STRATEGY_FAILED: Sentence("Strategy agent failed"),
    Reason.STRATEGY_NONSENSE: Sentence("Strategy agent's answer makes no sense"),
    Reason.RISK_VETOED: Sentence("Risk agent vetoed"),
    Reason.RISK_TIMEOUT: Sentence("Risk agent did not answer in time"),
    Reason.RISK_FAILED: Sentence("Risk agent failed"),
    Reason.RISK_NONSENSE: Sentence("Risk agent's answer makes no sense"),
    Reason.EXECUTION_VETOED: Sentence("Execution agent refused"),
    Reason.EXECUTION_TIMEOUT: Sentence("Execution agent did not answer in time"),
    Reason.EXECUTION_FAILED: Sentence("Execution agent failed"),
    Reason.EXECUTION_NONSENSE: Sentence("Execution agent's answer makes no sense"),
    Reason.DECISION_VETOED: Sentence("Unlikely to pay: {actual} %, threshold {limit} %", 100.0),
    Reason.DECISION_FAILED: Sentence("Decision gate failed"),
}


def reason_text(reason: Reason, limit: float, actual: float) -> str:
    """The sentence of a rejection with its limit and the value that met it."""
    sentence = SENTENCES[reason]
    shown = [f"{value * sentence.scale:.{sentence.digits}f}" for value in (actual, limit)]
    return sentence.template.format(actual=shown[0], limit=shown[1])


def reason_title(reason: Reason) -> str:
    """The sentence without its numbers, by which rejections are counted."""
    head = SENTENCES[reason].template.partition(":")[0]
    return head if "{" not in head else reason.code.replace("_", " ").capitalize()
