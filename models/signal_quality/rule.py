"""The rule whose signals are judged: overbought above the average price, oversold below it.

rsi > 70 and price > VWAP: sell, strength (rsi - 70)/30. rsi < 30 and price < VWAP: buy, strength
(30 - rsi)/30. Else hold, 0.5. Both indicators over 14 prices (Wilder's index; volume-weighted average).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.candle_series import CandleSeries, FloatArray
from models.indicators.relative_strength import rsi
from models.indicators.volume import vwap

WINDOW = 14
OVERBOUGHT = 70.0
OVERSOLD = 30.0
HOLD_STRENGTH = 0.5


def signal_of(strength_index: float, price: float, average: float) -> tuple[str, float]:
    """("buy" | "sell" | "hold", strength from 0 to 1) of one price."""
    if strength_index > OVERBOUGHT and price > average:
        return "sell", (strength_index - OVERBOUGHT) / (100.0 - OVERBOUGHT)
    if strength_index < OVERSOLD and price < average:
        return "buy", (OVERSOLD - strength_index) / OVERSOLD
    return "hold", HOLD_STRENGTH


def signals_of(series: CandleSeries) -> tuple[NDArray[np.int8], FloatArray]:
    """(side, strength) a bar, (n,) each: 1 buy, -1 sell, 0 hold; strength is NaN where there is no signal."""
    index = rsi(series.close, WINDOW)
    average = vwap(series.high, series.low, series.close, series.volume, WINDOW)
    sells = (index > OVERBOUGHT) & (series.close > average)
    buys = (index < OVERSOLD) & (series.close < average)
    side = buys.astype(np.int8) - sells.astype(np.int8)
    strength = np.where(sells, (index - OVERBOUGHT) / (100.0 - OVERBOUGHT), (OVERSOLD - index) / OVERSOLD)
    return side, np.where(side != 0, strength, np.nan)
