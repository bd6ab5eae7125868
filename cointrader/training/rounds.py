"""Doing something again every so many seconds, off the event loop, until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HOUR = 3600.0


class Rounds:
    """Calls a function in a thread every `interval` seconds, so that the event loop stays free."""

    def __init__(self, interval: float) -> None:
        """Raises ValueError for an interval that is not above 0."""
        if not interval > 0:
            raise ValueError(f"the interval must be above 0 seconds, got {interval}")
        self.interval = interval
        self._stopped: asyncio.Event | None = None

    async def run(self, once: Callable[[], object], rounds: int | None = None) -> None:
        """Until `stop` is called or the task is cancelled, or for some rounds."""
        self._stopped = asyncio.Event()
        done = 0
        while rounds is None or done < rounds:
            await asyncio.to_thread(once)
            done += 1
            if done == rounds or await self._stopped_within_interval(self._stopped):
                return

    def stop(self) -> None:
        """Ends the rounds after the one at hand."""
        if self._stopped is not None:
            self._stopped.set()

    async def _stopped_within_interval(self, stopped: asyncio.Event) -> bool:
        try:
            await asyncio.wait_for(stopped.wait(), self.interval)
        except TimeoutError:
            return False
        return True
