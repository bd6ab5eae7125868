"""Candles that nobody has collected from become a collect job, by themselves.

One job at a time, not more often than `training.collection_interval`. Which state of the candles a job was
queued for stands in its arguments, so that a job that fails is not queued again before new candles come, and
a restarted worker queues nothing twice.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from cointrader.settings import TrainingSettings
from storage import jobs as queue
from storage.database import transaction

_NEW_BARS = (
    "SELECT max(f.rev) FROM candle_file AS f "
    "LEFT JOIN collection AS c ON c.symbol = f.symbol AND c.timeframe_ms = f.timeframe_ms "
    "WHERE f.last_close_ms > coalesce(c.last_ts_ms, 0)"
)
_ASKED_FOR = (
    "SELECT coalesce(max(json_extract(arguments_json, '$.candles_rev')), 0), "
    "coalesce(sum(state IN ('queued', 'running', 'interrupted')), 0) FROM job WHERE kind = 'collect'"
)
_FILLING = (
    "SELECT EXISTS (SELECT 1 FROM job WHERE kind IN ('bootstrap', 'import') "
    "AND state IN ('queued', 'running', 'interrupted'))"
)


class NewCandles:
    """Looks for new candles of a workspace whenever it is asked and it is time to."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        settings: TrainingSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._clock = clock
        self._looked_at: float | None = None

    def look(self) -> int:
        """The job that was queued now; 0 when there is nothing to collect or it is not time yet."""
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < self._settings.collection_interval:
            return 0
        self._looked_at = now
        newest = self._number(_NEW_BARS)
        if newest is None or self._is_asked_for(newest) or self._number(_FILLING):
            return 0
        with transaction(self._connection):
            if self._is_asked_for(newest):
                return 0
            return queue.enqueue(
                self._connection,
                kind="collect",
                title="Collect setups from new candles",
                arguments={
                    "candles_rev": newest,
                    "validate": self._settings.enable_background_validation,
                },
            )

    def _is_asked_for(self, newest: int) -> bool:
        asked_rev, unfinished = self._connection.execute(_ASKED_FOR).fetchall()[0]
        return bool(unfinished) or asked_rev >= newest

    def _number(self, query: str) -> int | None:
        value = self._connection.execute(query).fetchall()[0][0]
        return None if value is None else int(value)
