"""The agent `decision` is trained again by itself, when that is asked for and something new has closed.

How often stands in the settings (`[core] retrain_minutes`, 0: never). What a training was queued for stands
in its arguments, so that the same closes are not learned from again and again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from cointrader.settings import CoreSettings
from models import registry
from storage import jobs as queue
from storage.clock import now_ms
from storage.closes import newest_position_change
from storage.database import transaction

AGENT = "decision"
LOOK_SECONDS = 10.0

_LAST = (
    "SELECT state, created_ms, json_extract(arguments_json, '$.seen') FROM job WHERE kind = 'train' "
    "AND json_extract(arguments_json, '$.agent') = ? ORDER BY id DESC LIMIT 1"
)
_CLOSES = "SELECT count(*), coalesce(max(rev), 0) FROM position WHERE state = 'closed' AND origin = 'signal'"


class WaitingRetraining:
    """Looks whether a training is due, whenever it is asked and it is time to."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        settings: CoreSettings,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], int] = now_ms,
    ) -> None:
        self._connection, self._settings = connection, settings
        self._clock, self._wall_clock = clock, wall_clock
        self._looked_at: float | None = None
        self._nothing_new_at = -1

    def look(self) -> int:
        """The job that was queued now; 0 when none is due or it is not time yet."""
        now = self._clock()
        if self._settings.retrain_minutes <= 0.0:
            return 0
        if self._looked_at is not None and now - self._looked_at < LOOK_SECONDS:
            return 0
        self._looked_at = now
        if self._seen_if_due() is None:
            return 0
        with transaction(self._connection):
            seen = self._seen_if_due()
            return 0 if seen is None else self._queue(seen)

    def _queue(self, seen: int) -> int:
        entry = registry.get(AGENT)
        return queue.enqueue(
            self._connection,
            kind="train",
            title=f"Train {AGENT}",
            arguments={"agent": AGENT, "params": {}, "seed": 0, "seen": seen},
            slot=entry.slot,
        )

    def _seen_if_due(self) -> int | None:
        """The state of the closes to learn from, None while nothing is due."""
        last = self._connection.execute(_LAST, (AGENT,)).fetchall()
        if last:
            state, created_ms, _ = last[0]
            pause_ms = self._settings.retrain_minutes * 60_000.0
            if state not in queue.ENDED or self._wall_clock() - created_ms < pause_ms:
                return None
        change = newest_position_change(self._connection)
        if change == self._nothing_new_at:
            return None  # a history is not counted again every ten seconds
        count, newest = self._connection.execute(_CLOSES).fetchall()[0]
        if count < registry.get(AGENT).least_rows or (last and last[0][2] == newest):
            self._nothing_new_at = change
            return None
        return int(newest)
