"""Thresholds from hindsight: a case worked out by hand, no leak between the windows, and honest refusals."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from cointrader.core.learning_layer.proposals import NumberRule, propose
from cointrader.core.learning_layer.proposed_rules import (
    CHANCE,
    CONFIDENCE,
    COOLDOWN,
    SPREAD,
    propose_thresholds,
    why_not,
)
from cointrader.core.reasons import Reason
from cointrader.settings import Settings
from storage.agent_responses import Answer
from storage.database import transaction
from storage.decision_answers import Said, write_said
from storage.proposal_rows import Ruled
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

HOUR_MS = 3_600_000


def ruled(day: float, actual: float, net_return: float, hold_ms: int = HOUR_MS, side: str = "long") -> Ruled:
    ts_ms = START_MS + round(day * DAY_MS)
    return Ruled(
        signal_id=ts_ms, run_id=1, ts_ms=ts_ms, ends_ms=ts_ms + hold_ms, symbol="BTC/USDT",
        strategy="momentum", side=side, actual=actual, net_return=net_return, is_refused=False,
    )  # fmt: skip


def two_kinds(days: int = 100, weak: float = -0.01, strong: float = 0.02) -> list[Ruled]:
    """Every day a weak signal (0.10) and, half a day later, a strong one (0.50)."""
    return [row for day in range(days) for row in (ruled(day, 0.10, weak), ruled(day + 0.5, 0.50, strong))]


def test_a_threshold_worked_out_by_hand() -> None:
    """200 signals; the cut is the 120th, day 60. The weak lose 10 each of 1,000, the strong earn 20.

    Above 0.10 the weak are refused: 60 in days 0 to 59, 40 in days 60 to 99. Each saves 10, none of them
    would have paid. Every day saves the same, so the deviation of days is 0 and the interval is its middle.
    """
    told = propose(CONFIDENCE, two_kinds(), 0.05, 1_000.0)
    assert (told.section, told.setting, told.now, told.proposed) == ("limits", "min_confidence", 0.05, 0.5)
    assert told.line == "min_confidence = 0.5"
    assert (told.earlier.n, told.earlier.saved, told.earlier.missed, told.earlier.net) == pytest.approx(
        (60, 600.0, 0.0, 600.0)
    )
    assert (told.later.n, told.later.saved, told.later.missed, told.later.net) == pytest.approx(
        (40, 400.0, 0.0, 400.0)
    )
    assert (told.low, told.high, told.days) == pytest.approx((400.0, 400.0, 40))
    assert told.verdict == "holds up" and told.purged == 0
    assert told.later.first_ms == START_MS + 60 * DAY_MS
    assert (told.mean_changed, told.mean_rest) == pytest.approx((-0.01, 0.02))


def test_the_interval_is_made_of_the_sums_of_days() -> None:
    """In the later 40 days the weak lose 30 on odd days and earn 10 on even ones: 20 * 30 - 20 * 10 = 400.

    Sums of days are +30 and -10: mean 10, deviation 20 sqrt(40/39), so half = 1.96 sqrt(40) 20.2548 = 251.07.
    """
    rows = [
        replace(row, net_return=(-0.03 if number % 4 == 2 else 0.01)) if row.actual == 0.10 and number >= 120
        else row
        for number, row in enumerate(two_kinds())
    ]  # fmt: skip
    told = propose(CONFIDENCE, rows, 0.05, 1_000.0)
    assert (told.later.saved, told.later.missed, told.later.net) == pytest.approx((600.0, 200.0, 400.0))
    assert (told.low, told.high) == pytest.approx((400.0 - 251.07, 400.0 + 251.07), abs=0.02)
    assert told.verdict == "holds up"


def test_a_signal_that_reaches_into_the_later_window_is_in_neither() -> None:
    rows = two_kinds()
    # The last weak signals before the cut are held for two days: they are known only after it.
    held = [
        replace(row, ends_ms=row.ends_ms + 2 * DAY_MS) if 110 <= n < 120 else row
        for n, row in enumerate(rows)
    ]
    told = propose(CONFIDENCE, held, 0.05, 1_000.0)
    reaching = sum(row.ends_ms >= START_MS + 60 * DAY_MS for row in held[:120])
    assert told.purged == reaching == 4
    assert told.earlier.n == 58 and told.later.n == 40
    # What they came to changes nothing: neither the choice nor what is shown.
    spoiled = [
        replace(row, net_return=5.0) if row.ts_ms < START_MS + 60 * DAY_MS <= row.ends_ms else row
        for row in held
    ]
    assert propose(CONFIDENCE, spoiled, 0.05, 1_000.0) == told


def test_the_choice_knows_nothing_of_the_later_window() -> None:
    rows = two_kinds()
    turned = rows[:120] + [replace(row, net_return=-row.net_return) for row in rows[120:]]
    told = propose(CONFIDENCE, turned, 0.05, 1_000.0)
    assert told.proposed == 0.5 and told.earlier.net == pytest.approx(600.0)
    assert told.later.net == pytest.approx(-400.0) and told.verdict == "does not hold up"


def test_where_no_other_value_was_better_the_limit_stays() -> None:
    told = propose(CONFIDENCE, two_kinds(weak=0.01), 0.05, 1_000.0)
    assert (told.verdict, told.proposed, told.line) == ("keep", 0.05, "min_confidence = 0.05")


def test_a_limit_that_stops_most_trading_is_not_proposed() -> None:
    """Everything loses: refusing all would save most, but half of what passes must go on passing."""
    rows = [ruled(day / 4, 0.01 * (day % 100), -0.01) for day in range(400)]
    told = propose(CONFIDENCE, rows, 0.0, 1_000.0)
    passing = sum(row.actual >= told.proposed for row in rows[:240])
    assert passing >= 0.5 * 240 and told.proposed == pytest.approx(0.395, abs=0.01)


def test_too_few_signals_propose_nothing() -> None:
    told = propose(CONFIDENCE, two_kinds(days=20), 0.05, 1_000.0)
    assert (told.verdict, told.proposed) == ("too few", 0.05)
    assert propose(CONFIDENCE, [], 0.05, 1_000.0).verdict == "too few"
    # Enough to choose on, too few to hold the choice against.
    lately = propose(CONFIDENCE, two_kinds(days=60), 0.05, 1_000.0)
    assert (lately.verdict, lately.proposed, lately.later.n) == ("too few", 0.5, 24)


def test_of_a_ceiling_what_lies_below_it_passes() -> None:
    """Spreads of 60 bps were refused at 50 and would have paid: 70 lets them in."""
    rows = [ruled(day / 2, 60.0 + day % 2, 0.01) for day in range(200)]
    told = propose(SPREAD, rows, 50.0, 1_000.0)
    assert told.proposed == 61.0 and told.verdict == "holds up"
    assert told.later.saved == pytest.approx(10.0 * told.later.n) and told.later.missed == 0.0


def test_a_signal_that_a_shorter_pause_lets_in_begins_a_pause_of_its_own() -> None:
    """Refused at 5 minutes, 4 minutes after a fill, in pairs a minute apart: of each pair one gets in."""
    rows = [
        ruled(day + minute / 1_440, 4 * 60_000.0, 0.01, 60_000) for day in range(100) for minute in (0, 1)
    ]
    told = propose(COOLDOWN, rows, 5.0, 1_000.0)
    assert (told.proposed, told.line) == (4.0, "cooldown_minutes = 4")
    assert (told.earlier.n, told.later.n) == (60, 40)
    without_pauses = NumberRule("x", "limits", "x", scale=1 / 60_000)
    assert propose(without_pauses, rows, 5.0, 1_000.0).later.n == 80


def test_stored_signals_are_read_once_each_and_by_the_right_rule(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    """What `two_kinds` says, as rows: weak ones refused by confidence, strong ones traded; a run repeated."""
    with transaction(connection):
        for run_id in (add_run(connection), add_run(connection)):
            for day in range(100):
                at = START_MS + day * DAY_MS
                refused(connection, run_id, at, "low_confidence", actual=0.04, net_return=0.01)
                taken(connection, run_id, at + DAY_MS // 2, 0.02)
                refused(connection, run_id, at + HOUR_MS, "symbol_open", actual=1.0, net_return=0.5)
                refused(connection, run_id, at + 2 * HOUR_MS, "low_confidence", actual=0.03)
    found = propose_thresholds(workspace, connection, Settings())
    (told,) = found.proposals
    assert (told.rule, told.now, told.proposed, told.verdict) == ("low_confidence", 0.05, 0.04, "holds up")
    # The default size is a tenth of 10,000; each of the 40 later refusals would have earned 1 % of it.
    assert (told.later.n, told.later.saved) == pytest.approx((40, 400.0))
    (rest,) = found.not_judged
    assert (rest.rule, rest.n) == ("symbol_open", 200) and "two backtests" in rest.why


def test_chances_are_judged_only_where_their_version_had_not_learned(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    crown(workspace, connection, decision(0.5), learned_until_ms=START_MS + 50 * DAY_MS)
    with transaction(connection):
        run_id = add_run(connection)
        for day in range(200):
            at = START_MS + day * DAY_MS
            weak = refused(connection, run_id, at, "decision_vetoed", actual=0.2, net_return=-0.01)
            strong = taken(connection, run_id, at + DAY_MS // 2, 0.02)
            fair = taken(connection, run_id, at + DAY_MS // 3, -0.02)
            for signal_id, chance in ((weak, 0.2), (strong, 0.6), (fair, 0.3)):
                answer: Answer = "approved" if chance >= 0.25 else "vetoed"
                answered(connection, run_id, signal_id, answer, write_said(Said(chance, 0.25, 1)))
    found = propose_thresholds(workspace, connection, Settings()).proposals
    (told,) = (item for item in found if item.rule == CHANCE.code)
    assert (told.rule, told.section, told.line) == (CHANCE.code, "core", "decision_threshold = 0.6")
    assert told.earlier.first_ms > START_MS + 50 * DAY_MS
    assert told.earlier.n + told.later.n == 150
    assert told.verdict == "holds up"


def test_every_reason_is_judged_or_says_why_not() -> None:
    for reason in Reason:
        assert why_not(reason.code)
    assert "agent" in why_not("risk_timeout") and "price" in why_not("stale_fill")
