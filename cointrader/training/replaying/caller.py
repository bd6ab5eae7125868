"""Who does a replay: a job with its attempts, or a program that calls it directly."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cointrader.settings import Settings
from storage import jobs

log = logging.getLogger(__name__)


def _nothing_more(result: Mapping[str, Any]) -> None:
    """A replay without a job ends with its own row."""


@dataclass(frozen=True)
class Caller:
    """`job_id` and `attempt` fence every write, `interrupted` is asked whether to stop, `say` takes lines.

    `ended` is called with the result inside the transaction that ends the replay; `progress` with how far a
    replay of steps is. `stops` are errors that `progress` ends a replay with: the state that each leaves it
    in, or none where a later attempt goes on with it.
    """

    settings: Settings = field(default_factory=Settings)
    job_id: int | None = None
    attempt: int = 1
    interrupted: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = log.info
    ended: Callable[[Mapping[str, Any]], None] = _nothing_more
    progress: Callable[[float, float, str], None] = lambda done, total, message: None
    stops: Mapping[type[Exception], str | None] = field(default_factory=dict)

    def fence(self, connection: sqlite3.Connection, message: str = "") -> None:
        """Raises StaleAttempt when a newer attempt has taken over; called inside the writing transaction."""
        if self.job_id is not None:
            jobs.progress(connection, self.job_id, self.attempt, 0, 0, message)
