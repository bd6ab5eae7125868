"""From a command to the execution agent: packed, held against the limits, executed once or rejected."""

import json
import math
import threading
from typing import Any

import pytest

from cointrader.core import TradeCommand
from cointrader.core.own_agents import ScriptedAgent
from cointrader.trading.position import Phase
from storage.workspace import Workspace
from tests.cointrader.core.desk_of_test import NOON_MS, Core


def command(**changes: Any) -> TradeCommand:
    params = {"amount": 0.01, "base": "BTC", "quote": "USDT", "price": 50_000.0}
    return TradeCommand(
        changes.pop("signal_id", "s1"),
        changes.pop("strategy", "momentum"),
        changes.pop("params", {**params, **changes}),
        {"timestamp": NOON_MS / 1000},
    )


def test_a_package_holds_the_command_the_time_and_the_priority(core: Core) -> None:
    cmd = command()
    assert core.pipeline.build_command_package(cmd) == {
        "command": cmd.to_dict(),
        "timestamp": NOON_MS / 1000,
        "priority": 1.0,
    }


@pytest.mark.parametrize(
    "cmd",
    [
        command(signal_id=""),
        command(params=None),
        command(amount=math.nan),
        command(amount=0),
        command(price=-1.0),
        TradeCommand("s1", "momentum", {"amount": 1.0, "base": "BTC", "quote": "USDT"}, {}),
        TradeCommand("s1", "momentum", {"amount": 1.0}, {"timestamp": 1.7e9}),
        TradeCommand(None, None, None, None),
    ],
)
def test_a_command_that_is_none_is_refused_and_stored(core: Core, cmd: TradeCommand) -> None:
    assert cmd.validate() is False
    assert core.pipeline.build_command_package(cmd) is None
    assert core.pipeline.send_to_execution(cmd) is False
    assert core.rejections() == [("execution", "bad_command")]
    assert core.desk.portfolio.held == []


def test_an_executed_command_is_an_open_position_of_the_account(core: Core) -> None:
    asked = core.agent_io.execution_agent = ScriptedAgent([True])
    cmd = core.executor.execute_logic_tree(core.signal())
    assert cmd is not None
    assert core.flow.route_to_execution(cmd) is True
    assert [item.phase for item in core.desk.portfolio.held] == [Phase.OPEN]
    assert core.pipeline.send_to_execution(cmd) is True
    assert len(asked.asked) == 1, "executed twice"
    core.flow.close_position("s1", 50_000.0)
    assert core.pipeline.send_to_execution(cmd) is True
    assert len(asked.asked) == 1, "executed again after its close"
    assert core.rows("SELECT agent, answer FROM agent_response ORDER BY id")[-1] == ("execution", "approved")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (False, "vetoed"),
        (ConnectionError("gone"), "failed"),
        ({"executed": "maybe"}, "nonsense"),
    ],
)
def test_what_the_execution_agent_refuses_is_rejected_and_frees_its_room(
    core: Core, answer: object, word: str
) -> None:
    core.agent_io.execution_agent = ScriptedAgent([answer])
    cmd = core.executor.execute_logic_tree(core.signal())
    assert cmd is not None
    assert core.flow.route_to_execution(cmd) is False
    assert core.rejections() == [("execution", f"execution_{word}")]
    assert core.rows("SELECT status FROM signal") == [("rejected",)]
    assert core.rows("SELECT reason FROM context_record WHERE kind = 'signal'") == [("rejected",)]
    assert core.desk.portfolio.held == []
    assert core.flow.route_to_execution(cmd) is False, "a rejected command was executed"


def test_a_command_made_by_hand_does_not_get_round_the_limits(core: Core) -> None:
    asked = core.agent_io.execution_agent = ScriptedAgent([True])
    assert core.pipeline.send_to_execution(command(amount=1.0)) is False
    assert asked.asked == []
    assert core.rejections() == [("risk", "order_size")]
    assert core.pipeline.send_to_execution(command(signal_id="s2")) is True
    assert len(asked.asked) == 1


