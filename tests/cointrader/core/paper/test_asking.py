"""Paper runs whose signals agents and the gate are asked about: the operator's own agents, good and bad."""

from __future__ import annotations

import os
import signal as signals
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from cointrader.core.agent_loading import load_agents
from cointrader.core.own_agents import ScriptedAgent
from cointrader.core.paper.asking import asking_of
from cointrader.core.paper.start import open_run
from cointrader.settings import CoreSettings, Settings
from storage.database import open_database
from storage.workspace import Workspace
from tests.cointrader.core.decision_champion import crown, decision
from tests.cointrader.core.paper.trading import begin, kept, play_out, played, store
from tests.cointrader.market import walk

ANSWERS = (
    "SELECT s.ts_ms, s.symbol, s.strategy, s.side, a.agent, a.answer, a.reason, a.ts_ms "
    "FROM agent_response AS a JOIN signal AS s ON s.id = a.signal_id WHERE a.run_id = ? "
    "ORDER BY s.ts_ms, s.symbol, s.strategy, a.id"
)


def asked_run(workspace: Workspace, connection: sqlite3.Connection, core: CoreSettings, **agents: Any) -> int:
    """A playback to its end, as the job asks about it."""
    settings = Settings(core=core)
    run_id = begin(connection, settings=settings)
    go_on(workspace, connection, run_id, settings, **agents)
    return run_id


def go_on(
    workspace: Workspace, connection: sqlite3.Connection, run_id: int, settings: Settings, **agents: Any
) -> None:
    agent_io = load_agents(workspace, settings)
    for name, agent in agents.items():
        setattr(agent_io, name, agent)
    engine = open_run(
        workspace, connection, run_id, screen=asking_of(workspace, connection, run_id, agent_io)
    )
    play_out(engine)
    engine.finish()
    agent_io.close()


def answers(connection: sqlite3.Connection, run_id: int) -> list[tuple[Any, ...]]:
    return connection.execute(ANSWERS, (run_id,)).fetchall()


def codes(connection: sqlite3.Connection, run_id: int) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        "SELECT stage, code, count(*) FROM rejection WHERE run_id = ? GROUP BY stage, code", (run_id,)
    ).fetchall()
    return {(stage, code): count for stage, code, count in rows}


