"""The decision on one signal: by the kernel's limits, stored whole, and with the words of the interface."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from cointrader.core import RecentContext, TradeCommand
from cointrader.core.desk import MOST_PENDING_EACH
from cointrader.core.own_agents import ScriptedAgent
from cointrader.core.reasons import Reason
from cointrader.settings import LimitSettings, Settings
from storage.context_records import context_records_page
from storage.workspace import Workspace
from tests.cointrader.core.desk_of_test import NOON_MS, Core


def test_an_accepted_signal_becomes_a_command_and_is_stored(core: Core) -> None:
    signal = core.signal()
    command = core.executor.execute_logic_tree(signal)
    assert command == TradeCommand("s1", "momentum", signal["params"], {"timestamp": signal["timestamp"]})
    assert core.rows("SELECT ts_ms, symbol, strategy, side, confidence, price, status FROM signal") == [
        (NOON_MS, "BTC/USDT", "momentum", "long", 1.0, 50_000.0, "accepted")
    ]
    assert core.rejections() == []
    assert core.rows("SELECT kind, signals, rejections FROM trading_run") == [("core", 1, 0)]
    assert core.rows("SELECT agent, answer FROM agent_response ORDER BY id") == [
        ("strategy", "approved"),
        ("risk", "approved"),
    ]


def test_the_command_is_a_copy_that_the_sender_cannot_change(core: Core) -> None:
    signal = core.signal()
    command = core.executor.execute_logic_tree(signal)
    assert command is not None
    signal["params"]["amount"] = 1e9
    assert command.params["amount"] == 0.01


@pytest.mark.parametrize(
    ("changes", "stage", "code"),
    [
        ({"signal_id": None}, "filter", "missing_field"),
        ({"params": 3}, "filter", "wrong_type"),
        ({"strategy": "hope"}, "filter", "unknown_strategy"),
        ({"price": math.nan}, "filter", "bad_price"),
        ({"price": math.inf}, "filter", "bad_price"),
        ({"price": 0.0}, "filter", "bad_price"),
        ({"price": -1.0}, "filter", "bad_price"),
        ({"amount": math.nan}, "filter", "bad_amount"),
        ({"price": None}, "filter", "no_price"),
        ({"timestamp": NOON_MS / 1000 - 601}, "filter", "stale_signal"),
        ({"timestamp": NOON_MS / 1000 + 61}, "filter", "future_signal"),
        ({"confidence": 0.01}, "filter", "low_confidence"),
        ({"spread_bps": 51.0}, "filter", "wide_spread"),
        ({"amount": 0.0201}, "risk", "order_size"),
        ({"amount": 1e-6}, "execution", "min_notional"),
    ],
)
def test_every_reject_is_stored_with_stage_and_code_and_nothing_is_opened(
    core: Core, changes: dict[str, Any], stage: str, code: str
) -> None:
    assert core.executor.execute_logic_tree(core.signal(**changes)) is None
    assert core.rejections() == [(stage, code)]
    assert core.rows("SELECT status FROM signal") == [("rejected",)]
    assert core.desk.portfolio.held == []
    assert core.executor.last_rejection is not None
    assert core.executor.last_rejection.reason.code == code
    told = context_records_page(core.connection, "rejection")
    assert len(told) == 1
    assert json.loads(told[0].data_json)["code"] == code
    assert len(context_records_page(core.connection, "signal")) == 1


@pytest.mark.parametrize("signal", [None, "buy", 7, [], {}, b"\xff", {"signal_id": {"a": object()}}])
def test_what_is_no_signal_is_rejected_as_such_and_kept(core: Core, signal: Any) -> None:
    assert core.executor.execute_logic_tree(signal) is None
    context = RecentContext(workspace=core.workspace)
    assert [item["reason"] for item in context.get_recent_rejections()] == ["Invalid signal format"]
    assert len(core.rejections()) == len(context.get_recent_signals()) == 1


def test_the_words_of_the_interface_are_kept_and_the_numbers_stand_beside_them(core: Core) -> None:
    core.executor.execute_logic_tree(core.signal(amount=0.1))
    context = RecentContext(workspace=core.workspace)
    reason = "Risk violation: Exposure limit exceeded"
    assert context.get_recent_rejections() == [{"signal_id": "s1", "reason": reason}]
    assert core.rows("SELECT text, limit_value, actual_value FROM rejection") == [
        ("Order too large: 50.00 % of equity, limit 10.00 %", 0.1, 0.5)
    ]


def test_exposure_is_that_of_the_whole_account_and_not_of_one_order(workspace: Workspace) -> None:
    limits = LimitSettings(max_per_symbol=5)
    core = Core(workspace, settings=replace(Settings(), limits=limits))
    assert core.executor.execute_logic_tree(core.signal("s1", amount=0.012))
    assert core.executor.execute_logic_tree(core.signal("s2", amount=0.012)) is None
    assert core.rows("SELECT code, limit_value, actual_value FROM rejection") == [
        ("asset_exposure", 0.1, pytest.approx(0.12))
    ]


def test_open_positions_daily_trades_and_cooldown_stop_signals(workspace: Workspace) -> None:
    limits = LimitSettings(max_open_positions=1, max_daily_trades=2)
    core = Core(workspace, settings=replace(Settings(), limits=limits))

    def trade(signal_id: str, base: str) -> None:
        command = core.executor.execute_logic_tree(core.signal(signal_id, base=base))
        assert command is not None
        assert core.flow.route_to_execution(command)

    trade("s1", "BTC")
    assert core.executor.execute_logic_tree(core.signal("s2", base="ETH")) is None
    core.flow.close_position("s1", 50_000.0)
    assert core.executor.execute_logic_tree(core.signal("s3", base="BTC")) is None
    trade("s4", "ETH")
    core.flow.close_position("s4", 50_000.0)
    assert core.executor.execute_logic_tree(core.signal("s5", base="SOL")) is None
    assert [code for _, code in core.rejections()] == ["open_positions", "cooldown", "daily_trades"]


def test_the_loss_of_a_day_stops_its_signals_and_the_next_day_begins_anew(core: Core) -> None:
    for number, base in enumerate(("BTC", "ETH")):
        command = core.executor.execute_logic_tree(core.signal(f"s{number}", base=base))
        assert command is not None
        assert core.flow.route_to_execution(command)
        core.flow.close_position(f"s{number}", 23_000.0)
    assert core.executor.execute_logic_tree(core.signal("s2", base="SOL")) is None
    assert core.rejections() == [("risk", "daily_loss")]
    core.clock.pass_minutes(24 * 60)
    assert core.executor.execute_logic_tree(core.signal("s3", base="SOL"))


def test_a_signal_id_is_decided_once(core: Core) -> None:
    assert core.executor.execute_logic_tree(core.signal())
    assert core.executor.execute_logic_tree(core.signal()) is None
    assert core.rejections() == [("filter", "duplicate_signal")]
    assert len(core.desk.portfolio.held) == 1


def test_a_signal_that_was_none_may_come_again_in_good_form(core: Core) -> None:
    assert core.executor.execute_logic_tree(core.signal(amount=-1)) is None
    assert core.executor.execute_logic_tree(core.signal())


def test_a_signal_that_was_told_first_is_remembered_once(core: Core) -> None:
    context, signal = RecentContext(workspace=core.workspace), core.signal()
    context.store_signal(signal)
    assert core.executor.execute_logic_tree(signal)
    context.store_signal(signal)
    assert context.get_recent_signals() == [signal]


def test_a_clock_that_goes_back_is_noticed_in_the_signals_and_in_the_machine(core: Core) -> None:
    assert core.executor.execute_logic_tree(core.signal("s1"))
    late = core.signal("s2", timestamp=NOON_MS / 1000 - 10)
    assert core.executor.execute_logic_tree(late) is None
    assert core.executor.execute_logic_tree({**late, "signal_id": "s3", "strategy": "arbitrage"}) is None
    core.clock.pass_minutes(-1)
    assert core.executor.execute_logic_tree(core.signal("s4", base="ETH")) is None
    codes = [code for _, code in core.rejections()]
    assert codes == ["clock_backwards", "symbol_open", "clock_backwards"]
    assert len(core.desk.portfolio.held) == 1


def test_a_whole_number_as_time_is_taken_and_logged_as_a_warning(core: Core) -> None:
    assert core.executor.execute_logic_tree(core.signal(timestamp=NOON_MS // 1000))
    assert core.rows("SELECT severity FROM core_event WHERE action = 'validate_signal'") == [("warning",)]


@pytest.mark.parametrize("agent", ["strategy", "risk"])
@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"approved": False, "reason": "too wild"}, "vetoed"),
        (False, "vetoed"),
        (RuntimeError("boom"), "failed"),
        (SystemExit(3), "failed"),
        ({"approved": "yes"}, "nonsense"),
        ({"approved": True, "passed": False}, "nonsense"),
        ({"approved": True, "signal_id": "another"}, "nonsense"),
        ({}, "nonsense"),
        (1, "nonsense"),
        (None, "nonsense"),
    ],
)
def test_an_agent_can_only_say_no_and_each_answer_is_stored(
    core: Core, agent: str, answer: object, word: str
) -> None:
    setattr(core.agent_io, f"{agent}_agent", ScriptedAgent([answer]))
    assert core.executor.execute_logic_tree(core.signal()) is None
    assert core.rejections() == [("risk", f"{agent}_{word}")]
    answers = core.rows("SELECT agent, answer FROM agent_response ORDER BY id")
    assert answers[-1] == (agent, word)
    assert core.desk.portfolio.held == []


def test_an_agent_is_not_asked_about_what_the_limits_refuse_and_cannot_let_it_pass(core: Core) -> None:
    yes = ScriptedAgent([True])
    core.agent_io.strategy_agent = core.agent_io.risk_agent = yes
    assert core.executor.execute_logic_tree(core.signal(amount=1.0)) is None
    assert yes.asked == []


def test_an_agent_gets_a_copy_and_cannot_change_what_is_decided(core: Core) -> None:
    def greedy(signal: Any) -> bool:
        signal["params"]["amount"] = 1e9
        return True

    core.agent_io.strategy_agent = greedy
    command = core.executor.execute_logic_tree(core.signal())
    assert command is not None
    assert command.params["amount"] == 0.01


def test_risk_params_may_be_tightened_by_their_owner(core: Core) -> None:
    core.flow.risk_params["max_exposure"] = 400.0
    assert core.executor.execute_logic_tree(core.signal()) is None
    assert core.rejections() == [("risk", "total_exposure")]
    core.flow.risk_params["max_exposure"] = math.nan
    with pytest.raises(ValueError, match="max_exposure must be a number from 0 on"):
        core.executor.execute_logic_tree(core.signal("s2"))


def test_two_processes_share_one_account(core: Core, workspace: Workspace) -> None:
    other = Core(workspace)
    assert core.executor.execute_logic_tree(core.signal("s1"))
    assert other.executor.execute_logic_tree(other.signal("s2")) is None
    assert other.rejections() == [("risk", "symbol_open")]
    assert core.executor.execute_logic_tree(core.signal("s3", base="ETH"))
    assert [item.signal_id for item in core.desk.portfolio.held] == ["s1", "s3"]
    other.close()


def test_a_decision_during_the_agents_question_counts(core: Core, workspace: Workspace) -> None:
    other = Core(workspace)

    def slow(signal: Any) -> bool:
        assert other.executor.execute_logic_tree(other.signal("first"))
        return True

    core.agent_io.risk_agent = slow
    assert core.executor.execute_logic_tree(core.signal("second")) is None
    assert core.rejections() == [("risk", "symbol_open")]
    other.close()


def test_the_account_survives_the_process(core: Core, workspace: Workspace) -> None:
    command = core.executor.execute_logic_tree(core.signal("s1"))
    assert command is not None
    assert core.flow.route_to_execution(command)
    core.close()
    again = Core(workspace)
    assert again.executor.execute_logic_tree(again.signal("s2")) is None
    assert again.rejections() == [("risk", "cooldown")]
    assert again.flow.close_position("s1", 51_000.0) == pytest.approx(8.788002)
    assert again.desk.portfolio.equity == pytest.approx(10_008.788002)


def test_an_order_that_nobody_executes_lapses_with_its_price(core: Core) -> None:
    command = core.executor.execute_logic_tree(core.signal("s1"))
    core.clock.pass_minutes(10.1)
    assert core.executor.execute_logic_tree(core.signal("s2"))
    assert core.rejections() == [("execution", "stale_fill")]
    assert [item.signal_id for item in core.desk.portfolio.held] == ["s2"]
    assert command is not None
    assert core.flow.route_to_execution(command) is False


def test_every_action_is_an_event_with_its_signal(core: Core) -> None:
    core.executor.execute_logic_tree(core.signal())
    core.executor.execute_logic_tree(core.signal("s2", amount=-1))
    events = core.rows("SELECT action, signal_key FROM core_event ORDER BY id")
    assert events[:5] == [
        ("validate_signal", "s1"),
        ("send_to_strategy", "s1"),
        ("send_to_risk", "s1"),
        ("coordinate_agents", "s1"),
        ("execute_logic_tree", "s1"),
    ]
    assert ("signal_rejected", "s2") in events


def test_codes_are_words_of_their_own() -> None:
    codes = [reason.code for reason in Reason]
    assert len(codes) == len(set(codes))
    assert all(reason.stage for reason in Reason)


def test_a_newer_signal_that_is_decided_during_the_agents_question_makes_this_one_old(
    core: Core, workspace: Workspace
) -> None:
    other = Core(workspace)
    other.clock.pass_minutes(0.5)

    def slow(signal: Any) -> bool:
        assert other.executor.execute_logic_tree(other.signal("newer", amount=1.0)) is None
        return True

    core.agent_io.risk_agent = slow
    assert core.executor.execute_logic_tree(core.signal("older")) is None
    assert core.rejections() == [("risk", "order_size"), ("filter", "clock_backwards")]
    other.close()


def test_what_is_kept_of_each_strategy_and_symbol_goes_no_further_back_than_a_signal_may(core: Core) -> None:
    for number, base in enumerate(("BTC", "ETH", "SOL")):
        core.executor.execute_logic_tree(core.signal(f"s{number}", base=base))
        core.clock.pass_minutes(6)
    assert list(core.desk.last_seen) == ["momentum ETH/USDT", "momentum SOL/USDT"]


def test_an_answer_about_a_signal_without_an_id_is_not_taken_for_one_about_another(core: Core) -> None:
    nameless = {**core.signal(), "signal_id": None}
    for _ in range(3):
        core.agent_io.send_to_risk(nameless)
    assert core.executor.execute_logic_tree(nameless) is None
    assert core.rows("SELECT count(*) FROM agent_response") == [(0,)]


def test_an_agent_that_is_asked_about_one_signal_for_ever_fills_no_memory(core: Core) -> None:
    for _ in range(MOST_PENDING_EACH + 20):
        core.agent_io.send_to_risk(core.signal())
    assert core.executor.execute_logic_tree(core.signal())
    assert core.rows("SELECT count(*) FROM agent_response") == [(MOST_PENDING_EACH,)]
