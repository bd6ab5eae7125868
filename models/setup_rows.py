"""Setups, experiences and order books as columns: what the agents of the training system learn from.

A source that has them answers to `SetupSource`; an agent that needs none of them asks for less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.base import TrainingSource
from models.candle_series import FloatArray, IntArray

BUY, SELL, HOLD = 0, 1, 2


@dataclass(frozen=True)
class SetupRows:
    """Validated setups as columns, oldest first; `state` is (n, features), see `models.rl_state`.

    `side` is 1 where buying is scored and -1 where selling is; `buy_return` and `sell_return` are net of cost
    over the horizon; `extreme` is 1 at the highest and -1 at the lowest of the last closes.
    """

    id: IntArray
    ts_ms: IntArray
    ends_ms: IntArray
    symbol: tuple[str, ...]
    timeframe_ms: IntArray
    side: IntArray
    extreme: IntArray
    rapid: NDArray[np.bool_]
    buy_return: FloatArray
    sell_return: FloatArray
    score: FloatArray
    priority: FloatArray
    value: FloatArray
    state: NDArray[np.float32]


@dataclass(frozen=True)
class ExperienceRows:
    """Experiences as columns, oldest first; `setup` and `next_setup` are rows of `setups`.

    `next_setup` is -1 where the experience terminated or nothing follows; `from_close` marks those whose
    reward is that of a closed position.
    """

    id: IntArray
    ts_ms: IntArray
    ends_ms: IntArray
    setup: IntArray
    next_setup: IntArray
    action: IntArray
    reward: FloatArray
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    priority: FloatArray
    from_close: NDArray[np.bool_]
    setups: SetupRows


@dataclass(frozen=True)
class BookRows:
    """Snapshots of one order book, oldest first; the levels count from the best.

    `bids` and `asks` are (n, levels, 2): distance from the middle in bps (positive on both sides) and size in
    quote currency, NaN where a book is shorter. `flow` is (n, 2): what buyers and sellers took since the last
    snapshot, in quote currency, NaN where it was not recorded. `left_out` says of each recorded book that
    could not be used which one it was, and why.
    """

    symbol: str
    ts_ms: IntArray
    middle: FloatArray
    bids: NDArray[np.float32]
    asks: NDArray[np.float32]
    flow: NDArray[np.float32]
    left_out: tuple[str, ...] = ()


class SetupSource(TrainingSource, Protocol):
    """A source that has been collected from."""

    def setups(self, symbols: str) -> SetupRows:
        """Validated setups of the named symbols ("all" or a comma list)."""
        ...

    def experiences(self, symbols: str) -> ExperienceRows:
        """Experiences of the named symbols."""
        ...

    def books(self, symbols: str) -> Sequence[BookRows]:
        """Recorded order books of the named symbols."""
        ...
