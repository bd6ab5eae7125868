"""Momentum: enter where EMA(fast) crosses EMA(slow) and the rate of change has the same sign.

confidence = clip(|EMA fast - EMA slow| / ATR, 0, 1). Leaves at a target of 4 ATR, at the opposite cross,
after 96 bars, or at the stop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cointrader.strategies.base import OPPOSITE_LONG, OPPOSITE_SHORT, SignalArrays, no_distance
from cointrader.strategies.momentum.params import MomentumParams
from models.indicators.moving_average import ema
from models.indicators.rate_of_change import roc
from models.indicators.true_range import atr
from storage.candles import Candles


class Momentum:
    """The strategy; it keeps nothing between two calls."""

    name = "momentum"
    params = MomentumParams

    def signals(self, candles: Candles, params: MomentumParams, *, stop_atr: float = 2.0) -> SignalArrays:
        """The crosses of `candles` that the rate of change agrees with."""
        close = candles.close
        gap = ema(close, params.fast) - ema(close, params.slow)
        spread = atr(candles.high, candles.low, close, params.atr)
        speed = roc(close, params.roc)
        up, down = crosses(gap > 0.0), crosses(gap < 0.0)
        exits = down.view(np.uint8) * np.uint8(OPPOSITE_LONG) | up.view(np.uint8) * np.uint8(OPPOSITE_SHORT)
        agreed = (up & (speed > 0.0)) | (down & (speed < 0.0))
        agreed[: max(params.slow, params.atr, params.roc)] = False
        index = np.flatnonzero(agreed)
        index = index[spread[index] > 0.0]
        distance = spread[index]
        return SignalArrays(
            index=index,
            side=np.where(up[index], 1, -1).astype(np.int64),
            confidence=np.clip(np.abs(gap[index]) / distance, 0.0, 1.0),
            stop_distance=stop_atr * distance,
            target_distance=params.target_atr * distance,
            trail_distance=no_distance(index.size),
            max_bars=np.full(index.size, params.max_bars, dtype=np.int64),
            exits=exits,
        )


def crosses(beyond: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a condition begins to hold; not at the first bar, which has none before it."""
    begins = np.zeros_like(beyond)
    begins[1:] = beyond[1:] & ~beyond[:-1]
    return begins


MOMENTUM = Momentum()
