"""The job that looks back at rejected signals, and who asks for it.

One job at a time, not more often than every ten seconds. What it was queued for (rejections and candles as
they were) stands in its arguments, so that signals which cannot be judged queue nothing again and again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cointrader.jobs.journal import say
from storage import jobs as queue
from storage.database import transaction
from storage.hindsight import candles_follow, newest_sight

if TYPE_CHECKING:
    from cointrader.jobs.work import WorkContext

KIND = "hindsight"
LOOK_SECONDS = 10.0

_UNFINISHED = (
    "SELECT coalesce(max(id), 0) FROM job WHERE kind = ? AND state IN ('queued', 'running', 'interrupted')"
)
_ASKED_FOR = "SELECT json_extract(arguments_json, '$.seen') FROM job WHERE kind = ? ORDER BY id DESC LIMIT 1"
_FILLING = (
    "SELECT EXISTS (SELECT 1 FROM job WHERE kind IN ('bootstrap', 'import') "
    "AND state IN ('queued', 'running', 'interrupted'))"
)


def hindsight(context: WorkContext) -> dict[str, Any]:
    """Judge every rejected signal that candles have followed; what was judged before a cancel stays."""
    from cointrader.core.hindsight_pass import judge_rejections

    result = judge_rejections(context.workspace, context.connection, context.progress)
    for trouble in result.troubles:
        say(trouble)
    counts = ("judged", "waiting", "broken", "unmatched", "skipped")
    return {"text": result.text, **{name: getattr(result, name) for name in counts}}


def ask_for_hindsight(connection: sqlite3.Connection) -> int:
    """The job that looks back, queued now unless one waits or runs; call it inside a transaction."""
    known = _number(connection, _UNFINISHED, KIND)
    if known:
        return known
    return queue.enqueue(
        connection,
        kind=KIND,
        title="Look back at rejected signals",
        arguments={"seen": newest_sight(connection)},
    )


class WaitingHindsight:
    """Looks for rejected signals with candles after them, whenever it is asked and it is time to."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._looked_at: float | None = None

    def look(self) -> int:
        """The job that was queued now; 0 when there is nothing to look back at or it is not time yet."""
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at < LOOK_SECONDS:
            return 0
        self._looked_at = now
        if self._is_asked_for() or _number(self._connection, _FILLING):
            return 0
        if not candles_follow(self._connection):
            return 0
        with transaction(self._connection):
            return 0 if self._is_asked_for() else ask_for_hindsight(self._connection)

    def _is_asked_for(self) -> bool:
        """A job is at it, or the last one saw everything as it is now."""
        if _number(self._connection, _UNFINISHED, KIND):
            return True
        asked = self._connection.execute(_ASKED_FOR, (KIND,)).fetchall()
        return bool(asked) and asked[0][0] == newest_sight(self._connection)


def _number(connection: sqlite3.Connection, query: str, *values: object) -> int:
    return int(connection.execute(query, values).fetchall()[0][0])
