"""Reports worked out by hand: rates against the time before, closes that paid, predictions that were new."""

from __future__ import annotations

import math
import sqlite3

import numpy as np
import pytest

from cointrader.core.learning_layer.accuracy_report import accuracy_of, mean_overlap, report_accuracy
from cointrader.core.learning_layer.prediction_report import report_predictions, score
from cointrader.core.learning_layer.rejection_report import report_rejections
from storage.database import transaction
from storage.decision_answers import Said, read_said, write_said
from storage.errors import FilterError
from storage.report_counts import Outcome, Stretch, stretch_before, stretch_since
from storage.workspace import Workspace
from tests.cointrader.core.decision_champion import crown, decision
from tests.cointrader.core.learning_layer.decided import (
    DAY_MS,
    START_MS,
    add_run,
    answered,
    refused,
    taken,
)

MINUTE_MS = 60_000


def outcome(begun: int, ended: int, net_return: float) -> Outcome:
    return Outcome(1, begun, ended, "momentum", "BTC/USDT", net_return, 1_000.0 * net_return)


def test_rates_and_their_change_worked_out_by_hand(connection: sqlite3.Connection) -> None:
    """Two days of 100 signals each, 20 rejected on the first and 60 on the second.

    0.6 - 0.2 = 0.4, the error is sqrt(0.24/100 + 0.16/100) = 0.0632, so it is more beyond noise.
    """
    with transaction(connection):
        run_id = add_run(connection)
        for day, rejected in ((0, 20), (1, 60)):
            for number in range(100):
                at = START_MS + day * DAY_MS + number * MINUTE_MS
                if number < rejected:
                    code = "cooldown" if number % 2 else "low_confidence"
                    stage = "risk" if number % 2 else "filter"
                    refused(connection, run_id, at, code, stage=stage, actual=0.01)
                else:
                    taken(connection, run_id, at, 0.01, symbol="ETH/USDT")
    stretch = stretch_since(connection, "2024-01-02")
    assert stretch is not None and stretch.last_ms == START_MS + DAY_MS + 99 * MINUTE_MS
    told = report_rejections(connection, Stretch(START_MS + DAY_MS, START_MS + 2 * DAY_MS - 1))
    assert (told.before.first_ms, told.before.last_ms) == (START_MS, START_MS + DAY_MS - 1)
    assert (told.total.signals, told.total.rejected, told.total.rate) == (100, 60, 0.6)
    assert told.total.change == pytest.approx(0.4)
    assert (told.total.before, told.total.trend) == (0.2, "more")
    codes = {rate.value: (rate.rejected, rate.rate, rate.before) for rate in told.by["code"]}
    assert codes == {"low_confidence": (30, 0.3, 0.1), "cooldown": (30, 0.3, 0.1)}
    assert {rate.value for rate in told.by["stage"]} == {"filter", "risk"}
    symbols = {rate.value: (rate.signals, rate.rejected) for rate in told.by["symbol"]}
    assert symbols == {"BTC/USDT": (60, 60), "ETH/USDT": (40, 0)}
    hours = [(rate.value, rate.signals, rate.rejected, rate.trend) for rate in told.by["hour"]]
    assert hours == [("00", 60, 60, "more"), ("01", 40, 0, "within noise")]


def test_a_window_begins_after_the_one_before_it_and_is_as_long() -> None:
    before = stretch_before(Stretch(1_000, 1_999, 7))
    assert (before.first_ms, before.last_ms, before.run_id) == (0, 999, 7)


