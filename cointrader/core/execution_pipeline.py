"""The last stage: a command becomes a package, and the execution agent takes it or refuses."""

from __future__ import annotations

from typing import Any

from cointrader.core.agent_io import AgentIO
from cointrader.core.judging import decide, partial_row, rejected_by
from cointrader.core.memory.record_text import clean_text
from cointrader.core.portfolio import Held
from cointrader.core.reasons import Reason
from cointrader.core.trade_command import TradeCommand
from cointrader.core.wish import Rejected, SignalRefused, Wish
from cointrader.trading.position import Phase
from storage.context_records import ACCEPTED, decision_about

PRIORITY = 1.0


class ExecutionPipeline:
    """Packs commands and sends them; a command that was executed is not executed again."""

    def __init__(self, agent_io: AgentIO) -> None:
        self.agent_io = agent_io
        self.desk = agent_io.desk

    def build_command_package(self, cmd: TradeCommand) -> dict[str, Any] | None:
        """{command, timestamp, priority}, None for a command that cannot be executed.

        `timestamp` is now, in seconds; `priority` is 1.0 unless the metadata name one from 0 to 1.
        """
        if not cmd.validate():
            return None
        named = cmd.metadata.get("priority", PRIORITY)
        number = isinstance(named, int | float) and not isinstance(named, bool)
        priority = float(named) if number and 0.0 <= named <= 1.0 else PRIORITY
        return {"command": cmd.to_dict(), "timestamp": self.desk.clock() / 1000, "priority": priority}

    def send_to_execution(self, cmd: TradeCommand) -> bool:
        """Whether the execution agent took it. Refusals are kept as rejections of the signal.

        A command whose signal nobody decided on is held against the limits here: there is no way round them.
        """
        with self.desk.alone():
            self.desk.refresh()
            now_ms = self.desk.clock()
            package = self.build_command_package(cmd)
            self.desk.note("build_package", {"signal_id": cmd.signal_id, "built": package is not None})
            if package is None:
                self._refuse_command(cmd, now_ms)
                return False
            wish, key = cmd.read(), clean_text(cmd.signal_id)
            held = self.desk.portfolio.find(cmd.signal_id)
            if held is None:
                decided = decision_about(self.desk.connection, key)
                if decided:
                    return decided == ACCEPTED  # executed and closed since, or rejected
                gate = self.agent_io.ask_gate
                if decide(self.desk, self._as_signal(cmd), wish, lambda: gate(wish), now_ms) is not None:
                    return False
                held = self.desk.portfolio.find(cmd.signal_id)
            return held is not None and (
                held.phase is Phase.OPEN or self._execute(held, wish, package, now_ms)
            )

    def _execute(self, held: Held, wish: Wish, package: dict[str, Any], now_ms: int) -> bool:
        """Asks the agent and fills the order, if it is not stale by now."""
        late = self.desk.portfolio.judge_fill(held.signal_id, now_ms)
        rejected: Rejected | None
        if late.reason is not Reason.ACCEPTED:
            rejected = rejected_by(late)
        else:
            rejected = self.agent_io.consult("execution", package, held.signal_id).rejected
        with self.desk.writing(now_ms):
            routed = "command_routed" if rejected is None else "routing_failed"
            self.desk.note(routed, {"signal_id": held.signal_id})
            if rejected is None:
                self.desk.portfolio.fill(held.signal_id, now_ms)
                self.desk.write_pending(held.signal_id, held.row_id, now_ms)
            else:
                self.desk.portfolio.drop(held.signal_id)
                self.desk.write_withdrawal(held.signal_id, held.row_id, rejected, now_ms)
        return rejected is None

    def _refuse_command(self, cmd: TradeCommand, now_ms: int) -> None:
        """A command that is none: a rejection of its own, or of the signal that it was made from."""
        try:
            cmd.read()
            text = "Invalid command"
        except SignalRefused as refused:
            text = f"Invalid command: {refused}"
        rejected = Rejected(Reason.BAD_COMMAND, "Invalid command", text)
        held = self.desk.portfolio.find(cmd.signal_id) if isinstance(cmd.signal_id, str) else None
        if held is not None and held.phase is Phase.ORDERED:
            with self.desk.writing(now_ms):
                self.desk.portfolio.drop(held.signal_id)
                self.desk.write_withdrawal(held.signal_id, held.row_id, rejected, now_ms)
            return
        signal = self._as_signal(cmd)
        self.desk.reject(signal, partial_row(signal, now_ms), rejected, now_ms, invalid=True)

    def _as_signal(self, cmd: TradeCommand) -> dict[str, Any]:
        metadata = cmd.metadata if isinstance(cmd.metadata, dict) else {}
        named = {"signal_id": cmd.signal_id, "strategy": cmd.strategy, "params": cmd.params}
        return {**metadata, **named}
