"""Asking the agents: time-outs, failures and nonsense are vetoes, and every answer is kept."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from cointrader.core import AgentIO
from cointrader.core.agent_worker import MOST_LEFT, AgentWorker, NotAsked
from cointrader.core.own_agents import ScriptedAgent
from storage.agent_responses import answer_counts
from storage.workspace import Workspace
from tests.cointrader.core.desk_of_test import Core


@pytest.fixture
def impatient(workspace: Workspace) -> Iterator[Core]:
    """A core that waits a twentieth of a second for an agent."""
    made = Core(workspace, timeout_seconds=0.05)
    yield made
    made.close()


def test_the_answers_of_the_interface(core: Core) -> None:
    signal = core.signal()
    assert core.agent_io.send_to_strategy(signal) == {"approved": True, "signal_id": "s1"}
    assert core.agent_io.send_to_risk(signal) == {"passed": True, "signal_id": "s1"}
    assert core.agent_io.send_to_execution({"command": {"signal_id": "s1"}, "timestamp": 1.0}) is True
    core.agent_io.risk_agent = lambda signal: {"passed": False, "reason": "too wild"}
    assert core.agent_io.send_to_risk(signal) == {
        "passed": False,
        "signal_id": "s1",
        "reason": "too wild",
    }


def test_a_silent_agent_is_a_veto_and_is_stored_as_a_time_out(impatient: Core) -> None:
    silent = ScriptedAgent([ScriptedAgent.SILENCE])
    impatient.agent_io.risk_agent = silent
    assert impatient.executor.execute_logic_tree(impatient.signal()) is None
    silent.released.set()
    assert impatient.rejections() == [("risk", "risk_timeout")]
    assert impatient.rows("SELECT agent, answer, reason FROM agent_response ORDER BY id")[-1] == (
        "risk",
        "timeout",
        "no answer within 0.05 s",
    )


def test_an_answer_that_comes_too_late_is_nobodys(impatient: Core) -> None:
    late = ScriptedAgent([ScriptedAgent.SILENCE, False])
    impatient.agent_io.strategy_agent = late
    assert impatient.executor.execute_logic_tree(impatient.signal("s1")) is None
    late.released.set()
    impatient.agent_io.timeout_seconds = 20.0
    assert impatient.executor.execute_logic_tree(impatient.signal("s2")) is None
    assert [code for _, code in impatient.rejections()] == ["strategy_timeout", "strategy_vetoed"]


def test_an_agent_that_hangs_is_left_behind_and_then_not_asked_again() -> None:
    worker, released, asked = AgentWorker("risk"), threading.Event(), []

    def hang() -> None:
        asked.append(1)
        released.wait(60.0)

    before = threading.active_count()
    for _ in range(MOST_LEFT):
        assert worker.ask(hang, 0.05) is None
    for _ in range(1_000):
        with pytest.raises(NotAsked, match="not asked: 4 earlier questions are still without an answer"):
            worker.ask(hang, 0.05)
    assert len(asked) <= MOST_LEFT
    assert threading.active_count() - before <= MOST_LEFT
    released.set()


def test_an_agent_that_comes_back_is_asked_again(eventually: Any) -> None:
    worker, released = AgentWorker("risk"), threading.Event()
    for _ in range(MOST_LEFT):
        worker.ask(lambda: released.wait(60.0), 0.02)
    released.set()

    def ask_again() -> Any:
        with suppress(NotAsked):
            return worker.ask(lambda: "here", 20.0)

    assert eventually(ask_again).value == "here"
    worker.close()


def test_the_answers_are_counted_by_agent(core: Core) -> None:
    core.agent_io.risk_agent = ScriptedAgent([True, RuntimeError("boom")])
    core.executor.execute_logic_tree(core.signal("s1"))
    core.executor.execute_logic_tree(core.signal("s2", base="ETH"))
    counted = {(count.agent, count.answer): count.count for count in answer_counts(core.connection)}
    assert counted == {("strategy", "approved"): 2, ("risk", "approved"): 1, ("risk", "failed"): 1}


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_of_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="timeout_seconds must be above 0"):
        AgentIO(timeout_seconds=seconds)


def test_without_agents_of_others_the_own_ones_look_once_more(core: Core) -> None:
    assert core.agent_io.send_to_strategy({"signal_id": "x", "strategy": "hope"})["approved"] is False
    assert core.agent_io.send_to_risk({"signal_id": "x", "params": {"amount": -1}})["passed"] is False
    assert core.agent_io.send_to_execution({"command": "buy"}) is False


def test_an_agent_of_others_is_asked_in_a_thread_and_an_own_one_in_place(core: Core) -> None:
    asked_in: list[str] = []

    def strategy(signal: Any) -> bool:
        asked_in.append(threading.current_thread().name)
        return True

    core.agent_io.strategy_agent = strategy
    before = set(threading.enumerate())
    assert core.executor.execute_logic_tree(core.signal())
    assert asked_in == ["agent-strategy"]
    assert {thread.name for thread in set(threading.enumerate()) - before} == {"agent-strategy"}


def test_a_strategy_that_the_filter_takes_is_one_for_our_own_agent_too(core: Core) -> None:
    core.executor.signal_filter.valid_strategies.add("mine")
    assert core.flow.check_risk_compliance(core.signal(strategy="mine")) == {"passed": True}
    assert core.executor.execute_logic_tree(core.signal(strategy="mine"))
    core.executor.signal_filter.valid_strategies.remove("arbitrage")
    assert core.agent_io.send_to_strategy(core.signal("s2", strategy="arbitrage"))["approved"] is False
