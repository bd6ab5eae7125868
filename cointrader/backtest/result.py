"""What a backtest found, as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.core.reasons import Reason
from cointrader.settings import Settings
from cointrader.trading.position import Records
from cointrader.trading.reward_columns import RewardColumns
from models.metrics.performance import Performance
from storage.candles import Candles

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class BacktestResult:
    """One run. Symbols and strategies are numbered as in `candles` and `strategies`.

    `signals` (SIGNAL records, ordered by time) and `verdicts` (VERDICT records) have one entry a signal, in
    the same order; `prices` is the close that each signal was given at. `trades` (TRADE records) and
    `rewards` are ordered by close; `trades["signal"]` is the position of its signal. `marks_ms`, `equity`
    and `exposure` have one entry a moment. `gaps` counts the places where bars are missing.
    """

    candles: tuple[Candles, ...]
    strategies: tuple[str, ...]
    params: Mapping[str, Any]
    settings: Settings
    signals: Records
    prices: FloatArray
    verdicts: Records
    trades: Records
    rewards: RewardColumns
    marks_ms: NDArray[np.int64]
    equity: FloatArray
    exposure: FloatArray
    performance: Performance
    alarms: tuple[str, ...]
    gaps: int
    seconds: float

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols by number."""
        return tuple(candles.symbol for candles in self.candles)

    @property
    def bars(self) -> int:
        """Bars of all symbols together."""
        return sum(len(candles) for candles in self.candles)

    @property
    def rejected(self) -> int:
        """Signals that did not become a position."""
        return int(np.count_nonzero(self.verdicts["reason"]))

    @property
    def rejections(self) -> dict[str, int]:
        """How many signals each reason stopped, the commonest first."""
        counts = Counter(self.verdicts["reason"].tolist())
        counts.pop(int(Reason.ACCEPTED), None)
        return {Reason(number).code: count for number, count in counts.most_common()}

    def summary(self) -> dict[str, Any]:
        """What a command prints: bars, gaps, signals, rejections by reason, trades, metrics, alarms."""
        return {
            "symbols": list(self.symbols),
            "strategies": list(self.strategies),
            "bars": self.bars,
            "gaps": self.gaps,
            "signals": int(self.signals.size),
            "rejections": self.rejected,
            "rejections_by_reason": self.rejections,
            "trades": int(self.trades.size),
            "metrics": self.performance.as_dict(),
            "alarms": list(self.alarms),
            "seconds": round(self.seconds, 3),
        }
