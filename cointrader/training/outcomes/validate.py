"""Outcomes of many setups of one series at once, from complete candles only.

A setup has its outcome when its horizon has passed and every bar in it is stored. Until then it waits; where
a bar is missing, or what was collected is not what the candles say now, it is incomplete, with a reason, and
is looked at again whenever candles were added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.training.outcomes.labels import (
    LABEL_MINUTES,
    MINUTE_MS,
    bars_of,
    excursions,
    is_whole,
    label_bars,
    returns_after,
)
from cointrader.training.outcomes.score import (
    BPS,
    hindsight_values,
    optimal_action,
    profitability_score,
    regret,
)
from models.candle_series import CandleSeries, FloatArray, IntArray

PRICE_TOLERANCE = 1e-9


class Incomplete(StrEnum):
    """Why a setup has no outcome though its horizon has passed; the value is what is stored."""

    HORIZON_WITHIN_BAR = "outcome:horizon_within_bar"
    GAP = "outcome:gap"
    CHANGED = "outcome:candle_changed"


@dataclass(frozen=True)
class OutcomeTerms:
    """What outcomes are measured by: horizon, cost of the round trip and unit of the score (fractions)."""

    horizon_ms: int
    cost: float
    unit: float

    @classmethod
    def of(cls, horizon_minutes: float, cost_bps: float, score_unit_bps: float) -> OutcomeTerms:
        """From settings."""
        return cls(round(horizon_minutes * MINUTE_MS), cost_bps * BPS, score_unit_bps * BPS)


@dataclass(frozen=True)
class Moments:
    """Setups of one series, oldest first: close of the bar, side (1 long, -1 short), action taken, price."""

    ts_ms: IntArray
    side: IntArray
    taken: IntArray
    price: FloatArray

    def __len__(self) -> int:
        return int(self.ts_ms.size)


@dataclass(frozen=True)
class Measured:
    """Outcomes of the setups at `rows` of what was asked for; returns are log returns.

    `price_return` is that of the price, `gross` and `net` those of the side; a label is NaN where no bar
    closes at its time. `horizon_ms` is the time over which it was truly measured: whole bars.
    """

    rows: IntArray
    horizon_ms: int
    entry_price: FloatArray
    exit_price: FloatArray
    price_return: FloatArray
    gross: FloatArray
    net: FloatArray
    labels: dict[int, FloatArray]
    mae: FloatArray
    mfe: FloatArray
    score: FloatArray
    optimal: IntArray
    regret: FloatArray

    def __len__(self) -> int:
        return int(self.rows.size)

    def cut(self, first: int, end: int) -> Measured:
        """The rows from `first` up to, without, `end`."""
        part: dict[str, Any] = {
            name: value[first:end] for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        labels = {minutes: values[first:end] for minutes, values in self.labels.items()}
        return replace(self, labels=labels, **part)


@dataclass(frozen=True)
class Validation:
    """What became of setups: those with an outcome, and for each reason those that cannot have one now.

    The others wait.
    """

    measured: Measured
    incomplete: dict[Incomplete, IntArray]


def validate(series: CandleSeries, moments: Moments, terms: OutcomeTerms) -> Validation:
    """Measures what can be measured now. The newest candle is the newest moment that is known."""
    everything = np.arange(len(moments))
    bars = bars_of(terms.horizon_ms, series.timeframe_ms)
    if bars == 0:
        nothing = everything[:0]
        return Validation(
            _measure(series, moments, nothing, nothing, terms, 1), {Incomplete.HORIZON_WITHIN_BAR: everything}
        )
    rows = np.searchsorted(series.close_ms, moments.ts_ms)
    bar = np.minimum(rows, len(series.close_ms) - 1)
    is_there = series.close_ms[bar] == moments.ts_ms
    is_same = np.abs(series.close[bar] - moments.price) <= PRICE_TOLERANCE * moments.price
    whole = is_whole(series.close_ms, bar, bars, series.timeframe_ms)
    elapsed = moments.ts_ms + _reach_ms(bars, series.timeframe_ms) <= series.close_ms[-1]
    chosen = np.flatnonzero(elapsed & is_there & is_same & whole)
    reasons = {
        Incomplete.GAP: np.flatnonzero(elapsed & ~(is_there & whole)),
        Incomplete.CHANGED: np.flatnonzero(elapsed & is_there & whole & ~is_same),
    }
    measured = _measure(series, moments, chosen, bar[chosen], terms, bars)
    return Validation(measured, {reason: found for reason, found in reasons.items() if found.size})


def waits_ms(horizon_ms: int, timeframe_ms: int) -> int:
    """How long after its moment a setup can be validated: the horizon in whole bars, and every label."""
    return _reach_ms(max(1, bars_of(horizon_ms, timeframe_ms)), timeframe_ms)


def _reach_ms(bars: int, timeframe_ms: int) -> int:
    return max([bars, *label_bars(timeframe_ms).values()]) * timeframe_ms


def _measure(
    series: CandleSeries, moments: Moments, chosen: IntArray, rows: IntArray, terms: OutcomeTerms, bars: int
) -> Measured:
    side = moments.side[chosen]
    exit_rows = rows + bars if rows.size else rows
    moved = np.log(series.close[exit_rows] / series.close[rows])
    gross: FloatArray = np.multiply(side, moved, dtype=np.float64)
    net: FloatArray = gross - terms.cost
    values = hindsight_values(moved, terms.cost)
    mae, mfe = excursions(series, rows, side, bars)
    known = label_bars(series.timeframe_ms)
    unknown: NDArray[np.float64] = np.full(rows.size, np.nan)
    return Measured(
        rows=chosen,
        horizon_ms=bars * series.timeframe_ms,
        entry_price=series.close[rows],
        exit_price=series.close[exit_rows],
        price_return=moved,
        gross=gross,
        net=net,
        labels={
            minutes: returns_after(series, rows, side, known[minutes]) if minutes in known else unknown
            for minutes in LABEL_MINUTES
        },
        mae=mae,
        mfe=mfe,
        score=profitability_score(net, terms.unit),
        optimal=optimal_action(values),
        regret=regret(values, moments.taken[chosen]),
    )
