"""Which moments can be decided on: those at which every symbol has said what it has to say.

A bar of one symbol may be imported minutes after that of another. A moment waits for all of them, because
one account decides on them together. A symbol that keeps the others waiting for too long is taken to be
silent, and not waited for until it is heard again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

IndexArray = NDArray[np.int64]
NO_BAR = -1


@dataclass(frozen=True)
class Moments:
    """Times in order; `rows[m, s]` is the bar of symbol s that closes at `close_ms[m]`, or -1."""

    close_ms: IndexArray
    rows: IndexArray

    def __len__(self) -> int:
        return int(self.close_ms.size)

    def head(self, count: int) -> Moments:
        """The first of them."""
        return Moments(self.close_ms[:count], self.rows[:count])


def ready_moments(
    closes: Sequence[IndexArray],
    timeframes_ms: Sequence[int],
    after_ms: int,
    *,
    silent: Collection[int] = (),
    is_whole: bool = False,
    limit: int = 0,
) -> Moments:
    """The moments later than `after_ms` that can be decided on; with `limit` the first of them.

    `closes` has the ascending closes of each symbol, and a symbol without bars has not begun. `silent` are
    not waited for; `is_whole` says that no more bars will come.
    """
    nexts = next_closes(closes, timeframes_ms)
    awaited = [moment for number, moment in enumerate(nexts) if number not in silent]
    parts = [
        times[np.searchsorted(times, after_ms, side="right") :][: limit or None]
        for times in closes
        if times.size
    ]
    times = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
    if awaited and not is_whole:
        times = times[times < min(awaited)]
    times = times[: limit or None]
    rows = np.full((times.size, len(closes)), NO_BAR, np.int64)
    for number, known in enumerate(closes):
        if known.size and times.size:
            place = np.searchsorted(known, times)
            found = known[np.minimum(place, known.size - 1)] == times
            rows[found, number] = place[found]
    return Moments(times, rows)


def next_closes(closes: Sequence[IndexArray], timeframes_ms: Sequence[int]) -> list[int]:
    """The earliest time at which the next bar of each symbol can close; 0 for one that has not begun."""
    return [
        int(times[-1]) + span if times.size else 0 for times, span in zip(closes, timeframes_ms, strict=True)
    ]


@dataclass
class Patience:
    """Who is not waited for any longer. `seconds` is how long a symbol may keep the others waiting."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    silent: set[int] = field(default_factory=set)
    _since: float | None = None

    def heard(self, symbol: int) -> None:
        """A symbol has new bars."""
        self.silent.discard(symbol)
        self._since = None

    def wait_for(self, symbols: Collection[int]) -> bool:
        """Bars wait for these symbols; True when they were waited for long enough and are silent now."""
        now = self.clock()
        if self._since is None:
            self._since = now
        if now - self._since < self.seconds:
            return False
        self.silent |= set(symbols)
        self._since = None
        return True
