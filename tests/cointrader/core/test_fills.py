"""How an accepted signal is filled and closed; prices worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cointrader.core.reasons import Reason
from cointrader.strategies.base import CLOSE_LONG, CLOSE_SHORT, OPPOSITE_LONG, OPPOSITE_SHORT
from cointrader.trading.position import ExitReason
from tests.cointrader.core.play import FREE, play, wish
from tests.cointrader.market import MINUTES_5, by_hand, without

QUIET = (100.0, 101.0, 99.0, 100.0)


def test_a_signal_at_a_close_fills_at_the_next_open() -> None:
    candles = by_hand([QUIET, (102.0, 103.0, 101.0, 102.5), QUIET])
    played = play(candles, wish(candles, 0))
    trade = played.trades[0]
    assert trade["entry_price"] == 102.0
    assert trade["entry_ms"] == candles.close_ms[0], "the open of the next bar is the close of this one"
    assert trade["quantity"] == pytest.approx(0.10 * 10_000.0 / 100.0), "sized at the close of the signal"
    assert trade["notional"] == pytest.approx(10.0 * 102.0)


def test_a_stop_beats_a_target_in_the_same_bar() -> None:
    candles = by_hand([QUIET, QUIET, (100.0, 106.0, 94.0, 105.0)])
    played = play(candles, wish(candles, 0, stop_distance=5.0, target_distance=5.0))
    assert played.exits == [ExitReason.STOP]
    assert played.trades["exit_price"][0] == 95.0


def test_a_stop_beats_a_target_in_the_same_bar_for_a_short() -> None:
    candles = by_hand([QUIET, QUIET, (100.0, 106.0, 94.0, 95.0)])
    played = play(candles, wish(candles, 0, side=-1, stop_distance=5.0, target_distance=5.0))
    assert played.exits == [ExitReason.STOP]
    assert played.trades["exit_price"][0] == 105.0


def test_the_entry_bar_can_hit_the_stop() -> None:
    candles = by_hand([QUIET, (100.0, 101.0, 94.0, 100.0), QUIET])
    played = play(candles, wish(candles, 0, stop_distance=5.0, target_distance=5.0))
    assert played.exits == [ExitReason.STOP]
    assert played.trades["exit_ms"][0] == candles.close_ms[1]


def test_the_entry_bar_can_hit_the_target() -> None:
    candles = by_hand([QUIET, (100.0, 106.0, 99.0, 100.0), QUIET])
    played = play(candles, wish(candles, 0, stop_distance=5.0, target_distance=5.0))
    assert played.exits == [ExitReason.TARGET]
    assert played.trades["exit_price"][0] == 105.0


@pytest.mark.parametrize(
    ("side", "opened", "reason"),
    [
        (1, 90.0, ExitReason.STOP),
        (1, 110.0, ExitReason.TARGET),
        (-1, 110.0, ExitReason.STOP),
        (-1, 90.0, ExitReason.TARGET),
    ],
)
def test_a_gap_through_stop_or_target_fills_at_the_open(side: int, opened: float, reason: ExitReason) -> None:
    candles = by_hand([QUIET, QUIET, (opened, opened + 20.0, opened - 20.0, opened)])
    played = play(candles, wish(candles, 0, side=side, stop_distance=5.0, target_distance=5.0))
    assert played.exits == [reason]
    assert played.trades["exit_price"][0] == opened


def test_a_trailing_stop_follows_earlier_bars_only() -> None:
    # The third bar makes the high of 120 and falls to 109: measured from 120 it would leave at 110.
    candles = by_hand([QUIET, QUIET, (109.5, 120.0, 109.0, 110.0), (110.0, 111.0, 105.0, 106.0), QUIET])
    played = play(candles, wish(candles, 0, trail_distance=10.0))
    trade = played.trades[0]
    assert played.exits == [ExitReason.TRAILING]
    assert trade["exit_ms"] == candles.close_ms[3]
    assert trade["exit_price"] == 110.0, "the fourth bar opens at the level that the third left behind"


def test_the_tighter_of_stop_and_trailing_stop_counts() -> None:
    candles = by_hand([QUIET, QUIET, (100.0, 101.0, 90.0, 91.0)])
    played = play(candles, wish(candles, 0, stop_distance=5.0, trail_distance=8.0))
    assert played.exits == [ExitReason.STOP]
    assert played.trades["exit_price"][0] == 95.0


def test_a_time_exit_fills_at_the_next_open() -> None:
    candles = by_hand([QUIET, QUIET, QUIET, (103.0, 104.0, 102.0, 103.0), QUIET])
    played = play(candles, wish(candles, 0, max_bars=2))
    trade = played.trades[0]
    assert played.exits == [ExitReason.TIME]
    assert trade["exit_price"] == 103.0
    assert trade["exit_ms"] - trade["entry_ms"] == 2 * MINUTES_5


def test_the_end_of_the_data_closes_at_the_last_close() -> None:
    candles = by_hand([QUIET, QUIET, (100.0, 108.0, 99.0, 107.0)])
    played = play(candles, wish(candles, 0))
    assert played.exits == [ExitReason.END_OF_DATA]
    assert played.trades["exit_price"][0] == 107.0
    assert played.trades["exit_ms"][0] == candles.close_ms[-1]
    assert played.equity[-1] == 10_000.0 + played.trades["net"].sum()


def test_a_signal_on_the_last_bar_is_never_filled() -> None:
    candles = by_hand([QUIET, QUIET])
    played = play(candles, wish(candles, 1))
    assert played.trades.size == 0
    assert played.reasons == [Reason.NO_FILL]


def test_the_opposite_signal_closes_and_turns_the_position() -> None:
    candles = by_hand([QUIET, QUIET, QUIET, (104.0, 105.0, 103.0, 104.0), (104.0, 105.0, 95.0, 96.0)])
    played = play(candles, wish(candles, 0), wish(candles, 2, side=-1))
    assert played.exits == [ExitReason.OPPOSITE, ExitReason.END_OF_DATA]
    assert played.trades["exit_price"][0] == played.trades["entry_price"][1] == 104.0
    assert played.trades["side"].tolist() == [1, -1]


def test_the_opposite_signal_of_another_strategy_closes_nothing() -> None:
    candles = by_hand([QUIET] * 5)
    played = play(candles, wish(candles, 0), wish(candles, 2, side=-1, strategy=1))
    assert played.exits == [ExitReason.END_OF_DATA]
    assert played.reasons == [Reason.ACCEPTED, Reason.SYMBOL_OPEN]


def test_a_refused_opposite_signal_still_closes() -> None:
    candles = by_hand([QUIET] * 5)
    played = play(candles, wish(candles, 0), wish(candles, 2, side=-1, confidence=0.0))
    assert played.exits == [ExitReason.OPPOSITE]
    assert played.reasons == [Reason.ACCEPTED, Reason.LOW_CONFIDENCE]


@pytest.mark.parametrize(
    ("side", "asked", "reason"),
    [
        (1, CLOSE_LONG, ExitReason.STRATEGY),
        (-1, CLOSE_SHORT, ExitReason.STRATEGY),
        (1, OPPOSITE_LONG, ExitReason.OPPOSITE),
        (-1, OPPOSITE_SHORT, ExitReason.OPPOSITE),
        (1, CLOSE_SHORT | OPPOSITE_SHORT, ExitReason.END_OF_DATA),
    ],
)
def test_a_leave_rule_closes_its_own_side_at_the_next_open(side: int, asked: int, reason: ExitReason) -> None:
    candles = by_hand([QUIET] * 5)
    exits = np.zeros((2, 5), np.uint8)
    exits[0, 2] = asked
    played = play(candles, wish(candles, 0, side=side), exits=exits)
    assert played.exits == [reason]
    if reason is not ExitReason.END_OF_DATA:
        assert played.trades["exit_ms"][0] == candles.close_ms[2]


@pytest.mark.parametrize("side", [1, -1])
def test_every_fill_but_the_target_slips_against_the_trader(side: int) -> None:
    rules = FREE._replace(slip=2e-4)
    stopped = by_hand([QUIET, QUIET, (100.0, 110.0, 90.0, 100.0)])
    trade = play(stopped, wish(stopped, 0, side=side, stop_distance=5.0), rules=rules).trades[0]
    assert trade["entry_price"] == 100.0 * (1 + side * 2e-4)
    assert trade["exit_raw"] == pytest.approx(trade["entry_price"] - side * 5.0)
    assert trade["exit_price"] == trade["exit_raw"] * (1 - side * 2e-4)
    won = play(stopped, wish(stopped, 0, side=side, target_distance=5.0), rules=rules).trades[0]
    assert won["exit_price"] == won["exit_raw"]
    ended = play(stopped, wish(stopped, 0, side=side), rules=rules).trades[0]
    assert ended["exit_price"] == 100.0 * (1 - side * 2e-4)


def test_a_trade_worked_out_by_hand() -> None:
    """Long 10 at 100 with 10 bps fee and 2 bps slippage a side, target 4 above the entry."""
    candles = by_hand([QUIET, QUIET, (101.0, 105.0, 98.0, 104.0), QUIET])
    rules = FREE._replace(fee=1e-3, slip=2e-4)
    trade = play(candles, wish(candles, 0, stop_distance=3.0, target_distance=4.0), rules=rules).trades[0]
    entry, leave = 100.02, 104.02
    assert trade["entry_price"] == pytest.approx(entry, abs=1e-12)
    assert trade["exit_price"] == pytest.approx(leave, abs=1e-12)
    assert trade["gross"] == pytest.approx(10.0 * (104.02 - 100.0), abs=1e-9)
    assert trade["fees"] == pytest.approx(1e-3 * 10.0 * (entry + leave), abs=1e-9)
    assert trade["slippage"] == pytest.approx(10.0 * 0.02, abs=1e-9)
    assert trade["net"] == pytest.approx(40.2 - 2.0404 - 0.2, abs=1e-9)
    assert trade["mfe"] == pytest.approx((leave - entry) / entry)
    assert trade["mae"] == pytest.approx((98.0 - entry) / entry)
    assert trade["equity"] == 10_000.0


def test_equity_is_marked_at_every_close() -> None:
    candles = by_hand([QUIET, (100.0, 103.0, 99.0, 102.0), (102.0, 103.0, 97.0, 98.0)])
    played = play(candles, wish(candles, 0))
    assert played.equity.tolist() == [10_000.0, 10_020.0, 9_980.0]
    assert played.exposure.tolist() == [0.0, 1_020.0, 0.0]


def test_excursions_see_highs_and_lows_between_entry_and_exit() -> None:
    candles = by_hand([QUIET, (100.0, 107.0, 96.0, 101.0), (101.0, 130.0, 90.0, 101.0), QUIET])
    trade = play(candles, wish(candles, 0, stop_distance=8.0)).trades[0]
    assert trade["mae"] == pytest.approx(-0.08), "the stop ended it at 92, not at the low of 90"
    assert trade["mfe"] == pytest.approx(0.07), "the high of the bar that stopped it may have come later"


def test_a_fill_beyond_a_long_gap_is_stale() -> None:
    candles = without(by_hand([QUIET] * 12), 2, 3)
    played = play(candles, wish(candles, 1))
    assert played.reasons == [Reason.STALE_FILL]
    assert played.verdicts["actual"][0] == 3.0
    assert played.verdicts["limit"][0] == 2.0


def test_a_fill_beyond_a_short_gap_is_taken() -> None:
    candles = without(by_hand([QUIET] * 12), 2, 2)
    assert play(candles, wish(candles, 1)).reasons == [Reason.ACCEPTED]


def test_no_exit_where_none_was_asked_for() -> None:
    candles = by_hand([QUIET, QUIET, (100.0, 1000.0, 1.0, 100.0), QUIET])
    trade = play(candles, wish(candles, 0)).trades[0]
    assert math.isnan(trade["stop"])
    assert math.isnan(trade["target"])
    assert trade["exit_reason"] == ExitReason.END_OF_DATA
