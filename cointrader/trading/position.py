"""Records of an open position and of a closed trade, as compiled code keeps them.

The dtypes are the memory layout that the compiled fills work on; a batch of either is a NumPy structured
array whose columns have these names. Prices a position compares with (stop, target, best, low, high) are kept
*mirrored*: times +1 for a long and -1 for a short, so that one set of rules serves both sides exactly.
"""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Records = NDArray[Any]  # a structured array of one of the dtypes below

LONG, SHORT = 1, -1


class Phase(enum.IntEnum):
    """Where a slot stands: an accepted order that waits for its open, or a position."""

    ORDERED = 1
    OPEN = 2


class ExitReason(enum.IntEnum):
    """Why a position was closed; `label` is what is stored."""

    NONE = 0
    STOP = 1
    TARGET = 2
    TRAILING = 3
    TIME = 4
    OPPOSITE = 5
    STRATEGY = 6
    MANUAL = 7
    END_OF_DATA = 8

    @property
    def label(self) -> str:
        """The stored word, '' while open."""
        return "" if self is ExitReason.NONE else self.name.lower()


# One accepted order or open position. Distances are in price units, NaN where there is none.
SLOT = np.dtype(
    [
        ("signal", np.int64),
        ("entry_ms", np.int64),  # time of the signal while ordered, of the fill once open
        ("phase", np.int64),
        ("symbol", np.int64),
        ("strategy", np.int64),
        ("bars", np.int64),
        ("max_bars", np.int64),  # 0: no time exit
        ("exit_reason", np.int64),  # ordered at the last close, filled at the next open; 0: none
        ("side", np.float64),
        ("quantity", np.float64),
        ("notional", np.float64),
        ("equity", np.float64),  # at the signal
        ("entry_price", np.float64),
        ("entry_raw", np.float64),
        ("entry_cost", np.float64),  # fee of the entry
        ("stop_distance", np.float64),
        ("target_distance", np.float64),
        ("trail_distance", np.float64),
        ("stop", np.float64),
        ("target", np.float64),
        ("best", np.float64),
        ("low", np.float64),
        ("high", np.float64),
    ]
)

# One closed trade. Money in the quote currency; mae and mfe are returns on the entry price.
TRADE = np.dtype(
    [
        ("signal", np.int64),
        ("symbol", np.int64),
        ("strategy", np.int64),
        ("side", np.int64),
        ("entry_ms", np.int64),
        ("exit_ms", np.int64),
        ("bars", np.int64),
        ("exit_reason", np.int64),
        ("quantity", np.float64),
        ("entry_price", np.float64),
        ("entry_raw", np.float64),
        ("exit_price", np.float64),
        ("exit_raw", np.float64),
        ("stop", np.float64),
        ("target", np.float64),
        ("notional", np.float64),
        ("equity", np.float64),
        ("gross", np.float64),
        ("fees", np.float64),
        ("slippage", np.float64),
        ("net", np.float64),
        ("mae", np.float64),
        ("mfe", np.float64),
    ]
)
