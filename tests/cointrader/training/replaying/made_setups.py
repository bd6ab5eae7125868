"""A world of candles with the setups that a collection would find at its extremes, from memory."""

from __future__ import annotations

import numpy as np

from cointrader.training.outcomes.priority import training_priority
from cointrader.training.outcomes.score import profitability_score
from models.base import SignalRows
from models.candle_series import CandleSeries
from models.cnn.pivots import extremes
from models.setup_rows import SetupRows
from tests.models.walks import CandleSource

HORIZON_BARS = 3
COST = 20e-4
UNIT = 50e-4


class SetupWorld(CandleSource):
    """Candles of one symbol, and a setup at each extreme whose horizon is over."""

    def __init__(self, candles: CandleSeries, provenance: str = "synthetic") -> None:
        super().__init__(candles)
        self.series, self.provenance = candles, provenance

    def setups(self, symbols: str) -> SetupRows:
        return setups_at_extremes(self.series)


def setups_at_extremes(series: CandleSeries) -> SetupRows:
    """Long at a low, short at a high, held for three bars, at a cost of 20 bps."""
    side_of_bar = -extremes(series.close, 5).astype(np.int64)
    bars = np.flatnonzero(side_of_bar[: len(series.close) - HORIZON_BARS])
    side = side_of_bar[bars]
    moved = np.log(series.close[bars + HORIZON_BARS] / series.close[bars])
    net = side * moved - COST
    score = profitability_score(net, UNIT)
    rapid = np.abs(moved) > np.quantile(np.abs(moved), 0.99)
    age = series.close_ms[-1] - series.close_ms[bars]
    return SetupRows(
        id=np.arange(1, len(bars) + 1),
        ts_ms=series.close_ms[bars],
        ends_ms=series.close_ms[bars + HORIZON_BARS],
        symbol=(series.symbol,) * len(bars),
        timeframe_ms=np.full(len(bars), series.timeframe_ms),
        side=side,
        extreme=-side,
        rapid=rapid,
        buy_return=moved - COST,
        sell_return=-moved - COST,
        score=score,
        priority=training_priority(score, np.zeros(len(bars)), rapid, age),
        value=score,
        state=np.zeros((len(bars), 1), dtype=np.float32),
    )


NO_SIGNALS = SignalRows(np.empty(0, dtype=np.int64), ())
