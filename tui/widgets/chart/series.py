"""One curve: its points, where it has none, and what can be said of it in words."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from operator import not_
from zlib import crc32

from tui.widgets.chart.canvas import SOLID

COLOURS = 6
RUN_COLOURS = (0, 1, 2, 3, 5)
"""Palette slots for runs; slot 4 is the colour of failure in most themes."""

SMOOTHING_SPAN = 1_000.0
"""Points that an axis is taken to have, for the strength of smoothing."""


@dataclass(frozen=True)
class Statistics:
    """What a curve comes to; `count` is of the finite values, None where there are none."""

    last: float | None
    low: float | None
    high: float | None
    mean: float | None
    count: int


@dataclass(frozen=True)
class Series:
    """Points with increasing `xs`. `lows` and `highs` are the envelope where the curve was decimated
    before it came here; for raw values they are left None and `ys` stands for both.

    Values that are not finite are gaps. `badge` says what went wrong with the curve ("diverged: inf at
    step 412") and `letter` tells runs apart where colours cannot.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    lows: Sequence[float] | None = None
    highs: Sequence[float] | None = None
    label: str = ""
    colour: int = 0
    pattern: int = SOLID
    letter: str = ""
    badge: str = ""
    count: int | None = None
    smoothable: bool = True
    _gaps: dict[bool, list[int]] = field(default_factory=dict, repr=False, compare=False)
    _smooth: dict[float, list[float]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.xs) != len(self.ys):
            raise ValueError(f"{self.name}: {len(self.xs)} places for {len(self.ys)} values")

    @property
    def text(self) -> str:
        """What the legend calls it."""
        return self.label or self.name

    def gaps(self, log: bool) -> list[int]:
        """Indexes of the points that cannot be drawn: not finite, and on a log axis not positive."""
        if log not in self._gaps:
            edges = self.ys if self.lows is None else self.lows
            finite = list(map(math.isfinite, self.ys))
            usable = [a and low > 0.0 for a, low in zip(finite, edges, strict=True)] if log else finite
            self._gaps[log] = [] if all(usable) else list(compress(range(len(usable)), map(not_, usable)))
        return self._gaps[log]

    def range_of(self, start: int, stop: int, log: bool = False) -> tuple[float, float] | None:
        """The least and the greatest value that can be drawn among the points from `start` up to `stop`."""
        lows = self.ys[start:stop] if self.lows is None else self.lows[start:stop]
        highs = self.ys[start:stop] if self.highs is None else self.highs[start:stop]
        gaps = self.gaps(log)
        if gaps:
            missing = {gap - start for gap in gaps[bisect_left(gaps, start) : bisect_left(gaps, stop)]}
            lows = [low for number, low in enumerate(lows) if number not in missing]
            highs = [high for number, high in enumerate(highs) if number not in missing]
        return (min(lows), max(highs)) if lows else None

    def visible(self, left: float, right: float) -> tuple[int, int]:
        """The half-open range of indexes with left <= x <= right."""
        return bisect_left(self.xs, left), bisect_right(self.xs, right)

    def smoothed(self, weight: float) -> list[float]:
        """The exponential mean of the values over x, corrected for its start; gaps stay gaps.

        m_i = k m_{i-1} + (1 - k) y_i with k = w ^ (1000 dx / span), shown as m_i / (1 - product of k): the
        same stretch of the axis is averaged however densely a curve was logged, so that a validation loss
        of twenty points does not lag behind a training loss of thousands. The correction for the start is
        that of Adam (Kingma and Ba, arXiv:1412.6980, section 3).
        """
        if weight not in self._smooth:
            self._smooth[weight] = _smooth(self.xs, self.ys, weight) if self.xs else []
        return self._smooth[weight]

    @cached_property
    def statistics(self) -> Statistics:
        """Last, least, greatest and mean over the whole curve."""
        return self.statistics_of(0, len(self.ys))

    def statistics_of(self, start: int, stop: int) -> Statistics:
        """The same over the points from `start` up to `stop`."""
        values: Sequence[float] = self.ys[start:stop]
        lows = values if self.lows is None else self.lows[start:stop]
        highs = values if self.highs is None else self.highs[start:stop]
        if self.gaps(False):
            values, lows, highs = (list(filter(math.isfinite, part)) for part in (values, lows, highs))
        if not values:
            return Statistics(None, None, None, None, 0)
        whole = start == 0 and stop >= len(self.ys) and self.count is not None
        count = self.count if whole and self.count is not None else len(values)
        return Statistics(values[-1], min(lows), max(highs), math.fsum(values) / len(values), count)

    def at(self, x: float) -> float | None:
        """The value of the point nearest to `x`, or None where the curve has none there."""
        if not self.xs or not self.xs[0] <= x <= self.xs[-1]:
            return None
        right = bisect_left(self.xs, x)
        left = max(right - 1, 0)
        nearest = left if x - self.xs[left] <= self.xs[right] - x else right
        value = self.ys[nearest]
        return value if math.isfinite(value) else None


def _smooth(xs: Sequence[float], values: Sequence[float], weight: float) -> list[float]:
    span = xs[-1] - xs[0]
    scale = math.log(weight) * SMOOTHING_SPAN / span if span > 0 else 0.0
    exp = math.exp
    mean, missing, before = 0.0, 1.0, xs[0]
    smooth = []
    for x, value in zip(xs, values, strict=True):
        if value - value != 0.0:  # nan or infinite
            smooth.append(math.nan)
            continue
        kept = exp(scale * (x - before)) if x > before else weight if missing == 1.0 else 1.0
        mean = kept * mean + (1.0 - kept) * value
        missing *= kept
        smooth.append(mean / (1.0 - missing))
        before = x
    return smooth


def stable_colour(identity: int | str) -> int:
    """The palette slot of a run, the same in every chart and after a restart.

    Numbers that follow each other get neighbouring slots, so that runs compared side by side differ.
    """
    number = identity if isinstance(identity, int) else crc32(identity.encode())
    return RUN_COLOURS[number % len(RUN_COLOURS)]
