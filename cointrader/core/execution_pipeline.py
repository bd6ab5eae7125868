"""The last stage: a command becomes a package, and the execution agent takes it or refuses."""

from __future__ import annotations

from typing import Any

from cointrader.core.agent_io import AgentIO
from cointrader.core.desk import signal_key
from cointrader.core.judging import decide, partial_row, rejected_by
from cointrader.core.portfolio import Held, Portfolio
from cointrader.core.reasons import Reason
from cointrader.core.trade_command import TradeCommand
from cointrader.core.wish import Rejected, SignalRefused, Wish
from cointrader.trading.position import Phase
from storage.context_records import ACCEPTED, decision_about

PRIORITY = 1.0
TAKEN_BACK = "the execution agent took an order that was taken back while it was asked"


class ExecutionPipeline:
    """Packs commands and sends them; a command that was executed is not executed again."""

    def __init__(self, agent_io: AgentIO) -> None:
        self.agent_io = agent_io
        self.desk = agent_io.desk

    def build_command_package(self, cmd: TradeCommand) -> dict[str, Any] | None:
        """{command, timestamp, priority}, None for a command that cannot be executed.

        `timestamp` is now, in seconds; `priority` is 1.0 unless the metadata name one from 0 to 1.
        """
        if not isinstance(cmd, TradeCommand) or not cmd.validate():
            return None
        named = cmd.metadata.get("priority", PRIORITY)
        number = isinstance(named, int | float) and not isinstance(named, bool)
        priority = float(named) if number and 0.0 <= named <= 1.0 else PRIORITY
        return {"command": cmd.to_dict(), "timestamp": self.desk.clock() / 1000, "priority": priority}

    def send_to_execution(self, cmd: TradeCommand) -> bool:
        """Whether the execution agent took it. Refusals are kept as rejections of the signal.

        A command whose signal nobody decided on is held against the limits here, and one that is not what was
        decided on is refused: there is no way round them. Of several processes one executes at a time.
        """
        with self.desk.alone(), self.desk.executing():
            self.desk.refresh()
            now_ms = self.desk.clock()
            package = self.build_command_package(cmd)
            signal = _as_signal(cmd)
            told = {"signal_id": signal_key(signal), "built": package is not None}
            self.desk.note("build_package", told)
            if package is None:
                self._refuse(signal, _fault(cmd), now_ms)
                return False
            return self._send(cmd.read(), signal, package, now_ms)

    def _send(self, wish: Wish, signal: dict[str, Any], package: dict[str, Any], now_ms: int) -> bool:
        portfolio, gate = self.desk.portfolio, self.agent_io.ask_gate
        held = portfolio.find(wish.signal_id)
        if held is None:
            decided = decision_about(self.desk.connection, wish.signal_id)
            if decided:
                return decided == ACCEPTED  # executed and closed since, or rejected
            if decide(self.desk, signal, wish, lambda: gate(wish), now_ms) is not None:
                return False
            held = portfolio.find(wish.signal_id)
        if held is None or held.phase is Phase.OPEN:
            return held is not None
        changed = portfolio.differs(wish.signal_id, wish)
        if changed:
            self._refuse(signal, f"it is not what was decided on: {changed}", now_ms)
            return False
        return self._execute(held, package, now_ms)

    def _execute(self, held: Held, package: dict[str, Any], now_ms: int) -> bool:
        """Asks the agent and fills the order, if it is not stale by now."""
        late = self.desk.portfolio.judge_fill(held.signal_id, now_ms)
        rejected: Rejected | None
        if late.reason is not Reason.ACCEPTED:
            rejected = rejected_by(late)
        else:
            rejected = self.agent_io.consult("execution", package, held.signal_id).rejected
        with self.desk.writing(now_ms):
            ordered = _is_ordered(self.desk.portfolio, held.signal_id)
            if rejected is not None:
                self.desk.note("routing_failed", {"signal_id": held.signal_id})
                self._withdraw(held, rejected, now_ms)
            elif ordered:
                self.desk.note("command_routed", {"signal_id": held.signal_id})
                self.desk.portfolio.fill(held.signal_id, now_ms)
                self.desk.write_pending(held.signal_id, held.row_id, now_ms)
            else:
                told = {"signal_id": held.signal_id, "text": TAKEN_BACK}
                self.desk.note("routing_failed", told, severity="error")
                self.desk.write_pending(held.signal_id, held.row_id, now_ms)
        return rejected is None and ordered

    def _refuse(self, signal: dict[str, Any], fault: str, now_ms: int) -> None:
        """A command that is none: a rejection of its own, or of the signal that it was made from."""
        rejected = Rejected(Reason.BAD_COMMAND, "Invalid command", f"Invalid command: {fault}")
        held = self.desk.portfolio.find(signal_key(signal))
        if held is not None and held.phase is Phase.ORDERED:
            with self.desk.writing(now_ms):
                self._withdraw(held, rejected, now_ms)
            return
        self.desk.reject(signal, partial_row(signal, now_ms), rejected, now_ms, invalid=True)

    def _withdraw(self, held: Held, rejected: Rejected, now_ms: int) -> None:
        """Inside `writing`; another process may have taken the order back meanwhile."""
        if _is_ordered(self.desk.portfolio, held.signal_id):
            self.desk.portfolio.drop(held.signal_id)
        self.desk.write_withdrawal(held.signal_id, held.row_id, rejected, now_ms)


def _is_ordered(portfolio: Portfolio, signal_id: str) -> bool:
    held = portfolio.find(signal_id)
    return held is not None and held.phase is Phase.ORDERED


def _fault(cmd: object) -> str:
    """What is wrong with a command that cannot be packed."""
    if not isinstance(cmd, TradeCommand):
        return f"a TradeCommand is needed, got {type(cmd).__name__}"
    try:
        cmd.read()
    except SignalRefused as refused:
        return str(refused)
    return "it cannot be packed"


def _as_signal(cmd: object) -> dict[str, Any]:
    if not isinstance(cmd, TradeCommand):
        return {"not_a_command": cmd}
    metadata = cmd.metadata if isinstance(cmd.metadata, dict) else {}
    named = {"signal_id": cmd.signal_id, "strategy": cmd.strategy, "params": cmd.params}
    return {**metadata, **named}
