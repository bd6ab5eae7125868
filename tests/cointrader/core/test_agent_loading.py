"""Agents of the operator, named in the settings: loaded, or refused in words that say where and why."""

from __future__ import annotations

import pytest

from cointrader.core.agent_loading import AgentNotLoaded, load_agents
from cointrader.core.own_agents import risk_agent
from cointrader.settings import CoreSettings, Settings
from storage.workspace import Workspace

PROGRAM = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Seen:
    asked: int = 0

SEEN = Seen()

def risk(signal):
    SEEN.asked += 1
    return {"passed": signal["confidence"] > 0.3, "reason": f"asked {SEEN.asked} times"}

def execution(package):
    return {"executed": SEEN.asked == 1}
"""


def settings(**core: str) -> Settings:
    return Settings(core=CoreSettings(agent_timeout_seconds=20.0, **core))  # type: ignore[arg-type]


def test_a_named_agent_takes_the_place_of_our_own_and_keeps_its_state(workspace: Workspace) -> None:
    (workspace.root / "agents.py").write_text(PROGRAM)
    agents = load_agents(workspace, settings(risk_agent="agents.py:risk"))
    weak = {"signal_id": "a", "confidence": 0.2}
    assert agents.ask("risk", weak, "a").answer == "vetoed"
    assert agents.ask("risk", {**weak, "confidence": 0.4}, "a").reason == "asked 2 times"
    assert agents.timeout_seconds == 20.0
    agents.close()


def test_agents_of_one_file_share_what_it_keeps(workspace: Workspace) -> None:
    (workspace.root / "agents.py").write_text(PROGRAM)
    agents = load_agents(
        workspace, settings(risk_agent="agents.py:risk", execution_agent="agents.py:execution")
    )
    assert agents.ask("execution", {}, "a").answer == "vetoed"
    assert agents.ask("risk", {"signal_id": "a", "confidence": 0.4}, "a").answer == "approved"
    assert agents.ask("execution", {}, "a").answer == "approved"
    agents.close()


def test_where_none_is_named_our_own_are_asked(workspace: Workspace) -> None:
    assert load_agents(workspace, settings()).risk_agent is risk_agent


@pytest.mark.parametrize(
    ("named", "program", "why"),
    [
        ("agents.py", PROGRAM, r"FILE\.py:NAME"),
        ("agents.py:", PROGRAM, r"FILE\.py:NAME"),
        ("other.py:risk", PROGRAM, "there is no file"),
        ("agents.py:gone", PROGRAM, "has no callable gone"),
        ("agents.py:SEEN", PROGRAM, "has no callable SEEN"),
        ("agents.py:risk", "import no_such_module", "ModuleNotFoundError"),
        ("agents.py:risk", "def risk(", "SyntaxError"),
        ("agents.py:risk", "raise SystemExit(3)", "SystemExit"),
        ("notes.txt:risk", "", "no Python file"),
    ],
)
def test_an_agent_that_is_not_to_be_had_is_refused_by_name(
    workspace: Workspace, named: str, program: str, why: str
) -> None:
    (workspace.root / "agents.py").write_text(program)
    (workspace.root / "notes.txt").write_text("risk")
    with pytest.raises(AgentNotLoaded, match=why) as refused:
        load_agents(workspace, settings(risk_agent=named))
    assert f"[core] risk_agent = {named!r}" in str(refused.value)
