"""The clock of a playback: bars come as fast after each other as they once did, or so many times faster."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """How far a playback may go by now. It begins when it is first asked, at the moment it is told then."""

    def __init__(self, speed: float, seconds: Callable[[], float] = time.monotonic) -> None:
        """`speed` 1 is real time, 60 an hour a minute, 0 as fast as possible."""
        self._speed, self._seconds = speed, seconds
        self._began: tuple[int, float] | None = None

    def until_ms(self, next_ms: int) -> int | None:
        """The time up to which moments may be decided on, None for all; `next_ms` is the next of them."""
        if self._speed <= 0.0:
            return None
        if self._began is None:
            self._began = (next_ms, self._seconds())
        first_ms, began = self._began
        return first_ms + int((self._seconds() - began) * 1_000 * self._speed)
