"""P2: RSI(14), VWAP(14), Bollinger(20, 2) and ATR(14) over a million bars, and RSI and ATR one bar at a time.

The limit of the first is one compiled pass that makes all six columns; of the second, the same arithmetic
written into a Python loop. Results are compared before anything is timed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, interleave, row_of
from benchmarks.market import candles_of
from models.compiled import kernel
from models.indicators import rsi_atr_stream, rsi_vwap_bollinger_atr
from storage.candles import Candles

PERIOD, WIDE, WIDTH = 14, 20, 2.0

Array = NDArray[np.float64]


@kernel
def limit(
    high: Array, low: Array, close: Array, volume: Array, n: int, m: int, width: float, out: Array
) -> None:
    """Rows of `out`: RSI, VWAP, upper, middle, lower, ATR; running sums that are never renewed."""
    gains = losses = spread = money = traded = total = squares = 0.0
    base = close[0]
    for i in range(close.size):
        price = close[i]
        if i > 0:
            change = price - close[i - 1]
            reach = max(high[i], close[i - 1]) - min(low[i], close[i - 1])
            weight = 1.0 / n
            keep = 1.0 if i <= n else 1.0 - weight
            gains = gains * keep + max(change, 0.0) * weight
            losses = losses * keep + max(-change, 0.0) * weight
            spread = spread * keep + reach * weight
        typical = (high[i] + low[i] + price) / 3.0
        money += typical * volume[i]
        traded += volume[i]
        total += price - base
        squares += (price - base) ** 2
        if i >= n:
            money -= (high[i - n] + low[i - n] + close[i - n]) / 3.0 * volume[i - n]
            traded -= volume[i - n]
        if i >= m:
            total -= close[i - m] - base
            squares -= (close[i - m] - base) ** 2
        out[0, i] = 100.0 * gains / (gains + losses) if i >= n else np.nan
        out[5, i] = spread if i >= n else np.nan
        out[1, i] = money / traded if i >= n - 1 else np.nan
        if i >= m - 1:
            mean = total / m
            reach = width * np.sqrt(max(squares / m - mean * mean, 0.0))
            out[2, i], out[3, i], out[4, i] = mean + base + reach, mean + base, mean + base - reach
        else:
            out[2, i] = out[3, i] = out[4, i] = np.nan


def rows(bars: int = 1_000_000, updates: int = 20_000, rounds: int = 7) -> list[Row]:
    """Whole columns, then one bar at a time."""
    whole = interleave(_whole(candles_of(bars)), "limit", rounds=rounds)
    fed = interleave(_fed(candles_of(updates)), "limit", rounds=rounds)
    return [
        row_of("P2", f"RSI, VWAP, Bollinger, ATR, {bars:,} bars", whole, target=1.3),
        row_of("P2", f"RSI and ATR one bar at a time, {updates:,}", fed, target=0.5),
    ]


def _whole(candles: Candles) -> dict[str, Callable[[], object]]:
    high, low, close, volume = candles.high, candles.low, candles.close, candles.volume
    floor, mine = np.empty((6, close.size)), np.empty((6, close.size))
    cases: dict[str, Callable[[], object]] = {
        "limit": lambda: limit(high, low, close, volume, PERIOD, WIDE, WIDTH, floor),
        "ours": lambda: rsi_vwap_bollinger_atr(high, low, close, volume, out=mine),
    }
    for work in cases.values():
        work()
    np.testing.assert_allclose(mine, floor, rtol=1e-6)
    if importlib.util.find_spec("talib"):
        cases["TA-Lib"] = lambda: with_talib(candles)
    return cases


def with_talib(candles: Candles) -> tuple[Array, ...]:
    """TA-Lib, which has no VWAP: that column by NumPy."""
    import talib

    high, low, close, volume = candles.high, candles.low, candles.close, candles.volume
    money, traded = np.cumsum((high + low + close) / 3.0 * volume), np.cumsum(volume)
    money[PERIOD:], traded[PERIOD:] = money[PERIOD:] - money[:-PERIOD], traded[PERIOD:] - traded[:-PERIOD]
    bands = talib.BBANDS(close, WIDE, WIDTH, WIDTH)
    return talib.RSI(close, PERIOD), money / traded, *bands, talib.ATR(high, low, close, PERIOD)


def _fed(candles: Candles) -> dict[str, Callable[[], object]]:
    columns = (candles.high.tolist(), candles.low.tolist(), candles.close.tolist())

    def floor() -> tuple[float, float]:
        return inlined(*columns)

    def ours() -> tuple[float, float]:
        update = rsi_atr_stream(PERIOD)
        for high, low, close in zip(*columns, strict=True):
            last = update(high, low, close)
        return last

    np.testing.assert_allclose(ours(), floor(), rtol=1e-9)
    cases: dict[str, Callable[[], object]] = {"limit": floor, "ours": ours}
    if importlib.util.find_spec("talib"):
        cases.update(_talib_stream(candles, columns))
    return cases


def inlined(highs: list[float], lows: list[float], closes: list[float]) -> tuple[float, float]:
    """The arithmetic of both, written into one loop."""
    gains = losses = spread = 0.0
    last = closes[0]
    for i in range(1, len(closes)):
        close = closes[i]
        change = close - last
        reach = max(highs[i], last) - min(lows[i], last)
        if i <= PERIOD:
            gains += max(change, 0.0) / PERIOD
            losses += max(-change, 0.0) / PERIOD
            spread += reach / PERIOD
        else:
            gains += (max(change, 0.0) - gains) / PERIOD
            losses += (max(-change, 0.0) - losses) / PERIOD
            spread += (reach - spread) / PERIOD
        last = close
    return 100.0 * gains / (gains + losses), spread


def _talib_stream(
    candles: Candles, columns: tuple[list[float], list[float], list[float]]
) -> dict[str, Callable[[], object]]:
    """TA-Lib's objects that keep their state, where the installed version has them."""
    import talib

    if not hasattr(getattr(talib.stream, "RSI", None), "update"):
        return {}
    warm = 300
    first = (candles.high[:warm], candles.low[:warm], candles.close[:warm])

    def stream() -> tuple[float, float]:
        strength, spread = talib.stream.RSI(first[2], PERIOD), talib.stream.ATR(*first, PERIOD)
        for high, low, close in zip(*(column[warm:] for column in columns), strict=True):
            last = strength.update(close), spread.update(high, low, close)
        return last

    return {"TA-Lib stream": stream}
