"""Risk, coordination and routing: what stands between a signal in good form and its execution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cointrader.core.agent_io import AgentIO
from cointrader.core.desk import signal_key
from cointrader.core.execution_pipeline import ExecutionPipeline
from cointrader.core.judging import check_limits, partial_row, price_of, risk_title
from cointrader.core.signal_filter import SignalFilter
from cointrader.core.trade_command import TradeCommand
from cointrader.core.wish import Rejected, SignalRefused, Wish
from cointrader.trading.position import Phase
from storage.context_records import decision_about

# The names that other programs know, and the rule of the kernel that each of them is.
RISK_PARAMS = {
    "max_exposure": "max_exposure",
    "max_loss_pct": "daily_loss",
    "max_position_size": "order_fraction",
    "max_daily_trades": "max_daily_trades",
}


class FlowManager:
    """Asks the limits and the agents. `risk_params` begins with the settings and may be changed."""

    def __init__(self, agent_io: AgentIO) -> None:
        self.agent_io = agent_io
        self.desk = agent_io.desk
        self.signal_filter = SignalFilter()
        rules = self.desk.portfolio.rules
        self.risk_params: dict[str, float] = {
            name: getattr(rules, rule) for name, rule in RISK_PARAMS.items()
        }

    def read_by(self, signal_filter: SignalFilter) -> None:
        """From now on signals are read by this filter; what strategies it takes, our own agent takes too."""
        self.signal_filter = signal_filter
        self.agent_io.valid_strategies = signal_filter.valid_strategies

    def check_risk_compliance(self, signal: Mapping[str, Any]) -> dict[str, Any]:
        """{passed: True}, or {passed: False, reason}; nothing is decided.

        `reason` is "Exposure limit exceeded" for every limit of size; `judge_risk` tells which it was.
        """
        rejected = self.judge_risk(signal)
        return (
            {"passed": True} if rejected is None else {"passed": False, "reason": risk_title(rejected.reason)}
        )

    def judge_risk(self, signal: Mapping[str, Any]) -> Rejected | None:
        """What stands against a signal, None where nothing does; nothing is decided, and it is logged."""
        with self.desk.alone():
            rejected = self._risk(signal)
            told: dict[str, Any] = {"signal_id": signal_key(signal), "passed": rejected is None}
            if rejected is not None:
                told |= {"reason": risk_title(rejected.reason), "stage": str(rejected.reason.stage)}
                told |= {"code": rejected.reason.code, "text": rejected.text}
                told |= {"limit": rejected.limit, "value": rejected.actual}
            self.desk.note("risk_check", told)
        return rejected

    def coordinate_agents(self, signal: Mapping[str, Any]) -> dict[str, Any] | None:
        """{signal_id, strategy, risk} with both agents' answers; None, and a stored rejection, for a veto.

        A veto about a signal that waits for its execution takes its acceptance back.
        """
        with self.desk.alone():
            self.desk.refresh()
            rejected, answers = self._coordinate(signal)
            key = signal_key(signal)
            if rejected is not None:
                self._veto(signal, key, rejected)
                return None
            held = self.desk.portfolio.find(key)
            if held is not None:
                with self.desk.writing(self.desk.clock()):
                    self.desk.write_pending(key, held.row_id, self.desk.clock())
            return {"signal_id": key, **answers}

    def route_to_execution(self, trade_command: TradeCommand) -> bool:
        """Whether the execution agent took the command; a command is never executed twice."""
        with self.desk.alone():
            self.apply_risk_params()
            return ExecutionPipeline(self.agent_io).send_to_execution(trade_command)

    def ask_agents(self, signal: Mapping[str, Any]) -> Rejected | None:
        """The veto of the strategy or the risk agent, None when both approve."""
        return self._coordinate(signal)[0]

    def apply_risk_params(self) -> None:
        """Puts `risk_params` in force. Raises ValueError for one that is no number from 0 on, or unknown."""
        for name, value in self.risk_params.items():
            if name not in RISK_PARAMS:
                known = ", ".join(RISK_PARAMS)
                raise ValueError(f"risk_params: {name!r} is no limit; known are {known}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise ValueError(f"risk_params: {name} must be a number from 0 on, got {value!r}")
        named = {
            rule: self.risk_params[name] for name, rule in RISK_PARAMS.items() if name in self.risk_params
        }
        portfolio = self.desk.portfolio
        kinds = portfolio.rules._asdict()
        portfolio.rules = portfolio.rules._replace(
            **{rule: type(kinds[rule])(value) for rule, value in named.items()}
        )

    def close_position(self, signal_id: str, price: float) -> float:
        """Closes what a signal opened, at `price`; returns the net profit, which is kept as a snapshot.

        Raises KeyError where nothing is open under that id, ValueError for a price that is none.
        """
        if not (isinstance(price, int | float) and 0.0 < price < math.inf):
            raise ValueError(f"Invalid price {price} for {signal_id}")
        with self.desk.alone():
            self.desk.refresh()
            now_ms = self.desk.clock()
            with self.desk.writing(now_ms):
                net = self.desk.portfolio.close(signal_id, float(price), now_ms)
                self.desk.write_profit(signal_id, net, float(price), now_ms)
                self.desk.note("store_pnl", {"signal_id": signal_id, "pnl": net})
        return net

    def _risk(self, signal: object) -> Rejected | None:
        try:
            self.apply_risk_params()
            self.desk.refresh()
            wish, now_ms = self.signal_filter.read(signal), self.desk.clock()
            check_limits(self.desk, wish, price_of(self.desk, wish, now_ms), now_ms)
        except SignalRefused as refused:
            return refused.rejected
        return None

    def _coordinate(self, signal: Mapping[str, Any]) -> tuple[Rejected | None, dict[str, Any]]:
        key = signal_key(signal)
        answers: dict[str, Any] = {}
        for agent in ("strategy", "risk"):
            response = self.agent_io.consult("strategy" if agent == "strategy" else "risk", signal, key)
            answers[agent] = {"answer": response.answer, "reason": response.reason}
            if response.rejected is not None:
                told = {"signal_id": key, "reason": response.rejected.told}
                self.desk.note(f"{agent}_rejected", told, severity="warning")
                return response.rejected, answers
        self.desk.note("coordinate_agents", {"signal_id": key, "approved": True})
        return None, answers

    def _veto(self, signal: Mapping[str, Any], key: str, rejected: Rejected) -> None:
        now_ms = self.desk.clock()
        held = self.desk.portfolio.find(key)
        if held is not None and held.phase is Phase.ORDERED:
            with self.desk.writing(now_ms):
                still = self.desk.portfolio.find(key)
                if still is not None and still.phase is Phase.ORDERED:
                    self.desk.portfolio.drop(key)
                    self.desk.write_withdrawal(key, held.row_id, rejected, now_ms)
        elif held is None and not (key and decision_about(self.desk.connection, key)):
            wish = self._read(signal)
            row = partial_row(signal, now_ms) if wish is None else wish.row(wish.price)
            self.desk.reject(signal, row, rejected, now_ms)

    def _read(self, signal: Mapping[str, Any]) -> Wish | None:
        try:
            return self.signal_filter.read(signal)
        except SignalRefused:
            return None