def test_few_signals_have_no_trend(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        run_id = add_run(connection)
        for number in range(29):
            taken(connection, run_id, START_MS - DAY_MS + number, 0.01)
            refused(connection, run_id, START_MS + number, "cooldown")
    told = report_rejections(connection, Stretch(START_MS, START_MS + DAY_MS - 1))
    assert (told.total.change, told.total.trend) == (1.0, "too few")


def test_time_in_words_counts_back_from_the_last_signal(connection: sqlite3.Connection) -> None:
    assert stretch_since(connection, "7d") is None
    with transaction(connection):
        one, other = add_run(connection), add_run(connection)
        taken(connection, one, START_MS, 0.01)
        taken(connection, other, START_MS + 20 * DAY_MS, 0.01)
    week = stretch_since(connection, "7d")
    assert week == Stretch(START_MS + 13 * DAY_MS, START_MS + 20 * DAY_MS)
    assert stretch_since(connection, "start", one) == Stretch(START_MS, START_MS, one)
    with pytest.raises(FilterError, match="last week"):
        stretch_since(connection, "last week")


def test_accuracy_worked_out_by_hand() -> None:
    """Three of four paid; returns 2, 1, 1, -2 %: mean 0.5 %, deviation sqrt(9/3) %; one at a time."""
    rows = [outcome(n * 10, n * 10 + 5, value) for n, value in enumerate((0.02, 0.01, 0.01, -0.02))]
    told = accuracy_of("all", rows)
    assert (told.n, told.paid, told.overlap) == (4, 0.75, 1.0)
    assert told.paid_error == pytest.approx(math.sqrt(0.75 * 0.25 / 4))
    assert told.net_return == pytest.approx(0.005)
    assert told.net_return_error == pytest.approx(math.sqrt(0.0009 / 3) / 2)
    assert not told.is_enough


def test_closes_that_were_open_together_count_as_fewer() -> None:
    """Each of four is doubled: 2 are open when one begins, so 8 closes count as 4."""
    rows = [outcome(n * 10, n * 10 + 5, value) for n, value in enumerate((0.02, 0.01, 0.01, -0.02))]
    twice = accuracy_of("all", sorted(rows * 2, key=lambda row: row.ts_ms))
    assert twice.overlap == 2.0 and twice.paid_error == pytest.approx(math.sqrt(0.75 * 0.25 / 4))
    # One that ends where the next begins is not open any more.
    assert mean_overlap(np.array([0, 5]), np.array([5, 9])) == 1.0
    assert mean_overlap(np.array([0, 4]), np.array([5, 9])) == 1.5


def test_what_was_refused_and_what_is_open_is_never_counted_as_accuracy(
    connection: sqlite3.Connection,
) -> None:
    with transaction(connection):
        run_id, other = add_run(connection), add_run(connection)
        taken(connection, run_id, START_MS, 0.02)
        taken(connection, run_id, START_MS + 1, -0.01, strategy="mean_bot")
        taken(connection, run_id, START_MS + 2, None)
        taken(connection, other, START_MS + 3, 0.5)
        refused(connection, run_id, START_MS + 4, "cooldown", net_return=0.9)
        refused(connection, run_id, START_MS + 5, "cooldown")
        taken(connection, run_id, START_MS + DAY_MS, 0.7)
    told = report_accuracy(connection, Stretch(START_MS, START_MS + 10, run_id))
    assert (told.accepted, told.open, told.closed.n) == (3, 1, 2)
    assert told.closed.paid == 0.5 and told.closed.net_return == pytest.approx(0.005)
    assert [(item.of, item.n) for item in told.by_strategy] == [("mean_bot", 1), ("momentum", 1)]
    assert told.refused.n == 1 and told.refused.net_return == pytest.approx(0.9)


def test_what_the_gate_said_is_read_back_from_its_words() -> None:
    for said in (
        Said(0.2134, 0.25, 3),
        Said(0.2134, 0.25, 3, shadow=True),
        Said(1.0, 0.0, 12),
        Said(0.0, 1.0, 1),
    ):
        told = read_said(write_said(said))
        assert told is not None and (told.probability, told.threshold, told.version) == (
            said.probability,
            said.threshold,
            said.version,
        )
    assert read_said("no version of decision decides yet: the signal passes") is None


def test_answers_are_held_against_closes_that_their_version_did_not_know(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    """40 later closes: 20 that paid were given 0.6, 20 that lost 0.4: the order is right every time."""
    crown(workspace, connection, decision(0.5), learned_until_ms=START_MS)
    with transaction(connection):
        run_id = add_run(connection)
        for number in range(-40, 40):
            pays = number % 2 == 0
            at = START_MS + 1 + number * 10 * MINUTE_MS
            row = taken(connection, run_id, at, 0.01 if pays else -0.01, hold_ms=MINUTE_MS)
            # Before the cut the version knew, and was always wrong.
            chance = 0.6 if pays == (number >= 0) else 0.4
            answered(connection, run_id, row, "approved", write_said(Said(chance, 0.25, 1)))
        silent = taken(connection, run_id, START_MS + DAY_MS, 0.01)
        answered(connection, run_id, silent, "absent", "no version of decision decides yet")
    told = report_predictions(workspace, connection, Stretch(START_MS - DAY_MS, START_MS + DAY_MS))
    answers = told["answers"]
    assert (answers["n"], answers["base_rate"], answers["roc_auc"]) == (40, 0.5, 1.0)
    assert answers["expected"] == pytest.approx(0.5)
    # sqrt((20 + 20 + 1)/(12 * 20 * 20)), nothing overlaps.
    assert answers["roc_auc_error"] == pytest.approx(math.sqrt(41 / 4_800))
    assert told["learned_from"] == 40 and told["answered"] == {"approved": 80, "absent": 1}
    # The version that decides is asked of every later close, also of those that the gate never saw.
    assert (told["version"], told["later"]["n"]) == (1, 41)
    assert told["later"]["roc_auc"] == 0.5


def test_too_few_closes_have_no_auc(workspace: Workspace, connection: sqlite3.Connection) -> None:
    times = np.arange(29, dtype=np.int64) * 10
    told = score(times, times + 1, np.arange(29) % 2 == 0, np.linspace(0.0, 1.0, 29))
    assert (told.n, told.roc_auc) == (29, None) and "too few" in told.note
    nothing = report_predictions(workspace, connection, Stretch(0, 1))
    assert nothing["version"] is None and "decides yet" in nothing["later"]["note"]
