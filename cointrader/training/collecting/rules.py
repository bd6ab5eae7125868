"""When a field of a package is valid: present, finite, of its shape, fresh, and consistent in itself.

A field that is all zeros counts as missing: it is what a program fills in that has nothing. What is wrong
with candles is said as a `Fault`, one package or all bars of a series at once, by the same rules.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.collecting.columns import BAR_NAMES, WINDOW_BARS
from models.candle_series import FloatArray

FRESH_BARS = 2
LARGEST_GAP = 1.5
BOOK_LEVELS = 15
MOST_TICKS = 64
TICK_NAMES = ("ts_ms", "price", "amount", "side")
CLOSE_MS, OPEN, HIGH, LOW, CLOSE, VOLUME = range(len(BAR_NAMES))


class Fault(StrEnum):
    """Why a package is refused, or a field of it counts as missing."""

    FUTURE = "future"
    BAD_VALUES = "bad_values"
    TIME_ORDER = "time_order"
    GAP = "gap"
    SHORT_HISTORY = "short_history"
    STALE = "stale"
    INCOMPLETE = "incomplete"


FAULTS = (None, Fault.SHORT_HISTORY, Fault.BAD_VALUES, Fault.TIME_ORDER, Fault.GAP)
"""What the numbers of `window_faults` mean."""


def bars_are_sound(bars: FloatArray) -> NDArray[np.bool_]:
    """(n,) for bars (n, 6): finite, high >= max(open, close) >= min(open, close) >= low > 0, volume >= 0."""
    with np.errstate(invalid="ignore"):
        top = np.maximum(bars[:, OPEN], bars[:, CLOSE])
        bottom = np.minimum(bars[:, OPEN], bars[:, CLOSE])
        ordered = (bars[:, HIGH] >= top) & (bottom >= bars[:, LOW]) & (bars[:, LOW] > 0.0)
        sound: NDArray[np.bool_] = np.isfinite(bars).all(axis=1) & ordered & (bars[:, VOLUME] >= 0.0)
    return sound


def window_faults(bars: FloatArray, timeframe_ms: int) -> NDArray[np.int8]:
    """For every bar of (n, 6) what is wrong with the 48 bars up to it: a place in FAULTS, 0 for nothing."""
    count = len(bars)
    faults = np.zeros(count, dtype=np.int8)
    with np.errstate(invalid="ignore"):
        steps = np.diff(bars[:, CLOSE_MS], prepend=bars[:1, CLOSE_MS] - timeframe_ms)
        wrong = {
            Fault.GAP: ~(steps <= LARGEST_GAP * timeframe_ms),
            Fault.TIME_ORDER: ~(steps > 0.0),
            Fault.BAD_VALUES: ~bars_are_sound(bars),
        }
    for fault, at in wrong.items():
        # The step into the first bar of a window is none of its own.
        reach = WINDOW_BARS if fault is Fault.BAD_VALUES else WINDOW_BARS - 1
        seen = np.concatenate([[0], np.cumsum(at)])
        first = np.maximum(np.arange(count) + 1 - reach, 0)
        faults[seen[1:] - seen[first] > 0] = FAULTS.index(fault)
    faults[: WINDOW_BARS - 1] = FAULTS.index(Fault.SHORT_HISTORY)
    return faults


def window_fault(window: NDArray[Any], timeframe_ms: int, timestamp: int) -> Fault | None:
    """What is wrong with the bars (48, 6) of one package made at `timestamp`, if anything is."""
    if window.ndim != 2 or window.shape[1:] != (len(BAR_NAMES),) or len(window) < WINDOW_BARS:
        return Fault.SHORT_HISTORY
    found = FAULTS[int(window_faults(window[-WINDOW_BARS:].astype(np.float64), timeframe_ms)[-1])]
    if found is not None:
        return found
    last = float(window[-1, CLOSE_MS])
    if last > timestamp:
        return Fault.FUTURE
    return Fault.STALE if timestamp - last > FRESH_BARS * timeframe_ms else None


def is_vector(values: NDArray[Any] | None, size: int | None, *, zeros: bool = False) -> bool:
    """Whether a row of numbers is there, finite, of its length (any, where `size` is None) and not all zero.

    `zeros` allows the last: a window without a pivot is a valid finding.
    """
    if values is None or values.ndim != 1 or not len(values) or size not in (None, len(values)):
        return False
    return bool(np.isfinite(values).all()) and (zeros or bool(np.any(values)))


def are_vectors(values: NDArray[Any], *, zeros: bool = False) -> NDArray[np.bool_]:
    """`is_vector` of every row of an array (n, size)."""
    valid: NDArray[np.bool_] = np.isfinite(values).all(axis=1)
    return valid if zeros else valid & values.any(axis=1)


def are_ticks(ticks: NDArray[Any] | None, timestamp: int, timeframe_ms: int) -> bool:
    """Whether trades (n, 4) in the order of TICK_NAMES are whole, in order of time, and fresh.

    `side` is 1 where a buyer took, -1 where a seller did, 0 where nobody said.
    """
    if ticks is None or ticks.ndim != 2 or ticks.shape[1] != len(TICK_NAMES) or not len(ticks):
        return False
    ts_ms, price, amount = ticks[:, 0], ticks[:, 1], ticks[:, 2]
    if not (np.isfinite(ticks).all() and (price > 0.0).all() and (amount > 0.0).all()):
        return False
    in_order = bool((np.diff(ts_ms) >= 0.0).all())
    return in_order and timestamp - FRESH_BARS * timeframe_ms < ts_ms[-1] <= timestamp


def is_book(book: NDArray[Any] | None) -> bool:
    """Whether a book (2, 15, 2), bids and asks of price and size, best first, is whole and not crossed.

    Levels that a book does not have are zeros at the end.
    """
    if book is None or book.shape != (2, BOOK_LEVELS, 2) or not np.isfinite(book).all():
        return False
    bids, asks = (side[side[:, 0] > 0.0] for side in book)
    if not len(bids) or not len(asks) or (book < 0.0).any():
        return False
    sizes = bool((bids[:, 1] > 0.0).all() and (asks[:, 1] > 0.0).all())
    ordered = bool((np.diff(bids[:, 0]) < 0.0).all() and (np.diff(asks[:, 0]) > 0.0).all())
    return sizes and ordered and bool(bids[0, 0] < asks[0, 0])
