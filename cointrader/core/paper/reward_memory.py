"""The rewards of closes that come one by one, with the same history behind them as in one pass over all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cointrader.settings import RewardSettings
from cointrader.trading.position import TRADE, Records
from cointrader.trading.reward import HISTORY
from cointrader.trading.reward_columns import RewardColumns, reward_columns


class RewardMemory:
    """The closes of a run so far, ordered by their exit."""

    def __init__(self, settings: RewardSettings, round_trip_cost: float, past: Records | None = None) -> None:
        """`past` are the trades that were closed before, as TRADE records."""
        self._settings, self._cost = settings, round_trip_cost
        self._past = np.empty(0, TRADE) if past is None else past

    def add(self, trades: Records) -> RewardColumns:
        """The rewards of trades that have just been closed, in their order."""
        if not trades.size:
            return reward_columns(trades, self._cost)
        first = self._past.size
        joined = np.concatenate([self._past, trades])
        order = np.argsort(joined["exit_ms"], kind="stable")
        joined = joined[order]
        places = np.argsort(order, kind="stable")[first:]
        # 20 closes before the earliest entry in question, and 20 before these closes, are all that counts.
        known = np.searchsorted(joined["exit_ms"], trades["entry_ms"].min(), side="right")
        start = max(0, min(int(known), int(places.min())) - HISTORY)
        found = reward_columns(joined[start:], self._cost, self._settings.streak_weight)
        self._past = joined
        at = places - start
        return replace(found, **{name: values[at] for name, values in vars(found).items()})
