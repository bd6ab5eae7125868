"""Signals, answers and commands made to break the core: each is a typed rejection, and nothing is opened."""

import json
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from cointrader.core import CoreAgentLogger, RecentContext, TradeCommand
from cointrader.core.memory.record_text import read_record, write_record
from cointrader.core.own_agents import ScriptedAgent
from cointrader.core.redaction import redacted_text
from storage.workspace import Workspace
from tests.cointrader.core.desk_of_test import Core

HUGE = 10**5_000
"""Python refuses to print it."""


class Mute:
    """Raises when it is asked what it is."""

    def __repr__(self) -> str:
        raise RuntimeError("no comment")

    __str__ = __repr__


class MuteError(Exception):
    """An error that raises when it is told."""

    def __str__(self) -> str:
        raise RuntimeError("no comment")


class Trap(dict[str, Any]):
    """An answer that raises when it is looked at."""

    def __contains__(self, key: object) -> bool:
        raise RuntimeError("trapped")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signal_id": HUGE}, "wrong_type"),
        ({"signal_id": Mute()}, "wrong_type"),
        ({"signal_id": "x" * 1_000_000}, "bad_value"),
        ({"side": HUGE}, "bad_side"),
        ({"side": Mute()}, "bad_side"),
        ({"side": "x" * 1_000_000}, "bad_side"),
        ({"timestamp": HUGE}, "bad_time"),
        ({"base": "x" * 1_000_000}, "bad_symbol"),
        ({"base": "x: " * 100_000, "strategy": None}, "missing_field"),
        ({"amount": HUGE}, "bad_amount"),
    ],
)
def test_what_cannot_be_written_down_is_refused_in_few_words(
    core: Core, changes: dict[str, Any], code: str
) -> None:
    signal_id = changes.pop("signal_id", "s1")
    assert core.executor.execute_logic_tree(core.signal(signal_id, **changes)) is None
    assert core.rejections() == [("filter", code)]
    assert core.desk.portfolio.held == []
    core.close()
    for log in core.workspace.logs.iterdir():
        assert log.stat().st_size < 20_000


@pytest.mark.parametrize("extra", [Mute(), {HUGE: 1}, {Mute(): 1}, {1, "a", Mute}, [HUGE]])
def test_what_a_signal_carries_besides_is_kept_as_well_as_it_can_be(core: Core, extra: object) -> None:
    assert core.executor.execute_logic_tree(core.signal(extra=extra))
    assert RecentContext(workspace=core.workspace).get_recent_signals()[0]["signal_id"] == "s1"


def test_a_signal_that_holds_itself_twice_over_is_kept_in_part(core: Core) -> None:
    knot: dict[str, Any] = {}
    knot["left"] = knot["right"] = knot
    assert core.executor.execute_logic_tree(core.signal(knot=knot))
    assert "left out: more than 100,000 values" in core.rows("SELECT data_json FROM context_record")[0][0]


@pytest.mark.parametrize("own", [{"$number": "abc"}, {"$number": "nan"}, {"$repr": "x"}, {"$$repr": "x"}, {}])
def test_what_looks_like_a_mark_of_ours_comes_back_as_it_was(own: object) -> None:
    assert read_record(write_record({"a": own, "b": [own]})) == {"a": own, "b": [own]}


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (MuteError(), "failed"),
        (RecursionError("x" * 1_000_000), "failed"),
        ({"approved": True, "signal_id": np.array([1, 2])}, "nonsense"),
        (Trap(approved=True), "nonsense"),
        ("yes" * 1_000_000, "nonsense"),
        ({"passed": True, "reason": ["x"] * 1_000_000}, "nonsense"),
        ({"passed": False, "reason": "x" * 1_000_000}, "vetoed"),
    ],
)
def test_an_answer_that_cannot_be_told_is_a_veto_in_few_words(core: Core, answer: object, word: str) -> None:
    core.agent_io.risk_agent = ScriptedAgent([answer])
    assert core.executor.execute_logic_tree(core.signal()) is None
    assert core.rejections() == [("risk", f"risk_{word}")]
    assert len(core.rows("SELECT reason FROM agent_response WHERE agent = 'risk'")[0][0]) <= 500


