"""What is done when a position has been closed: its signal found, its reward said, its models taught.

The close itself, its reward and its lessons are rows by then, written in one transaction by the run that
closed it. So this hook may be called late, twice or never: nothing is lost and nothing is taught twice.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cointrader.core.signal_position_tracker import SignalPositionTracker
from cointrader.trading.close_record import reward_line
from storage.closes import closed_position

if TYPE_CHECKING:
    from cointrader.core.orchestrator import Orchestrator, TradeOutcome

logger = logging.getLogger(__name__)


class CloseHook:
    """Part of an executor: `_on_position_close` teaches through `orchestrator`, where there is one."""

    def __init__(self, connection: sqlite3.Connection, orchestrator: Orchestrator | None = None) -> None:
        self._connection = connection
        self.orchestrator = orchestrator
        self.position_tracker = SignalPositionTracker(connection)

    def _on_position_close(self, trade_record: Any, position: Any) -> TradeOutcome | None:
        """Teach what a close has to teach, and wait; `position` has its `id`, `trade_record` its `pnl`.

        None where no signal stands behind the position, or nobody is there to teach. Raises CloseMissing for
        a position that is not closed, and what `train_on_trade_outcome` raises.
        """
        signal_data = self.position_tracker.get_signal_for_position(position.id)
        if signal_data is None:
            logger.warning("No signal found for position %s", position.id)
            return None
        reward = self._calculate_training_reward(trade_record, signal_data)
        if self.orchestrator is None:
            return None
        return self.orchestrator.train_on_trade_outcome(
            signal_data=signal_data, trade_record=trade_record, reward=reward
        )

    def _calculate_training_reward(self, trade_record: Any, signal_data: Mapping[str, Any]) -> float:
        """The reward that trains, as it was computed and stored with the close; logs its parts."""
        close = closed_position(self._connection, int(signal_data["position_id"]))
        logger.info("%s", reward_line(self._connection, close))
        return close.reward
