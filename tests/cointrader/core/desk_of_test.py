"""A desk whose clock the test moves, and signals that are good until a test spoils them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from cointrader.core import AgentIO, ExecutionPipeline, FlowManager, LogicExecutor, SignalFilter
from cointrader.core.desk import Desk
from cointrader.core.own_agents import AgentCall
from cointrader.settings import Settings
from storage.workspace import Workspace

NOON_MS = 1_767_268_800_000
"""2026-01-01T12:00:00Z."""


@dataclass
class Clock:
    """Shows what the test set."""

    now_ms: int = NOON_MS

    def __call__(self) -> int:
        return self.now_ms

    def pass_minutes(self, minutes: float) -> None:
        self.now_ms += round(minutes * 60_000)


@dataclass
class Core:
    """All parts over one desk, as a program puts them together."""

    workspace: Workspace
    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=Clock)
    timeout_seconds: float = 20.0
    agents: dict[str, AgentCall] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = Desk(self.workspace, settings=self.settings, clock=self.clock)
        self.agent_io = AgentIO(desk=self.desk, timeout_seconds=self.timeout_seconds, **self.agents)
        self.flow = FlowManager(self.agent_io)
        self.pipeline = ExecutionPipeline(self.agent_io)
        self.executor = LogicExecutor(SignalFilter(), self.flow)

    @property
    def connection(self) -> sqlite3.Connection:
        return self.desk.connection

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, parameters).fetchall()

    def rejections(self) -> list[tuple[str, str]]:
        """(stage, code) of every rejection, in order."""
        return [(stage, code) for stage, code in self.rows("SELECT stage, code FROM rejection ORDER BY id")]

    def signal(self, signal_id: str = "s1", **changes: Any) -> dict[str, Any]:
        """A small order for BTC at 50,000; a change of a param is named by it, others are of the signal."""
        params: dict[str, Any] = {"amount": 0.01, "base": "BTC", "quote": "USDT", "price": 50_000.0}
        of_params = {name: changes.pop(name) for name in list(changes) if name in params}
        return {
            "signal_id": signal_id,
            "strategy": "momentum",
            "params": {**params, **of_params},
            "timestamp": self.clock.now_ms / 1000,
            **changes,
        }

    def close(self) -> None:
        self.agent_io.close()
