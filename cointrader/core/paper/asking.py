"""Who is asked about the signals of a paper run: strategy agent, risk agent, decision gate, execution agent.

The first that does not approve ends the round: its word is the rejection, and those after it are not asked.
Every answer is kept with the signal. Orders by hand are not asked about: they are the operator's own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cointrader.core.agent_answers import Response
from cointrader.core.agent_io import AgentIO
from cointrader.core.decision_gate import DecisionGate, Question
from cointrader.core.execution_pipeline import PRIORITY
from cointrader.core.paper.screen import Judged, Standing
from cointrader.settings import kept_settings
from cointrader.trading.position import Records
from storage import paper_runs
from storage.agent_responses import AgentResponseRow, add_agent_responses
from storage.candles import Candles
from storage.runs import get_run
from storage.workspace import Workspace


@dataclass(frozen=True)
class Asking:
    """A `Screen` that asks the agents and the gate; `size` is the share of equity that an order takes."""

    connection: sqlite3.Connection
    run_id: int
    strategies: Sequence[str]
    size: float
    agents: AgentIO
    gate: DecisionGate

    def __call__(self, signal: Records, candles: Candles, standing: Standing) -> Judged:
        responses = tuple(self._responses(signal, candles, standing))
        rejected = responses[-1].rejected
        return Judged(
            None if rejected is None else rejected.refusal, self._keeper(int(signal["ts_ms"]), responses)
        )

    def _responses(self, signal: Records, candles: Candles, standing: Standing) -> Iterator[Response]:
        told = self._told(signal, candles, standing)
        key = str(told["signal_id"])
        for agent in ("strategy", "risk"):
            response = self.agents.ask("strategy" if agent == "strategy" else "risk", told, key)
            yield response
            if not response.approved:
                return
        if self.gate.is_asked:
            response = self.gate.ask(self.connection, _question(told, standing), candles)
            yield response
            if not response.approved:
                return
        package = {"command": told, "timestamp": told["timestamp"], "priority": PRIORITY}
        yield self.agents.ask("execution", package, key)

    def _told(self, signal: Records, candles: Candles, standing: Standing) -> dict[str, Any]:
        """The signal as programs tell theirs to the core."""
        strategy, price = self.strategies[int(signal["strategy"])], float(candles.close[-1])
        base, _, quote = candles.symbol.partition("/")
        ts_ms, side = int(signal["ts_ms"]), "buy" if signal["side"] > 0 else "sell"
        return {
            "signal_id": f"paper-{self.run_id}-{ts_ms}-{candles.symbol}-{strategy}-{side}",
            "strategy": strategy,
            "symbol": candles.symbol,
            "confidence": float(signal["confidence"]),
            "params": {
                "base": base,
                "quote": quote,
                "side": side,
                "amount": self.size * standing.equity / price,
                "price": price,
            },
            "timestamp": ts_ms / 1000,
        }

    def _keeper(
        self, ts_ms: int, responses: Sequence[Response]
    ) -> Callable[[sqlite3.Connection, int], object]:
        def keep(connection: sqlite3.Connection, row: int) -> None:
            add_agent_responses(
                connection,
                (
                    AgentResponseRow(row, self.run_id, ts_ms, one.agent, one.answer, one.reason, one.micros)
                    for one in responses
                ),
            )

        return keep


def _question(told: dict[str, Any], standing: Standing) -> Question:
    return Question(
        ts_ms=round(told["timestamp"] * 1000),
        symbol=told["symbol"],
        strategy=told["strategy"],
        side=1 if told["params"]["side"] == "buy" else -1,
        confidence=told["confidence"],
        exposure=standing.exposure,
    )


def asking_of(workspace: Workspace, connection: sqlite3.Connection, run_id: int, agents: AgentIO) -> Asking:
    """Who is asked in a run: these agents, and the gate that it began with. Raises NoPaperRun."""
    kept, run = paper_runs.get_paper_run(connection, run_id), get_run(connection, run_id)
    if run is None:
        raise paper_runs.NoPaperRun(f"there is no run {run_id}")
    settings = kept_settings(run.settings["settings"])
    core = settings.core
    return Asking(
        connection,
        run_id,
        kept.strategies,
        settings.simulation.size_fraction,
        agents,
        DecisionGate(workspace, core.decision_gate, core.decision_threshold),
    )
