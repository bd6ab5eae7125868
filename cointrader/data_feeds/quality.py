"""How good a series is: its timeframe, its gaps, and what had to be left out to make it one.

A gap is one place where two bars that follow each other are more than one timeframe apart; the bars
between them are missing, which is not the same as bars in which nothing moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SAMPLE_STEPS = 1_001


@dataclass(frozen=True)
class Gaps:
    """`longest_bars` are missing in the longest gap; the bar before it has the time `longest_after_ms`."""

    count: int
    missing_bars: int
    longest_bars: int
    longest_after_ms: int | None


@dataclass(frozen=True)
class QualityReport:
    """What an import says of one file. Times are UTC milliseconds at the bar's close.

    `rows` are the data rows of the file, `bars` those that became a bar; the rest are `duplicates`
    (exact repeats, dropped) and `refused`. `out_of_order` rows were sorted. `notes` are sentences.
    """

    rows: int
    bars: int
    timeframe_ms: int
    first_close_ms: int
    last_close_ms: int
    gaps: int
    missing_bars: int
    longest_gap_bars: int
    longest_gap_after_ms: int | None
    duplicates: int
    out_of_order: int
    zero_volume: int
    refused: int
    notes: tuple[str, ...]


def volume_notes(zero_volume: int, bars: int) -> tuple[str, ...]:
    """A sentence about a column of volumes that is nothing but zeros."""
    return ("no bar has any volume; what counts on it will see none",) if bars and zero_volume == bars else ()


def find_gaps(times_ms: NDArray[np.int64], timeframe_ms: int) -> Gaps:
    """The gaps of an ordered series whose times are a whole number of timeframes apart."""
    if times_ms.size == 0 or int(times_ms[-1] - times_ms[0]) == (times_ms.size - 1) * timeframe_ms:
        return Gaps(0, 0, 0, None)
    steps = np.diff(times_ms)
    places = np.flatnonzero(steps > timeframe_ms)
    missing = steps[places] // timeframe_ms - 1
    longest = int(np.argmax(missing))
    return Gaps(int(places.size), int(missing.sum()), int(missing[longest]), int(times_ms[places[longest]]))


class SeriesFigures:
    """What there is to say of a series that is seen piece by piece, in order of time."""

    def __init__(self, timeframe_ms: int) -> None:
        self._timeframe_ms = timeframe_ms
        self._last = np.empty(0, dtype=np.int64)
        self.gaps = Gaps(0, 0, 0, None)
        self.bars = 0
        self.zero_volume = 0
        self.first_ms = 0
        self._missing: list[NDArray[np.int64]] = []

    @property
    def missing(self) -> Iterator[tuple[int, int]]:
        """The closes of the first and the last bar that each gap misses, in order of time."""
        for places in self._missing:
            yield from zip(places[0].tolist(), places[1].tolist(), strict=True)

    @property
    def last_ms(self) -> int:
        """The time of the last bar; 0 before the first."""
        return int(self._last[0]) if self._last.size else 0

    def add(self, times_ms: NDArray[np.int64], volume: NDArray[np.float64]) -> None:
        """Counts the next bars; a gap may lie between them and those before."""
        if times_ms.size == 0:
            return
        self.first_ms = self.first_ms if self.bars else int(times_ms[0])
        times = np.concatenate((self._last, times_ms))
        found = find_gaps(times, self._timeframe_ms)
        if found.count:
            places = np.flatnonzero(np.diff(times) > self._timeframe_ms)
            self._missing.append(
                np.stack((times[places] + self._timeframe_ms, times[places + 1] - self._timeframe_ms))
            )
        longest = max(self.gaps, found, key=lambda gaps: gaps.longest_bars)
        self.gaps = Gaps(
            self.gaps.count + found.count,
            self.gaps.missing_bars + found.missing_bars,
            longest.longest_bars,
            longest.longest_after_ms,
        )
        self.bars += int(times_ms.size)
        self.zero_volume += int(np.count_nonzero(volume == 0.0))
        self._last = times_ms[-1:].copy()


def infer_timeframe(steps: NDArray[np.int64]) -> int | None:
    """The step between bars that is more than half of all steps; None when there is none.

    A value that makes up more than half of a list is its median, so no counting is needed; the median
    of the first steps is tried before that of all.
    """
    if steps.size == 0:
        return None
    for sample in (steps[:_SAMPLE_STEPS], steps):
        middle = sample.size // 2
        candidate = int(np.partition(sample, middle)[middle])
        if 2 * int(np.count_nonzero(steps == candidate)) > steps.size:
            return candidate
    return None


def rows_off_the_grid(
    times_ms: NDArray[np.int64], steps: NDArray[np.int64], timeframe_ms: int
) -> NDArray[np.int64]:
    """Places of bars that are not a whole number of timeframes away from most of the others.

    `steps` are the differences of `times_ms`.
    """
    uneven = steps[steps != timeframe_ms]
    if not bool(np.any(uneven % timeframe_ms)):
        return np.empty(0, dtype=np.int64)
    phases = times_ms % timeframe_ms
    values, counts = np.unique(phases, return_counts=True)
    return np.flatnonzero(phases != values[np.argmax(counts)])
