"""The closes around each position, small enough to be kept beside it, so that it can be drawn anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cointrader.trading.position import ExitReason, Records
from storage.candles import Candles

MARGIN = 48  # bars shown before the entry and after the exit
MOST = 240  # points kept


class PositionPath(NamedTuple):
    """`closes` are little-endian float32, every `step_ms` from `first_ms`; the indexes point into them."""

    first_ms: int
    step_ms: int
    entry_index: int
    exit_index: int
    closes: bytes


def position_paths(candles: tuple[Candles, ...], trades: Records) -> Iterator[PositionPath]:
    """The path of each TRADE record; a long one keeps every second, third ... close.

    `entry_index` is the bar that was entered at its open, `exit_index` the bar of the exit.
    """
    small = [item.close.astype("<f4") for item in candles]
    at_end = int(ExitReason.END_OF_DATA)
    columns = (trades[name].tolist() for name in ("symbol", "entry_ms", "bars", "exit_reason"))
    for symbol, entry_ms, bars, reason in zip(*columns, strict=True):
        series, closes = candles[symbol], small[symbol]
        entry = int(np.searchsorted(series.close_ms, entry_ms, side="right"))
        leave = min(entry + bars - (1 if reason == at_end else 0), closes.size - 1)
        first, stop = max(0, entry - MARGIN), min(closes.size, leave + MARGIN + 1)
        stride = -(-(stop - first) // MOST)
        yield PositionPath(
            first_ms=int(series.close_ms[first]),
            step_ms=series.timeframe_ms * stride,
            entry_index=(entry - first) // stride,
            exit_index=(leave - first) // stride,
            closes=closes[first:stop:stride].tobytes(),
        )
