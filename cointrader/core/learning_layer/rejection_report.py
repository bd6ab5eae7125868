"""How much is rejected, by what, and whether that is more than before.

A rate is a share of signals. Its change against the stretch of the same length before it is called more or
less only where it lies beyond three standard errors, sqrt(p(1-p)/n) of each stretch, and not at all below
`LEAST` signals in either.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from storage.report_counts import SignalCounts, Stretch, count_signals, stretch_before

LEAST = 30
NOISE = 3.0
DIMENSIONS = ("stage", "code", "strategy", "symbol", "hour")


@dataclass(frozen=True)
class Rate:
    """Rejections of one kind. `before` and `change` are None where nothing came before.

    `trend` is more, less, within noise, or too few.
    """

    value: str
    signals: int
    rejected: int
    rate: float
    before: float | None
    change: float | None
    trend: str


@dataclass(frozen=True)
class RejectionReport:
    """The rates of a stretch, all of them and by dimension; the largest first, hours in order."""

    stretch: Stretch
    before: Stretch
    total: Rate
    by: dict[str, tuple[Rate, ...]]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "run": self.stretch.run_id,
            "first_ms": self.stretch.first_ms,
            "last_ms": self.stretch.last_ms,
            "before_first_ms": self.before.first_ms,
            "before_last_ms": self.before.last_ms,
            "total": _plain(self.total),
            **{f"by_{name}": [_plain(rate) for rate in rates] for name, rates in self.by.items()},
        }


def report_rejections(connection: sqlite3.Connection, stretch: Stretch) -> RejectionReport:
    """Count the signals of a stretch, and of the one before it."""
    earlier = stretch_before(stretch)
    now, then = count_signals(connection, stretch), count_signals(connection, earlier)
    by = {name: _rates(name, now, then) for name in DIMENSIONS}
    total = _rate("all", [now.signals, now.rejected], [then.signals, then.rejected])
    return RejectionReport(stretch, earlier, total, by)


def _rates(name: str, now: SignalCounts, then: SignalCounts) -> tuple[Rate, ...]:
    is_of_all = name in ("stage", "code")  # a stage and a code have rejections only: their share is of all
    known, earlier = now.of.get(name, {}), then.of.get(name, {})
    rates = []
    for value in {**known, **earlier}:
        nothing = [now.signals if is_of_all else 0, 0], [then.signals if is_of_all else 0, 0]
        rates.append(_rate(value, known.get(value, nothing[0]), earlier.get(value, nothing[1])))
    if name == "hour":
        return tuple(sorted(rates, key=lambda rate: rate.value))
    return tuple(sorted(rates, key=lambda rate: (-rate.rejected, -rate.signals, rate.value)))


def _rate(value: str, now: list[int], then: list[int]) -> Rate:
    (signals, rejected), (signals_then, rejected_then) = now, then
    rate = rejected / signals if signals else 0.0
    before = rejected_then / signals_then if signals_then else None
    change = None if before is None or not signals else rate - before
    trend = "too few"
    if change is not None and min(signals, signals_then) >= LEAST:
        error = math.sqrt(_variance(rate, signals) + _variance(before or 0.0, signals_then))
        trend = "within noise"
        if abs(change) > NOISE * error:
            trend = "more" if change > 0.0 else "less"
    return Rate(value, signals, rejected, rate, before, change, trend)


def _variance(rate: float, n: int) -> float:
    return rate * (1.0 - rate) / n


def _plain(rate: Rate) -> dict[str, Any]:
    return asdict(rate)
