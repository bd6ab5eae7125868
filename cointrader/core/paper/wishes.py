"""What strategies wish for at each new bar, the same to the last bit as over the whole history at once.

A strategy is a pure function of columns, and what it says at a bar depends on the bars up to there and on
nothing later. So it is computed once for each growth of a series, and the new bars' part is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cointrader.core.bars import fill_records
from cointrader.core.book import SIGNAL
from cointrader.core.paper.moments import Moments
from cointrader.strategies import registry
from cointrader.strategies.base import SignalArrays
from cointrader.trading.position import Records
from storage.candles import Candles


class Wishes:
    """The signals of some strategies on some symbols, both by number."""

    def __init__(self, strategies: Sequence[str], params: Mapping[str, Any], stop_atr: float) -> None:
        """`params` has the checked parameters of every strategy. Raises UnknownStrategy."""
        self._rules = [(registry.load(name), params[name]) for name in strategies]
        self._stop_atr = stop_atr
        self._found: dict[int, tuple[Candles, list[SignalArrays]]] = {}

    @property
    def strategies(self) -> int:
        """How many there are."""
        return len(self._rules)

    def update(self, symbol: int, series: Candles) -> None:
        """Compute the wishes on a series that has grown."""
        found = [rule.signals(series, params, stop_atr=self._stop_atr) for rule, params in self._rules]
        self._found[symbol] = (series, found)

    def signals(self, moments: Moments) -> Records:
        """SIGNAL records of these moments, ordered by (time, symbol, strategy), `row` within the series."""
        parts = [
            self._part(symbol, strategy, moments)
            for symbol in sorted(self._found)
            for strategy in range(len(self._rules))
        ]
        records = np.concatenate([np.empty(0, SIGNAL), *parts])
        return records[np.argsort(records["ts_ms"], kind="stable")]

    def exits(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The exit bits (strategies, symbols) at these bars, one a symbol; without a bar there are none."""
        asked = np.zeros((len(self._rules), rows.size), np.uint8)
        for symbol, (_, found) in self._found.items():
            if rows[symbol] >= 0:
                asked[:, symbol] = [item.exits[rows[symbol]] for item in found]
        return asked

    def _part(self, symbol: int, strategy: int, moments: Moments) -> Records:
        series, all_found = self._found[symbol]
        found, rows = all_found[strategy], moments.rows[:, symbol]
        rows = rows[rows >= 0]
        if not rows.size:
            return np.empty(0, SIGNAL)
        first, stop = np.searchsorted(found.index, (rows[0], rows[-1] + 1))
        chosen = slice(int(first), int(stop))
        records = np.empty(int(stop - first), SIGNAL)
        fill_records(
            records,
            symbol,
            strategy,
            0,
            series.close_ms,
            found.index[chosen],
            found.side[chosen],
            found.max_bars[chosen],
            found.confidence[chosen],
            found.stop_distance[chosen],
            found.target_distance[chosen],
            found.trail_distance[chosen],
        )
        return records