def test_where_nobody_vetoes_the_trades_are_those_of_a_run_without_agents(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store(workspace, connection, walk(600, 1), walk(600, 2, "ETH/USDT"))
    free = kept(connection, played(workspace, connection))
    crown(workspace, connection, decision(0.9))
    run_id = asked_run(workspace, connection, CoreSettings(decision_gate="on", agent_timeout_seconds=20.0))
    assert kept(connection, run_id) == free
    said = answers(connection, run_id)
    assert len(said) == 4 * len(free.signals) > 100
    assert [row[4] for row in said[:4]] == ["strategy", "risk", "decision", "execution"]
    assert {row[5] for row in said} == {"approved"} and all(row[0] == row[7] for row in said)


@pytest.mark.parametrize(
    ("agent", "answer", "expected", "asked"),
    [
        ("strategy_agent", {"approved": False, "reason": "no"}, ("risk", "strategy_vetoed"), 1),
        ("risk_agent", RuntimeError("broken"), ("risk", "risk_failed"), 2),
        ("risk_agent", "yes, do", ("risk", "risk_nonsense"), 2),
        ("execution_agent", False, ("execution", "execution_vetoed"), 3),
    ],
)
def test_whatever_is_no_clear_yes_is_a_rejection_and_opens_nothing(
    workspace: Workspace,
    connection: sqlite3.Connection,
    agent: str,
    answer: object,
    expected: tuple[str, str],
    asked: int,
) -> None:
    store(workspace, connection, walk(300, 1))
    core = CoreSettings(agent_timeout_seconds=20.0)
    run_id = asked_run(workspace, connection, core, **{agent: ScriptedAgent([answer])})
    found = kept(connection, run_id)
    assert found.trades == [] and len(found.signals) > 5
    assert codes(connection, run_id) == {expected: len(found.signals)}
    assert len(answers(connection, run_id)) == asked * len(found.signals)


def test_an_agent_that_is_silent_costs_its_time_and_stalls_nothing(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store(workspace, connection, walk(300, 1))
    silent = ScriptedAgent([ScriptedAgent.SILENCE])
    run_id = asked_run(workspace, connection, CoreSettings(agent_timeout_seconds=0.05), risk_agent=silent)
    found = kept(connection, run_id)
    assert codes(connection, run_id) == {("risk", "risk_timeout"): len(found.signals)}
    # Threads that do not come back are not added to without end.
    assert len(silent.asked) < len(found.signals)
    silent.released.set()


def test_the_gate_refuses_by_its_number_and_what_passes_it_is_decided_as_ever(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store(workspace, connection, walk(600, 1))
    # Longs are given 0.73, shorts 0.27.
    crown(workspace, connection, decision(0.5, side=1.0))
    core = CoreSettings(decision_gate="on", decision_threshold=0.5, agent_timeout_seconds=20.0)
    run_id = asked_run(workspace, connection, core)
    found = kept(connection, run_id)
    assert {row[2] for row in found.trades} == {"long"}
    shorts = [row for row in found.signals if row[3] == "short"]
    assert len(shorts) > 5 and {row[7:9] for row in shorts} == {("decision_vetoed", "risk")}
    assert {row[10] for row in shorts} == {0.5}
    assert all(row[11] == pytest.approx(0.268941, abs=1e-6) for row in shorts)


def test_the_gate_knows_what_every_earlier_signal_came_to_however_many_bars_are_ready(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    """A version that looks at exposure and at trailing closes says the same of 1 bar a turn and of 256."""
    store(workspace, connection, walk(600, 1), walk(600, 2, "ETH/USDT"))
    crown(
        workspace, connection,
        decision(0.5, exposure=3.0, trailing_win_rate=4.0, trailing_closes=0.2, symbol_win_rate=-2.0),
    )  # fmt: skip
    core = CoreSettings(decision_gate="shadow", decision_threshold=0.5, agent_timeout_seconds=20.0)
    settings = Settings(core=core)
    said = []
    for limit in (256, 1):
        run_id = begin(connection, settings=settings)
        agent_io = load_agents(workspace, settings)
        asking = asking_of(workspace, connection, run_id, agent_io)
        # Each run is to know itself alone: the other's closes are of the same signals.
        connection.execute("UPDATE position SET closed_ms = 0, state = 'open' WHERE run_id <> ?", (run_id,))
        connection.commit()
        engine = open_run(workspace, connection, run_id, screen=asking)
        play_out(engine, limit=limit)
        engine.finish()
        said.append([row[4:7] for row in answers(connection, run_id) if row[4] == "decision"])
        agent_io.close()
    assert said[0] == said[1]
    assert len({row[2] for row in said[0]}) > 20, "the answers differ from signal to signal"


def test_exposure_is_what_training_will_read_of_the_same_run(
    workspace: Workspace, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cointrader.training.closed_source import read_closed_signals

    store(workspace, connection, walk(600, 1), walk(600, 2, "ETH/USDT"))
    crown(workspace, connection, decision(0.9))
    core = CoreSettings(decision_gate="shadow", agent_timeout_seconds=20.0)
    settings = Settings(core=core)
    run_id = begin(connection, settings=settings)
    agent_io = load_agents(workspace, settings)
    asking = asking_of(workspace, connection, run_id, agent_io)
    seen: dict[tuple[int, str, str], float] = {}
    real = asking.gate.ask

    def ask(opened: sqlite3.Connection, question: Any, candles: Any = None) -> Any:
        seen[question.ts_ms, question.symbol, question.strategy] = question.exposure
        return real(opened, question, candles)

    monkeypatch.setattr(asking.gate, "ask", ask)
    engine = open_run(workspace, connection, run_id, screen=asking)
    play_out(engine)
    engine.finish()
    asked = read_closed_signals(connection).closed.asked
    known = zip(asked.ts_ms.tolist(), asked.symbol, asked.strategy, strict=True)
    found = [seen[key] for key in known]
    assert found == pytest.approx(asked.exposure.tolist())
    assert max(found) > 0.09 and min(found) == 0.0
    agent_io.close()


def test_a_run_that_is_killed_between_answers_and_decision_decides_once_and_the_same(
    workspace: Workspace, connection: sqlite3.Connection
) -> None:
    store(workspace, connection, walk(600, 1))
    crown(workspace, connection, decision(0.5, side=1.0, trailing_closes=0.3))
    core = CoreSettings(decision_gate="on", decision_threshold=0.4, agent_timeout_seconds=20.0)
    settings = Settings(core=core)
    whole = asked_run(workspace, connection, core)
    expected = kept(connection, whole), [row[:7] for row in answers(connection, whole)]
    connection.execute("UPDATE position SET closed_ms = 0, state = 'open' WHERE run_id = ?", (whole,))
    connection.commit()
    run_id = begin(connection, settings=settings)
    for survived in (1, 4, 9):
        child = os.fork()
        if child == 0:
            die_after(workspace, run_id, settings, survived)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signals.SIGKILL
    with closing(open_database(workspace)) as opened:
        go_on(workspace, opened, run_id, settings)
        after = kept(opened, run_id)
        assert replace(after, trades=[]) == replace(expected[0], trades=[])
        assert [row[:7] for row in answers(opened, run_id)] == expected[1]


def die_after(workspace: Workspace, run_id: int, settings: Settings, questions: int) -> None:
    """Kill this process when the execution agent is asked for the n-th time."""
    asked = [0]

    def execution(package: object) -> bool:
        asked[0] += 1
        if asked[0] > questions:
            os.kill(os.getpid(), signals.SIGKILL)
        return True

    try:
        with closing(open_database(workspace)) as opened:
            go_on(workspace, opened, run_id, settings, execution_agent=execution)
    finally:
        os._exit(0)
