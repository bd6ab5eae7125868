"""The candles that coinTrader2.0 caches while it runs become import jobs, a few an hour.

The bot writes each of its Parquet files anew in every cycle. So the files that have changed are gathered and
queued as one import at most every `bot.candle_minutes`; it keeps what is stored and adds the new bars.
What was queued is remembered by this process only: after a restart the files are looked at once more, and an
import of bytes that are known changes nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from storage import jobs as queue
from storage.database import transaction

CACHES = ("crypto_bot/data/ohlcv/*/*.parquet", "data/ohlcv/*/*.parquet")
SETTLED_SECONDS = 1.0
"""A file that has not changed for so long is taken to be whole."""


class BotCandles:
    """The candle caches of a bot's folder, which are only read."""

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        pause_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._connection = connection
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._queued: dict[Path, tuple[int, int]] = {}
        self._queued_at: float | None = None

    def look(self) -> int:
        """The job that imports all files that have changed, when it is time for one; else 0."""
        now = self._clock()
        if self._queued_at is not None and now - self._queued_at < self._pause_seconds:
            return 0
        changed = {path: shape for path, shape in self._settled().items() if self._queued.get(path) != shape}
        if not changed:
            return 0
        names = [str(path) for path in sorted(changed)]
        title = f"bot: candles of {len(names)} file{'s' if len(names) != 1 else ''}"
        with transaction(self._connection):
            job = queue.enqueue(self._connection, kind="import", title=title, arguments={"paths": names})
        self._queued |= changed
        self._queued_at = now
        return job

    def _settled(self) -> dict[Path, tuple[int, int]]:
        """Size and time of change of the files that nobody is writing to."""
        found: dict[Path, tuple[int, int]] = {}
        for path in (path for cache in CACHES for path in self._folder.glob(cache)):
            try:
                status = path.stat()
            except FileNotFoundError:  # replaced between the look and the question
                continue
            if time.time_ns() - status.st_mtime_ns >= SETTLED_SECONDS * 1e9:
                found[path] = status.st_size, status.st_mtime_ns
        return found