def test_a_veto_after_the_acceptance_takes_it_back(core: Core) -> None:
    signal = core.signal()
    cmd = core.executor.execute_logic_tree(signal)
    assert cmd is not None
    core.agent_io.risk_agent = ScriptedAgent([{"passed": False, "reason": "news"}])
    assert core.flow.coordinate_agents(signal) is None
    assert core.rejections() == [("risk", "risk_vetoed")]
    assert core.flow.route_to_execution(cmd) is False


def test_coordination_tells_both_answers(core: Core) -> None:
    assert core.flow.coordinate_agents(core.signal()) == {
        "signal_id": "s1",
        "strategy": {"answer": "approved", "reason": ""},
        "risk": {"answer": "approved", "reason": ""},
    }


def test_the_veto_about_a_signal_that_nobody_decided_on_is_stored(core: Core) -> None:
    core.agent_io.strategy_agent = ScriptedAgent([False])
    assert core.flow.coordinate_agents(core.signal()) is None
    assert core.rejections() == [("risk", "strategy_vetoed")]
    assert core.rows("SELECT symbol, agent FROM agent_response r JOIN signal s ON s.id = r.signal_id") == [
        ("BTC/USDT", "strategy")
    ]


def test_a_check_of_the_risk_tells_limit_and_value_and_decides_nothing(core: Core) -> None:
    assert core.flow.check_risk_compliance(core.signal()) == {"passed": True}
    assert core.flow.check_risk_compliance(core.signal(amount=3.0)) == {
        "passed": False,
        "reason": "Exposure limit exceeded",
    }
    rejected = core.flow.judge_risk(core.signal(amount=3.0))
    assert rejected is not None
    assert (rejected.reason.stage, rejected.reason.code) == ("risk", "order_size")
    assert rejected.text == "Order too large: 1500.00 % of equity, limit 10.00 %"
    assert (rejected.limit, rejected.actual) == (0.1, 15.0)
    assert core.flow.judge_risk(core.signal()) is None
    assert core.flow.check_risk_compliance({})["passed"] is False
    assert core.rows("SELECT count(*) FROM signal") == [(0,)]
    told = core.rows("SELECT data_json FROM core_event WHERE action = 'risk_check' ORDER BY id")
    assert json.loads(told[1][0])["code"] == "order_size"


def test_what_is_not_open_cannot_be_closed_and_no_price_closes_nothing(core: Core) -> None:
    with pytest.raises(KeyError):
        core.flow.close_position("nobody", 1.0)
    with pytest.raises(ValueError, match="Invalid price nan for s1"):
        core.flow.close_position("s1", math.nan)


def test_two_processes_execute_a_command_once_between_them(core: Core, workspace: Workspace) -> None:
    other = Core(workspace)
    asked: list[Any] = []
    cmd = core.executor.execute_logic_tree(core.signal())
    assert cmd is not None
    told: list[bool] = []
    second = threading.Thread(target=lambda: told.append(other.pipeline.send_to_execution(cmd)))

    def execute(package: Any) -> bool:
        asked.append(package)
        if len(asked) == 1:
            second.start()
            second.join(0.2)  # long enough to be asked too, where nothing keeps it from that
        return True

    core.agent_io.execution_agent = other.agent_io.execution_agent = execute
    assert core.pipeline.send_to_execution(cmd) is True
    second.join(30.0)
    assert told == [True]
    assert len(asked) == 1, "executed twice"
    other.close()


def test_an_order_that_is_taken_back_while_the_agent_is_asked_is_told_and_not_filled(
    core: Core, workspace: Workspace
) -> None:
    other = Core(workspace)
    cmd = core.executor.execute_logic_tree(core.signal())
    assert cmd is not None

    def execute(package: Any) -> bool:
        other.clock.pass_minutes(10.1)
        other.executor.execute_logic_tree(other.signal("s2", base="ETH"))
        return True

    core.agent_io.execution_agent = execute
    assert core.pipeline.send_to_execution(cmd) is False
    assert core.rejections() == [("execution", "stale_fill")]
    assert [item.signal_id for item in core.desk.portfolio.held] == ["s2"]
    assert core.rows("SELECT severity FROM core_event WHERE action = 'routing_failed'") == [("error",)]
    other.close()
