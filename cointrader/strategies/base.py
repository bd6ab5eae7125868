"""What a strategy is: a pure function from candles to signals, over whole columns.

Everything at bar t may depend on the bars up to t and on nothing later; cutting the future off changes no bit
of it. A signal at the close of bar t is decided there and filled at the open of t + 1.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from storage.candles import Candles

FloatArray = NDArray[np.float64]

# Bits of `SignalArrays.exits`: what a strategy asks of its open positions at the close of a bar. The numbers
# are compiled into the @kernel that decides.
CLOSE_LONG, CLOSE_SHORT = 1, 2  # the leave rule
OPPOSITE_LONG, OPPOSITE_SHORT = 4, 8  # the cross to the other side


@dataclass(frozen=True)
class SignalArrays:
    """Signals of one strategy on one symbol, in order of time; `exits` has one entry a bar.

    `index` is the bar at whose close the signal stands, `side` +1 or -1, `confidence` 0..1. Distances are in
    price units from the entry, NaN where there is none; `max_bars` 0 means no time limit.
    """

    index: NDArray[np.int64]
    side: NDArray[np.int64]
    confidence: FloatArray
    stop_distance: FloatArray
    target_distance: FloatArray
    trail_distance: FloatArray
    max_bars: NDArray[np.int64]
    exits: NDArray[np.uint8]

    def __post_init__(self) -> None:
        lengths = {getattr(self, item.name).size for item in fields(self) if item.name != "exits"}
        if len(lengths) != 1:
            raise ValueError(f"signal columns of different lengths: {sorted(lengths)}")

    def __len__(self) -> int:
        return int(self.index.size)


class Strategy(Protocol):
    """A module's worth of rules: `name`, the dataclass of its parameters, and its signals."""

    name: str
    params: type[Any]

    def signals(self, candles: Candles, params: Any, *, stop_atr: float = 2.0) -> SignalArrays:
        """The signals of `candles`; the stop lies `stop_atr` average true ranges from the entry."""
        ...


def no_distance(count: int) -> FloatArray:
    """A column of NaN: no such exit."""
    return np.full(count, np.nan)
