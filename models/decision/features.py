"""What was known of a signal at its moment: itself, the hour, the market's unrest, how its kind did lately.

A trailing figure counts only positions that had closed before the signal's bar did. What is not known is 0
with its own mark of being unknown, as a linear model needs a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.candle_series import CandleSeries, FloatArray, IntArray, check_candles
from models.decision.closed_signals import AskedSignals, ClosedSignals

STRATEGIES = ("momentum", "mean_bot", "mean_reversion", "arbitrage")
"""Strategies with a feature of their own; of any other the trailing figures speak."""

FEATURE_NAMES = (
    "side",
    "confidence",
    "confidence_known",
    "exposure",
    "exposure_known",
    "hour_sine",
    "hour_cosine",
    "volatility_low",
    "volatility_high",
    "volatility_known",
    "trailing_win_rate",
    "trailing_return",
    "trailing_closes",
    "symbol_win_rate",
    *(f"strategy_{name}" for name in STRATEGIES),
)

DAY_MS = 86_400_000
UNREST_BARS = 96
UNREST_WINDOW = 1_000
LEAST_WINDOW = 200
STALE_BARS = 2
PRIOR_CLOSES = 5.0
"""A win rate is drawn towards 1/2 as if so many closes more had been seen, half of them won."""

LARGEST_RETURN = 0.05
_CHUNK = 2_000


def compute_features(
    asked: AskedSignals, past: ClosedSignals, candles: Sequence[CandleSeries], trailing_closes: int
) -> FloatArray:
    """(n, 18) in the order of FEATURE_NAMES, every number finite.

    With the last `trailing_closes` closes of the strategy before the signal, w won of k: trailing_win_rate =
    (w + 5/2)/(k + 5) - 1/2; trailing_return their mean net return, clipped at 5 %, in %; trailing_closes =
    log(1 + k). symbol_win_rate is the same of the strategy on the symbol alone. volatility_low and _high mark
    the outer thirds of sqrt(sum of the last 96 squared log returns) among its last 1,000 values.
    """
    count = len(asked.ts_ms)
    angle = 2.0 * math.pi * (asked.ts_ms % DAY_MS) / DAY_MS
    low, high, known = _unrest(asked, candles)
    win_rate, mean_return, closes = _trailing(asked, past, trailing_closes, by_symbol=False)
    symbol_rate, _, _ = _trailing(asked, past, trailing_closes, by_symbol=True)
    named = np.array(asked.strategy, dtype=np.str_) if count else np.empty(0, dtype=np.str_)
    columns = [
        asked.side.astype(np.float64),
        *_with_mark(asked.confidence),
        *_with_mark(asked.exposure),
        np.sin(angle),
        np.cos(angle),
        low,
        high,
        known,
        win_rate,
        mean_return,
        closes,
        symbol_rate,
        *((named == name).astype(np.float64) for name in STRATEGIES),
    ]
    made: FloatArray = np.column_stack(columns)
    return made


def _with_mark(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    known = np.isfinite(values)
    return np.where(known, values, 0.0), known.astype(np.float64)


def _trailing(
    asked: AskedSignals, past: ClosedSignals, last: int, *, by_symbol: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(win rate - 1/2, mean net return in %, log(1 + closes)) of each signal's kind before it, (n,) each."""
    made = np.zeros((3, len(asked.ts_ms)))
    of_past = _by_kind(past.asked, by_symbol)
    for kind, rows in _by_kind(asked, by_symbol).items():
        theirs = of_past.get(kind, np.empty(0, dtype=np.int64))
        theirs = theirs[np.argsort(past.ends_ms[theirs], kind="stable")]
        # What closes at the very moment may be filled after it, so only what closed before is known.
        end = np.searchsorted(past.ends_ms[theirs], asked.ts_ms[rows], side="left")
        start = np.maximum(end - last, 0)
        net = np.clip(np.nan_to_num(past.net_return[theirs]), -LARGEST_RETURN, LARGEST_RETURN)
        won = _between(past.pays[theirs].astype(np.float64), start, end)
        closes = (end - start).astype(np.float64)
        made[0, rows] = (won + PRIOR_CLOSES / 2.0) / (closes + PRIOR_CLOSES) - 0.5
        made[1, rows] = 100.0 * _between(net, start, end) / np.maximum(closes, 1.0)
        made[2, rows] = np.log1p(closes)
    return made[0], made[1], made[2]


def _by_kind(asked: AskedSignals, by_symbol: bool) -> Mapping[tuple[str, str], IntArray]:
    rows: dict[tuple[str, str], list[int]] = {}
    for row, (strategy, symbol) in enumerate(zip(asked.strategy, asked.symbol, strict=True)):
        rows.setdefault((strategy, symbol if by_symbol else ""), []).append(row)
    return {kind: np.array(found, dtype=np.int64) for kind, found in rows.items()}


def _between(values: FloatArray, start: NDArray[np.intp], end: NDArray[np.intp]) -> FloatArray:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    made: FloatArray = sums[end] - sums[start]
    return made


def _unrest(
    asked: AskedSignals, candles: Sequence[CandleSeries]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(low third, high third, known) of the market's volatility at each signal; zeros where unknown."""
    rank = np.full(len(asked.ts_ms), np.nan)
    symbols = np.array(asked.symbol, dtype=np.str_)
    for series in candles:
        rows = np.flatnonzero(symbols == series.symbol)
        if rows.size and len(series.close) >= UNREST_BARS + LEAST_WINDOW:
            rank[rows] = _ranks(series, asked.ts_ms[rows])
    known = np.isfinite(rank)
    low, high = known & (rank <= 1.0 / 3.0), known & (rank > 2.0 / 3.0)
    return low.astype(np.float64), high.astype(np.float64), known.astype(np.float64)


def _ranks(series: CandleSeries, moments: IntArray) -> FloatArray:
    """The share of the last 1,000 volatilities below the newest at each moment; NaN where unknown."""
    check_candles(series)
    returns = np.diff(np.log(series.close), prepend=math.log(series.close[0]))
    sums = np.concatenate([[0.0], np.cumsum(returns**2)])
    unrest = np.full(UNREST_WINDOW - 1 + len(returns), np.nan)
    unrest[UNREST_WINDOW - 1 + UNREST_BARS :] = np.sqrt(
        np.maximum(sums[UNREST_BARS + 1 :] - sums[1:-UNREST_BARS], 0.0)
    )
    windows = sliding_window_view(unrest, UNREST_WINDOW)
    bars = np.searchsorted(series.close_ms, moments, side="right") - 1
    fresh = bars >= UNREST_BARS + LEAST_WINDOW - 1
    fresh[fresh] &= moments[fresh] - series.close_ms[bars[fresh]] <= STALE_BARS * series.timeframe_ms
    rank = np.full(len(moments), np.nan)
    places = np.flatnonzero(fresh)
    for first in range(0, len(places), _CHUNK):
        part = places[first : first + _CHUNK]
        window = windows[bars[part]]
        below = (window < window[:, -1:]).sum(axis=1)
        rank[part] = below / np.isfinite(window).sum(axis=1)
    return rank
