"""The decision gate: what it lets pass and refuses, what it says, and that it sees what was learned from."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from cointrader.core.decision_gate import DecisionGate, Question
from cointrader.settings import CoreSettings, Settings
from cointrader.training.closed_source import read_closed_before, read_closed_signals
from models.decision.features import compute_features
from storage.agent_responses import responses_to
from storage.database import transaction
from storage.decision_answers import read_said
from storage.workspace import Workspace
from tests.cointrader.core.decision_champion import crown, decision
from tests.cointrader.core.desk_of_test import Core
from tests.cointrader.market import sample
from tests.cointrader.training.test_closed_source import add_close, add_run

ASKED = Question(1_000_000, "BTC/USDT", "momentum", 1, 0.4, 0.1)


def gated(workspace: Workspace, mode: str, threshold: float = 0.25) -> Core:
    return Core(workspace, Settings(core=CoreSettings(decision_gate=mode, decision_threshold=threshold)))


@pytest.fixture
def shut(workspace: Workspace, connection: sqlite3.Connection) -> Iterator[Core]:
    """A core whose gate is on, with a version that gives every signal a fifth."""
    crown(workspace, connection, decision(0.2))
    made = gated(workspace, "on")
    yield made
    made.close()


def test_a_signal_that_is_unlikely_to_pay_is_rejected_with_threshold_and_chance(shut: Core) -> None:
    assert shut.executor.execute_logic_tree(shut.signal()) is None
    (row,) = shut.rows("SELECT stage, code, limit_value, actual_value, text FROM rejection")
    assert row[:3] == ("risk", "decision_vetoed", 0.25) and row[3] == pytest.approx(0.2)
    assert row[4] == "Unlikely to pay: 20.00 %, threshold 25.00 %"
    last = shut.executor.last_rejection
    assert last is not None and last.told.startswith("Decision gate")
    answers = responses_to(shut.connection, 1)
    assert [(one.agent, one.answer) for one in answers] == [
        ("strategy", "approved"),
        ("risk", "approved"),
        ("decision", "vetoed"),
    ]
    assert answers[2].reason == "0.200000 to pay, threshold 0.25, decision v1"
    assert shut.desk.portfolio.held == []


def test_there_is_no_way_round_the_gate_for_a_command_that_nobody_decided_on(shut: Core) -> None:
    from cointrader.core import TradeCommand

    signal = shut.signal()
    command = TradeCommand("s1", "momentum", signal["params"], {"timestamp": signal["timestamp"]})
    assert shut.pipeline.send_to_execution(command) is False
    assert shut.rejections() == [("risk", "decision_vetoed")]


def test_in_the_shadow_the_answer_is_only_stored(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    crown(workspace, connection, decision(0.2))
    core = gated(workspace, "shadow")
    assert core.executor.execute_logic_tree(core.signal()) is not None
    *_, answer = responses_to(core.connection, 1)
    assert (answer.agent, answer.answer) == ("decision", "warned")
    said = read_said(answer.reason)
    assert said is not None and said.shadow and said.probability == pytest.approx(0.2)
    assert core.rejections() == []
    core.close()


def test_a_chance_of_exactly_the_threshold_passes(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    crown(workspace, connection, decision(0.5))
    assert DecisionGate(workspace, "on", 0.5).ask(connection, ASKED).answer == "approved"
    assert DecisionGate(workspace, "on", 0.5001).ask(connection, ASKED).answer == "vetoed"


def test_a_gate_that_is_off_asks_nobody(core: Core, workspace: Workspace) -> None:
    crown(workspace, core.connection, decision(0.01))
    assert core.executor.execute_logic_tree(core.signal()) is not None
    assert [one.agent for one in responses_to(core.connection, 1)] == ["strategy", "risk"]


def test_without_a_version_the_gate_says_so_once_and_lets_pass(workspace: Workspace) -> None:
    core = gated(workspace, "on")
    for number in range(2):
        assert core.executor.execute_logic_tree(core.signal(f"s{number}", base=f"B{number}")) is not None
    *_, answer = responses_to(core.connection, 1)
    assert (answer.answer, answer.reason) == (
        "absent",
        "no version of decision decides yet: the signal passes",
    )
    told = core.rows("SELECT text FROM event WHERE text LIKE 'decision gate:%'")
    assert told == [("decision gate: no version of decision decides yet: the signal passes",)]
    core.close()


def test_a_version_that_learned_from_synthetic_data_is_nobody(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    crown(workspace, connection, decision(0.01), provenance="synthetic")
    answer = DecisionGate(workspace, "on", 0.25).ask(connection, ASKED)
    assert answer.answer == "absent" and "synthetic" in answer.reason and answer.approved


def test_a_version_that_cannot_be_read_refuses(shut: Core, workspace: Workspace) -> None:
    (path,) = workspace.artifacts.glob("decision/v0001/weights.npy")
    path.write_bytes(b"tampered")
    assert shut.executor.execute_logic_tree(shut.signal()) is None
    assert shut.rejections() == [("risk", "decision_failed")]
    *_, answer = responses_to(shut.connection, 1)
    assert answer.answer == "failed" and "decision v1" in answer.reason


def test_a_database_in_trouble_is_no_answer(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    crown(workspace, connection, decision(0.9))

    def locked(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr("cointrader.training.closed_source.read_closed_before", locked)
    with pytest.raises(sqlite3.OperationalError):
        DecisionGate(workspace, "on", 0.25).ask(connection, ASKED)


def test_another_version_decides_from_the_moment_it_does(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    gate = DecisionGate(workspace, "on", 0.25)
    crown(workspace, connection, decision(0.2))
    assert gate.ask(connection, ASKED).actual == pytest.approx(0.2)
    crown(workspace, connection, decision(0.3))
    assert gate.ask(connection, ASKED).actual == pytest.approx(0.3)


def test_the_gate_sees_a_signal_as_the_training_does(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    """Also where runs repeat each other, closes tie with the signal, and the market's unrest is known."""
    candles = sample()[0]
    bars = candles.close_ms[2_000:2_200:2].tolist()
    with transaction(connection):
        first, again = add_run(connection), add_run(connection)
        for number, ts_ms in enumerate(bars):
            add_close(connection, first, ts_ms, ts_ms + 300_000 * (1 + number % 5), (-1.0) ** (number % 3))
            if number % 4 == 0:
                add_close(connection, again, ts_ms, ts_ms + 600_000, 2.0)
            if number % 7 == 0:
                add_close(connection, first, ts_ms + 300_000, ts_ms + 900_000, -2.0, "ETH/USDT")
    closed = read_closed_signals(connection).closed
    whole = compute_features(closed.asked, closed, [candles], 50)
    for row in range(0, len(closed), 9):
        asked = closed.asked.at(np.array([row]))
        ts_ms = int(asked.ts_ms[0])
        past = read_closed_before(connection, ts_ms, asked.strategy[0], asked.symbol[0], 50)
        seen = candles.cut(0, int(np.searchsorted(candles.close_ms, ts_ms, side="right")))
        last = seen.cut(max(0, len(seen) - 1_200), len(seen))
        assert compute_features(asked, past, [last], 50)[0] == pytest.approx(whole[row], abs=1e-12)


def test_deciding_with_the_gate_loads_no_torch(shut: Core, workspace: Workspace) -> None:
    program = (
        "import sys\n"
        "from cointrader.core import AgentIO, FlowManager, LogicExecutor, SignalFilter\n"
        "executor = LogicExecutor(SignalFilter(), FlowManager(AgentIO()))\n"
        "signal = {'signal_id': 'a', 'strategy': 'momentum', 'timestamp': __import__('time').time(),\n"
        "          'params': {'amount': 0.01, 'base': 'BTC', 'quote': 'USDT', 'price': 50000.0}}\n"
        "assert executor.execute_logic_tree(signal) is None\n"
        "print(executor.last_rejection.reason.code, {'torch', 'sklearn', 'lightgbm'} & set(sys.modules))\n"
    )
    workspace.config.write_text('[core]\ndecision_gate = "on"\n')
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "COINTRADER_WORKSPACE": str(workspace.root)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split("\n")[0] == "decision_vetoed set()", done.stderr
