"""What was known of a signal at its moment: the price around it, and what the feeds had recorded by then.

A feed that had recorded nothing, or nothing lately, leaves its feature absent (NaN): the trees learn from
absence too, and no value is made up. Feature t reads bars up to t and records up to the close of bar t.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.candle_series import CandleSeries, FloatArray, IntArray, check_candles
from models.indicators.bollinger_bands import bollinger
from models.indicators.moving_average import sma
from models.indicators.true_range import atr
from models.indicators.volume import vwap
from models.signal_quality.rule import WINDOW, signals_of

FEATURE_NAMES = (
    "signal_strength",
    "side",
    "price_gap",
    "price_return_12",
    "volatility_ratio",
    "volume_ratio",
    "sentiment",
    "slippage_bps",
    "spread_bps",
    "liquidity",
)
RECORDED = ("sentiment", "slippage_bps", "spread_bps", "liquidity")
"""Features that only feeds know; the others come from prices."""

WARM_UP_BARS = 97
SMALLEST = 1e-9


@dataclass(frozen=True)
class Known:
    """Values of one kind with the moments at which they became known, ascending; shapes (n,)."""

    ts_ms: IntArray
    value: FloatArray

    def latest(self, moments: IntArray, within_ms: float) -> FloatArray:
        """The newest value at each moment, NaN where it is older than `within_ms`, or there is none."""
        place = np.searchsorted(self.ts_ms, moments, side="right") - 1
        return self._where_fresh(place, moments, within_ms, self.value)

    def mean(self, moments: IntArray, within_ms: float) -> FloatArray:
        """The mean of the values of the last `within_ms` at each moment, NaN without one."""
        end = np.searchsorted(self.ts_ms, moments, side="right")
        start = np.searchsorted(self.ts_ms, moments - int(within_ms), side="right")
        sums = np.concatenate([[0.0], np.cumsum(self.value)])
        count = (end - start).astype(np.float64)
        mean: FloatArray = np.where(count > 0, (sums[end] - sums[start]) / np.maximum(count, 1.0), np.nan)
        return mean

    def _where_fresh(
        self, place: NDArray[np.intp], moments: IntArray, within_ms: float, value: FloatArray
    ) -> FloatArray:
        found = np.full(len(moments), np.nan)
        there = place >= 0
        fresh = there.copy()
        fresh[there] = moments[there] - self.ts_ms[place[there]] <= within_ms
        found[fresh] = value[place[fresh]]
        return found


NOTHING_KNOWN: Mapping[str, Known] = MappingProxyType({})


@dataclass(frozen=True)
class Freshness:
    """How long recorded values count as known."""

    sentiment_ms: float
    market_ms: float


def compute_features(series: CandleSeries, known: Mapping[str, Known], freshness: Freshness) -> FloatArray:
    """(n, 10) in the order of FEATURE_NAMES; whole rows NaN where there is no signal or too little history.

    With s the side (1 buy, -1 sell), s96 the deviation of the last 96 log returns and ATR that of 14 bars:
    price_gap = s (close - VWAP14)/ATR; price_return_12 = s log(c/c 12 bars ago)/(s96 sqrt 12);
    volatility_ratio = log(s12/s96); volume_ratio = log(1 + v/mean48 v) - log 2; sentiment = s x mean of what
    was recorded lately; spread_bps and slippage_bps of the price; liquidity = log(1 + amount near the best
    prices). Raises BadCandles.
    """
    check_candles(series)
    features = np.full((len(series.close), len(FEATURE_NAMES)), np.nan)
    if len(series.close) <= WARM_UP_BARS:
        return features
    side, strength = signals_of(series)
    sign = side.astype(np.float64)
    columns = np.column_stack(
        [strength, sign, *_of_prices(series, sign), *_of_feeds(series, sign, known, freshness)]
    )
    rows = np.flatnonzero(side)
    rows = rows[rows >= WARM_UP_BARS]
    features[rows] = columns[rows]
    return features


def _of_prices(series: CandleSeries, sign: FloatArray) -> list[FloatArray]:
    log_close = np.log(series.close)
    returns = np.diff(log_close, prepend=log_close[:1])
    slow, fast = (np.maximum(_deviation(returns, bars), SMALLEST) for bars in (96, 12))
    reach = np.maximum(atr(series.high, series.low, series.close, WINDOW), SMALLEST)
    average = vwap(series.high, series.low, series.close, series.volume, WINDOW)
    past = np.full_like(log_close, np.nan)
    past[12:] = log_close[12:] - log_close[:-12]
    usual = np.maximum(sma(series.volume, 48), SMALLEST)
    return [
        sign * (series.close - average) / reach,
        sign * past / (slow * np.sqrt(12.0)),
        np.log(fast / slow),
        np.log1p(series.volume / usual) - np.log(2.0),
    ]


def _of_feeds(
    series: CandleSeries, sign: FloatArray, known: Mapping[str, Known], freshness: Freshness
) -> list[FloatArray]:
    moments = series.close_ms
    absent = np.full(len(moments), np.nan)

    def latest(name: str) -> FloatArray:
        return known[name].latest(moments, freshness.market_ms) if name in known else absent

    sentiment = known["sentiment"].mean(moments, freshness.sentiment_ms) if "sentiment" in known else absent
    return [
        sign * sentiment,
        latest("slippage") * 1e4,
        latest("spread") / series.close * 1e4,
        np.log1p(latest("liquidity")),
    ]


def _deviation(values: FloatArray, bars: int) -> FloatArray:
    band = bollinger(values, bars, 1.0)
    return band.upper - band.middle
