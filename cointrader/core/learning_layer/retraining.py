"""Training again when there is something new to learn from."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from cointrader.core.agent_logger import CoreAgentLogger
from cointrader.core.learning_layer.training import TrainingModule
from cointrader.core.memory.recent_context import RecentContext
from cointrader.training.rounds import HOUR, Rounds
from storage.database import open_database


class RetrainingLoop:
    """Prepares and trains every `interval` seconds. `last` is what the last training answered."""

    def __init__(
        self, training_module: TrainingModule, context: RecentContext, interval: float = HOUR
    ) -> None:
        """Raises ValueError for an interval that is not above 0 seconds."""
        self.training, self.context, self.interval = training_module, context, interval
        self.last: dict[str, Any] | None = None
        self._seen: tuple[int, int, str] | None = None
        self._rounds = Rounds(interval)

    def retrain(self) -> dict[str, Any]:
        """One round: a training, or the reason why none is due. Blocks until it has ended."""
        dataset = self.training.prepare_dataset()
        closed = sum(1 for row in dataset if row["pnl"])
        seen = (len(dataset), closed, str(dataset[-1]["signal"].get("signal_id")) if dataset else "")
        if seen == self._seen:
            reason = "nothing new was decided or closed since the last training"
            answer = {"dataset_size": len(dataset), "accuracy": None, "updated": False, "reason": reason}
        else:
            self._seen = seen
            answer = self.last = self.training.train_model(dataset)
        data = {name: answer[name] for name in ("dataset_size", "updated", "reason")}
        workspace = self.context.workspace
        with closing(open_database(workspace)) as connection:
            CoreAgentLogger(workspace=workspace, connection=connection).log_action("retrain", data)
        return answer

    async def run_retraining(self, rounds: int | None = None) -> None:
        """Trains again and again until `stop` is called or the task is cancelled, or for some rounds.

        The training runs in a child process and is waited for in a thread: the loop stays free.
        """
        await self._rounds.run(self.retrain, rounds)

    def stop(self) -> None:
        """Ends the loop after the round at hand."""
        self._rounds.stop()
