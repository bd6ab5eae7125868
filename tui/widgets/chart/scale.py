"""Axes: from values to a place between 0 and 1, and the round numbers worth a label.

Linear ticks are 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels", Graphics Gems,
1990); logarithmic ticks are decades, filled with 2 and 5 when there are few; time ticks are the steps of
clocks and calendars, in UTC.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
TIME_STEPS = (
    *(MINUTE * n for n in (1, 5, 10, 15, 30)),
    *(HOUR * n for n in (1, 2, 3, 6, 12)),
    *(DAY * n for n in (1, 2, 5, 10)),
)
MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    value: float
    label: str


@dataclass(frozen=True)
class Scale:
    """The span of an axis. A logarithmic one has `low` > 0."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value lies: 0 at `low`, 1 at `high`; beyond them for values outside."""
        if self.log:
            if value <= 0.0:
                return -math.inf
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, place: float) -> float:
        """The inverse of `place`."""
        if self.log:
            return self.low * math.exp(place * math.log(self.high / self.low))
        return self.low + place * (self.high - self.low)

    def ticks(self, count: int) -> list[Tick]:
        """At most about `count` round values inside the span, lowest first."""
        if self.log:
            return _log_ticks(self.low, self.high, count)
        return linear_ticks(self.low, self.high, count)


def fit(low: float, high: float, *, log: bool = False, margin: float = 0.04) -> Scale:
    """A scale that holds both values with a little room; equal values get room on both sides."""
    if log:
        if low == high:
            return Scale(low / 2.0, high * 2.0, True)
        room = math.log(high / low) * margin
        return Scale(low * math.exp(-room), high * math.exp(room), True)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        return Scale(low - room, high + room)
    room = (high - low) * margin
    return Scale(low - room, high + room)


def nice_step(span: float, count: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that cuts `span` into at most `count` parts."""
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1.0, 2.0, 5.0):
        if raw <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def linear_ticks(low: float, high: float, count: int) -> list[Tick]:
    """Round values from `low` to `high`, all labelled with the same number of decimals."""
    if not high > low or not math.isfinite(high - low):
        return []
    step = nice_step(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [Tick(n * step, number_label(n * step, step)) for n in range(first, last + 1)]


def number_label(value: float, step: float) -> str:
    """A number to the precision of a step: 0.25, 56,400, 1.5M, 2e-05."""
    size = max(abs(value), step)
    if value == 0 or abs(value) < step * 1e-6:
        return "0"
    if step < 1e-4:
        return f"{value:.{max(0, math.ceil(math.log10(size / step) - 1e-9))}e}".replace("e-0", "e-")
    for limit, divisor, suffix in ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M")):
        if size >= limit and step >= divisor / 1e4:
            return f"{value / divisor:,.{_decimals(step / divisor)}f}{suffix}"
    return f"{value:,.{_decimals(step)}f}"


def short_count(value: float) -> str:
    """A count in few letters, for a step axis: 750, 1.5k, 20k."""
    if abs(value) < 1_000 or value != int(value):
        return f"{value:g}"
    for divisor, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= divisor:
            return f"{value / divisor:.6g}{suffix}"
    return f"{value:g}"


def value_label(value: float | None) -> str:
    """A value on its own, to four significant digits; "-" when there is none."""
    if value is None:
        return "-"
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 10_000:
        return f"{value:,.1f}" if size < 1e6 else f"{value:,.0f}"
    if size < 1e-3:
        return f"{value:.2e}".replace("e-0", "e-")
    return f"{value:,.{max(0, 3 - math.floor(math.log10(size))) if size >= 1 else 4}f}"


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _log_ticks(low: float, high: float, count: int) -> list[Tick]:
    decades = math.log10(high / low)
    if decades < 0.7:
        return linear_ticks(low, high, count)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil(decades / max(count, 1)))
    factors = (1.0, 2.0, 5.0) if decades * 3 <= count else (1.0, 3.0) if decades * 2 <= count else (1.0,)
    values = [
        factor * 10.0**power
        for power in range(first, last + 1)
        if every == 1 or power % every == 0
        for factor in (factors if every == 1 else (1.0,))
    ]
    ticks = [Tick(value, _power_label(value)) for value in values if low <= value <= high]
    return ticks if len(ticks) >= 3 else linear_ticks(low, high, count)


def _power_label(value: float) -> str:
    if 1e-3 <= value < 1e6:
        return f"{value:,.{max(0, -math.floor(math.log10(value) + 1e-9))}f}"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def step_ticks(left: float, right: float, count: int) -> list[Tick]:
    """Ticks of a step axis: round numbers in few letters, never fractions of a step."""
    if not right > left:
        return [Tick(left, short_count(left))]
    step = max(1.0, nice_step(right - left, count))
    first, last = math.ceil(left / step - 1e-9), math.floor(right / step + 1e-9)
    return [Tick(n * step, short_count(n * step)) for n in range(first, last + 1)]


def time_ticks(left_ms: float, right_ms: float, count: int) -> list[Tick]:
    """Ticks of a time axis at round clock times or first days of months, UTC.

    A tick on another day than the one before it is labelled with its day.
    """
    span = right_ms - left_ms
    if span <= 0:
        return [Tick(left_ms, datetime.fromtimestamp(left_ms / 1000, UTC).strftime("%d %b %H:%M"))]
    for step in TIME_STEPS:
        if span / step <= count:
            return _clock_ticks(left_ms, right_ms, step)
    return _month_ticks(left_ms, right_ms, count)


def _clock_ticks(left_ms: float, right_ms: float, step: int) -> list[Tick]:
    first = math.ceil(left_ms / step) * step
    moments = range(first, math.floor(right_ms) + 1, step)
    midnight = any(moment % DAY == 0 for moment in moments)
    ticks = []
    for number, moment in enumerate(moments):
        day = datetime.fromtimestamp(moment / 1000, UTC)
        if moment % DAY == 0:
            label = day.strftime("%d %b")
        elif number == 0 and not midnight:
            label = day.strftime("%d %b %H:%M")
        else:
            label = day.strftime("%H:%M")
        ticks.append(Tick(moment, label))
    return ticks


def _month_ticks(left_ms: float, right_ms: float, count: int) -> list[Tick]:
    months = (right_ms - left_ms) / (30.44 * DAY)
    step = next((n for n in MONTH_STEPS if months / n <= count), MONTH_STEPS[-1])
    start = datetime.fromtimestamp(left_ms / 1000, UTC)
    number = -(-(start.year * 12 + start.month - 1) // step) * step
    ticks: list[Tick] = []
    while True:
        moment = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        value = moment.timestamp() * 1000
        if value > right_ms:
            return ticks
        if value >= left_ms:
            label = str(moment.year) if step >= 12 else moment.strftime("%b %Y" if not ticks else "%b")
            ticks.append(Tick(value, label if moment.month > 1 or step >= 12 else moment.strftime("%b %Y")))
        number += step


def moment_label(ms: float) -> str:
    """A moment in full, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def longest(ticks: Sequence[Tick]) -> int:
    """Cells of the longest label."""
    return max((len(tick.label) for tick in ticks), default=0)
