"""Two stretches of one series into one: what is kept already wins, what is new fills in."""

from __future__ import annotations

from collections.abc import Iterator
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


def merge_pieces(kept: Iterator[Candles], new: Iterator[Candles]) -> Iterator[Merge]:
    """As `merge_candles`, of two series in pieces, each in order of time; only a piece of each is held."""
    old, fresh = next(kept, None), next(new, None)
    while old is not None and fresh is not None:
        end = min(int(old.close_ms[-1]), int(fresh.close_ms[-1]))
        old_part, old = _split(old, end)
        fresh_part, fresh = _split(fresh, end)
        yield merge_candles(old_part, fresh_part)
        old = next(kept, None) if old is None else old
        fresh = next(new, None) if fresh is None else fresh
    while old is not None:
        yield Merge(old, 0, 0)
        old = next(kept, None)
    while fresh is not None:
        yield Merge(fresh, len(fresh), 0)
        fresh = next(new, None)


def _split(candles: Candles, end_ms: int) -> tuple[Candles, Candles | None]:
    """The bars up to a time and those after it, None where there are none."""
    place = int(np.searchsorted(candles.close_ms, end_ms, side="right"))
    if place == len(candles):
        return candles, None
    return candles.cut(0, place), candles.cut(place, len(candles))
