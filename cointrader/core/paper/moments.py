"""Which moments can be decided on: those at which every symbol has said what it has to say.

A bar of one symbol may be imported minutes after that of another. A moment waits for all of them, because
one account decides on them together; a symbol that has fallen silent is not waited for any longer than
`patience_ms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def ready_moments(
    closes: Sequence[IndexArray],
    timeframes_ms: Sequence[int],
    after_ms: int,
    *,
    patience_ms: int,
    is_whole: bool = False,
    limit: int = 0,
) -> Moments:
    """The moments later than `after_ms` that can be decided on; with `limit` the first of them.

    `closes` has the ascending closes of each symbol, and a symbol without bars has not begun. `is_whole`
    says that no more bars will come.
    """
    last = _horizon(closes, timeframes_ms, patience_ms, is_whole)
    parts = [
        times[np.searchsorted(times, after_ms, side="right") :][: limit or None]
        for times in closes
        if times.size
    ]
    times = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
    times = times[times <= last][: limit or None]
    rows = np.full((times.size, len(closes)), NO_BAR, np.int64)
    for number, known in enumerate(closes):
        if known.size and times.size:
            place = np.searchsorted(known, times)
            found = known[np.minimum(place, known.size - 1)] == times
            rows[found, number] = place[found]
    return Moments(times, rows)


def _horizon(
    closes: Sequence[IndexArray], timeframes_ms: Sequence[int], patience_ms: int, is_whole: bool
) -> int:
    """The last time that can be decided on: no symbol's next bar can close at it or before."""
    newest = max((int(times[-1]) for times in closes if times.size), default=0)
    if is_whole:
        return newest
    nexts = [
        int(times[-1]) + span if times.size else 0 for times, span in zip(closes, timeframes_ms, strict=True)
    ]
    return max(min(nexts) - 1, newest - patience_ms)
