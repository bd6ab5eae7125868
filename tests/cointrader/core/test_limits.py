"""Each limit stops a signal with its own code, its limit and the value that met it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cointrader.core.decider import BadBar, Bar, Decider
from cointrader.core.limits import Rules, rules_of
from cointrader.core.reasons import SENTENCES, Reason, Stage, reason_text
from cointrader.settings import LimitSettings, Settings
from cointrader.strategies.base import CLOSE_LONG
from tests.cointrader.core.play import FREE, Played, play, wish
from tests.cointrader.market import MINUTES_5, by_hand

QUIET = (100.0, 101.0, 99.0, 100.0)
BTC = by_hand([QUIET] * 12)
ETH = by_hand([QUIET] * 12, "ETH/USDT")
BTC_EUR = by_hand([QUIET] * 12, "BTC/EUR")


def rejected(played: Played, signal: int) -> tuple[Reason, float, float]:
    row = played.verdicts[signal]
    return Reason(int(row["reason"])), float(row["limit"]), float(row["actual"])


@pytest.mark.parametrize("price", [0.0, -1.0, math.inf])
def test_a_price_that_is_not_one(price: float) -> None:
    played = play(BTC, wish(BTC, 1, price=price))
    assert rejected(played, 0)[0] is Reason.BAD_PRICE


def test_a_missing_price_means_the_last_close() -> None:
    assert play(BTC, wish(BTC, 1)).reasons == [Reason.ACCEPTED]


def test_a_strategy_that_nobody_registered() -> None:
    assert rejected(play(BTC, wish(BTC, 1, strategy=-1)), 0)[0] is Reason.UNKNOWN_STRATEGY


def test_a_signal_older_than_two_bars() -> None:
    late = wish(BTC, 5)
    late["ts_ms"] = BTC.close_ms[5] - 3 * MINUTES_5  # only a feed can be late
    decider = Decider(FREE, assets=["BTC"], timeframes_ms=[MINUTES_5], start_equity=1e4, strategies=1)
    outcome = decider.step(int(BTC.close_ms[5]), {0: Bar(*QUIET)}, late)
    assert outcome.verdicts["reason"].tolist() == [Reason.STALE_SIGNAL]
    assert outcome.verdicts[["limit", "actual"]].tolist() == [(2.0, 3.0)]


def test_a_confidence_below_the_minimum() -> None:
    assert rejected(play(BTC, wish(BTC, 1, confidence=0.04)), 0) == (Reason.LOW_CONFIDENCE, 0.05, 0.04)
    assert play(BTC, wish(BTC, 1, confidence=0.05)).reasons == [Reason.ACCEPTED]
    assert play(BTC, wish(BTC, 1, confidence=math.nan)).reasons == [Reason.LOW_CONFIDENCE]


def test_a_wide_spread_where_one_is_known() -> None:
    assert rejected(play(BTC, wish(BTC, 1, spread_bps=51.0)), 0) == (Reason.WIDE_SPREAD, 50.0, 51.0)
    assert play(BTC, wish(BTC, 1, spread_bps=50.0)).reasons == [Reason.ACCEPTED]


def test_a_day_that_lost_too_much() -> None:
    crash = by_hand([QUIET, QUIET, (100.0, 100.0, 40.0, 40.0), (40.0, 41.0, 39.0, 40.0), QUIET])
    played = play(crash, wish(crash, 0), wish(crash, 2, strategy=1))
    reason, limit, actual = rejected(played, 1)
    assert (reason, limit) == (Reason.DAILY_LOSS, 0.05)
    assert actual == pytest.approx(0.06)


def test_a_new_day_forgives_the_loss() -> None:
    bars = [QUIET, QUIET, (100.0, 100.0, 40.0, 40.0)] + [(40.0, 41.0, 39.0, 40.0)] * 300
    crash = by_hand(bars)
    midnight = 287  # the bar that closes at midnight belongs to the day that ends there
    played = play(crash, wish(crash, 0, stop_distance=50.0), wish(crash, midnight), wish(crash, 288))
    assert played.reasons == [Reason.ACCEPTED, Reason.DAILY_LOSS, Reason.ACCEPTED]


def test_a_loss_is_counted_from_midnight_even_where_nothing_else_happened() -> None:
    fall = [(100.0, 100.0, 70.0, 70.0), (70.0, 71.0, 40.0, 40.0), (40.0, 41.0, 39.0, 40.0)]
    falling = by_hand([QUIET] * 288 + fall)  # 288 bars of five minutes are the first day
    played = play(falling, wish(falling, 0), wish(falling, 290, strategy=1))
    reason, _, actual = rejected(played, 1)
    assert reason is Reason.DAILY_LOSS
    assert actual == pytest.approx(0.06)


def test_more_entries_than_a_day_allows() -> None:
    rules = FREE._replace(max_daily_trades=1)
    played = play(BTC, wish(BTC, 0, max_bars=1), wish(BTC, 4), rules=rules)
    assert rejected(played, 1) == (Reason.DAILY_TRADES, 1.0, 1.0)


def test_an_order_that_waits_counts_as_an_entry_of_the_day() -> None:
    rules = FREE._replace(max_daily_trades=1)
    played = play((BTC, ETH), wish(BTC, 0), wish(ETH, 0, symbol=1), rules=rules)
    assert played.reasons == [Reason.ACCEPTED, Reason.DAILY_TRADES]


def test_a_pause_after_a_fill_of_the_same_side() -> None:
    rules = FREE._replace(cooldown_ms=2 * MINUTES_5)
    # Entered at the open of bar 1, timed out at the open of bar 2 (the close of bar 1).
    again = [wish(BTC, 0, max_bars=1), wish(BTC, 2), wish(BTC, 3)]
    played = play(BTC, *again, rules=rules)
    assert played.reasons == [Reason.ACCEPTED, Reason.COOLDOWN, Reason.ACCEPTED]
    assert rejected(played, 1) == (Reason.COOLDOWN, 2.0 * MINUTES_5, 1.0 * MINUTES_5)
    other_side = play(BTC, again[0], wish(BTC, 2, side=-1), rules=rules)
    assert other_side.reasons == [Reason.ACCEPTED, Reason.ACCEPTED]


def test_one_position_a_symbol() -> None:
    played = play(BTC, wish(BTC, 0), wish(BTC, 3))
    assert rejected(played, 1) == (Reason.SYMBOL_OPEN, 1.0, 1.0)


def test_an_order_that_waits_occupies_its_symbol() -> None:
    played = play(BTC, wish(BTC, 0), wish(BTC, 0, strategy=1))
    assert played.reasons == [Reason.ACCEPTED, Reason.SYMBOL_OPEN]


def test_too_many_open_positions() -> None:
    rules = FREE._replace(max_open=1)
    played = play((BTC, ETH), wish(BTC, 0), wish(ETH, 2, symbol=1), rules=rules)
    assert rejected(played, 1) == (Reason.OPEN_POSITIONS, 1.0, 1.0)


def test_an_order_below_the_minimum_notional() -> None:
    reason, limit, actual = rejected(play(BTC, wish(BTC, 1, quantity=0.05)), 0)
    assert (reason, limit, actual) == (Reason.MIN_NOTIONAL, 10.0, 5.0)


def test_an_order_that_is_too_large() -> None:
    reason, limit, actual = rejected(play(BTC, wish(BTC, 1, quantity=10.5)), 0)
    assert (reason, limit) == (Reason.ORDER_SIZE, 0.10)
    assert actual == pytest.approx(0.105)


def test_an_order_of_exactly_its_limit_is_accepted() -> None:
    assert play(BTC, wish(BTC, 1, quantity=10.0)).reasons == [Reason.ACCEPTED]


@pytest.mark.parametrize(
    ("rules", "second", "reason", "limit", "actual"),
    [
        (FREE, BTC_EUR, Reason.ASSET_EXPOSURE, 0.10, 0.20),
        (FREE._replace(strategy_fraction=0.15), ETH, Reason.STRATEGY_EXPOSURE, 0.15, 0.20),
        (FREE._replace(portfolio_fraction=0.15), ETH, Reason.PORTFOLIO_EXPOSURE, 0.15, 0.20),
        (FREE._replace(max_exposure=1500.0), ETH, Reason.TOTAL_EXPOSURE, 1500.0, 2000.0),
    ],
)
def test_exposure_counts_what_is_open_or_ordered(
    rules: Rules, second: object, reason: Reason, limit: float, actual: float
) -> None:
    for bar in (0, 3):  # ordered in the same moment, and open by then
        played = play((BTC, second), wish(BTC, 0), wish(ETH, bar, symbol=1), rules=rules)  # type: ignore[arg-type]
        found = rejected(played, 1)
        assert found[:2] == (reason, limit)
        assert found[2] == pytest.approx(actual)


def test_a_position_of_another_symbol_counts_until_it_has_left() -> None:
    rules = FREE._replace(portfolio_fraction=0.15)
    exits = np.zeros((2, 24), np.uint8)
    exits[0, 5] = CLOSE_LONG
    for bar, reason in ((5, Reason.PORTFOLIO_EXPOSURE), (6, Reason.ACCEPTED)):
        played = play((BTC, ETH), wish(BTC, 0), wish(ETH, bar, symbol=1), rules=rules, exits=exits)
        assert played.reasons == [Reason.ACCEPTED, reason]


def test_another_strategy_has_its_own_exposure() -> None:
    rules = FREE._replace(strategy_fraction=0.15)
    played = play((BTC, ETH), wish(BTC, 0), wish(ETH, 3, symbol=1, strategy=1), rules=rules)
    assert played.reasons == [Reason.ACCEPTED, Reason.ACCEPTED]


def test_the_rules_are_those_of_the_settings() -> None:
    rules = rules_of(Settings(limits=LimitSettings(cooldown_minutes=2.5, max_open_positions=7)))
    assert rules.cooldown_ms == 150_000
    assert rules.max_open == 7
    assert rules.fee == pytest.approx(0.001)
    assert rules.slip == pytest.approx(0.0002)


def test_every_reason_has_a_stage_a_code_and_a_sentence_with_its_numbers() -> None:
    assert set(SENTENCES) == set(Reason)
    assert len({reason.code for reason in Reason}) == len(Reason)
    for reason in Reason:
        text = reason_text(reason, 0.1, 0.2)
        assert "{" not in text
        assert ("Exposure limit exceeded" in text) == reason.name.endswith("_EXPOSURE")
    stages = {reason: reason.stage for reason in Reason}
    assert stages[Reason.LOW_CONFIDENCE] is Stage.FILTER
    assert stages[Reason.DAILY_LOSS] is stages[Reason.TOTAL_EXPOSURE] is Stage.RISK
    assert stages[Reason.MIN_NOTIONAL] is stages[Reason.STALE_FILL] is Stage.EXECUTION
    assert "20.00 %" in reason_text(Reason.STRATEGY_EXPOSURE, 0.15, 0.20)
    assert "15.00 %" in reason_text(Reason.STRATEGY_EXPOSURE, 0.15, 0.20)


def test_a_feed_refuses_what_no_price_can_be_taken_from() -> None:
    decider = Decider(FREE, assets=["BTC"], timeframes_ms=[MINUTES_5], start_equity=1e4, strategies=1)
    for bad in (math.nan, 0.0, -1.0, math.inf):
        with pytest.raises(BadBar, match="finite and positive"):
            decider.step(int(BTC.close_ms[0]), {0: Bar(100.0, 101.0, 99.0, bad)})
    decider.step(int(BTC.close_ms[0]), {0: Bar(*QUIET)})
    with pytest.raises(ValueError, match="must advance"):
        decider.step(int(BTC.close_ms[0]), {0: Bar(*QUIET)})
    with pytest.raises(ValueError, match="numbered"):
        decider.step(int(BTC.close_ms[1]), {1: Bar(*QUIET)})


def test_the_first_limit_that_is_met_is_the_reason() -> None:
    both = wish(BTC, 1, confidence=0.0, spread_bps=99.0)
    assert play(BTC, both).reasons == [Reason.LOW_CONFIDENCE]
    assert np.isfinite(play(BTC, both).verdicts["actual"]).all()
