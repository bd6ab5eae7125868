"""How often to ask again: never twice at once, and not more than a share of the time.

Another process may commit many times a second. A question that takes 2 ms can follow each of them; one
that takes half a second, because a history is long or a machine is busy, must not.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.1
LONGEST_PAUSE_S = 5.0


class Pace:
    """Calls `ask` when it is wanted, at once or as soon as the share allows.

    `later(seconds, callback)` runs the callback on the loop; whoever asks says `asked` and `answered`.
    """

    def __init__(
        self,
        ask: Callable[[], object],
        later: Callable[[float, Callable[[], object]], object],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._later = later
        self._clock = clock
        self._asked_at: float | None = None
        self._free_at = 0.0
        self._is_wanted = False
        self._is_planned = False

    def want(self) -> None:
        """Something has changed: ask, unless an answer is still awaited or it is too early."""
        self._is_wanted = True
        self._go()

    def asked(self) -> None:
        """A question is on its way; what was wanted so far is answered by it."""
        self._asked_at = self._clock()
        self._is_wanted = False

    def answered(self) -> None:
        """The answer, or an error, is there."""
        now = self._clock()
        if self._asked_at is not None:
            took = now - self._asked_at
            self._free_at = now + min(took * (1.0 - SHARE) / SHARE, LONGEST_PAUSE_S)
        self._asked_at = None
        self._go()

    def forget(self) -> None:
        """Nobody looks any more; the answer will not come."""
        self._asked_at = None
        self._is_wanted = False

    def _go(self) -> None:
        if not self._is_wanted or self._asked_at is not None or self._is_planned:
            return
        wait = self._free_at - self._clock()
        if wait <= 0:
            self._ask()
            return
        self._is_planned = True
        self._later(wait, self._planned)

    def _planned(self) -> None:
        self._is_planned = False
        self._go()
