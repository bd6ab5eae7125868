"""What rejected signals would have earned: a case worked out by hand, and agreement with the kernel."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
import pytest

from cointrader.backtest.run import run_backtest
from cointrader.backtest.store import store_backtest
from cointrader.core.hindsight import follow_signals
from cointrader.core.hindsight_pass import judge_rejections
from cointrader.core.limits import rules_of
from cointrader.settings import LimitSettings, Settings
from cointrader.strategies import registry
from cointrader.trading.position import ExitReason
from storage.candles import Candles
from storage.database import transaction
from storage.hindsight import hindsight_of, sums_by_rule
from storage.workspace import Workspace
from tests.cointrader.core.paper import scripted
from tests.cointrader.core.paper.trading import store
from tests.cointrader.market import MINUTES_5, by_hand, head, sample, without
from tests.storage.rows import add, add_run

BARS = (
    (100.0, 101.0, 99.0, 100.0),  # 0: a long is wished for
    (100.0, 101.0, 99.0, 100.0),  # 1: filled; a long is wished for while one is open: rejected
    (101.0, 104.0, 98.0, 103.0),  # 2: in at 101; nothing is met: stop 98.0202, low 98.5 is above it
    (103.0, 106.0, 102.0, 105.0),  # 3: the target at 105.0202 is met; a short is wished for at 105
    (105.0, 106.0, 104.0, 105.0),  # 4
    (105.0, 109.0, 104.0, 108.0),  # 5
    (108.0, 108.5, 107.5, 108.0),
)
"""Fee 10 bps and slippage 2 bps a side, stop 3 and target 4 from the entry, 10 % of 10,000 each time."""

NOTHING_PASSES = Settings(limits=LimitSettings(min_confidence=1.0, min_notional=1e9))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted.register(monkeypatch)


def traded(
    workspace: Workspace,
    connection: sqlite3.Connection,
    candles: Candles,
    strategies: Sequence[str] = ("scripted",),
    settings: Settings = NOTHING_PASSES,
) -> int:
    """A stored backtest on candles that are not stored yet."""
    return store_backtest(workspace, connection, run_backtest([candles], strategies, settings))


def bars_with_lows() -> Candles:
    raised = [list(bar) for bar in BARS]
    raised[2][2] = 98.5
    return by_hand([(a, b, c, d) for a, b, c, d in raised])


def test_a_saved_loss_and_a_missed_profit_are_those_worked_out_by_hand(
    workspace: Workspace, connection: sqlite3.Connection, script: None
) -> None:
    candles = scripted.script(bars_with_lows(), {1: scripted.LONG, 3: scripted.SHORT})
    run_id = traded(workspace, connection, candles)
    store(workspace, connection, candles)
    assert judge_rejections(workspace, connection).judged == 2

    # The order of 1,000 at a close of 100 is 10 coins, in at 101 and 2 bps: 101.0202, target 105.0202.
    missed = hindsight_of(connection, 1)
    assert missed is not None and (missed.code, missed.exit_reason) == ("min_notional", "target")
    assert (missed.entry_price, missed.exit_price) == approx(101.0202, 105.0202)
    # gross 10 (105.0202 - 101) = 40.202; fees 1.010202 + 1.050202; slippage 10 x 0.0202
    assert missed.pnl == pytest.approx(40.202 - 2.060404 - 0.202)
    assert missed.net_return == pytest.approx(37.939596 / 1_010.202)
    assert missed.hold_ms == 2 * MINUTES_5

    # 1,000 at 105 are 9.523809523810 coins; in at 104.979, stop 107.979 and 2 bps against it: 108.0005958.
    saved = hindsight_of(connection, 2)
    assert saved is not None and saved.exit_reason == "stop"
    assert (saved.entry_price, saved.exit_price) == approx(104.979, 108.0005958)
    # gross 9.52381 (105 - 107.979) = -28.371428571; fees 0.9998 + 1.028577103; slippage 0.2 + 0.205674286
    assert saved.pnl == pytest.approx(-28.371428571 - 2.028377103 - 0.405674286)

    (rule,) = sums_by_rule(connection, run_id)
    assert (rule.rule, rule.n, rule.judged) == ("min_notional", 2, 2)
    assert (rule.saved, rule.missed, rule.net) == approx(30.80547996, 37.939596, -7.13411604, within=1e-7)
    assert connection.execute("SELECT count(*) FROM position").fetchone() == (0,)


def test_nothing_is_said_before_the_trade_would_have_ended_and_nothing_twice(
    workspace: Workspace, connection: sqlite3.Connection, script: None
) -> None:
    candles = scripted.script(bars_with_lows(), {1: scripted.LONG, 3: scripted.SHORT})
    traded(workspace, connection, candles)
    store(workspace, connection, head(candles, 3))
    first = judge_rejections(workspace, connection)
    assert (first.judged, first.waiting, first.unmatched) == (0, 1, 1)
    store(workspace, connection, head(candles, 5))
    second = judge_rejections(workspace, connection)
    assert (second.judged, second.waiting) == (1, 1)
    store(workspace, connection, candles)
    assert judge_rejections(workspace, connection).judged == 1
    assert judge_rejections(workspace, connection).judged == 0
    assert connection.execute("SELECT signal_id FROM hindsight ORDER BY 1").fetchall() == [(1,), (2,)]


def test_a_missing_bar_on_the_way_leaves_it_unsaid(
    workspace: Workspace, connection: sqlite3.Connection, script: None
) -> None:
    candles = scripted.script(bars_with_lows(), {1: scripted.LONG, 3: scripted.SHORT})
    traded(workspace, connection, candles)
    store(workspace, connection, without(candles, 4, 1))
    result = judge_rejections(workspace, connection)
    assert (result.judged, result.broken) == (1, 1)
    assert hindsight_of(connection, 2) is None


def test_candles_that_were_corrected_since_are_not_what_was_decided_on(
    workspace: Workspace, connection: sqlite3.Connection, script: None
) -> None:
    candles = scripted.script(bars_with_lows(), {1: scripted.LONG})
    traded(workspace, connection, candles)
    candles.close[1] = 100.5
    store(workspace, connection, candles)
    result = judge_rejections(workspace, connection)
    assert (result.judged, result.unmatched) == (0, 1)


def test_signals_of_programs_without_side_or_strategy_are_skipped_and_counted(
    workspace: Workspace, connection: sqlite3.Connection, script: None
) -> None:
    candles = scripted.script(bars_with_lows(), {1: scripted.LONG})
    store(workspace, connection, candles)
    with transaction(connection):
        run_id = add_run(connection)
        connection.execute("UPDATE trading_run SET kind = 'core' WHERE id = ?", (run_id,))
        shared = {
            "run_id": run_id, "ts_ms": int(candles.close_ms[1]), "symbol": "BTC/USDT", "strategy": "scripted",
            "side": "", "confidence": 1.0, "price": 100.0, "provenance": "paper",
        }  # fmt: skip
        signal_id = add(connection, "signal", status="rejected", contributions="{}", **shared)
        add(connection, "rejection", signal_id=signal_id, stage="filter", code="bad_side", text="", **shared)
    result = judge_rejections(workspace, connection)
    assert (result.judged, result.skipped) == (0, 1)
    (rule,) = sums_by_rule(connection)
    assert (rule.rule, rule.n, rule.judged, rule.net) == ("bad_side", 1, 0, 0.0)


@pytest.mark.parametrize("name", ["momentum", "mean_bot"])
def test_what_was_traded_would_have_earned_what_it_has_earned(name: str) -> None:
    candles = head(sample()[0], 30_000)
    result = run_backtest([candles], [name], Settings())
    found = registry.load(name).signals(candles, registry.build_params(name), stop_atr=2.0)
    _, followed = follow_signals(candles, found, np.arange(len(found)), rules_of(Settings()), 10_000.0)
    by_signal = {int(trade["signal"]): trade for trade in followed}
    ended = result.trades[result.trades["exit_reason"] != ExitReason.END_OF_DATA]
    assert ended.size > 20
    same = ("side", "entry_ms", "exit_ms", "bars", "exit_reason", "entry_price", "exit_price", "mae", "mfe")
    for trade in ended:
        assert [trade[field] for field in same] == [by_signal[int(trade["signal"])][field] for field in same]
        alone = by_signal[int(trade["signal"])]
        assert trade["net"] / trade["notional"] == pytest.approx(alone["net"] / alone["notional"], rel=1e-9)


def approx(*values: float, within: float = 1e-9) -> tuple[object, ...]:
    return tuple(pytest.approx(value, abs=within) for value in values)