def test_an_answer_that_never_ends_to_be_read_is_a_time_out(workspace: Workspace) -> None:
    core, released = Core(workspace, timeout_seconds=0.05), threading.Event()

    class Endless(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            released.wait(60.0)
            raise KeyError(key)

        def __iter__(self) -> Any:
            return iter(())

        def __len__(self) -> int:
            return 0

    core.agent_io.risk_agent = lambda signal: Endless()
    assert core.executor.execute_logic_tree(core.signal()) is None
    released.set()
    assert core.rejections() == [("risk", "risk_timeout")]
    core.close()


def test_the_secrets_of_an_agent_stay_out_of_its_reasons(core: Core) -> None:
    secret = "401 for https://bob:hunter2@host/x?api_key=hunter3"
    core.agent_io.strategy_agent = ScriptedAgent(
        [RuntimeError(secret), {"approved": False, "reason": secret}]
    )
    core.executor.execute_logic_tree(core.signal())
    core.executor.execute_logic_tree(core.signal("s2"))
    for table in ("agent_response", "rejection", "context_record", "core_event"):
        assert "hunter" not in str(core.rows(f"SELECT * FROM {table}")), table
    assert len(core.rejections()) == 2


@pytest.mark.parametrize(
    ("part", "times", "end"),
    [
        ("x", 300_000, " = 1"),
        ("token", 60_000, ": @"),
        ("token ", 50_000, "="),
        ("token:", 50_000, "="),
        ("://", 100_000, "@"),
        ("x", 300_000, "@"),
        ("Bearer ", 40_000, ""),
    ],
)
def test_a_long_text_is_redacted_in_time_that_grows_with_its_length(part: str, times: int, end: str) -> None:
    """Looked at again from every one of its characters, it would take hours; the suite ends it then."""
    text = redacted_text(part * times + end)
    assert text.startswith(part)


def test_an_event_of_any_size_is_a_short_row(workspace: Workspace) -> None:
    log = CoreAgentLogger(workspace=workspace)
    event = log.log_action("a" * 100_000, {"b" * 100_000: "c" * 1_000_000, "signal_id": "d" * 1_000_000})
    assert sum(map(len, (event.action, event.signal_key, event.text, event.data_json))) < 10_000
    assert log.log_action("told", "only a text").text == "only a text"
    for line in (workspace.logs / "core_agent.jsonl").read_text().splitlines():
        json.loads(line)


@pytest.mark.parametrize("nothing", [None, "buy", 7, {}])
def test_what_is_no_command_is_refused_and_stored(core: Core, nothing: Any) -> None:
    assert core.pipeline.build_command_package(nothing) is None
    assert core.flow.route_to_execution(nothing) is False
    assert core.rejections() == [("execution", "bad_command")]


@pytest.mark.parametrize("nothing", [None, "buy", {"signal_id": HUGE}])
def test_the_agents_and_the_risk_are_asked_about_anything(core: Core, nothing: Any) -> None:
    assert core.flow.coordinate_agents(nothing) is None
    assert core.flow.check_risk_compliance(nothing)["passed"] is False
    assert len(core.rejections()) == 1
    assert core.desk.portfolio.held == []


@pytest.mark.parametrize("changed", [{"amount": 1_000.0}, {"price": 1.0}, {"base": "ETH"}])
def test_a_command_that_is_not_what_was_decided_is_refused(core: Core, changed: dict[str, Any]) -> None:
    asked = core.agent_io.execution_agent = ScriptedAgent([True])
    command = core.executor.execute_logic_tree(core.signal())
    assert command is not None
    command.params.update(changed)
    assert core.flow.route_to_execution(command) is False
    assert asked.asked == []
    assert core.rejections() == [("execution", "bad_command")]
    assert core.desk.portfolio.held == []


def test_a_command_to_the_other_side_than_was_decided_is_refused(core: Core) -> None:
    command = core.executor.execute_logic_tree(core.signal())
    assert command is not None
    turned = TradeCommand("s1", "momentum", command.params, {**command.metadata, "side": "sell"})
    assert core.pipeline.send_to_execution(turned) is False
    assert core.rejections() == [("execution", "bad_command")]
