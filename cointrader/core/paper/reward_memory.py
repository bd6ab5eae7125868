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
        self._room = np.empty(0, TRADE) if past is None else past
        self._count = self._room.size

    def add(self, trades: Records) -> RewardColumns:
        """The rewards of trades that have just been closed, in their order."""
        if not trades.size:
            return reward_columns(trades, self._cost)
        places = self._put(trades)
        past = self._room[: self._count]
        # 20 closes before the earliest entry in question, and 20 before these closes, are all that counts.
        known = np.searchsorted(past["exit_ms"], trades["entry_ms"].min(), side="right")
        start = max(0, min(int(known), int(places.min())) - HISTORY)
        found = reward_columns(past[start:], self._cost, self._settings.streak_weight)
        at = places - start
        return replace(found, **{name: values[at] for name, values in vars(found).items()})

    def _put(self, trades: Records) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Add the trades to the past; returns their places in it."""
        first, stop = self._count, self._count + trades.size
        if stop > self._room.size:
            larger = np.empty(max(2 * stop, 64), TRADE)
            larger[:first] = self._room[:first]
            self._room = larger
        self._room[first:stop] = trades
        self._count = stop
        exits = self._room["exit_ms"][max(first - 1, 0) : stop]
        if bool(np.all(exits[1:] >= exits[:-1])):
            return np.arange(first, stop)
        # Bars of a longer timeframe bring exits that lie before what was learned of shorter ones.
        order = np.argsort(self._room["exit_ms"][:stop], kind="stable")
        self._room[:stop] = self._room[:stop][order]
        return np.argsort(order, kind="stable")[first:]
