"""Two stretches of one series into one: what is kept already wins, what is new fills in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storage.candles import Candles


@dataclass(frozen=True, eq=False)
class Merge:
    """The merged series, how many bars were new, and how many contradict those that were there."""

    candles: Candles
    added: int
    conflicts: int


def merge_candles(kept: Candles, new: Candles) -> Merge:
    """Bars of `new` where `kept` has none; of bars in both those of `kept` stay.

    A stored bar has been traded on and trained on, so that another file cannot change it silently.
    Raises ValueError when the two are not of one symbol, timeframe and grid.
    """
    if (kept.symbol, kept.timeframe_ms) != (new.symbol, new.timeframe_ms):
        raise ValueError(f"{kept.symbol} and {new.symbol} are not one series")
    if len(kept) and len(new) and (int(new.close_ms[0]) - int(kept.close_ms[0])) % kept.timeframe_ms:
        raise ValueError("its bars close between those that are kept")
    places = np.searchsorted(kept.close_ms, new.close_ms)
    inside = np.minimum(places, max(len(kept) - 1, 0))
    is_known = kept.close_ms[inside] == new.close_ms if len(kept) else np.zeros(len(new), dtype=np.bool_)
    differs = np.zeros(int(np.count_nonzero(is_known)), dtype=np.bool_)
    for name, values in new.columns.items():
        differs |= values[is_known] != kept.columns[name][inside[is_known]]
    times = np.concatenate((kept.close_ms, new.close_ms[~is_known]))
    order = np.argsort(times, kind="stable")
    columns = {
        name: np.concatenate((values, new.columns[name][~is_known]))[order]
        for name, values in kept.columns.items()
    }
    merged = Candles(symbol=kept.symbol, timeframe_ms=kept.timeframe_ms, close_ms=times[order], **columns)
    return Merge(merged, int(np.count_nonzero(~is_known)), int(np.count_nonzero(differs)))
