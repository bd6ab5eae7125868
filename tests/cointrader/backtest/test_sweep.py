"""Many parameter sets at once come to what single runs come to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from cointrader.backtest.run import run_backtest
from cointrader.backtest.simulate import Bars, Made, outcome, simulate
from cointrader.backtest.sweep import sweep
from cointrader.settings import Settings
from cointrader.strategies import registry
from cointrader.strategies.base import OPPOSITE_LONG, SignalArrays, no_distance
from storage.candles import Candles
from tests.cointrader.market import walk, without

CANDLES = without(walk(6000, 12), 2500, 9)


@pytest.mark.parametrize("name", registry.names())
def test_a_sweep_is_single_runs(name: str) -> None:
    sets = [registry.build_params(name, {"atr": period, "max_bars": 40 + period}) for period in (5, 14, 30)]
    for row in sweep(CANDLES, registry.load(name), sets, threads=2):
        single = run_backtest([CANDLES], [name], params={name: row.params})
        assert row.outcome.signals == single.signals.size
        assert row.outcome.accepted == single.trades.size
        assert row.outcome.wins == int(np.count_nonzero(single.trades["net"] > 0))
        assert row.outcome.end_equity == single.performance.end_equity


@dataclass(frozen=True)
class Every:
    """Enters at every so many bars and asks to leave some bars later."""

    bars: int
    hold: int

    def signals(self, candles: Candles, side: int) -> SignalArrays:
        index = np.arange(self.bars, len(candles), self.bars)
        exits = np.zeros(len(candles), np.uint8)
        exits[self.hold :: self.bars] = OPPOSITE_LONG * (2 if side < 0 else 1)
        none = no_distance(index.size)
        sure, limit = np.ones(index.size), np.zeros(index.size, np.int64)
        return SignalArrays(index, np.full(index.size, side), sure, none, none, none, limit, exits)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("every", [Every(7, 3), Every(50, 1), Every(400, 399), Every(900, 0)])
def test_skipping_what_nobody_reads_changes_no_outcome(every: Every, side: int) -> None:
    bars = Bars([CANDLES])
    made = [Made(0, 0, every.signals(CANDLES, side))]
    kept, short = simulate(bars, made, Settings()), outcome(bars, made, Settings())
    assert short.accepted == kept.trades.size > 0
    assert short.end_equity == kept.marks.equity[-1]
    assert short.signals == kept.verdicts.size
