"""The form of signals: what is one, and by which code each one that is not is refused."""

import math
from typing import Any

import pytest

from cointrader.core import SignalFilter
from cointrader.core.reasons import Reason, Stage
from cointrader.core.wish import SignalRefused

GOOD: dict[str, Any] = {
    "signal_id": "s1",
    "strategy": "momentum",
    "params": {"amount": 0.1, "base": "BTC", "quote": "USDT"},
    "timestamp": 1234567890.0,
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def with_params(**changes: Any) -> dict[str, Any]:
    return changed(params={**GOOD["params"], **changes})


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != field}


def test_a_signal_of_the_interface_is_read_into_types() -> None:
    wish = SignalFilter().read(GOOD)
    assert (wish.symbol, wish.base, wish.side, wish.amount, wish.price) == ("BTC/USDT", "BTC", 1, 0.1, None)
    assert wish.ts_ms == 1_234_567_890_000
    assert SignalFilter().validate_signal(GOOD) is True


@pytest.mark.parametrize(
    ("signal", "reason", "text"),
    [
        (None, Reason.WRONG_TYPE, "Invalid signal: a mapping is needed, got NoneType"),
        ([], Reason.WRONG_TYPE, "Invalid signal: a mapping is needed, got list"),
        (without("signal_id"), Reason.MISSING_FIELD, "Invalid signal_id: it is missing"),
        (without("strategy"), Reason.MISSING_FIELD, "Invalid strategy: it is missing"),
        (without("params"), Reason.MISSING_FIELD, "Invalid params: it is missing"),
        (without("timestamp"), Reason.MISSING_FIELD, "Invalid timestamp: it is missing"),
        (changed(signal_id=7), Reason.WRONG_TYPE, "Invalid signal_id: a text is needed, got int"),
        (changed(signal_id=" "), Reason.BAD_VALUE, "Invalid signal_id"),
        (changed(signal_id="a\nb"), Reason.BAD_VALUE, "Invalid signal_id"),
        (changed(signal_id="x" * 201), Reason.BAD_VALUE, "Invalid signal_id"),
        (changed(strategy="hope"), Reason.UNKNOWN_STRATEGY, "Invalid strategy: hope"),
        (changed(params=[1]), Reason.WRONG_TYPE, "Invalid params: a mapping is needed, got list"),
        (changed(params={"amount": 0.1}), Reason.MISSING_FIELD, "Missing required params: base, quote"),
        (with_params(amount="0.1"), Reason.WRONG_TYPE, "Invalid amount: a number is needed, got str"),
        (with_params(amount=True), Reason.WRONG_TYPE, "Invalid amount: a number is needed, got bool"),
        (with_params(amount=math.nan), Reason.BAD_AMOUNT, "Invalid amount: nan is not a positive number"),
        (with_params(amount=math.inf), Reason.BAD_AMOUNT, "Invalid amount: inf is not a positive number"),
        (with_params(amount=10**400), Reason.BAD_AMOUNT, "Invalid amount: inf is not a positive number"),
        (with_params(amount=0.0), Reason.BAD_AMOUNT, "Invalid amount: 0.0 is not a positive number"),
        (with_params(amount=-1), Reason.BAD_AMOUNT, "Invalid amount: -1.0 is not a positive number"),
        (with_params(price=math.nan), Reason.BAD_PRICE, "Invalid price: nan is not a positive number"),
        (with_params(price=math.inf), Reason.BAD_PRICE, "Invalid price: inf is not a positive number"),
        (with_params(price=0), Reason.BAD_PRICE, "Invalid price: 0.0 is not a positive number"),
        (with_params(price=-5.0), Reason.BAD_PRICE, "Invalid price: -5.0 is not a positive number"),
        (with_params(price="5"), Reason.WRONG_TYPE, "Invalid price: a number is needed, got str"),
        (with_params(base=1), Reason.WRONG_TYPE, "Invalid base: a text is needed, got int"),
        (with_params(base="USDT"), Reason.BAD_SYMBOL, "Invalid base and quote"),
        (with_params(quote="$$"), Reason.BAD_SYMBOL, "Invalid base and quote"),
        (with_params(side="hold"), Reason.BAD_SIDE, "Invalid side: 'hold'; it is buy or sell"),
        (changed(timestamp="now"), Reason.WRONG_TYPE, "Invalid timestamp"),
        (changed(timestamp=True), Reason.WRONG_TYPE, "Invalid timestamp"),
        (changed(timestamp=math.nan), Reason.BAD_TIME, "Invalid timestamp: nan is no time"),
        (changed(timestamp=-1.0), Reason.BAD_TIME, "Invalid timestamp: -1.0 is no time"),
        (changed(timestamp=1e300), Reason.BAD_TIME, "Invalid timestamp"),
        (changed(confidence=1.5), Reason.BAD_VALUE, "Invalid confidence: 1.5 is not between 0 and 1"),
        (changed(confidence=math.nan), Reason.BAD_VALUE, "Invalid confidence: nan"),
        (changed(spread_bps=-1), Reason.BAD_VALUE, "Invalid spread_bps: -1.0"),
    ],
)
def test_each_fault_has_its_code_and_its_sentence(signal: object, reason: Reason, text: str) -> None:
    with pytest.raises(SignalRefused) as refused:
        SignalFilter().read(signal)
    rejected = refused.value.rejected
    assert rejected.reason is reason
    assert rejected.text.startswith(text)
    assert rejected.told == "Invalid signal format"
    assert rejected.reason.stage is Stage.FILTER
    assert SignalFilter().validate_signal(signal) is False


@pytest.mark.parametrize("whole", [1_234_567_890, 1_234_567_890_000])
def test_a_whole_number_as_time_is_taken_with_a_warning(whole: int) -> None:
    wish = SignalFilter().read(changed(timestamp=whole))
    assert wish.ts_ms == 1_234_567_890_000
    assert "whole number" in wish.warning
    assert SignalFilter().read(GOOD).warning == ""


def test_strategies_may_be_added_and_fields_required() -> None:
    judge = SignalFilter()
    judge.valid_strategies.add("hope")
    assert judge.validate_signal(changed(strategy="hope"))
    judge.required_fields.append("desk")
    assert not judge.validate_signal(changed(strategy="hope"))
    assert {"momentum", "mean_reversion", "arbitrage"} <= SignalFilter().valid_strategies


@pytest.mark.parametrize(("word", "side"), [("buy", 1), ("LONG", 1), ("Sell", -1), ("short", -1)])
def test_the_side_is_understood_wherever_it_stands(word: str, side: int) -> None:
    assert SignalFilter().read(changed(side=word)).side == side
    assert SignalFilter().read(with_params(action=word)).side == side
