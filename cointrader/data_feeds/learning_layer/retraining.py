"""Training again when there is something new to learn from."""

from __future__ import annotations

from typing import Any

from cointrader.data_feeds.cache.db_connector import DBConnector
from cointrader.data_feeds.learning_layer.training import TrainingModule
from cointrader.training.rounds import HOUR, Rounds


class RetrainingLoop:
    """Prepares and trains every `interval` seconds. `last` is what the last training answered."""

    def __init__(self, training_module: TrainingModule, db: DBConnector, interval: float = HOUR) -> None:
        self.training, self.db, self.interval = training_module, db, interval
        self.last: dict[str, Any] | None = None
        self._seen: tuple[int, float] | None = None
        self._rounds = Rounds(interval)

    def retrain(self) -> dict[str, Any]:
        """One round: a training, or the reason why none is due. Blocks until it has ended."""
        dataset = self.training.prepare_dataset()
        seen = (len(dataset), float(dataset[-1]["timestamp"]) if dataset else 0.0)
        if seen == self._seen:
            reason = "nothing new was recorded since the last training"
            return {"dataset_size": len(dataset), "accuracy": None, "updated": False, "reason": reason}
        self._seen = seen
        self.last = self.training.train_model(dataset)
        return self.last

    async def run_retraining(self, rounds: int | None = None) -> None:
        """Trains again and again until `stop` is called or the task is cancelled, or for some rounds.

        The training runs in a child process and is waited for in a thread: the loop stays free.
        """
        await self._rounds.run(self.retrain, rounds)

    def stop(self) -> None:
        """Ends the loop after the round at hand."""
        self._rounds.stop()
