"""Which unit an epoch time is in, told row by row from its size; a file that mixes units is refused.

Files carry seconds, milliseconds, microseconds or nanoseconds since 1970 and do not say which. For all
times of crypto markets the four ranges lie a factor of 1000 apart and never meet.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

EARLIEST_MS = 1_230_768_000_000
"""2009-01-01: there was no coin to trade before."""

LATEST_MS = 4_102_444_800_000
"""2100-01-01: a later time is a mistake."""


class TimeUnit(IntEnum):
    """A unit of epoch time; the value is how many of it make a second."""

    SECONDS = 1
    MILLISECONDS = 1_000
    MICROSECONDS = 1_000_000
    NANOSECONDS = 1_000_000_000

    @property
    def text(self) -> str:
        """The name of the unit for the operator."""
        return self.name.lower()


_UNITS = tuple(TimeUnit)
# Half-way, in orders of magnitude, between the latest time in one unit and the earliest in the next.
_LIMITS = (1e11, 1e14, 1e17)
_BOUNDARIES = np.array(_LIMITS)


def unit_of(time: float) -> TimeUnit:
    """The unit of one epoch time, by its size."""
    return _UNITS[bisect_right(_LIMITS, abs(time))]


def units_of(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """The unit of each time as an index into TimeUnit's members; shape (rows,)."""
    indices: NDArray[np.int64] = np.searchsorted(_BOUNDARIES, np.abs(times), side="right").astype(np.int64)
    return indices


def common_unit(times: NDArray[np.int64]) -> tuple[TimeUnit, int | None]:
    """The unit of the first plausible time, and the first row that is plausible in another unit.

    The second is None when nothing is mixed. A time that is plausible in no unit (0, a year, a price)
    says nothing about units; it is for the check of the rows. Without any plausible time the unit is
    seconds.
    """
    if times.size:
        low, high = unit_of(int(times.min())), unit_of(int(times.max()))
        if low is high and _is_plausible(int(times.min()), low) and _is_plausible(int(times.max()), high):
            return low, None
    indices = units_of(times)
    scales = np.array([unit.value for unit in _UNITS], dtype=np.float64)[indices] / 1_000
    milliseconds = times / scales
    plausible = np.flatnonzero((milliseconds >= EARLIEST_MS) & (milliseconds < LATEST_MS))
    if plausible.size == 0:
        return TimeUnit.SECONDS, None
    first = indices[plausible[0]]
    others = plausible[indices[plausible] != first]
    return _UNITS[int(first)], int(others[0]) if others.size else None


def to_milliseconds(times: NDArray[np.int64], unit: TimeUnit) -> NDArray[np.int64]:
    """Epoch times of one unit in milliseconds; parts of a millisecond are dropped."""
    if unit is TimeUnit.MILLISECONDS:
        return times
    if unit is TimeUnit.SECONDS:
        return times * 1_000
    return times // (int(unit) // 1_000)


def _is_plausible(time: int, unit: TimeUnit) -> bool:
    return EARLIEST_MS <= time * 1_000 // int(unit) < LATEST_MS
