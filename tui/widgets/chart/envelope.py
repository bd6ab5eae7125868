"""What of a curve falls into each dot column: first, least, greatest and last value.

A chart of 240 dot columns cannot show 100,000 points; showing every 400th would lose the spike that the
operator is looking for. The least and the greatest of each column keep it. Columns are found by bisection
and reduced by the built-in min and max over slices, so the work in Python is per column, not per point.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import floor, isfinite
from typing import NamedTuple

from tui.widgets.chart.series import Series


class Column(NamedTuple):
    """The part of a curve in one dot column. `joined` is False after a gap: nothing leads here.

    `x` lies outside the canvas for the one point on each side that a line into the window comes from.
    """

    x: int
    first: float
    low: float
    high: float
    last: float
    joined: bool


def envelope(
    series: Series,
    left: float,
    right: float,
    columns: int,
    *,
    log: bool = False,
    ys: Sequence[float] | None = None,
) -> list[Column]:
    """The curve between `left` and `right` in `columns` dot columns; `ys` replaces its values (smoothing)."""
    if not series.xs or columns < 1:
        return []
    values = series.ys if ys is None else ys
    lows = values if ys is not None or series.lows is None else series.lows
    highs = values if ys is not None or series.highs is None else series.highs
    gaps = series.gaps(log)
    start, stop = series.visible(left, right)
    scale = (columns - 1) / (right - left) if right > left else 0.0
    found: list[Column] = []
    before = -1
    for x, a, b in _groups(series.xs, start, stop, left, scale, columns):
        column, before = _reduce(x, a, b, values, lows, highs, gaps, before)
        if column is not None:
            found.append(column)
    return found


def _groups(
    xs: Sequence[float], start: int, stop: int, left: float, scale: float, columns: int
) -> Iterator[tuple[int, int, int]]:
    """(dot column, first index, end index) of each column that holds points, and of the neighbours."""
    if start > 0:
        yield min(floor((xs[start - 1] - left) * scale + 0.5), -1), start - 1, start
    if stop - start > 2 * columns:
        step = 1.0 / scale if scale else 0.0
        a = start
        for x in range(columns):
            b = bisect_left(xs, left + (x + 0.5) * step, a, stop) if x < columns - 1 else stop
            if b > a:
                yield x, a, b
                a = b
    else:
        a = start
        while a < stop:
            x = floor((xs[a] - left) * scale + 0.5)
            b = a + 1
            while b < stop and floor((xs[b] - left) * scale + 0.5) == x:
                b += 1
            yield x, a, b
            a = b
    if stop < len(xs) and scale:
        yield max(floor((xs[stop] - left) * scale + 0.5), columns), stop, stop + 1


def _reduce(
    x: int,
    a: int,
    b: int,
    values: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    gaps: list[int],
    before: int,
) -> tuple[Column | None, int]:
    """The column of the points a..b, and the index of the last of them that can be drawn."""
    if not gaps:
        if b - a == 1:
            value = values[a]
            return Column(x, value, lows[a], highs[a], value, before >= 0), a
        return Column(x, values[a], min(lows[a:b]), max(highs[a:b]), values[b - 1], before >= 0), b - 1
    missing = set(gaps[bisect_left(gaps, a) : bisect_left(gaps, b)])
    usable = [i for i in range(a, b) if i not in missing and isfinite(values[i])] if missing else range(a, b)
    if not usable:
        return None, before
    first, last = usable[0], usable[-1]
    joined = before >= 0 and bisect_left(gaps, before) == bisect_left(gaps, first)
    low = min([lows[i] for i in usable])
    high = max([highs[i] for i in usable])
    return Column(x, values[first], low, high, values[last], joined), last
