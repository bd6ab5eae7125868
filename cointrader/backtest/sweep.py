"""One strategy with many parameter sets over the same candles, several at a time.

The compiled parts run without the GIL, so threads share the cores and the candles. Only the outcome of each
set is kept: equity between trades is not marked, which lets the kernel skip what cannot matter. Trades and
profits are those of `run_backtest`, to the last bit.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from cointrader.backtest.simulate import Bars, Made, Outcome, outcome
from cointrader.core.book import SIGNAL
from cointrader.settings import Settings
from cointrader.strategies.base import Strategy
from storage.candles import Candles


@dataclass(frozen=True)
class SweepRow:
    """One parameter set and what it came to."""

    params: Any
    outcome: Outcome


def sweep(
    candles: Candles,
    strategy: Strategy,
    sets: Sequence[Any],
    settings: Settings | None = None,
    *,
    threads: int | None = None,
) -> list[SweepRow]:
    """The outcome of each parameter set, in the order of `sets`; as many threads as cores by default."""
    chosen = settings or Settings()
    bars = Bars([candles])
    mine = threading.local()

    def one(params: Any) -> SweepRow:
        made = strategy.signals(candles, params, stop_atr=chosen.simulation.stop_atr)
        room = getattr(mine, "room", None)
        if room is None or room.size < len(made):
            room = mine.room = np.empty(2 * len(made), SIGNAL)
        return SweepRow(params, outcome(bars, [Made(0, 0, made)], chosen, room))

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        return list(pool.map(one, sets))
