"""The core's decision on one signal: filter, limits, agents, and the command that comes of it.

    executor = LogicExecutor(SignalFilter(), FlowManager(AgentIO()))
    command = executor.execute_logic_tree(signal)  # None: rejected, and the rejection is stored

The reasons are those that other programs count by: "Invalid signal format", "Risk violation: ..." with
"Exposure limit exceeded" among them. Stage, code, limit and value are stored beside them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from cointrader.core.flow_manager import FlowManager
from cointrader.core.judging import decide, partial_row
from cointrader.core.signal_filter import SignalFilter
from cointrader.core.trade_command import CARRIED, TradeCommand
from cointrader.core.wish import Rejected, SignalRefused, Wish


class LogicExecutor:
    """Decides, and stores every decision; `last_rejection` says why the latest signal was refused."""

    def __init__(self, signal_filter: SignalFilter, flow_manager: FlowManager) -> None:
        self.signal_filter = signal_filter
        self.flow_manager = flow_manager
        self.desk = flow_manager.desk
        self.last_rejection: Rejected | None = None
        flow_manager.read_by(signal_filter)

    def execute_logic_tree(self, signal: Mapping[str, Any]) -> TradeCommand | None:
        """The command of an accepted signal; None for a rejected one, which is stored with its reason.

        Whatever is passed, nothing is raised for it: a signal that is none is rejected as such.
        """
        with self.desk.alone():
            now_ms = self.desk.clock()
            self.flow_manager.apply_risk_params()
            wish = self._read(signal, now_ms)
            if wish is None:
                return None
            flow = self.flow_manager
            self.last_rejection = decide(
                self.desk,
                signal,
                wish,
                lambda: flow.ask_agents(signal) or flow.agent_io.ask_gate(wish),
                now_ms,
            )
            return _command(signal, wish) if self.last_rejection is None else None

    def _read(self, signal: object, now_ms: int) -> Wish | None:
        try:
            wish = self.signal_filter.read(signal)
        except SignalRefused as refused:
            self.last_rejection = refused.rejected
            row = partial_row(signal, now_ms)
            self.desk.note("validate_signal", {"valid": False, "text": str(refused)}, severity="warning")
            self.desk.reject(signal, row, refused.rejected, now_ms, invalid=True)
            return None
        told = {"signal_id": wish.signal_id, "valid": True}
        if wish.warning:
            self.desk.note("validate_signal", {**told, "text": wish.warning}, severity="warning")
        else:
            self.desk.note("validate_signal", told)
        return wish


def _command(signal: Mapping[str, Any], wish: Wish) -> TradeCommand:
    carried = {name: signal[name] for name in CARRIED if name in signal}
    metadata = {**carried, "timestamp": signal["timestamp"]}
    return TradeCommand(wish.signal_id, wish.strategy, copy.deepcopy(dict(signal["params"])), metadata)
