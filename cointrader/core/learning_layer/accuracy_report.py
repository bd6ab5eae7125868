"""Whether what was accepted has paid, and whether the agent `decision` knew.

A close pays when its profit is above 0 after costs. Positions that were open together share their market, so
n closes that overlap H-fold count as n/H: standard errors are sqrt(p(1-p)/(n/H)) of a share and
s/sqrt(n/H) of a mean. Predictions are judged only on signals later than anything their version had learned
from.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.report_counts import (
    Outcome,
    Stretch,
    count_accepted,
    read_outcomes,
    read_refused_outcomes,
)

LEAST = 30
"""Below so many closes nothing is concluded."""


@dataclass(frozen=True)
class Accuracy:
    """The share of n outcomes that paid and their mean net return; None of what too few can tell.

    `overlap` is how many of them were open at once, on average, when one began.
    """

    of: str
    n: int
    paid: float | None
    paid_error: float | None
    net_return: float | None
    net_return_error: float | None
    overlap: float
    is_enough: bool


@dataclass(frozen=True)
class AccuracyReport:
    """What accepted signals came to; beside it what rejected ones would have, and the agent's predictions."""

    stretch: Stretch
    accepted: int
    open: int
    closed: Accuracy
    by_strategy: tuple[Accuracy, ...]
    by_symbol: tuple[Accuracy, ...]
    refused: Accuracy
    predictions: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "run": self.stretch.run_id,
            "first_ms": self.stretch.first_ms,
            "last_ms": self.stretch.last_ms,
            "accepted": self.accepted,
            "open": self.open,
            "closed": vars(self.closed),
            "by_strategy": [vars(item) for item in self.by_strategy],
            "by_symbol": [vars(item) for item in self.by_symbol],
            "rejected_by_hindsight": vars(self.refused),
            "predictions": self.predictions,
        }


def report_accuracy(
    connection: sqlite3.Connection, stretch: Stretch, predictions: dict[str, Any] | None = None
) -> AccuracyReport:
    """Look through the closes of a stretch; `predictions` is what is said of the agent."""
    outcomes = read_outcomes(connection, stretch)
    accepted, still_open = count_accepted(connection, stretch)
    return AccuracyReport(
        stretch=stretch,
        accepted=accepted,
        open=still_open,
        closed=accuracy_of("all", outcomes),
        by_strategy=_parts(outcomes, "strategy"),
        by_symbol=_parts(outcomes, "symbol"),
        refused=accuracy_of("rejected", read_refused_outcomes(connection, stretch)),
        predictions=predictions or {},
    )


def accuracy_of(name: str, outcomes: Sequence[Outcome]) -> Accuracy:
    """The share that paid and the mean net return, each with its standard error."""
    n = len(outcomes)
    if not n:
        return Accuracy(name, 0, None, None, None, None, 1.0, False)
    net = np.array([item.net_return for item in outcomes], np.float64)
    share = sum(item.pnl > 0.0 for item in outcomes) / n
    overlap = mean_overlap(
        np.array([item.ts_ms for item in outcomes]), np.array([item.closed_ms for item in outcomes])
    )
    independent = n / overlap
    spread = float(net.std(ddof=1)) / math.sqrt(independent) if n > 1 else None
    return Accuracy(
        of=name,
        n=n,
        paid=share,
        paid_error=math.sqrt(share * (1.0 - share) / independent),
        net_return=float(net.mean()),
        net_return_error=spread,
        overlap=overlap,
        is_enough=n >= LEAST,
    )


def mean_overlap(begun_ms: NDArray[np.int64], ended_ms: NDArray[np.int64]) -> float:
    """How many of these were open when one began, itself included, on average; at least 1.

    One that ends at the moment at which another begins is not open any more.
    """
    if not begun_ms.size:
        return 1.0
    begun = np.searchsorted(np.sort(begun_ms), begun_ms, side="right")
    ended = np.searchsorted(np.sort(ended_ms), begun_ms, side="right")
    return max(1.0, float((begun - ended).mean()))


def _parts(outcomes: Sequence[Outcome], name: str) -> tuple[Accuracy, ...]:
    values = sorted({str(getattr(item, name)) for item in outcomes})
    return tuple(
        accuracy_of(value, [item for item in outcomes if getattr(item, name) == value]) for value in values
    )
