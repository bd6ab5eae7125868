"""Closed signals made by a coin, and a source that holds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.base import SignalRows
from models.candle_series import CandleSeries
from models.decision.closed_signals import AskedSignals, ClosedSignals
from models.errors import NotEnoughRows

MINUTES_5 = 300_000


def coin_closes(count: int, seed: int, symbols: tuple[str, ...] = ("BTC/USDT", "ETH/USDT")) -> ClosedSignals:
    """Signals every two bars or so whose outcome nobody could know; each lasts 1 to 12 bars."""
    draw = np.random.default_rng(seed)
    ts = MINUTES_5 * np.cumsum(draw.integers(1, 4, count)).astype(np.int64)
    net = draw.normal(0.0, 0.004, count)
    asked = AskedSignals(
        ts_ms=ts,
        symbol=tuple(symbols[place] for place in draw.integers(0, len(symbols), count).tolist()),
        strategy=tuple(("momentum", "mean_bot")[place] for place in draw.integers(0, 2, count).tolist()),
        side=draw.choice(np.array([-1, 1], dtype=np.int64), count),
        confidence=draw.uniform(0.05, 1.0, count),
        exposure=draw.choice(np.array([0.0, 0.1]), count),
    )
    ends = ts + MINUTES_5 * draw.integers(1, 13, count)
    return ClosedSignals(asked, ends, net > 0.0, net).in_order()


class CloseSource:
    """A `DecisionSource` over closes and candles at hand."""

    provenance = "backtest"

    def __init__(self, closed: ClosedSignals, *candles: CandleSeries) -> None:
        self._closed, self._candles = closed, candles

    def candles(self, symbols: str, timeframe_minutes: int) -> Sequence[CandleSeries]:
        if not self._candles:
            raise NotEnoughRows(0, 1, "candles")
        return self._candles

    def signals(self) -> SignalRows:
        return SignalRows(self._closed.asked.ts_ms, self._closed.asked.symbol)

    def closed_signals(self, symbols: str) -> ClosedSignals:
        return self._closed
