"""The strategy, risk and execution agents: callables of this process that are asked, and can only say no.

    agent_io = AgentIO(risk_agent=lambda signal: {"passed": False, "reason": "too wild"})
    agent_io.send_to_risk(signal)  # {"passed": False, "signal_id": ..., "reason": "too wild"}

Every question has a limit of time; our own agents, which cannot hang, are asked in place. Silence, an
exception and an answer that makes no sense are a veto each, and each answer is kept with the signal that it
was about. An agent gets a copy: it cannot change what is decided.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from cointrader.core import own_agents
from cointrader.core.agent_answers import Response, kept_reason, understood
from cointrader.core.agent_worker import AgentWorker, NotAsked, Returned, ask_in_place
from cointrader.core.decision_gate import DecisionGate, Question
from cointrader.core.desk import Desk, signal_key
from cointrader.core.memory.record_text import clean_text
from cointrader.core.own_agents import AgentCall
from cointrader.core.recent_bars import RecentBars
from cointrader.core.signal_filter import known_strategies
from cointrader.core.wish import Rejected, Wish
from storage.agent_responses import Agent, Answer
from storage.core_events import Severity
from storage.errors import StorageError

TIMEOUT_SECONDS = 1.0
LONGEST_TIMEOUT = 3_600.0


class AgentIO:
    """Asks the agents. `strategy_agent`, `risk_agent` and `execution_agent` may be replaced at any time.

    `valid_strategies` are those that our own strategy agent approves of.
    """

    def __init__(
        self,
        strategy_agent: AgentCall | None = None,
        risk_agent: AgentCall | None = None,
        execution_agent: AgentCall | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        desk: Desk | None = None,
    ) -> None:
        """`desk` is where answers are kept: that of the default workspace unless another is given.

        Raises ValueError for a limit of time that is not positive.
        """
        if not 0.0 < timeout_seconds <= LONGEST_TIMEOUT or math.isnan(timeout_seconds):
            raise ValueError(f"timeout_seconds must be above 0 and at most 3600, got {timeout_seconds}")
        self.valid_strategies: set[str] = known_strategies()
        self._own: tuple[AgentCall, ...] = (
            self._knows_strategy,
            own_agents.risk_agent,
            own_agents.execution_agent,
        )
        self.strategy_agent = strategy_agent or self._knows_strategy
        self.risk_agent = risk_agent or own_agents.risk_agent
        self.execution_agent = execution_agent or own_agents.execution_agent
        self.timeout_seconds = timeout_seconds
        self.desk = desk or Desk()
        self._workers: dict[Agent, AgentWorker] = {
            "strategy": AgentWorker("strategy"),
            "risk": AgentWorker("risk"),
            "execution": AgentWorker("execution"),
        }

    def ask(self, agent: Agent, subject: Mapping[str, Any], signal_id: str) -> Response:
        """What one agent says about a signal or a package; nothing is stored."""
        calls = {
            "strategy": self.strategy_agent,
            "risk": self.risk_agent,
            "execution": self.execution_agent,
        }
        call, started = calls[agent], time.perf_counter_ns()
        returned: Returned[tuple[Answer, str]] | None
        silence = f"no answer within {self.timeout_seconds:g} s"

        def put() -> tuple[Answer, str]:
            return understood(call(copy.deepcopy(subject)), signal_id)

        try:
            if call in self._own:
                returned = ask_in_place(put)
            else:
                returned = self._workers[agent].ask(put, self.timeout_seconds)
        except NotAsked as error:
            returned, silence = None, str(error)
        micros = (time.perf_counter_ns() - started) // 1_000
        if returned is None:
            return Response(agent, "timeout", silence, micros)
        if returned.value is None:
            return Response(agent, "failed", kept_reason(returned.error), micros)
        return Response(agent, *returned.value, micros)

    def consult(self, agent: Agent, subject: Mapping[str, Any], signal_id: str) -> Response:
        """`ask`, and the answer is kept with the signal once that is decided, and logged at once."""
        with self.desk.alone():
            response = self.ask(agent, subject, signal_id)
            self.desk.remember(clean_text(signal_id), response)
            severity: Severity = "info" if response.approved else "warning"
            told = {"signal_id": signal_id, "answer": response.answer, "micros": response.micros}
            said = {"reason": response.reason} if response.reason else {}
            self.desk.note(f"send_to_{agent}", {**told, **said}, severity=severity)
        return response

    def send_to_strategy(self, signal: Mapping[str, Any]) -> dict[str, Any]:
        """{approved, signal_id} and, for a veto, its reason."""
        return self._told("approved", self.consult("strategy", signal, signal_key(signal)), signal)

    def send_to_risk(self, signal: Mapping[str, Any]) -> dict[str, Any]:
        """{passed, signal_id} and, for a veto, its reason."""
        return self._told("passed", self.consult("risk", signal, signal_key(signal)), signal)

    def send_to_execution(self, package: Mapping[str, Any]) -> bool:
        """Whether the execution agent took this package; what the pipeline builds is what it understands."""
        command = package.get("command") if isinstance(package, Mapping) else None
        return self.consult("execution", package, signal_key(command)).approved

    def ask_gate(self, wish: Wish) -> Rejected | None:
        """What the decision gate refuses; None where a signal passes. Its answer is kept with the signal."""
        with self.desk.alone():
            if not self._gate.is_asked:
                return None
            connection = self.desk.connection
            question = Question(
                wish.ts_ms,
                wish.symbol,
                wish.strategy,
                wish.side,
                wish.confidence,
                self.desk.portfolio.exposure,
            )
            try:
                bars = self._bars.find(connection, wish.symbol, wish.ts_ms)
            except StorageError:
                bars = None  # without candles the unrest of the market is not known, and told as such
            response = self._gate.ask(connection, question, bars)
            self.desk.remember(clean_text(wish.signal_id), response)
            severity: Severity = "info" if response.answer == "approved" else "warning"
            told = {"signal_id": wish.signal_id, "answer": response.answer, "reason": response.reason}
            self.desk.note("decision_gate", told, severity=severity)
        return response.rejected

    def _knows_strategy(self, signal: Mapping[str, Any]) -> object:
        return own_agents.strategy_agent(signal, self.valid_strategies)

    @cached_property
    def _gate(self) -> DecisionGate:
        core = self.desk.settings.core
        return DecisionGate(self.desk.workspace, core.decision_gate, core.decision_threshold)

    @cached_property
    def _bars(self) -> RecentBars:
        return RecentBars(self.desk.workspace)

    def close(self) -> None:
        """Lets the threads of the agents end, and closes the desk."""
        for worker in self._workers.values():
            worker.close()
        self.desk.close()

    def _told(self, field: str, response: Response, signal: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {field: response.approved, "signal_id": signal_key(signal)}
        rejected = response.rejected
        return answer if rejected is None else {**answer, "reason": response.reason or rejected.text}
